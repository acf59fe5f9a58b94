// A scripted initiator for the tests of the target's engine, and an embedder that logs what it is
// told. Every number of the protocol stands here as the RFC's literal; nothing of protocol/wire,
// text or auth is used to build or read bytes.
//
//   TestTarget t;
//   t.Login();
//   t.Send(Command({.itt = 1, .cmd_sn = 5, .flags = 0xc0, .length = 512, .cdb = ...}));
//   Pdu answer = t.Take();                     // the next PDU that the target sent
//   EXPECT_EQ(answer.U8(0), 0x25);
#ifndef ISTHMUS_TARGET_TEST_PEER_H_
#define ISTHMUS_TARGET_TEST_PEER_H_

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "digest/select.h"
#include "target/connection.h"
#include "target/session.h"

namespace isthmus::target {

// CRC32C, bit by bit, from its definition (RFC 7143 section 13.1).
inline std::string Crc(std::string_view bytes) {
  uint32_t crc = 0xffffffff;
  for (char c : bytes) {
    crc ^= static_cast<uint8_t>(c);
    for (int i = 0; i < 8; ++i) crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
  }
  crc = ~crc;
  std::string out;
  for (int i = 0; i < 4; ++i) out.push_back(static_cast<char>(crc >> (8 * i)));
  return out;
}

struct Pdu {
  std::string header = std::string(48, '\0');
  std::string ahs;
  std::string data;
  bool bad_header_digest = false, bad_data_digest = false;

  uint8_t U8(size_t at) const { return static_cast<uint8_t>(header[at]); }
  uint32_t U16(size_t at) const { return U8(at) << 8 | U8(at + 1); }
  uint32_t U24(size_t at) const { return U16(at) << 8 | U8(at + 2); }
  uint32_t U32(size_t at) const { return U16(at) << 16 | U16(at + 2); }
  Pdu& P8(size_t at, uint32_t v) {
    header[at] = static_cast<char>(v);
    return *this;
  }
  Pdu& P16(size_t at, uint32_t v) { return P8(at, v >> 8).P8(at + 1, v); }
  Pdu& P24(size_t at, uint32_t v) { return P8(at, v >> 16).P16(at + 1, v); }
  Pdu& P32(size_t at, uint32_t v) { return P16(at, v >> 16).P16(at + 2, v); }
  Pdu& Lun(uint8_t lun) { return P8(9, lun); }
  Pdu& Data(std::string bytes) {
    data = std::move(bytes);
    return P24(5, static_cast<uint32_t>(data.size()));
  }
  Pdu& Ahs(std::string bytes) {
    ahs = std::move(bytes);
    return P8(4, static_cast<uint32_t>(ahs.size() / 4));
  }

