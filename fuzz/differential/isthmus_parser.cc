#include <memory>
#include <string>
#include <vector>

#include "digest/select.h"
#include "digest/verdict.h"
#include "fuzz/differential/parser.h"
#include "protocol/connection/receiver.h"
#include "protocol/error.h"
#include "protocol/wire/field.h"

namespace isthmus::fuzz {
namespace {

PduSummary SummaryOf(const RxItem& item) {
  const auto byte = [&](size_t at) { return std::to_integer<uint8_t>(item.header->bytes[at]); };
  PduSummary pdu;
  pdu.stream_offset = item.stream_offset;
  pdu.opcode = byte(0) & 0x3f;
  pdu.immediate = (byte(0) & 0x40) != 0;
  pdu.ahs_bytes = static_cast<uint32_t>(item.ahs.size());
  pdu.data_segment_length = item.data_segment_length;
  for (size_t i = 0; i < 4; ++i) {
    pdu.initiator_task_tag = pdu.initiator_task_tag << 8 | byte(16 + i);
  }
  pdu.data_digest_is_right = item.data_verdict != digest::DigestVerdict::kBad;
  return pdu;
}

std::string Describe(const PduSummary& pdu) {
  return "offset " + std::to_string(pdu.stream_offset) + " opcode " + std::to_string(pdu.opcode) +
         (pdu.immediate ? " immediate" : "") + " ahs " + std::to_string(pdu.ahs_bytes) + " data " +
         std::to_string(pdu.data_segment_length) + " tag " +
         std::to_string(pdu.initiator_task_tag) + " data digest " +
         (pdu.data_digest_is_right ? "right" : "wrong");
}

}  // namespace

bool ParseWithIsthmus(std::span<const std::byte> stream, const Framing& framing, Summary* summary) {
  Receiver::Options options;
  options.kernel = &digest::SelectKernel();
  options.MaxRecvDataSegmentLength = kMaxRecvDataSegmentLength;
  Receiver receiver(options);
  receiver.SetDigests(framing.header_digest, framing.data_digest);
  RxSegment segment;
  segment.bytes = stream;
  if (stream.empty() || !receiver.Push(segment)) return true;
  std::vector<std::byte> data;
  for (RxItem item; receiver.Next(&item);) {
    switch (item.kind) {
      case RxItemKind::kHeader:
        data.resize(item.data_segment_length);
        if (item.data_segment_length > 0) receiver.SetSink(data);
        break;
      case RxItemKind::kEnd:
        summary->pdus.push_back(SummaryOf(item));
        break;
      case RxItemKind::kReleaseRx:
        break;
      case RxItemKind::kError:
        return false;
    }
  }
  return true;
}

std::string Difference(bool ours_holds, const Summary& ours, bool yours_holds,
                       const Summary& yours) {
  for (size_t i = 0; i < ours.pdus.size() || i < yours.pdus.size(); ++i) {
    const std::string mine = i < ours.pdus.size() ? Describe(ours.pdus[i]) : "nothing";
    const std::string theirs = i < yours.pdus.size() ? Describe(yours.pdus[i]) : "nothing";
    if (mine != theirs) {
      return "PDU " + std::to_string(i) + "\n  Isthmus: " + mine + "\n  yours:   " + theirs + "\n";
    }
  }
  if (ours_holds == yours_holds) return "";
  return std::string("after these PDUs Isthmus ") + (ours_holds ? "goes on" : "gives up") +
         ", yours " + (yours_holds ? "goes on" : "gives up") + "\n";
}

}  // namespace isthmus::fuzz
