// iscsi: discovers, inspects, reads, writes, copies, verifies and measures iSCSI disks.

#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "digest/select.h"
#include "initiator/cli/endpoint.h"
#include "initiator/cli/transfer.h"
#include "initiator/client/client.h"
#include "initiator/client/disk.h"
#include "initiator/client/url.h"
#include "protocol/error.h"
#include "protocol/text/key_table.h"
#include "protocol/text/negotiation.h"
#include "protocol/text/send_targets.h"
#include "transport/capture.h"
#include "transport/counters.h"
#include "transport/device_link.h"
#include "transport/device_models.h"
#include "transport/key_flags.h"
#include "transport/private_file.h"
#include "transport/secret_file.h"

namespace isthmus::initiator {
namespace {

using Json = nlohmann::ordered_json;

// Exit codes tell causes apart; the README lists them.
struct ExitRow {
  absl::StatusCode code;
  int exit;
};
constexpr ExitRow kExits[] = {
    {absl::StatusCode::kInvalidArgument, 2},     // the arguments
    {absl::StatusCode::kNotFound, 3},            // no such target (or file)
    {absl::StatusCode::kPermissionDenied, 4},    // refused
    {absl::StatusCode::kUnauthenticated, 5},     // authentication, either way
    {absl::StatusCode::kFailedPrecondition, 6},  // a digest that one side demands and the other lacks
    {absl::StatusCode::kUnavailable, 7},         // no connection, or a lost one
    {absl::StatusCode::kDeadlineExceeded, 7},
    {absl::StatusCode::kDataLoss, 8},            // data or digests wrong; verify found a difference
};

int ExitOf(const absl::Status& status) {
  if (status.ok()) return 0;
  for (const ExitRow& row : kExits) {
    if (row.code == status.code()) return row.exit;
  }
  return 1;
}

struct Flags {
  std::string secret_file, capture_path, digest_kernel, stats_path,
      offload = "software";
  bool capture_secrets = false, json = false, progress = false;
  double connect_timeout_s = 10, reconnect_timeout_s = 30;
  uint32_t depth = 16;
  uint64_t block_bytes = 256 << 10;
  text::Offer offer = DefaultOffer();
};

// A size such as 4096, 4k, 64K, 1M.
std::string ParseBytes(std::string& text) {
  uint64_t scale = 1;
  std::string digits = text;
  if (!digits.empty()) {
    const size_t unit = std::string("kmg").find(static_cast<char>(std::tolower(digits.back())));
    if (unit != std::string::npos) {
      scale = uint64_t{1} << (10 * (unit + 1));
      digits.pop_back();
    }
  }
  uint64_t value = 0;
  if (!absl::SimpleAtoi(digits, &value) || value > (uint64_t{1} << 60) / scale) return "not a number of bytes: " + text;
  text = absl::StrCat(value * scale);
  return {};
}

std::string AskForSecret(const std::string& user, const std::string& target) {
  std::string secret;
  termios before;
  if (tcgetattr(STDIN_FILENO, &before) != 0) return secret;
  std::fprintf(stderr, "CHAP secret of %s at %s: ", user.c_str(), target.c_str());
  termios hidden = before;
  hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
  for (int c; (c = std::getchar()) != EOF && c != '\n';) secret.push_back(static_cast<char>(c));
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
  std::fputc('\n', stderr);
  return secret;
}

class Program {
 public:
  int Run(int argc, char** argv);

 private:
  void AddKeys(CLI::App& app);
  absl::Status CheckKeys() const;
  absl::Status Prepare();
  absl::StatusOr<std::unique_ptr<Client>> Connect(ParsedUrl& url);
  absl::StatusOr<std::unique_ptr<Endpoint>> Open(const std::string& name, uint64_t bytes_to_write);
  absl::StatusOr<std::unique_ptr<Endpoint>> OpenUrl(const std::string& name);
  absl::Status Chap(const ParsedUrl& url, ClientOptions* options);
  TransferOptions Options(Progress& progress) {
    return {flags_.block_bytes, flags_.depth, [&progress](uint64_t done) { progress.Update(done); }};
  }
  void Print(const Json& json, const std::string& text);
  void AddCounters(Json& json, const char* name, Client* client);
  bool Shown() const { return flags_.progress || (isatty(STDERR_FILENO) != 0 && !flags_.json); }

