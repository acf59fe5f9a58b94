#include "protocol/wire/sense.h"

#include <algorithm>

namespace isthmus::wire {
namespace {

constexpr const char* kSenseKeys[16] = {
    "NO SENSE",       "RECOVERED ERROR", "NOT READY",      "MEDIUM ERROR",
    "HARDWARE ERROR", "ILLEGAL REQUEST", "UNIT ATTENTION", "DATA PROTECT",
    "BLANK CHECK",    "VENDOR SPECIFIC", "COPY ABORTED",   "ABORTED COMMAND",
    "reserved",       "VOLUME OVERFLOW", "MISCOMPARE",     "COMPLETED",
};

// clang-format off
constexpr AdditionalSense kTable[] = {
    {0x00, 0x00, "NO ADDITIONAL SENSE INFORMATION"},
    {0x00, 0x06, "I/O PROCESS TERMINATED"},
    {0x04, 0x00, "LOGICAL UNIT NOT READY, CAUSE NOT REPORTABLE"},
    {0x04, 0x01, "LOGICAL UNIT IS IN PROCESS OF BECOMING READY"},
    {0x04, 0x02, "LOGICAL UNIT NOT READY, INITIALIZING COMMAND REQUIRED"},
    {0x04, 0x03, "LOGICAL UNIT NOT READY, MANUAL INTERVENTION REQUIRED"},
    {0x04, 0x04, "LOGICAL UNIT NOT READY, FORMAT IN PROGRESS"},
    {0x04, 0x0b, "LOGICAL UNIT NOT ACCESSIBLE, TARGET PORT IN STANDBY STATE"},
    {0x04, 0x0c, "LOGICAL UNIT NOT ACCESSIBLE, TARGET PORT IN UNAVAILABLE STATE"},
    {0x08, 0x00, "LOGICAL UNIT COMMUNICATION FAILURE"},
    {0x0b, 0x01, "WARNING - SPECIFIED TEMPERATURE EXCEEDED"},
    {0x0c, 0x00, "WRITE ERROR"},
    {0x0c, 0x02, "WRITE ERROR - AUTO REALLOCATION FAILED"},
    {0x0c, 0x0c, "WRITE ERROR - UNEXPECTED UNSOLICITED DATA"},
    {0x0c, 0x0d, "WRITE ERROR - NOT ENOUGH UNSOLICITED DATA"},
    {0x0e, 0x03, "INVALID FIELD IN COMMAND INFORMATION UNIT"},
    {0x10, 0x00, "ID CRC OR ECC ERROR"},
    {0x10, 0x01, "LOGICAL BLOCK GUARD CHECK FAILED"},
    {0x10, 0x02, "LOGICAL BLOCK APPLICATION TAG CHECK FAILED"},
    {0x10, 0x03, "LOGICAL BLOCK REFERENCE TAG CHECK FAILED"},
    {0x11, 0x00, "UNRECOVERED READ ERROR"},
    {0x11, 0x13, "READ ERROR - FAILED RETRANSMISSION REQUEST"},
    {0x1a, 0x00, "PARAMETER LIST LENGTH ERROR"},
    {0x1d, 0x00, "MISCOMPARE DURING VERIFY OPERATION"},
    {0x20, 0x00, "INVALID COMMAND OPERATION CODE"},
    {0x21, 0x00, "LOGICAL BLOCK ADDRESS OUT OF RANGE"},
    {0x24, 0x00, "INVALID FIELD IN CDB"},
    {0x25, 0x00, "LOGICAL UNIT NOT SUPPORTED"},
    {0x26, 0x00, "INVALID FIELD IN PARAMETER LIST"},
    {0x26, 0x02, "PARAMETER VALUE INVALID"},
    {0x26, 0x04, "INVALID RELEASE OF PERSISTENT RESERVATION"},
    {0x27, 0x00, "WRITE PROTECTED"},
    {0x27, 0x02, "LOGICAL UNIT SOFTWARE WRITE PROTECTED"},
    {0x27, 0x07, "SPACE ALLOCATION FAILED WRITE PROTECT"},
    {0x28, 0x00, "NOT READY TO READY CHANGE, MEDIUM MAY HAVE CHANGED"},
    {0x29, 0x00, "POWER ON, RESET, OR BUS DEVICE RESET OCCURRED"},
    {0x29, 0x01, "POWER ON OCCURRED"},
    {0x29, 0x02, "SCSI BUS RESET OCCURRED"},
    {0x29, 0x03, "BUS DEVICE RESET FUNCTION OCCURRED"},
    {0x29, 0x04, "DEVICE INTERNAL RESET"},
    {0x29, 0x07, "I_T NEXUS LOSS OCCURRED"},
    {0x2a, 0x01, "MODE PARAMETERS CHANGED"},
    {0x2a, 0x02, "LOG PARAMETERS CHANGED"},
    {0x2a, 0x03, "RESERVATIONS PREEMPTED"},
    {0x2a, 0x04, "RESERVATIONS RELEASED"},
    {0x2a, 0x05, "REGISTRATIONS PREEMPTED"},
    {0x2a, 0x06, "ASYMMETRIC ACCESS STATE CHANGED"},
    {0x2a, 0x09, "CAPACITY DATA HAS CHANGED"},
    {0x2c, 0x00, "COMMAND SEQUENCE ERROR"},
    {0x2f, 0x00, "COMMANDS CLEARED BY ANOTHER INITIATOR"},
    {0x30, 0x00, "INCOMPATIBLE MEDIUM INSTALLED"},
    {0x31, 0x00, "MEDIUM FORMAT CORRUPTED"},
    {0x38, 0x07, "THIN PROVISIONING SOFT THRESHOLD REACHED"},
    {0x39, 0x00, "SAVING PARAMETERS NOT SUPPORTED"},
    {0x3a, 0x00, "MEDIUM NOT PRESENT"},
    {0x3e, 0x01, "LOGICAL UNIT FAILURE"},
    {0x3f, 0x01, "MICROCODE HAS BEEN CHANGED"},
    {0x3f, 0x03, "INQUIRY DATA HAS CHANGED"},
    {0x3f, 0x0e, "REPORTED LUNS DATA HAS CHANGED"},
    {0x44, 0x00, "INTERNAL TARGET FAILURE"},
    {0x47, 0x05, "PROTOCOL SERVICE CRC ERROR"},
    {0x47, 0x7f, "SOME COMMANDS CLEARED BY ISCSI PROTOCOL EVENT"},
    {0x49, 0x00, "INVALID MESSAGE ERROR"},
    {0x4b, 0x00, "DATA PHASE ERROR"},
    {0x4e, 0x00, "OVERLAPPED COMMANDS ATTEMPTED"},
    {0x53, 0x02, "MEDIUM REMOVAL PREVENTED"},
    {0x55, 0x03, "INSUFFICIENT RESOURCES"},
    {0x55, 0x04, "INSUFFICIENT REGISTRATION RESOURCES"},
    {0x5d, 0x00, "FAILURE PREDICTION THRESHOLD EXCEEDED"},
};
// clang-format on

constexpr uint8_t Byte(std::span<const std::byte> bytes, size_t at) {
  return static_cast<uint8_t>(bytes[at]);
}

uint64_t ReadNumber(std::span<const std::byte> bytes) {
  uint64_t value = 0;
  for (std::byte byte : bytes) value = value << 8 | static_cast<uint64_t>(byte);
  return value;
}

void WriteNumber(uint64_t value, std::span<std::byte> to) {
  for (size_t i = to.size(); i-- > 0; value >>= 8) to[i] = static_cast<std::byte>(value);
}

void ReadStreamBits(uint8_t bits, Sense* sense) {
  sense->filemark = (bits & 0x80) != 0;
  sense->end_of_medium = (bits & 0x40) != 0;
  sense->incorrect_length = (bits & 0x20) != 0;
}

uint8_t StreamBits(const Sense& sense) {
  return static_cast<uint8_t>((sense.filemark ? 0x80 : 0) | (sense.end_of_medium ? 0x40 : 0) |
                              (sense.incorrect_length ? 0x20 : 0));
}

std::optional<std::array<std::byte, 3>> ReadKeySpecific(std::span<const std::byte> bytes) {
  if ((Byte(bytes, 0) & 0x80) == 0) return std::nullopt;
  return std::array<std::byte, 3>{bytes[0], bytes[1], bytes[2]};
}

bool ParseFixed(std::span<const std::byte> bytes, Sense* sense) {
  if (bytes.size() < 14) return false;
  const size_t end = std::min(bytes.size(), size_t{8} + Byte(bytes, 7));
  if (end < 14) return false;
  ReadStreamBits(Byte(bytes, 2), sense);
  sense->key = Byte(bytes, 2) & 0x0f;
  sense->asc = Byte(bytes, 12);
  sense->ascq = Byte(bytes, 13);
  if ((Byte(bytes, 0) & 0x80) != 0) sense->information = ReadNumber(bytes.subspan(3, 4));
  if (const uint64_t value = ReadNumber(bytes.subspan(8, 4)); value != 0) {
    sense->command_specific = value;
  }
  if (end >= 18) sense->sense_key_specific = ReadKeySpecific(bytes.subspan(15, 3));
  return true;
}

void ParseDescriptor(std::span<const std::byte> descriptor, Sense* sense) {
  switch (Byte(descriptor, 0)) {
    case 0x00:
      if (descriptor.size() >= 12 && (Byte(descriptor, 2) & 0x80) != 0) {
        sense->information = ReadNumber(descriptor.subspan(4, 8));
      }
      return;
    case 0x01:
      if (descriptor.size() >= 12) sense->command_specific = ReadNumber(descriptor.subspan(4, 8));
      return;
    case 0x02:
      if (descriptor.size() >= 7) {
        sense->sense_key_specific = ReadKeySpecific(descriptor.subspan(4, 3));
      }
      return;
    case 0x04:
      if (descriptor.size() >= 4) ReadStreamBits(Byte(descriptor, 3), sense);
      return;
    case 0x05:
      if (descriptor.size() >= 4) sense->incorrect_length = (Byte(descriptor, 3) & 0x20) != 0;
      return;
    default:
      return;
  }
}

bool ParseDescriptors(std::span<const std::byte> bytes, Sense* sense) {
  if (bytes.size() < 8) return false;
  sense->key = Byte(bytes, 1) & 0x0f;
  sense->asc = Byte(bytes, 2);
  sense->ascq = Byte(bytes, 3);
  std::span<const std::byte> rest = bytes.subspan(8);
  rest = rest.first(std::min(rest.size(), size_t{Byte(bytes, 7)}));
  while (rest.size() >= 2) {
    const size_t size = std::min(rest.size(), size_t{2} + Byte(rest, 1));
    ParseDescriptor(rest.first(size), sense);
    rest = rest.subspan(size);
  }
  return true;
}

}  // namespace

Violation SplitSenseSegment(std::span<const std::byte> data_segment, SenseSegment* segment) {
  *segment = {};
  if (data_segment.empty()) return Violation::None();
  if (data_segment.size() < 2) return {ErrorCode::kSenseLengthTooLong, 0};
  const auto length = static_cast<uint32_t>(ReadNumber(data_segment.first(2)));
  const std::span<const std::byte> bytes = data_segment.subspan(2);
  if (length > bytes.size()) {
    segment->sense = bytes;
    return {ErrorCode::kSenseLengthTooLong, length};
  }
  segment->sense = bytes.first(length);
  segment->rest = bytes.subspan(length);
  return Violation::None();
}

size_t BuildSenseSegment(std::span<const std::byte> sense, std::span<std::byte> out) {
  if (sense.size() > 0xffff || out.size() < sense.size() + 2) return 0;
  WriteNumber(sense.size(), out.first(2));
  std::copy(sense.begin(), sense.end(), out.begin() + 2);
  return sense.size() + 2;
}

bool ParseSense(std::span<const std::byte> bytes, Sense* sense) {
  *sense = {};
  if (bytes.empty()) return false;
  const int response_code = Byte(bytes, 0) & 0x7f;
  sense->deferred = response_code == 0x71 || response_code == 0x73;
  if (response_code == 0x70 || response_code == 0x71) return ParseFixed(bytes, sense);
  if (response_code == 0x72 || response_code == 0x73) return ParseDescriptors(bytes, sense);
  return false;
}

size_t BuildFixedSense(const Sense& sense, std::span<std::byte> out) {
  if (out.size() < kFixedSenseBytes) return 0;
  out = out.first(kFixedSenseBytes);
  std::fill(out.begin(), out.end(), std::byte{0});
  out[0] = std::byte{sense.deferred ? uint8_t{0x71} : uint8_t{0x70}};
  out[2] = static_cast<std::byte>(StreamBits(sense) | (sense.key & 0x0f));
  if (sense.information && *sense.information <= 0xffffffff) {
    out[0] |= std::byte{0x80};
    WriteNumber(*sense.information, out.subspan(3, 4));
  }
  out[7] = static_cast<std::byte>(kFixedSenseBytes - 8);
  if (sense.command_specific && *sense.command_specific <= 0xffffffff) {
    WriteNumber(*sense.command_specific, out.subspan(8, 4));
  }
  out[12] = static_cast<std::byte>(sense.asc);
  out[13] = static_cast<std::byte>(sense.ascq);
  if (sense.sense_key_specific) {
    std::copy(sense.sense_key_specific->begin(), sense.sense_key_specific->end(), out.begin() + 15);
  }
  return kFixedSenseBytes;
}

size_t BuildDescriptorSense(const Sense& sense, std::span<std::byte> out) {
  std::array<std::byte, kMaxDescriptorSenseBytes> bytes = {};
  bytes[0] = std::byte{sense.deferred ? uint8_t{0x73} : uint8_t{0x72}};
  bytes[1] = static_cast<std::byte>(sense.key & 0x0f);
  bytes[2] = static_cast<std::byte>(sense.asc);
  bytes[3] = static_cast<std::byte>(sense.ascq);
  size_t size = 8;
  const auto add = [&](uint8_t type, uint8_t additional_length) {
    const std::span<std::byte> descriptor = std::span(bytes).subspan(size, 2u + additional_length);
    descriptor[0] = static_cast<std::byte>(type);
    descriptor[1] = static_cast<std::byte>(additional_length);
    size += descriptor.size();
    return descriptor;
  };
  if (sense.information) {
    const std::span<std::byte> descriptor = add(0x00, 10);
    descriptor[2] = std::byte{0x80};
    WriteNumber(*sense.information, descriptor.subspan(4));
  }
  if (sense.command_specific) WriteNumber(*sense.command_specific, add(0x01, 10).subspan(4));
  if (sense.sense_key_specific) {
    std::copy(sense.sense_key_specific->begin(), sense.sense_key_specific->end(),
              add(0x02, 6).begin() + 4);
  }
  if (StreamBits(sense) != 0) add(0x04, 2)[3] = static_cast<std::byte>(StreamBits(sense));
  bytes[7] = static_cast<std::byte>(size - 8);
  if (out.size() < size) return 0;
  std::copy_n(bytes.begin(), size, out.begin());
  return size;
}

const char* SenseKeyName(uint8_t key) { return kSenseKeys[key & 0x0f]; }

std::span<const AdditionalSense> AdditionalSenses() { return kTable; }

const char* AdditionalSenseName(uint8_t asc, uint8_t ascq) {
  for (const AdditionalSense& row : kTable) {
    if (row.asc == asc && row.ascq == ascq) return row.name;
  }
  return "unknown";
}

}  // namespace isthmus::wire
