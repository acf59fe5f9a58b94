#include "fuzz/pdu_mutator.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

#include "fuzz/entry_points.h"
#include "protocol/connection/testing/wire_model.h"

namespace isthmus::fuzz {
namespace {

using testing_support::ByteVector;

struct Framing {
  bool header_digest;
  bool data_digest;
};

// A PDU as it stands in the stream; the last one may be cut short anywhere.
struct RawPdu {
  ByteVector header, ahs, header_digest, data, padding, data_digest;
};

class Reader {
 public:
  Reader(const uint8_t* data, size_t size) : data_(data), left_(size) {}
  bool done() const { return left_ == 0; }
  ByteVector Take(size_t size) {
    size = std::min(size, left_);
    ByteVector bytes(size);
    if (size > 0) std::memcpy(bytes.data(), data_, size);
    data_ += size;
    left_ -= size;
    return bytes;
  }

 private:
  const uint8_t* data_;
  size_t left_;
};

uint32_t Length(const ByteVector& header) {
  uint32_t length = 0;
  for (size_t i = 5; i < 8; ++i) length = length << 8 | std::to_integer<uint32_t>(header[i]);
  return length;
}

std::vector<RawPdu> Split(const uint8_t* stream, size_t size, Framing framing) {
  std::vector<RawPdu> pdus;
  Reader reader(stream, size);
  while (!reader.done()) {
    RawPdu pdu;
    pdu.header = reader.Take(48);
    if (pdu.header.size() == 48) {
      pdu.ahs = reader.Take(std::to_integer<size_t>(pdu.header[4]) * 4);
      if (framing.header_digest) pdu.header_digest = reader.Take(4);
      const uint32_t length = Length(pdu.header);
      pdu.data = reader.Take(length);
      pdu.padding = reader.Take(-length & 3u);
      if (framing.data_digest && length > 0) pdu.data_digest = reader.Take(4);
    }
    pdus.push_back(std::move(pdu));
  }
  return pdus;
}

ByteVector DigestOf(const ByteVector& first, const ByteVector& second) {
  ByteVector covered = first;
  covered.insert(covered.end(), second.begin(), second.end());
  const uint32_t crc = testing_support::ModelCrc32c(covered);
  ByteVector digest;
  for (int shift = 0; shift < 32; shift += 8)
    digest.push_back(static_cast<std::byte>(crc >> shift));
  return digest;
}

bool Likely(std::mt19937& random) { return random() % 20 != 0; }

void Repair(RawPdu* pdu, Framing framing, std::mt19937& random) {
  if (pdu->header.size() < 48) return;
  if (Likely(random)) {
    pdu->ahs.resize(std::min<size_t>(pdu->ahs.size(), 1020) / 4 * 4);
    pdu->header[4] = static_cast<std::byte>(pdu->ahs.size() / 4);
    for (int i = 0; i < 3; ++i) {
      pdu->header[5 + i] = static_cast<std::byte>(pdu->data.size() >> (16 - 8 * i));
    }
  }
  if (Likely(random)) pdu->padding.resize(-pdu->data.size() & 3u);
  if (framing.header_digest && Likely(random)) {
    pdu->header_digest = DigestOf(pdu->header, pdu->ahs);
  }
  if (framing.data_digest && Likely(random)) {
    pdu->data_digest = pdu->data.empty() ? ByteVector() : DigestOf(pdu->data, pdu->padding);
  }
}

void MutateBytes(ByteVector* bytes, size_t max_growth) {
  const size_t size = bytes->size();
  bytes->resize(size + max_growth);
  if (bytes->empty()) return;
  bytes->resize(
      LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(bytes->data()), size, size + max_growth));
}

void MutateOne(std::vector<RawPdu>* pdus, std::mt19937& random) {
  if (pdus->empty()) pdus->push_back({ByteVector(48), {}, {}, {}, {}, {}});
  const size_t at = random() % pdus->size();
  RawPdu& pdu = (*pdus)[at];
  switch (random() % 8) {
    case 0:
    case 1:
      MutateBytes(&pdu.header, 0);
      pdu.header.resize(48);
      return;
    case 2:
    case 3:
      MutateBytes(&pdu.data, 64);
      return;
    case 4:
      MutateBytes(&pdu.ahs, 16);
      return;
    case 5:
      MutateBytes(&pdu.padding, 0);
      return;
    case 6:
      pdus->insert(pdus->begin() + static_cast<ptrdiff_t>(random() % (pdus->size() + 1)),
                   RawPdu(pdu));
      return;
    case 7:
      if (pdus->size() > 1) std::swap(pdu, (*pdus)[random() % pdus->size()]);
      if (random() % 2 == 0) pdus->erase(pdus->begin() + static_cast<ptrdiff_t>(at));
      return;
  }
}

size_t Join(const std::vector<RawPdu>& pdus, uint8_t* out, size_t max_size) {
  size_t size = 0;
  for (const RawPdu& pdu : pdus) {
    for (const ByteVector* part :
         {&pdu.header, &pdu.ahs, &pdu.header_digest, &pdu.data, &pdu.padding, &pdu.data_digest}) {
      const size_t piece = std::min(part->size(), max_size - size);
      if (piece > 0) std::memcpy(out + size, part->data(), piece);
      size += piece;
    }
  }
  return size;
}

}  // namespace

size_t MutatePdus(uint8_t* stream, size_t size, size_t max_size, uint32_t seed, bool header_digest,
                  bool data_digest) {
  std::mt19937 random(seed);
  if (random() % 16 == 0) return LLVMFuzzerMutate(stream, size, max_size);
  const Framing framing = {header_digest, data_digest};
  std::vector<RawPdu> pdus = Split(stream, size, framing);
  MutateOne(&pdus, random);
  for (RawPdu& pdu : pdus) Repair(&pdu, framing, random);
  return Join(pdus, stream, max_size);
}

size_t CrossOverPdus(const uint8_t* stream1, size_t size1, const uint8_t* stream2, size_t size2,
                     uint8_t* out, size_t max_size, uint32_t seed, bool header_digest,
                     bool data_digest) {
  std::mt19937 random(seed);
  const Framing framing = {header_digest, data_digest};
  std::vector<RawPdu> pdus = Split(stream1, size1, framing);
  pdus.resize(random() % (pdus.size() + 1));
  const std::vector<RawPdu> others = Split(stream2, size2, framing);
  pdus.insert(pdus.end(), others.begin() + static_cast<ptrdiff_t>(random() % (others.size() + 1)),
              others.end());
  return Join(pdus, out, max_size);
}

}  // namespace isthmus::fuzz
