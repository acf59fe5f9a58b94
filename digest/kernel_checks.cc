#include "digest/kernel_checks.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "digest/algebra.h"
#include "digest/bit_model.h"
#include "digest/kernel.h"
#include "digest/value.h"

namespace isthmus::digest {
namespace {

using Bytes = std::vector<unsigned char>;
using Copy = Crc32c (*)(Crc32c, void*, const void*, std::size_t);

Bytes RandomBytes(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  Bytes bytes(size);
  for (auto& byte : bytes) byte = static_cast<unsigned char>(random());
  return bytes;
}

// The digest by the model of what `before` is the digest of, followed by the bytes.
Crc32c Model(Crc32c before, const unsigned char* data, std::size_t size) {
  return {~ReverseBits(BitModelRegister(ReverseBits(~before.value), data, size))};
}

// "" if the two agree.
std::string Compare(const std::string& what, Crc32c got, Crc32c want) {
  if (got == want) return {};
  return what + ": got " + std::to_string(got.value) + ", want " + std::to_string(want.value);
}

std::string At(const char* what, std::size_t offset, std::size_t size) {
  return std::string(what) + " at offset " + std::to_string(offset) + ", size " +
         std::to_string(size);
}

// Addresses that a check needs laid out; it ends the program if the system refuses.
class Mapping {
 public:
  // `size` bytes of address space, inaccessible.
  explicit Mapping(std::size_t size) : size_(size) {
    Take(mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  }
  Mapping(const Mapping&) = delete;
  ~Mapping() { munmap(base_, size_); }

  unsigned char* base() const { return base_; }

  void Open(std::size_t offset, std::size_t size) {
    if (mprotect(base_ + offset, size, PROT_READ | PROT_WRITE) != 0) std::abort();
  }
  // Puts the first `size` bytes of a file at `offset`.
  void Place(std::size_t offset, std::size_t size, int file) {
    void* at = mmap(base_ + offset, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0);
    if (at == MAP_FAILED) std::abort();
  }

 private:
  void Take(void* base) {
    if (base == MAP_FAILED) std::abort();
    base_ = static_cast<unsigned char*>(base);
  }

  unsigned char* base_ = nullptr;
  std::size_t size_;
};

// Memory that can be mapped at several addresses.
class MemoryFile {
 public:
  explicit MemoryFile(std::size_t size) : file_(memfd_create("digest", 0)) {
    if (file_ < 0 || ftruncate(file_, static_cast<off_t>(size)) != 0) std::abort();
  }
  MemoryFile(const MemoryFile&) = delete;
  ~MemoryFile() { close(file_); }
  int file() const { return file_; }

 private:
  int file_;
};

// RFC 7143 appendix A.4: the bytes, and their digest in wire order.
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
      return "published vector " + std::to_string(i) + ": got " + std::to_string(crc.value);
    }
    if (LoadDigest(wire) != crc) return "a digest read back differs";
    if (Model({}, v.bytes.data(), v.bytes.size()) != crc) return "the model differs";
  }
  return {};
}

// Every offset and every length up to 512 bytes, continuing digests of every look.
std::string EveryOffsetAndLength(const Kernel& kernel) {
  alignas(64) static unsigned char buffer[1024];
  const Bytes random = RandomBytes(sizeof buffer, 1);
  std::copy(random.begin(), random.end(), buffer);
  std::mt19937 seeds(2);
  for (std::size_t offset = 0; offset <= 512; ++offset) {
    const Crc32c before{static_cast<std::uint32_t>(seeds())};
    Crc32c want = before;
    for (std::size_t size = 0; size <= 512; ++size) {
      const unsigned char* p = buffer + offset;
      if (size != 0) want = Model(want, p + size - 1, 1);
      std::string bad =
          Compare(At("extend", offset, size), kernel.extend(before, p, size), want) +
          Compare(At("extend_cold", offset, size), kernel.extend_cold(before, p, size), want);
      if (!bad.empty()) return bad;
    }
  }
  return {};
}

std::string EverySplitOf2KiB(const Kernel& kernel) {
  const Bytes bytes = RandomBytes(2048, 3);
  const Crc32c want = Model({}, bytes.data(), bytes.size());
  for (std::size_t first = 0; first <= bytes.size(); ++first) {
    const Crc32c a = kernel.extend({}, bytes.data(), first);
    const Crc32c both = kernel.extend(a, bytes.data() + first, bytes.size() - first);
    const Crc32c cold = kernel.extend_cold(a, bytes.data() + first, bytes.size() - first);
    std::string bad = Compare(At("split", first, 2048), both, want) +
                      Compare(At("cold split", first, 2048), cold, want);
    if (!bad.empty()) return bad;
  }
  return {};
}

