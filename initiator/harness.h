// Drives an initiator's Connection and Session against a scripted target: bytes in by any chunking,
// events and PDUs out, in vectors. For tests.
//
//   Harness harness({.keys = "HeaderDigest=CRC32C\0"...});
//   harness.LogIn();
//   harness.session->Submit(command, &task);
//   std::vector<Pdu> sent = harness.Sent();
//   harness.Send(Pdu(0x21)...);
//   Event done = harness.Only(EventKind::kCompleted);
#ifndef ISTHMUS_INITIATOR_HARNESS_H_
#define ISTHMUS_INITIATOR_HARNESS_H_

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "digest/select.h"
#include "gtest/gtest.h"
#include "initiator/connection.h"
#include "initiator/event.h"
#include "initiator/scripted_target.h"
#include "initiator/session.h"
#include "protocol/connection/segment.h"
#include "protocol/time.h"

namespace isthmus::initiator::testing {

// How received bytes are handed in: 0: whole; n: pieces of n bytes; kInPlace: read into WantRx().
inline constexpr size_t kWhole = 0;
inline constexpr size_t kInPlace = ~size_t{0};

// An event with copies of what it points to.
struct Told : Event {
  std::vector<uint8_t> data_copy;
  std::vector<uint8_t> async_copy;
  std::string text_copy;

