// Changes a stream of iSCSI PDUs so that most of it still parses: at PDU boundaries, with lengths,
// padding and digests repaired afterwards, mostly. RFC 7143 section 11.2.
//
// Works on its own framing and its own CRC32C (raw_pdu.h), not on those that are fuzzed.
//
//   size = fuzz::MutatePdus(stream, size, max_size, seed, framing);
#ifndef ISTHMUS_FUZZ_PDU_MUTATOR_H_
#define ISTHMUS_FUZZ_PDU_MUTATOR_H_

#include <cstddef>
#include <cstdint>

#include "fuzz/raw_pdu.h"

namespace isthmus::fuzz {

// Mutates one PDU of stream[0, size), or drops, doubles or moves one; returns the new size, at most
// max_size. Each of lengths, padding, header digest and data digest is then put right with
// probability 0.95, and else left as it came out.
size_t MutatePdus(uint8_t* stream, size_t size, size_t max_size, uint32_t seed, Framing framing);

// Some PDUs of one stream followed by some of the other.
size_t CrossOverPdus(const uint8_t* stream1, size_t size1, const uint8_t* stream2, size_t size2,
                     uint8_t* out, size_t max_size, uint32_t seed, Framing framing);

}  // namespace isthmus::fuzz

#endif  // ISTHMUS_FUZZ_PDU_MUTATOR_H_
