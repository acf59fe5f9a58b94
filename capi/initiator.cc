// An initiator's connection and session, for C. The clauses stand in isthmus.h and initiator/session.h.
#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <optional>
#include <span>
#include <utility>

#include "capi/entries.h"
#include "capi/face.h"
#include "capi/isthmus.h"
#include "initiator/connection.h"
#include "initiator/event.h"
#include "initiator/limits.h"
#include "initiator/session.h"
#include "protocol/error.h"

namespace capi = isthmus::capi;
namespace initiator = isthmus::initiator;
using isthmus::ConnectionId;
using isthmus::Error;
using isthmus::Role;

// In the caller's memory: this, then what the engine takes.
struct isthmus_initiator_connection {
  std::optional<initiator::Connection> connection;  // empty once it is attached
  capi::Hashes hashes;
};

struct isthmus_initiator_session {
  initiator::Session session;
};

namespace {

constexpr size_t kConnectionHead = capi::Aligned(sizeof(isthmus_initiator_connection));
constexpr size_t kSessionHead = capi::Aligned(sizeof(isthmus_initiator_session));

int ReadLimits(const isthmus_initiator_limits* limits, initiator::Limits* out) {
  if (limits == nullptr) return ISTHMUS_OK;
  isthmus_initiator_limits storage;
  const auto* const in = capi::Read(limits, &storage, isthmus_initiator_limits_init);
  if (in == nullptr) return ISTHMUS_ERROR_CALL_SIZE;
  if (in->login_rounds > UINT16_MAX) return ISTHMUS_ERROR_CALL_ARGUMENT;
  out->login_timeout_ms = in->login_timeout_ms;
  out->login_rounds = static_cast<uint16_t>(in->login_rounds);
  out->text_bytes = in->text_bytes;
  out->tx_entries = in->tx_entries;
  out->tx_pdus_in_flight = in->tx_pdus_in_flight;
  out->staging_bytes = in->staging_bytes;
  out->queue_depth = in->queue_depth;
  out->task_management_slots = in->task_management_slots;
  out->sense_bytes = in->sense_bytes;
  out->cdb_bytes = in->cdb_bytes;
  out->r2ts_per_command = in->r2ts_per_command;
  out->control_bytes = in->control_bytes;
  out->echo_slots = in->echo_slots;
  out->ping_interval_ms = in->ping_interval_ms;
  out->ping_timeout_ms = in->ping_timeout_ms;
  out->logout_timeout_ms = in->logout_timeout_ms;
  out->function_timeout_ms = in->function_timeout_ms;
  out->text_timeout_ms = in->text_timeout_ms;
  out->device_tag_bits = in->device_tag_bits;
  out->ping_rate = {in->ping_rate.burst, in->ping_rate.per_second};
  out->unasked_rate = {in->unasked_rate.burst, in->unasked_rate.per_second};
  return ISTHMUS_OK;
}

// The engine's options, which view the caller's strings and `hashes`.
int ReadOptions(const isthmus_initiator_connection_options* options, capi::Hashes* hashes,
                initiator::ConnectionOptions* out) {
  if (options == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  isthmus_initiator_connection_options storage;
  const auto* const in = capi::Read(options, &storage, isthmus_initiator_connection_options_init);
  if (in == nullptr) return ISTHMUS_ERROR_CALL_SIZE;
  if (const int error = ReadLimits(in->limits, &out->limits); error != ISTHMUS_OK) return error;
  if (!hashes->Assign(in->hashes, in->hash_count)) return ISTHMUS_ERROR_CALL_ARGUMENT;
  out->hashes = hashes->span();
  out->initiator_name = capi::View(in->initiator_name);
  out->initiator_alias = capi::View(in->initiator_alias);
  out->target_name = capi::View(in->target_name);
  std::memcpy(out->isid.data(), in->isid, sizeof in->isid);
  out->tsih = in->tsih;
  out->cid = in->cid;
  out->cmd_sn = in->cmd_sn;
  out->skip_security = in->skip_security;
  if (in->offer != nullptr) {
    if (capi::RoleOf(*in->offer) != Role::kInitiator) return ISTHMUS_ERROR_CALL_PARAMETER;
    out->offer = capi::OfferOf(*in->offer);
  }
  out->chap = {.name = capi::View(in->chap_name),
               .secret = capi::View(in->chap_secret),
               .target_name = capi::View(in->chap_target_name),
               .target_secret = capi::View(in->chap_target_secret),
               .required = !in->chap_optional,
               .allow_short_secrets = in->allow_short_secrets};
  std::memcpy(out->entropy.data(), in->entropy, sizeof in->entropy);
  out->tracer = capi::TracerOf(in->trace, in->trace_source);
  out->redirect_hops = in->redirect_hops;
  out->max_redirect_hops = in->max_redirect_hops;
  out->kernel = capi::KernelOrSelected(in->kernel);
  return capi::Code(initiator::Connection::Check(*out));
}

void FromEvent(const initiator::Event& from, isthmus_initiator_event* to) {
  *to = {};
  to->kind = static_cast<uint32_t>(from.kind);
  to->outcome = static_cast<uint8_t>(from.outcome);
  to->login_failure = static_cast<uint8_t>(from.login_failure);
  to->response = from.response;
  to->status = from.status;
  to->reject_reason = from.reject_reason;
  to->function = from.function;
  to->tmf_response = from.tmf_response;
  to->logout_response = from.logout_response;
  to->async_event = from.async_event;
  to->async_vcode = from.async_vcode;
  to->status_class = from.status_class;
  to->status_detail = from.status_detail;
  to->redirect_hops = from.redirect_hops;
  to->permanent = from.permanent;
  to->flush = from.flush;
  to->residual_kind = static_cast<uint8_t>(from.residual_kind);
  to->read_residual_kind = static_cast<uint8_t>(from.read_residual_kind);
  to->tsih = from.tsih;
  to->parameter1 = from.parameter1;
  to->parameter2 = from.parameter2;
  to->parameter3 = from.parameter3;
  to->time2wait_s = from.time2wait_s;
  to->time2retain_s = from.time2retain_s;
  to->status_qualifier = from.status_qualifier;
  to->additional_response = from.additional_response;
  to->residual_count = from.residual_count;
  to->read_residual_count = from.read_residual_count;
  to->data_in_bytes = from.data_in_bytes;
  to->task = from.task.initiator_task_tag;
  to->lease = from.lease.id;
  to->connection = capi::FromId(from.connection);
  to->cookie = from.cookie;
  to->stream_offset = from.stream_offset;
  std::memcpy(to->lun, from.lun.data(), sizeof to->lun);
  to->data = capi::Bytes(from.data);
  to->async_data = capi::Bytes(from.async_data);
  to->text = capi::Text(from.text);
  to->error = capi::FromError(from.error);
}

// What the numbers of isthmus.h stand for.
static_assert(static_cast<int>(initiator::EventKind::kLoginDone) == ISTHMUS_INITIATOR_LOGIN_DONE);
static_assert(static_cast<int>(initiator::EventKind::kReleaseRx) == ISTHMUS_INITIATOR_RELEASE_RX);
static_assert(static_cast<int>(initiator::EventKind::kCompleted) == ISTHMUS_INITIATOR_COMPLETED);
static_assert(static_cast<int>(initiator::EventKind::kAsyncMessage) ==
              ISTHMUS_INITIATOR_ASYNC_MESSAGE);
static_assert(static_cast<int>(initiator::EventKind::kSessionEnded) ==
              ISTHMUS_INITIATOR_SESSION_ENDED);
static_assert(static_cast<int>(initiator::Outcome::kTooLong) == ISTHMUS_OUTCOME_TOO_LONG);
static_assert(static_cast<int>(initiator::LoginFailure::kConnectionLost) ==
              ISTHMUS_LOGIN_CONNECTION_LOST);

constexpr std::array kEventNames = {
    "none",        "login done",  "redirected", "login failed",    "disconnect",
    "release rx",  "arm digests", "completed",  "task management done", "text received",
    "pong",        "async message", "logged out", "connection lost", "session ended"};
static_assert(kEventNames.size() == ISTHMUS_INITIATOR_SESSION_ENDED + 1);

constexpr std::array kOutcomeNames = {"answered",   "digest error", "data error",
                                      "rejected",   "aborted",      "connection lost",
                                      "logged out", "session ended", "too long"};
static_assert(kOutcomeNames.size() == ISTHMUS_OUTCOME_TOO_LONG + 1);

constexpr std::array kLoginFailureNames = {
    "none",           "wrong name",        "refused",        "authentication failed",
    "target not authenticated", "digest unavailable", "version", "target unavailable",
    "protocol error", "too many redirects", "deadline",      "connection lost"};
static_assert(kLoginFailureNames.size() == ISTHMUS_LOGIN_CONNECTION_LOST + 1);

template <size_t kCount>
const char* NameIn(const std::array<const char*, kCount>& names, uint32_t index) {
  return index < kCount ? names[index] : "unknown";
}

constexpr Role kRole = Role::kInitiator;

initiator::Connection* EngineOf(isthmus_initiator_connection* connection) {
  return connection != nullptr && connection->connection ? &*connection->connection : nullptr;
}
const initiator::Connection* EngineOf(const isthmus_initiator_connection* connection) {
  return connection != nullptr && connection->connection ? &*connection->connection : nullptr;
}
initiator::Session* EngineOf(isthmus_initiator_session* session) {
  return session == nullptr ? nullptr : &session->session;
}
const initiator::Session* EngineOf(const isthmus_initiator_session* session) {
  return session == nullptr ? nullptr : &session->session;
}
bool IsLive(const isthmus_initiator_connection* connection) { return EngineOf(connection) != nullptr; }

isthmus_counters FromCounters(const initiator::SessionCounters& from) {
  isthmus_counters to = {};
  to.commands = from.commands;
  to.immediate_commands = from.immediate_commands;
  to.reissued_commands = from.reissued_commands;
  to.read_bytes = from.data_in_bytes;
  to.write_bytes = from.data_out_bytes;
  to.data_in_pdus = from.data_in_pdus;
  to.r2ts = from.r2ts;
  to.unsolicited_data_bytes = from.unsolicited_data_bytes;
  to.rejects = from.rejects;
  to.async_messages = from.async_messages;
  to.pings_sent = from.pings_sent;
  to.pings_answered = from.pings_answered;
  to.discarded_pdus = from.discarded_pdus;
  to.window_closed = from.window_closed;
  return to;
}

int ReadSessionOptions(const isthmus_initiator_session_options* options,
                       initiator::SessionOptions* out) {
  if (options == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  isthmus_initiator_session_options storage;
  const auto* const in = capi::Read(options, &storage, isthmus_initiator_session_options_init);
  if (in == nullptr) return ISTHMUS_ERROR_CALL_SIZE;
  if (const int error = ReadLimits(in->limits, &out->limits); error != ISTHMUS_OK) return error;
  return capi::Code(initiator::Session::Check(*out));
}

}  // namespace

extern "C" {

void isthmus_initiator_limits_init(isthmus_initiator_limits* limits, size_t size) {
  const initiator::Limits own;
  isthmus_initiator_limits defaults = {};
  defaults.login_timeout_ms = own.login_timeout_ms;
  defaults.login_rounds = own.login_rounds;
  defaults.text_bytes = own.text_bytes;
  defaults.tx_entries = own.tx_entries;
  defaults.tx_pdus_in_flight = own.tx_pdus_in_flight;
  defaults.staging_bytes = own.staging_bytes;
  defaults.queue_depth = own.queue_depth;
  defaults.task_management_slots = own.task_management_slots;
  defaults.sense_bytes = own.sense_bytes;
  defaults.cdb_bytes = own.cdb_bytes;
  defaults.r2ts_per_command = own.r2ts_per_command;
  defaults.control_bytes = own.control_bytes;
  defaults.echo_slots = own.echo_slots;
  defaults.ping_interval_ms = own.ping_interval_ms;
  defaults.ping_timeout_ms = own.ping_timeout_ms;
  defaults.logout_timeout_ms = own.logout_timeout_ms;
  defaults.function_timeout_ms = own.function_timeout_ms;
  defaults.text_timeout_ms = own.text_timeout_ms;
  defaults.device_tag_bits = own.device_tag_bits;
  defaults.ping_rate = {own.ping_rate.burst, own.ping_rate.per_second};
  defaults.unasked_rate = {own.unasked_rate.burst, own.unasked_rate.per_second};
  capi::Init(limits, size, defaults);
}

const char* isthmus_initiator_event_name(uint32_t kind) { return NameIn(kEventNames, kind); }
const char* isthmus_outcome_name(uint32_t outcome) { return NameIn(kOutcomeNames, outcome); }
const char* isthmus_login_failure_name(uint32_t login_failure) {
  return NameIn(kLoginFailureNames, login_failure);
}

// ---- A connection.

void isthmus_initiator_connection_options_init(isthmus_initiator_connection_options* options,
                                               size_t size) {
  const initiator::ConnectionOptions own;
  isthmus_initiator_connection_options defaults = {};
  defaults.max_redirect_hops = own.max_redirect_hops;
  defaults.cmd_sn = own.cmd_sn;
  capi::Init(options, size, defaults);
}

int isthmus_initiator_connection_check(const isthmus_initiator_connection_options* options) {
  capi::Hashes hashes;
  initiator::ConnectionOptions own;
  return ReadOptions(options, &hashes, &own);
}

size_t isthmus_initiator_connection_size(const isthmus_initiator_connection_options* options) {
  capi::Hashes hashes;
  initiator::ConnectionOptions own;
  if (ReadOptions(options, &hashes, &own) != ISTHMUS_OK) return 0;
  return kConnectionHead + initiator::Connection::MemoryNeeded(own);
}

int isthmus_initiator_connection_init(void* memory, size_t size,
                                      const isthmus_initiator_connection_options* options,
                                      isthmus_initiator_connection** connection) {
  if (connection == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  capi::Hashes hashes;
  initiator::ConnectionOptions own;
  if (const int error = ReadOptions(options, &hashes, &own); error != ISTHMUS_OK) return error;
  const size_t needed = initiator::Connection::MemoryNeeded(own);
  if (!capi::IsUsable(memory, size, kConnectionHead + needed)) return ISTHMUS_ERROR_CALL_ARGUMENT;
  auto* const made = ::new (memory) isthmus_initiator_connection{};
  // Again, now into the handle: the engine keeps a view of the hashes.
  (void)ReadOptions(options, &made->hashes, &own);
  auto* const rest = static_cast<std::byte*>(memory) + kConnectionHead;
  made->connection.emplace(own, std::span(rest, needed));
  *connection = made;
  return ISTHMUS_OK;
}

void isthmus_initiator_connection_destroy(isthmus_initiator_connection* connection) {
  if (connection != nullptr) connection->~isthmus_initiator_connection();
}

ISTHMUS_CONNECTION_ENTRIES(initiator)

isthmus_text isthmus_initiator_connection_target_alias(
    const isthmus_initiator_connection* connection) {
  if (!IsLive(connection)) return {};
  return capi::Text(connection->connection->declarations().TargetAlias.view());
}

// ---- A session.

void isthmus_initiator_session_options_init(isthmus_initiator_session_options* options,
                                            size_t size) {
  capi::Init(options, size, isthmus_initiator_session_options{});
}

size_t isthmus_initiator_session_size(const isthmus_initiator_session_options* options) {
  initiator::SessionOptions own;
  if (ReadSessionOptions(options, &own) != ISTHMUS_OK) return 0;
  return kSessionHead + initiator::Session::MemoryNeeded(own);
}

int isthmus_initiator_session_init(void* memory, size_t size,
                                   const isthmus_initiator_session_options* options,
                                   isthmus_initiator_session** session) {
  if (session == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  initiator::SessionOptions own;
  if (const int error = ReadSessionOptions(options, &own); error != ISTHMUS_OK) return error;
  const size_t needed = initiator::Session::MemoryNeeded(own);
  if (!capi::IsUsable(memory, size, kSessionHead + needed)) return ISTHMUS_ERROR_CALL_ARGUMENT;
  auto* const rest = static_cast<std::byte*>(memory) + kSessionHead;
  *session = ::new (memory)
      isthmus_initiator_session{initiator::Session(own, std::span(rest, needed))};
  return ISTHMUS_OK;
}

void isthmus_initiator_session_destroy(isthmus_initiator_session* session) {
  if (session != nullptr) session->~isthmus_initiator_session();
}

ISTHMUS_SESSION_ENTRIES(initiator)

int isthmus_initiator_session_attach(isthmus_initiator_session* session,
                                     isthmus_initiator_connection* connection,
                                     isthmus_connection_id* id) {
  if (session == nullptr || connection == nullptr || id == nullptr) {
    return ISTHMUS_ERROR_CALL_ARGUMENT;
  }
  if (!IsLive(connection)) return ISTHMUS_ERROR_CALL_OUT_OF_STATE;
  ConnectionId own;
  const Error error = session->session.Attach(std::move(*connection->connection), &own);
  if (!error.ok()) return capi::Code(error);
  connection->connection.reset();
  *id = capi::FromId(own);
  return ISTHMUS_OK;
}

void isthmus_initiator_command_init(isthmus_initiator_command* command, size_t size) {
  isthmus_initiator_command defaults = {};
  defaults.attribute = ISTHMUS_SIMPLE;
  capi::Init(command, size, defaults);
}

int isthmus_initiator_session_submit(isthmus_initiator_session* session,
                                     const isthmus_initiator_command* command, uint32_t* task) {
  if (session == nullptr || command == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  isthmus_initiator_command storage;
  const auto* const in = capi::Read(command, &storage, isthmus_initiator_command_init);
  if (in == nullptr) return ISTHMUS_ERROR_CALL_SIZE;
  if ((in->cdb == nullptr && in->cdb_size > 0) ||
      (in->data_out == nullptr && in->data_out_size > 0) ||
      (in->data_in == nullptr && in->data_in_size > 0)) {
    return ISTHMUS_ERROR_CALL_ARGUMENT;
  }
  initiator::Command own;
  std::memcpy(own.lun.data(), in->lun, sizeof in->lun);
  own.cdb = capi::Bytes(in->cdb, in->cdb_size);
  own.attribute = static_cast<initiator::TaskAttribute>(in->attribute);
  own.priority = in->priority;
  own.immediate = in->immediate;
  own.data_out = capi::Bytes(in->data_out, in->data_out_size);
  own.data_in = {static_cast<std::byte*>(in->data_in), in->data_in_size};
  own.unstable_source = in->unstable_source;
  own.retry = in->reissue ? initiator::RetryPolicy::kReissue : initiator::RetryPolicy::kReport;
  own.device_tag = in->device_tag;
  own.cookie = in->cookie;
  initiator::TaskId id;
  const Error error = session->session.Submit(own, &id);
  if (error.ok() && task != nullptr) *task = id.initiator_task_tag;
  return capi::Code(error);
}

int isthmus_initiator_session_abort(isthmus_initiator_session* session, uint32_t task,
                                    uint64_t cookie) {
  if (session == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  return capi::Code(session->session.Abort({task}, cookie));
}

void isthmus_initiator_task_management_init(isthmus_initiator_task_management* request,
                                            size_t size) {
  isthmus_initiator_task_management defaults = {};
  defaults.referenced_task = ISTHMUS_NO_TASK;
  capi::Init(request, size, defaults);
}

int isthmus_initiator_session_send_task_management(isthmus_initiator_session* session,
                                                   const isthmus_initiator_task_management* request,
                                                   uint32_t* task) {
  if (session == nullptr || request == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  isthmus_initiator_task_management storage;
  const auto* const in = capi::Read(request, &storage, isthmus_initiator_task_management_init);
  if (in == nullptr) return ISTHMUS_ERROR_CALL_SIZE;
  initiator::TaskManagementRequest own;
  own.function = static_cast<initiator::TaskManagementFunction>(in->function);
  std::memcpy(own.lun.data(), in->lun, sizeof in->lun);
  own.referenced_task = {in->referenced_task};
  own.immediate = !in->ordered;
  own.cookie = in->cookie;
  initiator::TaskId id;
  const Error error = session->session.TaskManagement(own, &id);
  if (error.ok() && task != nullptr) *task = id.initiator_task_tag;
  return capi::Code(error);
}

int isthmus_initiator_session_ping(isthmus_initiator_session* session, const void* data,
                                   size_t size, uint64_t cookie) {
  if (session == nullptr || (data == nullptr && size > 0)) return ISTHMUS_ERROR_CALL_ARGUMENT;
  return capi::Code(session->session.Ping(capi::Bytes(data, size), cookie));
}

int isthmus_initiator_session_send_text(isthmus_initiator_session* session, const void* request,
                                        size_t size, void* answer, size_t answer_size,
                                        uint64_t cookie) {
  if (session == nullptr || (request == nullptr && size > 0) ||
      (answer == nullptr && answer_size > 0)) {
    return ISTHMUS_ERROR_CALL_ARGUMENT;
  }
  return capi::Code(session->session.SendText(
      capi::Bytes(request, size), {static_cast<std::byte*>(answer), answer_size}, cookie));
}

int isthmus_initiator_session_send_targets(isthmus_initiator_session* session, const char* name,
                                           void* answer, size_t answer_size, uint64_t cookie) {
  if (session == nullptr || name == nullptr || (answer == nullptr && answer_size > 0)) {
    return ISTHMUS_ERROR_CALL_ARGUMENT;
  }
  return capi::Code(session->session.SendTargets(
      name, {static_cast<std::byte*>(answer), answer_size}, cookie));
}

int isthmus_initiator_session_renegotiate(isthmus_initiator_session* session,
                                          uint32_t MaxRecvDataSegmentLength, uint64_t cookie) {
  if (session == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  return capi::Code(session->session.Renegotiate(MaxRecvDataSegmentLength, cookie));
}

int isthmus_initiator_session_logout(isthmus_initiator_session* session, uint8_t reason) {
  if (session == nullptr ||
      reason > static_cast<uint8_t>(initiator::LogoutReason::kRemoveForRecovery)) {
    return ISTHMUS_ERROR_CALL_ARGUMENT;
  }
  return capi::Code(session->session.Logout(static_cast<initiator::LogoutReason>(reason)));
}

int isthmus_initiator_session_end(isthmus_initiator_session* session) {
  if (session == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  session->session.End();
  return ISTHMUS_OK;
}

int isthmus_initiator_session_parameters(const isthmus_initiator_session* session,
                                         isthmus_parameters* parameters, size_t size) {
  if (session == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  return capi::Fill(parameters, size, capi::FromParameters(session->session.parameters()));
}

uint16_t isthmus_initiator_session_tsih(const isthmus_initiator_session* session) {
  return session == nullptr ? 0 : session->session.tsih();
}
uint32_t isthmus_initiator_session_state(const isthmus_initiator_session* session) {
  return session == nullptr ? 0 : static_cast<uint32_t>(session->session.state());
}
uint32_t isthmus_initiator_session_connection_state(const isthmus_initiator_session* session) {
  return session == nullptr ? 0 : static_cast<uint32_t>(session->session.connection_state());
}
bool isthmus_initiator_session_connected(const isthmus_initiator_session* session) {
  return session != nullptr && session->session.connected();
}
size_t isthmus_initiator_session_outstanding(const isthmus_initiator_session* session) {
  return session == nullptr ? 0 : session->session.outstanding();
}
uint32_t isthmus_initiator_session_command_window(const isthmus_initiator_session* session) {
  return session == nullptr ? 0 : session->session.command_window();
}

int isthmus_initiator_session_counters(const isthmus_initiator_session* session,
                                       isthmus_counters* counters, size_t size) {
  if (session == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  isthmus_counters own = FromCounters(session->session.counters());
  if (const auto* const rx = session->session.rx_counters()) capi::AddRx(*rx, &own);
  if (const auto* const tx = session->session.tx_counters()) capi::AddTx(*tx, &own);
  return capi::Fill(counters, size, own);
}

}  // extern "C"
