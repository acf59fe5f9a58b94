// The commands of iscsi.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "initiator/cli/program.h"
#include "initiator/client/disk.h"
#include "protocol/error.h"
#include "protocol/text/send_targets.h"

namespace isthmus::initiator {

absl::Status Program::Discover() {
  ParsedUrl url;
  std::string host = first_;
  if (IsUrl(host)) return absl::InvalidArgumentError("discover takes HOST[:PORT], not a URL");
  if (const size_t at = host.rfind('@'); at != std::string::npos) {
    url.user = host.substr(0, at);
    host = host.substr(at + 1);
  }
  absl::StatusOr<transport::Address> portal =
      transport::ParseAddress(host, transport::kDefaultPort);
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
    if (absl::Status polled = (*client)->Poll(absl::InfiniteDuration()); !polled.ok() && !done)
      return polled;
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
  if (inquiry->peripheral_qualifier == 3) {  // SPC-4 6.6.2: no disk can be there
    return absl::NotFoundError(absl::StrCat(url->portal.ToString(), ": there is no LUN ", url->lun));
  }
  Print({{"vendor", inquiry->vendor},
         {"product", inquiry->product},
         {"revision", inquiry->revision},
         {"serial", inquiry->serial},
         {"device_type", inquiry->device_type},
         {"peripheral_qualifier", inquiry->peripheral_qualifier}},
        absl::StrFormat("vendor %s, product %s, revision %s, serial %s, device type %d",
                        inquiry->vendor, inquiry->product, inquiry->revision, inquiry->serial,
                        inquiry->device_type));
  return (*client)->Close();
}

absl::Status Program::ShowCapacity() {
  absl::StatusOr<std::unique_ptr<Endpoint>> disk = OpenUrl(first_);
  if (!disk.ok()) return disk.status();
  const uint64_t blocks = (*disk)->bytes() / (*disk)->block_bytes();
  Print({{"blocks", blocks}, {"block_bytes", (*disk)->block_bytes()}, {"bytes", (*disk)->bytes()}},
        absl::StrFormat("%d blocks of %d bytes, %d bytes", blocks, (*disk)->block_bytes(),
                        (*disk)->bytes()));
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
    json.push_back(
        {{"lun", lun}, {"bytes", capacity->bytes()}, {"block_bytes", capacity->block_bytes}});
    absl::StrAppendFormat(&lines, "%sLUN %d: %d bytes in blocks of %d", lines.empty() ? "" : "\n",
                          lun, capacity->bytes(), capacity->block_bytes);
  }
  Print(Json{{"luns", json}}, lines);
  return (*client)->Close();
}