  std::string Bytes(bool header_digest, bool data_digest) const {
    std::string out = header + ahs;
    if (header_digest) {
      std::string digest = Crc(out);
      if (bad_header_digest) digest[0] = static_cast<char>(digest[0] ^ 1);
      out += digest;
    }
    std::string segment = data;
    while (segment.size() % 4 != 0) segment.push_back('\0');
    out += segment;
    if (data_digest && !data.empty()) {
      std::string digest = Crc(segment);
      if (bad_data_digest) digest[3] = static_cast<char>(digest[3] ^ 0x80);
      out += digest;
    }
    return out;
  }
};

// "key=value" pairs, a null after each.
inline std::string Text(std::initializer_list<std::string_view> pairs) {
  std::string out;
  for (std::string_view pair : pairs) out.append(pair).push_back('\0');
  return out;
}

struct LoginFields {
  uint8_t flags = 0x87;  // T, CSG 1, NSG 3
  uint32_t itt = 0x11;
  uint32_t cmd_sn = 100;
  uint16_t tsih = 0, cid = 7;
};
inline Pdu LoginRequest(const LoginFields& f, std::string text) {
  Pdu p;
  p.P8(0, 0x43).P8(1, f.flags);
  p.P32(8, 0x80123456).P16(12, 1).P16(14, f.tsih).P32(16, f.itt).P16(20, f.cid).P32(24, f.cmd_sn);
  p.Data(std::move(text));
  return p;
}

inline const char kInitiator[] = "InitiatorName=iqn.2026-01.example:host";
inline const char kTarget[] = "TargetName=iqn.2026-01.example:disk";

struct CommandFields {
  uint32_t itt = 1, cmd_sn = 100;
  uint8_t flags = 0x80;  // F 0x80, R 0x40, W 0x20, ATTR
  uint32_t length = 0;
  uint8_t lun = 0;
  bool immediate = false;
  uint32_t offers = 0;  // what the test disk has to give, or takes: bytes 2..5 of the CDB
  uint8_t operation = 0x28;
};
inline Pdu Command(const CommandFields& f, std::string data = "") {
  Pdu p;
  p.P8(0, f.immediate ? 0x41 : 0x01).P8(1, f.flags).Lun(f.lun).P32(16, f.itt).P32(20, f.length);
  p.P32(24, f.cmd_sn).P8(32, f.operation).P32(34, f.offers).Data(std::move(data));
  return p;
}
struct DataOutFields {
  uint32_t itt = 1, ttt = 0xffffffff, data_sn = 0, offset = 0;
  bool final = true;
  uint8_t lun = 0;
};
inline Pdu DataOut(const DataOutFields& f, std::string data) {
  Pdu p;
  p.P8(0, 0x05).P8(1, f.final ? 0x80 : 0).Lun(f.lun).P32(16, f.itt).P32(20, f.ttt);
  p.P32(36, f.data_sn).P32(40, f.offset).Data(std::move(data));
  return p;
}
struct FunctionFields {
  uint8_t function = 1;
  uint32_t itt = 0x70, cmd_sn = 100, ref_itt = 0xffffffff, ref_cmd_sn = 0;
  uint8_t lun = 0;
  bool immediate = true;
};
inline Pdu Function(const FunctionFields& f) {
  Pdu p;
  p.P8(0, f.immediate ? 0x42 : 0x02).P8(1, 0x80 | f.function).Lun(f.lun).P32(16, f.itt);
  p.P32(20, f.ref_itt).P32(24, f.cmd_sn).P32(32, f.ref_cmd_sn);
  return p;
}
inline Pdu Ping(uint32_t itt, uint32_t ttt, uint32_t cmd_sn, std::string data,
                bool immediate = true) {
  Pdu p;
  p.P8(0, immediate ? 0x40 : 0x00).P8(1, 0x80).P32(16, itt).P32(20, ttt).P32(24, cmd_sn);
  p.Data(std::move(data));
  return p;
}
inline Pdu Logout(uint8_t reason, uint16_t cid, uint32_t cmd_sn, bool immediate = true) {
  Pdu p;
  p.P8(0, immediate ? 0x46 : 0x06).P8(1, 0x80 | reason).P32(16, 0x99).P16(20, cid).P32(24, cmd_sn);
  return p;
}
inline Pdu TextRequest(uint8_t flags, uint32_t itt, uint32_t ttt, uint32_t cmd_sn, std::string text,
                       bool immediate = true) {
  Pdu p;
  p.P8(0, immediate ? 0x44 : 0x04).P8(1, flags).P32(16, itt).P32(20, ttt).P32(24, cmd_sn);
  p.Data(std::move(text));
  return p;
}

inline std::string Pattern(size_t size, size_t from = 0) {
  std::string out(size, '\0');
  for (size_t i = 0; i < size; ++i) out[i] = static_cast<char>((from + i) * 7 + ((from + i) >> 8));
  return out;
}

// An embedder around the engine. A read command gives `offers` bytes of Pattern(); a write takes
// `offers` bytes.
class TestTarget {
 public:
  TestTarget() {
    connection_options.kernel = &digest::SelectKernel();
    for (size_t i = 0; i < connection_options.entropy.size(); ++i) {
      connection_options.entropy[i] = static_cast<std::byte>(i * 3 + 1);
    }
    lookup.offer.TargetPortalGroupTag = 1;
    claim.tsih = 0x0abc;
  }

