// Logical unit numbers: the eight bytes of a LUN field and the number that people use. RFC 7143
// section 11.2.1.7, SAM-5 4.7.
//
// A LUN is kept as it is on the wire: byte 8 of the header is the most significant byte of the
// uint64_t. It is compared whole; a number is looked up only after LunToNumber has accepted it.
//
//   uint64_t lun = LunFromNumber(300);          // 0x412c000000000000, flat space addressing
//   uint32_t number;
//   if (!LunToNumber(command.lun, &number)) ... // another level, well known, or unknown method
#ifndef ISTHMUS_PROTOCOL_WIRE_LUN_H_
#define ISTHMUS_PROTOCOL_WIRE_LUN_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace isthmus::wire {

// SAM-5 4.7.7: the two top bits of the first byte.
enum class LunAddressMethod : uint8_t {
  kPeripheralDevice = 0,
  kFlatSpace = 1,
  kLogicalUnit = 2,
  kExtended = 3,
};

constexpr LunAddressMethod AddressMethodOf(uint64_t lun) {
  return static_cast<LunAddressMethod>(lun >> 62);
}

// Numbers up to 255 in peripheral device addressing with bus 0, up to 16383 in flat space
// addressing, up to 2^24 - 1 in extended flat space addressing; 2^24 and above: as 2^24 - 1.
constexpr uint64_t LunFromNumber(uint32_t number) {
  if (number < 0x100) return static_cast<uint64_t>(number) << 48;
  if (number < 0x4000) return static_cast<uint64_t>(0x4000 | number) << 48;
  if (number > 0xffffff) number = 0xffffff;
  return uint64_t{0xd2} << 56 | static_cast<uint64_t>(number) << 32;
}

// The number of a LUN of one level: peripheral device addressing with bus 0, flat space, logical
// unit addressing with bus and target 0, extended flat space. False, and *number unchanged, for
// everything else, such as well-known logical units, further levels and reserved methods.
constexpr bool LunToNumber(uint64_t lun, uint32_t* number) {
  const auto first = static_cast<uint32_t>(lun >> 48);
  const bool one_level = (lun & 0x0000ffffffffffff) == 0;
  switch (AddressMethodOf(lun)) {
    case LunAddressMethod::kPeripheralDevice:
      if (!one_level || first > 0xff) return false;
      *number = first;
      return true;
    case LunAddressMethod::kFlatSpace:
      if (!one_level) return false;
      *number = first & 0x3fff;
      return true;
    case LunAddressMethod::kLogicalUnit:  // 10b, 6 bits target, 3 bits bus, 5 bits LUN
      if (!one_level || (first & 0x3fe0) != 0) return false;
      *number = first & 0x1f;
      return true;
    case LunAddressMethod::kExtended:  // D2h: 2 further bytes (length 01b), method 2: flat space
      if (lun >> 56 != 0xd2 || (lun & 0x00000000ffffffff) != 0) return false;
      *number = static_cast<uint32_t>(lun >> 32) & 0xffffff;
      return true;
  }
  return false;
}

// "Logical unit not specified" (SAM-5 4.7): names none, though all of it is set.
inline constexpr uint64_t kLunNotSpecified = ~uint64_t{0};

// SAM-5 4.7.7.5.1: C1h, W-LUN. 01h is REPORT LUNS.
inline constexpr uint64_t kReportLunsWellKnownLun = 0xc101000000000000;
constexpr bool IsWellKnownLun(uint64_t lun) {
  return lun >> 56 == 0xc1 && (lun & 0x0000ffffffffffff) == 0;
}

// The same eight bytes in memory order.
constexpr std::array<std::byte, 8> LunToBytes(uint64_t lun) {
  std::array<std::byte, 8> bytes = {};
  for (size_t i = 8; i-- > 0; lun >>= 8) bytes[i] = static_cast<std::byte>(lun);
  return bytes;
}
constexpr uint64_t LunFromBytes(const std::array<std::byte, 8>& bytes) {
  uint64_t lun = 0;
  for (std::byte byte : bytes) lun = lun << 8 | static_cast<uint64_t>(byte);
  return lun;
}

}  // namespace isthmus::wire

#endif  // ISTHMUS_PROTOCOL_WIRE_LUN_H_
