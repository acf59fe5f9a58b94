#include "target/daemon/config_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "protocol/text/names.h"
#include "target/scsi/device.h"
#include "transport/address.h"

namespace isthmus::target {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxFileBytes = 4 << 20;
constexpr size_t kMaxProblems = 20;

// The members of each object, but for settings and keys, which have tables of their own.
struct Field {
  const char* object;  // "" is the file itself
  const char* name;
  const char* values;
  const char* help;
};
constexpr Field kFields[] = {
    {"", "portals", "array of objects, at least one", "Where to listen"},
    {"", "targets", "array of objects, at least one", "What is served"},
    {"", "keys", "object", "Keys of RFC 7143 for all targets and for discovery; see below"},
    {"portals[]", "address", "`ADDR:PORT`", "Required. IPv6 in brackets; port 0: any free one"},
    {"portals[]", "group", "0 to 65535", "Portal group tag (section 13.9); 1 if left out"},
    {"targets[]", "name", "iSCSI name", "Required, each once"},
    {"targets[]", "luns", "array of objects", "Its disks; required unless it redirects"},
    {"targets[]", "portal_groups", "array of numbers",
     "The groups through which it is reached; all if left out"},
    {"targets[]", "initiators", "array of iSCSI names",
     "Who may log in, and sees it in discovery; everybody if left out. Others get login status "
     "0x0202"},
    {"targets[]", "chap_secrets", "path",
     "Accounts of this target; the file's `chap_secrets` if left out"},
    {"targets[]", "mutual_chap_required", "true, false", "The file's value if left out"},
    {"targets[]", "redirect", "object", "Sends initiators elsewhere"},
    {"targets[]", "keys", "object",
     "Keys of RFC 7143 for this target; the file's where it has none"},
    {"targets[].luns[]", "number", "0 to 16383", "LUN; its place in the array if left out"},
    {"targets[].luns[]", "path", "path", "A file or block device; this or `ram`"},
    {"targets[].luns[]", "ram", "size such as \"64M\"", "Memory, lost at the end"},
    {"targets[].luns[]", "readonly", "true, false", "Refuses writes"},
    {"targets[].luns[]", "removable", "true, false",
     "Initiators may take the medium out and put it back (START STOP UNIT)"},
    {"targets[].luns[]", "block", "number", "Bytes of a logical block; 512 if left out"},
    {"targets[].luns[]", "physical", "number", "Bytes of a physical block; as `block` if left out"},
    {"targets[].redirect", "address", "`HOST[:PORT]`",
     "Required. Where to log in instead (TargetAddress)"},
    {"targets[].redirect", "permanent", "true, false",
     "Login status 0x0102, moved for good; else 0x0101, for now"},
};

// One JSON value with the place at which it stands.
struct Node {
  const Json* json = nullptr;
  std::string path;

  Node At(size_t i) const { return {&(*json)[i], absl::StrCat(path, "[", i, "]")}; }
  Node At(const std::string& member) const {
    return {&(*json)[member], path.empty() ? member : absl::StrCat(path, ".", member)};
  }
  bool Has(const std::string& member) const { return json->is_object() && json->contains(member); }
};

class Reader {
 public:
  Reader(std::string name, const GivenSettings& flags, Config* config)
      : name_(std::move(name)), flags_(flags), config_(*config) {}

  absl::Status Read(const std::string& text) {
    Json json;
    if (Parse(text, &json)) ReadFile({&json, ""});
    if (problems_.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrJoin(problems_, "\n"));
  }

 private:
  void Wrong(const std::string& path, absl::string_view why) {
    if (problems_.size() < kMaxProblems) {
      problems_.push_back(absl::StrCat(name_, path.empty() ? "" : ": ", path, ": ", why));
    } else if (problems_.size() == kMaxProblems) {
      problems_.push_back(absl::StrCat(name_, ": and more"));
    }
  }

