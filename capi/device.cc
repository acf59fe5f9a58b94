// What a digest device and its driver need of a connection, for C. RFC 7143 section 11.2.3; docs/offload.md.
#include <cstddef>
#include <cstdint>
#include <span>

#include "capi/entries.h"
#include "capi/face.h"
#include "capi/isthmus.h"
#include "protocol/connection/offload_channel.h"
#include "protocol/connection/offload_sizing.h"
#include "protocol/connection/receiver.h"
#include "protocol/connection/sender.h"

namespace isthmus::capi {
namespace {

class InsertedList final : public InsertedDigests {
 public:
  explicit InsertedList(std::span<const isthmus_inserted_digests> list) : list_(list) {}
  bool Find(uint64_t stream_offset, Digests* digests) const override {
    for (const isthmus_inserted_digests& one : list_) {
      if (one.stream_offset != stream_offset) continue;
      *digests = {one.header_digest, one.data_digest};
      return true;
    }
    return false;
  }

 private:
  std::span<const isthmus_inserted_digests> list_;
};

struct Sizing {
  PathShape path;
  PduShape pdu;
  SizingLimits limits;
};

bool ReadSizing(const isthmus_sizing* sizing, Sizing* out) {
  isthmus_sizing storage;
  const auto* const in = Read(sizing, &storage, isthmus_sizing_init);
  if (in == nullptr) return false;
  out->path = {.mtu = in->mtu,
               .ipv6 = in->ipv6,
               .ip_option_bytes = in->ip_option_bytes,
               .tcp_option_bytes = in->tcp_option_bytes,
               .tunnel_bytes = in->tunnel_bytes};
  out->pdu = {.header_digest = in->header_digest,
              .data_digest = in->data_digest,
              .ahs_bytes = in->ahs_bytes};
  out->limits = {.needs_alignment = in->needs_alignment,
                 .segments_pdus = in->segments_pdus,
                 .max_pdu_bytes = in->max_pdu_bytes};
  return true;
}

}  // namespace

int SetOffload(OffloadChannel channel, const isthmus_offload* offload) {
  if (offload == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  isthmus_offload storage;
  const auto* const in = Read(offload, &storage, isthmus_offload_init);
  if (in == nullptr) return ISTHMUS_ERROR_CALL_SIZE;
  const bool inserts = in->inserts_header_digest || in->inserts_data_digest;
  const bool fills = in->fills_header_digest || in->fills_data_digest;
  if ((inserts && fills) || (in->segments_up_to > 0 && !inserts)) {
    return ISTHMUS_ERROR_CALL_ARGUMENT;
  }
  if (!channel) return ISTHMUS_ERROR_CALL_OUT_OF_STATE;
  channel.receiver->SetDeviceEpoch(in->epoch);
  channel.receiver->SetAudit(in->audit_one_in);
  if (fills) {
    channel.sender->SetAcceleratorFills(in->fills_header_digest, in->fills_data_digest);
  } else {
    channel.sender->SetDeviceInserts(in->inserts_header_digest, in->inserts_data_digest);
  }
  channel.sender->SetDeviceSegments(in->segments_up_to);
  channel.sender->SetAlignedDataSegmentLength(in->aligned_data_segment_length);
  channel.sender->SetLeaseVerification(in->verify_leases_one_in);
  return ISTHMUS_OK;
}

static_assert(static_cast<int>(PduStart::kYes) == ISTHMUS_PDU_START_YES);
static_assert(static_cast<int>(PduStart::kNo) == ISTHMUS_PDU_START_NO);
static_assert(static_cast<int>(PduStart::kNotYet) == ISTHMUS_PDU_START_NOT_YET);

uint32_t PduStartsAt(OffloadChannel channel, uint64_t stream_offset) {
  return channel ? static_cast<uint32_t>(channel.receiver->PduStartsAt(stream_offset))
                 : uint32_t{ISTHMUS_PDU_START_NO};
}

int Materialize(OffloadChannel channel, const isthmus_inserted_digests* inserted, size_t count) {
  if (inserted == nullptr && count > 0) return ISTHMUS_ERROR_CALL_ARGUMENT;
  if (!channel) return ISTHMUS_OK;
  const InsertedList list({inserted, count});
  return channel.sender->Materialize(&list) ? ISTHMUS_OK : ISTHMUS_ERROR_CALL_OUT_OF_STATE;
}

}  // namespace isthmus::capi

extern "C" {

void isthmus_offload_init(isthmus_offload* offload, size_t size) {
  isthmus::capi::Init(offload, size, isthmus_offload{});
}

void isthmus_sizing_init(isthmus_sizing* sizing, size_t size) {
  isthmus_sizing defaults = {};
  defaults.mtu = isthmus::PathShape{}.mtu;
  isthmus::capi::Init(sizing, size, defaults);
}

uint32_t isthmus_segment_bytes(const isthmus_sizing* sizing) {
  isthmus::capi::Sizing own;
  return isthmus::capi::ReadSizing(sizing, &own) ? isthmus::SegmentBytes(own.path) : 0;
}

uint32_t isthmus_data_segment_length_to_declare(const isthmus_sizing* sizing, uint32_t wanted) {
  isthmus::capi::Sizing own;
  if (!isthmus::capi::ReadSizing(sizing, &own)) return wanted;
  return isthmus::MaxRecvDataSegmentLengthToDeclare(wanted, isthmus::SegmentBytes(own.path),
                                                    own.pdu, own.limits);
}

uint32_t isthmus_data_segment_length_to_send(const isthmus_sizing* sizing,
                                             uint32_t peer_MaxRecvDataSegmentLength) {
  isthmus::capi::Sizing own;
  if (!isthmus::capi::ReadSizing(sizing, &own)) return peer_MaxRecvDataSegmentLength;
  return isthmus::DataSegmentLengthToSend(peer_MaxRecvDataSegmentLength,
                                          isthmus::SegmentBytes(own.path), own.pdu, own.limits);
}

}  // extern "C"
