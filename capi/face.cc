#include "capi/face.h"

#include "digest/select.h"

namespace isthmus::capi {

isthmus_error FromError(const Error& error) {
  return {static_cast<uint16_t>(error.code), error.actions, error.detail,
          static_cast<uint8_t>(error.blame), {}};
}

Error Reason(int code, Role role) {
  if (code == ISTHMUS_OK) return Error::Ok();
  auto reason = static_cast<ErrorCode>(code);
  if (code < 0 || code > UINT16_MAX || InfoOf(reason).code != reason) {
    reason = ErrorCode::kTransportClosed;
  }
  return MakeError(reason, role, PduClass::kNone, 0);
}

const digest::Kernel* KernelOrSelected(const isthmus_kernel* kernel) {
  return kernel == nullptr ? &digest::SelectKernel() : FromKernel(kernel);
}

digest::Evidence FromEvidence(const isthmus_evidence& evidence) {
  return {static_cast<digest::DigestVerdict>(evidence.verdict), evidence.has_partial_crc,
          evidence.epoch, evidence.ticket, evidence.partial_crc};
}

bool FromSegment(const isthmus_rx_segment* segment, RxSegment* out) {
  isthmus_rx_segment storage;
  const isthmus_rx_segment* const in = Read(segment, &storage, isthmus_rx_segment_init);
  if (in == nullptr || (in->data == nullptr && in->data_size > 0)) return false;
  out->stream_offset = in->stream_offset;
  out->bytes = Bytes(in->data, in->data_size);
  out->header = FromEvidence(in->header_evidence);
  out->data = FromEvidence(in->data_evidence);
  out->placed = in->placed;
  out->coalesced = in->coalesced;
  out->stripped = in->stripped;
  out->pdu_offset = in->pdu_offset;
  out->lease = {in->lease};
  return true;
}

isthmus_deadline FromDeadline(const Deadline& deadline) {
  return {deadline.at.ns, static_cast<uint32_t>(deadline.reason), 0};
}

isthmus_parameters FromParameters(const text::Parameters& from) {
  isthmus_parameters to = {};
  to.discovery = from.SessionType == text::SessionKind::kDiscovery;
  to.InitialR2T = from.InitialR2T;
  to.ImmediateData = from.ImmediateData;
  to.DataPDUInOrder = from.DataPDUInOrder;
  to.DataSequenceInOrder = from.DataSequenceInOrder;
  to.HeaderDigest = static_cast<uint8_t>(from.HeaderDigest);
  to.DataDigest = static_cast<uint8_t>(from.DataDigest);
  to.ErrorRecoveryLevel = from.ErrorRecoveryLevel;
  to.TaskReporting = static_cast<uint8_t>(from.TaskReporting);
  to.iSCSIProtocolLevel = from.iSCSIProtocolLevel;
  to.MaxConnections = from.MaxConnections;
  to.MaxOutstandingR2T = from.MaxOutstandingR2T;
  to.DefaultTime2Wait = from.DefaultTime2Wait;
  to.DefaultTime2Retain = from.DefaultTime2Retain;
  to.MaxBurstLength = from.MaxBurstLength;
  to.FirstBurstLength = from.FirstBurstLength;
  to.own_MaxRecvDataSegmentLength = from.own_MaxRecvDataSegmentLength;
  to.peer_MaxRecvDataSegmentLength = from.peer_MaxRecvDataSegmentLength;
  return to;
}

namespace {

// A hash of CHAP covers identifier, secret and challenge (RFC 1994 section 4.1); room for as many again.
constexpr size_t kMaxParts = 6;

bool ComputeByC(const void* context, std::span<const std::span<const std::byte>> parts,
                std::byte* out) {
  const auto& hash = *static_cast<const isthmus_hash*>(context);
  if (parts.size() > kMaxParts) return false;
  std::array<isthmus_bytes, kMaxParts> pieces = {};
  for (size_t i = 0; i < parts.size(); ++i) pieces[i] = Bytes(parts[i]);
  return hash.compute(hash.context, pieces.data(), parts.size(), reinterpret_cast<uint8_t*>(out));
}

}  // namespace

bool Hashes::Assign(const isthmus_hash* hashes, size_t count) {
  if (count > hashes_.size() || (hashes == nullptr && count > 0)) return false;
  for (size_t i = 0; i < count; ++i) {
    if (hashes[i].compute == nullptr || hashes[i].digest_size == 0 ||
        hashes[i].digest_size > auth::kMaxDigestBytes) {
      return false;
    }
    hashes_[i] = hashes[i];
    algorithms_[i] = {hashes[i].chap_algorithm, hashes[i].digest_size, nullptr, &ComputeByC,
                      &hashes_[i]};
  }
  count_ = count;
  return true;
}

}  // namespace isthmus::capi

extern "C" void isthmus_rx_segment_init(isthmus_rx_segment* segment, size_t size) {
  isthmus_rx_segment defaults = {};
  defaults.pdu_offset = ISTHMUS_ANY_PDU;
  isthmus::capi::Init(segment, size, defaults);
}

extern "C" const char* isthmus_deadline_name(uint32_t reason) {
  return isthmus::Name(static_cast<isthmus::DeadlineReason>(reason));
}