  // nlohmann::json keeps the last of two members of one name; here that is an error.
  bool Parse(const std::string& text, Json* out) {
    std::vector<std::set<std::string>> open;
    std::string twice;
    try {
      *out = Json::parse(text, [&](int, Json::parse_event_t event, Json& parsed) {
        if (event == Json::parse_event_t::object_start) open.emplace_back();
        if (event == Json::parse_event_t::object_end) open.pop_back();
        if (event == Json::parse_event_t::key &&
            !open.back().insert(parsed.get<std::string>()).second) {
          twice = parsed.get<std::string>();
        }
        return true;
      });
    } catch (const Json::exception& error) {
      std::string what = error.what();
      if (const size_t at = what.find("] "); at != what.npos) what = what.substr(at + 2);
      Wrong("", absl::StrCat("not JSON: ", what));
      return false;
    }
    if (!twice.empty())
      Wrong("", absl::StrCat("the member \"", twice, "\" stands twice in one object"));
    if (!out->is_object()) Wrong("", "not an object");
    return problems_.empty();
  }

  // ---- Values.

  // `object`: its name in kFields. Every member must be known.
  bool CheckObject(const Node& node, const std::string& object) {
    if (!node.json->is_object()) {
      Wrong(node.path, "not an object");
      return false;
    }
    for (const auto& item : node.json->items()) {
      const std::string& member = item.key();
      const bool known = std::any_of(
          std::begin(kFields), std::end(kFields),
          [&](const Field& field) { return field.object == object && field.name == member; });
      const Setting* setting = object.empty() ? FindSetting(member) : nullptr;
      if (known || (setting != nullptr && setting->key == nullptr)) continue;
      const bool is_key = FindSetting(member) != nullptr && FindSetting(member)->key != nullptr;
      Wrong(node.At(member).path,
            is_key ? "a key of RFC 7143 stands in \"keys\"" : "there is no such member");
    }
    return true;
  }

  bool Array(const Node& node, const std::string& member, bool required) {
    if (!node.Has(member)) {
      if (required)
        Wrong(node.path.empty() ? member : absl::StrCat(node.path, ".", member), "is missing");
      return false;
    }
    const Node array = node.At(member);
    if (!array.json->is_array()) {
      Wrong(array.path, "not an array");
      return false;
    }
    if (array.json->empty()) Wrong(array.path, "is empty");
    return !array.json->empty();
  }

  bool Text(const Node& node, std::string* out) {
    if (!node.json->is_string()) {
      Wrong(node.path, "not a text");
      return false;
    }
    *out = node.json->get<std::string>();
    if (out->empty() || out->find('\0') != out->npos) {
      Wrong(node.path, out->empty() ? "is empty" : "holds a zero byte");
      return false;
    }
    return true;
  }

  bool Member(const Node& node, const std::string& member, bool required, std::string* out) {
    if (node.Has(member)) return Text(node.At(member), out);
    if (required) Wrong(absl::StrCat(node.path, ".", member), "is missing");
    return false;
  }

  void Boolean(const Node& node, const std::string& member, bool* out) {
    if (!node.Has(member)) return;
    const Node value = node.At(member);
    if (value.json->is_boolean()) {
      *out = value.json->get<bool>();
    } else {
      Wrong(value.path, "neither true nor false");
    }
  }

  bool Number(const Node& node, uint64_t most, uint64_t* out) {
    if (!node.json->is_number_unsigned() || node.json->get<uint64_t>() > most) {
      Wrong(node.path, absl::StrCat("not a number from 0 to ", most));
      return false;
    }
    *out = node.json->get<uint64_t>();
    return true;
  }

  bool Name(const Node& node, std::string* out) {
    if (!Text(node, out)) return false;
    const text::NameCheck check = text::CheckIscsiName(*out);
    if (check == text::NameCheck::kOk) return true;
    Wrong(node.path, absl::StrCat("\"", *out, "\" is not an iSCSI name: ",
                                  std::string(text::Describe(check)), " (RFC 7143 section 4.2.7)"));
    return false;
  }

