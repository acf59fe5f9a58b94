// What one side's engine costs, by itself: instructions of 4 KiB reads and writes, through isthmus.h and through the C++
// classes, and bytes of memory by limits. tools/bench embedding runs it under callgrind, which counts inside measured_step()
// only.
//
//   embedding_cost c|cpp target|initiator read|write CRC32C|None COUNT      that side is measured, the other is C++
//   embedding_cost sizes                                                    JSON: bytes by limits
//
// Both sides stand in this program; what one gives is gathered into a buffer, as a transport does, outside of what is
// counted, and handed to the other as one segment.
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "capi/isthmus.h"
#include "digest/select.h"
#include "initiator/connection.h"
#include "initiator/session.h"
#include "protocol/connection/segment.h"
#include "protocol/text/key_setting.h"
#include "protocol/text/key_table.h"
#include "target/connection.h"
#include "target/session.h"

namespace {

using isthmus::ConnectionId;
using isthmus::Instant;
using isthmus::RxSegment;
using isthmus::TxSlice;

constexpr size_t kBytes = 4096;
constexpr char kTarget[] = "iqn.2026-11.example.target:disk";
constexpr char kInitiator[] = "iqn.2026-11.example.host:a";
constexpr std::array<uint8_t, 10> kRead = {0x28, 0, 0, 0, 0, 0, 0, 0, 8, 0};
constexpr std::array<uint8_t, 10> kWrite = {0x2a, 0, 0, 0, 0, 0, 0, 0, 8, 0};

alignas(64) uint8_t disk[kBytes];
alignas(64) uint8_t data[kBytes];
bool reading;
const char* digests;

void Require(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "embedding_cost: %s\n", what);
  std::exit(1);
}

// One side with its embedder: bytes in; answers what they mean; bytes out.
class Side {
 public:
  virtual ~Side() = default;
  void Step(std::span<const uint8_t> in) {
    TransportDone(sent_);
    if (!in.empty()) {
      Receive(received_, in);
      received_ += in.size();
    }
    Drain();
    count_ = Poll();
    size_t bytes = 0;
    for (size_t i = 0; i < count_; ++i) bytes += pieces_[i].size;
    if (bytes > 0) Sent(bytes);
    sent_ += bytes;
  }
  virtual bool ready() const = 0;  // logged in
  virtual void Submit() {}         // initiators: one command
  uint64_t completed() const { return completed_; }
  // Appends what the last Step() gave.
  void Gather(std::vector<uint8_t>* out) const {
    for (size_t i = 0; i < count_; ++i) {
      const auto* const at = static_cast<const uint8_t*>(pieces_[i].data);
      out->insert(out->end(), at, at + pieces_[i].size);
    }
  }

 protected:
  virtual void Receive(uint64_t offset, std::span<const uint8_t> in) = 0;
  virtual void Drain() = 0;
  virtual size_t Poll() = 0;  // fills pieces_
  virtual void Sent(size_t bytes) = 0;
  virtual void TransportDone(uint64_t offset) = 0;

  static constexpr size_t kPieces = 16;
  std::array<isthmus_bytes, kPieces> pieces_;
  uint64_t completed_ = 0;

 private:
  size_t count_ = 0;
  uint64_t received_ = 0, sent_ = 0;
};

// ---- By the C++ classes: C is a connection, S its session.

isthmus::text::Offer OfferOf(isthmus::text::Offer offer) {
  using isthmus::text::Key;
  for (Key key : {Key::kHeaderDigest, Key::kDataDigest}) {
    Require(isthmus::text::SetKey(&offer, key, digests) == isthmus::text::SettingProblem::kNone, "digest");
  }
  offer.InitialR2T = false;
  return offer;
}

template <class C, class S, class Event>
class CppSide : public Side {
 public:
  bool ready() const override { return session_.has_value(); }

