// The settings of iscsi_target that have one value each, as one table: flags on the command line and members of the
// --config file under the same names, and docs/configuration.md, derive from it. RFC 7143's keys are among them, from
// their own table.
//
//   for (const Setting& setting : Settings()) app.add_option("--" + setting.name, ...);
//   absl::Status status = FindSetting("threads")->set(config, "4");      // message: what is wrong with the value
#ifndef ISTHMUS_TARGET_DAEMON_SETTINGS_H_
#define ISTHMUS_TARGET_DAEMON_SETTINGS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "target/daemon/config.h"

namespace isthmus::target {

struct Setting {
  std::string name;
  std::string flags;   // as CLI11 takes them: "--threads", "--HeaderDigest,--header_digest"
  std::string values;  // what it may be: "1 to 256", "path"
  std::string help;
  bool is_switch = false;              // a flag without a value
  const text::KeyInfo* key = nullptr;  // of RFC 7143, else null
  std::function<absl::Status(Config& config, const std::string& value)> set;
  std::function<std::string(const Config& config)> show;  // as `set` takes it
};

const std::vector<Setting>& Settings();
const Setting* FindSetting(absl::string_view name);  // null: no such one

// The table of docs/configuration.md: of the keys, or of everything else.
std::string SettingsMarkdown(bool keys);

}  // namespace isthmus::target

#endif  // ISTHMUS_TARGET_DAEMON_SETTINGS_H_
