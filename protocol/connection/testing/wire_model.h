// A second, independent opinion on iSCSI framing for tests: its own CRC32C, encoder and decoder,
// sharing nothing with the code under test. RFC 7143 sections 11.2, 13.1; digests in the byte order
// that appendix A.4 prints.
//
//   WireStream stream;
//   stream.Add({.header = Header("01 80 ..."), .data = Bytes(512)}, /*header_digest=*/true, true);
//   std::vector<ModelPdu> pdus = DecodeAll(stream.bytes(), true, true);
#ifndef ISTHMUS_PROTOCOL_CONNECTION_TESTING_WIRE_MODEL_H_
#define ISTHMUS_PROTOCOL_CONNECTION_TESTING_WIRE_MODEL_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace isthmus::testing_support {

using ByteVector = std::vector<std::byte>;

// From the definition: reflected polynomial 0x82f63b78.
uint32_t ModelCrc32c(const ByteVector& bytes);

// "01 80 00" to bytes; blanks are ignored. Ends the program on anything else.
ByteVector FromHex(std::string_view hex);
std::string ToHex(const std::byte* data, size_t size);
inline std::string ToHex(const ByteVector& bytes) { return ToHex(bytes.data(), bytes.size()); }

// `size` bytes that differ from their neighbours and with `seed`.
ByteVector Pattern(size_t size, uint32_t seed = 1);

struct ModelPdu {
  std::array<std::byte, 48> header = {};  // lengths are filled in when it is encoded
  ByteVector ahs;                         // whole words
  ByteVector data;
  uint8_t pad_byte = 0;
  uint32_t header_digest_xor = 0;  // what the digests are made wrong by
  uint32_t data_digest_xor = 0;
};

// A header with this opcode byte, other bytes a pattern of `seed`, so that a misplaced one is seen.
ModelPdu MakePdu(uint8_t opcode_byte, size_t data_size, uint32_t seed, size_t ahs_words = 0);

ByteVector Encode(const ModelPdu& pdu, bool header_digest, bool data_digest);

// The bytes of several PDUs, and what an honest device could say of each byte.
class WireStream {
 public:
  enum class Part : uint8_t { kHeader, kData };  // each with its digest
  struct Origin {
    uint32_t pdu;
    Part part;
    bool digest_is_right;
  };

  // A stream as it was found. What does not parse to its end is not vouched for.
  static WireStream FromBytes(const ByteVector& bytes, bool header_digest, bool data_digest);

  void Add(const ModelPdu& pdu, bool header_digest, bool data_digest);
  const ByteVector& bytes() const { return bytes_; }
  const std::vector<Origin>& origins() const { return origins_; }
  const std::vector<ModelPdu>& pdus() const { return pdus_; }

 private:
  ByteVector bytes_;
  std::vector<Origin> origins_;
  std::vector<ModelPdu> pdus_;
};

// Parses whole PDUs; `good` of each says whether the digests that it should have agree. Ends the
// program if bytes are left over.
struct DecodedPdu {
  ByteVector header;
  ByteVector ahs;
  ByteVector data;
  ByteVector padding;
  bool header_digest_is_right = true;
  bool data_digest_is_right = true;
  uint32_t Word(size_t at) const;  // big-endian, of the header
  uint8_t Byte(size_t at) const { return std::to_integer<uint8_t>(header[at]); }
};
std::vector<DecodedPdu> DecodeAll(const ByteVector& bytes, bool header_digest, bool data_digest);

}  // namespace isthmus::testing_support

#endif  // ISTHMUS_PROTOCOL_CONNECTION_TESTING_WIRE_MODEL_H_
