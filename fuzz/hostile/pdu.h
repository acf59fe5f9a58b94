// Byte builder and decoder of the hostile peer, with the RFC's literals and a CRC32C of its own:
// nothing of protocol/ or digest/ is behind it, so that an error of the engine cannot hide in a
// constant that both share. RFC 7143 sections 11.1, 11.2 (template, lengths, digests), 13.1.
//
// Bytes are copies in std::string. A Pdu encodes as well-formed as its fields say; every departure
// is a field.
//
//   Pdu command = Pdu(0x01, 0xc1).U32(16, itt).U32(24, cmd_sn);   // byte offsets as the RFC draws
//   command.header_digest = Pdu::Digest::kWrong;
//   std::string bytes = command.Encode({.header = true, .data = true});
//   decoder.Add(received); while (std::optional<Pdu> pdu = decoder.Next()) ...
#ifndef ISTHMUS_FUZZ_HOSTILE_PDU_H_
#define ISTHMUS_FUZZ_HOSTILE_PDU_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace isthmus::hostile {

// Section 13.1: polynomial 0x11edc6f41, reflected, register preset and result complemented.
uint32_t Crc32c(std::string_view bytes);
// As it stands on the wire, least significant byte first.
std::string CrcBytes(std::string_view bytes);

struct Digests {
  bool header = false;
  bool data = false;
};

struct Pdu {
  enum class Digest : uint8_t {
    kRight,
    kWrong,     // one bit differs
    kSwapped,   // the right value with its bytes in the other order
    kUnpadded,  // of a data segment: computed without its pad bytes
    kAbsent,    // not there although negotiated
    kPresent,   // there although not negotiated
  };

  std::string header = std::string(48, '\0');
  std::string ahs;
  std::string data;
  char pad = 0;  // what pad bytes hold
  Digest header_digest = Digest::kRight, data_digest = Digest::kRight;
  int flipped_bit = -1;  // of the whole encoded PDU, changed after the digests were computed

  Pdu() = default;
  explicit Pdu(uint32_t opcode, uint32_t flags = 0x80) { U8(0, opcode).U8(1, flags); }

  Pdu& U8(size_t at, uint32_t value) {
    header[at] = static_cast<char>(value);
    return *this;
  }
  Pdu& U16(size_t at, uint32_t value) { return U8(at, value >> 8).U8(at + 1, value); }
  Pdu& U24(size_t at, uint32_t value) { return U8(at, value >> 16).U16(at + 1, value); }
  Pdu& U32(size_t at, uint32_t value) { return U16(at, value >> 16).U16(at + 2, value); }
  Pdu& Bytes(size_t at, std::string_view bytes) {
    header.replace(at, bytes.size(), bytes);
    return *this;
  }
  // Sets the length field too; write to bytes 4 or 5 to 7 afterwards to make it lie.
  Pdu& Data(std::string bytes) {
    data = std::move(bytes);
    return U24(5, static_cast<uint32_t>(data.size()));
  }
  Pdu& Ahs(std::string bytes) {
    ahs = std::move(bytes);
    return U8(4, static_cast<uint32_t>(ahs.size() / 4));
  }

  uint32_t u8(size_t at) const { return static_cast<uint8_t>(header[at]); }
  uint32_t u16(size_t at) const { return u8(at) << 8 | u8(at + 1); }
  uint32_t u24(size_t at) const { return u8(at) << 16 | u16(at + 1); }
  uint32_t u32(size_t at) const { return u16(at) << 16 | u16(at + 2); }
  uint32_t opcode() const { return u8(0) & 0x3f; }
  bool immediate() const { return (u8(0) & 0x40) != 0; }
  bool final() const { return (u8(1) & 0x80) != 0; }
  uint32_t itt() const { return u32(16); }
  uint32_t ttt() const { return u32(20); }

  std::string Encode(Digests digests) const;
  // Opcode, flags and what a reader of a report wants: "Reject 0x09", "Login Response 0x0207".
  std::string Describe() const;
};

// Cuts a received stream into PDUs. Both digests are checked, and what is wrong is kept.
class Decoder {
 public:
  Digests digests;

  void Add(std::string_view bytes) { rest_.append(bytes); }
  std::optional<Pdu> Next();
  // What the peer got wrong in its own framing: "", or a sentence.
  const std::string& wrong() const { return wrong_; }
  size_t left() const { return rest_.size(); }

 private:
  std::string rest_;
  std::string wrong_;
};

// "key=value" pairs, a NUL after each (section 6.1).
std::string Text(const std::vector<std::string>& pairs);
std::multimap<std::string, std::string> Pairs(std::string_view text);

}  // namespace isthmus::hostile

#endif  // ISTHMUS_FUZZ_HOSTILE_PDU_H_
