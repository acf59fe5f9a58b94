// A digest device through isthmus.h alone: what it says of received PDUs, what it inserts into sent ones, tags, sizes. The two
// sides are those of pair.c; here the wire between them is a device's. Numbers of the protocol stand here as the RFC has them.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <vector>

#include "capi/isthmus.h"
#include "capi/pair.h"
#include "gtest/gtest.h"

namespace {

constexpr const char* kBothDigests[] = {"HeaderDigest", "CRC32C", "DataDigest", "CRC32C", nullptr};
constexpr uint32_t kEpoch = 3;

struct Destroy {
  void operator()(pair* p) const { pair_destroy(p); }
};

// A PDU on the wire, digests filled in.
struct Pdu {
  bool to_target;
  uint64_t stream_offset;
  uint32_t segment_bytes;  // the device was to cut it
  std::vector<uint8_t> bytes;
  uint8_t opcode() const { return bytes[0] & 0x3f; }
  size_t data_size() const { return size_t{bytes[5]} << 16 | size_t{bytes[6]} << 8 | bytes[7]; }
};

isthmus_evidence Says(uint8_t verdict, uint32_t ticket = 0) {
  isthmus_evidence evidence = {};
  evidence.verdict = verdict;
  evidence.epoch = kEpoch;
  evidence.ticket = ticket;
  return evidence;
}

class DeviceTest : public testing::Test {
 protected:
  DeviceTest() {
    isthmus_offload_init(&offload_, sizeof offload_);
    offload_.epoch = kEpoch;
    out_.resize(64 * PAIR_BLOCK);
    in_.resize(out_.size());
    for (size_t i = 0; i < out_.size(); ++i) out_[i] = static_cast<uint8_t>(i * 31 >> 3);
  }

  void LogIn(const char* const* keys = kBothDigests) {
    options_.keys = keys;
    options_.unasked = true;
    options_.offload = &offload_;
    pair_.reset(pair_create(&options_));
    ASSERT_NE(pair_, nullptr);
    ASSERT_TRUE(pair_login(pair_.get()));
    ASSERT_EQ(pair_->target_errors, 0);
  }

  size_t Poll(bool to_target, isthmus_tx_slice* slices, size_t count) {
    return to_target ? isthmus_initiator_session_poll_transmit(
                           pair_->initiator, pair_->initiator_id, slices, count, 0)
                     : isthmus_target_session_poll_transmit(pair_->target, pair_->target_id, slices,
                                                            count, 0);
  }

  // Takes whole PDUs that one side wants to send, fills in what it leaves to the device, and tells it that they have left.
  bool Take(bool to_target) {
    std::array<isthmus_tx_slice, 64> slices;
    const size_t count = Poll(to_target, slices.data(), slices.size());
    uint64_t& offset = to_target ? pair_->to_target : pair_->to_initiator;
    size_t sent = 0;
    std::vector<uint8_t> pdu;
    uint32_t segment_bytes = 0;
    size_t covered = 0;  // of the PDU, by digests so far
    for (size_t i = 0; i < count; ++i) {
      const isthmus_tx_slice& slice = slices[i];
      const auto* const at = static_cast<const uint8_t*>(slice.data);
      if ((slice.flags & ISTHMUS_PDU_START) != 0) {
        pdu.clear();
        covered = 0;
        segment_bytes = slice.segment_bytes;
        EXPECT_EQ((slice.flags & ISTHMUS_DEVICE_SEGMENTS) != 0, segment_bytes != 0);
      }
      pdu.insert(pdu.end(), at, at + slice.size);
      if ((slice.flags & (ISTHMUS_DEVICE_INSERTS | ISTHMUS_FILL_DIGEST)) != 0) {
        EXPECT_EQ(slice.size, 4u);
        uint8_t* const digest = pdu.data() + pdu.size() - 4;
        isthmus_crc32c_store(isthmus_crc32c(pdu.data() + covered, pdu.size() - 4 - covered),
                             digest);
        covered = pdu.size();
        ++inserted_;
      }
      if ((slice.flags & ISTHMUS_PDU_END) == 0) continue;
      wire_.push_back({to_target, offset + sent, segment_bytes, pdu});
      sent += pdu.size();
    }
    if (sent == 0) return false;
    offset += sent;
    if (to_target) {
      isthmus_initiator_session_on_sent(pair_->initiator, pair_->initiator_id, sent);
      isthmus_initiator_session_on_transport_done(pair_->initiator, pair_->initiator_id, offset);
    } else {
      isthmus_target_session_on_sent(pair_->target, pair_->target_id, sent);
      isthmus_target_session_on_transport_done(pair_->target, pair_->target_id, offset);
    }
    return true;
  }

