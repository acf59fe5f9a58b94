#include "transport/software_nic/link.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "protocol/connection/offload_sizing.h"
#include "transport/offload/clamp.h"
#include "transport/offload/device.h"
#include "transport/offload/registry.h"
#include "transport/software_nic/endpoint_text.h"

namespace isthmus::transport {

void VerdictMap::Overlay(uint64_t begin, uint64_t end, State state) {
  std::vector<Run> overlaid;
  for (const Run& run : runs_) {
    const uint64_t from = std::max(run.begin, begin), to = std::min(run.end, end);
    if (from >= to) {
      overlaid.push_back(run);
      continue;
    }
    const bool weaker = run.state == State::kMissing || run.state == State::kGood;
    if (run.begin < from) overlaid.push_back({run.begin, from, run.state});
    overlaid.push_back({from, to, weaker ? state : run.state});
    if (to < run.end) overlaid.push_back({to, run.end, run.state});
  }
  runs_ = std::move(overlaid);
}

void VerdictMap::Add(const RxRecord& record) {
  const State state = record.validated != 0 ? State::kGood : State::kUnchecked;
  uint64_t begin = std::max(record.stream_offset, taken_);
  const uint64_t end = record.stream_offset + record.size;
  const uint64_t known = runs_.empty() ? taken_ : runs_.back().end;
  if (begin >= end) return;
  if (begin < known) {
    Overlay(begin, std::min(end, known), state);
    begin = known;
  }
  if (begin >= end) return;
  if (begin > known) runs_.push_back({known, begin, State::kMissing});
  if (!runs_.empty() && runs_.back().end == begin && runs_.back().state == state) {
    runs_.back().end = end;
  } else {
    runs_.push_back({begin, end, state});
  }
}

size_t VerdictMap::Limit(uint64_t stream_offset, size_t runs) const {
  return runs_.size() <= runs ? SIZE_MAX : runs_[runs - 1].end - stream_offset;
}

size_t VerdictMap::Take(uint64_t stream_offset, size_t bytes, uint32_t epoch,
                        std::span<RxRun> out) {
  const uint64_t end = stream_offset + bytes;
  size_t count = 0, taken_runs = 0;
  for (uint64_t at = stream_offset; at < end;) {
    while (taken_runs < runs_.size() && runs_[taken_runs].end <= at) ++taken_runs;
    const bool told = taken_runs < runs_.size() && runs_[taken_runs].begin <= at;
    const bool good = told && runs_[taken_runs].state == State::kGood;
    const uint64_t to = told ? std::min(end, runs_[taken_runs].end) : end;
    RxRun run{.bytes = to - at, .header = {}, .data = {}};
    if (good) run.header = run.data = {.verdict = digest::DigestVerdict::kGood, .epoch = epoch};
    at = to;
    if (count > 0 && out[count - 1].data == run.data) {
      out[count - 1].bytes += run.bytes;
    } else if (count < out.size()) {
      out[count++] = run;
    } else {
      out[count - 1].bytes += run.bytes;  // no room: nothing is vouched for
      out[count - 1].header = out[count - 1].data = {};
    }
  }
  taken_ = end;
  while (taken_runs < runs_.size() && runs_[taken_runs].end <= end) ++taken_runs;
  runs_.erase(runs_.begin(), runs_.begin() + static_cast<ptrdiff_t>(taken_runs));
  if (!runs_.empty()) runs_.front().begin = std::max(runs_.front().begin, end);
  return count;
}

namespace {

struct Options {
  std::string socket = "/run/isthmus_software_nic";
  bool gathered = false;
  bool any_segment = false;
  uint32_t audit_one_in = 0, verify_leases_one_in = 0;
  bool transmit = true;
  bool receive = true;
};

// Payload of a full TCP segment now, TCP's options taken off; 0: not known.
uint32_t SegmentBytesOf(int socket) {
  int mss = 0;
  socklen_t size = sizeof mss;
  if (getsockopt(socket, IPPROTO_TCP, TCP_MAXSEG, &mss, &size) != 0 || mss <= 0) return 0;
  return static_cast<uint32_t>(mss);
}

class NicLink : public DeviceLink {
 public:
  NicLink(int control, SharedLink* shared, const Options& options, int socket,
          const SizingLimits& limits)
      : control_(control), shared_(shared), options_(options), socket_(socket), limits_(limits) {
    static std::atomic<uint32_t> lives{0};
    epoch_ = lives.fetch_add(1) + 1;
  }
  ~NicLink() override {
    close(control_);
    munmap(shared_, sizeof(SharedLink));
  }