 protected:
  virtual void On(const Event& event) = 0;
  void Receive(uint64_t offset, std::span<const uint8_t> in) override {
    RxSegment segment;
    segment.stream_offset = offset;
    segment.bytes = std::as_bytes(in);
    Require(session_ ? session_->Receive(id_, segment, Instant{}) : connection_->Receive(segment, Instant{}), "full");
  }
  void Drain() override {
    for (Event event; session_ ? session_->Next(&event) : connection_->Next(&event);) On(event);
  }
  size_t Poll() override {
    std::array<TxSlice, kPieces> slices;
    const size_t n = session_ ? session_->PollTransmit(id_, slices, Instant{}) : connection_->PollTransmit(slices, Instant{});
    for (size_t i = 0; i < n; ++i) pieces_[i] = {slices[i].data, slices[i].size};
    return n;
  }
  void Sent(size_t bytes) override { session_ ? session_->OnSent(id_, bytes) : connection_->OnSent(bytes); }
  void TransportDone(uint64_t offset) override {
    session_ ? session_->OnTransportDone(id_, offset) : connection_->OnTransportDone(offset);
  }
  void Attach() {
    session_.emplace(S::OnHeap({}));
    Require(session_->Attach(std::move(*connection_), &id_).ok(), "attach");
  }
  std::optional<C> connection_;
  std::optional<S> session_;
  ConnectionId id_;
};

class CppTarget final : public CppSide<isthmus::target::Connection, isthmus::target::Session, isthmus::target::Event> {
 public:
  CppTarget() {
    isthmus::target::ConnectionOptions options;
    options.kernel = &isthmus::digest::SelectKernel();
    connection_.emplace(isthmus::target::Connection::OnHeap(options));
  }

 private:
  void On(const isthmus::target::Event& event) override {
    using isthmus::target::EventKind;
    switch (event.kind) {
      case EventKind::kLookup: {
        isthmus::target::LookupAnswer answer;
        answer.offer = OfferOf({});
        answer.offer.TargetPortalGroupTag = 1;
        Require(connection_->AnswerLookup(answer).ok(), "lookup");
        break;
      }
      case EventKind::kClaim: {
        isthmus::target::ClaimAnswer answer;
        answer.tsih = 1;
        Require(connection_->AnswerClaim(answer).ok(), "claim");
        break;
      }
      case EventKind::kLoginDone:
        Attach();
        break;
      case EventKind::kBegin:
        Require(session_->AcceptData(event.task, 0, std::as_writable_bytes(std::span(disk))).ok(), "window");
        break;
      case EventKind::kCommand:
        if (event.write) break;
        Require(session_->SendData(event.task, 0, std::as_bytes(std::span(disk)), {}).ok(), "source");
        Require(session_->Complete(event.task, {}).ok(), "complete");
        break;
      case EventKind::kDataReceived:
        Require(session_->Complete(event.task, {}).ok(), "complete");
        break;
      case EventKind::kTaskReleased:
        ++completed_;
        break;
      default:
        break;
    }
  }
};

class CppInitiator final
    : public CppSide<isthmus::initiator::Connection, isthmus::initiator::Session, isthmus::initiator::Event> {
 public:
  CppInitiator() {
    isthmus::initiator::ConnectionOptions options;
    options.initiator_name = kInitiator;
    options.target_name = kTarget;
    options.isid[0] = std::byte{0x80};
    options.offer = OfferOf(isthmus::initiator::DefaultOffer());
    options.kernel = &isthmus::digest::SelectKernel();
    connection_.emplace(isthmus::initiator::Connection::OnHeap(options));
  }
  void Submit() override {
    isthmus::initiator::Command command;
    command.cdb = std::as_bytes(std::span(reading ? kRead : kWrite));
    if (reading) {
      command.data_in = std::as_writable_bytes(std::span(data));
    } else {
      command.data_out = std::as_bytes(std::span(data));
    }
    isthmus::initiator::TaskId task;
    Require(session_->Submit(command, &task).ok(), "submit");
  }

 private:
  void On(const isthmus::initiator::Event& event) override {
    if (event.kind == isthmus::initiator::EventKind::kLoginDone) Attach();
    if (event.kind == isthmus::initiator::EventKind::kCompleted) {
      Require(event.outcome == isthmus::initiator::Outcome::kAnswered && event.status == 0, "command");
      ++completed_;
    }
  }
};

// ---- By isthmus.h.

void* Memory(size_t size) {
  void* const memory = std::malloc(size);
  Require(size > 0 && memory != nullptr, "memory");
  return memory;
}

