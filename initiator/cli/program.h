// The program iscsi: one command line, from its arguments to its exit status.
//
//   int main(int argc, char** argv) { return Program().Run(argc, argv); }
//
// Secrets are held as long as the program runs and wiped at its end.
#ifndef ISTHMUS_INITIATOR_CLI_PROGRAM_H_
#define ISTHMUS_INITIATOR_CLI_PROGRAM_H_

#include <unistd.h>

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "digest/kernel.h"
#include "initiator/cli/endpoint.h"
#include "initiator/cli/transfer.h"
#include "initiator/client/client.h"
#include "initiator/client/url.h"
#include "protocol/text/negotiation.h"
#include "transport/capture.h"
#include "transport/chap_algorithms.h"
#include "transport/device_link.h"
#include "transport/key_flags.h"
#include "transport/secret_file.h"

namespace CLI {
class App;
}

namespace isthmus::initiator {

using Json = nlohmann::ordered_json;

struct Flags {
  std::string secret_file, capture_path, digest_kernel, offload = "software";
  bool capture_secrets = false, json = false, progress = false;
  double connect_timeout_s = 10, reconnect_timeout_s = 30;
  uint32_t depth = 16;
  uint64_t block_bytes = 256 << 10;
  text::Offer offer = DefaultOffer();
  transport::ChapAlgorithms chap_algorithms;  // empty: the client's own
};

class Program {
 public:
  // The exit status of the program.
  int Run(int argc, char** argv);

 private:
  // main.cc: the arguments.
  void AddKeys(CLI::App& app);
  void AddChapAlgorithms(CLI::App& app);
  absl::Status CheckKeys() const;

  // program.cc: what every command needs.
  absl::Status Prepare();
  absl::StatusOr<std::unique_ptr<Client>> Connect(ParsedUrl& url);
  absl::StatusOr<std::unique_ptr<Endpoint>> Open(const std::string& name, uint64_t bytes_to_write);
  absl::StatusOr<std::unique_ptr<Endpoint>> OpenUrl(const std::string& name);
  absl::Status Chap(const ParsedUrl& url, ClientOptions* options);
  TransferOptions Options(Progress& progress) {
    return {flags_.block_bytes, flags_.depth,
            [&progress](uint64_t done) { progress.Update(done); }};
  }
  void Print(const Json& json, const std::string& text);
  void AddCounters(Json& json, const char* name, Client* client);
  bool Shown() const { return flags_.progress || (isatty(STDERR_FILENO) != 0 && !flags_.json); }

  // commands.cc: one function a command.
  absl::Status Discover();
  absl::Status ShowInquiry();
  absl::Status ShowCapacity();
  absl::Status ShowLuns();
  absl::Status DoRead();
  absl::Status DoWrite();
  absl::Status DoCopy();
  absl::Status DoVerify();
  absl::Status DoBench();
  absl::Status DoPing();
  absl::Status Transfer(Endpoint& source, Endpoint& sink, uint64_t bytes, const std::string& label);

  Flags flags_;
  transport::KeyTexts key_texts_;  // what the offer's texts stand in
  std::string first_, second_;
  std::string output_ = "-";
  uint64_t offset_ = 0, length_ = 0;
  BenchOptions bench_;
  double bench_seconds_ = 5;
  std::string bench_mode_ = "read";
  uint32_t ping_count_ = 4, ping_bytes_ = 32;
  std::unique_ptr<transport::SecretFile> secrets_;
  std::vector<std::unique_ptr<std::string>> url_secrets_;  // wiped at the end
  std::unique_ptr<transport::CaptureFile> capture_;
  std::unique_ptr<transport::DeviceModel> offload_;
  const digest::Kernel* kernel_ = nullptr;
};

}  // namespace isthmus::initiator

#endif  // ISTHMUS_INITIATOR_CLI_PROGRAM_H_
