// What the C face promises of itself: errors by number, structs that grow, memory, digests, offers, text. The engines'
// own rules are tested where the engines are.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "capi/errors_header.h"
#include "capi/isthmus.h"
#include "gtest/gtest.h"

namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TEST(ErrorsTest, TheHeaderIsThatOfTheTable) {
  EXPECT_TRUE(ReadFile("capi/isthmus_errors.h") == isthmus::capi::ErrorsHeader())
      << "run: bazel run //capi:print_errors > capi/isthmus_errors.h";
}

TEST(ErrorsTest, NamesSectionsAndTexts) {
  EXPECT_STREQ(isthmus_error_name(0), "Ok");
  EXPECT_STREQ(isthmus_error_name(ISTHMUS_ERROR_DATA_DIGEST), "DataDigest");
  EXPECT_STREQ(isthmus_error_section(ISTHMUS_ERROR_CALL_NAME), "4.2.7.2");
  EXPECT_NE(std::string(isthmus_error_description(ISTHMUS_ERROR_CALL_SIZE)), "");
  for (int unknown : {-1, 7, 65535, 65537, 1 << 20}) {
    EXPECT_STREQ(isthmus_error_name(unknown), "Unknown") << unknown;
  }
}

TEST(VersionTest, IsThatOfTheHeader) { EXPECT_STREQ(isthmus_version(), "0.1.0"); }

// ---- Structs that grow.

// A struct of a later header: the same, and a member more.
template <class T>
struct Later {
  T now;
  uint64_t more;
};

TEST(SizeTest, ALaterStructIsTakenIfItsTailIsZero) {
  Later<isthmus_target_connection_options> options;
  isthmus_target_connection_options_init(&options.now, sizeof options);
  EXPECT_EQ(options.now.size, sizeof options);
  EXPECT_EQ(options.more, 0u);
  EXPECT_GT(isthmus_target_connection_size(&options.now), 0u);
  options.more = 1;
  EXPECT_EQ(isthmus_target_connection_size(&options.now), 0u);
  std::array<std::max_align_t, 4096> memory;
  isthmus_target_connection* connection = nullptr;
  EXPECT_EQ(isthmus_target_connection_init(memory.data(), sizeof memory, &options.now, &connection),
            1317);  // CallSize
  EXPECT_EQ(connection, nullptr);
}

TEST(SizeTest, WhatIsTooShortIsRefused) {
  isthmus_initiator_connection_options options;
  isthmus_initiator_connection_options_init(&options, sizeof options);
  options.size -= 1;
  EXPECT_EQ(isthmus_initiator_connection_check(&options), 1317);
  options.size = 0;
  EXPECT_EQ(isthmus_initiator_connection_check(&options), 1317);
}

TEST(SizeTest, LimitsInOptionsGrowOnTheirOwn) {
  Later<isthmus_target_limits> limits;
  isthmus_target_limits_init(&limits.now, sizeof limits);
  isthmus_target_session_options options;
  isthmus_target_session_options_init(&options, sizeof options);
  const size_t by_default = isthmus_target_session_size(&options);
  options.limits = &limits.now;
  EXPECT_EQ(isthmus_target_session_size(&options), by_default);
  limits.now.command_slots *= 2;
  EXPECT_GT(isthmus_target_session_size(&options), by_default);
  limits.more = 1;
  EXPECT_EQ(isthmus_target_session_size(&options), 0u);
}

// ---- Memory.

TEST(MemoryTest, TooSmallUnalignedOrNone) {
  isthmus_receiver_options options;
  isthmus_receiver_options_init(&options, sizeof options);
  const size_t size = isthmus_receiver_size(&options);
  std::vector<std::max_align_t> memory(size / sizeof(std::max_align_t) + 2);
  isthmus_receiver* receiver = nullptr;
  EXPECT_EQ(isthmus_receiver_init(memory.data(), size - 1, &options, &receiver), 1302);
  auto* const odd = reinterpret_cast<char*>(memory.data()) + 1;
  EXPECT_EQ(isthmus_receiver_init(odd, size, &options, &receiver), 1302);
  EXPECT_EQ(isthmus_receiver_init(nullptr, size, &options, &receiver), 1302);
  EXPECT_EQ(isthmus_receiver_init(memory.data(), size, nullptr, &receiver), 1302);
  EXPECT_EQ(isthmus_receiver_init(memory.data(), size, &options, nullptr), 1302);
  EXPECT_EQ(receiver, nullptr);
  ASSERT_EQ(isthmus_receiver_init(memory.data(), size, &options, &receiver), 0);
  EXPECT_EQ(static_cast<void*>(receiver), memory.data());
  isthmus_receiver_destroy(receiver);
}

