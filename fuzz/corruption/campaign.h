// Corrupted PDUs through the receiver, alone and behind each digest device, as fast as they go: none may be accepted.
// RFC 7143 sections 11.2.3 (CRC32C), 7.8 (digest errors).
//
// CRC32C finds every error of up to three bits and every burst of up to 32 in the PDUs tried here: of those, one accepted is a
// failure. Random bytes are accepted once in 2^32 by any CRC of 32 bits: of those, as many are as chance allows. A burst is
// counted in the order in which the digest takes the bits, the lowest bit of a byte first.
//
//   options.pdus = 100'000'000;
//   const Report report = corruption::Run(options);
//   for (const std::string& line : report.Lines()) puts(line);  report.failed()
#ifndef ISTHMUS_FUZZ_CORRUPTION_CAMPAIGN_H_
#define ISTHMUS_FUZZ_CORRUPTION_CAMPAIGN_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace isthmus::corruption {

enum class ErrorKind : uint8_t {
  kOneBit,
  kTwoBits,
  kThreeBits,
  kBurst,        // of 2 to 32 bits
  kRandomBytes,  // a run of 5 bytes or more, by chance
  kAhsLength,  // TotalAHSLength itself: the digest is then looked for elsewhere, so chance decides
};
constexpr size_t kErrorKinds = 6;
constexpr bool IsAlwaysFound(ErrorKind kind) { return kind < ErrorKind::kRandomBytes; }
const char* NameOf(ErrorKind kind);

struct Tally {
  std::array<uint64_t, kErrorKinds> tried{};
  std::array<uint64_t, kErrorKinds> accepted{};
  uint64_t intact = 0;  // sent among them unchanged
  uint64_t intact_refused = 0;
  uint64_t corrupted() const;
};

struct PathTally {
  std::string path;  // "receiver", or the device's name
  Tally tally;
};

struct Report {
  std::vector<PathTally> paths;
  uint64_t corrupted() const;
  // What is always found was accepted, or an intact PDU was not, or chance cannot explain what was accepted.
  bool failed() const;
  std::vector<std::string> Lines() const;
};

struct Options {
  uint64_t pdus = 0;  // corrupted ones at least, all paths together
  uint64_t seed = 1;
  // Before the random ones: every error of one, two and three bits, and every burst of up to `all_bursts_bits`, of a header
  // and of data segments of several sizes, through the receiver; false: of the smallest data segment only.
  bool exhaustive = true;
  uint32_t all_bursts_bits = 12;
  std::function<void(uint64_t corrupted)> progress;  // now and then; may be null
};

Report Run(const Options& options);

}  // namespace isthmus::corruption

#endif  // ISTHMUS_FUZZ_CORRUPTION_CAMPAIGN_H_