absl::Status Program::Transfer(Endpoint& source, Endpoint& sink, uint64_t bytes,
                               const std::string& label) {
  absl::StatusOr<TransferResult> result;
  {
    Progress progress(label, bytes, Shown());
    result = Copy(source, sink, bytes, Options(progress));
  }
  if (!result.ok()) return result.status();
  const double seconds = absl::ToDoubleSeconds(result->elapsed);
  Json json = {{"bytes", result->bytes},
               {"seconds", seconds},
               {"bytes_per_second", static_cast<double>(result->bytes) / seconds}};
  for (Endpoint* end : {&source, &sink}) {
    if (end->client() == nullptr) continue;
    if (absl::Status status = end->client()->Close(); !status.ok()) return status;
    AddCounters(json, end == &source ? "source" : "sink", end->client());
  }
  Print(json, absl::StrFormat("%d bytes in %.3f s, %.1f MB/s", result->bytes, seconds,
                              static_cast<double>(result->bytes) / seconds / 1e6));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Endpoint>> Program::Open(const std::string& name,
                                                        uint64_t bytes_to_write) {
  if (IsUrl(name)) return OpenUrl(name);
  return bytes_to_write > 0 ? OpenFileToWrite(name, bytes_to_write) : OpenFileToRead(name);
}

absl::Status Program::DoCopy() {
  absl::StatusOr<std::unique_ptr<Endpoint>> source = Open(first_, 0);
  if (!source.ok()) return source.status();
  const uint64_t bytes = (*source)->bytes();
  if (bytes == 0)
    return absl::InvalidArgumentError(absl::StrCat(WithoutSecret(first_), ": is empty"));
  absl::StatusOr<std::unique_ptr<Endpoint>> sink = Open(second_, bytes);
  if (!sink.ok()) return sink.status();
  if ((*sink)->bytes() < bytes) {
    return absl::OutOfRangeError(absl::StrCat(WithoutSecret(second_), ": holds ", (*sink)->bytes(),
                                              " bytes, ", bytes, " are to be copied"));
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
    return absl::DataLossError(absl::StrCat(second_, ": is longer than the disk (",
                                            (*right)->bytes(), " against ", (*left)->bytes(),
                                            " bytes)"));
  }
  absl::StatusOr<TransferResult> result;
  {
    Progress progress("verify", bytes, Shown());
    result = Verify(**left, **right, bytes, Options(progress));
  }
  if (!result.ok()) return result.status();
  if (absl::Status status = (*left)->client()->Close(); !status.ok()) return status;
  Json json = {{"bytes", result->bytes},
               {"equal", true},
               {"seconds", absl::ToDoubleSeconds(result->elapsed)}};
  AddCounters(json, "source", (*left)->client());
  Print(json, absl::StrFormat("%d bytes are equal", result->bytes));
  return absl::OkStatus();
}

// Whole blocks around the bytes asked for are read; only what was asked for is given out.
absl::Status Program::DoRead() {
  absl::StatusOr<std::unique_ptr<Endpoint>> disk = OpenUrl(first_);
  if (!disk.ok()) return disk.status();
  const uint64_t total = (*disk)->bytes();
  if (offset_ > total)
    return absl::OutOfRangeError(
        absl::StrCat("--offset=", offset_, ": the disk has ", total, " bytes"));
  const uint64_t end = length_ == 0 ? total : offset_ + length_;
  if (end > total || end < offset_)
    return absl::OutOfRangeError(
        absl::StrCat("--length=", length_, ": the disk has ", total, " bytes"));
  std::FILE* out = output_ == "-" ? stdout : std::fopen(output_.c_str(), "wbe");
  if (out == nullptr) return absl::ErrnoToStatus(errno, output_);
  const uint64_t unit = (*disk)->block_bytes();
  const uint64_t step =
      std::max(unit, std::min(flags_.block_bytes, (*disk)->max_request_bytes()) / unit * unit);
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
    if (std::fwrite(block.data() + (at - first), 1, upto - at, out) != upto - at)
      failed.Update(absl::ErrnoToStatus(errno, output_));
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
  if (offset_ % unit != 0)
    return absl::InvalidArgumentError(
        absl::StrCat("--offset=", offset_, ": not a multiple of the disk's ", unit, " bytes"));
  std::FILE* in = output_ == "-" ? stdin : std::fopen(output_.c_str(), "rbe");
  if (in == nullptr) return absl::ErrnoToStatus(errno, output_);
  const uint64_t step =
      std::max(unit, std::min(flags_.block_bytes, (*disk)->max_request_bytes()) / unit * unit);
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
      failed = absl::OutOfRangeError(absl::StrCat("the disk ends at ", (*disk)->bytes(), " bytes; ",
                                                  at - offset_, " were written"));
      break;
    }
    if (rounded != got) {
      std::vector<std::byte> last(unit);
      failed = wait([&](Endpoint::Done done) {
        return (*disk)->Read(at + rounded - unit, last, std::move(done));
      });
      if (!failed.ok()) break;
      std::memcpy(block.data() + got, last.data() + (got - (rounded - unit)), rounded - got);
    }
    failed = wait([&](Endpoint::Done done) {
      return (*disk)->Write(at, std::span<const std::byte>(block).first(rounded), std::move(done));
    });
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
  std::string text =
      absl::StrFormat("%s%s, %d bytes, depth %d: %.0f IOPS, %.1f MB/s\nlatency (us):",
                      bench_.random ? "random " : "", bench_mode_, bench_.block_bytes, bench_.depth,
                      static_cast<double>(result->requests) / seconds,
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
      if (absl::Status polled = (*client)->Poll(absl::InfiniteDuration()); !polled.ok() && !done)
        return polled;
    }
    if (!status.ok()) return status;
    const double us = absl::ToDoubleMicroseconds(absl::Now() - start);
    times.push_back(us);
    if (!flags_.json)
      std::printf("%u bytes back from %s in %.1f us\n", ping_bytes_, url->portal.ToString().c_str(),
                  us);
  }
  if (flags_.json) Print({{"round_trips_us", times}}, "");
  return (*client)->Close();
}

}  // namespace isthmus::initiator
