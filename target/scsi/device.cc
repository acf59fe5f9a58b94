#include "target/scsi/device.h"

#include <algorithm>
#include <new>
#include <utility>

#include "protocol/wire/lun.h"
#include "target/scsi/bytes.h"
#include "target/scsi/command.h"

namespace isthmus::scsi {
namespace {

constexpr uint8_t kInquiry = 0x12, kRequestSense = 0x03, kReportLuns = 0xa0;

void FailWithoutUnit(Plan* plan, const Sense& sense) {
  plan->status = Status::kCheckCondition;
  plan->sense = EncodeSense(sense, /*descriptor_format=*/false);
}

// A LUN that is not there still answers INQUIRY (no device, and none can be) and REQUEST SENSE
// (SPC-4 6.6.2, 6.39).
Plan DecodeAbsent(std::span<const std::byte> cdb, std::span<std::byte> response) {
  Plan plan;
  DataInWriter out(response);
  const Sense absent{.code = SenseCode::kLogicalUnitNotSupported};
  const uint8_t opcode = cdb.empty() ? 0 : std::to_integer<uint8_t>(cdb[0]);
  uint64_t allocation = 0;
  if (opcode == kInquiry && cdb.size() >= 6) {
    if ((cdb[1] & std::byte{0x03}) != std::byte{0} || cdb[2] != std::byte{0}) {
      FailWithoutUnit(&plan, {.code = SenseCode::kInvalidFieldInCdb, .field = CdbField(1)});
      return plan;
    }
    allocation = LoadBig(cdb, 3, 2);
    out.Put(0x7f000612, 4);
    out.Put(31, 1);
    out.Zeroes(31);
  } else if (opcode == kRequestSense && cdb.size() >= 6) {
    allocation = LoadBig(cdb, 4, 1);
    out.Bytes(EncodeSense(absent, (cdb[1] & std::byte{0x01}) != std::byte{0}).view());
  } else {
    FailWithoutUnit(&plan, absent);
    return plan;
  }
  plan.data_in_bytes = std::min({uint64_t{out.size()}, allocation, uint64_t{response.size()}});
  return plan;
}

std::string Lowered(std::string_view text) {
  std::string lowered(text);
  for (char& ch : lowered) {
    if (ch >= 'A' && ch <= 'Z') ch = static_cast<char>(ch - 'A' + 'a');
  }
  return lowered;
}

}  // namespace

Device::Device(std::string target_name) : names_{std::move(target_name)} {}

Device::~Device() {
  while (!nexuses_.empty()) Detach(nexuses_.back().get());
}

bool Device::AddUnit(uint16_t number, LogicalUnit* unit) {
  const std::lock_guard lock(mutex_);
  const auto at = std::lower_bound(units_.begin(), units_.end(), number,
                                   [](const Entry& entry, uint32_t n) { return entry.number < n; });
  if (number > kMaxLun || units_.size() >= kMaxUnits || !nexuses_.empty()) return false;
  if (at != units_.end() && at->number == number) return false;
  units_.insert(at, {number, unit});
  return true;
}

Nexus* Device::Attach(std::string_view initiator_port, uint16_t relative_target_port) {
  auto made = std::make_unique<Nexus>();
  made->name = {Lowered(initiator_port), relative_target_port};
  const std::lock_guard lock(mutex_);
  for (const Entry& entry : units_) {
    made->units.push_back(std::make_unique<ItlNexus>());
    ItlNexus& itl = *made->units.back();
    itl.unit = entry.unit;
    itl.name = &made->name;
    itl.target = &names_;
  }
  nexuses_.push_back(std::move(made));
  Nexus* const nexus = nexuses_.back().get();
  try {
    for (const auto& itl : nexus->units) itl->unit->Attach(itl.get());
  } catch (const std::bad_alloc&) {  // no unit may keep what is no more
    DetachLocked(nexus);
    throw;
  }
  return nexus;
}

void Device::Detach(Nexus* nexus) {
  const std::lock_guard lock(mutex_);
  DetachLocked(nexus);
}

void Device::DetachLocked(Nexus* nexus) {
  for (const auto& itl : nexus->units) itl->unit->Detach(itl.get());
  std::erase_if(nexuses_, [&](const auto& n) { return n.get() == nexus; });
}

std::optional<size_t> Device::Index(uint64_t lun) const {
  uint32_t number = 0;
  if (!wire::LunToNumber(lun, &number)) return std::nullopt;
  const auto at = std::lower_bound(units_.begin(), units_.end(), number,
                                   [](const Entry& entry, uint32_t n) { return entry.number < n; });
  if (at == units_.end() || at->number != number) return std::nullopt;
  return static_cast<size_t>(at - units_.begin());
}

LogicalUnit* Device::Find(uint64_t lun) const {
  const std::optional<size_t> index = Index(lun);
  return index ? units_[*index].unit : nullptr;
}

Plan Device::Decode(Nexus& nexus, uint64_t lun, std::span<const std::byte> cdb,
                    std::span<std::byte> response) {
  const std::optional<size_t> index = Index(lun);
  // LUN 0 answers REPORT LUNS whether or not a unit is there (SPC-4 6.33).
  const bool report_luns = cdb.size() >= 12 && cdb[0] == std::byte{kReportLuns};
  if (!report_luns || (!index && lun != 0)) {
    return index ? units_[*index].unit->Decode(*nexus.units[*index], cdb, response)
                 : DecodeAbsent(cdb, response);
  }
  Plan plan;
  const uint8_t select = std::to_integer<uint8_t>(cdb[2]);
  if (select > 2) {
    FailWithoutUnit(&plan, {.code = SenseCode::kInvalidFieldInCdb, .field = CdbField(2)});
    return plan;
  }
  // SELECT REPORT 1 asks for well-known logical units alone: there are none.
  DataInWriter out(response);
  out.Put(select == 1 ? 0 : 8 * units_.size(), 4);
  out.Put(0, 4);
  for (const Entry& entry : units_) {
    if (select != 1) out.Put(wire::LunFromNumber(entry.number), 8);
  }
  for (const auto& itl : nexus.units) itl->attentions.Clear(UnitAttention::kReportedLunsChanged);
  plan.data_in_bytes =
      std::min({uint64_t{out.size()}, LoadBig(cdb, 6, 4), uint64_t{response.size()}});
  return plan;
}

std::optional<UnitAttention> Device::PendingAttention(const Nexus& nexus, uint64_t lun) const {
  const std::optional<size_t> index = Index(lun);
  return index ? nexus.units[*index]->attentions.Peek() : std::nullopt;
}

void Device::Reset() {
  for (const Entry& entry : units_) entry.unit->Reset();
}

void Device::ResetNexus(Nexus& nexus) {
  for (size_t i = 0; i < units_.size(); ++i) units_[i].unit->ResetNexus(nexus.units[i].get());
}

void Device::NoteTaskSetCleared(Nexus& nexus, uint64_t lun) {
  const std::optional<size_t> index = Index(lun);
  if (index) nexus.units[*index]->attentions.Raise(UnitAttention::kCommandsCleared);
}

void Device::NoteClearedByIscsi(Nexus& nexus, uint64_t lun) {
  const std::optional<size_t> index = Index(lun);
  if (index) nexus.units[*index]->attentions.Raise(UnitAttention::kClearedByIscsi);
}

}  // namespace isthmus::scsi