  explicit Told(const Event& event) : Event(event), text_copy(event.text) {
    for (std::byte b : event.data) data_copy.push_back(static_cast<uint8_t>(b));
    for (std::byte b : event.async_data) async_copy.push_back(static_cast<uint8_t>(b));
    data = {};
    async_data = {};
    text = {};
  }
};

inline ConnectionOptions DefaultConnectionOptions() {
  ConnectionOptions options;
  options.initiator_name = "iqn.2026-11.example.host:a";
  options.target_name = "iqn.2026-11.example.target:b";
  options.isid = {std::byte{0x80}, std::byte{1}, std::byte{2},
                  std::byte{3},    std::byte{4}, std::byte{5}};
  options.cmd_sn = 100;
  options.kernel = &digest::SelectKernel();
  return options;
}

class Harness {
 public:
  size_t chunk = kWhole;
  Instant now = {1'000'000'000};
  ConnectionOptions options = DefaultConnectionOptions();
  SessionOptions session_options;
  std::string keys;  // the target's answers in the operational stage, "\0"-separated
  std::optional<Connection> connection;
  std::optional<Session> session;
  ConnectionId id;
  std::vector<Told> events;
  PduParser parser;
  Digests digests;
  uint32_t stat_sn = 5000;
  uint32_t exp_cmd_sn = 100;
  uint32_t max_cmd_sn = 131;

  void Connect() {
    received_ = sent_ = 0;
    parser = PduParser();
    digests = {};
    connection.emplace(Connection::OnHeap(options));
  }

  // A whole login without authentication, then the session.
  void LogIn() {
    Connect();
    std::vector<Pdu> request = Sent();
    ASSERT_EQ(request.size(), 1u);
    Send(LoginResponse(0x81).Text(
        std::string_view("AuthMethod=None\0TargetPortalGroupTag=1\0", 39)));
    request = Sent();
    ASSERT_EQ(request.size(), 1u);
    Send(LoginResponse(0x87).U16(14, 77).Text(Answers(request[0])));
    ASSERT_FALSE(events.empty());
    ASSERT_EQ(events.back().kind, EventKind::kLoginDone) << Name(events.back().error.code);
    events.clear();
    const text::Parameters parameters = connection->parameters();
    digests.header = parameters.HeaderDigest == text::DigestAlgorithm::kCRC32C;
    digests.data = parameters.DataDigest == text::DigestAlgorithm::kCRC32C;
    parser.digests = digests;
    if (!session.has_value()) session.emplace(Session::OnHeap(session_options));
    ASSERT_TRUE(session->Attach(std::move(*connection), &id).ok());
    connection.reset();
    Drain();
    std::erase_if(events, [](const Told& e) { return e.kind == EventKind::kArmDigests; });
  }

  Pdu LoginResponse(uint8_t flags) {
    Pdu pdu(0x23, flags);
    for (size_t i = 0; i < 6; ++i) pdu.U8(8 + i, static_cast<uint8_t>(options.isid[i]));
    return Number(pdu);
  }
  // StatSN, ExpCmdSN, MaxCmdSN; the next StatSN.
  Pdu& Number(Pdu& pdu) { return pdu.U32(24, stat_sn++).U32(28, exp_cmd_sn).U32(32, max_cmd_sn); }
  // A PDU that does not advance StatSN.
  Pdu& Window(Pdu& pdu) { return pdu.U32(24, stat_sn).U32(28, exp_cmd_sn).U32(32, max_cmd_sn); }

  Pdu Response(uint32_t itt, uint8_t status = 0, uint8_t flags = 0x80) {
    Pdu pdu(0x21, flags);
    pdu.U8(3, status).U32(16, itt);
    return Number(pdu);
  }
  Pdu DataIn(uint32_t itt, uint32_t data_sn, uint32_t offset, std::vector<uint8_t> data,
             uint8_t flags) {
    Pdu pdu(0x25, flags);
    pdu.U32(16, itt).U32(20, 0xffffffff).Data(std::move(data));
    if (flags & 1) {
      Number(pdu);
    } else {
      Window(pdu).U32(24, 0);
    }
    return pdu.U32(36, data_sn).U32(40, offset);
  }
  Pdu R2t(uint32_t itt, uint32_t ttt, uint32_t r2t_sn, uint32_t offset, uint32_t length) {
    Pdu pdu(0x31);
    pdu.U32(16, itt).U32(20, ttt);
    return Window(pdu).U32(36, r2t_sn).U32(40, offset).U32(44, length);
  }
  Pdu TmfResponse(uint32_t itt, uint8_t response) {
    Pdu pdu(0x22);
    pdu.U8(2, response).U32(16, itt);
    return Number(pdu);
  }
  Pdu Reject(uint8_t reason, const Pdu& bad) {
    Pdu pdu(0x3f);
    pdu.U8(2, reason).U32(16, 0xffffffff);
    return Number(pdu).Data({bad.header.begin(), bad.header.end()});
  }
  Pdu Async(uint8_t event, uint32_t parameter1 = 0, uint32_t parameter2 = 0,
            uint32_t parameter3 = 0) {
    Pdu pdu(0x32);
    pdu.U32(16, 0xffffffff);
    return Number(pdu).U8(36, event).U16(38, parameter1).U16(40, parameter2).U16(42, parameter3);
  }
  Pdu NopIn(uint32_t itt, uint32_t ttt) {
    Pdu pdu(0x20);
    pdu.U32(16, itt).U32(20, ttt);
    return itt == 0xffffffff ? Window(pdu) : Number(pdu);
  }

  void Send(const Pdu& pdu) { SendBytes(pdu.Bytes(digests)); }

  void SendBytes(std::vector<uint8_t> given) {
    const std::vector<uint8_t>& bytes = lent_.emplace_back(std::move(given));
    size_t at = 0;
    while (at < bytes.size()) {
      const auto* from = reinterpret_cast<const std::byte*>(bytes.data()) + at;
      size_t size = bytes.size() - at;
      RxSegment segment;
      if (chunk == kInPlace) {
        std::array<RxWant, 4> wants;
        if (Wants(wants) > 0 && !wants[0].sink.empty()) {
          size = std::min(size, wants[0].sink.size());
          std::memcpy(wants[0].sink.data(), from, size);
          from = wants[0].sink.data();
        }
      } else if (chunk != kWhole) {
        size = std::min(size, chunk);
      }
      segment.stream_offset = received_;
      segment.bytes = {from, size};
      const bool taken =
          session_drives() ? session->Receive(id, segment, now) : connection->Receive(segment, now);
      if (!taken) return;
      received_ += size;
      at += size;
      Drain();
      Flush();
      Drain();
    }
  }

  // Tells events until there are none.
  void Drain() {
    Event event;
    while (session_drives() ? session->Next(&event) : connection->Next(&event)) {
      events.emplace_back(event);
    }
  }

  // Takes everything that the engine wants to send, as a copying transport does.
  void Flush() {
    while (true) {
      std::array<TxSlice, 7> slices;
      const size_t count = session_drives() ? session->PollTransmit(id, slices, now)
                                            : connection->PollTransmit(slices, now);
      if (count == 0) return;
      size_t size = 0;
      for (size_t i = 0; i < count; ++i) {
        parser.Add(reinterpret_cast<const uint8_t*>(slices[i].data), slices[i].size);
        size += slices[i].size;
      }
      sent_ += size;
      if (session_drives()) {
        session->OnSent(id, size);
        if (transport_done) session->OnTransportDone(id, sent_);
      } else {
        connection->OnSent(size);
        connection->OnTransportDone(sent_);
      }
    }
  }

  std::vector<Pdu> Sent() {
    Drain();
    Flush();
    Drain();
    std::vector<Pdu> pdus;
    while (std::optional<Pdu> pdu = parser.Next()) pdus.push_back(*pdu);
    EXPECT_FALSE(parser.broken);
    return pdus;
  }
  Pdu OneSent() {
    std::vector<Pdu> pdus = Sent();
    EXPECT_EQ(pdus.size(), 1u);
    return pdus.empty() ? Pdu() : pdus[0];
  }

  void Close() {
    if (session_drives()) {
      session->OnTransportClosed(id, Error::Ok());
    } else {
      connection->OnTransportClosed(Error::Ok());
    }
    Drain();
  }

  void Advance(int64_t ms) {
    now = now + Milliseconds(ms);
    if (session_drives()) {
      session->HandleTimeout(now);
    } else {
      connection->HandleTimeout(now);
    }
    Drain();
    Flush();
    Drain();
  }

  // The events so far, then none.
  std::vector<Told> Events() {
    Drain();
    return std::exchange(events, {});
  }
  Told Only(EventKind kind) {
    std::vector<Told> all = Events();
    EXPECT_EQ(all.size(), 1u);
    if (all.size() != 1) return Told(Event());
    EXPECT_EQ(static_cast<int>(all[0].kind), static_cast<int>(kind));
    return all[0];
  }

  bool transport_done = true;  // false: a transport that still reads what it took

  void TransportDone() {
    session->OnTransportDone(id, sent_);
    Drain();
  }

 private:
  bool session_drives() const { return session.has_value() && !connection.has_value(); }
  size_t Wants(std::span<RxWant> wants) {
    return session_drives() ? session->WantRx(id, wants) : connection->WantRx(wants);
  }

  // The answers to those keys that were offered.
  std::string Answers(const Pdu& request) const {
    const std::string offered = '\0' + request.text();
    std::string text;
    for (size_t at = 0; at < keys.size();) {
      const std::string pair = keys.c_str() + at;
      at += pair.size() + 1;
      const std::string key = '\0' + pair.substr(0, pair.find('=') + 1);
      if (offered.find(key) != std::string::npos) text += pair + '\0';
    }
    return text;
  }

  std::deque<std::vector<uint8_t>> lent_;  // received bytes stay in place while the engine may look
  uint64_t received_ = 0;
  uint64_t sent_ = 0;
};

inline std::vector<uint8_t> Pattern(size_t size, uint32_t seed = 1) {
  std::vector<uint8_t> bytes(size);
  for (uint8_t& byte : bytes) {
    seed = seed * 1664525 + 1013904223;
    byte = static_cast<uint8_t>(seed >> 24);
  }
  return bytes;
}

inline std::span<const std::byte> AsBytes(const std::vector<uint8_t>& bytes) {
  return {reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()};
}
inline std::span<std::byte> AsWritableBytes(std::vector<uint8_t>& bytes) {
  return {reinterpret_cast<std::byte*>(bytes.data()), bytes.size()};
}

}  // namespace isthmus::initiator::testing

#endif  // ISTHMUS_INITIATOR_HARNESS_H_
