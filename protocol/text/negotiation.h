// The negotiation of text keys (RFC 7143 sections 6.2, 6.3, 6.4, 13), one engine for both sides.
//
// It works on complete texts (TextJoiner) and knows keys, not PDUs: the login and text code above
// it owns the T, F and C bits, tags and rounds, and the values of the CHAP_* keys belong to
// protocol/auth, which reads the same text. It copies what it keeps; a text may go when Receive()
// has returned. The views in Offer must outlive the Negotiation. About 4 KiB, nothing allocated.
//
// Target, a Login Request whose text is complete; stage is its CSG:
//
//   Negotiation negotiation(Role::kTarget, offer);   // joining: pass the session's parameters too
//   negotiation.Begin(stage);                        // at each request; again the same: no event
//   negotiation.Receive(text);                       // 1. the peer's words
//   Lookup(negotiation.declarations());              //    first text: the names are there
//   negotiation.set_offer(offer_of_that_target);
//   negotiation.Respond(t_bit);                      // 2. decide
//   if (negotiation.auth_method() == AuthenticationMethod::kCHAP) ... chap ...
//   size = negotiation.Write(out);                   // 3. answers, offers; C=1 while pending()
//   size += chap.Write(out.subspan(size));
//   if (t_bit && !negotiation.pending() && !negotiation.awaiting_answers() && chap is done)
//     negotiation.Conclude(nsg);                     // 4. values take effect; answer with T=1
//
// Initiator:
//
//   Negotiation negotiation(Role::kInitiator, offer);
//   negotiation.Begin(stage);                        // queues names and the offers of that stage
//   size = negotiation.Write(out);                   // into the request; C=1 while pending()
//   negotiation.Receive(response_text);
//   negotiation.Respond(t_bit);
//   negotiation.Conclude(nsg);                       // T=1; otherwise Write() the next request
//   negotiation.Begin(nsg);                          // or full feature phase with parameters()
//
// Full feature phase, a Text sequence (section 6.4): Begin(Stage::kFullFeature) starts it, an
// initiator may Declare(), then the same calls; Conclude(Stage::kFullFeature) when F=1 was answered
// by F=1, Abandon() when the sequence was reset or rejected.

#ifndef ISTHMUS_PROTOCOL_TEXT_NEGOTIATION_H_
#define ISTHMUS_PROTOCOL_TEXT_NEGOTIATION_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "protocol/error.h"
#include "protocol/text/codec.h"
#include "protocol/text/key_table.h"
#include "protocol/text/parameters.h"

namespace isthmus::text {

// What one side wants and accepts, under the RFC's names. A number of a Minimum key is the most
// that this side accepts, of the Maximum key (DefaultTime2Wait) the least; a boolean is what it
// would choose; a list holds what it accepts, best first. A digest list without kNone demands the
// digest; an AuthMethod list without kNone demands authentication.
struct Offer {
  // Declared. Views: not copied. Empty: not sent.
  std::string_view InitiatorName;     // initiator
  std::string_view TargetName;        // initiator; left out of a Discovery session if empty
  std::string_view InitiatorAlias;    // initiator
  std::string_view TargetAlias;       // target
  std::string_view NodeArchitecture;  // X#NodeArchitecture
  SessionKind SessionType = SessionKind::kNormal;  // initiator
  std::optional<uint16_t> TargetPortalGroupTag;    // target
  uint32_t MaxRecvDataSegmentLength = 262144;

  // Negotiated.
  Preferences<AuthenticationMethod> AuthMethod = {AuthenticationMethod::kNone};
  Preferences<DigestAlgorithm> HeaderDigest = {DigestAlgorithm::kCRC32C, DigestAlgorithm::kNone};
  Preferences<DigestAlgorithm> DataDigest = {DigestAlgorithm::kCRC32C, DigestAlgorithm::kNone};
  uint16_t MaxConnections = 1;
  bool InitialR2T = true;
  bool ImmediateData = true;
  uint32_t MaxBurstLength = 262144;
  uint32_t FirstBurstLength = 65536;
  uint16_t DefaultTime2Wait = 2;
  uint16_t DefaultTime2Retain = 20;
  uint16_t MaxOutstandingR2T = 1;
  bool DataPDUInOrder = true;
  bool DataSequenceInOrder = true;
  uint8_t ErrorRecoveryLevel = 0;
  Preferences<TaskReportingSemantics> TaskReporting = {TaskReportingSemantics::kRFC3720};
  uint8_t iSCSIProtocolLevel = 1;
};

// The first key whose value in `offer` the table forbids (out of range, an invalid name, an empty
// list, FirstBurstLength over MaxBurstLength, ...), or nullopt. For whoever takes an Offer from a
// user; the engine assumes a valid one.
std::optional<Key> FindInvalid(const Offer& offer, Role role);

class Negotiation {
 public:
  // Bounds on keys that nobody knows: their answers are the only output that a peer decides on.
  static constexpr size_t kMaxUnknownKeys = 64;
  static constexpr size_t kUnknownKeyBytes = 1024;

