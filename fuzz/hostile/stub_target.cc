#include "fuzz/hostile/stub_target.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace isthmus::hostile {
namespace {

uint32_t Big(std::string_view bytes, size_t at, size_t count) {
  uint32_t value = 0;
  for (size_t i = 0; i < count; ++i) value = value << 8 | static_cast<uint8_t>(bytes[at + i]);
  return value;
}

std::string BigBytes(uint64_t value, size_t count) {
  std::string out;
  for (size_t i = count; i-- > 0;) out.push_back(static_cast<char>(value >> (8 * i)));
  return out;
}

// Section 11.4.7: SenseLength, then sense data of the fixed format.
std::string Sense(uint8_t key, uint8_t asc) {
  std::string sense(18, '\0');
  sense[0] = 0x70;
  sense[2] = static_cast<char>(key);
  sense[7] = 10;
  sense[12] = static_cast<char>(asc);
  return BigBytes(sense.size(), 2) + sense;
}

// The pages without which some initiators use no disk (SPC-4 7.8, SBC-3 6.6); "": there is none such.
std::string VitalProductData(char code) {
  std::string page;
  switch (static_cast<uint8_t>(code)) {
    case 0x00:
      page = std::string("\x00\x80\xb0\xb2", 4);
      break;
    case 0x80:
      page = "hostile";
      break;
    case 0xb0:
      page.assign(60, '\0');  // no limits
      break;
    case 0xb2:
      page.assign(4, '\0');  // nothing is unmapped
      break;
    default:
      return "";
  }
  return std::string(1, '\0') + code + BigBytes(page.size(), 2) + page;
}

// The answer to one offer, by the rules of chapter 13; "": none is due.
std::string Choose(const std::string& key, const std::string& value) {
  if (key == "HeaderDigest" || key == "DataDigest") {
    const bool crc = ("," + value + ",").find(",CRC32C,") != std::string::npos;
    return crc ? "CRC32C" : "None";
  }
  static constexpr const char* kSame[] = {
      "InitialR2T",       "ImmediateData",       "MaxBurstLength",
      "FirstBurstLength", "DefaultTime2Wait",    "DefaultTime2Retain",
      "DataPDUInOrder",   "DataSequenceInOrder", "MaxOutstandingR2T"};
  for (const char* same : kSame) {
    if (key == same) return value;
  }
  if (key == "MaxConnections" || key == "iSCSIProtocolLevel") return "1";
  if (key == "ErrorRecoveryLevel") return "0";
  if (key == "TaskReporting") return "RFC3720";
  if (key == "AuthMethod") return "None";
  if (key == "OFMarker" || key == "IFMarker") return "No";
  if (key == "InitiatorName" || key == "InitiatorAlias" || key == "SessionType" ||
      key == "TargetName" || key == "MaxRecvDataSegmentLength") {
    return "";
  }
  return "NotUnderstood";
}

}  // namespace

char Pattern(uint64_t at) { return static_cast<char>(at * 7 + (at >> 9) * 13 + (at >> 16)); }

std::string PatternOf(uint64_t at, size_t size) {
  std::string out(size, '\0');
  for (size_t i = 0; i < size; ++i) out[i] = Pattern(at + i);
  return out;
}

std::string StubDisk::Read(uint64_t at, size_t size) const {
  std::string out = PatternOf(at, size);
  for (uint64_t block = at / kBlock; block * kBlock < at + size; ++block) {
    const auto found = written_.find(block);
    if (found != written_.end()) out.replace(block * kBlock - at, kBlock, found->second);
  }
  out.resize(size);
  return out;
}

void StubDisk::Write(uint64_t at, std::string_view data) {
  for (size_t i = 0; i + kBlock <= data.size(); i += kBlock) {
    written_[(at + i) / kBlock] = std::string(data.substr(i, kBlock));
  }
}

