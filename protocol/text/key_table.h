// The text keys of RFC 7143 sections 12 and 13 (and iSCSIProtocolLevel of RFC 7144) as one table.
//
// Everything that depends on what a key is comes from this table: the negotiation engine,
// docs/keys.md, the fuzzers' dictionary and the exhaustive tests. A later key is one enumerator and
// one row.
//
//   const KeyInfo* info = FindKey("MaxBurstLength");   // nullptr: answer NotUnderstood
//   (section 6.2) if (!info->MayAppear(Stage::kOperational, Role::kInitiator)) ...
//   InfoOf(Key::kMaxBurstLength).default_value;        // 262144

#ifndef ISTHMUS_PROTOCOL_TEXT_KEY_TABLE_H_
#define ISTHMUS_PROTOCOL_TEXT_KEY_TABLE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocol/error.h"

namespace isthmus::text {

constexpr Role Other(Role role) {
  return role == Role::kInitiator ? Role::kTarget : Role::kInitiator;
}

// The stage to which a text belongs. The values are those of CSG and NSG (section 11.12.3).
enum class Stage : uint8_t { kSecurity = 0, kOperational = 1, kFullFeature = 3 };

// In the order in which a writer emits them: who speaks first, then how, then what.
enum class Key : uint8_t {
  kInitiatorName,
  kInitiatorAlias,
  kTargetName,
  kTargetAlias,
  kTargetAddress,
  kTargetPortalGroupTag,
  kSessionType,
  kAuthMethod,
  kKrbApReq,
  kKrbApRep,
  kSrpU,
  kTargetAuth,
  kSrpGroup,
  kSrpS,
  kSrpA,
  kSrpB,
  kSrpM,
  kSrpHm,
  kChapA,
  kChapI,
  kChapC,
  kChapN,
  kChapR,
  kHeaderDigest,
  kDataDigest,
  kErrorRecoveryLevel,
  kInitialR2T,
  kImmediateData,
  kMaxRecvDataSegmentLength,
  kMaxBurstLength,
  kFirstBurstLength,
  kMaxConnections,
  kDefaultTime2Wait,
  kDefaultTime2Retain,
  kDataPDUInOrder,
  kDataSequenceInOrder,
  kMaxOutstandingR2T,
  kTaskReporting,
  kIscsiProtocolLevel,
  kNodeArchitecture,
  kSendTargets,
  kIFMarker,
  kOFMarker,
  kIFMarkInt,
  kOFMarkInt,
};
inline constexpr size_t kKeyCount = static_cast<size_t>(Key::kOFMarkInt) + 1;

// How the result follows from what was exchanged ("Result function", section 13).
enum class Rule : uint8_t {
  kDeclare,   // one-way; no answer (section 6.2)
  kAnd,       // boolean, section 6.2.2
  kOr,        // boolean, section 6.2.2
  kMinimum,   // the selected value cannot exceed the offered one
  kMaximum,   // the selected value cannot be lower than the offered one
  kSelect,    // the first of the originator's list that the responder supports (section 6.2.1)
  kMethod,    // a step of an authentication method (section 12.1.1 to 12.1.3)
  kQuery,     // SendTargets: a command, not a parameter (Appendix C)
  kObsolete,  // section 13.25: answered Reject, never NotUnderstood
};

// The form of the value (section 6.1).
enum class ValueType : uint8_t {
  kBoolean,        // Yes or No
  kNumerical,      // within [minimum, maximum]
  kList,           // of text-values; `choices` names those that this engine knows
  kSessionType,    // Discovery or Normal
  kName,           // iSCSI-name-value, at most `maximum` bytes
  kLocalName,      // iSCSI-local-name-value: UTF-8, at most `maximum` bytes
  kAddress,        // domainname[:port][,portal-group-tag]
  kBinary16,       // a 16-bit binary-value
  kBinary,         // a binary-value of at most `maximum` bytes (decoded)
  kText,           // text of at most `maximum` bytes
  kNumericalList,  // CHAP_A
};

// When a key may be sent (section 13's "Use").
enum class Use : uint8_t {
  kNever,     // this side never sends it
  kSecurity,  // SecurityNegotiation stage only (section 12)
  kIO,        // Initialize Only: during login
  kLO,        // Leading Only: during the login of a session's first connection
  kFFPO,      // Full Feature Phase Only
  kALL,       // login and full feature phase
};

enum class Scope : uint8_t { kSessionWide, kConnectionOnly };

// "Irrelevant when", a set of bits.
enum Irrelevance : uint8_t {
  kAlwaysRelevant = 0,
  kInDiscovery = 1,             // SessionType=Discovery
  kWithoutUnsolicitedData = 2,  // InitialR2T=Yes and ImmediateData=No
};

inline constexpr size_t kMaxKeyBytes = 63;  // section 6.1, standard-label
inline constexpr size_t kMaxSimpleValueBytes =
    255;                                      // section 6.1, of the value, not of its encoding
inline constexpr size_t kMaxNameBytes = 223;  // section 4.2.7.2
inline constexpr size_t kMinTextCapacityBytes =
    8192;  // section 6.1: MUST support receiving so much
inline constexpr size_t kMaxChoices = 4;

// The constants that section 6.2 reserves.
inline constexpr std::string_view kNoneValue = "None";
inline constexpr std::string_view kRejectValue = "Reject";
inline constexpr std::string_view kIrrelevantValue = "Irrelevant";
inline constexpr std::string_view kNotUnderstoodValue = "NotUnderstood";
inline constexpr std::string_view kYesValue = "Yes";
inline constexpr std::string_view kNoValue = "No";

// Values of list keys; each enumerator is the index of its name in KeyInfo::choices.
enum class DigestAlgorithm : uint8_t { kNone = 0, kCRC32C = 1 };
enum class AuthenticationMethod : uint8_t { kNone = 0, kCHAP = 1, kKRB5 = 2, kSRP = 3 };
enum class TaskReportingSemantics : uint8_t { kRFC3720 = 0, kResponseFence = 1, kFastAbort = 2 };
enum class SessionKind : uint8_t { kNormal = 0, kDiscovery = 1 };

struct KeyInfo {
  Key key;
  std::string_view name;
  std::string_view section;  // of RFC 7143 unless it says otherwise
  Rule rule;
  ValueType type;
  uint32_t minimum;
  uint32_t maximum;
  uint32_t default_value;  // number; boolean 0 or 1; index into choices
  bool has_default;
  Use by_initiator;
  Use by_target;
  bool any_stage;  // may also appear in the SecurityNegotiation stage
  Scope scope;
  uint8_t irrelevant_when;  // bits of Irrelevance
  bool repeatable;          // section 6.3: may be declared more than once
  bool later;  // younger than RFC 3720: peers that know only that one answer NotUnderstood, and are let
  std::array<std::string_view, kMaxChoices> choices;