isthmus_offer* MakeOffer(int role) {
  isthmus_offer* offer = nullptr;
  Require(isthmus_offer_init(Memory(isthmus_offer_size()), isthmus_offer_size(), role, &offer) == 0 &&
              isthmus_offer_set(offer, "HeaderDigest", digests) == 0 &&
              isthmus_offer_set(offer, "DataDigest", digests) == 0 && isthmus_offer_set(offer, "InitialR2T", "No") == 0,
          "offer");
  return offer;
}

isthmus_rx_segment SegmentOf(uint64_t offset, std::span<const uint8_t> in) {
  isthmus_rx_segment segment = {};
  segment.size = sizeof segment;
  segment.stream_offset = offset;
  segment.data = in.data();
  segment.data_size = in.size();
  return segment;
}

// The entries of one side, by the names that isthmus.h gives them.
#define ISTHMUS_FACE(side, Name)                                                                  \
  struct Name {                                                                                   \
    using Connection = isthmus_##side##_connection;                                               \
    using Session = isthmus_##side##_session;                                                     \
    using Event = isthmus_##side##_event;                                                         \
    using Options = isthmus_##side##_session_options;                                             \
    static constexpr auto connection_receive = isthmus_##side##_connection_receive;               \
    static constexpr auto connection_next = isthmus_##side##_connection_next;                     \
    static constexpr auto connection_poll_transmit = isthmus_##side##_connection_poll_transmit;   \
    static constexpr auto connection_on_sent = isthmus_##side##_connection_on_sent;               \
    static constexpr auto connection_on_transport_done =                                          \
        isthmus_##side##_connection_on_transport_done;                                            \
    static constexpr auto receive = isthmus_##side##_session_receive;                             \
    static constexpr auto next = isthmus_##side##_session_next;                                   \
    static constexpr auto poll_transmit = isthmus_##side##_session_poll_transmit;                 \
    static constexpr auto on_sent = isthmus_##side##_session_on_sent;                             \
    static constexpr auto on_transport_done = isthmus_##side##_session_on_transport_done;         \
    static constexpr auto options_init = isthmus_##side##_session_options_init;                   \
    static constexpr auto size = isthmus_##side##_session_size;                                   \
    static constexpr auto init = isthmus_##side##_session_init;                                   \
    static constexpr auto attach = isthmus_##side##_session_attach;                               \
  }
ISTHMUS_FACE(target, TargetFace);
ISTHMUS_FACE(initiator, InitiatorFace);
#undef ISTHMUS_FACE

template <class Face>
class CSide : public Side {
 public:
  bool ready() const override { return session_ != nullptr; }

 protected:
  virtual void On(const typename Face::Event& event) = 0;
  void Receive(uint64_t offset, std::span<const uint8_t> in) override {
    const isthmus_rx_segment segment = SegmentOf(offset, in);
    Require(session_ != nullptr ? Face::receive(session_, id_, &segment, 0)
                                : Face::connection_receive(connection_, &segment, 0),
            "full");
  }
  void Drain() override {
    typename Face::Event event;
    while (session_ != nullptr ? Face::next(session_, &event) : Face::connection_next(connection_, &event)) On(event);
  }
  size_t Poll() override {
    isthmus_tx_slice slices[kPieces];
    const size_t n = session_ != nullptr ? Face::poll_transmit(session_, id_, slices, kPieces, 0)
                                         : Face::connection_poll_transmit(connection_, slices, kPieces, 0);
    for (size_t i = 0; i < n; ++i) pieces_[i] = {slices[i].data, slices[i].size};
    return n;
  }
  void Sent(size_t bytes) override {
    session_ != nullptr ? Face::on_sent(session_, id_, bytes) : Face::connection_on_sent(connection_, bytes);
  }
  void TransportDone(uint64_t offset) override {
    session_ != nullptr ? Face::on_transport_done(session_, id_, offset)
                        : Face::connection_on_transport_done(connection_, offset);
  }
  void Attach() {
    typename Face::Options options;
    Face::options_init(&options, sizeof options);
    const size_t size = Face::size(&options);
    Require(Face::init(Memory(size), size, &options, &session_) == 0 && Face::attach(session_, connection_, &id_) == 0,
            "attach");
  }
  typename Face::Connection* connection_ = nullptr;
  typename Face::Session* session_ = nullptr;
  isthmus_connection_id id_ = {};
};

