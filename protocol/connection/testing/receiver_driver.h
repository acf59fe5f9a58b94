// Feeds a receiver in tests and writes down what it says, so that two runs can be compared.
//
//   ReceiverRun run;
//   run.sizes = {48, 100};
//   std::vector<std::string> items = Drive(stream, run);
#ifndef ISTHMUS_PROTOCOL_CONNECTION_TESTING_RECEIVER_DRIVER_H_
#define ISTHMUS_PROTOCOL_CONNECTION_TESTING_RECEIVER_DRIVER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "protocol/connection/receiver.h"
#include "protocol/connection/testing/wire_model.h"

namespace isthmus::testing_support {

// What an honest device says of the segments: where a digest is wrong it never says good.
enum class Verdicts : uint8_t {
  kNone,
  kTruth,        // good or bad
  kFalseAlarms,  // bad, always
  kPending,      // later, then the truth; in a random order
  kMixed,        // one of the above for each segment
  kMixedEpochs,  // the truth, in the name of two device lives
};

enum class Delivery : uint8_t {
  kLent,    // each piece in memory of its own, given back when the receiver says so
  kWanted,  // read into what WantRx() names; what is more, lent
};

struct ReceiverRun {
  std::vector<size_t> sizes;  // of the pieces; sum: the stream's size
  Verdicts verdicts = Verdicts::kNone;
  Delivery delivery = Delivery::kLent;
  bool header_digest = false;
  bool data_digest = false;
  bool scratch_every_third = false;  // the third, sixth ... data segment is dropped
  uint32_t MaxRecvDataSegmentLength = 8192;
  uint32_t seed = 1;
  RxCounters* counters = nullptr;  // filled in at the end
};

// One line for each kHeader, kEnd and kError. Checks on the way that each lease comes back once and
// that nothing stays unconsumed when the stream ends at a PDU's end.
std::vector<std::string> Drive(const WireStream& stream, const ReceiverRun& run);

std::string Describe(const RxItem& item);

}  // namespace isthmus::testing_support

#endif  // ISTHMUS_PROTOCOL_CONNECTION_TESTING_RECEIVER_DRIVER_H_