  constexpr Use UseBy(Role role) const {
    return role == Role::kInitiator ? by_initiator : by_target;
  }

  // Whether `sender` may send the key in `stage` (sections 6.3, 12, 13). Leading-only is not looked
  // at.
  constexpr bool MayAppear(Stage stage, Role sender) const {
    switch (UseBy(sender)) {
      case Use::kNever:
        return false;
      case Use::kSecurity:
        return stage == Stage::kSecurity;
      case Use::kIO:
      case Use::kLO:
        return stage == Stage::kOperational || (stage == Stage::kSecurity && any_stage);
      case Use::kFFPO:
        return stage == Stage::kFullFeature;
      case Use::kALL:
        return stage != Stage::kSecurity || any_stage;
    }
    return false;
  }

  constexpr bool LeadingOnly(Role sender) const { return UseBy(sender) == Use::kLO; }

  // Two-way: an offer that the other side answers.
  constexpr bool Negotiated() const {
    return rule == Rule::kAnd || rule == Rule::kOr || rule == Rule::kMinimum ||
           rule == Rule::kMaximum || rule == Rule::kSelect;
  }

  // Section 6.2.2: whether such an offer settles a boolean key by itself, so that its answer is
  // optional.
  constexpr bool DeterminesResult(uint32_t offered) const {
    return (rule == Rule::kAnd && offered == 0) || (rule == Rule::kOr && offered == 1);
  }