// Every length to past the first blocks, then lengths about each size at which a kernel may change
// its ways.
std::string LongRuns(const Kernel& kernel) {
  std::vector<std::size_t> sizes;
  for (std::size_t size = 0; size < 6200; ++size) sizes.push_back(size);
  for (std::size_t about : {8192u, 12288u, 15360u, 16384u, 65280u, 65536u, 130560u, 195840u,
                            261120u, 262144u, 1048576u, 3145728u}) {
    for (std::size_t size = about - 5; size <= about + 5; ++size) sizes.push_back(size);
    for (std::size_t size : {about + 63, about + 64, about + 191, about + 193, about + 1460}) {
      sizes.push_back(size);
    }
  }
  std::sort(sizes.begin(), sizes.end());
  const Bytes bytes = RandomBytes(sizes.back() + 100, 4);
  for (std::size_t offset : {0u, 1u, 48u}) {
    Crc32c want{0x12345678};
    std::size_t done = 0;
    for (std::size_t size : sizes) {
      const unsigned char* p = bytes.data() + offset;
      want = Model(want, p + done, size - done);
      done = size;
      std::string bad =
          Compare(At("extend", offset, size), kernel.extend({0x12345678}, p, size), want) +
          Compare(At("extend_cold", offset, size), kernel.extend_cold({0x12345678}, p, size), want);
      if (!bad.empty()) return bad;
    }
  }
  return {};
}

// The memory on both sides cannot be read, so a stray load ends the program.
std::string NothingOutsideIsRead(const Kernel& kernel) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t room = 4 * page;
  Mapping mapping(room + 2 * page);
  mapping.Open(page, room);
  unsigned char* const begin = mapping.base() + page;
  unsigned char* const end = begin + room;
  const Bytes random = RandomBytes(room, 5);
  std::copy(random.begin(), random.end(), begin);
  Bytes copy(room);
  for (std::size_t size = 0; size <= room; size += size < 1500 ? 1 : 97) {
    for (const unsigned char* p :
         {const_cast<const unsigned char*>(begin), const_cast<const unsigned char*>(end - size)}) {
      const Crc32c want = kernel.extend({}, p, size);
      if (kernel.extend_cold({}, p, size) != want) return At("cold", 0, size);
      if (kernel.copy_and_extend({}, copy.data(), p, size) != want) return At("copy", 0, size);
      if (kernel.copy_and_extend_streaming({}, copy.data(), p, size) != want) {
        return At("streaming copy", 0, size);
      }
    }
  }
  return {};
}

std::string CheckCopy(const Kernel& kernel, Copy copy, const Bytes& from, std::size_t from_offset,
                      std::size_t to_offset, std::size_t size) {
  constexpr std::size_t kGuard = 192;
  Bytes to(kGuard + 64 + size + kGuard, 0xA5);
  unsigned char* const d = to.data() + kGuard + to_offset;
  const unsigned char* const p = from.data() + from_offset;
  const Crc32c got = copy({77}, d, p, size);
  std::string bad = Compare(At("copy", from_offset, size), got, kernel.extend({77}, p, size));
  if (!bad.empty()) return bad;
  if (size != 0 && std::memcmp(d, p, size) != 0) return At("the copy differs", from_offset, size);
  const auto untouched = [](unsigned char byte) { return byte == 0xA5; };
  if (!std::all_of(to.data(), d, untouched) ||
      !std::all_of(d + size, to.data() + to.size(), untouched)) {
    return At("written outside", to_offset, size);
  }
  return {};
}

std::string CopiesStayWithinBounds(const Kernel& kernel) {
  const Bytes from = RandomBytes(1200000, 6);
  for (Copy copy : {kernel.copy_and_extend, kernel.copy_and_extend_streaming}) {
    for (std::size_t to_offset : {0u, 1u, 16u, 40u, 63u}) {
      for (std::size_t from_offset : {0u, 3u, 63u}) {
        for (std::size_t size = 0; size < 700; ++size) {
          std::string bad = CheckCopy(kernel, copy, from, from_offset, to_offset, size);
          if (!bad.empty()) return bad;
        }
        for (std::size_t size : {1460u, 4095u, 4096u, 4159u, 4160u, 8192u, 12345u, 65536u + 7,
                                 262144u + 63, 1048576u + 61}) {
          std::string bad = CheckCopy(kernel, copy, from, from_offset, to_offset, size);
          if (!bad.empty()) return bad;
        }
      }
    }
  }
  return {};
}

