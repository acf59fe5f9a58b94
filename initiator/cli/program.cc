#include "initiator/cli/program.h"

#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "digest/select.h"
#include "transport/counters.h"
#include "transport/device_models.h"
#include "transport/private_file.h"

namespace isthmus::initiator {
namespace {

std::string AskForSecret(const std::string& user, const std::string& target) {
  std::string secret;
  termios before;
  if (tcgetattr(STDIN_FILENO, &before) != 0) return secret;
  std::fprintf(stderr, "CHAP secret of %s at %s: ", user.c_str(), target.c_str());
  termios hidden = before;
  hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
  for (int c; (c = std::getchar()) != EOF && c != '\n';) secret.push_back(static_cast<char>(c));
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
  std::fputc('\n', stderr);
  return secret;
}

}  // namespace

void Program::Print(const Json& json, const std::string& text) {
  std::printf("%s\n", flags_.json ? json.dump().c_str() : text.c_str());
}

void Program::AddCounters(Json& json, const char* name, Client* client) {
  if (client == nullptr) return;
  const ClientCounters counters = client->counters();
  Json& side = json[name];
  side["connections"] = counters.connections;
  side["header_digest"] =
      client->parameters().HeaderDigest == text::DigestAlgorithm::kCRC32C ? "CRC32C" : "None";
  side["data_digest"] =
      client->parameters().DataDigest == text::DigestAlgorithm::kCRC32C ? "CRC32C" : "None";
  side["commands"] = counters.session.commands;
  side["reissued_commands"] = counters.session.reissued_commands;
  side["data_in_sequences_too_long"] = counters.session.data_in_sequences_too_long;
  side["received"] = transport::ToJson(counters.received);
  side["sent"] = transport::ToJson(counters.sent);
  if (offload_ != nullptr) {
    side["offload"] = offload_->name();
    side["device"] = transport::ToJson(counters.device);
  }
}

absl::Status Program::Prepare() {
  signal(SIGPIPE, SIG_IGN);
  if (absl::Status status = CheckKeys(); !status.ok()) return status;
  kernel_ = flags_.digest_kernel.empty() ? &digest::SelectKernel()
                                         : digest::KernelByName(flags_.digest_kernel);
  if (kernel_ == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("--digest_kernel=", flags_.digest_kernel,
                                                   ": this machine has none of that name"));
  }
  absl::StatusOr<std::unique_ptr<transport::DeviceModel>> offload =
      transport::OpenDeviceModel(flags_.offload);
  if (!offload.ok()) return offload.status();
  offload_ = *std::move(offload);
  if (!flags_.secret_file.empty()) {
    absl::StatusOr<std::unique_ptr<transport::SecretFile>> file =
        transport::SecretFile::Read(flags_.secret_file);
    if (!file.ok()) {
      // Whatever is wrong with the file is wrong with the arguments.
      return absl::InvalidArgumentError(absl::StrCat("--secret_file: ", file.status().message()));
    }
    secrets_ = *std::move(file);
  }
  if (!flags_.capture_path.empty()) {
    absl::StatusOr<std::unique_ptr<transport::CaptureFile>> file =
        transport::CaptureFile::Create(flags_.capture_path, {.secrets = flags_.capture_secrets});
    if (!file.ok()) return file.status();
    capture_ = *std::move(file);
  }
  return absl::OkStatus();
}

absl::Status Program::Chap(const ParsedUrl& url, ClientOptions* options) {
  if (!url.secret.empty()) {
    url_secrets_.push_back(std::make_unique<std::string>(url.secret));
    options->chap.name = *url_secrets_.emplace_back(std::make_unique<std::string>(url.user));
    options->chap.secret = *url_secrets_[url_secrets_.size() - 2];
    return absl::OkStatus();
  }
  if (secrets_ != nullptr) {
    for (const transport::SecretEntry& entry : secrets_->initiators()) {
      if (!url.user.empty() && entry.name != url.user) continue;
      options->chap.name = entry.name;
      options->chap.secret = entry.secret;
      options->chap.target_name = secrets_->mutual().name;
      options->chap.target_secret = secrets_->mutual().secret;
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(
        absl::StrCat("--secret_file: holds no secret of the user ", url.user));
  }
  if (url.user.empty()) return absl::OkStatus();
  if (isatty(STDIN_FILENO) == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the user ", url.user, " needs a secret: --secret_file, or a terminal to ask at"));
  }
  url_secrets_.push_back(
      std::make_unique<std::string>(AskForSecret(url.user, url.portal.ToString())));
  options->chap.secret = *url_secrets_.back();
  url_secrets_.push_back(std::make_unique<std::string>(url.user));
  options->chap.name = *url_secrets_.back();
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Client>> Program::Connect(ParsedUrl& url) {
  ClientOptions options;
  options.portal = url.portal;
  options.initiator_name = std::string(flags_.offer.InitiatorName);
  options.target_name = url.target_name;
  options.offer = flags_.offer;
  options.chap_algorithms = flags_.chap_algorithms;
  if (url.says_header_digest) options.offer.HeaderDigest = url.header_digest;
  if (url.says_data_digest) options.offer.DataDigest = url.data_digest;
  options.limits.queue_depth = std::max(128u, flags_.depth);
  options.kernel = kernel_;
  options.capture = capture_.get();
  options.offload = offload_.get();
  options.connect_timeout = absl::Seconds(flags_.connect_timeout_s);
  options.reconnect_timeout = absl::Seconds(flags_.reconnect_timeout_s);
  if (absl::Status status = Chap(url, &options); !status.ok()) return status;
  transport::Wipe(url.secret);
  return Client::Open(options);
}

absl::StatusOr<std::unique_ptr<Endpoint>> Program::OpenUrl(const std::string& name) {
  absl::StatusOr<ParsedUrl> url = ParseUrl(name);
  if (!url.ok()) return url.status();
  absl::StatusOr<std::unique_ptr<Client>> client = Connect(*url);
  if (!client.ok()) return client.status();
  return OpenDisk(*std::move(client), url->lun);
}

}  // namespace isthmus::initiator