class CTarget final : public CSide<TargetFace> {
 public:
  CTarget() {
    isthmus_target_connection_options options;
    isthmus_target_connection_options_init(&options, sizeof options);
    const size_t size = isthmus_target_connection_size(&options);
    Require(isthmus_target_connection_init(Memory(size), size, &options, &connection_) == 0, "target");
  }

 private:
  void On(const isthmus_target_event& event) override {
    switch (event.kind) {
      case ISTHMUS_TARGET_LOOKUP: {
        isthmus_target_lookup_answer answer;
        isthmus_target_lookup_answer_init(&answer, sizeof answer);
        answer.offer = MakeOffer(ISTHMUS_TARGET);
        answer.target_portal_group_tag = 1;
        Require(isthmus_target_connection_answer_lookup(connection_, &answer) == 0, "lookup");
        break;
      }
      case ISTHMUS_TARGET_CLAIM: {
        isthmus_target_claim_answer answer;
        isthmus_target_claim_answer_init(&answer, sizeof answer);
        answer.tsih = 1;
        Require(isthmus_target_connection_answer_claim(connection_, &answer) == 0, "claim");
        break;
      }
      case ISTHMUS_TARGET_LOGIN_DONE:
        Attach();
        break;
      case ISTHMUS_TARGET_BEGIN:
        Require(isthmus_target_session_accept_data(session_, event.task, 0, disk, sizeof disk) == 0, "window");
        break;
      case ISTHMUS_TARGET_COMMAND:
        if (event.write) break;
        Require(isthmus_target_session_send_data(session_, event.task, 0, disk, sizeof disk, 0) == 0, "source");
        Require(isthmus_target_session_complete(session_, event.task, nullptr) == 0, "complete");
        break;
      case ISTHMUS_TARGET_DATA_RECEIVED:
        Require(isthmus_target_session_complete(session_, event.task, nullptr) == 0, "complete");
        break;
      case ISTHMUS_TARGET_TASK_RELEASED:
        ++completed_;
        break;
      default:
        break;
    }
  }
};

class CInitiator final : public CSide<InitiatorFace> {
 public:
  CInitiator() {
    isthmus_initiator_connection_options options;
    isthmus_initiator_connection_options_init(&options, sizeof options);
    options.initiator_name = kInitiator;
    options.target_name = kTarget;
    options.isid[0] = 0x80;
    options.offer = MakeOffer(ISTHMUS_INITIATOR);
    const size_t size = isthmus_initiator_connection_size(&options);
    Require(isthmus_initiator_connection_init(Memory(size), size, &options, &connection_) == 0, "initiator");
  }
  void Submit() override {
    isthmus_initiator_command command;
    isthmus_initiator_command_init(&command, sizeof command);
    command.cdb = reading ? kRead.data() : kWrite.data();
    command.cdb_size = kRead.size();
    if (reading) {
      command.data_in = data;
      command.data_in_size = sizeof data;
    } else {
      command.data_out = data;
      command.data_out_size = sizeof data;
    }
    Require(isthmus_initiator_session_submit(session_, &command, nullptr) == 0, "submit");
  }

 private:
  void On(const isthmus_initiator_event& event) override {
    if (event.kind == ISTHMUS_INITIATOR_LOGIN_DONE) {
      Attach();
    } else if (event.kind == ISTHMUS_INITIATOR_COMPLETED) {
      Require(event.outcome == ISTHMUS_OUTCOME_ANSWERED && event.status == 0, "command");
      ++completed_;
    }
  }
};

// ---- What is counted.

bool measuring = false;
Side* measured = nullptr;

}  // namespace

// Its name is what callgrind looks for.
extern "C" [[gnu::noinline]] void measured_step(void* side, const uint8_t* bytes, size_t size, int submit) {
  if (submit != 0) static_cast<Side*>(side)->Submit();
  static_cast<Side*>(side)->Step({bytes, size});
}

