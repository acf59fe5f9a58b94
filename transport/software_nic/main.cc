// software_nic: a network card in software that is the only link between two network namespaces.
//
//   software_nic --control=/tmp/nic --mtu=9000
//
// Prints one line of JSON with the two namespaces once it is up, then forwards until SIGTERM. Programs are run in them with
// `nsenter --net=PATH`. The control socket takes one command a packet: "follow LOCAL PEER" from drivers, "set KEY=NUMBER",
// "stats".

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "digest/select.h"
#include "transport/software_nic/endpoint_text.h"
#include "transport/software_nic/nic.h"
#include "transport/software_nic/tap.h"

namespace isthmus::transport {
namespace {

struct WeatherRow {
  const char* name;
  uint32_t Weather::*field;
};
constexpr WeatherRow kWeather[] = {
    {"drop", &Weather::drop},   {"reorder", &Weather::reorder}, {"duplicate", &Weather::duplicate},
    {"recut", &Weather::recut}, {"corrupt", &Weather::corrupt}, {"path_mtu", &Weather::mtu},
};

struct CounterRow {
  const char* name;
  uint64_t NicCounters::*field;
};
constexpr CounterRow kCounters[] = {
    {"frames", &NicCounters::frames},
    {"data_frames", &NicCounters::data_frames},
    {"bytes", &NicCounters::bytes},
    {"retransmitted", &NicCounters::retransmitted},
    {"dropped", &NicCounters::dropped},
    {"reordered", &NicCounters::reordered},
    {"duplicated", &NicCounters::duplicated},
    {"recut", &NicCounters::recut},
    {"corrupted", &NicCounters::corrupted},
    {"corrupted_sent_again", &NicCounters::corrupted_sent_again},
    {"too_big", &NicCounters::too_big},
    {"not_fillable", &NicCounters::not_fillable},
};

class Program {
 public:
  explicit Program(uint64_t seed) : nic_(digest::SelectKernel(), seed) {}

  int Run(const std::string& control, const std::array<TapOptions, 2>& options);
  Weather& weather() { return nic_.weather; }

 private:
  // Frames that one turn takes from an end before the other has its turn.
  static constexpr int kFramesATurn = 64;
  static constexpr size_t kMaxFrame = 80 * 1024;

  struct Driver {
    std::shared_ptr<Followed> followed;
  };

  void FromTap(int end);
  void Forward(int end, std::span<std::byte> frame);
  void FromControl(int fd);
  std::string Answer(int fd, absl::string_view command, int* pass_fd);
  std::string Follow(int fd, absl::string_view command, int* pass_fd);
  std::string Stats() const;
  void Watch(int fd);

  SoftwareNic nic_;
  std::vector<TapEnd> ends_;
  std::array<int, 2> mtu_{};
  std::map<int, Driver> drivers_;  // by descriptor of the control connection
  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::byte> buffer_ = std::vector<std::byte>(kMaxFrame);
  uint64_t not_delivered_ = 0;
};

int Fail(const std::string& text) {
  std::fprintf(stderr, "software_nic: %s\n", text.c_str());
  return 1;
}

void Program::Watch(int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
}

int Program::Run(const std::string& control, const std::array<TapOptions, 2>& options) {
  sigset_t set;
  sigemptyset(&set);
  for (const int each : {SIGTERM, SIGINT}) sigaddset(&set, each);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  const int signals = signalfd(-1, &set, SFD_CLOEXEC);
  for (const TapOptions& each : options) {
    absl::StatusOr<TapEnd> end = TapEnd::Create(each);
    if (!end.ok()) return Fail(std::string(end.status().message()));
    ends_.push_back(*std::move(end));
  }
  mtu_ = {options[0].mtu, options[1].mtu};
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  if (control.size() >= sizeof at.sun_path) return Fail("--control: too long");
  std::strncpy(at.sun_path, control.c_str(), sizeof at.sun_path - 1);
  unlink(control.c_str());
  const int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (bind(listener, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 ||
      listen(listener, 64) != 0) {
    return Fail(control + ": " + std::strerror(errno));
  }
  nlohmann::ordered_json ready;
  ready["control"] = control;
  for (size_t i = 0; i < 2; ++i) {
    ready["ends"].push_back({{"address", options[i].address},
                             {"namespace", "/proc/" + std::to_string(getpid()) + "/fd/" +
                                               std::to_string(ends_[i].netns_fd())}});
  }
  std::printf("%s\n", ready.dump().c_str());
  std::fflush(stdout);
  for (const int fd : {signals, listener, ends_[0].fd(), ends_[1].fd()}) Watch(fd);
  for (;;) {
    std::array<epoll_event, 16> events;
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
    if (count < 0 && errno != EINTR) return Fail("epoll_wait");
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<size_t>(i)].data.fd;
      if (fd == signals) {
        unlink(control.c_str());
        return 0;
      }
      if (fd == listener) {
        if (const int accepted = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
            accepted >= 0) {
          drivers_[accepted];
          Watch(accepted);
        }
      } else if (fd == ends_[0].fd()) {
        FromTap(0);
      } else if (fd == ends_[1].fd()) {
        FromTap(1);
      } else {
        FromControl(fd);
      }
    }
  }
}

void Program::Forward(int end, std::span<std::byte> frame) {
  nic_.OnFrame(end, frame, [this](int to, std::span<const std::byte> out) {
    VnetHeader header{};
    const std::array<iovec, 2> vector{iovec{&header, sizeof header},
                                      iovec{const_cast<std::byte*>(out.data()), out.size()}};
    if (writev(ends_[static_cast<size_t>(to)].fd(), vector.data(), 2) < 0) ++not_delivered_;
  });
}

void Program::FromTap(int end) {
  for (int i = 0; i < kFramesATurn; ++i) {
    const ssize_t got = read(ends_[static_cast<size_t>(end)].fd(), buffer_.data(), buffer_.size());
    if (got <= static_cast<ssize_t>(sizeof(VnetHeader))) return;
    VnetHeader header;
    std::memcpy(&header, buffer_.data(), sizeof header);
    const std::span frame(buffer_.data() + sizeof header, static_cast<size_t>(got) - sizeof header);
    TcpFrame tcp;
    if (header.gso_type != VnetHeader::kNoSegmentation && ParseTcp(frame, &tcp)) {
      CutSegment(frame, tcp, header.gso_size,
                 [&](std::span<std::byte> piece) { Forward(end, piece); });
      continue;
    }
    if ((header.flags & VnetHeader::kNeedsChecksum) != 0 && ParseTcp(frame, &tcp))
      SetChecksums(frame, tcp);
    Forward(end, frame);
  }
}

void Program::FromControl(int fd) {
  std::array<char, 512> text;
  const ssize_t got = recv(fd, text.data(), text.size(), 0);
  if (got <= 0) {
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (auto found = drivers_.find(fd); found != drivers_.end()) {
      if (found->second.followed != nullptr) found->second.followed->gone = true;
      drivers_.erase(found);
    }
    close(fd);
    return;
  }
  int pass_fd = -1;
  const std::string answer = Answer(fd, {text.data(), static_cast<size_t>(got)}, &pass_fd);
  iovec vector{const_cast<char*>(answer.data()), answer.size()};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  if (pass_fd >= 0) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &pass_fd, sizeof pass_fd);
  }
  sendmsg(fd, &message, MSG_NOSIGNAL);
  if (pass_fd >= 0) close(pass_fd);
}

