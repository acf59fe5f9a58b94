// The scripts of the session and login fuzzers: a byte of configuration, then records, each a kind, two bytes of length
// (little-endian) and so many bytes; the last may be cut short. A kWire record holds a byte of what the run mends, then
// PDUs as they stand on the wire; all other kinds are steps of the harness, one a record.
//
// The mutator works on records, and within kWire records on PDUs: lengths, padding and both digests are repaired with
// probability 0.95 each, and with the same probability the record asks the run to put right what only the run knows:
// CmdSN or StatSN, and tags.
//
//   ScriptReader script(data, size);
//   Run run(script.configuration());
//   for (Record record; script.Next(&record);) run.Step(record);
#ifndef ISTHMUS_FUZZ_SCRIPT_H_
#define ISTHMUS_FUZZ_SCRIPT_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/raw_pdu.h"

namespace isthmus::fuzz {

inline constexpr uint8_t kWire = 0;
inline constexpr uint8_t kStep = 1;

// Bits of the first byte of a kWire record: what the run puts right before it delivers a PDU.
inline constexpr uint8_t kMendNumbers = 1;
inline constexpr uint8_t kMendTags = 2;
inline constexpr uint8_t kMendSecrets = 4;  // login: CHAP_R answers the challenge

struct Record {
  uint8_t kind = kStep;
  std::span<const uint8_t> bytes;
};

class ScriptReader {
 public:
  ScriptReader(const uint8_t* data, size_t size) : left_(data, size) {
    if (size > 0) {
      configuration_ = data[0];
      left_ = left_.subspan(1);
    }
  }
  uint8_t configuration() const { return configuration_; }
  bool Next(Record* record);

 private:
  uint8_t configuration_ = 0;
  std::span<const uint8_t> left_;
};

// Bytes that run out read as 0.
class Operands {
 public:
  explicit Operands(std::span<const uint8_t> bytes) : left_(bytes) {}
  bool done() const { return left_.empty(); }
  uint8_t Byte() {
    if (left_.empty()) return 0;
    const uint8_t byte = left_.front();
    left_ = left_.subspan(1);
    return byte;
  }
  uint32_t Half() {
    const uint32_t high = Byte();
    return high << 8 | Byte();
  }
  uint32_t Word() {
    const uint32_t high = Half();
    return high << 16 | Half();
  }
  std::string Bytes(size_t count) {
    count = count < left_.size() ? count : left_.size();
    std::string bytes(reinterpret_cast<const char*>(left_.data()), count);
    left_ = left_.subspan(count);
    return bytes;
  }
  std::string Rest() { return Bytes(left_.size()); }

 private:
  std::span<const uint8_t> left_;
};

// What the mutator has to know of a fuzzer.
struct ScriptShape {
  // How PDUs of a script with this configuration are framed.
  Framing (*framing)(uint8_t configuration);
  // Well-formed headers, 48 bytes each in hex: new PDUs are made from them.
  std::span<const std::string_view> headers;
};

size_t MutateScript(const ScriptShape& shape, uint8_t* data, size_t size, size_t max_size,
                    uint32_t seed);
size_t CrossOverScripts(const ScriptShape& shape, const uint8_t* data1, size_t size1,
                        const uint8_t* data2, size_t size2, uint8_t* out, size_t max_size,
                        uint32_t seed);

}  // namespace isthmus::fuzz

#endif  // ISTHMUS_FUZZ_SCRIPT_H_