std::string StubTarget::Agreed(const std::string& key) const {
  const auto found = agreed_.find(key);
  if (found != agreed_.end()) return found->second;
  static const std::map<std::string, std::string> kDefaults = {
      {"InitialR2T", "Yes"},
      {"ImmediateData", "Yes"},
      {"MaxBurstLength", "262144"},
      {"FirstBurstLength", "65536"},
      {"MaxOutstandingR2T", "1"},
      {"DataPDUInOrder", "Yes"},
      {"MaxRecvDataSegmentLength", "8192"}};
  const auto standard = kDefaults.find(key);
  return standard == kDefaults.end() ? "" : standard->second;
}

uint32_t StubTarget::AgreedNumber(const std::string& key) const {
  return static_cast<uint32_t>(std::strtoul(Agreed(key).c_str(), nullptr, 0));
}

Pdu StubTarget::Number(Pdu pdu, bool advance) {
  return pdu.U32(24, advance ? stat_sn++ : stat_sn)
      .U32(28, exp_cmd_sn)
      .U32(32, exp_cmd_sn + window - 1);
}

void StubTarget::Receive(const Pdu& request) {
  const uint32_t opcode = request.opcode();
  if (opcode == 0x03) exp_cmd_sn = request.u32(24);
  const bool numbered = opcode != 0x05 && opcode != 0x10 && opcode != 0x03;
  if (numbered && !request.immediate() && request.u32(24) == exp_cmd_sn) ++exp_cmd_sn;
}

Pdu StubTarget::LoginResponse(const Pdu& request) {
  Receive(request);
  const bool ends = (request.u8(1) & 0x80) != 0;
  const bool last = ends && (request.u8(1) & 0x03) == 3;
  std::vector<std::string> pairs;
  for (const auto& [key, value] : Pairs(request.data)) {
    offered_.emplace(key, value);
    if (key == "SessionType") discovery_ = value == "Discovery";
    std::string answer = Choose(key, value);
    for (const std::string& own : keys) {
      if (own.substr(0, own.find('=')) == key) answer = own.substr(own.find('=') + 1);
    }
    // No digests where targets are only looked for.
    if (discovery_ && (key == "HeaderDigest" || key == "DataDigest")) answer = "None";
    // What the initiator declares holds for what it receives.
    if (key == "MaxRecvDataSegmentLength") agreed_.emplace(key, value);
    if (answer.empty()) continue;
    agreed_.emplace(key, answer);
    pairs.push_back(key + "=" + answer);
  }
  if (!declared) {
    declared = true;
    pairs.push_back("TargetPortalGroupTag=1");
  }
  if ((request.u8(1) & 0x0c) == 0x04 && last) {
    pairs.push_back("MaxRecvDataSegmentLength=65536");
    for (const std::string& own : keys) {
      if (own.starts_with("+")) pairs.push_back(own.substr(1));
    }
  }
  Pdu pdu(0x23, request.u8(1) & 0x8f);
  pdu.Bytes(8, request.header.substr(8, 6)).U16(14, last ? 0x4321 : request.u16(14));
  pdu.U32(16, request.itt());
  full_feature_ = last;
  digests_ = {Agreed("HeaderDigest") == "CRC32C", Agreed("DataDigest") == "CRC32C"};
  return Number(pdu.Data(Text(pairs)));
}

Pdu StubTarget::Response(uint32_t itt, uint32_t status, std::string data) {
  Pdu pdu(0x21);
  return Number(pdu.U8(3, status).U32(16, itt).Data(std::move(data)));
}

Pdu StubTarget::DataIn(uint32_t itt, uint32_t data_sn, uint32_t offset, std::string data,
                       uint32_t flags) {
  Pdu pdu(0x25, flags);
  pdu.U32(16, itt).U32(20, 0xffffffff).Data(std::move(data));
  pdu = Number(pdu, (flags & 0x01) != 0);
  if ((flags & 0x01) == 0) pdu.U32(24, 0);
  return pdu.U32(36, data_sn).U32(40, offset);
}