// ---- Digests. RFC 7143 appendix A.4 has the vectors.

TEST(DigestTest, VectorsAndAlgebra) {
  std::vector<uint8_t> zeros(32), ones(32, 0xff), up(32);
  for (size_t i = 0; i < up.size(); ++i) up[i] = static_cast<uint8_t>(i);
  EXPECT_EQ(isthmus_crc32c(zeros.data(), 32), 0x8a9136aau);
  EXPECT_EQ(isthmus_crc32c(ones.data(), 32), 0x62a8ab43u);
  EXPECT_EQ(isthmus_crc32c(up.data(), 32), 0x46dd794eu);
  const uint32_t a = isthmus_crc32c(up.data(), 20), b = isthmus_crc32c(up.data() + 20, 12);
  EXPECT_EQ(isthmus_crc32c_extend(a, up.data() + 20, 12), 0x46dd794eu);
  EXPECT_EQ(isthmus_crc32c_extend_cold(a, up.data() + 20, 12), 0x46dd794eu);
  EXPECT_EQ(isthmus_crc32c_combine(a, b, 12), 0x46dd794eu);
  EXPECT_EQ(isthmus_crc32c_remove_prefix(0x46dd794e, a, 12), b);
  EXPECT_EQ(isthmus_crc32c_remove_suffix(0x46dd794e, b, 12), a);
  EXPECT_EQ(isthmus_crc32c_append_zeros(isthmus_crc32c(zeros.data(), 7), 25), 0x8a9136aau);
  std::vector<uint8_t> copy(32);
  EXPECT_EQ(isthmus_crc32c_copy(0, copy.data(), up.data(), 32), 0x46dd794eu);
  EXPECT_EQ(copy, up);
  uint8_t wire[4];
  isthmus_crc32c_store(0x8a9136aa, wire);
  EXPECT_EQ(std::string(reinterpret_cast<char*>(wire), 4), "\xaa\x36\x91\x8a");
  EXPECT_EQ(isthmus_crc32c_load(wire), 0x8a9136aau);
}

TEST(DigestTest, ManyPieces) {
  std::vector<uint8_t> bytes(1000);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 7);
  std::vector<isthmus_bytes> pieces;
  for (size_t at = 0, size = 1; at < bytes.size(); at += size, size = size % 19 + 1) {
    size = std::min(size, bytes.size() - at);
    pieces.push_back({bytes.data() + at, size});
  }
  ASSERT_GT(pieces.size(), 64u);
  EXPECT_EQ(isthmus_crc32c_extend_gather(0, pieces.data(), pieces.size()),
            isthmus_crc32c(bytes.data(), bytes.size()));
  std::vector<uint32_t> crcs(pieces.size());
  isthmus_crc32c_batch(pieces.data(), pieces.size(), crcs.data());
  for (size_t i = 0; i < pieces.size(); ++i) {
    EXPECT_EQ(crcs[i], isthmus_crc32c(pieces[i].data, pieces[i].size)) << i;
  }
}

// Bit by bit; counts its calls in the context.
uint32_t SlowExtend(void* context, uint32_t crc, const void* data, size_t size) {
  ++*static_cast<int*>(context);
  crc = ~crc;
  for (size_t i = 0; i < size; ++i) {
    crc ^= static_cast<const uint8_t*>(data)[i];
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0u);
  }
  return ~crc;
}

TEST(KernelTest, BringYourOwn) {
  static int calls[2];
  const isthmus_kernel* const before = isthmus_kernel_selected();
  isthmus_kernel_functions functions;
  isthmus_kernel_functions_init(&functions, sizeof functions);
  const isthmus_kernel* kernels[2] = {};
  EXPECT_EQ(isthmus_kernel_register(&functions, &kernels[0]), 1302);  // no `extend`
  functions.extend = SlowExtend;
  functions.name = "slow";
  for (int i : {0, 1}) {
    functions.context = &calls[i];
    ASSERT_EQ(isthmus_kernel_register(&functions, &kernels[i]), 0);
    EXPECT_STREQ(isthmus_kernel_name(kernels[i]), "slow");
  }
  const std::vector<uint8_t> zeros(32);
  ASSERT_EQ(isthmus_kernel_set(kernels[1]), 0);
  std::vector<uint8_t> copy(32, 1);
  const isthmus_bytes pieces[] = {{zeros.data(), 10}, {zeros.data(), 22}};
  uint32_t crcs[2];
  EXPECT_EQ(isthmus_crc32c(zeros.data(), 32), 0x8a9136aau);
  EXPECT_EQ(isthmus_crc32c_extend_cold(0, zeros.data(), 32), 0x8a9136aau);
  EXPECT_EQ(isthmus_crc32c_copy(0, copy.data(), zeros.data(), 32), 0x8a9136aau);
  EXPECT_EQ(isthmus_crc32c_extend_gather(0, pieces, 2), 0x8a9136aau);
  isthmus_crc32c_batch(pieces, 2, crcs);
  EXPECT_EQ(isthmus_crc32c_combine(crcs[0], crcs[1], 22), 0x8a9136aau);
  EXPECT_EQ(copy, zeros);
  EXPECT_EQ(calls[0], 0);
  EXPECT_GE(calls[1], 7);
  ASSERT_EQ(isthmus_kernel_set(before), 0);
  for (int more = 2; more < ISTHMUS_KERNEL_SLOTS; ++more) {
    EXPECT_EQ(isthmus_kernel_register(&functions, &kernels[0]), 0);
  }
  EXPECT_EQ(isthmus_kernel_register(&functions, &kernels[0]), 1305);
}

