#include "fuzz/raw_pdu.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace isthmus::fuzz {
namespace {

using testing_support::ByteVector;

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

ByteVector DigestOf(const ByteVector& first, const ByteVector& second) {
  ByteVector covered = first;
  covered.insert(covered.end(), second.begin(), second.end());
  const uint32_t crc = testing_support::ModelCrc32c(covered);
  ByteVector digest;
  for (int shift = 0; shift < 32; shift += 8) {
    digest.push_back(static_cast<std::byte>(crc >> shift));
  }
  return digest;
}

}  // namespace

uint32_t RawPdu::Word(size_t at) const {
  uint32_t word = 0;
  for (size_t i = 0; i < 4; ++i) word = word << 8 | Byte(at + i);
  return word;
}

void RawPdu::SetWord(size_t at, uint32_t value, Framing framing) {
  const bool agreed = framing.header_digest && HeaderDigestAgrees();
  for (size_t i = 0; i < 4; ++i) header[at + i] = static_cast<std::byte>(value >> (24 - 8 * i));
  if (agreed) MendHeaderDigest(framing);
}

bool RawPdu::HeaderDigestAgrees() const { return header_digest == DigestOf(header, ahs); }

void RawPdu::MendHeaderDigest(Framing framing) {
  if (framing.header_digest) header_digest = DigestOf(header, ahs);
}

void RawPdu::MendDataDigest(Framing framing) {
  if (framing.data_digest) data_digest = data.empty() ? ByteVector() : DigestOf(data, padding);
}

void RawPdu::MendLengths() {
  ahs.resize(std::min<size_t>(ahs.size(), 1020) / 4 * 4);
  header[4] = static_cast<std::byte>(ahs.size() / 4);
  for (int i = 0; i < 3; ++i) header[5 + i] = static_cast<std::byte>(data.size() >> (16 - 8 * i));
}

void RawPdu::MendPadding() { padding.resize(-data.size() & 3u); }

std::vector<RawPdu> SplitPdus(const uint8_t* stream, size_t size, Framing framing) {
  std::vector<RawPdu> pdus;
  Reader reader(stream, size);
  while (!reader.done()) {
    RawPdu pdu;
    pdu.header = reader.Take(48);
    if (pdu.HasHeader()) {
      pdu.ahs = reader.Take(size_t{pdu.Byte(4)} * 4);
      if (framing.header_digest) pdu.header_digest = reader.Take(4);
      const uint32_t length = pdu.Word(4) & 0xffffff;
      pdu.data = reader.Take(length);
      pdu.padding = reader.Take(-length & 3u);
      if (framing.data_digest && length > 0) pdu.data_digest = reader.Take(4);
    }
    pdus.push_back(std::move(pdu));
  }
  return pdus;
}

std::string Join(const RawPdu& pdu) {
  std::string bytes;
  for (const ByteVector* part :
       {&pdu.header, &pdu.ahs, &pdu.header_digest, &pdu.data, &pdu.padding, &pdu.data_digest}) {
    bytes.append(reinterpret_cast<const char*>(part->data()), part->size());
  }
  return bytes;
}

std::string JoinPdus(const std::vector<RawPdu>& pdus) {
  std::string bytes;
  for (const RawPdu& pdu : pdus) bytes += Join(pdu);
  return bytes;
}

}  // namespace isthmus::fuzz