  // `session` is null for a leading login; otherwise the parameters of the session that the
  // connection joins, and leading-only keys are neither sent nor accepted (section 13, "use: LO").
  Negotiation(Role role, const Offer& offer, const SessionParameters* session = nullptr);

  // Replaces the offer before anything was decided on it: after Receive() and before the first
  // Respond().
  void set_offer(const Offer& offer) { offer_ = offer; }

  // The values in effect, for Text sequences by a Negotiation that did not do the login.
  void set_parameters(const Parameters& parameters);

  // Enters a stage of the login, or begins a Text sequence with Stage::kFullFeature (each call
  // begins one anew).
  void Begin(Stage stage);

  // Full feature phase: queues a declaration of `value` for MaxRecvDataSegmentLength, the one key
  // with a value that may change then (section 13.12). kCallArgument for another key or a value out
  // of range, kCallOutOfState in another stage.
  Error Declare(Key key, uint32_t value);

  // Takes a complete text of the peer, whose empty answers to our C bit are none: kCallOutOfState
  // while text of ours is pending. On an error the negotiation has failed (section 7.12): a target
  // rejects the login or the text request, an initiator drops the connection or resets the
  // sequence; then only Abandon() (text) is of use.
  Error Receive(std::span<const std::byte> text);

  // Decides on what was received; call it after each Receive(). `final` is the peer's T or F bit: a
  // target then offers on its own what the peer left out and whose default it cannot accept.
  Error Respond(bool final);

  // Writes the next bytes of answers and offers into `out`, and goes on where it stopped if they
  // did not fit: a PDU may end anywhere in a pair (section 6.1). Returns the size; zero if nothing
  // is pending.
  size_t Write(std::span<std::byte> out);

  // Text is left to write.
  bool pending() const;

  // An offer of ours was written that the peer must still answer: a target must not answer with T
  // or F set to 1.
  bool awaiting_answers() const;

  // Whether a login may skip the operational stage: every default suits this side's offer.
  bool defaults_acceptable() const;

  // The stage ends by agreement and `next` begins: what was negotiated takes effect (section 6.2,
  // atomically). At the full feature phase checks what this side demands and the integrity rules;
  // kDigestRefused, kLoginAuthenticationRequired, kTextAnswerMissing, kTextFinalNeedsAnswer,
  // kTextIntegrity, and kCallOutOfState while text of ours is unwritten that the peer needs.
  Error Conclude(Stage next);

  // The Text sequence ends without agreement: nothing of it takes effect (section 7.12).
  void Abandon();

  Stage stage() const { return stage_; }
  Role role() const { return role_; }

  // Values in effect, that is as of the last Conclude().
  const Parameters& parameters() const { return parameters_; }

  // What the peer has declared so far, and what an initiator declared itself.
  const Declarations& declarations() const { return declarations_; }

  // As declared; known after the first Receive() at a target, at once at an initiator.
  SessionKind session_type() const { return working_.SessionType; }

  // The selected method: kNone as long as none was negotiated.
  AuthenticationMethod auth_method() const { return auth_method_; }

  // Which key the last error was about, for a message; empty if none or one that nobody knows.
  std::string_view error_key() const { return error_key_; }

  bool auth_method_selected() const;