  ConnectionOptions connection_options;
  SessionOptions session_options;
  LookupAnswer lookup;
  ClaimAnswer claim;
  bool answer_lookup = true, answer_claim = true, answer_commands = true, release_aborted = true;
  bool accept_begin = true;
  size_t chunk = SIZE_MAX;   // bytes a segment
  size_t window = SIZE_MAX;  // bytes a window of AcceptData
  Instant now = {1'000'000'000};

  std::vector<std::string> log;
  std::map<uint32_t, std::string> written;  // by slot
  std::vector<Event> events;
  std::optional<Connection> connection;
  std::optional<Session> session;
  ConnectionId id;
  bool header_digest = false, data_digest = false;
  std::optional<Event> disconnect;
  bool ended = false;

  void Start() { connection.emplace(Connection::OnHeap(connection_options)); }

  void Send(const Pdu& pdu) { SendBytes(pdu.Bytes(header_digest, data_digest)); }
  void SendBytes(std::string_view bytes) {
    if (!connection && !session) Start();
    while (!bytes.empty()) {
      const size_t size = std::min(chunk, bytes.size());
      chunks_.push_back(std::string(bytes.substr(0, size)));
      bytes.remove_prefix(size);
    }
    Run();
  }

  // Feeds, drains, sends, until nothing moves.
  void Run() {
    for (bool moved = true; moved;) {
      moved = Drain();
      if (next_chunk_ < chunks_.size()) {
        const std::string& c = chunks_[next_chunk_];
        RxSegment segment;
        segment.stream_offset = stream_offset_;
        segment.bytes = {reinterpret_cast<const std::byte*>(c.data()), c.size()};
        const bool taken =
            session ? session->Receive(id, segment, now) : connection->Receive(segment, now);
        if (taken) {
          stream_offset_ += c.size();
          ++next_chunk_;
          moved = true;
        }
      }
      moved = Drain() || moved;
      moved = Transmit() || moved;
    }
  }

  bool Drain() {
    bool any = false;
    Event event;
    while (session ? session->Next(&event) : connection->Next(&event)) {
      any = true;
      Handle(event);
    }
    return any;
  }

  bool Transmit() {
    if (!transmit) return false;
    bool any = false;
    while (true) {
      std::array<TxSlice, 16> slices;
      const size_t n =
          session ? session->PollTransmit(id, slices, now) : connection->PollTransmit(slices, now);
      size_t bytes = 0;
      for (size_t i = 0; i < n; ++i) {
        out_.append(reinterpret_cast<const char*>(slices[i].data), slices[i].size);
        bytes += slices[i].size;
      }
      if (bytes == 0) return any;
      any = true;
      sent_ += bytes;
      if (session) {
        session->OnSent(id, bytes);
        session->OnTransportDone(id, sent_);
      } else {
        connection->OnSent(bytes);
        connection->OnTransportDone(sent_);
      }
    }
  }
  bool transmit = true;

  void Close() {
    session->OnTransportClosed(id, Error::Ok());
    Drain();
  }

  // The next PDU that the target sent; its digests are checked.
  Pdu Take() {
    Pdu p;
    if (out_.size() < 48) {
      ADD_FAILURE() << "the target has sent nothing more";
      return p;
    }
    p.header = out_.substr(0, 48);
    size_t at = 48;
    p.ahs = out_.substr(at, size_t{p.U8(4)} * 4);
    at += p.ahs.size();
    if (header_digest && full_feature_) {
      EXPECT_EQ(out_.substr(at, 4), Crc(p.header + p.ahs)) << "header digest";
      at += 4;
    }
    const size_t size = p.U24(5);
    const size_t padded = (size + 3) / 4 * 4;
    EXPECT_LE(at + padded, out_.size());
    p.data = out_.substr(at, size);
    if (data_digest && full_feature_ && size > 0) {
      EXPECT_EQ(out_.substr(at + padded, 4), Crc(out_.substr(at, padded))) << "data digest";
      at += 4;
    }
    at += padded;
    out_.erase(0, at);
    if (p.U8(0) == 0x23 && (p.U8(1) & 0x83) == 0x83) full_feature_ = true;
    return p;
  }
  bool HasOutput() const { return !out_.empty(); }
  const std::string& raw_output() const { return out_; }
  uint64_t received() const { return stream_offset_; }
  uint64_t sent() const { return sent_; }

  // A login of one request with the given further pairs; the response is taken.
  Pdu Login(std::initializer_list<std::string_view> pairs = {}) {
    std::string text = Text({kInitiator, kTarget});
    bool header = false, data = false;
    for (std::string_view pair : pairs) {
      text.append(pair).push_back('\0');
      header = header || pair == "HeaderDigest=CRC32C";
      data = data || pair == "DataDigest=CRC32C";
    }
    Send(LoginRequest({}, text));
    const Pdu response = Take();
    EXPECT_EQ(response.U8(0), 0x23);
    EXPECT_EQ(response.U16(36), 0u) << "status";
    EXPECT_EQ(response.U8(1), 0x87);
    EXPECT_TRUE(session.has_value());
    header_digest = header;
    data_digest = data;
    log.clear();
    events.clear();
    return response;
  }

  std::string Log() const {
    std::string all;
    for (const std::string& line : log) all += line + "\n";
    return all;
  }

  std::function<bool(const Event&)> hook;  // true: handled

 private:
  void Handle(const Event& event) {
    events.push_back(event);
    log.push_back(Describe(event));
    if (hook && hook(event)) return;
    switch (event.kind) {
      case EventKind::kLookup:
        if (answer_lookup) {
          EXPECT_TRUE(connection->AnswerLookup(lookup).ok());
        }
        break;
      case EventKind::kClaim:
        if (answer_claim) {
          EXPECT_TRUE(connection->AnswerClaim(claim).ok());
        }
        break;
      case EventKind::kLoginDone:
        session.emplace(Session::OnHeap(session_options));
        EXPECT_TRUE(session->Attach(std::move(*connection), &id).ok());
        connection.reset();
        break;
      case EventKind::kBegin:
        if (accept_begin) Accept(event);
        break;
      case EventKind::kCommand:
        if (answer_commands) Answer(event);
        break;
      case EventKind::kDataReceived:
        if (answer_commands) Received(event);
        break;
      case EventKind::kTaskAborted:
        if (release_aborted) {
          EXPECT_TRUE(session->Release(event.task).ok());
        }
        break;
      case EventKind::kTaskManagement:
        EXPECT_TRUE(session->AnswerTaskManagement(event.request, {}).ok());
        break;
      case EventKind::kDisconnect:
        disconnect = event;
        break;
      case EventKind::kSessionEnded:
        ended = true;
        break;
      default:
        break;
    }
  }

 public:
  struct Job {
    std::string buffer;
    uint32_t length = 0;
    uint32_t offset = 0;
    uint32_t asked = 0;
    bool accepted = false;
  };
  std::map<uint32_t, Job> jobs;
  std::vector<std::string> sources;

  void Accept(const Event& event) {
    Job& job = jobs[event.task.slot];
    job = Job();
    job.length = event.expected_data_transfer_length;
    job.buffer.assign(job.length, '?');
    job.accepted = true;
    Lend(event.task, job, event.kind == EventKind::kBegin ? event.length : 0);
  }
  void Lend(TaskId task, Job& job, size_t least) {
    const size_t size = std::min<size_t>(std::max(window, least), job.length - job.offset);
    const Error error = session->AcceptData(
        task, job.offset, {reinterpret_cast<std::byte*>(job.buffer.data()) + job.offset, size});
    EXPECT_TRUE(error.ok()) << Name(error.code);
  }
  void Answer(const Event& event) {
    uint32_t offers = 0;
    for (int i = 2; i < 6; ++i) offers = offers << 8 | static_cast<uint8_t>(event.cdb[i]);
    Job& job = jobs[event.task.slot];
    if (event.write && event.expected_data_transfer_length > 0) {
      if (!job.accepted) Accept(event);
      job.asked = offers;
      return;
    }
    Completion completion;
    if (offers > 0) {
      sources.push_back(Pattern(offers));
      EXPECT_TRUE(session->SendData(event.task, 0, AsBytesOf(sources.back()), {}).ok());
    }
    EXPECT_TRUE(session->Complete(event.task, completion).ok());
    job = Job();
  }
  void Received(const Event& event) {
    Job& job = jobs[event.task.slot];
    job.offset += event.length;
    if (job.offset < job.length) return Lend(event.task, job, 0);
    written[event.task.slot] = job.buffer;
    last_written = job.buffer;
    Completion completion;
    if (job.asked > 0) completion.transfer_length = job.asked;
    EXPECT_TRUE(session->Complete(event.task, completion).ok());
    job = Job();
  }
  std::string last_written;

  static std::span<const std::byte> AsBytesOf(const std::string& s) {
    return {reinterpret_cast<const std::byte*>(s.data()), s.size()};
  }

  static std::string Describe(const Event& event) {
    const auto task = " " + std::to_string(event.task.slot);
    const auto range = " " + std::to_string(event.offset) + "+" + std::to_string(event.length);
    switch (event.kind) {
      case EventKind::kLookup:
        return "lookup " + std::string(event.initiator_name);
      case EventKind::kClaim:
        return "claim";
      case EventKind::kLoginDone:
        return "login done";
      case EventKind::kBegin:
        return "begin" + task + range;
      case EventKind::kCommand:
        return "command" + task;
      case EventKind::kDataReceived:
        return "received" + task + range;
      case EventKind::kTaskAborted:
        return "aborted" + task;
      case EventKind::kTaskReleased:
        return "released" + task;
      case EventKind::kSourceReleased:
        return "source" + task + range;
      case EventKind::kTaskManagement:
        return "function " + std::to_string(event.function);
      case EventKind::kScopeAborted:
        return "scope " + std::to_string(event.cookie);
      case EventKind::kSendTargets:
        return "targets " + std::string(event.target_name);
      case EventKind::kTextReleased:
        return "text released";
      case EventKind::kLoggedOut:
        return "logged out";
      case EventKind::kReleaseRx:
        return "rx " + std::to_string(event.lease.id);
      case EventKind::kArmDigests:
        return "arm";
      case EventKind::kDisconnect:
        return std::string("disconnect ") + Name(event.error.code) + (event.flush ? " flush" : "");
      case EventKind::kSessionEnded:
        return "ended";
      case EventKind::kNone:
        return "none";
    }
    return "?";
  }

 private:
  std::deque<std::string> chunks_;
  size_t next_chunk_ = 0;
  uint64_t stream_offset_ = 0;
  uint64_t sent_ = 0;
  std::string out_;
  bool full_feature_ = false;
};

}  // namespace isthmus::target

#endif  // ISTHMUS_TARGET_TEST_PEER_H_