  absl::Status Discover();
  absl::Status ShowInquiry();
  absl::Status ShowCapacity();
  absl::Status ShowLuns();
  absl::Status DoRead();
  absl::Status DoWrite();
  absl::Status DoCopy();
  absl::Status DoVerify();
  absl::Status DoBench();
  absl::Status DoPing();
  absl::Status Transfer(Endpoint& source, Endpoint& sink, uint64_t bytes, const std::string& label);

  Flags flags_;
  transport::KeyTexts key_texts_;  // what the offer's texts stand in
  std::string first_, second_;
  std::string output_ = "-";
  uint64_t offset_ = 0, length_ = 0;
  BenchOptions bench_;
  double bench_seconds_ = 5;
  std::string bench_mode_ = "read";
  uint32_t ping_count_ = 4, ping_bytes_ = 32;
  std::unique_ptr<transport::SecretFile> secrets_;
  std::vector<std::unique_ptr<std::string>> url_secrets_;  // wiped at the end
  std::unique_ptr<transport::CaptureFile> capture_;
  std::unique_ptr<transport::DeviceModel> offload_;
  const digest::Kernel* kernel_ = nullptr;
};

void Program::Print(const Json& json, const std::string& text) {
  std::printf("%s\n", flags_.json ? json.dump().c_str() : text.c_str());
}

void Program::AddCounters(Json& json, const char* name, Client* client) {
  if (client == nullptr) return;
  const ClientCounters counters = client->counters();
  Json& side = json[name];
  side["connections"] = counters.connections;
  side["header_digest"] = client->parameters().HeaderDigest == text::DigestAlgorithm::kCRC32C ? "CRC32C" : "None";
  side["data_digest"] = client->parameters().DataDigest == text::DigestAlgorithm::kCRC32C ? "CRC32C" : "None";
  side["commands"] = counters.session.commands;
  side["reissued_commands"] = counters.session.reissued_commands;
  side["received"] = transport::ToJson(counters.received);
  side["sent"] = transport::ToJson(counters.sent);
  if (offload_ != nullptr) {
    side["offload"] = offload_->name();
    side["device"] = transport::ToJson(counters.device);
  }
}

absl::Status Program::Prepare() {
  signal(SIGPIPE, SIG_IGN);
  if (absl::Status status = CheckKeys(); !status.ok()) return status;
  kernel_ = flags_.digest_kernel.empty() ? &digest::SelectKernel() : digest::KernelByName(flags_.digest_kernel);
  if (kernel_ == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("--digest_kernel=", flags_.digest_kernel, ": this machine has none of that name"));
  }
  absl::StatusOr<std::unique_ptr<transport::DeviceModel>> offload = transport::OpenDeviceModel(flags_.offload);
  if (!offload.ok()) return offload.status();
  offload_ = *std::move(offload);
  if (!flags_.secret_file.empty()) {
    absl::StatusOr<std::unique_ptr<transport::SecretFile>> file = transport::SecretFile::Read(flags_.secret_file);
    if (!file.ok()) {
      // Whatever is wrong with the file is wrong with the arguments.
      return absl::InvalidArgumentError(absl::StrCat("--secret_file: ", file.status().message()));
    }
    secrets_ = *std::move(file);
  }
  if (!flags_.capture_path.empty()) {
    absl::StatusOr<std::unique_ptr<transport::CaptureFile>> file =
        transport::CaptureFile::Create(flags_.capture_path, {.secrets = flags_.capture_secrets});
    if (!file.ok()) return file.status();
    capture_ = *std::move(file);
  }
  return absl::OkStatus();
}

absl::Status Program::Chap(const ParsedUrl& url, ClientOptions* options) {
  if (!url.secret.empty()) {
    url_secrets_.push_back(std::make_unique<std::string>(url.secret));
    options->chap.name = *url_secrets_.emplace_back(std::make_unique<std::string>(url.user));
    options->chap.secret = *url_secrets_[url_secrets_.size() - 2];
    return absl::OkStatus();
  }
  if (secrets_ != nullptr) {
    for (const transport::SecretEntry& entry : secrets_->initiators()) {
      if (!url.user.empty() && entry.name != url.user) continue;
      options->chap.name = entry.name;
      options->chap.secret = entry.secret;
      options->chap.target_name = secrets_->mutual().name;
      options->chap.target_secret = secrets_->mutual().secret;
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(absl::StrCat("--secret_file: holds no secret of the user ", url.user));
  }
  if (url.user.empty()) return absl::OkStatus();
  if (isatty(STDIN_FILENO) == 0) {
    return absl::InvalidArgumentError(absl::StrCat("the user ", url.user, " needs a secret: --secret_file, or a terminal to ask at"));
  }
  url_secrets_.push_back(std::make_unique<std::string>(AskForSecret(url.user, url.portal.ToString())));
  options->chap.secret = *url_secrets_.back();
  url_secrets_.push_back(std::make_unique<std::string>(url.user));
  options->chap.name = *url_secrets_.back();
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Client>> Program::Connect(ParsedUrl& url) {
  ClientOptions options;
  options.portal = url.portal;
  options.initiator_name = std::string(flags_.offer.InitiatorName);
  options.target_name = url.target_name;
  options.offer = flags_.offer;
  if (url.says_header_digest) options.offer.HeaderDigest = url.header_digest;
  if (url.says_data_digest) options.offer.DataDigest = url.data_digest;
  options.limits.queue_depth = std::max(128u, flags_.depth);
  options.kernel = kernel_;
  options.capture = capture_.get();
  options.offload = offload_.get();
  options.connect_timeout = absl::Seconds(flags_.connect_timeout_s);
  options.reconnect_timeout = absl::Seconds(flags_.reconnect_timeout_s);
  if (absl::Status status = Chap(url, &options); !status.ok()) return status;
  transport::Wipe(url.secret);
  return Client::Open(options);
}

absl::StatusOr<std::unique_ptr<Endpoint>> Program::OpenUrl(const std::string& name) {
  absl::StatusOr<ParsedUrl> url = ParseUrl(name);
  if (!url.ok()) return url.status();
  absl::StatusOr<std::unique_ptr<Client>> client = Connect(*url);
  if (!client.ok()) return client.status();
  return OpenDisk(*std::move(client), url->lun);
}

absl::Status Program::Discover() {
  ParsedUrl url;
  std::string host = first_;
  if (IsUrl(host)) return absl::InvalidArgumentError("discover takes HOST[:PORT], not a URL");
  if (const size_t at = host.rfind('@'); at != std::string::npos) {
    url.user = host.substr(0, at);
    host = host.substr(at + 1);
  }
  absl::StatusOr<transport::Address> portal = transport::ParseAddress(host, transport::kDefaultPort);
  if (!portal.ok()) return portal.status();
  url.portal = *std::move(portal);
  // Some targets agree to digests in a discovery session and then drop it.
  url.says_header_digest = url.says_data_digest = true;
  url.header_digest = url.data_digest = {text::DigestAlgorithm::kNone};
  absl::StatusOr<std::unique_ptr<Client>> client = Connect(url);
  if (!client.ok()) return client.status();
  std::vector<std::byte> answer(16 << 20);
  absl::Status status = absl::UnavailableError("no answer to SendTargets");
  size_t size = 0;
  bool done = false;
  absl::Status asked = (*client)->SendTargets("All", answer, [&](const Event& event) {
    done = true;
    size = event.data.size();
    status = event.outcome == Outcome::kAnswered ? absl::OkStatus() : StatusOf(event);
  });
  if (!asked.ok()) return asked;
  while (!done) {
    if (absl::Status polled = (*client)->Poll(absl::InfiniteDuration()); !polled.ok() && !done) return polled;
  }
  if (!status.ok()) return status;
  std::array<char, text::TargetRecordParser::kStorageBytes> storage;
  text::TargetRecordParser parser(storage);
  parser.Feed(std::span(answer).first(size));
  Json json = Json::array();
  std::string lines;
  for (text::TargetRecord record; parser.Next(&record);) {
    if (record.is_target) {
      json.push_back({{"target", std::string(record.name)}, {"portals", Json::array()}});
      absl::StrAppend(&lines, lines.empty() ? "" : "\n", std::string(record.name));
    } else {
      json.back()["portals"].push_back(std::string(record.raw_address));
      absl::StrAppend(&lines, " ", std::string(record.raw_address));
    }
  }
  if (!parser.Finish()) return absl::UnavailableError("the answer to SendTargets is malformed");
  Print(Json{{"targets", json}}, lines.empty() ? "no targets" : lines);
  return (*client)->Close();
}

absl::Status Program::ShowInquiry() {
  absl::StatusOr<ParsedUrl> url = ParseUrl(first_);
  if (!url.ok()) return url.status();
  absl::StatusOr<std::unique_ptr<Client>> client = Connect(*url);
  if (!client.ok()) return client.status();
  absl::StatusOr<Inquiry> inquiry = Disk(**client, url->lun).ReadInquiry();
  if (!inquiry.ok()) return inquiry.status();
  Print({{"vendor", inquiry->vendor},
         {"product", inquiry->product},
         {"revision", inquiry->revision},
         {"serial", inquiry->serial},
         {"device_type", inquiry->device_type},
         {"peripheral_qualifier", inquiry->peripheral_qualifier}},
        absl::StrFormat("vendor %s, product %s, revision %s, serial %s, device type %d", inquiry->vendor, inquiry->product,
                        inquiry->revision, inquiry->serial, inquiry->device_type));
  return (*client)->Close();
}

absl::Status Program::ShowCapacity() {
  absl::StatusOr<std::unique_ptr<Endpoint>> disk = OpenUrl(first_);
  if (!disk.ok()) return disk.status();
  const uint64_t blocks = (*disk)->bytes() / (*disk)->block_bytes();
  Print({{"blocks", blocks}, {"block_bytes", (*disk)->block_bytes()}, {"bytes", (*disk)->bytes()}},
        absl::StrFormat("%d blocks of %d bytes, %d bytes", blocks, (*disk)->block_bytes(), (*disk)->bytes()));
  return (*disk)->client()->Close();
}

absl::Status Program::ShowLuns() {
  absl::StatusOr<ParsedUrl> url = ParseUrl(first_);
  if (!url.ok()) return url.status();
  absl::StatusOr<std::unique_ptr<Client>> client = Connect(*url);
  if (!client.ok()) return client.status();
  absl::StatusOr<std::vector<uint16_t>> luns = Disk(**client, url->lun).ReportLuns();
  if (!luns.ok()) return luns.status();
  Json json = Json::array();
  std::string lines;
  for (const uint16_t lun : *luns) {
    Disk disk(**client, lun);
    if (absl::Status ready = disk.TestUnitReady(); !ready.ok()) return ready;
    absl::StatusOr<Capacity> capacity = disk.ReadCapacity();
    if (!capacity.ok()) return capacity.status();
    json.push_back({{"lun", lun}, {"bytes", capacity->bytes()}, {"block_bytes", capacity->block_bytes}});
    absl::StrAppendFormat(&lines, "%sLUN %d: %d bytes in blocks of %d", lines.empty() ? "" : "\n", lun, capacity->bytes(),
                          capacity->block_bytes);
  }
  Print(Json{{"luns", json}}, lines);
  return (*client)->Close();
}

absl::Status Program::Transfer(Endpoint& source, Endpoint& sink, uint64_t bytes, const std::string& label) {
  absl::StatusOr<TransferResult> result;
  {
    Progress progress(label, bytes, Shown());
    result = Copy(source, sink, bytes, Options(progress));
  }
  if (!result.ok()) return result.status();
  const double seconds = absl::ToDoubleSeconds(result->elapsed);
  Json json = {{"bytes", result->bytes}, {"seconds", seconds}, {"bytes_per_second", static_cast<double>(result->bytes) / seconds}};
  for (Endpoint* end : {&source, &sink}) {
    if (end->client() == nullptr) continue;
    if (absl::Status status = end->client()->Close(); !status.ok()) return status;
    AddCounters(json, end == &source ? "source" : "sink", end->client());
  }
  Print(json, absl::StrFormat("%d bytes in %.3f s, %.1f MB/s", result->bytes, seconds,
                              static_cast<double>(result->bytes) / seconds / 1e6));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Endpoint>> Program::Open(const std::string& name, uint64_t bytes_to_write) {
  if (IsUrl(name)) return OpenUrl(name);
  return bytes_to_write > 0 ? OpenFileToWrite(name, bytes_to_write) : OpenFileToRead(name);
}

absl::Status Program::DoCopy() {
  absl::StatusOr<std::unique_ptr<Endpoint>> source = Open(first_, 0);
  if (!source.ok()) return source.status();
  const uint64_t bytes = (*source)->bytes();
  if (bytes == 0) return absl::InvalidArgumentError(absl::StrCat(WithoutSecret(first_), ": is empty"));
  absl::StatusOr<std::unique_ptr<Endpoint>> sink = Open(second_, bytes);
  if (!sink.ok()) return sink.status();
  if ((*sink)->bytes() < bytes) {
    return absl::OutOfRangeError(absl::StrCat(WithoutSecret(second_), ": holds ", (*sink)->bytes(), " bytes, ", bytes, " are to be copied"));
  }
  return Transfer(**source, **sink, bytes, "copy");
}

absl::Status Program::DoVerify() {
  absl::StatusOr<std::unique_ptr<Endpoint>> left = OpenUrl(first_);
  if (!left.ok()) return left.status();
  absl::StatusOr<std::unique_ptr<Endpoint>> right = Open(second_, 0);
  if (!right.ok()) return right.status();
  const uint64_t bytes = std::min((*left)->bytes(), (*right)->bytes());
  if ((*right)->bytes() > (*left)->bytes()) {
    return absl::DataLossError(absl::StrCat(second_, ": is longer than the disk (", (*right)->bytes(), " against ", (*left)->bytes(), " bytes)"));
  }
  absl::StatusOr<TransferResult> result;
  {
    Progress progress("verify", bytes, Shown());
    result = Verify(**left, **right, bytes, Options(progress));
  }
  if (!result.ok()) return result.status();
  if (absl::Status status = (*left)->client()->Close(); !status.ok()) return status;
  Json json = {{"bytes", result->bytes}, {"equal", true}, {"seconds", absl::ToDoubleSeconds(result->elapsed)}};
  AddCounters(json, "source", (*left)->client());
  Print(json, absl::StrFormat("%d bytes are equal", result->bytes));
  return absl::OkStatus();
}

// Whole blocks around the bytes asked for are read; only what was asked for is given out.
absl::Status Program::DoRead() {
  absl::StatusOr<std::unique_ptr<Endpoint>> disk = OpenUrl(first_);
  if (!disk.ok()) return disk.status();
  const uint64_t total = (*disk)->bytes();
  if (offset_ > total) return absl::OutOfRangeError(absl::StrCat("--offset=", offset_, ": the disk has ", total, " bytes"));
  const uint64_t end = length_ == 0 ? total : offset_ + length_;
  if (end > total || end < offset_) return absl::OutOfRangeError(absl::StrCat("--length=", length_, ": the disk has ", total, " bytes"));
  std::FILE* out = output_ == "-" ? stdout : std::fopen(output_.c_str(), "wbe");
  if (out == nullptr) return absl::ErrnoToStatus(errno, output_);
  const uint64_t unit = (*disk)->block_bytes();
  const uint64_t step = std::max(unit, std::min(flags_.block_bytes, (*disk)->max_request_bytes()) / unit * unit);
  std::vector<std::byte> block(step);
  absl::Status failed;
  for (uint64_t at = offset_; at < end && failed.ok();) {
    const uint64_t first = at / unit * unit;
    const uint64_t size = std::min(step, (end - first + unit - 1) / unit * unit);
    bool done = false;
    failed.Update((*disk)->Read(first, std::span(block).first(size), [&](absl::Status status) {
      done = true;
      failed.Update(status);
    }));
    while (!done && failed.ok()) failed.Update((*disk)->Poll(absl::InfiniteDuration()));
    if (!failed.ok()) break;
    const uint64_t upto = std::min(end, first + size);
    if (std::fwrite(block.data() + (at - first), 1, upto - at, out) != upto - at) failed.Update(absl::ErrnoToStatus(errno, output_));
    at = upto;
  }
  if (std::fflush(out) != 0) failed.Update(absl::ErrnoToStatus(errno, output_));
  if (out != stdout) std::fclose(out);
  if (!failed.ok()) return failed;
  return (*disk)->client()->Close();
}

// From a file or standard input to --offset; a last block that is not whole keeps what the disk holds behind it.
absl::Status Program::DoWrite() {
  absl::StatusOr<std::unique_ptr<Endpoint>> disk = OpenUrl(first_);
  if (!disk.ok()) return disk.status();
  const uint64_t unit = (*disk)->block_bytes();
  if (offset_ % unit != 0) return absl::InvalidArgumentError(absl::StrCat("--offset=", offset_, ": not a multiple of the disk's ", unit, " bytes"));
  std::FILE* in = output_ == "-" ? stdin : std::fopen(output_.c_str(), "rbe");
  if (in == nullptr) return absl::ErrnoToStatus(errno, output_);
  const uint64_t step = std::max(unit, std::min(flags_.block_bytes, (*disk)->max_request_bytes()) / unit * unit);
  std::vector<std::byte> block(step);
  const auto wait = [&](auto request) {
    absl::Status result;
    bool done = false;
    absl::Status asked = request([&](absl::Status status) {
      done = true;
      result = status;
    });
    while (!done && asked.ok()) asked = (*disk)->Poll(absl::InfiniteDuration());
    return done ? result : asked;
  };
  absl::Status failed;
  uint64_t at = offset_;
  for (;;) {
    const size_t got = std::fread(block.data(), 1, step, in);
    if (got == 0) break;
    const uint64_t rounded = (got + unit - 1) / unit * unit;
    if (at + rounded > (*disk)->bytes()) {
      failed = absl::OutOfRangeError(absl::StrCat("the disk ends at ", (*disk)->bytes(), " bytes; ", at - offset_, " were written"));
      break;
    }
    if (rounded != got) {
      std::vector<std::byte> last(unit);
      failed = wait([&](Endpoint::Done done) { return (*disk)->Read(at + rounded - unit, last, std::move(done)); });
      if (!failed.ok()) break;
      std::memcpy(block.data() + got, last.data() + (got - (rounded - unit)), rounded - got);
    }
    failed = wait([&](Endpoint::Done done) { return (*disk)->Write(at, std::span<const std::byte>(block).first(rounded), std::move(done)); });
    if (!failed.ok()) break;
    at += got;
  }
  if (std::ferror(in) != 0) failed.Update(absl::ErrnoToStatus(errno, output_));
  if (in != stdin) std::fclose(in);
  if (!failed.ok()) return failed;
  if (absl::Status status = (*disk)->Flush(); !status.ok()) return status;
  Print({{"bytes", at - offset_}}, absl::StrFormat("%d bytes written", at - offset_));
  return (*disk)->client()->Close();
}

absl::Status Program::DoBench() {
  absl::StatusOr<std::unique_ptr<Endpoint>> disk = OpenUrl(first_);
  if (!disk.ok()) return disk.status();
  bench_.write = bench_mode_ == "write";
  bench_.block_bytes = flags_.block_bytes;
  bench_.depth = flags_.depth;
  bench_.duration = absl::Seconds(bench_seconds_);
  absl::StatusOr<BenchResult> result = Bench(**disk, bench_);
  if (!result.ok()) return result.status();
  if (absl::Status status = (*disk)->client()->Close(); !status.ok()) return status;
  const double seconds = absl::ToDoubleSeconds(result->elapsed);
  Json json = {{"mode", bench_mode_},
               {"random", bench_.random},
               {"block_bytes", bench_.block_bytes},
               {"depth", bench_.depth},
               {"seconds", seconds},
               {"requests", result->requests},
               {"iops", static_cast<double>(result->requests) / seconds},
               {"bytes_per_second", static_cast<double>(result->bytes) / seconds}};
  std::string text = absl::StrFormat("%s%s, %d bytes, depth %d: %.0f IOPS, %.1f MB/s\nlatency (us):", bench_.random ? "random " : "",
                                     bench_mode_, bench_.block_bytes, bench_.depth, static_cast<double>(result->requests) / seconds,
                                     static_cast<double>(result->bytes) / seconds / 1e6);
  for (const double percent : {50.0, 90.0, 99.0, 99.9}) {
    const double us = result->latency.PercentileMicroseconds(percent);
    json["latency_us"][absl::StrCat("p", percent)] = us;
    absl::StrAppendFormat(&text, " p%g %.1f", percent, us);
  }
  AddCounters(json, "source", (*disk)->client());
  Print(json, text);
  return absl::OkStatus();
}

absl::Status Program::DoPing() {
  absl::StatusOr<ParsedUrl> url = ParseUrl(first_);
  if (!url.ok()) return url.status();
  absl::StatusOr<std::unique_ptr<Client>> client = Connect(*url);
  if (!client.ok()) return client.status();
  std::vector<std::byte> data(ping_bytes_, std::byte{'i'});
  Json times = Json::array();
  for (uint32_t i = 0; i < ping_count_; ++i) {
    bool done = false;
    absl::Status status;
    const absl::Time start = absl::Now();
    absl::Status asked = (*client)->Ping(data, [&](const Event& event) {
      done = true;
      status = event.outcome == Outcome::kAnswered ? absl::OkStatus() : StatusOf(event);
    });
    if (!asked.ok()) return asked;
    while (!done) {
      if (absl::Status polled = (*client)->Poll(absl::InfiniteDuration()); !polled.ok() && !done) return polled;
    }
    if (!status.ok()) return status;
    const double us = absl::ToDoubleMicroseconds(absl::Now() - start);
    times.push_back(us);
    if (!flags_.json) std::printf("%u bytes back from %s in %.1f us\n", ping_bytes_, url->portal.ToString().c_str(), us);
  }
  if (flags_.json) Print({{"round_trips_us", times}}, "");
  return (*client)->Close();
}

// Secrets in the argument list are there for all to see: overwritten at once, and said so.
void HideSecrets(int argc, char** argv, std::vector<std::string>* arguments) {
  bool found = false;
  for (int i = 1; i < argc; ++i) {
    arguments->emplace_back(argv[i]);
    const SecretPlace place = FindSecret(argv[i]);
    for (size_t at = 0; at < place.size; ++at) argv[i][place.offset + at] = '*';
    found |= place.size > 0;
  }
  if (found) {
    std::fputs("iscsi: warning: a secret in a URL can be seen by others and stays in the shell's history; use --secret_file\n", stderr);
  }
}

// Every key of the RFC that an initiator sets, in front of what the URL says of digests.
void Program::AddKeys(CLI::App& app) {
  flags_.offer.InitiatorName = "iqn.2026-11.org.isthmus:iscsi";
  for (const text::KeyInfo* key : transport::SettableKeys(Role::kInitiator)) {
    const auto set = [this, key](const std::string& value) {
      const absl::Status status = transport::SetOffer(*key, value, key_texts_, &flags_.offer);
      if (!status.ok()) {
        throw CLI::ValidationError(absl::StrCat("--", std::string(key->name), "=", value, ": ", status.message()));
      }
    };
    app.add_option_function<std::string>(transport::FlagOf(*key), set, transport::HelpOf(*key))
        ->default_str(transport::ValueOf(flags_.offer, *key))
        ->type_name("VALUE")
        ->group("Keys of RFC 7143 that we offer");
  }
}

absl::Status Program::CheckKeys() const {
  text::Offer offer = flags_.offer;
  offer.TargetName = "iqn.2026-11.org.isthmus:any";  // the URL's is checked there
  const std::optional<text::Key> wrong = text::FindInvalid(offer, Role::kInitiator);
  if (!wrong.has_value()) return absl::OkStatus();
  const text::KeyInfo& info = text::InfoOf(*wrong);
  return absl::InvalidArgumentError(
      absl::StrCat("--", std::string(info.name), ": the value breaks RFC 7143 section ", std::string(info.section),
                   *wrong == text::Key::kFirstBurstLength ? " (it exceeds MaxBurstLength)" : ""));
}

int Program::Run(int argc, char** argv) {
  std::vector<std::string> arguments;
  HideSecrets(argc, argv, &arguments);
  CLI::App app("iscsi uses iSCSI disks (RFC 7143): iscsi://[user@]host[:port]/target-name/lun[?header_digest=crc32c&data_digest=crc32c]",
               "iscsi");
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--secret_file", flags_.secret_file, "CHAP secrets, mode 600: \"NAME SECRET\", and \"mutual NAME SECRET\" for the target");
  app.add_option("--capture", flags_.capture_path, "File for a packet capture (pcapng), secrets masked");
  app.add_flag("--capture_secrets", flags_.capture_secrets, "Leave CHAP responses in the capture");
  app.add_flag("--json", flags_.json, "Print one line of JSON");
  app.add_flag("--progress", flags_.progress, "Draw the progress bar also where no terminal is");
  app.add_option("--digest_kernel", flags_.digest_kernel, "CRC32C kernel by name, instead of the best one");
  app.add_option("--offload", flags_.offload, transport::DeviceModelHelp())->capture_default_str();
  app.add_option("--connect_timeout_s", flags_.connect_timeout_s, "Seconds to wait for a connection")->capture_default_str();
  app.add_option("--reconnect_timeout_s", flags_.reconnect_timeout_s, "Seconds to try a lost connection again; 0: not at all")
      ->capture_default_str();
  app.add_option("--depth", flags_.depth, "Requests under way at once")->capture_default_str()->check(CLI::Range(1, 4096));
  const CLI::Validator size(ParseBytes, "BYTES");
  app.add_option("--block", flags_.block_bytes, "Bytes of one request (4096, 64k, 1M)")->capture_default_str()->transform(size);
  AddKeys(app);

  absl::Status (Program::*action)() = nullptr;
  const auto command = [&](const char* name, const char* help, absl::Status (Program::*run)()) {
    CLI::App* sub = app.add_subcommand(name, help);
    sub->callback([&action, run] { action = run; });
    return sub;
  };
  const auto url = [&](CLI::App* sub) { sub->add_option("URL", first_, "The disk")->required(); };
  command("discover", "List the targets of a portal", &Program::Discover)->add_option("HOST[:PORT]", first_)->required();
  url(command("inquiry", "Who the disk says it is", &Program::ShowInquiry));
  url(command("capacity", "How large the disk is", &Program::ShowCapacity));
  url(command("luns", "The target's disks", &Program::ShowLuns));
  CLI::App* read = command("read", "Bytes of the disk to a file or standard output", &Program::DoRead);
  url(read);
  CLI::App* write = command("write", "A file or standard input to the disk", &Program::DoWrite);
  url(write);
  for (CLI::App* sub : {read, write}) {
    sub->add_option("FILE", output_, "- is standard output or input")->capture_default_str();
    sub->add_option("--offset", offset_, "First byte on the disk")->transform(size);
  }
  read->add_option("--length", length_, "Bytes; 0: to the end")->transform(size);
  CLI::App* copy = command("copy", "Everything from SRC to DST, either a file or a URL", &Program::DoCopy);
  copy->add_option("SRC", first_)->required();
  copy->add_option("DST", second_)->required();
  CLI::App* verify = command("verify", "Whether the disk begins with the bytes of a file (or another disk)", &Program::DoVerify);
  url(verify);
  verify->add_option("FILE", second_)->required();
  CLI::App* bench = command("bench", "IOPS, MB/s and latencies (--block, --depth)", &Program::DoBench);
  url(bench);
  bench->add_option("--mode", bench_mode_, "read, or write (which overwrites the disk)")->check(CLI::IsMember({"read", "write"}))
      ->capture_default_str();
  bench->add_flag("--random", bench_.random, "Random offsets instead of sequential ones");
  bench->add_option("--seconds", bench_seconds_, "How long")->capture_default_str();
  CLI::App* ping = command("ping", "NOP-Out and back", &Program::DoPing);
  url(ping);
  ping->add_option("--count", ping_count_, "How many")->capture_default_str();
  ping->add_option("--bytes", ping_bytes_, "Bytes to be echoed")->capture_default_str()->check(CLI::Range(0, 4096));
  try {
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 takes them
    app.parse(std::vector<std::string>(arguments));
  } catch (const CLI::RequiredError& error) {
    if (app.get_subcommands().empty() && !arguments.empty()) {
      std::fprintf(stderr, "iscsi: %s: no command among the arguments; iscsi --help lists them\n",
                   WithoutSecret(arguments.back()).c_str());
      return 2;
    }
    app.exit(error);
    return 2;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  absl::Status status = Prepare();
  if (status.ok()) status = (this->*action)();
  if (capture_ != nullptr) status.Update(capture_->Flush());
  for (const std::string* place : {&first_, &second_}) {
    const SecretPlace secret = FindSecret(*place);
    if (secret.size > 0) explicit_bzero(const_cast<char*>(place->data()) + secret.offset, secret.size);
  }
  for (auto& secret : url_secrets_) transport::Wipe(*secret);
  if (!status.ok()) std::fprintf(stderr, "iscsi: %s\n", std::string(status.message()).c_str());
  return ExitOf(status);
}

}  // namespace
}  // namespace isthmus::initiator

int main(int argc, char** argv) { return isthmus::initiator::Program().Run(argc, argv); }
