#include "target/scsi/reservations.h"

#include <algorithm>

namespace isthmus::scsi {
namespace {

Reservations::Outcome Conflict() { return {.status = Status::kReservationConflict}; }

Reservations::Outcome Failed(SenseCode code) {
  return {.status = Status::kCheckCondition, .sense = code};
}

bool IsWriteExclusive(ReservationType type) {
  return type == ReservationType::kWriteExclusive ||
         type == ReservationType::kWriteExclusiveRegistrantsOnly ||
         type == ReservationType::kWriteExclusiveAllRegistrants;
}

bool AdmitsRegistrants(ReservationType type) {
  return type != ReservationType::kWriteExclusive && type != ReservationType::kExclusiveAccess;
}

}  // namespace

std::optional<ReservationType> ReservationTypeOf(uint8_t value) {
  switch (value) {
    case 0x1:
    case 0x3:
    case 0x5:
    case 0x6:
    case 0x7:
    case 0x8:
      return static_cast<ReservationType>(value);
    default:
      return std::nullopt;
  }
}

const Reservations::Registration* Reservations::Find(const NexusName& nexus) const {
  const auto it = std::find_if(registrations_.begin(), registrations_.end(),
                               [&](const Registration& r) { return r.nexus == nexus; });
  return it == registrations_.end() ? nullptr : &*it;
}

bool Reservations::Matches(const NexusName& nexus, uint64_t key) const {
  const Registration* registration = Find(nexus);
  return registration != nullptr && registration->key == key;
}

bool Reservations::AllRegistrants() const {
  return type_ == ReservationType::kWriteExclusiveAllRegistrants ||
         type_ == ReservationType::kExclusiveAccessAllRegistrants;
}

bool Reservations::IsHolder(const NexusName& nexus) const {
  if (!type_) return false;
  return AllRegistrants() ? Find(nexus) != nullptr : holder_ == nexus;
}

uint64_t Reservations::HolderKey() const {
  if (!type_ || AllRegistrants()) return 0;
  const Registration* registration = Find(holder_);
  return registration != nullptr ? registration->key : 0;
}

bool Reservations::Conflicts(const NexusName& nexus, Access access, bool legacy_allowed) const {
  if (legacy_holder_ && *legacy_holder_ != nexus && !legacy_allowed) return true;
  if (!type_ || access == Access::kNone || IsHolder(nexus)) return false;
  if (AdmitsRegistrants(*type_) && Find(nexus) != nullptr) return false;
  return access == Access::kWrite || !IsWriteExclusive(*type_);
}

void Reservations::NotifyOthers(const NexusName& nexus, UnitAttention attention,
                                Outcome* outcome) const {
  for (const Registration& r : registrations_) {
    if (r.nexus != nexus) outcome->notices.push_back({r.nexus, attention});
  }
}

// Takes a registration away; the reservation ends with its holder, or with the last registrant
// (SPC-4 5.13.11.2.2).
void Reservations::Remove(const NexusName& nexus, Outcome* outcome) {
  const bool was_holder = type_ && !AllRegistrants() && holder_ == nexus;
  std::erase_if(registrations_, [&](const Registration& r) { return r.nexus == nexus; });
  if (was_holder) {
    if (AdmitsRegistrants(*type_)) {
      NotifyOthers(nexus, UnitAttention::kReservationsReleased, outcome);
    }
    type_.reset();
  } else if (registrations_.empty()) {
    type_.reset();
  }
}

Reservations::Outcome Reservations::Register(const NexusName& nexus, uint64_t key, uint64_t new_key,
                                             bool ignore_key, const std::vector<NexusName>& also) {
  const Registration* existing = Find(nexus);
  if (!ignore_key && (existing != nullptr ? existing->key : 0) != key) return Conflict();
  if (!also.empty() && (existing != nullptr || new_key == 0)) {
    return Failed(SenseCode::kInvalidFieldInParameters);
  }
  Outcome outcome;
  if (new_key == 0) {
    if (existing == nullptr) return outcome;
    Remove(nexus, &outcome);
    ++generation_;
    return outcome;
  }
  if (existing != nullptr) {
    registrations_[static_cast<size_t>(existing - registrations_.data())].key = new_key;
    ++generation_;
    return outcome;
  }
  if (registrations_.size() + 1 + also.size() > kMaxRegistrations) {
    return Failed(SenseCode::kInsufficientRegistrations);
  }
  registrations_.push_back({nexus, new_key});
  for (const NexusName& other : also) {
    if (Find(other) == nullptr) registrations_.push_back({other, new_key});
  }
  ++generation_;
  return outcome;
}

Reservations::Outcome Reservations::Reserve(const NexusName& nexus, uint64_t key,
                                            ReservationType type) {
  if (!Matches(nexus, key)) return Conflict();
  if (type_) return IsHolder(nexus) && *type_ == type ? Outcome{} : Conflict();
  type_ = type;
  holder_ = nexus;
  return {};
}

Reservations::Outcome Reservations::Release(const NexusName& nexus, uint64_t key,
                                            ReservationType type) {
  if (!Matches(nexus, key)) return Conflict();
  if (!IsHolder(nexus)) return {};
  if (*type_ != type) return Failed(SenseCode::kInvalidRelease);
  Outcome outcome;
  if (AdmitsRegistrants(*type_)) {
    NotifyOthers(nexus, UnitAttention::kReservationsReleased, &outcome);
  }
  type_.reset();
  return outcome;
}

Reservations::Outcome Reservations::Clear(const NexusName& nexus, uint64_t key) {
  if (!Matches(nexus, key)) return Conflict();
  Outcome outcome;
  NotifyOthers(nexus, UnitAttention::kReservationsPreempted, &outcome);
  registrations_.clear();
  type_.reset();
  ++generation_;
  return outcome;
}

// SPC-4 5.13.11.2.6: with the holder's key (or 0 against an all registrants reservation) the
// reservation changes hands; with another key only its registrations go.
Reservations::Outcome Reservations::Preempt(const NexusName& nexus, uint64_t key,
                                            uint64_t victim_key, ReservationType type) {
  if (!Matches(nexus, key)) return Conflict();
  const bool all = AllRegistrants();
  if (victim_key == 0 && !all) return Failed(SenseCode::kInvalidFieldInParameters);
  const bool takes_over = type_ && (all ? victim_key == 0 : victim_key == HolderKey());

  Outcome outcome;
  for (const Registration& r : registrations_) {
    const bool named = takes_over && all ? true : r.key == victim_key;
    // Taking over, the nexus keeps its own registration also when it names its own key.
    if (named && !(takes_over && r.nexus == nexus)) outcome.removed.push_back(r.nexus);
  }
  if (outcome.removed.empty() && !takes_over) return Conflict();

  const std::optional<ReservationType> old_type = type_;
  if (takes_over) type_.reset();
  for (const NexusName& victim : outcome.removed) {
    Remove(victim, &outcome);
    if (victim != nexus) {
      outcome.notices.push_back({victim, UnitAttention::kRegistrationsPreempted});
    }
  }
  if (takes_over) {
    type_ = type;
    holder_ = nexus;
    if (old_type != type) NotifyOthers(nexus, UnitAttention::kReservationsReleased, &outcome);
  }
  ++generation_;
  return outcome;
}

Reservations::Outcome Reservations::RegisterAndMove(const NexusName& nexus, uint64_t key,
                                                    uint64_t new_key, const NexusName& to,
                                                    bool unregister) {
  if (!Matches(nexus, key)) return Conflict();
  if (!type_ || AllRegistrants() || holder_ != nexus) return Conflict();
  if (new_key == 0 || to == nexus) return Failed(SenseCode::kInvalidFieldInParameters);
  if (const Registration* existing = Find(to); existing != nullptr) {
    registrations_[static_cast<size_t>(existing - registrations_.data())].key = new_key;
  } else {
    if (registrations_.size() >= kMaxRegistrations) {
      return Failed(SenseCode::kInsufficientRegistrations);
    }
    registrations_.push_back({to, new_key});
  }
  holder_ = to;
  Outcome outcome;
  if (unregister) Remove(nexus, &outcome);
  ++generation_;
  return outcome;
}

// SPC-2 5.5.1: RESERVE and RELEASE conflict with everyone's registrations (REPORT CAPABILITIES says
// CRH 0).
Status Reservations::LegacyReserve(const NexusName& nexus) {
  if (!registrations_.empty()) return Status::kReservationConflict;
  if (legacy_holder_ && *legacy_holder_ != nexus) return Status::kReservationConflict;
  legacy_holder_ = nexus;
  return Status::kGood;
}

Status Reservations::LegacyRelease(const NexusName& nexus) {
  if (!registrations_.empty()) return Status::kReservationConflict;
  if (legacy_holder_ == nexus) legacy_holder_.reset();
  return Status::kGood;
}

void Reservations::NexusLost(const NexusName& nexus) {
  if (legacy_holder_ == nexus) legacy_holder_.reset();
}

}  // namespace isthmus::scsi
