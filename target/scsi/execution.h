// Carries one Plan out against its unit's Backend, in whatever windows the caller likes.
//
// The order of use, whatever the command:
//
//   Plan plan = device.Decode(*nexus, lun, cdb, response);   // response: kMaxResponseBytes
//   Execution run(plan, response, expected_data_out);
//
//   // 1. Data-Out: run.wanted_out() bytes, in any order of whole blocks. Receive into DirectOut()
//   //    if that is not empty, else anywhere, then Accept it.
//   run.DirectOut(offset, size);
//   run.Accept(offset, data);
//
//   // 2. Work that needs no data (flush, write same, verify, unmap), in bounded pieces.
//   while (!run.Proceed(1 << 20)) { ... serve others ... }
//
//   // 3. Data-In: min(run.data_in_bytes(), what the initiator announced). Send from DirectIn() if
//   //    that is not empty (an unstable source), else Fill a buffer.
//   run.DirectIn(offset, size);
//   run.Fill(offset, buffer);
//
//   // 4. run.status(), run.sense()
//
// With contiguous_out() the data comes in one Accept, from memory that stays until Proceed returned
// true. The response buffer stays until its data has been sent. The backend is borrowed.
//
// The first failure stays: what is accepted, proceeded or filled afterwards has no effect, and
// Data-In that was not sent before it is not sent.
#ifndef ISTHMUS_TARGET_SCSI_EXECUTION_H_
#define ISTHMUS_TARGET_SCSI_EXECUTION_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "target/backend/backend.h"
#include "target/scsi/plan.h"
#include "target/scsi/sense.h"

namespace isthmus::scsi {

// What a failed backend call means to the initiator.
Sense SenseOf(const target::IoResult& result);

class Execution {
 public:
  Execution() = default;
  // `expected_data_out`: the Expected Data Transfer Length of a command with the W flag (RFC
  // 7143 11.3.4), else 0.
  Execution(const Plan& plan, std::span<std::byte> response, uint64_t expected_data_out);

  const Plan& plan() const { return plan_; }
  // What the CDB says that the command takes: the residual is counted against it (RFC 7143 11.4.5).
  uint64_t data_out_bytes() const { return plan_.data_out_bytes; }
  // The part of it to receive: what the initiator announced, at most; 0 when the command has failed
  // already.
  uint64_t wanted_out() const { return wanted_out_; }
  bool contiguous_out() const { return plan_.contiguous_out; }

  // The backend's own memory for this part of the data, empty if the data has to be looked at
  // before it may land there (or if there is no such memory). Only whole blocks.
  std::span<std::byte> DirectOut(uint64_t offset, uint64_t bytes);
  // Data that has arrived, verified. Offsets are whole blocks; a last part of a block that is not
  // whole is not written. Data that DirectOut received is passed as the same span.
  void Accept(uint64_t offset, std::span<const std::byte> data);

  // Does at most about `max_bytes` of the work left; true once there is none. Call it after the
  // last Accept, also for a command without data.
  [[nodiscard]] bool Proceed(uint64_t max_bytes);

  // Known after Proceed returned true; 0 with a failure.
  uint64_t data_in_bytes() const { return plan_.data_in_bytes; }
  std::span<const std::byte> DirectIn(uint64_t offset, uint64_t bytes);
  // False: the data could not be read; status() and sense() say why.
  [[nodiscard]] bool Fill(uint64_t offset, std::span<std::byte> into);
  // Fill, if it need not wait for storage. False: it may have to, and nothing has happened: Fill where waiting harms nobody.
  // True: *filled is Fill's answer.
  [[nodiscard]] bool FillNow(uint64_t offset, std::span<std::byte> into, bool* filled);

  bool failed() const { return failed_; }
  Status status() const { return plan_.status; }
  const SenseBuffer& sense() const { return plan_.sense; }

 private:
  void Fail(const Sense& sense);
  void Check(const target::IoResult& result);
  void AcceptBlocks(uint64_t offset, std::span<const std::byte> data);
  void Compare(uint64_t lba, std::span<const std::byte> data, uint64_t data_offset);
  void CompareAndWrite();
  void TakeParameters();
  bool WriteSame(uint64_t max_bytes);
  bool VerifyMedium(uint64_t max_bytes);
  void Unmap();
  void GetLbaStatus();

  Plan plan_;
  target::Backend* backend_ = nullptr;
  std::span<std::byte> response_;
  std::span<const std::byte> held_;  // contiguous Data-Out, the caller's
  uint64_t wanted_out_ = 0;
  uint64_t progress_ = 0;  // blocks of Proceed's work done
  bool failed_ = false;
};

}  // namespace isthmus::scsi

#endif  // ISTHMUS_TARGET_SCSI_EXECUTION_H_
