// Puts received pieces into stream order, each with what a device said of it: the part of a host's TCP that verdicts must
// survive. The first copy of a byte stays, as in TCP stacks; of a piece of which only a part is new, nothing is believed,
// since the digest was checked over bytes that were not kept.
//
//   reassembly.Add(segment);                        // copies
//   while (reassembly.Next(limit, &segment)) …      // in order; valid until the next call
#ifndef ISTHMUS_TRANSPORT_OFFLOAD_REASSEMBLY_H_
#define ISTHMUS_TRANSPORT_OFFLOAD_REASSEMBLY_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "protocol/connection/segment.h"

namespace isthmus::transport {

class Reassembly {
 public:
  explicit Reassembly(uint64_t stream_offset = 0) : next_(stream_offset) {}

  void Add(const RxSegment& segment);

  // `merge`: joins up to so many pieces that follow each other, as GRO does; the weaker statement holds for all.
  bool Next(uint32_t merge, RxSegment* segment);

  // Gives the pieces behind gaps too, for who passes all on and forgets.
  bool TakeAny(RxSegment* segment);

  uint64_t next_offset() const { return next_; }  // of what Next() has not given yet
  bool HasGap() const { return !pieces_.empty() && pieces_.begin()->first != next_; }

 private:
  struct Piece {
    RxSegment segment;  // bytes: not used
    std::vector<std::byte> bytes;
    uint64_t size() const { return segment.placed + bytes.size() + segment.stripped; }
  };
  static bool IsPlain(const Piece& piece) {
    return piece.segment.placed == 0 && piece.segment.stripped == 0;
  }
  void AddPart(const RxSegment& segment, uint64_t begin, uint64_t end, bool whole);

  uint64_t next_;
  std::map<uint64_t, Piece> pieces_;  // do not overlap
  Piece current_;
};

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_OFFLOAD_REASSEMBLY_H_
