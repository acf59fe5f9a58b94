// Digests and their kernels, for C. RFC 7143 section 13.1.
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

#include "capi/face.h"
#include "capi/isthmus.h"
#include "digest/crc32c.h"
#include "digest/kernel.h"
#include "digest/select.h"
#include "digest/value.h"

namespace {

using isthmus::capi::FromKernel;
using isthmus::digest::Crc32c;
using isthmus::digest::Kernel;
using isthmus::digest::Piece;

// Pieces are converted in batches of this many: nothing is allocated.
constexpr size_t kBatch = 32;

const Kernel& Current() { return isthmus::digest::internal::CurrentKernel(); }

// ---- Kernels of the caller's. The engine's kernels have no context, so each slot has functions of its own.

std::array<isthmus_kernel_functions, ISTHMUS_KERNEL_SLOTS> g_functions;
std::atomic<uint32_t> g_registered = 0;

template <size_t kSlot>
struct Slot {
  static Crc32c Extend(Crc32c crc, const void* data, size_t size) {
    const isthmus_kernel_functions& own = g_functions[kSlot];
    return {own.extend(own.context, crc.value, data, size)};
  }
  static Crc32c ExtendCold(Crc32c crc, const void* data, size_t size) {
    const isthmus_kernel_functions& own = g_functions[kSlot];
    if (own.extend_cold == nullptr) return Extend(crc, data, size);
    return {own.extend_cold(own.context, crc.value, data, size)};
  }
  static Crc32c ExtendGather(Crc32c crc, const Piece* pieces, size_t count) {
    for (size_t i = 0; i < count; ++i) crc = Extend(crc, pieces[i].data, pieces[i].size);
    return crc;
  }
  static void ComputeBatch(const Piece* pieces, size_t count, Crc32c* digests) {
    for (size_t i = 0; i < count; ++i) digests[i] = Extend({}, pieces[i].data, pieces[i].size);
  }
  // The value is that of what was stored, also if the source changes meanwhile.
  static Crc32c CopyAndExtend(Crc32c crc, void* to, const void* from, size_t size) {
    const isthmus_kernel_functions& own = g_functions[kSlot];
    if (own.copy_and_extend != nullptr) {
      return {own.copy_and_extend(own.context, crc.value, to, from, size)};
    }
    if (size > 0) std::memcpy(to, from, size);
    return Extend(crc, to, size);
  }
  static Crc32c Shift(Crc32c crc, uint64_t bytes) {
    return isthmus::digest::OfferedKernels().front()->shift(crc, bytes);
  }
  static constexpr Kernel Make() {
    return {"registered", &Extend,        &ExtendCold,    &ExtendGather,
            &ComputeBatch, &CopyAndExtend, &CopyAndExtend, &Shift};
  }
};

template <size_t... kSlots>
constexpr std::array<Kernel, sizeof...(kSlots)> MakeKernels(std::index_sequence<kSlots...>) {
  return {Slot<kSlots>::Make()...};
}
constinit std::array<Kernel, ISTHMUS_KERNEL_SLOTS> g_kernels =
    MakeKernels(std::make_index_sequence<ISTHMUS_KERNEL_SLOTS>());

}  // namespace