  size_t Receive(const Pdu& pdu, size_t from, const std::vector<isthmus_verdict_span>& spans) {
    isthmus_rx_segment segment;
    isthmus_rx_segment_init(&segment, sizeof segment);
    segment.stream_offset = pdu.stream_offset + from;
    segment.data = pdu.bytes.data() + from;
    segment.data_size = pdu.bytes.size() - from;
    return pdu.to_target
               ? isthmus_target_session_receive_spans(pair_->target, pair_->target_id, &segment,
                                                      spans.data(), spans.size(), 0)
               : isthmus_initiator_session_receive_spans(pair_->initiator, pair_->initiator_id,
                                                         &segment, spans.data(), spans.size(), 0);
  }

  // Hands a PDU up; the spans say of each byte what `says_` does.
  void Give(const Pdu& pdu) {
    std::vector<isthmus_verdict_span> spans;
    const size_t step = span_bytes_ == 0 ? pdu.bytes.size() : span_bytes_;
    for (size_t at = 0; at < pdu.bytes.size(); at += step) {
      spans.push_back({step, pdu.stream_offset, says_, says_});
    }
    for (size_t done = 0; done < pdu.bytes.size();) {
      const size_t taken = Receive(pdu, done, spans);
      while (pair_drain(pair_.get())) {
      }
      ASSERT_GT(taken, 0u);
      if (done + taken < pdu.bytes.size()) ++taken_in_part_;
      done += taken;
      // Whole spans are taken.
      spans.erase(spans.begin(),
                  spans.begin() + static_cast<std::ptrdiff_t>((taken + step - 1) / step));
    }
  }

  // Lets PDUs cross until none is left; `harm` may change one, or (false) keep it back.
  void Run(const std::function<bool(Pdu&)>& harm = [](Pdu&) { return true; }) {
    bool moved = true;
    while (moved) {
      moved = pair_drain(pair_.get());
      moved |= Take(true);
      moved |= Take(false);
      for (std::vector<Pdu> now = std::move(wire_); Pdu & pdu : now) {
        if (harm(pdu)) Give(pdu);
        seen_.push_back(std::move(pdu));
      }
      wire_.clear();
    }
  }

  void Write(uint64_t cookie) {
    ASSERT_EQ(pair_submit_write(pair_.get(), 0, out_.data(), 64, cookie, nullptr), 0);
  }
  void Read(uint64_t cookie) {
    ASSERT_EQ(pair_submit_read(pair_.get(), 0, in_.data(), 64, cookie, nullptr), 0);
  }
  bool IsGood(uint64_t cookie) {
    const isthmus_initiator_event* const event = pair_completed(pair_.get(), cookie);
    return event != nullptr && event->outcome == ISTHMUS_OUTCOME_ANSWERED && event->status == 0;
  }
  isthmus_counters OfTarget() {
    isthmus_counters counters;
    EXPECT_EQ(isthmus_target_session_counters(pair_->target, pair_->target_id, &counters,
                                              sizeof counters),
              0);
    return counters;
  }
  isthmus_counters OfInitiator() {
    isthmus_counters counters;
    EXPECT_EQ(isthmus_initiator_session_counters(pair_->initiator, &counters, sizeof counters), 0);
    return counters;
  }

