#include "fuzz/simulator/wire_monitor.h"

#include <algorithm>
#include <cstdio>

namespace isthmus::simulator {
namespace {

uint32_t Word(const std::vector<uint8_t>& pdu, size_t at) {
  return uint32_t{pdu[at]} << 24 | uint32_t{pdu[at + 1]} << 16 | uint32_t{pdu[at + 2]} << 8 |
         uint32_t{pdu[at + 3]};
}

bool Before(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) < 0; }

std::array<uint32_t, 256> MakeTable() {
  std::array<uint32_t, 256> table;
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
    table[i] = crc;
  }
  return table;
}

bool IsLogin(uint8_t opcode) { return opcode == 0x03 || opcode == 0x23; }

}  // namespace

uint32_t SlowCrc32c(std::span<const uint8_t> bytes) {
  static const std::array<uint32_t, 256> table = MakeTable();
  uint32_t crc = ~uint32_t{0};
  for (uint8_t byte : bytes) crc = crc >> 8 ^ table[(crc ^ byte) & 0xff];
  return ~crc;
}

void WireMonitor::Fail(const char* rule, const std::vector<uint8_t>& pdu,
                       const std::string& detail) {
  std::array<char, 32> opcode;
  std::snprintf(opcode.data(), opcode.size(), "opcode %02x ITT %08x ", pdu[0], Word(pdu, 16));
  report_->Fail(rule, opcode.data() + detail);
}

size_t WireMonitor::Size(const std::vector<uint8_t>& pdu) const {
  if (pdu.size() < 48) return 48;
  const bool login = IsLogin(pdu[0] & 0x3f);
  const size_t data = Word(pdu, 4) & 0xffffff;
  size_t size = 48 + size_t{pdu[4]} * 4;
  if (!login && rules_.header_digest) size += 4;
  size += (data + 3) / 4 * 4;
  if (!login && rules_.data_digest && data > 0) size += 4;
  return size;
}

void WireMonitor::Sent(bool to_target, std::span<const std::byte> bytes) {
  Direction& direction = directions_[to_target];
  std::vector<uint8_t>& pdu = direction.pdu;
  size_t at = 0;
  while (at < bytes.size()) {
    if (pdu.empty()) direction.pdu_starts.insert(direction.bytes);
    const size_t part = std::min(bytes.size() - at, Size(pdu) - pdu.size());
    direction.bytes += part;
    const uint8_t* from = reinterpret_cast<const uint8_t*>(bytes.data()) + at;
    pdu.insert(pdu.end(), from, from + part);
    at += part;
    if (pdu.size() < 48 || pdu.size() < Size(pdu)) continue;
    OnPdu(to_target, pdu);
    if (IsLogin(pdu[0] & 0x3f)) direction.login_bytes += pdu.size();
    pdu.clear();
  }
}

void WireMonitor::CheckDigests(const std::vector<uint8_t>& pdu, size_t data_bytes) {
  const auto little = [&](size_t at) {
    return uint32_t{pdu[at + 3]} << 24 | uint32_t{pdu[at + 2]} << 16 | uint32_t{pdu[at + 1]} << 8 |
           uint32_t{pdu[at]};
  };
  size_t at = 48 + size_t{pdu[4]} * 4;
  if (rules_.header_digest) {
    if (little(at) != SlowCrc32c(std::span(pdu).first(at))) Fail("header digest", pdu, "is wrong");
    at += 4;
  }
  const size_t padded = (data_bytes + 3) / 4 * 4;
  for (size_t i = at + data_bytes; i < at + padded; ++i) {
    if (pdu[i] != 0) Fail("padding", pdu, "is not zero");
  }
  if (rules_.data_digest && data_bytes > 0 &&
      little(at + padded) != SlowCrc32c(std::span(pdu).subspan(at, padded))) {
    Fail("data digest", pdu, "is wrong");
  }
}

void WireMonitor::OnPdu(bool to_target, const std::vector<uint8_t>& pdu) {
  ++report_->counts.pdus;
  const uint8_t opcode = pdu[0] & 0x3f;
  const size_t data_bytes = Word(pdu, 4) & 0xffffff;
  if (report_->logging()) {
    std::array<char, 160> line;
    std::snprintf(line.data(), line.size(),
                  "  %s %02x %02x itt %08x ttt %08x +24 %08x +28 %08x +32 %08x +36 %08x +40 %08x "
                  "data %zu",
                  to_target ? "->" : "<-", pdu[0], pdu[1], Word(pdu, 16), Word(pdu, 20),
                  Word(pdu, 24), Word(pdu, 28), Word(pdu, 32), Word(pdu, 36), Word(pdu, 40),
                  data_bytes);
    report_->Trace(line.data());
  }
  const bool login = IsLogin(opcode);
  if (!login) {
    CheckDigests(pdu, data_bytes);
    if (data_bytes > (to_target ? rules_.to_target_bytes : rules_.to_initiator_bytes)) {
      Fail("MaxRecvDataSegmentLength", pdu, "exceeded: " + std::to_string(data_bytes));
    }
  }
  if (to_target) {
    OnRequest(pdu, opcode);
  } else {
    OnResponse(pdu, opcode);
  }
}

