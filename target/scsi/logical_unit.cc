#include "target/scsi/logical_unit.h"

#include <algorithm>
#include <utility>

#include "target/scsi/command.h"

namespace isthmus::scsi {
namespace {

constexpr uint32_t kTransferBlocks = 65536;
constexpr uint32_t kUnmapBlocks = 1024 * 1024;
constexpr uint32_t kUnmapDescriptors = 256;
constexpr uint64_t kWriteSameBlocks = 0x7fffff;

UnitLimits LimitsOf(const target::Geometry& geometry) {
  UnitLimits limits;
  limits.transfer_blocks = kTransferBlocks;
  limits.compare_and_write_blocks =
      std::min<uint32_t>(255, kMaxContiguousOutBytes / 2 / geometry.block_bytes);
  limits.unmap_blocks = geometry.can_unmap ? kUnmapBlocks : 0;
  limits.unmap_descriptors = geometry.can_unmap ? kUnmapDescriptors : 0;
  limits.write_same_blocks = kWriteSameBlocks;
  return limits;
}

// The two commands whose stand to reservations hangs on a field: starting a unit and allowing
// removal hurt nobody (SBC-3 table 13, SPC-4 table 66).
bool IsHarmless(const CommandRow& row, const Command& c) {
  if (row.opcode == 0x1b) return (c.Byte(4) & 0xf1) == 0x01;
  if (row.opcode == 0x1e) return (c.Byte(4) & 0x03) == 0;
  return false;
}

}  // namespace

LogicalUnit::LogicalUnit(target::Backend* backend, UnitOptions options)
    : LogicalUnit(backend->geometry(), std::move(options)) {
  backend_ = backend;
}

LogicalUnit::LogicalUnit(const target::Geometry& geometry, UnitOptions options)
    : geometry_(geometry),
      limits_(LimitsOf(geometry)),
      options_(std::move(options)),
      mode_pages_(geometry.volatile_cache) {
  if (options_.serial.size() > 64) options_.serial.resize(64);
}

SenseBuffer LogicalUnit::Encode(const Sense& sense) const {
  return EncodeSense(sense, mode_pages_.descriptor_sense());
}

Plan LogicalUnit::Decode(ItlNexus& itl, std::span<const std::byte> cdb,
                         std::span<std::byte> response) {
  Plan plan;
  plan.unit = this;
  plan.itl = &itl;
  std::copy_n(cdb.begin(), std::min(cdb.size(), plan.cdb.size()), plan.cdb.begin());

  bool known_opcode = false;
  static constexpr CommandRow kUnknown{};
  const CommandRow* row = FindCommand(plan.cdb, geometry_.can_unmap, &known_opcode);
  plan.row = row != nullptr ? row : &kUnknown;
  Command c{*this, itl, *plan.row, plan, {}, response, DataInWriter(response)};

  const bool ignores_attention = row != nullptr && (row->flags & kIgnoresAttention) != 0;
  if (!ignores_attention && !itl.attentions.empty()) {
    if (const std::optional<UnitAttention> attention = itl.attentions.Take()) {
      c.Fail({.code = SenseOf(*attention)});
      return plan;
    }
  }
  if (row == nullptr) {
    if (known_opcode) {
      c.FailCdb(1, 4);
    } else {
      c.Fail({.code = SenseCode::kInvalidOpcode, .field = CdbField(0)});
    }
    return plan;
  }
  if (cdb.size() < row->cdb_bytes) {
    c.FailCdb(static_cast<uint16_t>(cdb.size()));
    return plan;
  }
  // NACA needs NORMACA in the standard INQUIRY data, which is 0 (SAM-5 5.2).
  if (c.Bit(row->cdb_bytes - 1u, 2)) {
    c.FailCdb(row->cdb_bytes - 1u, 2);
    return plan;
  }
  if ((row->flags & kLockFree) != 0 && !guarded_.load(std::memory_order_acquire)) {
    row->decode(c);
    return plan;
  }
  const std::lock_guard lock(mutex_);
  const Access access = IsHarmless(*row, c) ? Access::kNone : row->access;
  const bool legacy_allowed = (row->flags & kLegacyAllowed) != 0 || IsHarmless(*row, c);
  if (reservations_.Conflicts(*itl.name, access, legacy_allowed)) {
    c.Conflict();
  } else if (const auto why = NotReadyLocked();
             why.has_value() && (row->flags & kNeedsStarted) != 0) {
    c.Fail({.code = *why});
  } else {
    row->decode(c);
  }
  UpdateGuard();
  return plan;
}

Plan LogicalUnit::Continue(const Plan& plan, std::span<const std::byte> data,
                           std::span<std::byte> response) {
  Plan next = plan;
  next.action = Action::kDone;
  Command c{*this, *plan.itl, *plan.row, next, data, response, DataInWriter(response)};
  const std::lock_guard lock(mutex_);
  plan.row->take_parameters(c);
  // What the command took stays: residuals are counted against it.
  next.data_out_bytes = plan.data_out_bytes;
  UpdateGuard();
  return next;
}

std::optional<SenseCode> LogicalUnit::NotReadyLocked() const {
  if (out_) return SenseCode::kMediumNotPresent;
  if (stopped_) return SenseCode::kStoppedNeedsStart;
  return std::nullopt;
}

void LogicalUnit::UpdateGuard() {
  guarded_.store(stopped_ || out_ || !reservations_.empty(), std::memory_order_release);
}

void LogicalUnit::Attach(ItlNexus* itl) {
  const std::lock_guard lock(mutex_);
  itl->attentions.Raise(UnitAttention::kPowerOn);
  nexuses_.push_back(itl);
}

void LogicalUnit::Detach(ItlNexus* itl) {
  const std::lock_guard lock(mutex_);
  std::erase(nexuses_, itl);
  std::erase_if(aborted_, [itl](const Aborted& a) { return a.by == itl; });
  reservations_.NexusLost(*itl->name);
  UpdateGuard();
}

void LogicalUnit::ResetNexus(ItlNexus* itl) {
  const std::lock_guard lock(mutex_);
  itl->prevents_removal = false;
  reservations_.NexusLost(*itl->name);
  itl->attentions.Raise(UnitAttention::kNexusLoss);
  UpdateGuard();
}

void LogicalUnit::Reset() {
  const std::lock_guard lock(mutex_);
  reservations_.LegacyReset();
  mode_pages_.Restore();
  stopped_ = false;
  for (ItlNexus* itl : nexuses_) itl->prevents_removal = false;
  RaiseLocked(UnitAttention::kDeviceReset, nullptr);
  UpdateGuard();
}

void LogicalUnit::Raise(UnitAttention attention, const ItlNexus* except) {
  const std::lock_guard lock(mutex_);
  RaiseLocked(attention, except);
}

void LogicalUnit::RaiseLocked(UnitAttention attention, const ItlNexus* except) {
  for (ItlNexus* itl : nexuses_) {
    if (itl != except) itl->attentions.Raise(attention);
  }
}

void LogicalUnit::RaiseFor(const NexusName& name, UnitAttention attention) {
  for (ItlNexus* itl : nexuses_) {
    if (*itl->name == name) itl->attentions.Raise(attention);
  }
}

std::vector<NexusName> LogicalUnit::TakeAborted(const ItlNexus& by) {
  const std::lock_guard lock(mutex_);
  std::vector<NexusName> names;
  std::erase_if(aborted_, [&](Aborted& a) {
    if (a.by != &by) return false;
    names.push_back(std::move(a.name));
    return true;
  });
  return names;
}

void Command::Fail(const Sense& sense) {
  plan.action = Action::kDone;
  plan.status = Status::kCheckCondition;
  plan.sense = unit.Encode(sense);
  plan.data_in_bytes = 0;
}

bool Command::RemovalIsPrevented() const {
  return std::ranges::any_of(unit.nexuses_, &ItlNexus::prevents_removal);
}

void Command::Conflict() {
  plan.action = Action::kDone;
  plan.status = Status::kReservationConflict;
  plan.data_in_bytes = 0;
}

void Command::Reply(uint64_t allocation_length) {
  plan.data_in_bytes =
      std::min({uint64_t{out.size()}, allocation_length, uint64_t{response.size()}});
}

void Command::WantParameters(uint64_t length) {
  if (length == 0) return;
  if (length > kMaxContiguousOutBytes) {
    Fail({.code = SenseCode::kParameterListLengthError});
    return;
  }
  plan.action = Action::kParameters;
  plan.data_out_bytes = length;
  plan.contiguous_out = true;
}

void Command::Apply(const Reservations::Outcome& outcome, bool abort) {
  plan.status = outcome.status;
  if (outcome.sense) Fail({.code = *outcome.sense});
  for (const Reservations::Notice& notice : outcome.notices) {
    unit.RaiseFor(notice.nexus, notice.attention);
  }
  if (!abort || outcome.removed.empty()) return;
  plan.abort_tasks = true;
  for (const NexusName& name : outcome.removed) {
    if (name != *itl.name) unit.aborted_.push_back({&itl, name});
  }
}

}  // namespace isthmus::scsi