  bool one_pdu_a_segment() const override { return !options_.gathered; }
  bool inserts_digests() const override { return options_.transmit; }

  uint32_t audit_one_in() const override { return options_.audit_one_in; }
  uint32_t verify_leases_one_in() const override { return options_.verify_leases_one_in; }

  uint32_t DataSegmentLengthToSend() override {
    // One system call in so many writes; a path that became narrower costs misses until then.
    constexpr uint32_t kAskedOneIn = 16;
    if (options_.any_segment || digests_ == 0) return 0;
    if (until_asked_ == 0) {
      until_asked_ = kAskedOneIn;
      const PduShape shape = {(digests_ & kHeaderDigestBit) != 0, (digests_ & kDataDigestBit) != 0};
      const uint32_t any = 1u << 24;
      const uint32_t now = isthmus::DataSegmentLengthToSend(any, SegmentBytesOf(socket_), shape, limits_);
      aligned_ = now == any ? 0 : now;
    }
    --until_asked_;
    return aligned_;
  }

  void Arm(uint64_t stream_offset, bool header_digest, bool data_digest) override {
    digests_ = (header_digest ? kHeaderDigestBit : 0) | (data_digest ? kDataDigestBit : 0);
    shared_->armed_digests.store(digests_, std::memory_order_relaxed);
    shared_->armed_from.store(stream_offset, std::memory_order_release);
    ++epochs_;
  }

  size_t ReadLimit(uint64_t stream_offset, size_t runs) override {
    Drain();
    return verdicts_.Limit(stream_offset, runs);
  }

  size_t Describe(uint64_t stream_offset, size_t bytes, std::span<RxRun> out) override {
    Drain();
    const bool believed = options_.receive && shared_->overrun.load(std::memory_order_acquire) == 0;
    const size_t count = verdicts_.Take(stream_offset, bytes, epoch_, out);
    if (believed) return count;
    not_annotated_ += options_.receive;
    out[0] = {.bytes = bytes, .header = {}, .data = {}};
    return 1;
  }

  bool BeforeSend(uint64_t stream_offset, std::span<const TxSlice> slices) override {
    TxRecord record{};
    bool inserts = false;
    uint64_t at = stream_offset;
    for (const TxSlice& slice : slices) {
      if (Has(slice.flags, TxFlags::kPduStart)) {
        record = {at, 0, digests_};
        inserts = false;
      }
      inserts = inserts || Has(slice.flags, TxFlags::kDeviceInserts);
      at += slice.size;
      if (!Has(slice.flags, TxFlags::kPduEnd) || !inserts || record.stream_offset < announced_)
        continue;
      record.size = static_cast<uint32_t>(at - record.stream_offset);
      const uint64_t written = shared_->tx_written.load(std::memory_order_relaxed);
      if (written - shared_->tx_read.load(std::memory_order_acquire) >= SharedLink::kRingSize)
        return false;
      shared_->tx[written % SharedLink::kRingSize] = record;
      shared_->tx_written.store(written + 1, std::memory_order_release);
      announced_ = at;
    }
    return true;
  }

  LinkCounters counters() const override {
    const auto frames = [&](FrameKind kind) {
      return shared_->frames[static_cast<size_t>(kind)].load();
    };
    LinkCounters counters;
    counters.attached = 1;
    counters.epochs = epochs_;
    counters.not_annotated = not_annotated_;
    counters.exactly_one_pdu = frames(FrameKind::kExactlyOnePdu);
    counters.several_pdus = frames(FrameKind::kSeveralPdus);
    counters.part_of_one_pdu = frames(FrameKind::kPartOfOnePdu);
    counters.out_of_order = frames(FrameKind::kOutOfOrder);
    counters.not_armed = frames(FrameKind::kNotArmed);
    counters.digest_disagrees = frames(FrameKind::kDigestDisagrees);
    counters.inserted_header_digests = shared_->inserted_header_digests.load();
    counters.inserted_data_digests = shared_->inserted_data_digests.load();
    counters.inserted_again = shared_->inserted_again.load();
    return counters;
  }

 private:
  void Drain() {
    const uint64_t written = shared_->rx_written.load(std::memory_order_acquire);
    uint64_t read = shared_->rx_read.load(std::memory_order_relaxed);
    if (written - read > SharedLink::kRingSize) {
      shared_->overrun.store(1);
      return;
    }
    for (; read != written; ++read) verdicts_.Add(shared_->rx[read % SharedLink::kRingSize]);
    shared_->rx_read.store(read, std::memory_order_release);
  }

