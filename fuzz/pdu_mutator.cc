#include "fuzz/pdu_mutator.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/entry_points.h"

namespace isthmus::fuzz {
namespace {

using testing_support::ByteVector;

bool Likely(std::mt19937& random) { return random() % 20 != 0; }

void Repair(RawPdu* pdu, Framing framing, std::mt19937& random) {
  if (!pdu->HasHeader()) return;
  if (Likely(random)) pdu->MendLengths();
  if (Likely(random)) pdu->MendPadding();
  if (Likely(random)) pdu->MendHeaderDigest(framing);
  if (Likely(random)) pdu->MendDataDigest(framing);
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

size_t Give(const std::vector<RawPdu>& pdus, uint8_t* out, size_t max_size) {
  const std::string bytes = JoinPdus(pdus);
  const size_t size = std::min(bytes.size(), max_size);
  if (size > 0) std::memcpy(out, bytes.data(), size);
  return size;
}

}  // namespace

size_t MutatePdus(uint8_t* stream, size_t size, size_t max_size, uint32_t seed, Framing framing) {
  std::mt19937 random(seed);
  if (random() % 16 == 0) return LLVMFuzzerMutate(stream, size, max_size);
  std::vector<RawPdu> pdus = SplitPdus(stream, size, framing);
  MutateOne(&pdus, random);
  for (RawPdu& pdu : pdus) Repair(&pdu, framing, random);
  return Give(pdus, stream, max_size);
}

size_t CrossOverPdus(const uint8_t* stream1, size_t size1, const uint8_t* stream2, size_t size2,
                     uint8_t* out, size_t max_size, uint32_t seed, Framing framing) {
  std::mt19937 random(seed);
  std::vector<RawPdu> pdus = SplitPdus(stream1, size1, framing);
  pdus.resize(random() % (pdus.size() + 1));
  const std::vector<RawPdu> others = SplitPdus(stream2, size2, framing);
  pdus.insert(pdus.end(), others.begin() + static_cast<ptrdiff_t>(random() % (others.size() + 1)),
              others.end());
  return Give(pdus, out, max_size);
}

}  // namespace isthmus::fuzz
