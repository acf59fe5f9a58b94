// Writes the seeds of the PDU fuzzers: pdu_seeds FOLDER fills FOLDER/pdu_split_fuzzer and
// FOLDER/pdu_decode_fuzzer. Files are named by a hash of what they hold.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "protocol/connection/testing/wire_model.h"

namespace {

using isthmus::testing_support::ByteVector;
using isthmus::testing_support::MakePdu;
using isthmus::testing_support::ModelPdu;
using isthmus::testing_support::WireStream;

void Write(const std::filesystem::path& folder, const ByteVector& bytes) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (std::byte byte : bytes) hash = (hash ^ std::to_integer<uint64_t>(byte)) * 0x100000001b3u;
  char name[17];
  std::snprintf(name, sizeof(name), "%016llx", static_cast<unsigned long long>(hash));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / name, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

ByteVector SplitSeed(uint8_t options, const std::vector<uint8_t>& pieces) {
  const bool header_digest = (options & 1) != 0;
  const bool data_digest = (options & 2) != 0;
  WireStream stream;
  const auto add = [&](const ModelPdu& pdu) { stream.Add(pdu, header_digest, data_digest); };
  add(MakePdu(0x01, 0, options));
  add(MakePdu(0x41, 9, options, 3));
  add(MakePdu(0x05, 64, options + 1u));
  ModelPdu bad = MakePdu(0x05, 6, options + 2u);
  bad.data_digest_xor = 1;
  add(bad);
  add(MakePdu(0x25, 3, options + 3u));
  add(MakePdu(0x3f, 0, options + 4u));
  ByteVector seed = {std::byte{options}, static_cast<std::byte>(pieces.size())};
  for (uint8_t piece : pieces) seed.push_back(std::byte{piece});
  seed.insert(seed.end(), stream.bytes().begin(), stream.bytes().end());
  return seed;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: pdu_seeds FOLDER\n");
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  const std::vector<uint8_t> ones(200, 0);
  for (unsigned options = 0; options < 256; options += 11) {
    const std::vector<uint8_t> pieces =
        options % 2 == 0 ? ones : std::vector<uint8_t>{47, 3, 0, 9, 15, 100};
    Write(folder / "pdu_split_fuzzer", SplitSeed(static_cast<uint8_t>(options), pieces));
  }
  // Every opcode of section 11.2.1.2, with the two kinds of AHS behind it.
  for (unsigned opcode : {0x00u, 0x41u, 0x42u, 0x43u, 0x04u, 0x05u, 0x06u, 0x10u, 0x20u, 0x21u,
                          0x22u, 0x23u, 0x24u, 0x25u, 0x26u, 0x31u, 0x32u, 0x3fu}) {
    ModelPdu pdu = MakePdu(static_cast<uint8_t>(opcode), 0, opcode);
    pdu.ahs = isthmus::testing_support::FromHex(
        "00 05 02 00 00 00 10 00 00 07 01 00 11 22 33 44 55 66 00 00");
    ByteVector seed = {static_cast<std::byte>(opcode & 3)};
    const ByteVector bytes = Encode(pdu, false, false);
    seed.insert(seed.end(), bytes.begin(), bytes.end());
    Write(folder / "pdu_decode_fuzzer", seed);
  }
  return 0;
}
