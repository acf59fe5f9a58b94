#include "fuzz/corruption/campaign.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <numeric>
#include <span>
#include <string_view>

#include "fuzz/corruption/path.h"
#include "fuzz/simulator/random.h"
#include "protocol/connection/testing/wire_model.h"
#include "transport/offload/registry.h"

namespace isthmus::corruption {
namespace {

using simulator::Random;
using testing_support::ByteVector;
using testing_support::Encode;
using testing_support::MakePdu;

constexpr size_t kHeaderBytes = 48 + 4;  // with its digest
constexpr size_t kAhsLengthByte = 4;
constexpr size_t kFrames = 64;
// With and without padding; the smallest is 4 bytes and its digest.
constexpr uint32_t kDataSizes[] = {4, 13, 32, 66, 122};
constexpr size_t kRestBytes = 1100;  // more than the longest AHS

// Frames of one size, one behind the other.
struct Batch {
  explicit Batch(uint32_t data_size, uint32_t seed) {
    for (uint32_t i = 0; i < kFrames; ++i) {
      const ByteVector pdu = Encode(MakePdu(0x05, data_size, seed + i), true, true);
      frame_bytes = pdu.size();
      original.insert(original.end(), pdu.begin(), pdu.end());
    }
    bytes = original;
    for (size_t i = 0; i < kFrames; ++i) frames.push_back(Frame(i));
  }
  std::span<std::byte> Frame(size_t i) {
    return std::span(bytes).subspan(i * frame_bytes, frame_bytes);
  }
  void Restore() { std::memcpy(bytes.data(), original.data(), bytes.size()); }