 private:
  enum class Step : uint8_t {
    kIdle,       // not mentioned
    kQueued,     // our offer or declaration, to be written
    kSent,       // our offer, written
    kReceived,   // the peer's offer, to be decided
    kAnswering,  // our answer, to be written
    kSettled,
  };
  enum class Answer : uint8_t { kValue, kReject, kIrrelevant };
  struct KeyState {
    Step step = Step::kIdle;
    Answer answer = Answer::kValue;
    bool declared_by_peer = false;
    bool declared_by_us = false;
    bool declaration_answered = false;
    bool admissible = true;        // the peer's offer was of the key's form and range
    bool answer_optional = false;  // section 6.2.2: the offer alone determined the result
    uint8_t list_size = 0;
    std::array<uint8_t, kMaxChoices> list = {};  // the peer's list, as far as we know its values
    uint32_t value = 0;                          // offered, or to be answered
  };
  struct UnknownKey {
    uint16_t offset;
    uint8_t size;
  };

  KeyState& state(Key key) { return states_[static_cast<size_t>(key)]; }
  const KeyState& state(Key key) const { return states_[static_cast<size_t>(key)]; }

  Error Fail(ErrorCode code, uint32_t detail = 0);
  Error Fail(ErrorCode code, const KeyInfo& info, uint32_t detail = 0);
  Error ReceivePair(const Pair& pair);
  Error ReceiveUnknown(const Pair& pair);
  Error ReceiveConstant(const KeyInfo& info, std::string_view value);
  Error ReceiveDeclaration(const KeyInfo& info, std::string_view value);
  Error StoreDeclaration(const KeyInfo& info, std::string_view value);
  Error ReceiveOffer(const KeyInfo& info, std::string_view value);
  Error ReceiveAnswer(const KeyInfo& info, std::string_view value);
  Error ReceiveMethod(const KeyInfo& info);
  Error ReceiveName(const KeyInfo& info, std::string_view value);
  Error CheckFirstText();
  Error CheckMayAppear(const KeyInfo& info);
  Error ReceiveList(const KeyInfo& info, std::string_view value);
  Error SettleUnanswered();
  Error SettleForConclusion(const KeyInfo& info);
  Error KeepCurrent(const KeyInfo& info, ErrorCode otherwise);
  Error Refused(const KeyInfo& info, ErrorCode otherwise);

  void QueueInitiator();
  void QueueTarget(bool final);
  void QueueDeclaration(Key key, uint32_t value = 0);
  void QueueOffer(Key key);
  Error Decide(const KeyInfo& info);
  Error DecideList(const KeyInfo& info);
  uint32_t DecideNumber(const KeyInfo& info, uint32_t offered) const;

  bool Relevant(const KeyInfo& info) const;
  bool Acceptable(const KeyInfo& info, uint32_t value) const;
  bool InOwnList(Key key, uint8_t choice) const;
  uint32_t Wanted(Key key) const;
  uint32_t Working(Key key) const;
  void SetWorking(Key key, uint32_t value);
  bool MustAuthenticate() const;
  Error CheckDemands();
  Error ApplyIntegrity();

  class Rendering;
  bool ToWrite(const KeyInfo& info) const;
  void Render(const KeyInfo& info, Rendering* out) const;
  void RenderValue(const KeyInfo& info, Rendering* out) const;
  bool Emit(const Rendering& pair, std::span<std::byte> out, size_t* size);
  std::string_view OwnText(Key key) const;
  std::string_view UnknownName(size_t index) const;
  void Written(const KeyInfo& info);

  Role role_;
  bool leading_;
  bool begun_ = false;
  bool first_text_ = true;
  bool first_response_ = true;
  bool method_key_seen_ = false;
  Stage stage_ = Stage::kSecurity;
  AuthenticationMethod auth_method_ = AuthenticationMethod::kNone;
  Error failure_;  // sticks until the next Text sequence
  std::string_view error_key_;
  Offer offer_;
  Parameters parameters_;  // in effect
  Parameters working_;     // as negotiated so far
  Declarations declarations_;
  std::array<KeyState, kKeyCount> states_ = {};

  size_t write_offset_ = 0;  // bytes already written of the first pending pair
  size_t unknown_count_ = 0;
  size_t unknown_answered_ = 0;
  size_t unknown_bytes_ = 0;
  std::array<UnknownKey, kMaxUnknownKeys> unknown_ = {};
  std::array<char, kUnknownKeyBytes> unknown_names_ = {};
};

}  // namespace isthmus::text

#endif  // ISTHMUS_PROTOCOL_TEXT_NEGOTIATION_H_