Pdu StubTarget::R2t(uint32_t itt, std::string_view lun, uint32_t ttt, uint32_t r2t_sn,
                    uint32_t offset, uint32_t length) {
  Pdu pdu(0x31);
  pdu.Bytes(8, lun).U32(16, itt).U32(20, ttt);
  return Number(pdu, false).U32(36, r2t_sn).U32(40, offset).U32(44, length);
}

std::vector<Pdu> StubTarget::ReadData(uint32_t itt, uint32_t expected, std::string data) {
  const uint32_t wanted = static_cast<uint32_t>(data.size());
  const uint32_t size = std::min(expected, wanted);
  const uint32_t most = std::max<uint32_t>(AgreedNumber("MaxRecvDataSegmentLength"), 512);
  const uint32_t burst = std::max<uint32_t>(AgreedNumber("MaxBurstLength"), 512);
  std::vector<Pdu> pdus;
  uint32_t data_sn = 0, in_burst = 0;
  for (uint32_t at = 0; at < size;) {
    const uint32_t part = std::min({size - at, most, burst - in_burst});
    const bool last = at + part == size;
    in_burst += part;
    const bool full = in_burst == burst;
    pdus.push_back(DataIn(itt, data_sn++, at, data.substr(at, part),
                          last   ? 0x81
                          : full ? 0x80
                                 : 0x00));
    if (full) in_burst = 0;
    at += part;
  }
  if (pdus.empty()) pdus.push_back(Response(itt, 0));
  Pdu& last = pdus.back();
  if (wanted < expected) last.U8(1, last.u8(1) | 0x02).U32(44, expected - wanted);
  if (wanted > expected) last.U8(1, last.u8(1) | 0x04).U32(44, wanted - expected);
  return pdus;
}

std::vector<Pdu> StubTarget::Command(const Pdu& request) {
  const std::string_view cdb = std::string_view(request.header).substr(32, 16);
  const auto operation = static_cast<uint8_t>(cdb[0]);
  const uint32_t expected = request.u32(20);
  const uint32_t itt = request.itt();
  uint64_t lba = Big(cdb, 2, 4);
  uint32_t blocks = Big(cdb, 7, 2);
  switch (operation) {
    case 0x00:
    case 0x1b:
    case 0x35:
      return {Response(itt, 0)};
    case 0x12: {
      std::string data(36, '\0');
      if ((cdb[1] & 1) != 0) {
        data = VitalProductData(cdb[2]);
        if (data.empty()) return {Response(itt, 2, Sense(0x05, 0x24))};
        return ReadData(itt, expected, data.substr(0, Big(cdb, 3, 2)));
      }
      data[2] = 6;
      data[3] = 2;
      data[4] = 31;
      data.replace(8, 28, "HOSTILE DISK OF A BAD TARGET");
      return ReadData(itt, expected, data.substr(0, Big(cdb, 3, 2)));
    }
    case 0x1a:
      return ReadData(itt, expected, std::string("\x03\0\0\0", 4).substr(0, Big(cdb, 4, 1)));
    case 0x5a:
      return ReadData(itt, expected,
                      std::string("\0\x06\0\0\0\0\0\0", 8).substr(0, Big(cdb, 7, 2)));
    case 0x25:
      return ReadData(itt, expected,
                      BigBytes(StubDisk::kBlocks - 1, 4) + BigBytes(StubDisk::kBlock, 4));
    case 0x9e: {
      std::string data = BigBytes(StubDisk::kBlocks - 1, 8) + BigBytes(StubDisk::kBlock, 4) +
                         std::string(20, '\0');
      return ReadData(itt, expected, data.substr(0, Big(cdb, 10, 4)));
    }
    case 0xa0: {
      const std::string data = BigBytes(8, 4) + std::string(12, '\0');
      return ReadData(itt, expected, data.substr(0, Big(cdb, 6, 4)));
    }
    case 0x88:
    case 0x8a:
      lba = static_cast<uint64_t>(Big(cdb, 2, 4)) << 32 | Big(cdb, 6, 4);
      blocks = Big(cdb, 10, 4);
      break;
    case 0x28:
    case 0x2a:
      break;
    default:
      return {Response(itt, 2, Sense(0x05, 0x20))};
  }
  if (lba + blocks > StubDisk::kBlocks) return {Response(itt, 2, Sense(0x05, 0x21))};
  const bool write = operation == 0x2a || operation == 0x8a;
  if (!write) {
    return ReadData(itt, expected,
                    disk_->Read(lba * StubDisk::kBlock, size_t{blocks} * StubDisk::kBlock));
  }
  Write& task = writes_[itt];
  task = {};
  task.command = request;
  task.at = lba * StubDisk::kBlock;
  task.length = expected;
  task.data.assign(expected, '\0');
  task.data.replace(0, std::min<size_t>(request.data.size(), expected), request.data);
  task.data.resize(expected);
  task.received = static_cast<uint32_t>(std::min<size_t>(request.data.size(), expected));
  task.open = !request.final();
  return Continue(task);
}