std::string Program::Answer(int fd, absl::string_view command, int* pass_fd) {
  if (command == "stats") return Stats();
  const std::vector<absl::string_view> words = absl::StrSplit(command, ' ');
  if (words[0] == "follow") return Follow(fd, command, pass_fd);
  if (words[0] == "set" && words.size() == 2) {
    const std::vector<absl::string_view> pair = absl::StrSplit(words[1], '=');
    uint32_t value = 0;
    for (const WeatherRow& row : kWeather) {
      if (pair.size() != 2 || pair[0] != row.name || !absl::SimpleAtoi(pair[1], &value)) continue;
      nic_.weather.*row.field = value;
      return "ok";
    }
  }
  return "no such command";
}

std::string Program::Follow(int fd, absl::string_view command, int* pass_fd) {
  const std::vector<absl::string_view> words = absl::StrSplit(command, ' ');
  NicEndpoint local, peer;
  if (words.size() != 3 || !ParseEndpoint(words[1], &local) || !ParseEndpoint(words[2], &peer))
    return "no endpoints";
  const int memory = memfd_create("software_nic", MFD_CLOEXEC);
  if (memory < 0 || ftruncate(memory, sizeof(SharedLink)) != 0) return "no memory";
  void* mapped = mmap(nullptr, sizeof(SharedLink), PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
  if (mapped == MAP_FAILED) {
    close(memory);
    return "no memory";
  }
  auto* link = new (mapped) SharedLink;
  auto followed = std::make_shared<Followed>(link, [link] { munmap(link, sizeof(SharedLink)); });
  if (!nic_.Follow(local, peer, followed)) {
    close(memory);
    return "no such connection";
  }
  drivers_[fd].followed = std::move(followed);
  *pass_fd = memory;
  return "ok";
}

std::string Program::Stats() const {
  nlohmann::ordered_json json;
  for (const CounterRow& row : kCounters) json[row.name] = nic_.counters().*row.field;
  json["not_delivered"] = not_delivered_;
  return json.dump();
}

int Main(int argc, char** argv) {
  std::string control = "/run/isthmus_software_nic";
  std::array<TapOptions, 2> ends;
  ends[0].address = "10.77.0.1";
  ends[1].address = "10.77.0.2";
  int mtu = 1500;
  bool tso = false, gro = false;
  uint64_t seed = 1;
  Weather weather;
  CLI::App app(
      "software_nic joins two network namespaces by a wire, and checks and inserts iSCSI digests "
      "on it.",
      "software_nic");
  app.add_option("--control", control, "Path of the control socket")->capture_default_str();
  app.add_option("--mtu", mtu, "Of both ends, bytes")
      ->capture_default_str()
      ->check(CLI::Range(576, 65535));
  app.add_flag("--tso", tso, "The hosts hand over long segments; the card cuts them");
  app.add_flag("--gro", gro, "The hosts join received segments");
  app.add_option("--seed", seed, "Of the weather's dice")->capture_default_str();
  for (const WeatherRow& row : kWeather) {
    app.add_option(std::string("--") + row.name, weather.*row.field,
                   row.field == &Weather::mtu ? "Of the path, bytes; 0: as --mtu"
                                              : "One in so many data frames; 0: none");
  }
  CLI11_PARSE(app, argc, argv);
  for (TapOptions& each : ends) {
    each.mtu = mtu;
    each.segmentation = tso;
    each.receive_coalescing = gro;
  }
  prctl(PR_SET_PDEATHSIG, SIGTERM);  // its namespaces are of use to whoever started it only
  Program program(seed);
  program.weather() = weather;
  return program.Run(control, ends);
}

}  // namespace
}  // namespace isthmus::transport

int main(int argc, char** argv) { return isthmus::transport::Main(argc, argv); }
