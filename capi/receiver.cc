// The receiver on its own, for C. RFC 7143 sections 11.1, 11.2, 7.7, 7.8.
#include "protocol/connection/receiver.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <string_view>

#include "capi/face.h"
#include "capi/isthmus.h"
#include "protocol/wire/dump.h"

namespace capi = isthmus::capi;

struct isthmus_receiver {
  isthmus::Receiver receiver;
  // Of the data segment whose sink is awaited; 0: none is.
  uint32_t awaited = 0;
};

namespace {

bool IsRole(int role) { return role == ISTHMUS_TARGET || role == ISTHMUS_INITIATOR; }

}  // namespace

extern "C" {

void isthmus_receiver_options_init(isthmus_receiver_options* options, size_t size) {
  isthmus_receiver_options defaults = {};
  defaults.role = ISTHMUS_TARGET;
  defaults.MaxRecvDataSegmentLength = isthmus::Receiver::Options{}.MaxRecvDataSegmentLength;
  capi::Init(options, size, defaults);
}

size_t isthmus_receiver_size(const isthmus_receiver_options* options) {
  isthmus_receiver_options storage;
  const auto* const in = capi::Read(options, &storage, isthmus_receiver_options_init);
  return in != nullptr && IsRole(in->role) ? sizeof(isthmus_receiver) : 0;
}

int isthmus_receiver_init(void* memory, size_t size, const isthmus_receiver_options* options,
                          isthmus_receiver** receiver) {
  if (options == nullptr || receiver == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  isthmus_receiver_options storage;
  const auto* const in = capi::Read(options, &storage, isthmus_receiver_options_init);
  if (in == nullptr) return ISTHMUS_ERROR_CALL_SIZE;
  if (!IsRole(in->role) || !capi::IsUsable(memory, size, sizeof(isthmus_receiver))) {
    return ISTHMUS_ERROR_CALL_ARGUMENT;
  }
  isthmus::Receiver::Options own;
  own.kernel = capi::KernelOrSelected(in->kernel);
  own.role = in->role == ISTHMUS_TARGET ? isthmus::Role::kTarget : isthmus::Role::kInitiator;
  own.MaxRecvDataSegmentLength = in->MaxRecvDataSegmentLength;
  own.audit_one_in = in->audit_one_in;
  own.tracer = capi::TracerOf(in->trace, in->trace_source);
  *receiver = ::new (memory) isthmus_receiver{isthmus::Receiver(own), 0};
  return ISTHMUS_OK;
}

void isthmus_receiver_destroy(isthmus_receiver* receiver) {
  if (receiver != nullptr) receiver->~isthmus_receiver();
}

bool isthmus_receiver_push(isthmus_receiver* receiver, const isthmus_rx_segment* segment) {
  isthmus::RxSegment own;
  return receiver != nullptr && capi::FromSegment(segment, &own) && receiver->receiver.Push(own);
}

bool isthmus_receiver_next(isthmus_receiver* receiver, isthmus_rx_item* item) {
  if (receiver == nullptr || item == nullptr) return false;
  isthmus::RxItem own;
  if (!receiver->receiver.Next(&own)) return false;
  *item = {};
  item->kind = static_cast<uint8_t>(own.kind);
  item->data_verdict = static_cast<uint8_t>(own.data_verdict);
  item->data_segment_length = own.data_segment_length;
  item->lease = own.lease.id;
  if (own.header != nullptr) item->header = reinterpret_cast<const uint8_t*>(own.header);
  item->ahs_size = static_cast<uint32_t>(own.ahs.size());
  item->ahs = reinterpret_cast<const uint8_t*>(own.ahs.data());
  item->data = reinterpret_cast<const uint8_t*>(own.data.data());
  item->stream_offset = own.stream_offset;
  item->error = capi::FromError(own.error);
  receiver->awaited =
      own.kind == isthmus::RxItemKind::kHeader ? own.data_segment_length : receiver->awaited;
  return true;
}

void isthmus_receiver_resolve(isthmus_receiver* receiver, uint32_t ticket,
                              const isthmus_evidence* header_evidence,
                              const isthmus_evidence* data_evidence) {
  if (receiver == nullptr || header_evidence == nullptr || data_evidence == nullptr) return;
  receiver->receiver.Resolve(ticket, capi::FromEvidence(*header_evidence),
                             capi::FromEvidence(*data_evidence));
}

int isthmus_receiver_set_sink(isthmus_receiver* receiver, void* sink, size_t size) {
  if (receiver == nullptr || sink == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  if (receiver->awaited == 0) return ISTHMUS_ERROR_CALL_OUT_OF_STATE;
  if (size < receiver->awaited) return ISTHMUS_ERROR_CALL_LENGTH;
  receiver->receiver.SetSink({static_cast<std::byte*>(sink), receiver->awaited});
  receiver->awaited = 0;
  return ISTHMUS_OK;
}

int isthmus_receiver_set_scratch(isthmus_receiver* receiver) {
  if (receiver == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  if (receiver->awaited == 0) return ISTHMUS_ERROR_CALL_OUT_OF_STATE;
  receiver->receiver.SetScratch();
  receiver->awaited = 0;
  return ISTHMUS_OK;
}

void isthmus_receiver_set_digests(isthmus_receiver* receiver, bool header_digest,
                                  bool data_digest) {
  if (receiver != nullptr) receiver->receiver.SetDigests(header_digest, data_digest);
}

void isthmus_receiver_set_max_recv_data_segment_length(isthmus_receiver* receiver,
                                                       uint32_t bytes) {
  if (receiver != nullptr) receiver->receiver.SetMaxRecvDataSegmentLength(bytes);
}

size_t isthmus_pdu_dump(const void* header, char* out, size_t size) {
  if (header == nullptr || out == nullptr || size == 0) return 0;
  isthmus::wire::Bhs own;
  std::memcpy(&own, header, sizeof own);
  const std::string_view line = isthmus::wire::Dump(own, {out, size - 1});
  out[line.size()] = '\0';
  return line.size();
}

}  // extern "C"