  pair_options options_ = {};
  isthmus_offload offload_;
  isthmus_evidence says_ = Says(ISTHMUS_GOOD);
  size_t span_bytes_ = 0;  // 0: a span a PDU
  std::unique_ptr<pair, Destroy> pair_;
  std::vector<uint8_t> out_, in_;
  std::vector<Pdu> wire_, seen_;
  size_t inserted_ = 0, taken_in_part_ = 0;
};

// ---- What it says of received PDUs.

TEST_F(DeviceTest, GoodIsTakenAndWhatItInsertedIsRight) {
  offload_.inserts_header_digest = offload_.inserts_data_digest = true;
  LogIn();
  Write(1);
  Run();
  Read(2);
  Run();
  EXPECT_TRUE(IsGood(1));
  EXPECT_TRUE(IsGood(2));
  EXPECT_EQ(in_, out_);
  for (const isthmus_counters& c : {OfTarget(), OfInitiator()}) {
    EXPECT_GT(c.rx_data_digests_by_device, 0u);
    EXPECT_GT(c.rx_header_digests_by_device, 0u);
    EXPECT_EQ(c.rx_data_digests_by_software, 0u);
    EXPECT_EQ(c.rx_header_digests_by_software, 0u);
    EXPECT_GT(c.tx_data_digests_by_device, 0u);
    EXPECT_EQ(c.tx_data_digests_by_software, 0u);
    EXPECT_EQ(c.rx_data_digests_by_accelerator, 0u);
  }
  // What it inserted is what software computes.
  says_ = {};
  Read(3);
  Run();
  EXPECT_TRUE(IsGood(3));
  EXPECT_GT(OfInitiator().rx_data_digests_by_software, 0u);
  EXPECT_EQ(OfInitiator().rx_data_digest_errors, 0u);
  EXPECT_GT(inserted_, 0u);
}

TEST_F(DeviceTest, AFalseBadIsNotActedOn) {
  says_ = Says(ISTHMUS_BAD);
  LogIn();
  Write(1);
  Run();
  Read(2);
  Run();
  EXPECT_TRUE(IsGood(1));
  EXPECT_TRUE(IsGood(2));
  EXPECT_EQ(in_, out_);
  for (const isthmus_counters& c : {OfTarget(), OfInitiator()}) {
    EXPECT_GT(c.rx_device_bad_software_good, 0u);
    EXPECT_GT(c.rx_data_digests_by_software, 0u);
    EXPECT_EQ(c.rx_data_digest_errors, 0u);
    EXPECT_EQ(c.rx_data_digests_by_device, 0u);
  }
}

bool HarmDataIn(Pdu& pdu) {
  if (pdu.opcode() == 0x25 && pdu.data_size() > 100) pdu.bytes[60] ^= 1;  // SCSI Data-In
  return true;
}

TEST_F(DeviceTest, WhatIsWrongIsFoundWithoutIts) {
  for (const uint8_t verdict : {ISTHMUS_UNCHECKED, ISTHMUS_BAD}) {
    says_ = Says(verdict);
    LogIn();
    Read(1);
    Run(HarmDataIn);
    const isthmus_initiator_event* const event = pair_completed(pair_.get(), 1);
    ASSERT_NE(event, nullptr);
    EXPECT_EQ(event->outcome, ISTHMUS_OUTCOME_DIGEST_ERROR);
    EXPECT_GT(OfInitiator().rx_data_digest_errors, 0u);
  }
}

TEST_F(DeviceTest, AnAuditFindsALiar) {
  offload_.audit_one_in = 1;
  LogIn();
  Read(2);
  Run();
  EXPECT_EQ(OfInitiator().rx_device_good_software_bad, 0u);
  Read(1);
  Run(HarmDataIn);
  EXPECT_GT(OfInitiator().rx_device_good_software_bad, 0u);
  EXPECT_GT(OfInitiator().rx_audited_bytes, 0u);
  EXPECT_FALSE(IsGood(1));
}

TEST_F(DeviceTest, AnotherLifeIsNotBelieved) {
  LogIn();
  says_.epoch = kEpoch - 1;
  Read(1);
  Run();
  EXPECT_TRUE(IsGood(1));
  EXPECT_EQ(OfInitiator().rx_data_digests_by_device, 0u);
  EXPECT_GT(OfInitiator().rx_data_digests_by_software, 0u);
}

TEST_F(DeviceTest, AnAnswerThatComesLaterIsWaitedFor) {
  LogIn();
  for (const bool comes : {true, false}) {
    const isthmus_counters before = OfInitiator();
    const uint64_t cookie = comes ? 1 : 2;
    says_ = Says(ISTHMUS_GOOD);
    Read(cookie);
    std::vector<Pdu> data_in;
    Run([&](Pdu& pdu) {
      if (!pdu.to_target) data_in.push_back(pdu);
      return pdu.to_target;
    });
    ASSERT_FALSE(data_in.empty());
    for (const Pdu& pdu : data_in) {
      says_ = Says(ISTHMUS_PENDING, 77);
      says_.verdict = ISTHMUS_PENDING;
      std::vector<isthmus_verdict_span> spans = {
          {48 + 4, pdu.stream_offset, Says(ISTHMUS_GOOD), Says(ISTHMUS_GOOD)},
          {pdu.bytes.size(), pdu.stream_offset, Says(ISTHMUS_GOOD), says_}};
      ASSERT_EQ(Receive(pdu, 0, spans), pdu.bytes.size());
      while (pair_drain(pair_.get())) {
      }
      EXPECT_EQ(pair_completed(pair_.get(), cookie), nullptr);
      if (comes) {
        const isthmus_evidence good = Says(ISTHMUS_GOOD, 77);
        isthmus_initiator_session_resolve(pair_->initiator, pair_->initiator_id, 77, &good, &good);
      } else {
        isthmus_initiator_session_abandon_pending(pair_->initiator, pair_->initiator_id);
      }
      while (pair_drain(pair_.get())) {
      }
    }
    Run();
    EXPECT_TRUE(IsGood(cookie));
    const isthmus_counters after = OfInitiator();
    EXPECT_EQ(after.rx_data_digests_by_accelerator - before.rx_data_digests_by_accelerator,
              comes ? data_in.size() : 0);
    EXPECT_EQ(after.rx_data_digests_by_software - before.rx_data_digests_by_software,
              comes ? 0 : data_in.size());
  }
}

TEST_F(DeviceTest, MoreSpansThanThereIsRoomForAreTakenInParts) {
  span_bytes_ = 100;
  LogIn();
  Read(1);
  Run();
  EXPECT_TRUE(IsGood(1));
  EXPECT_GT(taken_in_part_, 0u);
  EXPECT_EQ(OfInitiator().rx_data_digests_by_software, 0u);
  EXPECT_GT(OfInitiator().rx_data_digests_by_device, 0u);
}

TEST_F(DeviceTest, WherePdusStart) {
  LogIn();
  Read(1);
  Run();
  ASSERT_FALSE(seen_.empty());
  const Pdu& last =
      *std::find_if(seen_.rbegin(), seen_.rend(), [](const Pdu& pdu) { return !pdu.to_target; });
  const auto starts = [&](uint64_t offset) {
    return isthmus_initiator_session_pdu_starts_at(pair_->initiator, pair_->initiator_id, offset);
  };
  EXPECT_EQ(starts(last.stream_offset), unsigned{ISTHMUS_PDU_START_YES});
  EXPECT_EQ(starts(last.stream_offset + 1), unsigned{ISTHMUS_PDU_START_NO});
  EXPECT_EQ(starts(last.stream_offset + last.bytes.size() + 48),
            unsigned{ISTHMUS_PDU_START_NOT_YET});
  const isthmus_connection_id no_id = {9, 9};
  EXPECT_EQ(isthmus_initiator_session_pdu_starts_at(pair_->initiator, no_id, 0),
            unsigned{ISTHMUS_PDU_START_NO});
}

// ---- What it does with what leaves.

TEST_F(DeviceTest, AnAcceleratorFillsDigests) {
  offload_.fills_header_digest = offload_.fills_data_digest = true;
  says_ = {};
  LogIn();
  Write(1);
  Run();
  EXPECT_TRUE(IsGood(1));
  EXPECT_GT(inserted_, 0u);
  EXPECT_EQ(OfTarget().rx_data_digest_errors, 0u);
  EXPECT_GT(OfTarget().rx_data_digests_by_software, 0u);
}

TEST_F(DeviceTest, PdusStayAligned) {
  offload_.aligned_data_segment_length = 1024;
  LogIn();
  Read(1);
  Run();
  EXPECT_TRUE(IsGood(1));
  size_t count = 0;
  for (const Pdu& pdu : seen_) {
    if (pdu.opcode() != 0x25) continue;
    EXPECT_EQ(pdu.data_size(), 1024u);
    ++count;
  }
  EXPECT_EQ(count, out_.size() / 1024);
}

TEST_F(DeviceTest, ItCutsLongPdus) {
  offload_.inserts_header_digest = offload_.inserts_data_digest = true;
  offload_.segments_up_to = 32768;
  static constexpr const char* kKeys[] = {
      "HeaderDigest", "CRC32C", "DataDigest", "CRC32C", "MaxRecvDataSegmentLength",
      "8192",         nullptr};
  LogIn(kKeys);
  Read(1);
  std::vector<Pdu> data_in;
  Run([&](Pdu& pdu) {
    if (pdu.opcode() == 0x25) data_in.push_back(pdu);
    return pdu.to_target;
  });
  ASSERT_EQ(data_in.size(), 1u);
  EXPECT_EQ(data_in[0].data_size(), out_.size());
  EXPECT_EQ(data_in[0].segment_bytes, 8192u);
}

TEST_F(DeviceTest, WhenItGoesTheSameBytesAreThere) {
  offload_.inserts_header_digest = offload_.inserts_data_digest = true;
  LogIn();
  Read(1);
  // The command is kept back, so that what answers it is only shown.
  Run([](Pdu& pdu) { return pdu.to_target && pdu.opcode() != 0x01; });
  const auto command =
      std::find_if(seen_.begin(), seen_.end(), [](const Pdu& pdu) { return pdu.opcode() == 0x01; });
  ASSERT_NE(command, seen_.end());
  Give(*command);
  std::array<isthmus_tx_slice, 64> slices;
  size_t count = Poll(false, slices.data(), slices.size());
  ASSERT_GE(count, 4u);
  ASSERT_NE(slices[1].flags & ISTHMUS_DEVICE_INSERTS, 0u);
  // The data's digest goes in as the device says that it was, although it would now be another.
  const isthmus_inserted_digests known = {pair_->to_initiator, 0x12345678, 0x9abcdef0};
  ASSERT_EQ(isthmus_target_session_materialize(pair_->target, pair_->target_id, &known, 1), 0);
  EXPECT_EQ(OfTarget().tx_materialized, 1u);
  EXPECT_EQ(OfTarget().tx_lease_violations, 1u);
  count = Poll(false, slices.data(), slices.size());
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i < count; ++i) {
    EXPECT_EQ(slices[i].flags & ISTHMUS_DEVICE_INSERTS, 0u) << i;
    const auto* const at = static_cast<const uint8_t*>(slices[i].data);
    bytes.insert(bytes.end(), at, at + slices[i].size);
  }
  ASSERT_EQ(bytes.size(), 48 + 4 + in_.size() + 4);
  EXPECT_EQ(isthmus_crc32c_load(bytes.data() + 48), isthmus_crc32c(bytes.data(), 48));
  EXPECT_EQ(isthmus_crc32c_load(bytes.data() + bytes.size() - 4), 0x9abcdef0u);
}

