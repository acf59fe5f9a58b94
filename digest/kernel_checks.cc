#include "digest/kernel_checks.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "digest/algebra.h"
#include "digest/bit_model.h"
#include "digest/kernel.h"
#include "digest/value.h"

namespace isthmus::digest {
namespace {

using Bytes = std::vector<unsigned char>;

std::string Difference(const char* what, std::size_t at, std::size_t size, Crc32c got,
                       std::uint32_t want) {
  return std::string(what) + " at " + std::to_string(at) + ", size " + std::to_string(size) +
         ": got " + std::to_string(got.value) + ", want " + std::to_string(want);
}

// RFC 7143 appendix A.4: the bytes as the RFC prints them, and their digest in wire order.
std::string PublishedVectors(const Kernel& kernel) {
  struct Vector {
    Bytes bytes;
    unsigned char wire[4];
  };
  std::vector<Vector> vectors = {
      {Bytes(32, 0x00), {0xaa, 0x36, 0x91, 0x8a}},
      {Bytes(32, 0xff), {0x43, 0xab, 0xa8, 0x62}},
      {Bytes(32), {0x4e, 0x79, 0xdd, 0x46}},
      {Bytes(32), {0x5c, 0xdb, 0x3f, 0x11}},
      {{0x01, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00,
        0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x18, 0x28, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00},
       {0x56, 0x3a, 0x96, 0xd9}},
      // The check value of the CRC catalogues, e3069283.
      {{'1', '2', '3', '4', '5', '6', '7', '8', '9'}, {0x83, 0x92, 0x06, 0xe3}},
      {{}, {0, 0, 0, 0}},
  };
  for (unsigned i = 0; i < 32; ++i) {
    vectors[2].bytes[i] = static_cast<unsigned char>(i);
    vectors[3].bytes[i] = static_cast<unsigned char>(31 - i);
  }
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    const Vector& v = vectors[i];
    const Crc32c crc = kernel.extend({}, v.bytes.data(), v.bytes.size());
    std::byte wire[kDigestSize];
    StoreDigest(crc, wire);
    if (std::memcmp(wire, v.wire, 4) != 0) {
      return Difference("published vector", i, v.bytes.size(), crc, 0);
    }
    if (LoadDigest(wire) != crc) return "a digest read back differs";
  }
  return {};
}

}  // namespace

const KernelCheck kKernelChecks[] = {
    {"PublishedVectors", PublishedVectors, false},
    {nullptr, nullptr, false},
};

}  // namespace isthmus::digest