TEST(KernelTest, NamedForcedAndCapped) {
  const isthmus_kernel* const before = isthmus_kernel_selected();
  std::set<std::string> names;
  size_t count = 0;
  while (const isthmus_kernel* kernel = isthmus_kernel_offered(count)) {
    names.insert(isthmus_kernel_name(kernel));
    EXPECT_EQ(isthmus_kernel_by_name(isthmus_kernel_name(kernel)), kernel);
    ++count;
  }
  EXPECT_EQ(names.size(), count);
  EXPECT_TRUE(names.contains("portable"));
  ASSERT_EQ(isthmus_kernel_force("portable"), 0);
  EXPECT_STREQ(isthmus_kernel_name(isthmus_kernel_selected()), "portable");
  EXPECT_EQ(isthmus_kernel_force("abacus"), 1302);
  EXPECT_EQ(isthmus_kernel_cap("abacus"), 1302);
  EXPECT_EQ(isthmus_kernel_cap("portable"), 0);
  EXPECT_EQ(isthmus_kernel_by_name("abacus"), nullptr);
  ASSERT_EQ(isthmus_kernel_set(before), 0);
}

// ---- Offers.

class OfferTest : public testing::TestWithParam<int> {
 protected:
  OfferTest() : memory_(isthmus_offer_size() / sizeof(std::max_align_t) + 1) {
    const size_t size = memory_.size() * sizeof(std::max_align_t);
    EXPECT_EQ(isthmus_offer_init(memory_.data(), size, GetParam(), &offer_), 0);
  }
  std::string Get(const char* key) {
    char out[256];
    const size_t size = isthmus_offer_get(offer_, key, out, sizeof out);
    EXPECT_EQ(size, std::strlen(out));
    return out;
  }
  std::vector<std::max_align_t> memory_;
  isthmus_offer* offer_ = nullptr;
};

TEST_P(OfferTest, KeysByName) {
  const char* const key = "MaxBurstLength";
  EXPECT_EQ(isthmus_offer_set(offer_, key, "0x10000"), 0);
  EXPECT_EQ(Get(key), "65536");
  EXPECT_EQ(isthmus_offer_set(offer_, key, "511"), 1316);
  EXPECT_STREQ(isthmus_offer_problem(offer_), "out of range");
  EXPECT_EQ(Get(key), "65536");
  EXPECT_EQ(isthmus_offer_set(offer_, "HeaderDigest", "CRC32C"), 0);
  EXPECT_EQ(Get("HeaderDigest"), "CRC32C");
  for (const char* unknown : {"SessionType", "CHAP_A", "InitiatorName", "Nonsense", ""}) {
    EXPECT_EQ(isthmus_offer_set(offer_, unknown, "1"), 1316) << unknown;
    EXPECT_EQ(isthmus_offer_get(offer_, unknown, nullptr, 0), 0u) << unknown;
  }
  EXPECT_EQ(isthmus_offer_set(offer_, "FirstBurstLength", "65536"), 0);
  EXPECT_EQ(isthmus_offer_check(offer_, nullptr), 0);
  EXPECT_EQ(isthmus_offer_set(offer_, "FirstBurstLength", "131072"), 0);
  const char* wrong = nullptr;
  EXPECT_EQ(isthmus_offer_check(offer_, &wrong), 1316);
  EXPECT_STREQ(wrong, "FirstBurstLength");
}

TEST_P(OfferTest, EveryKeyIsShownAndTakenBack) {
  size_t count = 0;
  for (; const char* key = isthmus_offer_key(offer_, count); ++count) {
    const std::string value = Get(key);
    if (value.empty()) continue;  // a text, or a tag, that was not given
    EXPECT_EQ(isthmus_offer_set(offer_, key, value.c_str()), 0) << key;
    EXPECT_EQ(Get(key), value);
  }
  EXPECT_GE(count, 15u);
}

