#include "initiator/client/disk.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "initiator/client/error_text.h"
#include "protocol/wire/lun.h"

namespace isthmus::initiator {
namespace {

constexpr int kUnitAttentionTries = 8;

template <class T>
T Big(std::span<const std::byte> bytes, size_t at) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) value = static_cast<T>(static_cast<uint64_t>(value) << 8 | std::to_integer<uint64_t>(bytes[at + i]));
  return value;
}

void PutBig(std::span<std::byte> bytes, size_t at, size_t size, uint64_t value) {
  for (size_t i = size; i-- > 0; value >>= 8) bytes[at + i] = static_cast<std::byte>(value & 0xff);
}

std::array<std::byte, 16> Cdb(std::initializer_list<uint8_t> start) {
  std::array<std::byte, 16> cdb{};
  std::transform(start.begin(), start.end(), cdb.begin(), [](uint8_t b) { return std::byte{b}; });
  return cdb;
}

std::string Words(std::span<const std::byte> bytes, size_t at, size_t size) {
  std::string text;
  for (size_t i = at; i < at + size && i < bytes.size(); ++i) {
    const char c = static_cast<char>(bytes[i]);
    text.push_back(absl::ascii_isprint(static_cast<unsigned char>(c)) ? c : '?');
  }
  absl::StripAsciiWhitespace(&text);
  return text;
}

struct SenseCode {
  uint8_t key = 0, asc = 0, ascq = 0;
};

// Fixed and descriptor format (SPC-4 4.5), as far as the bytes go.
SenseCode ParseSense(std::span<const std::byte> sense) {
  const auto at = [sense](size_t i) { return i < sense.size() ? std::to_integer<uint8_t>(sense[i]) : uint8_t{0}; };
  const uint8_t format = at(0) & 0x7f;
  if (format == 0x72 || format == 0x73) return {static_cast<uint8_t>(at(1) & 0xf), at(2), at(3)};
  return {static_cast<uint8_t>(at(2) & 0xf), at(12), at(13)};
}

const char* const kSenseKeys[16] = {"no sense",       "recovered error", "not ready",      "medium error",
                                    "hardware error", "illegal request", "unit attention", "data protect",
                                    "blank check",    "vendor specific", "copy aborted",   "aborted command",
                                    "reserved",       "volume overflow", "miscompare",     "completed"};

absl::Status CheckCondition(std::span<const std::byte> sense) {
  const SenseCode code = ParseSense(sense);
  const std::string text =
      absl::StrFormat("the disk answers CHECK CONDITION: %s, ASC/ASCQ %02x/%02x", kSenseKeys[code.key], code.asc, code.ascq);
  switch (code.key) {
    case 3:
      return absl::DataLossError(text);
    case 6:
    case 0xb:  // SPC-4 4.5.6: trying again may help, as after a data digest error (RFC 7143 section 11.4.7.2)
      return absl::AbortedError(text);
    case 7:
      return absl::PermissionDeniedError(text);
    default:
      if (code.asc == 0x25) return absl::NotFoundError(absl::StrCat("there is no such LUN: ", text));
      return code.asc == 0x21 ? absl::OutOfRangeError(text) : absl::InternalError(text);
  }
}

absl::Status ScsiStatus(uint8_t status, std::span<const std::byte> sense) {
  switch (status) {
    case 0x00:
    case 0x04:
      return absl::OkStatus();
    case 0x02:
      return CheckCondition(sense);
    case 0x08:
      return absl::ResourceExhaustedError("the disk answers BUSY");
    case 0x18:
      return absl::PermissionDeniedError("the disk answers RESERVATION CONFLICT");
    case 0x28:
      return absl::ResourceExhaustedError("the disk answers TASK SET FULL");
    case 0x40:
      return absl::AbortedError("the disk answers TASK ABORTED");
    default:
      return absl::InternalError(absl::StrFormat("the disk answers SCSI status 0x%02x", status));
  }
}

}  // namespace

absl::Status StatusOf(const Event& event) {
  const std::string why = InWords(event.error);
  switch (event.outcome) {
    case Outcome::kAnswered:
      if (event.response != 0) {
        return absl::InternalError(absl::StrFormat("the target failed the command: response 0x%02x", event.response));
      }
      return ScsiStatus(event.status, event.data);
    case Outcome::kDigestError:
      return absl::DataLossError(absl::StrCat("a digest was wrong: ", why));
    case Outcome::kDataError:
      return absl::DataLossError(absl::StrCat("the data is not what the target claims: ", why));
    case Outcome::kRejected:
      return absl::InternalError(absl::StrFormat("the target rejected the command: reason 0x%02x", event.reject_reason));
    case Outcome::kAborted:
      return absl::AbortedError("the command was aborted");
    case Outcome::kConnectionLost:
      return absl::UnavailableError("the connection was lost; the command may or may not have been done");
    case Outcome::kLoggedOut:
    case Outcome::kSessionEnded:
      return absl::UnavailableError("the session has ended");
    case Outcome::kTooLong:
      return absl::ResourceExhaustedError("the answer is longer than its buffer");
  }
  return absl::InternalError("unknown outcome");
}

Disk::Disk(Client& client, uint16_t lun) : client_(client) {
  PutBig(lun_, 0, 8, wire::LunFromNumber(lun));
}

