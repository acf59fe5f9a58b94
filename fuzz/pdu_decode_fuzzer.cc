// Every PDU's codec on every 48 bytes: what was decoded encodes to a header that decodes to the
// same, and that is stable; tables, checks and dumps take any header and any AHS.
//
// Input: a byte of options, a header, AHS.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>

#include "fuzz/entry_points.h"
#include "protocol/error.h"
#include "protocol/wire/ahs.h"
#include "protocol/wire/field.h"
#include "protocol/wire/pdus.h"
#include "protocol/wire/validate.h"

namespace isthmus::wire {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

template <class Pdu>
void RoundTrip(const Bhs& header, int protocol_level) {
  Pdu first;
  Decode(header, &first, protocol_level);
  Bhs canonical;
  Encode(first, &canonical, protocol_level);
  Require(FixedBitsHold<Pdu>(canonical));
  Pdu second;
  Decode(canonical, &second, protocol_level);
  Bhs again;
  Encode(second, &again, protocol_level);
  Require(again == canonical);
  Require(!FixedBitsHold<Pdu>(header) || Get(header, kOpcode) == Layout<Pdu>::kOpcode);
}

void CheckAhs(std::span<const std::byte> bytes) {
  AhsContents contents;
  if (!ParseAhs(bytes, &contents).ok()) return;
  std::array<std::byte, kMaxAhsBytes> built;
  const size_t size = BuildAhs(contents, built);
  Require(size == AhsBytes(contents) && size <= bytes.size());
  AhsContents again;
  if (size == 0) return;
  Require(ParseAhs(std::span<const std::byte>(built).first(size), &again).ok());
  Require(again.has_bidirectional_read_length == contents.has_bidirectional_read_length);
  Require(again.bidirectional_read_expected_data_transfer_length ==
          contents.bidirectional_read_expected_data_transfer_length);
  Require(std::equal(again.cdb_spillover.begin(), again.cdb_spillover.end(),
                     contents.cdb_spillover.begin(), contents.cdb_spillover.end()));
}

}  // namespace
}  // namespace isthmus::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace isthmus;
  using namespace isthmus::wire;
  if (size < 1 + kBhsSize) return 0;
  const int protocol_level = 1 + data[0] % 2;
  const Role role = (data[0] & 2) != 0 ? Role::kTarget : Role::kInitiator;
  Bhs header;
  std::memcpy(header.bytes.data(), data + 1, kBhsSize);
  ForEachPdu([&]<class Pdu>(PduType<Pdu>) { RoundTrip<Pdu>(header, protocol_level); });
  const auto framing = ValidateFraming(header, role, 8192);
  const auto all = Validate(header, role, 8192);
  Require(framing.ok() || !all.ok());
  const size_t ahs_size = std::min<size_t>((size - 1 - kBhsSize) / 4 * 4, kMaxAhsBytes);
  CheckAhs(std::as_bytes(std::span(data + 1 + kBhsSize, ahs_size)));
  return 0;
}
