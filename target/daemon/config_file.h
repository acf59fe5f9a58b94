// The --config file of iscsi_target (JSON): portals with their groups, targets with disks, accounts, access by initiator
// name, redirection, and every setting of settings.h. docs/configuration.md has its form, from the tables here.
//
// The whole file is checked before anything of it is used; every problem is a line that begins with the file and the
// place in it: "disks.json: targets[2].luns[0].path: ...".
//
//   absl::Status status = ReadConfigFile(path, settings_from_flags, &config);
#ifndef ISTHMUS_TARGET_DAEMON_CONFIG_FILE_H_
#define ISTHMUS_TARGET_DAEMON_CONFIG_FILE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "target/daemon/config.h"
#include "target/daemon/settings.h"

namespace isthmus::target {

// Flags as they were given, in order.
using GivenSettings = std::vector<std::pair<const Setting*, std::string>>;

// Portals, targets and settings into `config`; `flags` win over the file's settings. kInvalidArgument with a line a
// problem; nothing of the secrets' files is read.
absl::Status ReadConfigFile(const std::string& path, const GivenSettings& flags, Config* config);
// The same for a text; `name` begins each message.
absl::Status ReadConfigText(const std::string& name, const std::string& text,
                            const GivenSettings& flags, Config* config);

// Whether the keys of an offer suit one another; the message begins with the key.
absl::Status CheckOffer(const text::Offer& offer);

// The tables of docs/configuration.md, one an object of the file.
std::string ConfigFileMarkdown();

}  // namespace isthmus::target

#endif  // ISTHMUS_TARGET_DAEMON_CONFIG_FILE_H_