absl::StatusOr<size_t> Disk::Ask(std::span<const std::byte> cdb, std::span<std::byte> answer) {
  Command command;
  command.lun = lun_;
  command.cdb = cdb;
  command.data_in = answer;
  command.retry = RetryPolicy::kReissue;
  absl::Status status;
  for (int i = 0; i < kUnitAttentionTries; ++i) {
    absl::StatusOr<Completed> completed = client_.Execute(command);
    if (!completed.ok()) return completed.status();
    status = StatusOf(completed->event);
    if (status.ok()) return completed->event.data_in_bytes;
    if (!absl::IsAborted(status) && !absl::IsResourceExhausted(status)) return status;
  }
  return status;
}

absl::Status Disk::TestUnitReady() { return Ask(Cdb({0x00}), {}).status(); }

absl::StatusOr<Inquiry> Disk::ReadInquiry() {
  std::array<std::byte, 255> answer{};
  auto cdb = Cdb({0x12, 0, 0, 0, 255});
  absl::StatusOr<size_t> size = Ask(std::span(cdb).first(6), answer);
  if (!size.ok()) return size.status();
  if (*size < 36) return absl::InternalError(absl::StrCat("INQUIRY gave ", *size, " bytes, fewer than 36"));
  const std::span<const std::byte> bytes = std::span(answer).first(*size);
  Inquiry inquiry;
  inquiry.peripheral_qualifier = std::to_integer<uint8_t>(bytes[0]) >> 5;
  inquiry.device_type = std::to_integer<uint8_t>(bytes[0]) & 0x1f;
  inquiry.vendor = Words(bytes, 8, 8);
  inquiry.product = Words(bytes, 16, 16);
  inquiry.revision = Words(bytes, 32, 4);
  cdb = Cdb({0x12, 1, 0x80, 0, 255});
  if (size = Ask(std::span(cdb).first(6), answer); size.ok() && *size > 4) {
    inquiry.serial = Words(std::span(answer).first(*size), 4, std::to_integer<uint8_t>(answer[3]));
  }
  return inquiry;
}

absl::StatusOr<Capacity> Disk::ReadCapacity() {
  std::array<std::byte, 32> answer{};
  absl::StatusOr<size_t> size = Ask(Cdb({0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32}), answer);
  if (size.ok() && *size >= 12) return Capacity{Big<uint64_t>(answer, 0) + 1, Big<uint32_t>(answer, 8)};
  // READ CAPACITY(10), for disks that know no other.
  auto cdb = Cdb({0x25});
  size = Ask(std::span(cdb).first(10), std::span(answer).first(8));
  if (!size.ok()) return size.status();
  if (*size < 8) return absl::InternalError("READ CAPACITY(10) gave fewer than 8 bytes");
  return Capacity{uint64_t{Big<uint32_t>(answer, 0)} + 1, Big<uint32_t>(answer, 4)};
}

absl::StatusOr<std::vector<uint16_t>> Disk::ReportLuns() {
  std::vector<std::byte> answer(16392);
  auto cdb = Cdb({0xa0});
  PutBig(cdb, 6, 4, answer.size());
  absl::StatusOr<size_t> size = Ask(std::span(cdb).first(12), answer);
  if (!size.ok()) return size.status();
  std::vector<uint16_t> luns;
  if (*size < 8) return luns;
  // Bounded by what came, whatever the length field claims.
  const size_t listed = std::min<size_t>(Big<uint32_t>(answer, 0), *size - 8);
  for (size_t at = 8; at + 8 <= 8 + listed; at += 8) {
    uint32_t number = 0;
    if (wire::LunToNumber(Big<uint64_t>(answer, at), &number)) luns.push_back(static_cast<uint16_t>(number));
  }
  return luns;
}

absl::StatusOr<uint32_t> Disk::MaxTransferBlocks() {
  std::array<std::byte, 64> answer{};
  auto cdb = Cdb({0x12, 1, 0xb0, 0, 64});
  absl::StatusOr<size_t> size = Ask(std::span(cdb).first(6), answer);
  if (!size.ok()) {
    if (absl::IsInternal(size.status())) return uint32_t{0};  // has no such page
    return size.status();
  }
  return *size >= 12 ? Big<uint32_t>(answer, 8) : 0u;
}

absl::Status Disk::Flush() {
  auto cdb = Cdb({0x35});
  return Ask(std::span(cdb).first(10), {}).status();
}

void Disk::Read(uint64_t lba, uint32_t blocks, std::span<std::byte> into, DiskCommand* out) const {
  out->cdb = Cdb({0x88});
  PutBig(out->cdb, 2, 8, lba);
  PutBig(out->cdb, 10, 4, blocks);
  out->command = {};
  out->command.lun = lun_;
  out->command.cdb = out->cdb;
  out->command.data_in = into;
  out->command.retry = RetryPolicy::kReissue;
}

void Disk::Write(uint64_t lba, uint32_t blocks, std::span<const std::byte> from, DiskCommand* out) const {
  out->cdb = Cdb({0x8a});
  PutBig(out->cdb, 2, 8, lba);
  PutBig(out->cdb, 10, 4, blocks);
  out->command = {};
  out->command.lun = lun_;
  out->command.cdb = out->cdb;
  out->command.data_out = from;
  out->command.retry = RetryPolicy::kReissue;
}

}  // namespace isthmus::initiator
