// iscsi: discovers, inspects, reads, writes, copies, verifies and measures iSCSI disks. Its arguments and exit status.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "capi/version.h"
#include "initiator/cli/program.h"
#include "initiator/client/url.h"
#include "protocol/text/key_table.h"
#include "protocol/text/negotiation.h"
#include "transport/chap_algorithms.h"
#include "transport/device_models.h"
#include "transport/key_flags.h"
#include "transport/private_file.h"
#include "transport/run_program.h"

namespace isthmus::initiator {
namespace {

// Exit codes tell causes apart; the README lists them.
struct ExitRow {
  absl::StatusCode code;
  int exit;
};
constexpr ExitRow kExits[] = {
    {absl::StatusCode::kInvalidArgument, 2},   // the arguments
    {absl::StatusCode::kNotFound, 3},          // no such target (or file)
    {absl::StatusCode::kPermissionDenied, 4},  // refused
    {absl::StatusCode::kUnauthenticated, 5},   // authentication, either way
    {absl::StatusCode::kFailedPrecondition,
     6},                                  // a digest that one side demands and the other lacks
    {absl::StatusCode::kUnavailable, 7},  // no connection, or a lost one
    {absl::StatusCode::kDeadlineExceeded, 7},
    {absl::StatusCode::kDataLoss, 8},  // data or digests wrong; verify found a difference
};

int ExitOf(const absl::Status& status) {
  if (status.ok()) return 0;
  for (const ExitRow& row : kExits) {
    if (row.code == status.code()) return row.exit;
  }
  return 1;
}

// A size such as 4096, 4k, 64K, 1M.
std::string ParseBytes(std::string& text) {
  uint64_t scale = 1;
  std::string digits = text;
  if (!digits.empty()) {
    const size_t unit = std::string("kmg").find(static_cast<char>(std::tolower(digits.back())));
    if (unit != std::string::npos) {
      scale = uint64_t{1} << (10 * (unit + 1));
      digits.pop_back();
    }
  }
  uint64_t value = 0;
  if (!absl::SimpleAtoi(digits, &value) || value > (uint64_t{1} << 60) / scale)
    return "not a number of bytes: " + text;
  text = absl::StrCat(value * scale);
  return {};
}

// Secrets in the argument list are there for all to see: overwritten at once, and said so.
void HideSecrets(int argc, char** argv, std::vector<std::string>* arguments) {
  bool found = false;
  for (int i = 1; i < argc; ++i) {
    arguments->emplace_back(argv[i]);
    const SecretPlace place = FindSecret(argv[i]);
    for (size_t at = 0; at < place.size; ++at) argv[i][place.offset + at] = '*';
    found |= place.size > 0;
  }
  if (found) {
    std::fputs(
        "iscsi: warning: a secret in a URL can be seen by others and stays in the shell's history; "
        "use --secret_file\n",
        stderr);
  }
}

}  // namespace

// Every key of the RFC that an initiator sets, in front of what the URL says of digests.
void Program::AddKeys(CLI::App& app) {
  flags_.offer.InitiatorName = "iqn.2026-11.org.isthmus:iscsi";
  for (const text::KeyInfo* key : transport::SettableKeys(Role::kInitiator)) {
    const auto set = [this, key](const std::string& value) {
      const absl::Status status = transport::SetOffer(*key, value, key_texts_, &flags_.offer);
      if (!status.ok()) {
        throw CLI::ValidationError(
            absl::StrCat("--", std::string(key->name), "=", value, ": ", status.message()));
      }
    };
    app.add_option_function<std::string>(transport::FlagOf(*key), set, transport::HelpOf(*key))
        ->default_str(transport::ValueOf(flags_.offer, *key))
        ->type_name("VALUE")
        ->group("Keys of RFC 7143 that we offer");
  }
}

void Program::AddChapAlgorithms(CLI::App& app) {
  const auto set = [this](const std::string& value) {
    absl::StatusOr<transport::ChapAlgorithms> algorithms = transport::ParseChapAlgorithms(value);
    if (!algorithms.ok()) {
      throw CLI::ValidationError(
          absl::StrCat("--chap_algorithms=", value, ": ", algorithms.status().message()));
    }
    flags_.chap_algorithms = *std::move(algorithms);
  };
  app.add_option_function<std::string>(
         "--chap_algorithms", set,
         "CHAP's hash algorithms to offer, in order of preference: list of " +
             transport::ChapAlgorithmChoices())
      ->default_str(transport::kChapAlgorithmsToOffer)
      ->type_name("VALUE");
}

absl::Status Program::CheckKeys() const {
  text::Offer offer = flags_.offer;
  offer.TargetName = "iqn.2026-11.org.isthmus:any";  // the URL's is checked there
  const std::optional<text::Key> wrong = text::FindInvalid(offer, Role::kInitiator);
  if (!wrong.has_value()) return absl::OkStatus();
  const text::KeyInfo& info = text::InfoOf(*wrong);
  return absl::InvalidArgumentError(
      absl::StrCat("--", std::string(info.name), ": the value breaks RFC 7143 section ",
                   std::string(info.section),
                   *wrong == text::Key::kFirstBurstLength ? " (it exceeds MaxBurstLength)" : ""));
}

int Program::Run(int argc, char** argv) {
  std::vector<std::string> arguments;
  HideSecrets(argc, argv, &arguments);
  CLI::App app(
      "iscsi uses iSCSI disks (RFC 7143): "
      "iscsi://[user@]host[:port]/target-name/lun[?header_digest=crc32c&data_digest=crc32c]",
      "iscsi");
  app.set_version_flag("--version", absl::StrCat("iscsi (Isthmus) ", kVersion), "Print the version");
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option(
      "--secret_file", flags_.secret_file,
      "CHAP secrets, mode 600: \"NAME SECRET\", and \"mutual NAME SECRET\" for the target");
  AddChapAlgorithms(app);
  app.add_option("--capture", flags_.capture_path,
                 "File for a packet capture (pcapng), secrets masked");
  app.add_flag("--capture_secrets", flags_.capture_secrets, "Leave CHAP responses in the capture");
  app.add_flag("--json", flags_.json, "Print one line of JSON");
  app.add_flag("--progress", flags_.progress, "Draw the progress bar also where no terminal is");
  app.add_option("--digest_kernel", flags_.digest_kernel,
                 "CRC32C kernel by name, instead of the best one");
  app.add_option("--offload", flags_.offload, transport::DeviceModelHelp())->capture_default_str();
  app.add_option("--connect_timeout_s", flags_.connect_timeout_s,
                 "Seconds to wait for a connection")
      ->capture_default_str();
  app.add_option("--reconnect_timeout_s", flags_.reconnect_timeout_s,
                 "Seconds to try a lost connection again; 0: not at all")
      ->capture_default_str();
  app.add_option("--depth", flags_.depth, "Requests under way at once")
      ->capture_default_str()
      ->check(CLI::Range(1, 4096));
  const CLI::Validator size(ParseBytes, "BYTES");
  app.add_option("--block", flags_.block_bytes, "Bytes of one request (4096, 64k, 1M)")
      ->capture_default_str()
      ->transform(size);
  AddKeys(app);

  absl::Status (Program::*action)() = nullptr;
  const auto command = [&](const char* name, const char* help, absl::Status (Program::*run)()) {
    CLI::App* sub = app.add_subcommand(name, help);
    sub->callback([&action, run] { action = run; });
    return sub;
  };
  const auto url = [&](CLI::App* sub) { sub->add_option("URL", first_, "The disk")->required(); };
  command("discover", "List the targets of a portal", &Program::Discover)
      ->add_option("HOST[:PORT]", first_)
      ->required();
  url(command("inquiry", "Who the disk says it is", &Program::ShowInquiry));
  url(command("capacity", "How large the disk is", &Program::ShowCapacity));
  url(command("luns", "The target's disks", &Program::ShowLuns));
  CLI::App* read =
      command("read", "Bytes of the disk to a file or standard output", &Program::DoRead);
  url(read);
  CLI::App* write = command("write", "A file or standard input to the disk", &Program::DoWrite);
  url(write);
  for (CLI::App* sub : {read, write}) {
    sub->add_option("FILE", output_, "- is standard output or input")->capture_default_str();
    sub->add_option("--offset", offset_, "First byte on the disk")->transform(size);
  }
  read->add_option("--length", length_, "Bytes; 0: to the end")->transform(size);
  CLI::App* copy =
      command("copy", "Everything from SRC to DST, either a file or a URL", &Program::DoCopy);
  copy->add_option("SRC", first_)->required();
  copy->add_option("DST", second_)->required();
  CLI::App* verify =
      command("verify", "Whether the disk begins with the bytes of a file (or another disk)",
              &Program::DoVerify);
  url(verify);
  verify->add_option("FILE", second_)->required();
  CLI::App* bench =
      command("bench", "IOPS, MB/s and latencies (--block, --depth)", &Program::DoBench);
  url(bench);
  bench->add_option("--mode", bench_mode_, "read, or write (which overwrites the disk)")
      ->check(CLI::IsMember({"read", "write"}))
      ->capture_default_str();
  bench->add_flag("--random", bench_.random, "Random offsets instead of sequential ones");
  bench->add_option("--seconds", bench_seconds_, "How long")->capture_default_str();
  CLI::App* ping = command("ping", "NOP-Out and back", &Program::DoPing);
  url(ping);
  ping->add_option("--count", ping_count_, "How many")->capture_default_str();
  ping->add_option("--bytes", ping_bytes_, "Bytes to be echoed")
      ->capture_default_str()
      ->check(CLI::Range(0, 4096));
  try {
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 takes them
    app.parse(std::vector<std::string>(arguments));
  } catch (const CLI::RequiredError& error) {
    if (app.get_subcommands().empty() && !arguments.empty()) {
      std::fprintf(stderr, "iscsi: %s: no command among the arguments; iscsi --help lists them\n",
                   WithoutSecret(arguments.back()).c_str());
      return 2;
    }
    std::fprintf(stderr, "iscsi: %s; iscsi --help lists commands and flags\n", error.what());
    return 2;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    std::fprintf(stderr, "iscsi: %s\n", error.what());
    return 2;
  }
  absl::Status status = Prepare();
  if (status.ok()) status = (this->*action)();
  if (capture_ != nullptr) status.Update(capture_->Flush());
  for (const std::string* place : {&first_, &second_}) {
    const SecretPlace secret = FindSecret(*place);
    if (secret.size > 0)
      explicit_bzero(const_cast<char*>(place->data()) + secret.offset, secret.size);
  }
  for (auto& secret : url_secrets_) transport::Wipe(*secret);
  if (!status.ok()) {
    const std::string message(status.message());
    if (flags_.json) {
      std::printf("%s\n", Json{{"error", message}, {"exit_status", ExitOf(status)}}.dump().c_str());
    }
    std::fprintf(stderr, "iscsi: %s\n", message.c_str());
  }
  return ExitOf(status);
}

}  // namespace isthmus::initiator

int main(int argc, char** argv) {
  return isthmus::transport::RunProgram(
      "iscsi", [&] { return isthmus::initiator::Program().Run(argc, argv); });
}