namespace {

void Step(Side* side, const std::vector<uint8_t>& in, bool submit) {
  if (measuring && side == measured) {
    measured_step(side, in.data(), in.size(), submit ? 1 : 0);
    return;
  }
  if (submit) side->Submit();
  side->Step(in);
}

// Until nothing crosses any more.
void Exchange(Side* target, Side* initiator, bool submit) {
  std::vector<uint8_t> to_target, to_initiator;
  do {
    Step(initiator, to_initiator, submit);
    submit = false;
    to_target.clear();
    initiator->Gather(&to_target);
    Step(target, to_target, false);
    to_initiator.clear();
    target->Gather(&to_initiator);
  } while (!to_target.empty() || !to_initiator.empty());
}

int Measure(bool by_c, bool of_target, int count) {
  const std::unique_ptr<Side> target = by_c && of_target ? std::unique_ptr<Side>(std::make_unique<CTarget>())
                                                         : std::make_unique<CppTarget>();
  const std::unique_ptr<Side> initiator = by_c && !of_target ? std::unique_ptr<Side>(std::make_unique<CInitiator>())
                                                             : std::make_unique<CppInitiator>();
  for (size_t i = 0; i < sizeof disk; ++i) disk[i] = static_cast<uint8_t>(i * 13);
  Exchange(target.get(), initiator.get(), false);
  Require(target->ready() && initiator->ready(), "login");
  for (int i = 0; i < 16; ++i) Exchange(target.get(), initiator.get(), true);
  measured = of_target ? target.get() : initiator.get();
  measuring = true;
  for (int i = 0; i < count; ++i) Exchange(target.get(), initiator.get(), true);
  const auto expected = static_cast<uint64_t>(count) + 16;
  Require(target->completed() == expected && initiator->completed() == expected, "count");
  Require(std::memcmp(disk, data, sizeof disk) == 0, "data");
  return 0;
}

size_t TargetSession(uint32_t command_slots) {
  isthmus_target_limits limits;
  isthmus_target_limits_init(&limits, sizeof limits);
  limits.command_slots = command_slots;
  isthmus_target_session_options options;
  isthmus_target_session_options_init(&options, sizeof options);
  options.limits = &limits;
  return isthmus_target_session_size(&options);
}

size_t InitiatorSession(uint32_t queue_depth) {
  isthmus_initiator_limits limits;
  isthmus_initiator_limits_init(&limits, sizeof limits);
  limits.queue_depth = queue_depth;
  isthmus_initiator_session_options options;
  isthmus_initiator_session_options_init(&options, sizeof options);
  options.limits = &limits;
  return isthmus_initiator_session_size(&options);
}

int Sizes() {
  isthmus_target_connection_options target;
  isthmus_target_connection_options_init(&target, sizeof target);
  isthmus_initiator_connection_options initiator;
  isthmus_initiator_connection_options_init(&initiator, sizeof initiator);
  initiator.initiator_name = kInitiator;
  initiator.target_name = kTarget;
  std::printf("{\"target\": {\"connection\": %zu, \"sessions\": {", isthmus_target_connection_size(&target));
  const char* comma = "";
  for (uint32_t depth : {1u, 32u, 64u, 128u}) {
    std::printf("%s\"%u\": %zu", std::exchange(comma, ", "), depth, TargetSession(depth));
  }
  std::printf("}}, \"initiator\": {\"connection\": %zu, \"sessions\": {", isthmus_initiator_connection_size(&initiator));
  comma = "";
  for (uint32_t depth : {1u, 32u, 64u, 128u}) {
    std::printf("%s\"%u\": %zu", std::exchange(comma, ", "), depth, InitiatorSession(depth));
  }
  std::printf("}}}\n");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> words(argv + 1, argv + argc);
  if (words.size() == 1 && words[0] == "sizes") return Sizes();
  if (words.size() != 5) {
    std::fprintf(stderr, "usage: embedding_cost c|cpp target|initiator read|write CRC32C|None COUNT\n");
    return 2;
  }
  reading = words[2] == "read";
  digests = argv[4];
  // callgrind knows no later instructions; and the figure is to be the same on every machine.
  Require(isthmus_kernel_cap("pclmul") == 0, "kernel");
  return Measure(words[0] == "c", words[1] == "target", std::atoi(argv[5]));
}
