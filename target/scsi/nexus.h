// The names of the two ends of an I_T nexus, as iSCSI defines them (RFC 7143 4.4.2, 3: "I_T
// nexus").
#ifndef ISTHMUS_TARGET_SCSI_NEXUS_H_
#define ISTHMUS_TARGET_SCSI_NEXUS_H_

#include <cstdint>
#include <string>

namespace isthmus::scsi {

// The I_T nexus: SCSI initiator port name (iSCSI name, ",i,0x", the ISID as twelve hexadecimal
// digits) and the relative target port, which is the target portal group tag.
struct NexusName {
  std::string initiator_port;
  uint16_t relative_target_port = 1;

  friend bool operator==(const NexusName&, const NexusName&) = default;
};

// The iSCSI target's own name; empty if there is none to tell.
struct TargetNames {
  std::string target_name;
};

}  // namespace isthmus::scsi

#endif  // ISTHMUS_TARGET_SCSI_NEXUS_H_
