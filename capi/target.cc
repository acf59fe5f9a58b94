// A target's connection and session, for C. The clauses stand in isthmus.h and target/session.h.
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
#include "protocol/auth/chap.h"
#include "protocol/error.h"
#include "protocol/text/negotiation.h"
#include "protocol/text/parameters.h"
#include "target/connection.h"
#include "target/event.h"
#include "target/limits.h"
#include "target/session.h"

namespace capi = isthmus::capi;
namespace target = isthmus::target;
using isthmus::ConnectionId;
using isthmus::Error;
using isthmus::Role;

struct isthmus_challenge_history {
  isthmus::auth::ChallengeHistory history;
};

// In the caller's memory: this, the accounts, then what the engine takes.
struct isthmus_target_connection {
  std::optional<target::Connection> connection;  // empty once it is attached
  capi::Hashes hashes;
  std::span<target::Account> accounts;
};

struct isthmus_target_session {
  target::Session session;
  isthmus::text::Parameters parameters;  // of the connection attached last
};

namespace {

constexpr uint32_t kDefaultAccountSlots = 16;
constexpr uint32_t kMaxAccountSlots = 65536;

bool ReadLimits(const isthmus_target_limits* limits, target::Limits* out) {
  if (limits == nullptr) return true;
  isthmus_target_limits storage;
  const auto* const in = capi::Read(limits, &storage, isthmus_target_limits_init);
  if (in == nullptr) return false;
  out->text_bytes = in->text_bytes;
  out->login_rounds = in->login_rounds;
  out->login_timeout_ms = in->login_timeout_ms;
  out->command_slots = in->command_slots;
  out->immediate_commands = in->immediate_commands;
  out->task_management_slots = in->task_management_slots;
  out->r2t_slots = in->r2t_slots;
  out->source_slots = in->source_slots;
  out->echo_slots = in->echo_slots;
  out->echo_slot_bytes = in->echo_slot_bytes;
  out->staging_bytes = in->staging_bytes;
  out->sense_bytes = in->sense_bytes;
  out->ping_interval_ms = in->ping_interval_ms;
  out->ping_timeout_ms = in->ping_timeout_ms;
  out->logout_timeout_s = in->logout_timeout_s;
  out->hole_timeout_ms = in->hole_timeout_ms;
  out->device_tag_bits = in->device_tag_bits;
  out->reject_rate = {in->reject_rate.burst, in->reject_rate.per_second};
  out->ping_rate = {in->ping_rate.burst, in->ping_rate.per_second};
  out->immediate_rate = {in->immediate_rate.burst, in->immediate_rate.per_second};
  out->text_rate = {in->text_rate.burst, in->text_rate.per_second};
  return true;
}

// Where things stand in a connection's memory.
struct Plan {
  target::ConnectionOptions options;  // without hashes: they stand in the handle
  uint32_t account_slots = 0;
  size_t accounts_at = 0;
  size_t engine_at = 0;
  size_t size = 0;
};

int MakePlan(const isthmus_target_connection_options* options, capi::Hashes* hashes, Plan* plan) {
  if (options == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  isthmus_target_connection_options storage;
  const auto* const in = capi::Read(options, &storage, isthmus_target_connection_options_init);
  if (in == nullptr) return ISTHMUS_ERROR_CALL_SIZE;
  if (!ReadLimits(in->limits, &plan->options.limits)) return ISTHMUS_ERROR_CALL_SIZE;
  if (!hashes->Assign(in->hashes, in->hash_count)) return ISTHMUS_ERROR_CALL_ARGUMENT;
  if (in->hash_count > 0 && !hashes->HasMd5()) return ISTHMUS_ERROR_CALL_ARGUMENT;
  if (in->account_slots > kMaxAccountSlots) return ISTHMUS_ERROR_CALL_ARGUMENT;
  plan->options.kernel = capi::KernelOrSelected(in->kernel);
  plan->options.history = in->history == nullptr ? nullptr : &in->history->history;
  plan->options.tracer = capi::TracerOf(in->trace, in->trace_source);
  std::memcpy(plan->options.entropy.data(), in->entropy, sizeof in->entropy);
  plan->account_slots = in->account_slots;
  plan->accounts_at = capi::Aligned(sizeof(isthmus_target_connection));
  plan->engine_at =
      capi::Aligned(plan->accounts_at + plan->account_slots * sizeof(target::Account));
  plan->size = plan->engine_at + target::Connection::MemoryNeeded(plan->options);
  return ISTHMUS_OK;
}

void FromEvent(const target::Event& from, isthmus_target_event* to) {
  *to = {};
  to->kind = static_cast<uint32_t>(from.kind);
  to->discovery = from.discovery;
  to->flush = from.flush;
  to->read = from.read;
  to->write = from.write;
  to->immediate = from.immediate;
  to->send_targets_all = from.send_targets_all;
  to->attribute = static_cast<uint8_t>(from.attribute);
  to->priority = from.priority;
  to->function = from.function;
  std::memcpy(to->isid, from.isid.data(), sizeof to->isid);
  std::memcpy(to->lun, from.lun.data(), sizeof to->lun);
  to->tsih = from.tsih;
  to->cid = from.cid;
  to->connection = capi::FromId(from.connection);
  to->task = {from.task.slot, from.task.generation};
  to->request = {from.request.slot, from.request.generation};
  to->expected_data_transfer_length = from.expected_data_transfer_length;
  to->bidi_read_length = from.bidi_read_length;
  to->offset = from.offset;
  to->length = from.length;
  to->lease = from.lease.id;
  to->cdb = reinterpret_cast<const uint8_t*>(from.cdb.data());
  to->cdb_size = from.cdb.size();
  to->cookie = from.cookie;
  to->stream_offset = from.stream_offset;
  to->initiator_name = capi::Text(from.initiator_name);
  to->target_name = capi::Text(from.target_name);
  to->user_name = capi::Text(from.user_name);
  to->error = capi::FromError(from.error);
}

// What the numbers of isthmus.h stand for.
static_assert(static_cast<int>(target::EventKind::kLookup) == ISTHMUS_TARGET_LOOKUP);
static_assert(static_cast<int>(target::EventKind::kCommand) == ISTHMUS_TARGET_COMMAND);
static_assert(static_cast<int>(target::EventKind::kTaskManagement) ==
              ISTHMUS_TARGET_TASK_MANAGEMENT);
static_assert(static_cast<int>(target::EventKind::kReleaseRx) == ISTHMUS_TARGET_RELEASE_RX);
static_assert(static_cast<int>(target::EventKind::kSessionEnded) == ISTHMUS_TARGET_SESSION_ENDED);

constexpr std::array kEventNames = {
    "none",           "lookup",          "claim",           "login done",     "begin",
    "command",        "data received",   "task aborted",    "task released",  "source released",
    "task management", "scope aborted",  "send targets",    "text released",  "logged out",
    "release rx",     "arm digests",     "disconnect",      "session ended"};
static_assert(kEventNames.size() == ISTHMUS_TARGET_SESSION_ENDED + 1);

target::TaskId FromTask(isthmus_target_task task) { return {task.slot, task.generation}; }
target::RequestId FromRequest(isthmus_target_request request) {
  return {request.slot, request.generation};
}

constexpr Role kRole = Role::kTarget;

target::Connection* EngineOf(isthmus_target_connection* connection) {
  return connection != nullptr && connection->connection ? &*connection->connection : nullptr;
}
const target::Connection* EngineOf(const isthmus_target_connection* connection) {
  return connection != nullptr && connection->connection ? &*connection->connection : nullptr;
}
target::Session* EngineOf(isthmus_target_session* session) {
  return session == nullptr ? nullptr : &session->session;
}
const target::Session* EngineOf(const isthmus_target_session* session) {
  return session == nullptr ? nullptr : &session->session;
}
bool IsLive(const isthmus_target_connection* connection) { return EngineOf(connection) != nullptr; }

isthmus_counters FromCounters(const target::SessionCounters& from) {
  isthmus_counters to = {};
  to.commands = from.commands;
  to.read_bytes = from.read_bytes;
  to.write_bytes = from.write_bytes;
  to.data_in_pdus = from.data_in_pdus;
  to.data_out_pdus = from.data_out_pdus;
  to.r2ts = from.r2ts;
  to.rejects = from.rejects;
  to.pings_answered = from.pings;
  to.ignored_pdus = from.ignored;
  return to;
}

// The pieces of a lookup's answer; accounts go to the handle, which outlives the login.
int ReadAccounts(isthmus_target_connection* connection, const isthmus_target_lookup_answer& in,
                 target::LookupAnswer* out) {
  if (in.account_count == 0) return ISTHMUS_OK;
  if (in.accounts == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  if (in.account_count > connection->accounts.size()) return ISTHMUS_ERROR_CALL_QUEUE_FULL;
  const size_t stride = in.accounts->size;
  if (stride < sizeof(isthmus_target_account) || stride % alignof(isthmus_target_account) != 0) {
    return ISTHMUS_ERROR_CALL_SIZE;
  }
  const auto* at = reinterpret_cast<const unsigned char*>(in.accounts);
  for (uint32_t i = 0; i < in.account_count; ++i, at += stride) {
    isthmus_target_account account;
    std::memcpy(&account, at, sizeof account);
    if (account.size != stride) return ISTHMUS_ERROR_CALL_SIZE;
    connection->accounts[i] = {capi::View(account.user_name), capi::View(account.secret),
                               capi::View(account.mutual_name), capi::View(account.mutual_secret)};
  }
  out->accounts = connection->accounts.first(in.account_count);
  return ISTHMUS_OK;
}

}  // namespace

extern "C" {

size_t isthmus_challenge_history_size(void) { return sizeof(isthmus_challenge_history); }

int isthmus_challenge_history_init(void* memory, size_t size,
                                   isthmus_challenge_history** history) {
  if (history == nullptr || !capi::IsUsable(memory, size, sizeof(isthmus_challenge_history))) {
    return ISTHMUS_ERROR_CALL_ARGUMENT;
  }
  *history = ::new (memory) isthmus_challenge_history{};
  return ISTHMUS_OK;
}

void isthmus_target_limits_init(isthmus_target_limits* limits, size_t size) {
  const target::Limits own;
  isthmus_target_limits defaults = {};
  defaults.text_bytes = own.text_bytes;
  defaults.login_rounds = own.login_rounds;
  defaults.login_timeout_ms = own.login_timeout_ms;
  defaults.command_slots = own.command_slots;
  defaults.immediate_commands = own.immediate_commands;
  defaults.task_management_slots = own.task_management_slots;
  defaults.r2t_slots = own.r2t_slots;
  defaults.source_slots = own.source_slots;
  defaults.echo_slots = own.echo_slots;
  defaults.echo_slot_bytes = own.echo_slot_bytes;
  defaults.staging_bytes = own.staging_bytes;
  defaults.sense_bytes = own.sense_bytes;
  defaults.ping_interval_ms = own.ping_interval_ms;
  defaults.ping_timeout_ms = own.ping_timeout_ms;
  defaults.logout_timeout_s = own.logout_timeout_s;
  defaults.hole_timeout_ms = own.hole_timeout_ms;
  defaults.device_tag_bits = own.device_tag_bits;
  defaults.reject_rate = {own.reject_rate.burst, own.reject_rate.per_second};
  defaults.ping_rate = {own.ping_rate.burst, own.ping_rate.per_second};
  defaults.immediate_rate = {own.immediate_rate.burst, own.immediate_rate.per_second};
  defaults.text_rate = {own.text_rate.burst, own.text_rate.per_second};
  capi::Init(limits, size, defaults);
}

const char* isthmus_target_event_name(uint32_t kind) {
  return kind < kEventNames.size() ? kEventNames[kind] : "unknown";
}

// ---- A connection.

void isthmus_target_connection_options_init(isthmus_target_connection_options* options,
                                            size_t size) {
  isthmus_target_connection_options defaults = {};
  defaults.account_slots = kDefaultAccountSlots;
  capi::Init(options, size, defaults);
}

size_t isthmus_target_connection_size(const isthmus_target_connection_options* options) {
  capi::Hashes hashes;
  Plan plan;
  return MakePlan(options, &hashes, &plan) == ISTHMUS_OK ? plan.size : 0;
}

int isthmus_target_connection_init(void* memory, size_t size,
                                   const isthmus_target_connection_options* options,
                                   isthmus_target_connection** connection) {
  if (connection == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  capi::Hashes hashes;
  Plan plan;
  if (const int error = MakePlan(options, &hashes, &plan); error != ISTHMUS_OK) return error;
  if (!capi::IsUsable(memory, size, plan.size)) return ISTHMUS_ERROR_CALL_ARGUMENT;
  auto* const made = ::new (memory) isthmus_target_connection{};
  // Again, now into the handle: the engine keeps a view of the hashes.
  (void)MakePlan(options, &made->hashes, &plan);
  plan.options.hashes = made->hashes.span();
  auto* const bytes = static_cast<std::byte*>(memory);
  auto* const accounts = reinterpret_cast<target::Account*>(bytes + plan.accounts_at);
  for (uint32_t i = 0; i < plan.account_slots; ++i) ::new (accounts + i) target::Account{};
  made->accounts = {accounts, plan.account_slots};
  made->connection.emplace(
      plan.options, std::span(bytes + plan.engine_at, plan.size - plan.engine_at));
  *connection = made;
  return ISTHMUS_OK;
}

void isthmus_target_connection_destroy(isthmus_target_connection* connection) {
  if (connection != nullptr) connection->~isthmus_target_connection();
}

ISTHMUS_CONNECTION_ENTRIES(target)

void isthmus_target_lookup_answer_init(isthmus_target_lookup_answer* answer, size_t size) {
  capi::Init(answer, size, isthmus_target_lookup_answer{});
}

int isthmus_target_connection_answer_lookup(isthmus_target_connection* connection,
                                            const isthmus_target_lookup_answer* answer) {
  if (connection == nullptr || answer == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  if (!IsLive(connection)) return ISTHMUS_ERROR_CALL_OUT_OF_STATE;
  isthmus_target_lookup_answer storage;
  const auto* const in = capi::Read(answer, &storage, isthmus_target_lookup_answer_init);
  if (in == nullptr) return ISTHMUS_ERROR_CALL_SIZE;
  target::LookupAnswer own;
  own.status = {in->status_class, in->status_detail};
  own.redirect_address = capi::View(in->redirect_address);
  if (in->offer != nullptr) {
    if (capi::RoleOf(*in->offer) != Role::kTarget) return ISTHMUS_ERROR_CALL_PARAMETER;
    own.offer = capi::OfferOf(*in->offer);
    if (isthmus::text::FindInvalid(own.offer, Role::kTarget)) return ISTHMUS_ERROR_CALL_PARAMETER;
  }
  if (in->target_portal_group_tag > UINT16_MAX) return ISTHMUS_ERROR_CALL_ARGUMENT;
  if (in->target_portal_group_tag > 0) {
    own.offer.TargetPortalGroupTag = static_cast<uint16_t>(in->target_portal_group_tag);
  }
  own.require_chap = in->require_chap;
  own.require_mutual_chap = in->require_mutual_chap;
  own.allow_short_secret = in->allow_short_secret;
  if (const int error = ReadAccounts(connection, *in, &own); error != ISTHMUS_OK) return error;
  return capi::Code(connection->connection->AnswerLookup(own));
}

void isthmus_target_claim_answer_init(isthmus_target_claim_answer* answer, size_t size) {
  capi::Init(answer, size, isthmus_target_claim_answer{});
}

int isthmus_target_connection_answer_claim(isthmus_target_connection* connection,
                                           const isthmus_target_claim_answer* answer) {
  if (connection == nullptr || answer == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  if (!IsLive(connection)) return ISTHMUS_ERROR_CALL_OUT_OF_STATE;
  isthmus_target_claim_answer storage;
  const auto* const in = capi::Read(answer, &storage, isthmus_target_claim_answer_init);
  if (in == nullptr) return ISTHMUS_ERROR_CALL_SIZE;
  target::ClaimAnswer own;
  own.status = {in->status_class, in->status_detail};
  own.tsih = in->tsih;
  own.joins = in->joins;
  own.exp_cmd_sn = in->exp_cmd_sn;
  own.max_cmd_sn = in->max_cmd_sn;
  return capi::Code(connection->connection->AnswerClaim(own));
}

// ---- A session.

void isthmus_target_session_options_init(isthmus_target_session_options* options, size_t size) {
  capi::Init(options, size, isthmus_target_session_options{});
}

}  // extern "C"

namespace {

int ReadSessionOptions(const isthmus_target_session_options* options,
                       target::SessionOptions* out) {
  if (options == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  isthmus_target_session_options storage;
  const auto* const in = capi::Read(options, &storage, isthmus_target_session_options_init);
  if (in == nullptr || !ReadLimits(in->limits, &out->limits)) return ISTHMUS_ERROR_CALL_SIZE;
  return ISTHMUS_OK;
}

constexpr size_t kSessionHead = capi::Aligned(sizeof(isthmus_target_session));

}  // namespace

extern "C" {

size_t isthmus_target_session_size(const isthmus_target_session_options* options) {
  target::SessionOptions own;
  if (ReadSessionOptions(options, &own) != ISTHMUS_OK) return 0;
  return kSessionHead + target::Session::MemoryNeeded(own);
}

int isthmus_target_session_init(void* memory, size_t size,
                                const isthmus_target_session_options* options,
                                isthmus_target_session** session) {
  if (session == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  target::SessionOptions own;
  if (const int error = ReadSessionOptions(options, &own); error != ISTHMUS_OK) return error;
  const size_t needed = target::Session::MemoryNeeded(own);
  if (!capi::IsUsable(memory, size, kSessionHead + needed)) return ISTHMUS_ERROR_CALL_ARGUMENT;
  auto* const rest = static_cast<std::byte*>(memory) + kSessionHead;
  *session = ::new (memory)
      isthmus_target_session{target::Session(own, std::span(rest, needed)), {}};
  return ISTHMUS_OK;
}

void isthmus_target_session_destroy(isthmus_target_session* session) {
  if (session != nullptr) session->~isthmus_target_session();
}

ISTHMUS_SESSION_ENTRIES(target)

int isthmus_target_session_attach(isthmus_target_session* session,
                                  isthmus_target_connection* connection,
                                  isthmus_connection_id* id) {
  if (session == nullptr || connection == nullptr || id == nullptr) {
    return ISTHMUS_ERROR_CALL_ARGUMENT;
  }
  if (!IsLive(connection)) return ISTHMUS_ERROR_CALL_OUT_OF_STATE;
  const isthmus::text::Parameters parameters = connection->connection->parameters();
  ConnectionId own;
  const Error error = session->session.Attach(std::move(*connection->connection), &own);
  if (!error.ok()) return capi::Code(error);
  connection->connection.reset();
  session->parameters = parameters;
  *id = capi::FromId(own);
  return ISTHMUS_OK;
}

int isthmus_target_session_accept_data(isthmus_target_session* session, isthmus_target_task task,
                                       uint32_t offset, void* window, size_t size) {
  return isthmus_target_session_accept_tagged_data(session, task, offset, window, size, 0);
}

int isthmus_target_session_accept_tagged_data(isthmus_target_session* session,
                                              isthmus_target_task task, uint32_t offset,
                                              void* window, size_t size, uint32_t device_tag) {
  if (session == nullptr || (window == nullptr && size > 0)) return ISTHMUS_ERROR_CALL_ARGUMENT;
  return capi::Code(session->session.AcceptData(
      FromTask(task), offset, {static_cast<std::byte*>(window), size}, device_tag));
}

int isthmus_target_session_refuse(isthmus_target_session* session, isthmus_target_task task,
                                  uint8_t status) {
  if (session == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  return capi::Code(session->session.Refuse(FromTask(task), status));
}

int isthmus_target_session_send_data(isthmus_target_session* session, isthmus_target_task task,
                                     uint32_t offset, const void* source, size_t size,
                                     uint32_t flags) {
  constexpr uint32_t kKnown = ISTHMUS_SEND_UNSTABLE | ISTHMUS_SEND_NOTIFY;
  if (session == nullptr || (source == nullptr && size > 0) || (flags & ~kKnown) != 0) {
    return ISTHMUS_ERROR_CALL_ARGUMENT;
  }
  const target::SendOptions options = {.unstable = (flags & ISTHMUS_SEND_UNSTABLE) != 0,
                                       .notify = (flags & ISTHMUS_SEND_NOTIFY) != 0};
  return capi::Code(
      session->session.SendData(FromTask(task), offset, capi::Bytes(source, size), options));
}

void isthmus_target_completion_init(isthmus_target_completion* completion, size_t size) {
  isthmus_target_completion defaults = {};
  defaults.transfer_length = ISTHMUS_WHAT_MOVED;
  defaults.bidi_transfer_length = ISTHMUS_WHAT_MOVED;
  capi::Init(completion, size, defaults);
}

int isthmus_target_session_complete(isthmus_target_session* session, isthmus_target_task task,
                                    const isthmus_target_completion* completion) {
  if (session == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  target::Completion own;
  if (completion != nullptr) {
    isthmus_target_completion storage;
    const auto* const in = capi::Read(completion, &storage, isthmus_target_completion_init);
    if (in == nullptr) return ISTHMUS_ERROR_CALL_SIZE;
    if (in->sense == nullptr && in->sense_size > 0) return ISTHMUS_ERROR_CALL_ARGUMENT;
    own.status = in->status;
    own.response = in->response;
    own.status_qualifier = in->status_qualifier;
    own.sense = capi::Bytes(in->sense, in->sense_size);
    own.transfer_length = in->transfer_length;
    own.bidi_transfer_length = in->bidi_transfer_length;
  }
  return capi::Code(session->session.Complete(FromTask(task), own));
}

int isthmus_target_session_release(isthmus_target_session* session, isthmus_target_task task) {
  if (session == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  return capi::Code(session->session.Release(FromTask(task)));
}

int isthmus_target_session_abort_tasks(isthmus_target_session* session, const uint8_t lun[8],
                                       bool task_aborted_status, uint64_t cookie) {
  if (session == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  target::AbortScope scope;
  scope.all_luns = lun == nullptr;
  if (lun != nullptr) std::memcpy(scope.lun.data(), lun, scope.lun.size());
  scope.task_aborted_status = task_aborted_status;
  return capi::Code(session->session.AbortTasks(scope, cookie));
}

int isthmus_target_session_answer_task_management(isthmus_target_session* session,
                                                  isthmus_target_request request, uint8_t response,
                                                  uint32_t additional_response_information) {
  if (session == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  return capi::Code(session->session.AnswerTaskManagement(
      FromRequest(request), {.response = response,
                             .additional_response_information = additional_response_information}));
}

int isthmus_target_session_answer_text(isthmus_target_session* session,
                                       isthmus_target_request request, const void* text,
                                       size_t size) {
  if (session == nullptr || (text == nullptr && size > 0)) return ISTHMUS_ERROR_CALL_ARGUMENT;
  return capi::Code(session->session.AnswerText(FromRequest(request), capi::Bytes(text, size)));
}

int isthmus_target_session_request_logout(isthmus_target_session* session,
                                          isthmus_connection_id id, uint16_t timeout_s) {
  if (session == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  return capi::Code(session->session.RequestLogout(capi::FromId(id), timeout_s));
}

void isthmus_async_message_init(isthmus_async_message* message, size_t size) {
  capi::Init(message, size, isthmus_async_message{});
}

int isthmus_target_session_send_async(isthmus_target_session* session, isthmus_connection_id id,
                                      const isthmus_async_message* message) {
  if (session == nullptr || message == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  isthmus_async_message storage;
  const auto* const in = capi::Read(message, &storage, isthmus_async_message_init);
  if (in == nullptr) return ISTHMUS_ERROR_CALL_SIZE;
  if (in->sense == nullptr && in->sense_size > 0) return ISTHMUS_ERROR_CALL_ARGUMENT;
  target::AsyncMessage own;
  own.event = in->event;
  own.vcode = in->vcode;
  own.parameter1 = in->parameter1;
  own.parameter2 = in->parameter2;
  own.parameter3 = in->parameter3;
  std::memcpy(own.lun.data(), in->lun, own.lun.size());
  own.sense = capi::Bytes(in->sense, in->sense_size);
  return capi::Code(session->session.SendAsync(capi::FromId(id), own));
}

int isthmus_target_session_ping(isthmus_target_session* session, isthmus_connection_id id) {
  if (session == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  return capi::Code(session->session.Ping(capi::FromId(id)));
}

int isthmus_target_session_drop(isthmus_target_session* session, int reason) {
  if (session == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  session->session.Drop(capi::Reason(reason, Role::kTarget));
  return ISTHMUS_OK;
}

int isthmus_target_session_parameters(const isthmus_target_session* session,
                                      isthmus_parameters* parameters, size_t size) {
  if (session == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  isthmus::text::Parameters own = session->parameters;
  static_cast<isthmus::text::SessionParameters&>(own) = session->session.parameters();
  return capi::Fill(parameters, size, capi::FromParameters(own));
}

isthmus_text isthmus_target_session_initiator_name(const isthmus_target_session* session) {
  return capi::Text(session == nullptr ? std::string_view() : session->session.initiator_name());
}
isthmus_text isthmus_target_session_target_name(const isthmus_target_session* session) {
  return capi::Text(session == nullptr ? std::string_view() : session->session.target_name());
}
uint16_t isthmus_target_session_tsih(const isthmus_target_session* session) {
  return session == nullptr ? 0 : session->session.tsih();
}
uint32_t isthmus_target_session_exp_cmd_sn(const isthmus_target_session* session) {
  return session == nullptr ? 0 : session->session.exp_cmd_sn();
}
uint32_t isthmus_target_session_max_cmd_sn(const isthmus_target_session* session) {
  return session == nullptr ? 0 : session->session.max_cmd_sn();
}
uint32_t isthmus_target_session_state(const isthmus_target_session* session) {
  return session == nullptr ? 0 : static_cast<uint32_t>(session->session.state());
}
uint32_t isthmus_target_session_connection_state(const isthmus_target_session* session,
                                                 isthmus_connection_id id) {
  return session == nullptr
             ? 0
             : static_cast<uint32_t>(session->session.connection_state(capi::FromId(id)));
}

int isthmus_target_session_counters(const isthmus_target_session* session,
                                    isthmus_connection_id id, isthmus_counters* counters,
                                    size_t size) {
  if (session == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  isthmus_counters own = FromCounters(session->session.counters());
  if (session->session.Has(capi::FromId(id))) {
    capi::AddRx(session->session.rx_counters(capi::FromId(id)), &own);
    capi::AddTx(session->session.tx_counters(capi::FromId(id)), &own);
  }
  return capi::Fill(counters, size, own);
}

}  // extern "C"