TEST_F(DeviceTest, MixturesThatCannotBeAreRefused) {
  LogIn();
  const auto set = [&](const isthmus_offload& offload) {
    return isthmus_target_session_set_offload(pair_->target, pair_->target_id, &offload);
  };
  isthmus_offload offload;
  isthmus_offload_init(&offload, sizeof offload);
  EXPECT_EQ(set(offload), 0);
  offload.segments_up_to = 65536;
  EXPECT_EQ(set(offload), 1302);  // CallArgument
  offload.inserts_data_digest = true;
  EXPECT_EQ(set(offload), 0);
  offload.fills_header_digest = true;
  EXPECT_EQ(set(offload), 1302);
  offload.size = 7;
  EXPECT_EQ(set(offload), 1317);  // CallSize
  EXPECT_EQ(isthmus_target_session_set_offload(pair_->target, pair_->target_id, nullptr), 1302);
  isthmus_offload_init(&offload, sizeof offload);
  EXPECT_EQ(isthmus_target_session_set_offload(pair_->target, {9, 9}, &offload),
            1301);  // CallOutOfState
  EXPECT_EQ(isthmus_target_session_set_offload(nullptr, pair_->target_id, &offload), 1301);
  EXPECT_EQ(isthmus_target_session_receive_spans(nullptr, pair_->target_id, nullptr, nullptr, 0, 0),
            0u);
  EXPECT_EQ(isthmus_target_session_materialize(nullptr, pair_->target_id, nullptr, 1), 1302);
  isthmus_initiator_session_abandon_pending(nullptr, pair_->initiator_id);
}

