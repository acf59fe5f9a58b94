// The entries of isthmus.h that are the same for every object, once: the transport's side of connections and sessions, and
// the device's side of sessions. Private to capi/. The clauses stand in isthmus.h.
//
// Owns nothing. A file that has handles says what is in them and what an event becomes, then has the entries:
//
//   target::Session* EngineOf(isthmus_target_session* session);          // nullptr: the handle is null, or empty
//   void FromEvent(const target::Event& from, isthmus_target_event* to);
//   constexpr Role kRole = Role::kTarget;
//   extern "C" {
//   ISTHMUS_CONNECTION_ENTRIES(target)
//   ISTHMUS_SESSION_ENTRIES(target)
//   }
#ifndef ISTHMUS_CAPI_ENTRIES_H_
#define ISTHMUS_CAPI_ENTRIES_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <type_traits>

#include "capi/face.h"
#include "capi/isthmus.h"
#include "protocol/connection/offload_channel.h"
#include "protocol/connection/segment.h"
#include "protocol/error.h"
#include "protocol/time.h"

namespace isthmus::capi {

// ---- The transport's side. `id` is nothing for a connection that is driven alone.

template <class Engine, class... Id>
bool Receive(Engine* engine, const isthmus_rx_segment* segment, int64_t now_ns, Id... id) {
  RxSegment own;
  return engine != nullptr && FromSegment(segment, &own) &&
         engine->Receive(id..., own, Instant{now_ns});
}

template <class Own, class Engine, class Event>
bool Next(Engine* engine, Event* event, void (*from_event)(const Own&, Event*)) {
  Own own;
  if (engine == nullptr || event == nullptr || !engine->Next(&own)) return false;
  from_event(own, event);
  return true;
}

inline constexpr size_t kSlicesAtOnce = 64;
inline constexpr size_t kWantsAtOnce = 8;

// Room for what an engine writes before anyone reads it: not initialised, for that would cost more than what is written.
template <class T, size_t kCount>
class Room {
 public:
  std::span<T> first(size_t count) {
    return {std::launder(reinterpret_cast<T*>(bytes_.data())), std::min(count, kCount)};
  }

 private:
  static_assert(std::is_trivially_copyable_v<T>);
  alignas(T) std::array<std::byte, kCount * sizeof(T)> bytes_;
};

template <class Engine, class... Id>
size_t WantRx(Engine* engine, isthmus_rx_want* out, size_t count, Id... id) {
  if (engine == nullptr || out == nullptr) return 0;
  Room<RxWant, kWantsAtOnce> room;
  const std::span<RxWant> wants = room.first(count);
  const size_t n = engine->WantRx(id..., wants);
  for (size_t i = 0; i < n; ++i) {
    out[i] = {wants[i].sink.data(), wants[i].sink.size(), wants[i].is_data, {}};
  }
  return n;
}

template <class Engine, class... Id>
size_t PollTransmit(Engine* engine, isthmus_tx_slice* out, size_t count, int64_t now_ns, Id... id) {
  if (engine == nullptr || out == nullptr) return 0;
  Room<TxSlice, kSlicesAtOnce> room;
  const std::span<TxSlice> slices = room.first(count);
  const size_t n = engine->PollTransmit(id..., slices, Instant{now_ns});
  for (size_t i = 0; i < n; ++i) {
    const TxSlice& slice = slices[i];
    out[i] = {slice.data,          slice.pdu.value,
              slice.size,          static_cast<uint32_t>(slice.flags),
              slice.segment_bytes, 0};
  }
  return n;
}

// ---- The device's side.

// Bytes taken, from the front: each run under its verdict, the rest under the segment's own.
template <class Session>
size_t ReceiveSpans(Session* session, ConnectionId id, const isthmus_rx_segment* segment,
                    const isthmus_verdict_span* spans, size_t count, int64_t now_ns) {
  RxSegment whole;
  if (session == nullptr || !FromSegment(segment, &whole) || (spans == nullptr && count > 0))
    return 0;
  size_t taken = 0;
  for (size_t i = 0; taken < whole.bytes.size(); ++i) {
    RxSegment part = whole;
    const size_t left = whole.bytes.size() - taken;
    const size_t size = i < count ? std::min(spans[i].bytes, left) : left;
    if (size == 0) continue;
    if (i < count) {
      part.header = FromEvidence(spans[i].header_evidence);
      part.data = FromEvidence(spans[i].data_evidence);
      part.pdu_offset = spans[i].pdu_offset;
    }
    part.stream_offset = whole.stream_offset + taken + (taken > 0 ? whole.placed : 0);
    part.bytes = whole.bytes.subspan(taken, size);
    if (taken > 0) part.placed = part.coalesced = 0;
    if (size < left) {
      part.stripped = 0;
      part.lease = {};
    }
    if (!session->Receive(id, part, Instant{now_ns})) break;
    taken += size;
  }
  return taken;
}

int SetOffload(OffloadChannel channel, const isthmus_offload* offload);
uint32_t PduStartsAt(OffloadChannel channel, uint64_t stream_offset);
int Materialize(OffloadChannel channel, const isthmus_inserted_digests* inserted, size_t count);

template <class Session>
OffloadChannel ChannelOf(Session* session, isthmus_connection_id id) {
  return session == nullptr ? OffloadChannel{} : session->offload(FromId(id));
}

}  // namespace isthmus::capi