  int control_;
  SharedLink* shared_;
  Options options_;
  int socket_;  // the driver's
  SizingLimits limits_;
  uint32_t until_asked_ = 0;
  uint32_t aligned_ = 0;  // as of the last time that it was asked
  uint64_t epochs_ = 0, not_annotated_ = 0;
  uint32_t epoch_ = 0;
  uint32_t digests_ = 0;
  uint64_t announced_ = 0;  // the stream up to here
  VerdictMap verdicts_;
};

class NicModel : public DeviceModel {
 public:
  NicModel(std::string name, const OffloadCapabilities& can, Options options)
      : name_(std::move(name)), can_(can), options_(std::move(options)) {}

  const std::string& name() const override { return name_; }

  void ClampOffer(int socket, text::Offer* offer) const override {
    if (!options_.any_segment) transport::ClampOffer(can_, SegmentBytesOf(socket), offer);
  }

  std::unique_ptr<DeviceLink> Attach(int socket) override {
    sockaddr_storage local{}, peer{};
    socklen_t size = sizeof local;
    NicEndpoint here, there;
    if (getsockname(socket, reinterpret_cast<sockaddr*>(&local), &size) != 0) return nullptr;
    size = sizeof peer;
    if (getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return nullptr;
    if (!FromSockaddr(local, &here) || !FromSockaddr(peer, &there)) return nullptr;
    const int control = Ask(absl::StrCat("follow ", EndpointText(here), " ", EndpointText(there)));
    if (control < 0) return nullptr;
    SharedLink* shared = Take(control);
    if (shared == nullptr) {
      close(control);
      return nullptr;
    }
    return std::make_unique<NicLink>(control, shared, options_, socket, can_.sizing);
  }

 private:
  int Ask(const std::string& question) const {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    if (options_.socket.size() >= sizeof at.sun_path) return -1;
    std::strncpy(at.sun_path, options_.socket.c_str(), sizeof at.sun_path - 1);
    const int control = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (control < 0) return -1;
    const timeval patience{2, 0};
    setsockopt(control, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(control, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0 &&
        send(control, question.data(), question.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(question.size())) {
      return control;
    }
    close(control);
    return -1;
  }

  static SharedLink* Take(int control) {
    std::array<char, 64> text;
    iovec vector{text.data(), text.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> rights{};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = rights.data();
    message.msg_controllen = rights.size();
    if (recvmsg(control, &message, MSG_CMSG_CLOEXEC) <= 0) return nullptr;
    const cmsghdr* first = CMSG_FIRSTHDR(&message);
    if (first == nullptr || first->cmsg_type != SCM_RIGHTS) return nullptr;
    int memory = -1;
    std::memcpy(&memory, CMSG_DATA(first), sizeof memory);
    void* mapped = mmap(nullptr, sizeof(SharedLink), PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    close(memory);
    if (mapped == MAP_FAILED) return nullptr;
    auto* shared = static_cast<SharedLink*>(mapped);
    if (shared->magic == SharedLink::kMagic) return shared;
    munmap(mapped, sizeof(SharedLink));
    return nullptr;
  }

  std::string name_;
  OffloadCapabilities can_;
  Options options_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<DeviceModel>> OpenSoftwareNic(
    const std::string& name, const std::vector<std::string>& options) {
  Options parsed;
  for (const std::string& option : options) {
    const std::pair<std::string, std::string> pair =
        absl::StrSplit(option, absl::MaxSplits('=', 1));
    if (pair.first == "socket" && !pair.second.empty()) {
      parsed.socket = pair.second;
    } else if ((pair.first == "audit" && absl::SimpleAtoi(pair.second, &parsed.audit_one_in)) ||
               (pair.first == "leases" &&
                absl::SimpleAtoi(pair.second, &parsed.verify_leases_one_in))) {
      continue;
    } else if (option == "send=gathered") {
      parsed.gathered = true;
    } else if (option == "segment=any") {
      parsed.any_segment = true;
    } else if (option == "transmit=software") {
      parsed.transmit = false;
    } else if (option == "receive=software") {
      parsed.receive = false;
    } else {
      return absl::InvalidArgumentError(absl::StrCat(name, ": ", option, ": no such option"));
    }
  }
  const std::unique_ptr<OffloadDevice> device = NewOffloadDevice(name);
  if (device == nullptr) return absl::InvalidArgumentError(absl::StrCat(name, ": no such model"));
  return std::make_unique<NicModel>(name, device->capabilities(), parsed);
}

}  // namespace isthmus::transport
