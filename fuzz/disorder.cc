#include "fuzz/disorder.h"

#include <algorithm>
#include <utility>

#include "digest/crc32c.h"
#include "digest/value.h"

namespace isthmus::fuzzing {
namespace {

// Of RFC 7143 section 11, by byte: opcodes, and fields of the headers that are looked into.
constexpr uint8_t kDataOut = 0x05, kScsiResponse = 0x21, kLoginResponse = 0x23, kDataIn = 0x25,
                  kR2t = 0x31;
constexpr size_t kTaskTag = 16, kTransferTag = 20, kBufferOffset = 40, kDesiredLength = 44;
constexpr uint8_t kFinal = 0x80, kStatus = 0x01;
constexpr uint32_t kNoTag = 0xffffffff;

template <class Header>
uint8_t Byte(const Header& header, size_t at) {
  return std::to_integer<uint8_t>(header[at]);
}

template <class Header>
uint32_t Word(const Header& header, size_t at) {
  uint32_t word = 0;
  for (size_t i = 0; i < 4; ++i) word = word << 8 | Byte(header, at + i);
  return word;
}

template <class Header>
void SetWord(Header& header, size_t at, uint32_t word) {
  for (size_t i = 0; i < 4; ++i) header[at + i] = static_cast<std::byte>(word >> (24 - 8 * i));
}

template <class Header>
uint8_t Opcode(const Header& header) {
  return Byte(header, 0) & 0x3f;
}

size_t Padded(size_t size) { return (size + 3) / 4 * 4; }

void PutDigest(std::span<const std::byte> bytes, std::vector<std::byte>* to) {
  std::byte wire[4];
  digest::StoreDigest(digest::Compute(bytes.data(), bytes.size()), wire);
  to->insert(to->end(), wire, wire + 4);
}

// What changes places between the Data PDUs of a task.
struct Load {
  uint32_t buffer_offset;
  std::vector<std::byte> data;
  bool ends_sequence;
};

}  // namespace

uint32_t Disorder::Below(uint32_t bound) {
  random_ = random_ * 1664525 + 1013904223;
  return (random_ >> 8) % bound;
}

// Within groups of four, then perhaps the groups from the last to the first: far from order, with
// few holes at any time, for the receivers bound those (kDataRunsFull).
template <class T>
void Disorder::Shuffle(std::vector<T>* things) {
  const size_t size = things->size();
  for (size_t group = 0; group < size; group += 4) {
    for (size_t left = std::min<size_t>(4, size - group); left > 1; --left) {
      std::swap((*things)[group + left - 1], (*things)[group + Below(static_cast<uint32_t>(left))]);
    }
  }
  if (Below(2) == 0) std::reverse(things->begin(), things->end());
}

bool Disorder::Cut(Bytes* stream, Pdu* pdu) const {
  if (stream->size() < 48) return false;
  const size_t ahs = size_t{4} * Byte(*stream, 4);
  const size_t data = Word(*stream, 4) & 0xffffff;
  const size_t data_at = 48 + ahs + (digests(false) ? 4 : 0);
  const size_t size = data_at + Padded(data) + (digests(true) && data > 0 ? 4 : 0);
  if (stream->size() < size) return false;
  const auto begin = stream->begin();
  const auto at = [&](size_t offset) { return begin + static_cast<ptrdiff_t>(offset); };
  std::copy(begin, at(48), pdu->header.begin());
  pdu->ahs.assign(at(48), at(48 + ahs));
  pdu->data.assign(at(data_at), at(data_at + data));
  stream->erase(begin, at(size));
  return true;
}

void Disorder::Put(const Pdu& pdu, Bytes* arrives) const {
  const size_t begin = arrives->size();
  arrives->insert(arrives->end(), pdu.header.begin(), pdu.header.end());
  arrives->insert(arrives->end(), pdu.ahs.begin(), pdu.ahs.end());
  if (digests(false)) {
    const Bytes covered(arrives->begin() + static_cast<ptrdiff_t>(begin), arrives->end());
    PutDigest(covered, arrives);
  }
  if (pdu.data.empty()) return;
  Bytes covered = pdu.data;
  covered.resize(Padded(covered.size()));
  arrives->insert(arrives->end(), covered.begin(), covered.end());
  if (digests(true)) PutDigest(covered, arrives);
}

void Disorder::Pass(bool to_target, Bytes* bytes) {
  const Bytes sent = std::move(*bytes);
  bytes->clear();
  to_target ? ToTarget(sent, bytes) : ToInitiator(sent, bytes);
}

void Disorder::ToInitiator(std::span<const std::byte> bytes, Bytes* arrives) {
  from_target_.insert(from_target_.end(), bytes.begin(), bytes.end());
  Pdu pdu;
  while (Cut(&from_target_, &pdu)) {
    const uint32_t tag = Word(pdu.header, kTaskTag);
    // R2Ts show StatSN and do not take it: no status may overtake them.
    if (Opcode(pdu.header) != kR2t) PutR2ts(arrives);
    switch (Opcode(pdu.header)) {
      case kDataIn: {
        const bool last = (Byte(pdu.header, 1) & kStatus) != 0;
        data_in_[tag].push_back(std::move(pdu));
        if (last) PutDataIn(tag, arrives);
        break;
      }
      case kR2t:
        answers_[tag].push_back({.transfer_tag = Word(pdu.header, kTransferTag), .pdus = {}});
        if (!r2ts_.empty() && Word(r2ts_.front().header, kTaskTag) != tag) PutR2ts(arrives);
        r2ts_.push_back(std::move(pdu));
        break;
      case kScsiResponse:
        PutDataIn(tag, arrives);
        Put(pdu, arrives);
        break;
      case kLoginResponse:
        Put(pdu, arrives);
        // T, NSG = 3, status 0: the next PDU of either side is of the full feature phase.
        if ((Byte(pdu.header, 1) & 0x83) == 0x83 && Word(pdu.header, 36) >> 16 == 0) {
          full_feature_ = true;
        }
        break;
      default:
        Put(pdu, arrives);
        break;
    }
  }
  PutR2ts(arrives);
}

void Disorder::PutDataIn(uint32_t task_tag, Bytes* arrives) {
  std::vector<Pdu> pdus = std::move(data_in_[task_tag]);
  data_in_.erase(task_tag);
  std::vector<std::vector<Load>> sequences(1);
  for (Pdu& pdu : pdus) {
    sequences.back().push_back({Word(pdu.header, kBufferOffset), pdu.data, false});
    if ((Byte(pdu.header, 1) & kFinal) != 0) sequences.emplace_back();
  }
  if (sequences.back().empty()) sequences.pop_back();
  if (!agreed_.sequence_in_order) Shuffle(&sequences);
  std::vector<Load> loads;
  for (std::vector<Load>& sequence : sequences) {
    if (!agreed_.pdu_in_order) Shuffle(&sequence);
    sequence.back().ends_sequence = true;
    loads.insert(loads.end(), sequence.begin(), sequence.end());
  }
  for (size_t i = 0; i < pdus.size(); ++i) {
    Pdu& pdu = pdus[i];
    if (Word(pdu.header, kBufferOffset) != loads[i].buffer_offset) ++displaced_.data_in;
    pdu.header[1] &= std::byte{0x7f};
    if (loads[i].ends_sequence) pdu.header[1] |= std::byte{kFinal};
    SetWord(pdu.header, 4, static_cast<uint32_t>(loads[i].data.size()));
    SetWord(pdu.header, kBufferOffset, loads[i].buffer_offset);
    pdu.data = std::move(loads[i].data);
    Put(pdu, arrives);
  }
}

void Disorder::PutR2ts(Bytes* arrives) {
  struct Asked {
    uint32_t transfer_tag, buffer_offset, desired_length;
  };
  std::vector<Asked> asked;
  for (const Pdu& pdu : r2ts_) {
    asked.push_back({Word(pdu.header, kTransferTag), Word(pdu.header, kBufferOffset),
                     Word(pdu.header, kDesiredLength)});
  }
  if (!agreed_.sequence_in_order) Shuffle(&asked);
  for (size_t i = 0; i < r2ts_.size(); ++i) {
    auto& header = r2ts_[i].header;
    if (Word(header, kTransferTag) != asked[i].transfer_tag) ++displaced_.r2t;
    SetWord(header, kTransferTag, asked[i].transfer_tag);
    SetWord(header, kBufferOffset, asked[i].buffer_offset);
    SetWord(header, kDesiredLength, asked[i].desired_length);
    Put(r2ts_[i], arrives);
  }
  r2ts_.clear();
}

void Disorder::ToTarget(std::span<const std::byte> bytes, Bytes* arrives) {
  from_initiator_.insert(from_initiator_.end(), bytes.begin(), bytes.end());
  Pdu pdu;
  while (Cut(&from_initiator_, &pdu)) {
    if (Opcode(pdu.header) == kDataOut) {
      OnDataOut(std::move(pdu), arrives);
    } else {
      Put(pdu, arrives);
    }
  }
}

void Disorder::OnDataOut(Pdu pdu, Bytes* arrives) {
  const uint32_t task_tag = Word(pdu.header, kTaskTag);
  const uint32_t transfer_tag = Word(pdu.header, kTransferTag);
  std::deque<Answer>& answers = answers_[task_tag];
  const auto answer = std::ranges::find(answers, transfer_tag, &Answer::transfer_tag);
  std::vector<Pdu>& sequence =
      transfer_tag == kNoTag || answer == answers.end() ? unsolicited_[task_tag] : answer->pdus;
  const bool final = (Byte(pdu.header, 1) & kFinal) != 0;
  sequence.push_back(std::move(pdu));
  if (!final) return;
  std::vector<Load> loads;
  for (Pdu& each : sequence) {
    loads.push_back({Word(each.header, kBufferOffset), std::move(each.data), false});
  }
  if (!agreed_.pdu_in_order) Shuffle(&loads);
  for (size_t i = 0; i < sequence.size(); ++i) {
    auto& header = sequence[i].header;
    if (Word(header, kBufferOffset) != loads[i].buffer_offset) ++displaced_.data_out;
    SetWord(header, kBufferOffset, loads[i].buffer_offset);
    SetWord(header, 4, static_cast<uint32_t>(loads[i].data.size()));
    sequence[i].data = std::move(loads[i].data);
  }
  if (answer == answers.end() || transfer_tag == kNoTag) {
    for (const Pdu& each : sequence) Put(each, arrives);
    sequence.clear();
    return;
  }
  answer->complete = true;
  while (!answers.empty() && answers.front().complete) {
    for (const Pdu& each : answers.front().pdus) Put(each, arrives);
    answers.pop_front();
  }
}

}  // namespace isthmus::fuzzing