  // As settings take it: text, number, boolean; an array of texts is a list.
  bool SettingText(const Node& node, std::string* out) {
    if (node.json->is_string()) {
      *out = node.json->get<std::string>();
    } else if (node.json->is_boolean()) {
      *out = node.json->get<bool>() ? "true" : "false";
    } else if (node.json->is_number_unsigned()) {
      *out = absl::StrCat(node.json->get<uint64_t>());
    } else if (node.json->is_array() &&
               std::all_of(node.json->begin(), node.json->end(),
                           [](const Json& word) { return word.is_string(); })) {
      *out = absl::StrJoin(node.json->get<std::vector<std::string>>(), ",");
    } else {
      Wrong(node.path, "neither text, number (0 or more), true, false nor a list of texts");
      return false;
    }
    return true;
  }

  void Set(const Setting& setting, const Node& node) {
    std::string value;
    if (!SettingText(node, &value)) return;
    const bool given = std::any_of(flags_.begin(), flags_.end(),
                                   [&](const auto& flag) { return flag.first == &setting; });
    Config scratch = config_;  // what a flag overrules is checked all the same
    if (absl::Status status = setting.set(given ? scratch : config_, value); !status.ok()) {
      Wrong(node.path, absl::StrCat("\"", value, "\": ", status.message()));
    }
  }

  void Keys(const Node& node, text::Offer* offer) {
    if (!node.Has("keys")) return;
    const Node keys = node.At("keys");
    if (!keys.json->is_object()) return Wrong(keys.path, "not an object");
    for (const auto& [name, json] : keys.json->items()) {
      const Node value = keys.At(name);
      const Setting* setting = FindSetting(name);
      if (setting == nullptr || setting->key == nullptr) {
        Wrong(value.path, "not a key of RFC 7143 that a target sets");
        continue;
      }
      if (setting->key->key == text::Key::kTargetPortalGroupTag) {
        Wrong(value.path, "follows from the portal's group");
        continue;
      }
      std::string text;
      if (!SettingText(value, &text)) continue;
      if (absl::Status status = transport::SetOffer(*setting->key, text, *config_.texts, offer);
          !status.ok()) {
        Wrong(value.path, absl::StrCat("\"", text, "\": ", status.message()));
      }
    }
  }

  void CheckKeys(const Node& node, const text::Offer& offer) {
    if (absl::Status status = CheckOffer(offer); !status.ok()) {
      Wrong(node.path.empty() ? "keys" : absl::StrCat(node.path, ".keys"), status.message());
    }
  }

  // ---- Objects.

  void ReadFile(const Node& file) {
    CheckObject(file, "");
    for (const auto& [member, value] : file.json->items()) {
      const Setting* setting = FindSetting(member);
      if (setting != nullptr && setting->key == nullptr) Set(*setting, file.At(member));
    }
    Keys(file, &config_.offer);
    for (const auto& [setting, value] : flags_) {
      if (setting->key != nullptr) (void)setting->set(config_, value).ok();  // was checked
    }
    CheckKeys(file, config_.offer);
    if (config_.mutual_chap_required && config_.chap_secrets.empty()) {
      Wrong("mutual_chap_required", "needs chap_secrets");
    }
    if (Array(file, "portals", true)) {
      const Node portals = file.At("portals");
      for (size_t i = 0; i < portals.json->size(); ++i) Portal(portals.At(i));
    }
    if (Array(file, "targets", true)) {
      const Node targets = file.At("targets");
      for (size_t i = 0; i < targets.json->size(); ++i) Target(targets.At(i));
    }
  }

