// Writes the scripts that bring an engine into each of its states (fuzz/cells.h) and then send it a PDU of each opcode:
// state_seeds FOLDER fills FOLDER/NAME for the session and login fuzzers. Files are named by a hash of what they hold.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/connection/testing/wire_model.h"

namespace {

using isthmus::testing_support::ByteVector;
using isthmus::testing_support::FromHex;

// fuzz/script.h, written anew: what reads it is not what writes it.
class Script {
 public:
  explicit Script(uint8_t configuration) : bytes_(1, static_cast<char>(configuration)) {}
  Script& Step(std::vector<uint8_t> operands) {
    return Record(1, {operands.begin(), operands.end()});
  }
  // A header in hex and data; the run mends numbers and tags.
  Script& Wire(std::string_view header, std::string data = "") {
    const ByteVector hex = FromHex(header);
    std::string pdu(reinterpret_cast<const char*>(hex.data()), hex.size());
    pdu[5] = 0;
    pdu[6] = static_cast<char>(data.size() >> 8);
    pdu[7] = static_cast<char>(data.size());
    data.resize((data.size() + 3) / 4 * 4);
    return Record(0, '\x07' + pdu + data);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  Script& Record(char kind, const std::string& bytes) {
    bytes_ += kind;
    bytes_ += static_cast<char>(bytes.size());
    bytes_ += static_cast<char>(bytes.size() >> 8);
    bytes_ += bytes;
    return *this;
  }
  std::string bytes_;
};

void Write(const std::filesystem::path& folder, const Script& script) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (char byte : script.bytes()) {
    hash = (hash ^ static_cast<uint8_t>(byte)) * 0x100000001b3u;
  }
  char name[17];
  std::snprintf(name, sizeof(name), "%016llx", static_cast<unsigned long long>(hash));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / name, std::ios::binary)
      .write(script.bytes().data(), static_cast<std::streamsize>(script.bytes().size()));
}

std::string Header(std::string_view opcode_and_flags, std::string_view tag = "00000001") {
  return std::string(opcode_and_flags) + " 0000 00000000 0000000000000000 " + std::string(tag) +
         " ffffffff 00000064 00000000 00000000000000000000000000000000";
}

// One of each opcode of section 11.2.1.2, and one that is none.
std::vector<std::string> Requests() {
  return {Header("00 80"),
          Header("01 80"),
          Header("02 85"),
          Header("43 87"),
          Header("04 80"),
          Header("05 80"),
          Header("10 80"),
          Header("1c 80"),
          "06 80 0000 00000000 0000000000000000 00000009 00000000 00000064 00000000 "
          "00000000000000000000000000000000"};
}
std::vector<std::string> Responses() {
  const std::string end =
      " 0000 00000000 8001000000000000 00000000 ffffffff 00000064 fffffffc "
      "00000005 000000000000000000000000";
  std::vector<std::string> all;
  for (const char* first :
       {"20 80", "21 80", "22 80", "23 87", "24 80", "25 81", "26 80", "31 80", "3f 80", "1c 80"}) {
    all.push_back(first + end);
  }
  all.push_back(
      "32 80 0000 00000000 0000000000000000 ffffffff ffffffff 00000064 fffffffc 00000005 "
      "040000000000000000000000");
  return all;
}

template <class Prepare>
void EachState(const std::filesystem::path& folder, const std::vector<std::string>& pdus,
               const Prepare& prepare) {
  for (const std::string& pdu : pdus) {
    Script script = prepare();
    Write(folder, script.Wire(pdu));
  }
}

void SessionTarget(const std::filesystem::path& folder) {
  const std::string read =
      "01 c1 0000 00000000 0000000000000000 00000001 00000200 00000064 00000000 "
      "28000000000000000100000000000000";
  const std::string logout = Requests().back();
  const auto requests = Requests();
  EachState(folder, requests, [] { return Script(3); });
  // LOGOUT_REQUESTED: the application asks for it. IN_LOGOUT: the read's task is not released.
  EachState(folder, requests, [] { return Script(3).Step({14, 3}); });
  EachState(folder, requests, [&] { return Script(3).Wire(read).Wire(logout); });
  // CLEANUP_WAIT and FREE: the session is dropped, or the transport closes.
  EachState(folder, requests, [&] { return Script(3).Wire(read).Step({14, 5, 0}); });
  EachState(folder, requests, [&] { return Script(3).Wire(read).Step({14, 6, 0}); });
}