// The value is of what was stored, also if the source changes meanwhile: here because the target is
// the same memory at another address, so that each store changes bytes of the source that are still
// to come or have passed.
std::string CopiesDigestWhatTheyStore(const Kernel& kernel) {
  constexpr std::size_t kRoom = 1 << 16, kMiddle = 1 << 14;
  MemoryFile memory(kRoom);
  Mapping mapping(2 * kRoom);
  mapping.Place(0, kRoom, memory.file());
  mapping.Place(kRoom, kRoom, memory.file());
  unsigned char* const source = mapping.base() + kMiddle;
  const Bytes random = RandomBytes(kRoom, 7);
  for (Copy copy : {kernel.copy_and_extend, kernel.copy_and_extend_streaming}) {
    for (std::size_t size : {7u, 48u, 64u, 127u, 200u, 700u, 1460u, 4096u, 5000u, 20000u}) {
      for (std::size_t shift = kMiddle - 9000; shift < kMiddle + 9000; shift += 31) {
        std::copy(random.begin(), random.end(), mapping.base());
        unsigned char* const target = mapping.base() + kRoom + shift;
        const Crc32c got = copy({}, target, source, size);
        std::string bad = Compare(At("copy of a changing source", shift, size), got,
                                  kernel.extend({}, target, size));
        if (!bad.empty()) return bad;
      }
    }
  }
  return {};
}

std::string Gathers(const Kernel& kernel) {
  const Bytes bytes = RandomBytes(70000, 8);
  std::mt19937 random(9);
  for (int round = 0; round < 300; ++round) {
    std::vector<Piece> pieces;
    std::size_t total = 0;
    const std::size_t longest = round % 3 == 0 ? 40 : round % 3 == 1 ? 1100 : 5000;
    for (std::size_t count = random() % 14; count != 0; --count) {
      const std::size_t size = random() % 5 == 0 ? 0 : random() % longest;
      pieces.push_back({size == 0 ? nullptr : bytes.data() + total, size});
      total += size;
    }
    const Crc32c before{static_cast<std::uint32_t>(random())};
    std::string bad = Compare(At("gather", pieces.size(), total),
                              kernel.extend_gather(before, pieces.data(), pieces.size()),
                              kernel.extend(before, bytes.data(), total));
    if (!bad.empty()) return bad;
  }
  return {};
}

std::string Batches(const Kernel& kernel) {
  const Bytes bytes = RandomBytes(4096, 10);
  std::mt19937 random(11);
  for (std::size_t count = 0; count < 40; ++count) {
    for (int round = 0; round < 8; ++round) {
      std::vector<Piece> pieces;
      for (std::size_t i = 0; i < count; ++i) {
        const std::size_t size = round < 2 || random() % 4 != 0 ? 48 : random() % 300;
        pieces.push_back({bytes.data() + random() % 3000, size});
      }
      std::vector<Crc32c> digests(count + 1, Crc32c{0xABCD});
      kernel.compute_batch(pieces.data(), count, digests.data());
      for (std::size_t i = 0; i < count; ++i) {
        std::string bad = Compare(At("batch", i, pieces[i].size), digests[i],
                                  kernel.extend({}, pieces[i].data, pieces[i].size));
        if (!bad.empty()) return bad;
      }
      if (digests[count] != Crc32c{0xABCD}) return "a batch wrote past its digests";
    }
  }
  return {};
}

std::string CheckDivision(const Kernel& kernel, const unsigned char* p, std::size_t a_size,
                          std::size_t b_size) {
  const Crc32c a = kernel.extend({}, p, a_size);
  const Crc32c b = kernel.extend({}, p + a_size, b_size);
  const Crc32c whole = kernel.extend({}, p, a_size + b_size);
  return Compare(At("Combine", a_size, b_size), Combine(kernel, a, b, b_size), whole) +
         Compare(At("RemovePrefix", a_size, b_size), RemovePrefix(kernel, whole, a, b_size), b) +
         Compare(At("RemoveSuffix", a_size, b_size), RemoveSuffix(kernel, whole, b, b_size), a);
}

std::string Algebra(const Kernel& kernel) {
  const Bytes bytes = RandomBytes(300000, 12);
  const Bytes zeros(300000);
  std::mt19937 random(13);
  for (int round = 0; round < 1500; ++round) {
    const std::size_t b_size = round < 300 ? static_cast<std::size_t>(round) : random() % 200000;
    std::string bad = CheckDivision(kernel, bytes.data(), random() % 1000, b_size);
    const Crc32c a{static_cast<std::uint32_t>(random())};
    bad += Compare(At("AppendZeros", 0, b_size), AppendZeros(kernel, a, b_size),
                   kernel.extend(a, zeros.data(), b_size));
    if (!bad.empty()) return bad;
  }
  return {};
}

