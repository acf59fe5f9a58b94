// Login, commands and ends of both sides through isthmus.h alone. The harness is C (pair.c); numbers of the protocol stand
// here as the RFC has them.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "capi/isthmus.h"
#include "capi/pair.h"
#include "gtest/gtest.h"

namespace {

struct Destroy {
  void operator()(pair* p) const { pair_destroy(p); }
};
using Pair = std::unique_ptr<pair, Destroy>;

Pair Make(const pair_options& options) {
  Pair made(pair_create(&options));
  EXPECT_NE(made, nullptr);
  return made;
}

std::vector<uint8_t> Pattern(size_t size, uint32_t seed) {
  std::vector<uint8_t> bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>((seed = seed * 1664525 + 1013904223) >> 24);
  return bytes;
}

constexpr const char* kBothDigests[] = {"HeaderDigest", "CRC32C", "DataDigest", "CRC32C", nullptr};

bool IsGood(const isthmus_initiator_event* event) {
  return event != nullptr && event->outcome == ISTHMUS_OUTCOME_ANSWERED && event->response == 0 && event->status == 0;
}

void ExpectLogout(pair* p) {
  ASSERT_EQ(isthmus_initiator_session_logout(p->initiator, 0), 0);
  pair_run(p);
  EXPECT_EQ(p->initiator_events[ISTHMUS_INITIATOR_LOGGED_OUT], 1u);
  EXPECT_EQ(p->last_initiator[ISTHMUS_INITIATOR_LOGGED_OUT].logout_response, 0);
  EXPECT_EQ(p->target_events[ISTHMUS_TARGET_LOGGED_OUT], 1u);
  EXPECT_TRUE(p->initiator_ended);
  EXPECT_TRUE(p->target_ended);
  EXPECT_EQ(p->target_errors, 0);
}

// ---- Every chunking, with and without digests, solicited and not.

struct Way {
  const char* digest;
  const char* initial_r2t;
  size_t chunk;
};

class PairTest : public testing::TestWithParam<Way> {};

TEST_P(PairTest, WritesReadsAndLogsOut) {
  const Way way = GetParam();
  const char* const keys[] = {"HeaderDigest", way.digest,        "DataDigest",    way.digest,  "InitialR2T",
                              way.initial_r2t, "MaxBurstLength", "65536",         "FirstBurstLength", "16384",
                              "MaxRecvDataSegmentLength",        "8192", nullptr};
  pair_options options = {};
  options.keys = keys;
  options.chunk = way.chunk;
  options.unasked = true;
  const Pair p = Make(options);
  ASSERT_TRUE(pair_login(p.get()));

  isthmus_parameters parameters;
  ASSERT_EQ(isthmus_initiator_session_parameters(p->initiator, &parameters, sizeof parameters), 0);
  const bool digests = std::string(way.digest) == "CRC32C";
  EXPECT_EQ(parameters.HeaderDigest, digests ? ISTHMUS_DIGEST_CRC32C : ISTHMUS_DIGEST_NONE);
  EXPECT_EQ(parameters.MaxBurstLength, 65536u);
  EXPECT_EQ(parameters.InitialR2T, std::string(way.initial_r2t) == "Yes");
  isthmus_parameters of_target;
  ASSERT_EQ(isthmus_target_session_parameters(p->target, &of_target, sizeof of_target), 0);
  EXPECT_EQ(std::memcmp(&parameters, &of_target, sizeof parameters), 0);
  EXPECT_EQ(isthmus_target_session_tsih(p->target), 1);
  const isthmus_text name = isthmus_target_session_initiator_name(p->target);
  EXPECT_EQ(std::string(name.data, name.size), "iqn.2026-11.example.host:c");

  const std::vector<uint8_t> out = Pattern(200 * PAIR_BLOCK, 1);
  std::vector<uint8_t> in(out.size());
  ASSERT_EQ(pair_submit_write(p.get(), 17, out.data(), 200, 1, nullptr), 0);
  pair_run(p.get());
  ASSERT_TRUE(IsGood(pair_completed(p.get(), 1)));
  EXPECT_EQ(std::memcmp(p->disk + 17 * PAIR_BLOCK, out.data(), out.size()), 0);
  ASSERT_EQ(pair_submit_read(p.get(), 17, in.data(), 200, 2, nullptr), 0);
  pair_run(p.get());
  ASSERT_TRUE(IsGood(pair_completed(p.get(), 2)));
  EXPECT_EQ(pair_completed(p.get(), 2)->data_in_bytes, in.size());
  EXPECT_EQ(in, out);

  isthmus_counters counters;
  ASSERT_EQ(isthmus_initiator_session_counters(p->initiator, &counters, sizeof counters), 0);
  EXPECT_EQ(counters.commands, 2u);
  EXPECT_EQ(counters.read_bytes, in.size());
  EXPECT_EQ(counters.rx_data_digests_by_software > 0, digests);
  ASSERT_EQ(isthmus_target_session_counters(p->target, p->target_id, &counters, sizeof counters), 0);
  EXPECT_EQ(counters.write_bytes, out.size());
  EXPECT_EQ(counters.rx_bytes, p->to_target);
  EXPECT_EQ(counters.tx_bytes, p->to_initiator);

  ExpectLogout(p.get());
  EXPECT_EQ(p->target_events[ISTHMUS_TARGET_TASK_RELEASED], 2u);
  EXPECT_EQ(p->target_events[ISTHMUS_TARGET_ARM_DIGESTS], digests ? 1u : 0u);
}
INSTANTIATE_TEST_SUITE_P(
    Chunks, PairTest,
    testing::Values(Way{"CRC32C", "No", 0}, Way{"CRC32C", "No", 1}, Way{"CRC32C", "Yes", 7}, Way{"CRC32C", "Yes", 48},
                    Way{"None", "No", 1}, Way{"None", "Yes", 0}, Way{"None", "Yes", 4099}));

TEST(PairSourceTest, AnUnstableSourceIsCopiedAndTold) {
  pair_options options = {};
  options.keys = kBothDigests;
  options.staging_bytes = 1 << 20;
  const Pair p = Make(options);
  ASSERT_TRUE(pair_login(p.get()));
  std::vector<uint8_t> in(64 * PAIR_BLOCK);
  ASSERT_EQ(pair_submit_read(p.get(), 0, in.data(), 64, 1, nullptr), 0);
  pair_run(p.get());
  ASSERT_TRUE(IsGood(pair_completed(p.get(), 1)));
  EXPECT_EQ(p->target_events[ISTHMUS_TARGET_SOURCE_RELEASED], 1u);
  EXPECT_EQ(p->last_target[ISTHMUS_TARGET_SOURCE_RELEASED].length, in.size());
  isthmus_counters counters;
  ASSERT_EQ(isthmus_target_session_counters(p->target, p->target_id, &counters, sizeof counters), 0);
  EXPECT_EQ(counters.tx_staged_bytes, in.size());
}

// ---- The trace.

TEST(TraceTest, EveryPduOfBothSides) {
  std::vector<std::max_align_t> memory(isthmus_trace_size(200) / sizeof(std::max_align_t) + 1);
  const size_t size = memory.size() * sizeof(std::max_align_t);
  isthmus_trace* trace = nullptr;
  EXPECT_EQ(isthmus_trace_init(memory.data(), isthmus_trace_size(1) - 1, &trace), 1302);
  ASSERT_EQ(isthmus_trace_init(memory.data(), size, &trace), 0);
  pair_options options = {};
  options.keys = kBothDigests;
  options.trace = trace;
  const Pair p = Make(options);
  p->now_ns = 77;
  ASSERT_TRUE(pair_login(p.get()));
  std::vector<uint8_t> in(PAIR_BLOCK);
  ASSERT_EQ(pair_submit_read(p.get(), 0, in.data(), 1, 1, nullptr), 0);
  pair_run(p.get());
  std::vector<isthmus_trace_record> records;
  std::vector<uint8_t> opcodes;
  isthmus_trace_record record;
  while (isthmus_trace_next(trace, &record)) {
    EXPECT_EQ(record.number, records.size());
    EXPECT_EQ(record.at_ns, 77);
    ASSERT_EQ(record.header_size, 48u);
    opcodes.push_back(record.header[0] & 0x3f);
    records.push_back(record);
  }
  EXPECT_EQ(isthmus_trace_lost(trace), 0u);
  ASSERT_GE(records.size(), 8u);
  // The end: SCSI Command (01h) sent and received, Data-In (25h) with its status sent and received.
  const std::vector<uint8_t> end(opcodes.end() - 4, opcodes.end());
  EXPECT_EQ(end, (std::vector<uint8_t>{0x01, 0x01, 0x25, 0x25}));
  for (size_t i = records.size() - 4; i < records.size(); ++i) {
    const size_t which = i - (records.size() - 4);
    EXPECT_EQ(records[i].sent, which % 2 == 0) << which;
    EXPECT_EQ(records[i].source, which == 0 || which == 3 ? 2u : 1u) << which;
    EXPECT_EQ(records[i].header_verdict, ISTHMUS_GOOD) << which;
    EXPECT_EQ(records[i].data_segment_length, which < 2 ? 0u : unsigned{PAIR_BLOCK}) << which;
  }
  isthmus_target_session_set_trace(p->target, p->target_id, nullptr, 0);
  isthmus_initiator_session_set_trace(p->initiator, p->initiator_id, nullptr, 0);
  ExpectLogout(p.get());
  EXPECT_FALSE(isthmus_trace_next(trace, &record));
}

// ---- CHAP, by a hash that is the test's own.

// Not a hash that anyone should use. Its context counts the calls.
bool ToyHash(void* context, const isthmus_bytes* parts, size_t count, uint8_t* out) {
  ++*static_cast<int*>(context);
  uint64_t state = 1469598103934665603u;
  for (size_t i = 0; i < count; ++i) {
    for (size_t j = 0; j < parts[i].size; ++j) {
      state = (state ^ static_cast<const uint8_t*>(parts[i].data)[j]) * 1099511628211u;
    }
  }
  for (int i = 0; i < 16; ++i) {
    out[i] = static_cast<uint8_t>(state >> 24);
    state = state * 6364136223846793005u + 1442695040888963407u;
  }
  return true;
}

class ChapTest : public testing::Test {
 protected:
  // Borrowed by options_; a table that is not there any more when the login runs.
  Pair MakeWithHashes() {
    const isthmus_hash hashes[] = {{5, 16, {}, &calls_, ToyHash}};
    options_.hashes = hashes;
    options_.hash_count = 1;
    return Make(options_);
  }
  ChapTest() { options_.secret = "a secret of the host"; }
  int calls_ = 0;
  pair_options options_ = {};
};

TEST_F(ChapTest, OneWay) {
  const Pair p = MakeWithHashes();
  ASSERT_TRUE(pair_login(p.get()));
  EXPECT_EQ(calls_, 2);
  EXPECT_EQ(p->last_target[ISTHMUS_TARGET_CLAIM].user_name.size, 5u);  // alice
  ExpectLogout(p.get());
}

TEST_F(ChapTest, Mutual) {
  options_.mutual_secret = "a secret of the disk";
  const Pair p = MakeWithHashes();
  ASSERT_TRUE(pair_login(p.get()));
  EXPECT_GE(calls_, 4);  // each side computes its own response and the other's
  ExpectLogout(p.get());
}

TEST_F(ChapTest, AWrongSecretIsToldToBoth) {
  options_.wrong_secret = "not the secret at all";
  const Pair p = MakeWithHashes();
  EXPECT_FALSE(pair_login(p.get()));
  EXPECT_EQ(p->target_events[ISTHMUS_TARGET_CLAIM], 0u);
  ASSERT_EQ(p->initiator_events[ISTHMUS_INITIATOR_LOGIN_FAILED], 1u);
  const isthmus_initiator_event& failed = p->last_initiator[ISTHMUS_INITIATOR_LOGIN_FAILED];
  EXPECT_EQ(failed.login_failure, ISTHMUS_LOGIN_AUTHENTICATION_FAILED);
  EXPECT_EQ(failed.status_class, 2);  // section 11.13.5: 0x0201
  EXPECT_EQ(failed.status_detail, 1);
  EXPECT_STREQ(isthmus_error_name(p->last_target[ISTHMUS_TARGET_DISCONNECT].error.code), "ChapResponse");
}

TEST_F(ChapTest, OptionsThatCannotBe) {
  isthmus_initiator_connection_options options;
  isthmus_initiator_connection_options_init(&options, sizeof options);
  options.initiator_name = "iqn.2026-11.example:a";
  options.chap_name = "alice";
  options.chap_secret = {"short", 5};
  EXPECT_EQ(isthmus_initiator_connection_check(&options), 1302);  // without MD5
  isthmus_hash hashes[9] = {{5, 16, {}, &calls_, ToyHash}};
  options.hashes = hashes;
  options.hash_count = 1;
  EXPECT_EQ(isthmus_initiator_connection_check(&options), 1313);  // CallSecretTooShort
  options.chap_secret = {"twelve bytes", 12};
  EXPECT_EQ(isthmus_initiator_connection_check(&options), 0);
  options.chap_target_secret = options.chap_secret;
  EXPECT_EQ(isthmus_initiator_connection_check(&options), 1314);  // CallSecretShared
  options.chap_target_secret = {};
  options.hash_count = 9;
  EXPECT_EQ(isthmus_initiator_connection_check(&options), 1302);
  options.hash_count = 2;  // the second computes nothing
  EXPECT_EQ(isthmus_initiator_connection_check(&options), 1302);
  options.hash_count = 1;
  options.initiator_name = "host";
  EXPECT_EQ(isthmus_initiator_connection_check(&options), 1315);  // CallName
  EXPECT_EQ(isthmus_initiator_connection_size(&options), 0u);
}

// ---- Ends of tasks and sessions.

class HeldTest : public testing::Test {
 protected:
  void SetUp() override {
    pair_options options = {};
    options.keys = kBothDigests;
    options.hold = true;
    pair_ = Make(options);
    ASSERT_TRUE(pair_login(pair_.get()));
    ASSERT_EQ(pair_submit_read(pair_.get(), 0, in_.data(), 1, 1, &task_), 0);
    pair_run(pair_.get());
    ASSERT_EQ(pair_completed(pair_.get(), 1), nullptr);
    ASSERT_EQ(isthmus_initiator_session_outstanding(pair_->initiator), 1u);
  }
  Pair pair_;
  std::vector<uint8_t> in_ = std::vector<uint8_t>(PAIR_BLOCK);
  uint32_t task_ = ISTHMUS_NO_TASK;
};

TEST_F(HeldTest, AbortTask) {
  ASSERT_EQ(isthmus_initiator_session_abort(pair_->initiator, task_, 9), 0);
  pair_run(pair_.get());
  ASSERT_NE(pair_completed(pair_.get(), 1), nullptr);
  EXPECT_EQ(pair_completed(pair_.get(), 1)->outcome, ISTHMUS_OUTCOME_ABORTED);
  EXPECT_EQ(pair_->target_events[ISTHMUS_TARGET_TASK_ABORTED], 1u);
  const isthmus_initiator_event& done = pair_->last_initiator[ISTHMUS_INITIATOR_TASK_MANAGEMENT_DONE];
  EXPECT_EQ(done.cookie, 9u);
  EXPECT_EQ(done.tmf_response, 0);
  EXPECT_EQ(isthmus_initiator_session_abort(pair_->initiator, task_, 9), 1303);  // CallUnknownTask
  ExpectLogout(pair_.get());
}

TEST_F(HeldTest, LogicalUnitReset) {
  isthmus_initiator_task_management request;
  isthmus_initiator_task_management_init(&request, sizeof request);
  request.function = 5;  // LOGICAL UNIT RESET
  request.cookie = 4;
  uint32_t tag = ISTHMUS_NO_TASK;
  ASSERT_EQ(isthmus_initiator_session_send_task_management(pair_->initiator, &request, &tag), 0);
  EXPECT_NE(tag, ISTHMUS_NO_TASK);
  pair_run(pair_.get());
  ASSERT_NE(pair_completed(pair_.get(), 1), nullptr);
  EXPECT_EQ(pair_completed(pair_.get(), 1)->outcome, ISTHMUS_OUTCOME_ABORTED);
  EXPECT_EQ(pair_->last_initiator[ISTHMUS_INITIATOR_TASK_MANAGEMENT_DONE].cookie, 4u);
  request.function = 8;  // TASK REASSIGN needs ErrorRecoveryLevel 2
  EXPECT_NE(isthmus_initiator_session_send_task_management(pair_->initiator, &request, &tag), 0);
  ExpectLogout(pair_.get());
}

TEST_F(HeldTest, TheTargetAbortsForAnotherSession) {
  ASSERT_EQ(isthmus_target_session_abort_tasks(pair_->target, nullptr, true, 33), 0);
  pair_run(pair_.get());
  EXPECT_EQ(pair_->last_target[ISTHMUS_TARGET_SCOPE_ABORTED].cookie, 33u);
  ASSERT_NE(pair_completed(pair_.get(), 1), nullptr);
}

TEST_F(HeldTest, ALostConnectionIsReported) {
  pair_cut(pair_.get());
  ASSERT_NE(pair_completed(pair_.get(), 1), nullptr);
  EXPECT_EQ(pair_completed(pair_.get(), 1)->outcome, ISTHMUS_OUTCOME_CONNECTION_LOST);
  EXPECT_EQ(pair_->initiator_events[ISTHMUS_INITIATOR_CONNECTION_LOST], 1u);
  EXPECT_FALSE(isthmus_initiator_session_connected(pair_->initiator));
  EXPECT_TRUE(pair_->target_ended);
  EXPECT_EQ(pair_->target_events[ISTHMUS_TARGET_TASK_RELEASED], 1u);
  isthmus_counters counters;
  ASSERT_EQ(isthmus_initiator_session_counters(pair_->initiator, &counters, sizeof counters), 0);
  EXPECT_EQ(counters.commands, 1u);
  EXPECT_EQ(counters.rx_pdus, 0u);
  ASSERT_EQ(isthmus_target_session_counters(pair_->target, pair_->target_id, &counters, sizeof counters), 0);
  EXPECT_EQ(isthmus_target_session_ping(pair_->target, pair_->target_id), 1304);  // CallUnknownConnection
  ASSERT_EQ(isthmus_initiator_session_end(pair_->initiator), 0);
  pair_run(pair_.get());
  EXPECT_TRUE(pair_->initiator_ended);
}

TEST_F(HeldTest, PingsBothWaysAndAnAsynchronousLogout) {
  const char data[] = "how are you";
  ASSERT_EQ(isthmus_initiator_session_ping(pair_->initiator, data, sizeof data, 6), 0);
  ASSERT_EQ(isthmus_target_session_ping(pair_->target, pair_->target_id), 0);
  pair_run(pair_.get());
  EXPECT_EQ(pair_->last_initiator[ISTHMUS_INITIATOR_PONG].cookie, 6u);
  isthmus_counters counters;
  ASSERT_EQ(isthmus_initiator_session_counters(pair_->initiator, &counters, sizeof counters), 0);
  EXPECT_EQ(counters.pings_answered, 1u);
  pair_answer_held(pair_.get());
  pair_run(pair_.get());
  ASSERT_EQ(isthmus_target_session_request_logout(pair_->target, pair_->target_id, 5), 0);
  pair_run(pair_.get());
  EXPECT_EQ(pair_->last_initiator[ISTHMUS_INITIATOR_ASYNC_MESSAGE].async_event, 1);  // section 11.9.1
  EXPECT_EQ(pair_->last_initiator[ISTHMUS_INITIATOR_ASYNC_MESSAGE].parameter3, 5);
  EXPECT_EQ(pair_->target_errors, 0);
}

TEST_F(HeldTest, ResidualsAndSense) {
  isthmus_target_completion completion;
  isthmus_target_completion_init(&completion, sizeof completion);
  const uint8_t sense[18] = {0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x24};
  completion.status = 2;  // CHECK CONDITION
  completion.sense = sense;
  completion.sense_size = sizeof sense;
  completion.transfer_length = PAIR_BLOCK + 100;
  ASSERT_EQ(isthmus_target_session_complete(pair_->target, pair_->held[0], &completion), 0);
  EXPECT_NE(isthmus_target_session_complete(pair_->target, pair_->held[0], nullptr), 0);
  pair_run(pair_.get());
  const isthmus_initiator_event* const event = pair_completed(pair_.get(), 1);
  ASSERT_NE(event, nullptr);
  EXPECT_EQ(event->status, 2);
  EXPECT_EQ(event->data.size, sizeof sense);
  EXPECT_EQ(event->residual_kind, ISTHMUS_RESIDUAL_OVERFLOW);
  EXPECT_EQ(event->residual_count, 100u);
}

TEST(DiscoveryTest, SendTargets) {
  pair_options options = {};
  options.discovery = true;
  const Pair p = Make(options);
  ASSERT_TRUE(pair_login(p.get()));
  char answer[512];
  ASSERT_EQ(isthmus_initiator_session_send_targets(p->initiator, "All", answer, sizeof answer, 5), 0);
  pair_run(p.get());
  EXPECT_TRUE(p->last_target[ISTHMUS_TARGET_SEND_TARGETS].send_targets_all);
  EXPECT_EQ(p->target_events[ISTHMUS_TARGET_TEXT_RELEASED], 1u);
  const isthmus_initiator_event& event = p->last_initiator[ISTHMUS_INITIATOR_TEXT_RECEIVED];
  EXPECT_EQ(event.cookie, 5u);
  EXPECT_EQ(event.data.data, answer);
  size_t position = 0;
  isthmus_text key, value;
  ASSERT_TRUE(isthmus_text_next(answer, event.data.size, &position, &key, &value));
  EXPECT_EQ(std::string(value.data, value.size), "iqn.2026-11.example.target:disk");
  ASSERT_TRUE(isthmus_text_next(answer, event.data.size, &position, &key, &value));
  EXPECT_EQ(std::string(value.data, value.size), "192.0.2.1:3260,1");
  uint8_t block[PAIR_BLOCK];
  EXPECT_EQ(pair_submit_read(p.get(), 0, block, 1, 1, nullptr), 1321);  // CallDiscovery
  ExpectLogout(p.get());
}

// ---- Misuse is refused and changes nothing.

TEST(MisuseTest, WrongStates) {
  const Pair p = Make(pair_options{});
  isthmus_target_lookup_answer lookup;
  isthmus_target_lookup_answer_init(&lookup, sizeof lookup);
  EXPECT_EQ(isthmus_target_connection_answer_lookup(p->target_connection, &lookup), 1301);  // CallOutOfState
  isthmus_target_claim_answer claim;
  isthmus_target_claim_answer_init(&claim, sizeof claim);
  EXPECT_EQ(isthmus_target_connection_answer_claim(p->target_connection, &claim), 1301);

  std::vector<std::max_align_t> memory(1 << 16);
  const size_t size = memory.size() * sizeof(std::max_align_t);
  isthmus_connection_id id = {};
  isthmus_target_session_options target_options;
  isthmus_target_session_options_init(&target_options, sizeof target_options);
  isthmus_target_session* target = nullptr;
  ASSERT_EQ(isthmus_target_session_init(memory.data(), size, &target_options, &target), 0);
  EXPECT_EQ(isthmus_target_session_attach(target, p->target_connection, &id), 1301);
  isthmus_target_session_destroy(target);
  isthmus_initiator_session_options initiator_options;
  isthmus_initiator_session_options_init(&initiator_options, sizeof initiator_options);
  isthmus_initiator_session* initiator = nullptr;
  ASSERT_EQ(isthmus_initiator_session_init(memory.data(), size, &initiator_options, &initiator), 0);
  EXPECT_EQ(isthmus_initiator_session_attach(initiator, p->initiator_connection, &id), 1301);
  isthmus_initiator_session_destroy(initiator);

  ASSERT_TRUE(pair_login(p.get()));
  // The handles are empty now.
  isthmus_target_event event;
  isthmus_tx_slice slices[4];
  isthmus_parameters parameters;
  EXPECT_FALSE(isthmus_target_connection_next(p->target_connection, &event));
  EXPECT_EQ(isthmus_target_connection_poll_transmit(p->target_connection, slices, 4, 0), 0u);
  EXPECT_EQ(isthmus_target_connection_parameters(p->target_connection, &parameters, sizeof parameters), 1301);
  EXPECT_EQ(isthmus_initiator_connection_parameters(p->initiator_connection, &parameters, sizeof parameters), 1301);
  EXPECT_EQ(isthmus_target_session_attach(p->target, p->target_connection, &id), 1301);
  EXPECT_EQ(isthmus_initiator_session_attach(p->initiator, p->initiator_connection, &id), 1301);
  isthmus_target_connection_on_sent(p->target_connection, 100);
  isthmus_target_connection_on_transport_closed(p->target_connection, 0);

  // Nothing that is named exists.
  const isthmus_target_task no_task = {1u << 30, 77};
  uint8_t byte = 0;
  EXPECT_EQ(isthmus_target_session_accept_data(p->target, no_task, 0, &byte, 1), 1303);  // CallUnknownTask
  EXPECT_EQ(isthmus_target_session_send_data(p->target, no_task, 0, &byte, 1, 0), 1303);
  EXPECT_EQ(isthmus_target_session_send_data(p->target, no_task, 0, &byte, 1, 64), 1302);
  EXPECT_EQ(isthmus_target_session_complete(p->target, no_task, nullptr), 1303);
  EXPECT_EQ(isthmus_target_session_release(p->target, no_task), 1303);
  EXPECT_EQ(isthmus_target_session_refuse(p->target, no_task, 8), 1303);
  EXPECT_NE(isthmus_target_session_answer_task_management(p->target, {1u << 30, 5}, 0, 0), 0);
  EXPECT_NE(isthmus_target_session_answer_text(p->target, {1u << 30, 5}, nullptr, 0), 0);
  EXPECT_EQ(isthmus_initiator_session_abort(p->initiator, 0x12345678, 0), 1303);
  const isthmus_connection_id no_id = {1u << 30, 5};
  isthmus_rx_segment segment;
  isthmus_rx_segment_init(&segment, sizeof segment);
  EXPECT_FALSE(isthmus_target_session_receive(p->target, no_id, &segment, 0));
  EXPECT_EQ(isthmus_target_session_poll_transmit(p->target, no_id, slices, 4, 0), 0u);
  EXPECT_EQ(isthmus_target_session_connection_state(p->target, no_id), unsigned{ISTHMUS_CONNECTION_FREE});
  EXPECT_EQ(isthmus_target_session_ping(p->target, no_id), 1304);
  isthmus_target_session_on_sent(p->target, no_id, 5);
  isthmus_target_session_on_transport_done(p->target, no_id, 5);
  isthmus_target_session_on_transport_closed(p->target, no_id, 1201);

  // Segments and commands that cannot be.
  segment.size = 8;
  EXPECT_FALSE(isthmus_target_session_receive(p->target, p->target_id, &segment, 0));
  segment.size = sizeof segment;
  segment.data_size = 5;
  EXPECT_FALSE(isthmus_target_session_receive(p->target, p->target_id, &segment, 0));
  isthmus_initiator_command command;
  isthmus_initiator_command_init(&command, sizeof command);
  EXPECT_EQ(isthmus_initiator_session_submit(p->initiator, &command, nullptr), 1308);  // CallCdbLength
  command.cdb_size = 6;
  EXPECT_EQ(isthmus_initiator_session_submit(p->initiator, &command, nullptr), 1302);
  EXPECT_EQ(isthmus_initiator_session_logout(p->initiator, 3), 1302);
  ExpectLogout(p.get());
}

TEST(MisuseTest, NullEverywhere) {
  isthmus_target_event event;
  isthmus_initiator_event initiator_event;
  isthmus_counters counters;
  isthmus_parameters parameters;
  isthmus_evidence evidence = {};
  isthmus_connection_id id = {};
  EXPECT_EQ(isthmus_target_connection_size(nullptr), 0u);
  EXPECT_EQ(isthmus_initiator_connection_size(nullptr), 0u);
  EXPECT_EQ(isthmus_target_session_size(nullptr), 0u);
  EXPECT_EQ(isthmus_initiator_session_size(nullptr), 0u);
  EXPECT_FALSE(isthmus_target_session_next(nullptr, &event));
  EXPECT_FALSE(isthmus_initiator_session_next(nullptr, &initiator_event));
  EXPECT_FALSE(isthmus_target_session_receive(nullptr, id, nullptr, 0));
  EXPECT_FALSE(isthmus_initiator_session_receive(nullptr, id, nullptr, 0));
  EXPECT_EQ(isthmus_target_session_poll_transmit(nullptr, id, nullptr, 8, 0), 0u);
  EXPECT_EQ(isthmus_initiator_session_poll_transmit(nullptr, id, nullptr, 8, 0), 0u);
  EXPECT_EQ(isthmus_target_session_want_rx(nullptr, id, nullptr, 8), 0u);
  EXPECT_EQ(isthmus_target_session_poll_timeout(nullptr).at_ns, INT64_MAX);
  EXPECT_EQ(isthmus_initiator_session_poll_timeout(nullptr).reason, unsigned{ISTHMUS_DEADLINE_NONE});
  isthmus_target_session_resolve(nullptr, id, 1, &evidence, &evidence);
  isthmus_initiator_session_handle_timeout(nullptr, 0);
  isthmus_target_connection_destroy(nullptr);
  isthmus_initiator_session_destroy(nullptr);
  EXPECT_EQ(isthmus_target_session_complete(nullptr, {}, nullptr), 1302);
  EXPECT_EQ(isthmus_target_session_drop(nullptr, 0), 1302);
  EXPECT_EQ(isthmus_initiator_session_submit(nullptr, nullptr, nullptr), 1302);
  EXPECT_EQ(isthmus_initiator_session_logout(nullptr, 0), 1302);
  EXPECT_EQ(isthmus_target_session_counters(nullptr, id, &counters, sizeof counters), 1302);
  EXPECT_EQ(isthmus_initiator_session_parameters(nullptr, &parameters, sizeof parameters), 1302);
  EXPECT_EQ(isthmus_offer_set(nullptr, "InitialR2T", "No"), 1302);
  EXPECT_EQ(isthmus_offer_key(nullptr, 0), nullptr);
  EXPECT_FALSE(isthmus_receiver_push(nullptr, nullptr));
  const Pair p = Make(pair_options{});
  EXPECT_FALSE(isthmus_target_connection_next(p->target_connection, nullptr));
  EXPECT_FALSE(isthmus_target_connection_receive(p->target_connection, nullptr, 0));
  EXPECT_EQ(isthmus_target_connection_poll_transmit(p->target_connection, nullptr, 8, 0), 0u);
  EXPECT_EQ(isthmus_target_connection_answer_lookup(p->target_connection, nullptr), 1302);
  EXPECT_EQ(isthmus_initiator_connection_counters(p->initiator_connection, nullptr, 8), 1302);
  EXPECT_EQ(isthmus_initiator_connection_counters(p->initiator_connection, &counters, 8), 1317);
}

TEST(DeadlineTest, ALoginThatDoesNotComeEnds) {
  const Pair p = Make(pair_options{});
  isthmus_target_connection_handle_timeout(p->target_connection, 1000);
  const isthmus_deadline deadline = isthmus_target_connection_poll_timeout(p->target_connection);
  EXPECT_EQ(deadline.reason, unsigned{ISTHMUS_DEADLINE_LOGIN});
  EXPECT_STREQ(isthmus_deadline_name(deadline.reason), "login");
  EXPECT_EQ(deadline.at_ns, 1000 + INT64_C(15'000'000'000));
  isthmus_target_connection_handle_timeout(p->target_connection, deadline.at_ns);
  isthmus_target_event event;
  ASSERT_TRUE(isthmus_target_connection_next(p->target_connection, &event));
  EXPECT_EQ(event.kind, unsigned{ISTHMUS_TARGET_DISCONNECT});
  EXPECT_STREQ(isthmus_error_name(event.error.code), "LoginDeadline");
}

// ---- The receiver on its own.

TEST(ReceiverTest, PdusOfALogin) {
  const Pair p = Make(pair_options{});
  isthmus_tx_slice slices[8];
  const size_t count = isthmus_initiator_connection_poll_transmit(p->initiator_connection, slices, 8, 0);
  ASSERT_GT(count, 0u);
  std::vector<uint8_t> stream;
  for (size_t i = 0; i < count; ++i) {
    const auto* const data = static_cast<const uint8_t*>(slices[i].data);
    stream.insert(stream.end(), data, data + slices[i].size);
  }
  EXPECT_NE(slices[0].flags & ISTHMUS_PDU_START, 0u);
  EXPECT_NE(slices[count - 1].flags & ISTHMUS_PDU_END, 0u);

  isthmus_receiver_options options;
  isthmus_receiver_options_init(&options, sizeof options);
  std::vector<std::max_align_t> memory(isthmus_receiver_size(&options) / sizeof(std::max_align_t) + 1);
  isthmus_receiver* receiver = nullptr;
  ASSERT_EQ(isthmus_receiver_init(memory.data(), memory.size() * sizeof(std::max_align_t), &options, &receiver), 0);
  isthmus_rx_segment segment;
  isthmus_rx_segment_init(&segment, sizeof segment);
  segment.data = stream.data();
  segment.data_size = stream.size();
  ASSERT_TRUE(isthmus_receiver_push(receiver, &segment));
  EXPECT_EQ(isthmus_receiver_set_scratch(receiver), 1301);
  isthmus_rx_item item;
  ASSERT_TRUE(isthmus_receiver_next(receiver, &item));
  EXPECT_EQ(item.kind, ISTHMUS_RX_HEADER);
  EXPECT_EQ(item.header[0], 0x43);  // Login Request, I bit
  char line[768];
  const size_t size = isthmus_pdu_dump(item.header, line, sizeof line);
  EXPECT_EQ(size, std::strlen(line));
  EXPECT_EQ(std::string(line).rfind("Login Request ", 0), 0u) << line;
  char cut[8];
  EXPECT_EQ(isthmus_pdu_dump(item.header, cut, sizeof cut), 7u);
  EXPECT_STREQ(cut, "Login R");
  ASSERT_GT(item.data_segment_length, 0u);
  std::vector<uint8_t> sink(item.data_segment_length);
  EXPECT_EQ(isthmus_receiver_set_sink(receiver, sink.data(), sink.size() - 1), 1310);  // CallLength
  ASSERT_EQ(isthmus_receiver_set_sink(receiver, sink.data(), sink.size()), 0);
  ASSERT_TRUE(isthmus_receiver_next(receiver, &item));
  EXPECT_EQ(item.kind, ISTHMUS_RX_END);
  EXPECT_EQ(item.data, sink.data());
  size_t position = 0;
  isthmus_text key, value;
  ASSERT_TRUE(isthmus_text_next(item.data, item.data_segment_length, &position, &key, &value));
  EXPECT_EQ(std::string(key.data, key.size), "InitiatorName");
  EXPECT_FALSE(isthmus_receiver_next(receiver, &item));

  segment.stream_offset = stream.size();
  std::vector<uint8_t> junk(48);
  junk[5] = junk[6] = junk[7] = 0xff;  // DataSegmentLength, above any MaxRecvDataSegmentLength here
  segment.data = junk.data();
  segment.data_size = junk.size();
  ASSERT_TRUE(isthmus_receiver_push(receiver, &segment));
  ASSERT_TRUE(isthmus_receiver_next(receiver, &item));
  EXPECT_EQ(item.kind, ISTHMUS_RX_ERROR);
  EXPECT_STREQ(isthmus_error_name(item.error.code), "DataSegmentTooLong");
  isthmus_receiver_destroy(receiver);
}

}  // namespace