void SessionInitiator(const std::filesystem::path& folder) {
  const std::vector<uint8_t> submit = {4, 1, 2, 0};
  const auto responses = Responses();
  EachState(folder, responses, [&] { return Script(0).Step(submit); });
  EachState(folder, responses, [&] { return Script(0).Step(submit).Step({9, 4}); });
  const std::string asks_logout =
      "32 80 0000 00000000 0000000000000000 ffffffff ffffffff 00000064 fffffffc 00000005 "
      "010000000000000500000000";
  EachState(folder, responses, [&] { return Script(0).Step(submit).Wire(asks_logout); });
  const std::string login_again = Responses()[3];
  EachState(folder, responses, [&] { return Script(0).Step(submit).Wire(login_again); });
  EachState(folder, responses, [&] { return Script(0).Step(submit).Step({10}); });
}

const std::string kNames = std::string("InitiatorName=iqn.2026-01.example:host\0", 39) +
                           std::string("TargetName=iqn.2026-01.example:disk\0", 36);

void LoginTarget(const std::filesystem::path& folder) {
  const auto requests = Requests();
  const auto login = [](const char* flags) { return Header(std::string("43 ") + flags); };
  EachState(folder, requests, [] { return Script(0); });
  // Configuration 8: the application answers when the script says so (step 6).
  EachState(folder, requests, [&] { return Script(8).Wire(login("87"), kNames); });
  EachState(folder, requests,
            [&] { return Script(8).Wire(login("87"), kNames).Step({6 + 0x80}).Step({6 + 0x80}); });
  EachState(folder, requests, [&] {
    return Script(8).Wire(login("87"), kNames).Step({6 + 0x80}).Step({7 + 0x80, 0});
  });
  EachState(folder, requests, [&] { return Script(0).Wire(login("04"), kNames); });
  // Configuration 1: CHAP is demanded.
  EachState(folder, requests, [&] {
    return Script(1)
        .Wire(login("00"), kNames + std::string("AuthMethod=CHAP\0", 16))
        .Wire(login("00"), std::string("CHAP_A=5\0", 9));
  });
  EachState(folder, requests, [&] { return Script(0).Wire(Header("1c 80")); });
  // The right answer to the challenge, and then the end of the login.
  const std::string response =
      std::string("CHAP_N=alice\0CHAP_R=0x", 22) + std::string(32, '0') + std::string(1, '\0');
  Write(folder, Script(1)
                    .Wire(login("00"), kNames + std::string("AuthMethod=CHAP\0", 16))
                    .Wire(login("00"), std::string("CHAP_A=5\0", 9))
                    .Wire(login("81"), response)
                    .Wire(login("87")));
}

void LoginInitiator(const std::filesystem::path& folder) {
  const auto responses = Responses();
  EachState(folder, responses, [] { return Script(0); });
  EachState(folder, responses, [] { return Script(8); });
  const std::string security =
      "23 00 0000 00000000 8001000000000000 00000000 00000000 00000001 "
      "00000001 00000001 000000000000000000000000";
  EachState(folder, responses, [&] {
    return Script(1).Wire(security, std::string("AuthMethod=CHAP\0TargetPortalGroupTag=1\0", 39));
  });
  EachState(folder, responses, [] { return Script(0).Step({4, 0}); });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: state_seeds FOLDER\n");
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  SessionTarget(folder / "session_target_fuzzer");
  SessionInitiator(folder / "session_initiator_fuzzer");
  LoginTarget(folder / "login_target_fuzzer");
  LoginInitiator(folder / "login_initiator_fuzzer");
  return 0;
}
