#include "transport/software_nic/pdu_walk.h"

#include <algorithm>

#include "digest/value.h"
#include "transport/software_nic/shared.h"

namespace isthmus::transport {

PduShape ShapeOf(std::span<const std::byte> header, uint32_t digests) {
  const auto byte = [&](size_t at) { return std::to_integer<size_t>(header[at]); };
  PduShape shape;
  shape.size = kPduHeaderSize + byte(4) * 4;  // TotalAHSLength, in words
  if ((digests & kHeaderDigestBit) != 0) {
    shape.header_digest = shape.size;
    shape.size += digest::kDigestSize;
  }
  shape.data = shape.size;
  shape.data_size = byte(5) << 16 | byte(6) << 8 | byte(7);  // DataSegmentLength
  shape.padding = -shape.data_size & 3;
  shape.size += shape.data_size + shape.padding;
  if ((digests & kDataDigestBit) != 0 && shape.data_size > 0) {
    shape.data_digest = shape.size;
    shape.size += digest::kDigestSize;
  }
  return shape;
}

bool DigestsAgree(std::span<const std::byte> pdu, const PduShape& shape,
                  const digest::Kernel& kernel) {
  const auto agrees = [&](size_t from, size_t at) {
    return kernel.extend(digest::Crc32c{}, pdu.data() + from, at - from) ==
           digest::LoadDigest(pdu.data() + at);
  };
  return (shape.header_digest == 0 || agrees(0, shape.header_digest)) &&
         (shape.data_digest == 0 || agrees(shape.data, shape.data_digest));
}

FrameKind PduWalk::Feed(uint64_t stream_offset, std::span<const std::byte> payload,
                        uint64_t digests_from, uint32_t digests) {
  const uint64_t end = stream_offset + payload.size();
  if (stream_offset != next_) {
    if (end > next_) {
      lost_ = true;
      next_ = end;
    }
    return FrameKind::kOutOfOrder;
  }
  next_ = end;
  if (lost_) return FrameKind::kPartOfOnePdu;
  const bool starts_pdu = boundary_ == stream_offset && header_got_ == 0;
  size_t ended = 0;
  for (uint64_t at = stream_offset; at < end;) {
    if (at < boundary_) {
      at = std::min(boundary_, end);
      ended += at == boundary_;
      continue;
    }
    const size_t part = std::min<size_t>(kPduHeaderSize - header_got_, end - at);
    std::copy_n(payload.begin() + static_cast<ptrdiff_t>(at - stream_offset), part,
                header_.begin() + static_cast<ptrdiff_t>(header_got_));
    const uint64_t start = at - header_got_;
    header_got_ += part;
    at += part;
    boundary_ = at;  // while the header is not whole: nothing lies ahead of it
    if (header_got_ < kPduHeaderSize) break;
    header_got_ = 0;
    boundary_ = start + ShapeOf(header_, start >= digests_from ? digests : 0).size;
    ended += boundary_ == at;
  }
  if (starts_pdu && ended == 1 && boundary_ == end && header_got_ == 0)
    return FrameKind::kExactlyOnePdu;
  if (ended > 1 || (ended == 1 && boundary_ != end) || (ended == 1 && header_got_ > 0))
    return FrameKind::kSeveralPdus;
  return FrameKind::kPartOfOnePdu;
}

void PduWalk::Resync(uint64_t stream_offset) {
  lost_ = false;
  header_got_ = 0;
  next_ = boundary_ = stream_offset;
}

}  // namespace isthmus::transport