void WireMonitor::OnRequest(const std::vector<uint8_t>& pdu, uint8_t opcode) {
  const bool immediate = (pdu[0] & 0x40) != 0;
  const uint32_t exp_stat_sn = Word(pdu, 28);
  if (opcode == 0x03) {
    if (!have_cmd_sn_) cmd_sn_ = Word(pdu, 24);
    have_cmd_sn_ = true;
    return;
  }
  if (have_stat_sn_ && Before(stat_sn_, exp_stat_sn)) {
    Fail("ExpStatSN", pdu, "is beyond what was sent");
  }
  if (exp_stat_sn_ != 0 && Before(exp_stat_sn, exp_stat_sn_)) {
    Fail("ExpStatSN", pdu, "goes back");
  }
  exp_stat_sn_ = exp_stat_sn;
  if (opcode == 0x05 || opcode == 0x10) return;  // no CmdSN
  // Section 7.8: a command whose immediate data was lost is sent again as it was.
  const auto again = rejected_.find(Word(pdu, 16));
  if (opcode == 0x01 && again != rejected_.end()) {
    const bool same = again->second == Word(pdu, 24);
    rejected_.erase(again);
    if (same) return;
  }
  if (Word(pdu, 24) != cmd_sn_) {
    Fail("CmdSN", pdu, std::to_string(Word(pdu, 24)) + " is not " + std::to_string(cmd_sn_));
  }
  if (!immediate) {
    if (have_max_cmd_sn_ && Before(max_cmd_sn_, cmd_sn_)) Fail("window", pdu, "exceeded");
    ++cmd_sn_;
  }
  if (opcode == 0x01) {
    const auto [task, fresh] = tasks_.try_emplace(Word(pdu, 16));
    if (!fresh && !task->second.answered) Fail("Initiator Task Tag", pdu, "is in use");
    task->second = Task();
  }
}

void WireMonitor::Final(uint32_t itt) { tasks_[itt].answered = true; }

void WireMonitor::OnResponse(const std::vector<uint8_t>& pdu, uint8_t opcode) {
  const uint32_t itt = Word(pdu, 16);
  const uint32_t stat_sn = Word(pdu, 24), exp_cmd_sn = Word(pdu, 28), max_cmd_sn = Word(pdu, 32);
  const bool status = opcode != 0x31 && !(opcode == 0x25 && (pdu[1] & 1) == 0) &&
                      !(opcode == 0x20 && itt == 0xffffffff);
  if (opcode != 0x25 || status) {
    if (have_stat_sn_ && stat_sn != stat_sn_) {
      Fail("StatSN", pdu, std::to_string(stat_sn) + " is not " + std::to_string(stat_sn_));
    }
    have_stat_sn_ = true;
    stat_sn_ = stat_sn + (status ? 1 : 0);
  }
  if (have_max_cmd_sn_) {
    if (Before(max_cmd_sn, max_cmd_sn_)) Fail("MaxCmdSN", pdu, "goes back");
    if (Before(exp_cmd_sn, exp_cmd_sn_)) Fail("ExpCmdSN", pdu, "goes back");
  }
  if (opcode != 0x23) {
    if (Before(cmd_sn_, exp_cmd_sn)) Fail("ExpCmdSN", pdu, "is beyond what was sent");
    have_max_cmd_sn_ = true;
    max_cmd_sn_ = max_cmd_sn;
    exp_cmd_sn_ = exp_cmd_sn;
  }
  // Reason 2, data digest error: the header of a command is sent back.
  const size_t back = 48 + (rules_.header_digest ? 4 : 0);
  if (opcode == 0x3f && pdu[2] == 0x02 && pdu.size() >= back + 48 && (pdu[back] & 0x3f) == 0x01) {
    rejected_[Word(pdu, back + 16)] = Word(pdu, back + 24);
  }
  const bool of_task = opcode == 0x21 || opcode == 0x25 || opcode == 0x31;
  if (!of_task) return;
  const auto task = tasks_.find(itt);
  if (task == tasks_.end()) return Fail("task", pdu, "was never submitted");
  if (task->second.answered) return Fail("final status", pdu, "came already");
  if (opcode == 0x25 || opcode == 0x31) {
    if (Word(pdu, 36) != task->second.data_sn) {
      Fail(opcode == 0x25 ? "DataSN" : "R2TSN", pdu,
           std::to_string(Word(pdu, 36)) + " is not " + std::to_string(task->second.data_sn));
    }
    ++task->second.data_sn;
  }
  if (opcode == 0x21 || (opcode == 0x25 && status)) Final(itt);
}

}  // namespace isthmus::simulator