  void Portal(const Node& node) {
    if (!CheckObject(node, "portals[]")) return;
    PortalConfig portal;
    std::string address;
    if (Member(node, "address", true, &address)) {
      absl::StatusOr<transport::Address> parsed =
          transport::ParseAddress(address, transport::kDefaultPort);
      if (!parsed.ok()) {
        Wrong(node.At("address").path, parsed.status().message());
      } else if (portal.address = *parsed;
                 parsed->port != 0 && !addresses_.emplace(parsed->ToString(), node.path).second) {
        Wrong(node.At("address").path,
              absl::StrCat("is ", addresses_[parsed->ToString()], "'s too"));
      }
    }
    if (uint64_t group = 0; node.Has("group") && Number(node.At("group"), 65535, &group)) {
      portal.group = static_cast<uint16_t>(group);
    }
    config_.portals.push_back(std::move(portal));
  }

  void Target(const Node& node) {
    if (!CheckObject(node, "targets[]")) return;
    TargetConfig target;
    target.where = absl::StrCat(name_, ": ", node.path);
    if (!node.Has("name")) {
      Wrong(node.path + ".name", "is missing");
    } else if (Name(node.At("name"), &target.name) &&
               !names_.emplace(target.name, node.path).second) {
      Wrong(node.At("name").path, absl::StrCat("is ", names_[target.name], "'s too"));
    }
    target.offer = config_.offer;
    Keys(node, &target.offer);
    CheckKeys(node, target.offer);
    Groups(node, &target);
    Access(node, &target);
    if (node.Has("redirect")) {
      Redirect(node.At("redirect"), &target);
      if (node.Has("luns"))
        Wrong(node.At("luns").path, "a target that redirects has no disks here");
    } else if (Array(node, "luns", true)) {
      const Node luns = node.At("luns");
      for (size_t i = 0; i < luns.json->size(); ++i) Lun(luns.At(i), i, &target);
    }
    config_.targets.push_back(std::move(target));
  }

  void Groups(const Node& node, TargetConfig* target) {
    if (!Array(node, "portal_groups", false)) return;
    const Node groups = node.At("portal_groups");
    for (size_t i = 0; i < groups.json->size(); ++i) {
      uint64_t group = 0;
      if (!Number(groups.At(i), 65535, &group)) continue;
      const bool exists =
          std::any_of(config_.portals.begin(), config_.portals.end(),
                      [&](const PortalConfig& portal) { return portal.group == group; });
      if (!exists) Wrong(groups.At(i).path, absl::StrCat("no portal is in group ", group));
      target->portal_groups.push_back(static_cast<uint16_t>(group));
    }
  }

  void Access(const Node& node, TargetConfig* target) {
    if (Array(node, "initiators", false)) {
      const Node initiators = node.At("initiators");
      for (size_t i = 0; i < initiators.json->size(); ++i) {
        std::string name;
        if (Name(initiators.At(i), &name)) target->initiators.push_back(name);
      }
    }
    target->chap_secrets = config_.chap_secrets;
    target->mutual_chap_required = config_.mutual_chap_required;
    Member(node, "chap_secrets", false, &target->chap_secrets);
    Boolean(node, "mutual_chap_required", &target->mutual_chap_required);
    if (target->mutual_chap_required && target->chap_secrets.empty()) {
      Wrong(node.path + ".mutual_chap_required", "needs chap_secrets");
    }
  }

  void Redirect(const Node& node, TargetConfig* target) {
    if (!CheckObject(node, "targets[].redirect")) return;
    Boolean(node, "permanent", &target->redirect.permanent);
    if (!Member(node, "address", true, &target->redirect.address)) return;
    absl::StatusOr<transport::Address> parsed =
        transport::ParseAddress(target->redirect.address, transport::kDefaultPort);
    if (!parsed.ok()) return Wrong(node.At("address").path, parsed.status().message());
    if (parsed->port == 0) return Wrong(node.At("address").path, "the port 0 is nowhere");
    target->redirect.address = parsed->ToString();
  }

