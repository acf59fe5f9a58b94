// Writes the seeds that are made, not recorded: pdu_seeds FOLDER fills FOLDER/NAME for the fuzzers of PDUs, of the device
// models and of the pair. Files are named by a hash of what they hold.
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

// Configuration and script as fuzz/offload_fuzzer.cc has them.
ByteVector OffloadSeed(unsigned device, unsigned faults) {
  const uint8_t options = static_cast<uint8_t>(device % 4 != 3 ? 3 : 1 + faults % 3);
  WireStream stream;
  for (unsigned i = 0; i < 10; ++i) {
    ModelPdu pdu = MakePdu(i % 4 == 0 ? 0x01 : 0x05, i % 3 == 0 ? 0 : i * 97, device * 16 + i,
                           i % 5 == 0 ? 2 : 0);
    if (i == 6) pdu.data_digest_xor = 1;
    stream.Add(pdu, (options & 1) != 0, (options & 2) != 0);
  }
  ByteVector seed;
  for (unsigned byte : {options | (faults & 0x1cu), faults * 5, device, faults * 11, faults, 32u,
                        faults & 3, faults * 29 & 0xff}) {
    seed.push_back(static_cast<std::byte>(byte));
  }
  seed.push_back(std::byte{24});
  for (unsigned i = 0; i < 24; ++i) seed.push_back(static_cast<std::byte>(i * 83 + faults * 7));
  seed.insert(seed.end(), stream.bytes().begin(), stream.bytes().end());
  return seed;
}

// Configuration and edits as fuzz/pair_mitm_fuzzer.cc has them.
ByteVector PairSeed(unsigned configuration, unsigned kind, bool to_target) {
  ByteVector seed = {static_cast<std::byte>(configuration)};
  for (unsigned byte : {kind | (to_target ? 0u : 0x80u), 1 + kind % 4, 0u, 60u, 3u, 7u}) {
    seed.push_back(static_cast<std::byte>(byte));
  }
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
  for (unsigned device = 0; device < 6; ++device) {
    for (unsigned faults : {0u, 3u, 8u, 36u, 64u, 135u}) {
      Write(folder / "offload_fuzzer", OffloadSeed(device, faults));
    }
  }
  for (unsigned kind = 0; kind < 11; ++kind) {
    for (unsigned configuration : {0x00u, 0x44u, 0xb0u}) {
      Write(folder / "pair_mitm_fuzzer", PairSeed(configuration, kind, kind % 2 == 0));
      Write(folder / "pair_mitm_fuzzer", PairSeed(configuration + 8, kind, kind % 2 == 1));
    }
  }
  return 0;
}
