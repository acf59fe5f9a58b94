// SendTargets (RFC 7143 section 13.3, Appendix C): the request, the writer and the parser of its
// answer.
//
// Target, a Text Request whose text is complete:
//
//   if (IsSendTargets(text)) {                       // a query, no negotiation
//     SendTargetsRequest request;
//     Error error = ParseSendTargets(text, session_kind, &request);  // not ok: Reject
//     SendTargetsWriter writer;
//     writer.Begin(page);                            // room: the peer's MaxRecvDataSegmentLength
//     writer.AddTarget(name);                        // false: the page is full; send it with F=0,
//     writer.AddAddress(address);                    // and go on with the same record in the next
//   }
//
// Initiator; the answer arrives in parts of any cut, and only a pair that is not complete is kept:
//
//   TargetRecordParser parser(storage);
//   parser.Feed(data_segment);
//   for (TargetRecord record; parser.Next(&record);) ...  // a TargetName, or one of its addresses
//   if (!parser.error().ok()) ...
//   parser.Finish();                                 // after the last response

#ifndef ISTHMUS_PROTOCOL_TEXT_SEND_TARGETS_H_
#define ISTHMUS_PROTOCOL_TEXT_SEND_TARGETS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "protocol/error.h"
#include "protocol/text/key_table.h"

namespace isthmus::text {

inline constexpr uint16_t kIscsiPort = 3260;  // section 14: assigned by IANA

// A TargetAddress (section 13.8). `host` points into the text that was parsed and keeps no
// brackets.
struct TargetAddress {
  std::string_view host;
  bool is_ipv6 = false;  // written in brackets
  uint16_t port = kIscsiPort;
  bool has_port = false;
  uint16_t portal_group_tag = 0;
  bool has_portal_group_tag = false;
};

// Parses domainname[:port][,portal-group-tag]. False, and `address` unchanged, if it is none. A
// zone id in an IPv6 address is refused: it means nothing to another machine.
bool ParseTargetAddress(std::string_view value, TargetAddress* address);

// Writes it, port always, tag if present (omit it for a redirect, section 13.8). 0 if it does not
// fit `out` or host is empty. kMaxSimpleValueBytes always suffices for a legal one.
size_t FormatTargetAddress(const TargetAddress& address, std::span<char> out);

enum class SendTargetsKind : uint8_t {
  kAll,    // every target that this initiator may see: Discovery sessions only
  kNamed,  // one target by name
  kThis,   // the target that the session is logged in to (empty value)
};
struct SendTargetsRequest {
  SendTargetsKind kind = SendTargetsKind::kAll;
  std::string_view name;  // kNamed; points into the text
};

// Whether a text request holds the SendTargets key, and so goes to ParseSendTargets and not to
// Negotiation.
bool IsSendTargets(std::span<const std::byte> text);

// Parses a request as Appendix C allows it to this type of session: exactly one pair; All only in a
// Discovery session, nothing only in a Normal one, an iSCSI name in both. Otherwise
// kTextSendTargetsForm, or what is wrong with the text's format.
Error ParseSendTargets(std::span<const std::byte> text, SessionKind session,
                       SendTargetsRequest* request);

// Writes pages of an answer; whole pairs only, so that no page needs the C bit (the caller uses F=0
// and a TTT).
class SendTargetsWriter {
 public:
  // Starts a page; false entries below say that the pair did not fit and belongs to the next page.
  void Begin(std::span<std::byte> page) {
    page_ = page;
    size_ = 0;
  }
  bool AddTarget(std::string_view target_name);
  bool AddAddress(
      const TargetAddress& address);     // of the target added last; needs a portal group tag
  size_t size() const { return size_; }  // bytes of this page so far

 private:
  std::span<std::byte> page_;
  size_t size_ = 0;
};

// One pair of an answer.
struct TargetRecord {
  bool is_target =
      false;  // true: TargetName, a new record begins; false: an address of the record begun last
  std::string_view name;         // is_target
  TargetAddress address;         // otherwise
  std::string_view raw_address;  // otherwise: the value as it came
};

// Parses an answer as it streams in. Everything it hands out points into the storage or the last
// fed part, and is valid until the next Next() or Feed().
class TargetRecordParser {
 public:
  // `storage` holds one pair that spans parts: kStorageBytes suffices for every legal one.
  static constexpr size_t kStorageBytes = 512;
  explicit TargetRecordParser(std::span<char> storage) : storage_(storage) {}

  // Takes the next data segment. All records of the last one must have been drained.
  void Feed(std::span<const std::byte> part);

  // False: feed more, or error().
  bool Next(TargetRecord* record);

  // After the last response: false if a pair is left without its delimiter.
  bool Finish() const { return held_ == 0 && rest_.empty() && error_.ok(); }

  // kTextTargetListSyntax: another key, an address before any name, a bad name or address, no "=";
  // kTextTooLong: a pair longer than the storage.
  Error error() const { return error_; }

 private:
  bool Parse(std::string_view pair, TargetRecord* record);
  bool Fail(ErrorCode code);

  std::span<char> storage_;
  size_t held_ = 0;        // bytes of an incomplete pair in storage_
  std::string_view rest_;  // of the part that was fed
  bool in_record_ = false;
  Error error_;
};

}  // namespace isthmus::text

#endif  // ISTHMUS_PROTOCOL_TEXT_SEND_TARGETS_H_