extern "C" {

uint32_t isthmus_crc32c(const void* data, size_t size) {
  return Current().extend(Crc32c{}, data, size).value;
}
uint32_t isthmus_crc32c_extend(uint32_t crc, const void* data, size_t size) {
  return Current().extend(Crc32c{crc}, data, size).value;
}
uint32_t isthmus_crc32c_extend_cold(uint32_t crc, const void* data, size_t size) {
  return Current().extend_cold(Crc32c{crc}, data, size).value;
}

uint32_t isthmus_crc32c_extend_gather(uint32_t crc, const isthmus_bytes* pieces, size_t count) {
  std::array<Piece, kBatch> batch;
  for (size_t done = 0; done < count;) {
    const size_t n = std::min(count - done, kBatch);
    for (size_t i = 0; i < n; ++i) batch[i] = {pieces[done + i].data, pieces[done + i].size};
    crc = Current().extend_gather(Crc32c{crc}, batch.data(), n).value;
    done += n;
  }
  return crc;
}

void isthmus_crc32c_batch(const isthmus_bytes* pieces, size_t count, uint32_t* crcs) {
  std::array<Piece, kBatch> batch;
  std::array<Crc32c, kBatch> digests;
  for (size_t done = 0; done < count;) {
    const size_t n = std::min(count - done, kBatch);
    for (size_t i = 0; i < n; ++i) batch[i] = {pieces[done + i].data, pieces[done + i].size};
    Current().compute_batch(batch.data(), n, digests.data());
    for (size_t i = 0; i < n; ++i) crcs[done + i] = digests[i].value;
    done += n;
  }
}

uint32_t isthmus_crc32c_copy(uint32_t crc, void* to, const void* from, size_t size) {
  return Current().copy_and_extend(Crc32c{crc}, to, from, size).value;
}
uint32_t isthmus_crc32c_combine(uint32_t a, uint32_t b, uint64_t b_size) {
  return isthmus::digest::Combine(Crc32c{a}, Crc32c{b}, b_size).value;
}
uint32_t isthmus_crc32c_remove_prefix(uint32_t whole, uint32_t a, uint64_t b_size) {
  return isthmus::digest::RemovePrefix(Crc32c{whole}, Crc32c{a}, b_size).value;
}
uint32_t isthmus_crc32c_remove_suffix(uint32_t whole, uint32_t b, uint64_t b_size) {
  return isthmus::digest::RemoveSuffix(Crc32c{whole}, Crc32c{b}, b_size).value;
}
uint32_t isthmus_crc32c_append_zeros(uint32_t a, uint64_t count) {
  return isthmus::digest::AppendZeros(Crc32c{a}, count).value;
}
void isthmus_crc32c_store(uint32_t crc, void* wire) {
  isthmus::digest::StoreDigest(Crc32c{crc}, static_cast<std::byte*>(wire));
}
uint32_t isthmus_crc32c_load(const void* wire) {
  return isthmus::digest::LoadDigest(static_cast<const std::byte*>(wire)).value;
}

const isthmus_kernel* isthmus_kernel_selected(void) {
  return FromKernel(&isthmus::digest::SelectKernel());
}
const isthmus_kernel* isthmus_kernel_offered(size_t index) {
  const auto offered = isthmus::digest::OfferedKernels();
  return index < offered.size() ? FromKernel(offered[index]) : nullptr;
}
const char* isthmus_kernel_name(const isthmus_kernel* kernel) {
  return kernel == nullptr ? nullptr : FromKernel(kernel)->name;
}
const isthmus_kernel* isthmus_kernel_by_name(const char* name) {
  return name == nullptr ? nullptr : FromKernel(isthmus::digest::KernelByName(name));
}
int isthmus_kernel_force(const char* name) {
  const bool good = name != nullptr && isthmus::digest::ForceKernel(name);
  return good ? ISTHMUS_OK : ISTHMUS_ERROR_CALL_ARGUMENT;
}
int isthmus_kernel_cap(const char* name) {
  const bool good = name != nullptr && isthmus::digest::CapKernel(name);
  return good ? ISTHMUS_OK : ISTHMUS_ERROR_CALL_ARGUMENT;
}

void isthmus_kernel_functions_init(isthmus_kernel_functions* functions, size_t size) {
  isthmus::capi::Init(functions, size, isthmus_kernel_functions{});
}

int isthmus_kernel_register(const isthmus_kernel_functions* functions,
                            const isthmus_kernel** kernel) {
  if (functions == nullptr || kernel == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  isthmus_kernel_functions storage;
  const auto* const in = isthmus::capi::Read(functions, &storage, isthmus_kernel_functions_init);
  if (in == nullptr) return ISTHMUS_ERROR_CALL_SIZE;
  if (in->extend == nullptr || in->name == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  uint32_t slot = g_registered.load();
  do {
    if (slot >= ISTHMUS_KERNEL_SLOTS) return ISTHMUS_ERROR_CALL_QUEUE_FULL;
  } while (!g_registered.compare_exchange_weak(slot, slot + 1));
  g_functions[slot] = *in;
  g_kernels[slot].name = in->name;
  *kernel = FromKernel(&g_kernels[slot]);
  return ISTHMUS_OK;
}

int isthmus_kernel_set(const isthmus_kernel* kernel) {
  if (kernel == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  isthmus::digest::SetKernel(*FromKernel(kernel));
  return ISTHMUS_OK;
}

}  // extern "C"