TEST_P(OfferTest, TextsAreCopied) {
  std::string value = "iSCSI/C";
  ASSERT_EQ(isthmus_offer_set(offer_, "X#NodeArchitecture", value.c_str()), 0);
  value.assign(value.size(), '-');
  EXPECT_EQ(Get("X#NodeArchitecture"), "iSCSI/C");
  char cut[4];
  EXPECT_EQ(isthmus_offer_get(offer_, "X#NodeArchitecture", cut, sizeof cut), 7u);
  EXPECT_STREQ(cut, "iSC");
}
INSTANTIATE_TEST_SUITE_P(BothSides, OfferTest, testing::Values(ISTHMUS_TARGET, ISTHMUS_INITIATOR));

// ---- Text, names, LUNs, counters.

TEST(TextTest, AnAnswerToSendTargets) {
  char out[128];
  size_t used = isthmus_write_target_name(out, sizeof out, 0, "iqn.2026-11.example:a");
  ASSERT_GT(used, 0u);
  used = isthmus_write_target_address(out, sizeof out, used, "[2001:db8::1]:3260", 7);
  ASSERT_GT(used, 0u);
  EXPECT_EQ(std::string(out, used), std::string("TargetName=iqn.2026-11.example:a\0"
                                                "TargetAddress=[2001:db8::1]:3260,7\0",
                                                68));
  EXPECT_EQ(isthmus_write_target_name(out, sizeof out, used, "not a name"), 0u);
  EXPECT_EQ(isthmus_write_target_name(out, used + 10, used, "iqn.2026-11.example:b"), 0u);
  EXPECT_EQ(isthmus_write_target_address(out, sizeof out, used, "", 1), 0u);
  EXPECT_EQ(isthmus_write_target_address(out, sizeof out, sizeof out + 1, "a:1", 1), 0u);

  size_t position = 0;
  isthmus_text key, value;
  ASSERT_TRUE(isthmus_text_next(out, used, &position, &key, &value));
  EXPECT_EQ(std::string(key.data, key.size), "TargetName");
  EXPECT_EQ(std::string(value.data, value.size), "iqn.2026-11.example:a");
  ASSERT_TRUE(isthmus_text_next(out, used, &position, &key, &value));
  EXPECT_EQ(std::string(value.data, value.size), "[2001:db8::1]:3260,7");
  EXPECT_FALSE(isthmus_text_next(out, used, &position, &key, &value));
  EXPECT_EQ(position, used);
}

TEST(TextTest, AMalformedPairStopsShort) {
  const char text[] = "A=1\0noequals";
  size_t position = 0;
  isthmus_text key, value;
  ASSERT_TRUE(isthmus_text_next(text, sizeof text, &position, &key, &value));
  EXPECT_FALSE(isthmus_text_next(text, sizeof text, &position, &key, &value));
  EXPECT_LT(position, sizeof text);
}

TEST(LunTest, NumbersAndBytes) {
  uint8_t lun[8];
  isthmus_lun_encode(300, lun);
  EXPECT_EQ(lun[0], 0x41);
  EXPECT_EQ(lun[1], 0x2c);
  uint32_t number = 0;
  EXPECT_TRUE(isthmus_lun_decode(lun, &number));
  EXPECT_EQ(number, 300u);
  const uint8_t well_known[8] = {0xc1, 0x01};
  EXPECT_FALSE(isthmus_lun_decode(well_known, &number));
}

TEST(CountersTest, NamesAndValues) {
  isthmus_counters counters = {};
  counters.rx_pdus = 3;
  counters.tx_lease_violations = 9;
  const size_t count = isthmus_counter_count();
  std::set<std::string> names;
  for (size_t i = 0; i < count; ++i) {
    names.insert(isthmus_counter_name(i));
    EXPECT_GT(std::strlen(isthmus_counter_help(i)), 5u) << isthmus_counter_name(i);
  }
  EXPECT_EQ(names.size(), count);
  EXPECT_STREQ(isthmus_counter_name(0), "rx_pdus");
  EXPECT_EQ(isthmus_counter_value(&counters, 0), 3u);
  EXPECT_STREQ(isthmus_counter_name(count - 1), "tx_lease_violations");
  EXPECT_EQ(isthmus_counter_value(&counters, count - 1), 9u);
  EXPECT_EQ(isthmus_counter_name(count), nullptr);
  EXPECT_EQ(isthmus_counter_help(count), nullptr);
  EXPECT_EQ(isthmus_counter_value(&counters, count), 0u);
}

}  // namespace
