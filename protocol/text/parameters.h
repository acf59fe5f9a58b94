// What a negotiation results in, under the RFC's names (RFC 7143 section 13): plain values,
// trivially copyable.
//
// A session keeps the SessionParameters of its leading connection; each connection has its own
// ConnectionParameters. Whoever gets one holds a copy: nothing here points anywhere.
//
//   text::Parameters parameters = negotiation.parameters();
//   sender.set_max_data_segment_length(parameters.peer_MaxRecvDataSegmentLength);

#ifndef ISTHMUS_PROTOCOL_TEXT_PARAMETERS_H_
#define ISTHMUS_PROTOCOL_TEXT_PARAMETERS_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "protocol/text/key_table.h"

namespace isthmus::text {

// A string of at most kCapacity bytes that lives where it stands.
template <size_t kCapacity>
class FixedText {
 public:
  constexpr FixedText() = default;

  // False, and unchanged, if `value` does not fit.
  constexpr bool Assign(std::string_view value) {
    if (value.size() > kCapacity) return false;
    std::copy(value.begin(), value.end(), bytes_.begin());
    size_ = static_cast<uint16_t>(value.size());
    return true;
  }
  constexpr void Clear() { size_ = 0; }
  constexpr std::string_view view() const { return {bytes_.data(), size_}; }
  constexpr bool empty() const { return size_ == 0; }

 private:
  std::array<char, kCapacity> bytes_ = {};
  uint16_t size_ = 0;
};

// Session-wide results (scope SW).
struct SessionParameters {
  SessionKind SessionType = SessionKind::kNormal;
  uint16_t MaxConnections = 1;
  bool InitialR2T = true;
  bool ImmediateData = true;
  uint32_t MaxBurstLength = 262144;   // bytes
  uint32_t FirstBurstLength = 65536;  // bytes
  uint16_t DefaultTime2Wait = 2;      // seconds
  uint16_t DefaultTime2Retain = 20;   // seconds
  uint16_t MaxOutstandingR2T = 1;
  bool DataPDUInOrder = true;
  bool DataSequenceInOrder = true;
  uint8_t ErrorRecoveryLevel = 0;
  TaskReportingSemantics TaskReporting = TaskReportingSemantics::kRFC3720;
  uint8_t iSCSIProtocolLevel = 1;

  friend bool operator==(const SessionParameters&, const SessionParameters&) = default;
};

// Results of one connection (scope CO).
struct ConnectionParameters {
  DigestAlgorithm HeaderDigest = DigestAlgorithm::kNone;
  DigestAlgorithm DataDigest = DigestAlgorithm::kNone;
  uint32_t own_MaxRecvDataSegmentLength = 8192;   // bytes; what this side declared it can receive
  uint32_t peer_MaxRecvDataSegmentLength = 8192;  // bytes; what this side may send at most

  friend bool operator==(const ConnectionParameters&, const ConnectionParameters&) = default;
};

struct Parameters : SessionParameters, ConnectionParameters {
  friend bool operator==(const Parameters&, const Parameters&) = default;
};

// What the other side declared in words. An initiator finds in TargetName what it sent itself.
struct Declarations {
  FixedText<kMaxNameBytes> InitiatorName;
  FixedText<kMaxNameBytes> TargetName;
  FixedText<kMaxSimpleValueBytes> InitiatorAlias;
  FixedText<kMaxSimpleValueBytes> TargetAlias;
  FixedText<kMaxSimpleValueBytes> TargetAddress;  // the first, of a redirection (section 11.13.5)
  FixedText<kMaxSimpleValueBytes>
      NodeArchitecture;  // X#NodeArchitecture: for logs only (section 13.26.2)
  uint16_t TargetPortalGroupTag = 0;
  bool has_TargetPortalGroupTag = false;
};

// Values of a list key in order of preference, without duplicates.
template <class E>
class Preferences {
 public:
  constexpr Preferences() = default;
  constexpr Preferences(std::initializer_list<E> values) {
    for (E value : values) Add(value);
  }

  constexpr void Add(E value) {
    if (!Contains(value) && size_ < kMaxChoices) values_[size_++] = value;
  }
  constexpr bool Contains(E value) const { return std::find(begin(), end(), value) != end(); }
  constexpr size_t size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }
  constexpr const E* begin() const { return values_.data(); }
  constexpr const E* end() const { return values_.data() + size_; }
  constexpr E operator[](size_t i) const { return values_[i]; }

 private:
  std::array<E, kMaxChoices> values_ = {};
  uint8_t size_ = 0;
};

}  // namespace isthmus::text

#endif  // ISTHMUS_PROTOCOL_TEXT_PARAMETERS_H_
