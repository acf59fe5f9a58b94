// What a device can do, as far as it decides what is offered at login. RFC 7143 sections 13.1 (HeaderDigest, DataDigest), 13.12
// (MaxRecvDataSegmentLength); RFC 5047 and 7145 for data movers, whose link protects the data itself.
//
//   ClampOffer(device.capabilities(), SegmentBytes(path), &offer);     // before the login, on either side
//   const uint32_t now = DataSegmentLengthToSend(peer, SegmentBytes(path), shape, can.sizing);   // offload_sizing.h
#ifndef ISTHMUS_TRANSPORT_OFFLOAD_CLAMP_H_
#define ISTHMUS_TRANSPORT_OFFLOAD_CLAMP_H_

#include <cstdint>

#include "protocol/connection/offload_sizing.h"
#include "protocol/text/negotiation.h"
#include "protocol/text/parameters.h"
#include "transport/offload/device.h"

namespace isthmus::transport {

// `segment_bytes`: payload of a full TCP segment on this connection; 0: not known, sizes stay as they are. Digests are never
// added: what a user refuses stays refused.
inline void ClampOffer(const OffloadCapabilities& can, uint32_t segment_bytes, text::Offer* offer) {
  if (can.protects_data) {
    offer->HeaderDigest = {text::DigestAlgorithm::kNone};
    offer->DataDigest = {text::DigestAlgorithm::kNone};
    return;
  }
  SizingLimits limits = can.sizing;
  limits.needs_alignment = limits.needs_alignment && segment_bytes > 0;
  const auto may_have = [](const text::Preferences<text::DigestAlgorithm>& digests) {
    return digests.Contains(text::DigestAlgorithm::kCRC32C);
  };
  const PduShape shape = {may_have(offer->HeaderDigest), may_have(offer->DataDigest)};
  if (!shape.header_digest && !shape.data_digest) return;  // nothing to be checked
  offer->MaxRecvDataSegmentLength = MaxRecvDataSegmentLengthToDeclare(
      offer->MaxRecvDataSegmentLength, segment_bytes, shape, limits);
}

}  // namespace isthmus::transport

#endif  // ISTHMUS_TRANSPORT_OFFLOAD_CLAMP_H_