// Of a connection that is driven alone; `side`: target or initiator.
#define ISTHMUS_CONNECTION_ENTRIES(side)                                                        \
  bool isthmus_##side##_connection_receive(isthmus_##side##_connection* connection,             \
                                           const isthmus_rx_segment* segment, int64_t now_ns) { \
    return isthmus::capi::Receive(EngineOf(connection), segment, now_ns);                       \
  }                                                                                             \
  bool isthmus_##side##_connection_next(isthmus_##side##_connection* connection,                \
                                        isthmus_##side##_event* event) {                        \
    return isthmus::capi::Next<isthmus::side::Event>(EngineOf(connection), event, FromEvent);   \
  }                                                                                             \
  size_t isthmus_##side##_connection_want_rx(isthmus_##side##_connection* connection,           \
                                             isthmus_rx_want* wants, size_t count) {            \
    return isthmus::capi::WantRx(EngineOf(connection), wants, count);                           \
  }                                                                                             \
  size_t isthmus_##side##_connection_unconsumed_rx(                                             \
      const isthmus_##side##_connection* connection) {                                          \
    const auto* const engine = EngineOf(connection);                                            \
    return engine == nullptr ? 0 : engine->UnconsumedRx();                                      \
  }                                                                                             \
  size_t isthmus_##side##_connection_poll_transmit(isthmus_##side##_connection* connection,     \
                                                   isthmus_tx_slice* slices, size_t count,      \
                                                   int64_t now_ns) {                            \
    return isthmus::capi::PollTransmit(EngineOf(connection), slices, count, now_ns);            \
  }                                                                                             \
  void isthmus_##side##_connection_on_sent(isthmus_##side##_connection* connection,             \
                                           size_t bytes) {                                      \
    if (auto* const engine = EngineOf(connection)) engine->OnSent(bytes);                       \
  }                                                                                             \
  void isthmus_##side##_connection_on_transport_done(isthmus_##side##_connection* connection,   \
                                                     uint64_t stream_offset) {                  \
    if (auto* const engine = EngineOf(connection)) engine->OnTransportDone(stream_offset);      \
  }                                                                                             \
  void isthmus_##side##_connection_on_transport_closed(isthmus_##side##_connection* connection, \
                                                       int reason) {                            \
    if (auto* const engine = EngineOf(connection)) {                                            \
      engine->OnTransportClosed(isthmus::capi::Reason(reason, kRole));                          \
    }                                                                                           \
  }                                                                                             \
  isthmus_deadline isthmus_##side##_connection_poll_timeout(                                    \
      const isthmus_##side##_connection* connection) {                                          \
    const auto* const engine = EngineOf(connection);                                            \
    return isthmus::capi::FromDeadline(engine == nullptr ? isthmus::Deadline{}                  \
                                                         : engine->PollTimeout());              \
  }                                                                                             \
  void isthmus_##side##_connection_handle_timeout(isthmus_##side##_connection* connection,      \
                                                  int64_t now_ns) {                             \
    if (auto* const engine = EngineOf(connection)) {                                            \
      engine->HandleTimeout(isthmus::Instant{now_ns});                                          \
    }                                                                                           \
  }                                                                                             \
  int isthmus_##side##_connection_parameters(const isthmus_##side##_connection* connection,     \
                                             isthmus_parameters* parameters, size_t size) {     \
    if (connection == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;                              \
    const auto* const engine = EngineOf(connection);                                            \
    if (engine == nullptr) return ISTHMUS_ERROR_CALL_OUT_OF_STATE;                              \
    return isthmus::capi::Fill(parameters, size,                                                \
                               isthmus::capi::FromParameters(engine->parameters()));            \
  }                                                                                             \
  int isthmus_##side##_connection_counters(const isthmus_##side##_connection* connection,       \
                                           isthmus_counters* counters, size_t size) {           \
    if (connection == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;                              \
    const auto* const engine = EngineOf(connection);                                            \
    if (engine == nullptr) return ISTHMUS_ERROR_CALL_OUT_OF_STATE;                              \
    isthmus_counters own = {};                                                                  \
    isthmus::capi::AddRx(engine->rx_counters(), &own);                                          \
    isthmus::capi::AddTx(engine->tx_counters(), &own);                                          \
    return isthmus::capi::Fill(counters, size, own);                                            \
  }

// Of a session, by the id of its connection.
#define ISTHMUS_SESSION_ENTRIES(side)                                                             \
  bool isthmus_##side##_session_receive(isthmus_##side##_session* session,                        \
                                        isthmus_connection_id id,                                 \
                                        const isthmus_rx_segment* segment, int64_t now_ns) {      \
    return isthmus::capi::Receive(EngineOf(session), segment, now_ns, isthmus::capi::FromId(id)); \
  }                                                                                               \
  bool isthmus_##side##_session_next(isthmus_##side##_session* session,                           \
                                     isthmus_##side##_event* event) {                             \
    return isthmus::capi::Next<isthmus::side::Event>(EngineOf(session), event, FromEvent);        \
  }                                                                                               \
  size_t isthmus_##side##_session_want_rx(isthmus_##side##_session* session,                      \
                                          isthmus_connection_id id, isthmus_rx_want* wants,       \
                                          size_t count) {                                         \
    return isthmus::capi::WantRx(EngineOf(session), wants, count, isthmus::capi::FromId(id));     \
  }                                                                                               \
  size_t isthmus_##side##_session_unconsumed_rx(const isthmus_##side##_session* session,          \
                                                isthmus_connection_id id) {                       \
    const auto* const engine = EngineOf(session);                                                 \
    return engine == nullptr ? 0 : engine->UnconsumedRx(isthmus::capi::FromId(id));               \
  }                                                                                               \
  size_t isthmus_##side##_session_poll_transmit(                                                  \
      isthmus_##side##_session* session, isthmus_connection_id id, isthmus_tx_slice* slices,      \
      size_t count, int64_t now_ns) {                                                             \
    return isthmus::capi::PollTransmit(EngineOf(session), slices, count, now_ns,                  \
                                       isthmus::capi::FromId(id));                                \
  }                                                                                               \
  void isthmus_##side##_session_on_sent(isthmus_##side##_session* session,                        \
                                        isthmus_connection_id id, size_t bytes) {                 \
    if (auto* const engine = EngineOf(session)) engine->OnSent(isthmus::capi::FromId(id), bytes); \
  }                                                                                               \
  void isthmus_##side##_session_on_transport_done(                                                \
      isthmus_##side##_session* session, isthmus_connection_id id, uint64_t stream_offset) {      \
    if (auto* const engine = EngineOf(session)) {                                                 \
      engine->OnTransportDone(isthmus::capi::FromId(id), stream_offset);                          \
    }                                                                                             \
  }                                                                                               \
  void isthmus_##side##_session_on_transport_closed(isthmus_##side##_session* session,            \
                                                    isthmus_connection_id id, int reason) {       \
    if (auto* const engine = EngineOf(session)) {                                                 \
      engine->OnTransportClosed(isthmus::capi::FromId(id), isthmus::capi::Reason(reason, kRole)); \
    }                                                                                             \
  }                                                                                               \
  isthmus_deadline isthmus_##side##_session_poll_timeout(                                         \
      const isthmus_##side##_session* session) {                                                  \
    const auto* const engine = EngineOf(session);                                                 \
    return isthmus::capi::FromDeadline(engine == nullptr ? isthmus::Deadline{}                    \
                                                         : engine->PollTimeout());                \
  }                                                                                               \
  void isthmus_##side##_session_handle_timeout(isthmus_##side##_session* session,                 \
                                               int64_t now_ns) {                                  \
    if (auto* const engine = EngineOf(session)) engine->HandleTimeout(isthmus::Instant{now_ns});  \
  }                                                                                               \
  void isthmus_##side##_session_set_trace(isthmus_##side##_session* session,                      \
                                          isthmus_connection_id id, isthmus_trace* trace,         \
                                          uint32_t source) {                                      \
    if (auto* const engine = EngineOf(session)) {                                                 \
      engine->SetTracer(isthmus::capi::FromId(id), isthmus::capi::TracerOf(trace, source));       \
    }                                                                                             \
  }                                                                                               \
  int isthmus_##side##_session_set_offload(isthmus_##side##_session* session,                     \
                                           isthmus_connection_id id,                              \
                                           const isthmus_offload* offload) {                      \
    return isthmus::capi::SetOffload(isthmus::capi::ChannelOf(EngineOf(session), id), offload);   \
  }                                                                                               \
  size_t isthmus_##side##_session_receive_spans(                                                  \
      isthmus_##side##_session* session, isthmus_connection_id id,                                \
      const isthmus_rx_segment* segment, const isthmus_verdict_span* spans, size_t count,         \
      int64_t now_ns) {                                                                           \
    return isthmus::capi::ReceiveSpans(EngineOf(session), isthmus::capi::FromId(id), segment,     \
                                       spans, count, now_ns);                                     \
  }                                                                                               \
  void isthmus_##side##_session_resolve(                                                          \
      isthmus_##side##_session* session, isthmus_connection_id id, uint32_t ticket,               \
      const isthmus_evidence* header_evidence, const isthmus_evidence* data_evidence) {           \
    auto* const engine = EngineOf(session);                                                       \
    if (engine == nullptr || header_evidence == nullptr || data_evidence == nullptr) return;      \
    engine->Resolve(isthmus::capi::FromId(id), ticket,                                            \
                    isthmus::capi::FromEvidence(*header_evidence),                                \
                    isthmus::capi::FromEvidence(*data_evidence));                                 \
  }                                                                                               \
  void isthmus_##side##_session_abandon_pending(isthmus_##side##_session* session,                \
                                                isthmus_connection_id id) {                       \
    const isthmus::OffloadChannel channel = isthmus::capi::ChannelOf(EngineOf(session), id);      \
    if (channel) channel.receiver->AbandonPending();                                              \
  }                                                                                               \
  uint32_t isthmus_##side##_session_pdu_starts_at(                                                \
      isthmus_##side##_session* session, isthmus_connection_id id, uint64_t stream_offset) {      \
    return isthmus::capi::PduStartsAt(isthmus::capi::ChannelOf(EngineOf(session), id),            \
                                      stream_offset);                                             \
  }                                                                                               \
  int isthmus_##side##_session_materialize(                                                       \
      isthmus_##side##_session* session, isthmus_connection_id id,                                \
      const isthmus_inserted_digests* inserted, size_t count) {                                   \
    return isthmus::capi::Materialize(isthmus::capi::ChannelOf(EngineOf(session), id), inserted,  \
                                      count);                                                     \
  }

#endif  // ISTHMUS_CAPI_ENTRIES_H_
