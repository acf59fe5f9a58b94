// A record of each PDU, for C.
#include "protocol/connection/trace.h"

#include <algorithm>
#include <cstddef>
#include <new>
#include <span>

#include "capi/face.h"
#include "capi/isthmus.h"

namespace capi = isthmus::capi;

// In the caller's memory: this, then the ring's records.
struct isthmus_trace {
  isthmus::PduTraceRing ring;
};

namespace {

constexpr size_t kHead = capi::Aligned(sizeof(isthmus_trace));
constexpr size_t kCommonRecord = 128;  // protocol/connection/trace.h

}  // namespace

namespace isthmus::capi {

PduTracer TracerOf(isthmus_trace* trace, uint32_t source) {
  return {trace == nullptr ? nullptr : &trace->ring, source};
}

}  // namespace isthmus::capi

extern "C" {

size_t isthmus_trace_size(size_t records) {
  return kHead + std::max(isthmus::PduTraceRing::kMinBytes, records * kCommonRecord);
}

int isthmus_trace_init(void* memory, size_t size, isthmus_trace** trace) {
  if (trace == nullptr || !capi::IsUsable(memory, size, isthmus_trace_size(1))) {
    return ISTHMUS_ERROR_CALL_ARGUMENT;
  }
  const std::span rest(static_cast<std::byte*>(memory) + kHead, size - kHead);
  *trace = ::new (memory) isthmus_trace{isthmus::PduTraceRing(rest)};
  return ISTHMUS_OK;
}

bool isthmus_trace_next(isthmus_trace* trace, isthmus_trace_record* record) {
  isthmus::PduTrace own;
  if (trace == nullptr || record == nullptr || !trace->ring.Next(&own)) return false;
  *record = {};
  record->number = own.number;
  record->stream_offset = own.stream_offset;
  record->at_ns = own.at.ns;
  record->source = own.source;
  record->data_segment_length = own.data_segment_length;
  record->sent = own.direction == isthmus::PduDirection::kSent;
  record->header_verdict = static_cast<uint8_t>(own.header_verdict);
  record->data_verdict = static_cast<uint8_t>(own.data_verdict);
  record->header_by_device = own.header_by_device;
  record->data_by_device = own.data_by_device;
  record->error = static_cast<uint16_t>(own.error);
  record->header_size = static_cast<uint32_t>(own.header.size());
  record->header = reinterpret_cast<const uint8_t*>(own.header.data());
  return true;
}

uint64_t isthmus_trace_lost(const isthmus_trace* trace) {
  return trace == nullptr ? 0 : trace->ring.lost();
}

}  // extern "C"