// Sizes that no buffer has: x^(8 n) has the period 2^31 - 1 in n, and moving adds up.
std::string AlgebraOfHugeSizes(const Kernel& kernel) {
  constexpr std::uint64_t kPeriod = 0x7FFFFFFF;
  std::mt19937_64 random(14);
  for (int round = 0; round < 2000; ++round) {
    const Crc32c a{static_cast<std::uint32_t>(random())};
    const std::uint64_t m = random() >> (random() % 63 + 1), n = random() >> (random() % 63 + 1);
    const Crc32c moved = kernel.shift(a, m + n);
    std::string bad =
        Compare("shift by a sum", kernel.shift(kernel.shift(a, m), n), moved) +
        Compare("shift by the remainder", kernel.shift(a, (m + n) % kPeriod), moved) +
        Compare("removed again", RemoveSuffix(kernel, Combine(kernel, a, {9}, m), {9}, m), a);
    if (!bad.empty()) return bad;
  }
  const Crc32c a{0x89ABCDEF};
  for (std::uint64_t n : {kPeriod, 2 * kPeriod, 4 * kPeriod, kPeriod << 32}) {
    if (kernel.shift(a, n) != a) return "a whole period moves";
  }
  return Compare("the largest size", kernel.shift(a, ~std::uint64_t{0}),
                 kernel.shift(a, ~std::uint64_t{0} % kPeriod));
}

#ifdef __has_feature
constexpr bool kUnderSanitizer = __has_feature(address_sanitizer);
#else
constexpr bool kUnderSanitizer = false;
#endif

// 2 GiB and 5000 bytes of address space that are one mebibyte of memory. To walk through half a million pages takes seconds on
// a virtual machine, whatever they hold: so a sanitizer, which finds overflows in any one form, sees one to read and one to
// copy; the optimised build sees all.
std::string PastIntMax(const Kernel& kernel) {
  constexpr std::size_t kPart = std::size_t{1} << 20;
  constexpr std::size_t kSize = (std::size_t{1} << 31) + 5000;
  const Bytes random = RandomBytes(kPart, 15);
  MemoryFile from_memory(kPart), to_memory(kPart);
  Mapping from(kSize + kPart), to(kSize + kPart);
  for (std::size_t at = 0; at < kSize; at += kPart) {
    from.Place(at, kPart, from_memory.file());
    to.Place(at, kPart, to_memory.file());
  }
  std::copy(random.begin(), random.end(), from.base());
  Crc32c want;
  for (std::size_t at = 0; at + kPart <= kSize; at += kPart) {
    want = kernel.extend(want, random.data(), kPart);
  }
  want = kernel.extend(want, random.data(), kSize % kPart);
  std::string bad = Compare("extend", kernel.extend({}, from.base(), kSize), want) +
                    Compare("copy", kernel.copy_and_extend({}, to.base(), from.base(), kSize), want);
  if (std::memcmp(to.base(), random.data(), kPart) != 0) bad += "the copy differs";
  if (kUnderSanitizer) return bad;
  const Piece piece = {from.base(), kSize};
  Crc32c in_batch;
  kernel.compute_batch(&piece, 1, &in_batch);
  std::memset(to.base(), 0, kPart);
  bad += Compare("extend_cold", kernel.extend_cold({}, from.base(), kSize), want) +
         Compare("gather", kernel.extend_gather({}, &piece, 1), want) + Compare("batch", in_batch, want) +
         Compare("streaming copy", kernel.copy_and_extend_streaming({}, to.base(), from.base(), kSize),
                 want);
  if (std::memcmp(to.base(), random.data(), kPart) != 0) bad += "the streaming copy differs";
  return bad;
}

}  // namespace

const KernelCheck kKernelChecks[] = {
    {"PublishedVectors", PublishedVectors, false},
    {"EveryOffsetAndLength", EveryOffsetAndLength, false},
    {"EverySplitOf2KiB", EverySplitOf2KiB, false},
    {"LongRuns", LongRuns, false},
    {"NothingOutsideIsRead", NothingOutsideIsRead, false},
    {"CopiesStayWithinBounds", CopiesStayWithinBounds, false},
    {"CopiesDigestWhatTheyStore", CopiesDigestWhatTheyStore, false},
    {"Gathers", Gathers, false},
    {"Batches", Batches, false},
    {"Algebra", Algebra, false},
    {"AlgebraOfHugeSizes", AlgebraOfHugeSizes, false},
    {"PastIntMax", PastIntMax, true},
    {nullptr, nullptr, false},
};

}  // namespace isthmus::digest