// ---- Tags by which it finds buffers.

uint32_t Big32(const uint8_t* at) {
  return uint32_t{at[0]} << 24 | uint32_t{at[1]} << 16 | uint32_t{at[2]} << 8 | at[3];
}

TEST_F(DeviceTest, ItsTagsStandInIttAndTtt) {
  static constexpr const char* kKeys[] = {"HeaderDigest",  "CRC32C",     "DataDigest",
                                          "CRC32C",        "InitialR2T", "Yes",
                                          "ImmediateData", "No",         nullptr};
  options_.device_tag_bits = 5;
  options_.device_tag = 0x15;
  LogIn(kKeys);
  Write(1);
  Run();
  EXPECT_TRUE(IsGood(1));
  size_t commands = 0, r2ts = 0;
  for (const Pdu& pdu : seen_) {
    if (pdu.opcode() == 0x01) {  // SCSI Command: ITT in bytes 16 to 19
      EXPECT_EQ(Big32(pdu.bytes.data() + 16) >> 27, 0x15u);
      ++commands;
    } else if (pdu.opcode() == 0x31) {  // R2T: TTT in bytes 20 to 23
      EXPECT_EQ(Big32(pdu.bytes.data() + 20) >> 27, 0x15u);
      ++r2ts;
    }
  }
  EXPECT_EQ(commands, 1u);
  EXPECT_GT(r2ts, 0u);
  // A tag with more bits than there are.
  pair_->options.device_tag = 0x20;
  EXPECT_EQ(pair_submit_read(pair_.get(), 0, in_.data(), 1, 2, nullptr), 1302);
}