  void Lun(const Node& node, size_t index, TargetConfig* target) {
    if (!CheckObject(node, "targets[].luns[]")) return;
    LunConfig lun;
    uint64_t number = index;
    if (node.Has("number") && !Number(node.At("number"), scsi::Device::kMaxLun, &number)) return;
    lun.number = static_cast<uint16_t>(number);
    const bool taken =
        std::any_of(target->luns.begin(), target->luns.end(),
                    [&](const LunConfig& other) { return other.number == lun.number; });
    if (taken) Wrong(node.path, absl::StrCat("LUN ", number, " stands twice"));
    lun.where = absl::StrCat(name_, ": ", node.path);
    if (node.Has("path") == node.Has("ram"))
      return Wrong(node.path, "needs one of \"path\" and \"ram\"");
    std::string place;
    const std::string member = node.Has("path") ? "path" : "ram";
    if (!Member(node, member, true, &place)) return;
    absl::StrAppend(&lun.where, ".", member);
    if (member == "ram" && place.find(',') != place.npos)
      return Wrong(node.At("ram").path, "is not a size");
    // The specification of --lun, with the path put in afterwards: it may hold commas here.
    std::string spec = member == "ram" ? absl::StrCat("ram:", place) : "file:x";
    for (const char* blocks : {"block", "physical"}) {
      uint64_t bytes = 0;
      if (node.Has(blocks) && Number(node.At(blocks), 1 << 20, &bytes))
        absl::StrAppend(&spec, ",", blocks, "=", bytes);
    }
    bool readonly = false;
    Boolean(node, "readonly", &readonly);
    bool removable = false;
    Boolean(node, "removable", &removable);
    absl::StatusOr<LunSpec> parsed = ParseLunSpec(spec);
    if (!parsed.ok()) return Wrong(node.path, parsed.status().message());
    lun.spec = *std::move(parsed);
    lun.spec.read_only = readonly;
    lun.spec.removable = removable;
    if (member == "path") {
      lun.spec.path = place;
      const auto [other, first] = paths_.emplace(place, std::pair(node.path, readonly));
      if (!first && !(readonly && other->second.second)) {
        Wrong(node.At("path").path,
              absl::StrCat("is served by ", other->second.first,
                           " too; only disks that are all readonly may share a file"));
      }
    }
    target->luns.push_back(std::move(lun));
  }

  const std::string name_;
  const GivenSettings& flags_;
  Config& config_;
  std::vector<std::string> problems_;
  std::map<std::string, std::string> addresses_, names_;       // where each stands
  std::map<std::string, std::pair<std::string, bool>> paths_;  // and whether it is readonly
};

absl::StatusOr<std::string> ReadWhole(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"),
                                                             std::fclose);
  if (file == nullptr) return absl::ErrnoToStatus(errno, absl::StrCat("--config=", path));
  std::string text(kMaxFileBytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0)
    return absl::ErrnoToStatus(errno, absl::StrCat("--config=", path));
  if (text.size() > kMaxFileBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("--config=", path, ": over ", kMaxFileBytes, " bytes"));
  }
  return text;
}

}  // namespace

absl::Status ReadConfigText(const std::string& name, const std::string& text,
                            const GivenSettings& flags, Config* config) {
  return Reader(name, flags, config).Read(text);
}

absl::Status ReadConfigFile(const std::string& path, const GivenSettings& flags, Config* config) {
  absl::StatusOr<std::string> text = ReadWhole(path);
  if (!text.ok()) return text.status();
  return ReadConfigText(path, *text, flags, config);
}

std::string ConfigFileMarkdown() {
  std::string text;
  std::string object = "none";
  for (const Field& field : kFields) {
    if (object != field.object) {
      object = field.object;
      absl::StrAppend(&text, text.empty() ? "" : "\n",
                      object.empty() ? "The file itself, besides the settings above:"
                                     : absl::StrCat("`", object, "`:"),
                      "\n\n| Member | Values | Meaning |\n|---|---|---|\n");
    }
    absl::StrAppend(&text, "| `", field.name, "` | ", field.values, " | ", field.help, " |\n");
  }
  return text;
}

}  // namespace isthmus::target