  // Index of `value` among choices, or -1.
  constexpr int ChoiceOf(std::string_view value) const {
    for (size_t i = 0; i < choices.size(); ++i) {
      if (!choices[i].empty() && choices[i] == value) return static_cast<int>(i);
    }
    return -1;
  }
};

namespace internal {

using KeyChoices = std::array<std::string_view, kMaxChoices>;
inline constexpr KeyChoices kNoChoices = {};
inline constexpr KeyChoices kDigestChoices = {"None", "CRC32C"};
inline constexpr KeyChoices kAuthMethodChoices = {"None", "CHAP", "KRB5", "SRP"};
inline constexpr KeyChoices kTaskReportingChoices = {"RFC3720", "ResponseFence", "FastAbort"};
inline constexpr KeyChoices kSessionTypeChoices = {"Normal", "Discovery"};

inline constexpr uint32_t kMaxSegment = (1u << 24) - 1;
inline constexpr Use kS = Use::kSecurity;
inline constexpr Use kI = Use::kIO;
inline constexpr Use kL = Use::kLO;
inline constexpr Use kF = Use::kFFPO;
inline constexpr Use kA = Use::kALL;
inline constexpr Use kX = Use::kNever;
inline constexpr Scope kSW = Scope::kSessionWide;
inline constexpr Scope kCO = Scope::kConnectionOnly;
inline constexpr uint8_t kDisc = kInDiscovery;
inline constexpr uint8_t kDiscOrUnsol = kInDiscovery | kWithoutUnsolicitedData;

}  // namespace internal

// clang-format off
inline constexpr std::array<KeyInfo, kKeyCount> kKeyTable = [] {
  using namespace internal;
  using enum Rule;
  using V = ValueType;
  using K = Key;
  // key, name, section, rule, type, minimum, maximum, default, has default, by initiator, by
  // target, any stage, scope, irrelevant when, repeatable, later, choices
  return std::array<KeyInfo, kKeyCount>{{
    {K::kInitiatorName, "InitiatorName", "13.5", kDeclare, V::kName, 1, 223, 0, false, kI, kX, true, kSW, 0, false, false, kNoChoices},
    {K::kInitiatorAlias, "InitiatorAlias", "13.7", kDeclare, V::kLocalName, 0, 255, 0, false, kA, kX, true, kSW, 0, false, false, kNoChoices},
    {K::kTargetName, "TargetName", "13.4", kDeclare, V::kName, 1, 223, 0, false, kI, kF, true, kSW, 0, false, false, kNoChoices},
    {K::kTargetAlias, "TargetAlias", "13.6", kDeclare, V::kLocalName, 0, 255, 0, false, kX, kA, true, kSW, 0, false, false, kNoChoices},
    {K::kTargetAddress, "TargetAddress", "13.8", kDeclare, V::kAddress, 1, 255, 0, false, kX, kA, true, kSW, 0, true, false, kNoChoices},
    {K::kTargetPortalGroupTag, "TargetPortalGroupTag", "13.9", kDeclare, V::kBinary16, 0, 65535, 0, false, kX, kI, true, kSW, 0, false, false, kNoChoices},
    {K::kSessionType, "SessionType", "13.21", kDeclare, V::kSessionType, 0, 0, 0, true, kL, kX, true, kSW, 0, false, false, kSessionTypeChoices},
    {K::kAuthMethod, "AuthMethod", "12.1", kSelect, V::kList, 0, 0, 0, false, kS, kS, false, kCO, 0, false, false, kAuthMethodChoices},
    {K::kKrbApReq, "KRB_AP_REQ", "12.1.1", kMethod, V::kBinary, 1, 65536, 0, false, kS, kX, false, kCO, 0, false, false, kNoChoices},
    {K::kKrbApRep, "KRB_AP_REP", "12.1.1", kMethod, V::kBinary, 1, 65536, 0, false, kX, kS, false, kCO, 0, false, false, kNoChoices},
    {K::kSrpU, "SRP_U", "12.1.2", kMethod, V::kText, 1, 255, 0, false, kS, kX, false, kCO, 0, false, false, kNoChoices},
    {K::kTargetAuth, "TargetAuth", "12.1.2", kMethod, V::kBoolean, 0, 1, 0, false, kS, kX, false, kCO, 0, false, false, kNoChoices},
    {K::kSrpGroup, "SRP_GROUP", "12.1.2", kMethod, V::kList, 0, 0, 0, false, kS, kS, false, kCO, 0, false, false, kNoChoices},
    {K::kSrpS, "SRP_s", "12.1.2", kMethod, V::kBinary, 1, 1024, 0, false, kX, kS, false, kCO, 0, false, false, kNoChoices},
    {K::kSrpA, "SRP_A", "12.1.2", kMethod, V::kBinary, 1, 1024, 0, false, kS, kX, false, kCO, 0, false, false, kNoChoices},
    {K::kSrpB, "SRP_B", "12.1.2", kMethod, V::kBinary, 1, 1024, 0, false, kX, kS, false, kCO, 0, false, false, kNoChoices},
    {K::kSrpM, "SRP_M", "12.1.2", kMethod, V::kBinary, 1, 1024, 0, false, kS, kX, false, kCO, 0, false, false, kNoChoices},
    {K::kSrpHm, "SRP_HM", "12.1.2", kMethod, V::kBinary, 1, 1024, 0, false, kX, kS, false, kCO, 0, false, false, kNoChoices},
    {K::kChapA, "CHAP_A", "12.1.3", kMethod, V::kNumericalList, 0, 255, 0, false, kS, kS, false, kCO, 0, false, false, kNoChoices},
    {K::kChapI, "CHAP_I", "12.1.3", kMethod, V::kNumerical, 0, 255, 0, false, kS, kS, false, kCO, 0, false, false, kNoChoices},
    {K::kChapC, "CHAP_C", "12.1.3", kMethod, V::kBinary, 1, 1024, 0, false, kS, kS, false, kCO, 0, false, false, kNoChoices},
    {K::kChapN, "CHAP_N", "12.1.3", kMethod, V::kText, 1, 255, 0, false, kS, kS, false, kCO, 0, false, false, kNoChoices},
    {K::kChapR, "CHAP_R", "12.1.3", kMethod, V::kBinary, 1, 1024, 0, false, kS, kS, false, kCO, 0, false, false, kNoChoices},
    {K::kHeaderDigest, "HeaderDigest", "13.1", kSelect, V::kList, 0, 0, 0, true, kI, kI, false, kCO, 0, false, false, kDigestChoices},
    {K::kDataDigest, "DataDigest", "13.1", kSelect, V::kList, 0, 0, 0, true, kI, kI, false, kCO, 0, false, false, kDigestChoices},
    {K::kErrorRecoveryLevel, "ErrorRecoveryLevel", "13.20", kMinimum, V::kNumerical, 0, 2, 0, true, kL, kL, false, kSW, 0, false, false, kNoChoices},
    {K::kInitialR2T, "InitialR2T", "13.10", kOr, V::kBoolean, 0, 1, 1, true, kL, kL, false, kSW, kDisc, false, false, kNoChoices},
    {K::kImmediateData, "ImmediateData", "13.11", kAnd, V::kBoolean, 0, 1, 1, true, kL, kL, false, kSW, kDisc, false, false, kNoChoices},
    {K::kMaxRecvDataSegmentLength, "MaxRecvDataSegmentLength", "13.12", kDeclare, V::kNumerical, 512, kMaxSegment, 8192, true, kA, kA, false, kCO, 0, false, false, kNoChoices},
    {K::kMaxBurstLength, "MaxBurstLength", "13.13", kMinimum, V::kNumerical, 512, kMaxSegment, 262144, true, kL, kL, false, kSW, kDisc, false, false, kNoChoices},
    {K::kFirstBurstLength, "FirstBurstLength", "13.14", kMinimum, V::kNumerical, 512, kMaxSegment, 65536, true, kL, kL, false, kSW, kDiscOrUnsol, false, false, kNoChoices},
    {K::kMaxConnections, "MaxConnections", "13.2", kMinimum, V::kNumerical, 1, 65535, 1, true, kL, kL, false, kSW, kDisc, false, false, kNoChoices},
    {K::kDefaultTime2Wait, "DefaultTime2Wait", "13.15", kMaximum, V::kNumerical, 0, 3600, 2, true, kL, kL, false, kSW, 0, false, false, kNoChoices},
    {K::kDefaultTime2Retain, "DefaultTime2Retain", "13.16", kMinimum, V::kNumerical, 0, 3600, 20, true, kL, kL, false, kSW, 0, false, false, kNoChoices},
    {K::kDataPDUInOrder, "DataPDUInOrder", "13.18", kOr, V::kBoolean, 0, 1, 1, true, kL, kL, false, kSW, kDisc, false, false, kNoChoices},
    {K::kDataSequenceInOrder, "DataSequenceInOrder", "13.19", kOr, V::kBoolean, 0, 1, 1, true, kL, kL, false, kSW, kDisc, false, false, kNoChoices},
    {K::kMaxOutstandingR2T, "MaxOutstandingR2T", "13.17", kMinimum, V::kNumerical, 1, 65535, 1, true, kL, kL, false, kSW, kDisc, false, false, kNoChoices},
    {K::kTaskReporting, "TaskReporting", "13.23", kSelect, V::kList, 0, 0, 0, true, kL, kL, false, kSW, kDisc, false, true, kTaskReportingChoices},
    {K::kIscsiProtocolLevel, "iSCSIProtocolLevel", "13.24", kMinimum, V::kNumerical, 0, 31, 1, true, kL, kL, false, kSW, kDisc, false, true, kNoChoices},
    {K::kNodeArchitecture, "X#NodeArchitecture", "13.26", kDeclare, V::kText, 0, 255, 0, false, kL, kL, false, kSW, 0, false, true, kNoChoices},
    {K::kSendTargets, "SendTargets", "13.3", kQuery, V::kText, 0, 223, 0, false, kF, kX, false, kSW, 0, false, false, kNoChoices},
    {K::kIFMarker, "IFMarker", "13.25", kObsolete, V::kBoolean, 0, 1, 0, false, kI, kI, false, kCO, 0, false, false, kNoChoices},
    {K::kOFMarker, "OFMarker", "13.25", kObsolete, V::kBoolean, 0, 1, 0, false, kI, kI, false, kCO, 0, false, false, kNoChoices},
    {K::kIFMarkInt, "IFMarkInt", "13.25", kObsolete, V::kNumerical, 1, 65535, 0, false, kI, kI, false, kCO, 0, false, false, kNoChoices},
    {K::kOFMarkInt, "OFMarkInt", "13.25", kObsolete, V::kNumerical, 1, 65535, 0, false, kI, kI, false, kCO, 0, false, false, kNoChoices},
  }};
}();
// clang-format on

namespace internal {

constexpr bool TableIsInEnumOrder() {
  for (size_t i = 0; i < kKeyTable.size(); ++i) {
    if (static_cast<size_t>(kKeyTable[i].key) != i || kKeyTable[i].name.empty() ||
        kKeyTable[i].name.size() > kMaxKeyBytes) {
      return false;
    }
  }
  return true;
}
static_assert(TableIsInEnumOrder());

}  // namespace internal

constexpr const KeyInfo& InfoOf(Key key) { return kKeyTable[static_cast<size_t>(key)]; }

// The row of a key name, or nullptr: a key that RFC 7143 does not know (case counts, section 6.1).
constexpr const KeyInfo* FindKey(std::string_view name) {
  for (const KeyInfo& info : kKeyTable) {
    if (info.name == name) return &info;
  }
  return nullptr;
}

}  // namespace isthmus::text

#endif  // ISTHMUS_PROTOCOL_TEXT_KEY_TABLE_H_