// ---- Sizes.

TEST(SizingTest, OnePduASegment) {
  isthmus_sizing sizing;
  isthmus_sizing_init(&sizing, sizeof sizing);
  EXPECT_EQ(isthmus_segment_bytes(&sizing), 1460u);  // 1500 - 20 - 20
  sizing.mtu = 9000;
  sizing.tcp_option_bytes = 12;
  EXPECT_EQ(isthmus_segment_bytes(&sizing), 8948u);
  EXPECT_EQ(isthmus_data_segment_length_to_declare(&sizing, 262144),
            262144u);  // the device does not mind
  sizing.header_digest = sizing.data_digest = sizing.needs_alignment = true;
  EXPECT_EQ(isthmus_data_segment_length_to_declare(&sizing, 262144), 8892u);  // 8948 - 48 - 4 - 4
  EXPECT_EQ(isthmus_data_segment_length_to_declare(&sizing, 4096), 4096u);
  EXPECT_EQ(isthmus_data_segment_length_to_send(&sizing, 262144), 8892u);
  sizing.ipv6 = true;
  EXPECT_EQ(isthmus_data_segment_length_to_send(&sizing, 262144), 8872u);
  sizing.segments_pdus = true;
  EXPECT_EQ(isthmus_data_segment_length_to_send(&sizing, 262144), 262144u);
  sizing.size = 4;
  EXPECT_EQ(isthmus_segment_bytes(&sizing), 0u);
}

// ---- Structs that have grown: those of the first header are taken as if the rest had its defaults.

TEST(GrownTest, StructsOfTheFirstHeader) {
  isthmus_initiator_limits limits;
  isthmus_initiator_limits_init(&limits, sizeof limits);
  isthmus_initiator_session_options options;
  isthmus_initiator_session_options_init(&options, sizeof options);
  options.limits = &limits;
  const size_t size = isthmus_initiator_session_size(&options);
  EXPECT_GT(size, 0u);
  limits.device_tag_bits = 13;  // cannot be, if it is read
  EXPECT_EQ(isthmus_initiator_session_size(&options), 0u);
  limits.size = offsetof(isthmus_initiator_limits, device_tag_bits);
  EXPECT_EQ(isthmus_initiator_session_size(&options), size);
  limits.size -= 4;
  EXPECT_EQ(isthmus_initiator_session_size(&options), 0u);
}

}  // namespace