  size_t frame_bytes = 0;
  ByteVector original, bytes;
  std::vector<Bytes> frames;
};

void Flip(std::span<std::byte> bytes, size_t bit) {
  bytes[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
}

// `pattern`'s lowest bit goes to `bit`.
void FlipBurst(std::span<std::byte> bytes, size_t bit, uint32_t pattern) {
  for (; pattern != 0; pattern &= pattern - 1) {
    Flip(bytes, bit + static_cast<size_t>(std::countr_zero(pattern)));
  }
}

// Spoils bytes that one digest covers, and the digest, by an error of this kind.
void Spoil(std::span<std::byte> bytes, ErrorKind kind, Random& random) {
  const size_t bits = bytes.size() * 8;
  switch (kind) {
    case ErrorKind::kOneBit:
    case ErrorKind::kTwoBits:
    case ErrorKind::kThreeBits: {
      const size_t count = static_cast<size_t>(kind) + 1;
      size_t at[3];
      for (size_t i = 0; i < count;) {
        at[i] = random.Below(bits);
        if (std::find(at, at + i, at[i]) != at + i) continue;
        Flip(bytes, at[i++]);
      }
      return;
    }
    case ErrorKind::kBurst: {
      const size_t size = random.Between(2, 32);
      const auto inner = static_cast<uint32_t>(random.Next()) & ((uint64_t{1} << (size - 1)) - 1);
      FlipBurst(bytes, random.Below(bits - size + 1),
                static_cast<uint32_t>(inner | 1u | uint32_t{1} << (size - 1)));
      return;
    }
    case ErrorKind::kRandomBytes:
    case ErrorKind::kAhsLength: {
      const size_t size = random.Between(5, bytes.size());
      const size_t begin = random.Below(bytes.size() - size + 1);
      bool changed = false;
      while (!changed) {
        for (size_t i = begin; i < begin + size; ++i) {
          const std::byte old = bytes[i];
          bytes[i] = static_cast<std::byte>(random.Next() >> 56);
          changed = changed || bytes[i] != old;
        }
      }
      return;
    }
  }
}

struct Way {
  Way(const std::string& name, const std::string& device)
      : tally{name, {}}, path(device), headers(device) {}
  PathTally tally;
  Path path;     // data digests: one connection, on and on
  Path headers;  // header digests: a new connection each time
};

class Campaign {
 public:
  explicit Campaign(const Options& options) : options_(options), random_(options.seed) {
    ways_.push_back(std::make_unique<Way>("receiver", ""));
    for (const transport::OffloadModel& model : transport::OffloadModels()) {
      const std::string_view name = model.name;
      if (name == "software" || name == "liar") continue;  // nothing; and what lies on purpose
      ways_.push_back(std::make_unique<Way>(model.name, model.name));
    }
    for (uint32_t size : kDataSizes) {
      batches_.emplace_back(size, static_cast<uint32_t>(random_.Next()));
    }
    while (rest_.size() < kRestBytes) {
      rest_.insert(rest_.end(), batches_[1].original.begin(), batches_[1].original.end());
    }
  }

  Report Run() {
    if (options_.exhaustive)
      AllErrors();
    else
      AllDataErrors(batches_[0]);
    for (uint64_t turn = 0; corrupted_ < options_.pdus; ++turn) {
      // Half of them through the receiver alone, the rest in turn.
      Way& way = turn % 2 == 0 ? *ways_[0] : *ways_[1 + turn / 2 % (ways_.size() - 1)];
      if (turn % 16 < 2) {
        RandomHeaders(way);
      } else {
        RandomData(way, batches_[random_.Below(batches_.size())]);
      }
      if (options_.progress && turn % 8192 == 0) options_.progress(corrupted_);
    }
    Report report;
    for (const auto& way : ways_) report.paths.push_back(way->tally);
    return report;
  }

 private:
  void Count(Tally& tally, ErrorKind kind, bool accepted) {
    const auto index = static_cast<size_t>(kind);
    ++tally.tried[index];
    tally.accepted[index] += accepted;
    ++corrupted_;
  }

  // The batch as it is now goes through; kinds[i] is what was done to frame i, kErrorKinds: nothing.
  void CarryData(Way& way, Batch& batch, std::span<const ErrorKind> kinds) {
    if (!way.path.Carry(std::span(batch.frames).first(kinds.size()), &accepted_)) {
      // The receiver lost the stream, though no header was touched.
      ++way.tally.tally.intact_refused;
      way.path.Start();
      return;
    }
    for (size_t i = 0; i < kinds.size(); ++i) {
      if (kinds[i] != kIntact) {
        Count(way.tally.tally, kinds[i], accepted_[i]);
      } else {
        ++way.tally.tally.intact;
        way.tally.tally.intact_refused += !accepted_[i];
      }
    }
  }

  void RandomData(Way& way, Batch& batch) {
    batch.Restore();
    kinds_.assign(kFrames, kIntact);
    for (size_t i = 0; i < kFrames; ++i) {
      if (random_.Below(8) == 0) continue;
      kinds_[i] = static_cast<ErrorKind>(random_.Below(kErrorKinds - 1));
      Spoil(batch.Frame(i).subspan(kHeaderBytes), kinds_[i], random_);
    }
    CarryData(way, batch, kinds_);
  }

  void RandomHeaders(Way& way) {
    Batch& batch = batches_[random_.Below(batches_.size())];
    batch.Restore();
    for (size_t i = 0; i < kFrames; ++i) {
      const std::span<std::byte> header = batch.Frame(i).first(kHeaderBytes);
      const std::byte ahs_length = header[kAhsLengthByte];
      auto kind = static_cast<ErrorKind>(random_.Below(kErrorKinds - 1));
      Spoil(header, kind, random_);
      if (header[kAhsLengthByte] != ahs_length) kind = ErrorKind::kAhsLength;
      Count(way.tally.tally, kind, way.headers.AcceptsHeader(batch.Frame(i), rest_));
    }
    batch.Restore();
    ++way.tally.tally.intact;
    way.tally.tally.intact_refused += !way.headers.AcceptsHeader(batch.Frame(0), rest_);
  }

  // Calls `spoil(bytes)` for every error of up to three bits and every short burst of `bits` bits; each is undone by itself.
  template <class Try>
  void EveryError(size_t bits, const Try& attempt) {
    for (size_t a = 0; a < bits; ++a) {
      attempt(ErrorKind::kOneBit, [=](std::span<std::byte> bytes) { Flip(bytes, a); });
      for (size_t b = a + 1; b < bits; ++b) {
        attempt(ErrorKind::kTwoBits, [=](std::span<std::byte> bytes) {
          Flip(bytes, a);
          Flip(bytes, b);
        });
        for (size_t c = b + 1; c < bits; ++c) {
          attempt(ErrorKind::kThreeBits, [=](std::span<std::byte> bytes) {
            Flip(bytes, a);
            Flip(bytes, b);
            Flip(bytes, c);
          });
        }
      }
    }
    for (uint32_t size = 2; size <= options_.all_bursts_bits; ++size) {
      for (uint32_t inner = 0; inner < 1u << (size - 2); ++inner) {
        const uint32_t pattern = 1u | inner << 1 | 1u << (size - 1);
        for (size_t at = 0; at + size <= bits; ++at) {
          attempt(ErrorKind::kBurst,
                  [=](std::span<std::byte> bytes) { FlipBurst(bytes, at, pattern); });
        }
      }
    }
  }

  void AllDataErrors(Batch& batch) {
    batch.Restore();
    kinds_.clear();
    const auto flush = [&] {
      if (kinds_.empty()) return;
      CarryData(*ways_[0], batch, kinds_);
      batch.Restore();
      kinds_.clear();
    };
    EveryError((batch.frame_bytes - kHeaderBytes) * 8, [&](ErrorKind kind, const auto& spoil) {
      spoil(batch.Frame(kinds_.size()).subspan(kHeaderBytes));
      kinds_.push_back(kind);
      if (kinds_.size() == kFrames) flush();
    });
    flush();
  }

  void AllHeaderErrors(Batch& batch) {
    batch.Restore();
    const std::span<std::byte> header = batch.Frame(0).first(kHeaderBytes);
    const std::byte ahs_length = header[kAhsLengthByte];
    EveryError(kHeaderBytes * 8, [&](ErrorKind kind, const auto& spoil) {
      spoil(header);
      const bool length = header[kAhsLengthByte] != ahs_length;
      Count(ways_[0]->tally.tally, length ? ErrorKind::kAhsLength : kind,
            ways_[0]->headers.AcceptsHeader(batch.Frame(0), rest_));
      spoil(header);
    });
  }

  void AllErrors() {
    for (size_t i = 0; i < 3; ++i) AllDataErrors(batches_[i]);
    AllHeaderErrors(batches_[0]);
  }

  static constexpr auto kIntact = static_cast<ErrorKind>(kErrorKinds);

  const Options& options_;
  Random random_;
  uint64_t corrupted_ = 0;
  std::vector<std::unique_ptr<Way>> ways_;
  std::vector<Batch> batches_;
  ByteVector rest_;
  std::vector<ErrorKind> kinds_;
  std::vector<bool> accepted_;
};

// Whether so many accepted by chance are more than chance explains: beyond five standard deviations and two.
bool Implausible(uint64_t tried, uint64_t accepted) {
  const double expected = std::ldexp(static_cast<double>(tried), -32);
  return static_cast<double>(accepted) > expected + 5 * std::sqrt(expected) + 2;
}

}  // namespace

const char* NameOf(ErrorKind kind) {
  constexpr const char* kNames[] = {"1 bit",       "2 bits",       "3 bits",
                                    "burst <= 32", "random bytes", "AHS length"};
  return kNames[static_cast<size_t>(kind)];
}

uint64_t Tally::corrupted() const {
  return std::accumulate(tried.begin(), tried.end(), uint64_t{0});
}

uint64_t Report::corrupted() const {
  uint64_t sum = 0;
  for (const PathTally& path : paths) sum += path.tally.corrupted();
  return sum;
}

bool Report::failed() const {
  for (const auto& [path, tally] : paths) {
    if (tally.intact_refused > 0) return true;
    for (size_t i = 0; i < kErrorKinds; ++i) {
      const bool always = IsAlwaysFound(static_cast<ErrorKind>(i));
      if (always ? tally.accepted[i] > 0 : Implausible(tally.tried[i], tally.accepted[i]))
        return true;
    }
  }
  return false;
}

std::vector<std::string> Report::Lines() const {
  std::vector<std::string> lines;
  char text[160];
  const auto add = [&](const char* path, const char* kind, uint64_t tried, uint64_t accepted) {
    std::snprintf(text, sizeof text, "%-14s %-13s %12llu %9llu", path, kind,
                  static_cast<unsigned long long>(tried),
                  static_cast<unsigned long long>(accepted));
    lines.emplace_back(text);
  };
  std::snprintf(text, sizeof text, "%-14s %-13s %12s %9s", "through", "error", "PDUs", "accepted");
  lines.emplace_back(text);
  uint64_t by_chance = 0;
  for (const auto& [path, tally] : paths) {
    for (size_t i = 0; i < kErrorKinds; ++i) {
      const auto kind = static_cast<ErrorKind>(i);
      add(path.c_str(), NameOf(kind), tally.tried[i], tally.accepted[i]);
      if (!IsAlwaysFound(kind)) by_chance += tally.tried[i];
    }
    add(path.c_str(), "none: intact", tally.intact, tally.intact - tally.intact_refused);
  }
  std::snprintf(
      text, sizeof text,
      "%llu corrupted PDUs; of the %llu that only chance finds, %.4f accepted were to be expected",
      static_cast<unsigned long long>(corrupted()), static_cast<unsigned long long>(by_chance),
      std::ldexp(static_cast<double>(by_chance), -32));
  lines.emplace_back(text);
  return lines;
}

Report Run(const Options& options) { return Campaign(options).Run(); }

}  // namespace isthmus::corruption
