// PERSISTENT RESERVE IN and OUT: their CDBs and parameter data around the state machine of
// reservations.h (SPC-4 6.15, 6.16; TransportIDs 7.6.4).
#include <algorithm>
#include <string>

#include "target/scsi/handlers.h"

namespace isthmus::scsi {
namespace {

constexpr size_t kBasicBytes = 24;
constexpr uint8_t kRegister = 0, kReserve = 1, kRelease = 2, kClear = 3, kPreempt = 4,
                  kPreemptAndAbort = 5, kRegisterAndIgnore = 6, kRegisterAndMove = 7;

// An iSCSI initiator port TransportID: format 01b, protocol 5h, the port's name ended by a null and
// padded to four.
void TransportId(DataInWriter& out, const std::string& initiator_port) {
  const size_t padded = std::max<size_t>(20, (initiator_port.size() + 1 + 3) / 4 * 4);
  out.Put(0x45, 1);
  out.Put(0, 1);
  out.Put(padded, 2);
  out.Text(initiator_port);
  out.Zeroes(padded - initiator_port.size());
}

// Reads one TransportID and says how many bytes it takes; 0 if it is not one of an iSCSI initiator
// port.
size_t ParseTransportId(std::span<const std::byte> bytes, std::string* initiator_port) {
  if (bytes.size() < 4 || std::to_integer<uint8_t>(bytes[0]) != 0x45) return 0;
  const size_t length = LoadBig(bytes, 2, 2);
  if (length < 20 || length % 4 != 0 || bytes.size() - 4 < length) return 0;
  initiator_port->clear();
  size_t i = 0;
  for (; i < length && bytes[4 + i] != std::byte{0}; ++i) {
    const char ch = static_cast<char>(bytes[4 + i]);
    *initiator_port += ch >= 'A' && ch <= 'Z' ? static_cast<char>(ch - 'A' + 'a') : ch;
  }
  if (i == length || initiator_port->find(",i,0x") == std::string::npos) return 0;
  return 4 + length;
}

void ReadKeys(Command& c) {
  c.out.Put(c.reservations().generation(), 4);
  c.out.Put(8 * c.reservations().registrations().size(), 4);
  for (const auto& r : c.reservations().registrations()) c.out.Put(r.key, 8);
}

void ReadReservation(Command& c) {
  const Reservations& reservations = c.reservations();
  c.out.Put(reservations.generation(), 4);
  c.out.Put(reservations.type() ? 16 : 0, 4);
  if (!reservations.type()) return;
  c.out.Put(reservations.HolderKey(), 8);
  c.out.Put(0, 5);
  c.out.Put(static_cast<uint8_t>(*reservations.type()), 1);
  c.out.Put(0, 2);
}

void ReportCapabilities(Command& c) {
  c.out.Put(8, 2);
  c.out.Put(0x08, 1);    // SIP_C; no CRH, ATP_C, PTPL_C
  c.out.Put(0x80, 1);    // TMV
  c.out.Put(0xea01, 2);  // every type
  c.out.Put(0, 2);
}

void ReadFullStatus(Command& c) {
  const Reservations& reservations = c.reservations();
  c.out.Put(reservations.generation(), 4);
  c.out.Put(0, 4);
  for (const auto& r : reservations.registrations()) {
    const bool holder = reservations.IsHolder(r.nexus);
    c.out.Put(r.key, 8);
    c.out.Put(0, 4);
    c.out.Put(holder ? 0x01 : 0x00, 1);
    c.out.Put(holder ? static_cast<uint8_t>(*reservations.type()) : 0, 1);
    c.out.Put(0, 4);
    c.out.Put(r.nexus.relative_target_port, 2);
    const size_t length_at = c.out.size();
    c.out.Put(0, 4);
    TransportId(c.out, r.nexus.initiator_port);
    c.out.Set(length_at, c.out.size() - length_at - 4, 4);
  }
  c.out.Set(4, c.out.size() - 8, 4);
}

void Move(Command& c, uint64_t key, uint64_t new_key) {
  const uint8_t flags = static_cast<uint8_t>(LoadBig(c.data, 17, 1));
  const uint64_t id_bytes = LoadBig(c.data, 20, 4);
  if ((flags & 0x01) != 0) return c.FailParameter(17, 0);  // APTPL
  if (id_bytes != c.data.size() - kBasicBytes) {
    return c.Fail({.code = SenseCode::kParameterListLengthError});
  }
  NexusName to;
  to.relative_target_port = static_cast<uint16_t>(LoadBig(c.data, 18, 2));
  if (ParseTransportId(c.data.subspan(kBasicBytes), &to.initiator_port) != id_bytes) {
    return c.FailParameter(kBasicBytes);
  }
  c.Apply(c.reservations().RegisterAndMove(*c.itl.name, key, new_key, to, (flags & 0x02) != 0),
          false);
}

// The TransportIDs of SPEC_I_PT; false if the command has failed.
bool TakeTransportIds(Command& c, std::vector<NexusName>* names) {
  if (c.data.size() < kBasicBytes + 4 ||
      LoadBig(c.data, kBasicBytes, 4) != c.data.size() - kBasicBytes - 4) {
    c.Fail({.code = SenseCode::kParameterListLengthError});
    return false;
  }
  for (size_t at = kBasicBytes + 4; at < c.data.size();) {
    NexusName name;
    name.relative_target_port = c.itl.name->relative_target_port;
    const size_t used = ParseTransportId(c.data.subspan(at), &name.initiator_port);
    // Naming the nexus that the command came through is an error (SPC-4 6.16.3).
    if (used == 0 || name == *c.itl.name ||
        std::find(names->begin(), names->end(), name) != names->end()) {
      c.FailParameter(static_cast<uint16_t>(at));
      return false;
    }
    names->push_back(std::move(name));
    at += used;
  }
  return true;
}

}  // namespace

void PersistentReserveIn(Command& c) {
  static constexpr Handler kActions[] = {ReadKeys, ReadReservation, ReportCapabilities,
                                         ReadFullStatus};
  kActions[c.row.service_action](c);
  c.Reply(c.Field(7, 2));
}

void PersistentReserveOut(Command& c) {
  const int action = c.row.service_action;
  const bool uses_type =
      action == kReserve || action == kRelease || action == kPreempt || action == kPreemptAndAbort;
  if (uses_type && c.Byte(2) >> 4 != 0) return c.FailCdb(2, 7);  // only the scope of the whole unit
  if (uses_type && !ReservationTypeOf(c.Byte(2) & 0x0f)) return c.FailCdb(2, 3);
  const uint64_t length = c.Field(5, 4);
  if (length < kBasicBytes) return c.Fail({.code = SenseCode::kParameterListLengthError});
  c.WantParameters(length);
}

void PersistentReserveOutParameters(Command& c) {
  if (c.data.size() < kBasicBytes) return c.Fail({.code = SenseCode::kParameterListLengthError});
  const int action = c.row.service_action;
  const uint64_t key = LoadBig(c.data, 0, 8);
  const uint64_t new_key = LoadBig(c.data, 8, 8);
  if (action == kRegisterAndMove) return Move(c, key, new_key);

  const uint8_t flags = static_cast<uint8_t>(LoadBig(c.data, 20, 1));
  const bool registers = action == kRegister || action == kRegisterAndIgnore;
  const bool names_ports = (flags & 0x08) != 0;
  std::vector<NexusName> also;
  if (registers) {
    if ((flags & 0x01) != 0) return c.FailParameter(20, 0);  // APTPL: nothing outlives the program
    if ((flags & 0x04) != 0) return c.FailParameter(20, 2);  // ALL_TG_PT
  }
  if (names_ports) {
    if (action != kRegister) return c.FailParameter(20, 3);
    if (!TakeTransportIds(c, &also)) return;
  } else if (c.data.size() != kBasicBytes) {
    return c.Fail({.code = SenseCode::kParameterListLengthError});
  }
  Reservations& r = c.reservations();
  const NexusName& nexus = *c.itl.name;
  const auto type = ReservationTypeOf(c.Byte(2) & 0x0f);
  switch (action) {
    case kRegister:
    case kRegisterAndIgnore:
      return c.Apply(r.Register(nexus, key, new_key, action == kRegisterAndIgnore, also), false);
    case kReserve:
      return c.Apply(r.Reserve(nexus, key, *type), false);
    case kRelease:
      return c.Apply(r.Release(nexus, key, *type), false);
    case kClear:
      return c.Apply(r.Clear(nexus, key), false);
    default:
      return c.Apply(r.Preempt(nexus, key, new_key, *type), action == kPreemptAndAbort);
  }
}

}  // namespace isthmus::scsi