std::vector<Pdu> StubTarget::Continue(Write& write) {
  if (write.open) return {};
  const uint32_t itt = write.command.itt();
  if (write.received >= write.length) {
    disk_->Write(write.at, write.data);
    writes_.erase(itt);
    return {Response(itt, 0)};
  }
  const uint32_t burst = std::max<uint32_t>(AgreedNumber("MaxBurstLength"), 512);
  const uint32_t length = std::min(write.length - write.received, burst);
  write.open = true;
  return {R2t(itt, std::string_view(write.command.header).substr(8, 8), next_ttt_++, write.r2ts++,
              write.received, length)};
}

std::vector<Pdu> StubTarget::Data(const Pdu& request) {
  const auto found = writes_.find(request.itt());
  if (found == writes_.end()) return {};
  Write& write = found->second;
  const uint32_t offset = request.u32(40);
  if (offset + request.data.size() <= write.length) {
    write.data.replace(offset, request.data.size(), request.data);
    write.received = offset + static_cast<uint32_t>(request.data.size());
  }
  if (!request.final()) return {};
  write.open = false;
  return Continue(write);
}

std::vector<Pdu> StubTarget::Handle(const Pdu& request) {
  if (!full_feature_) return {LoginResponse(request)};
  Receive(request);
  switch (request.opcode()) {
    case 0x00: {
      if (request.itt() == 0xffffffff) return {};
      Pdu pdu(0x20);
      pdu.U32(16, request.itt()).U32(20, 0xffffffff).Data(request.data);
      return {Number(pdu)};
    }
    case 0x01:
      return Command(request);
    case 0x02: {
      Pdu pdu(0x22);
      return {Number(pdu.U32(16, request.itt()))};
    }
    case 0x04: {
      // C: more of the text comes; F=0: more of the negotiation does. Either needs a tag.
      const bool more = (request.u8(1) & 0x40) != 0;
      Pdu pdu(0x24, request.final() && !more ? 0x80 : 0x00);
      text_ += request.data;
      pdu.U32(16, request.itt()).U32(20, pdu.final() ? 0xffffffff : 0x7eb7eb);
      if (more) return {Number(pdu)};
      const std::string asked = std::exchange(text_, {});
      std::string text;
      if (asked.find("SendTargets=") != std::string::npos) {
        text = Text({"TargetName=" + target_name, "TargetAddress=" + target_address + ",1"});
      } else {
        for (const auto& [key, value] : Pairs(asked)) {
          text += Text({key + "=" + (key.starts_with("X-") ? "NotUnderstood" : "Reject")});
        }
      }
      return {Number(pdu.Data(text))};
    }
    case 0x05:
      return Data(request);
    case 0x06: {
      Pdu pdu(0x26);
      closing_ = true;
      return {Number(pdu.U32(16, request.itt()))};
    }
    default: {
      Pdu pdu(0x3f);
      return {Number(pdu.U8(2, 0x05).U32(16, 0xffffffff).Data(request.header))};
    }
  }
}

}  // namespace isthmus::hostile
