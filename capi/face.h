// What the files of the C face share: structs that grow, conversions between the C structs and the engine's types, and
// errors. Private to capi/. The clauses stand in isthmus.h.
//
// Everything is borrowed for the length of one call.
//
//   isthmus_target_completion storage;
//   const auto* in = Read(completion, &storage, isthmus_target_completion_init);
//   if (in == nullptr) return ISTHMUS_ERROR_CALL_SIZE;
#ifndef ISTHMUS_CAPI_FACE_H_
#define ISTHMUS_CAPI_FACE_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "capi/isthmus.h"
#include "digest/kernel.h"
#include "digest/verdict.h"
#include "protocol/auth/hash.h"
#include "protocol/connection/receiver.h"
#include "protocol/connection/segment.h"
#include "protocol/connection/sender.h"
#include "protocol/connection/trace.h"
#include "protocol/error.h"
#include "protocol/text/negotiation.h"
#include "protocol/text/parameters.h"
#include "protocol/time.h"

struct isthmus_offer;

namespace isthmus::capi {

// ---- Structs that begin with `size`.

// The size of T in the first version that had it: what is shorter was never a T. Specialised when T grows.
template <class T>
inline constexpr size_t kFirstSize = sizeof(T);
template <>
inline constexpr size_t kFirstSize<isthmus_counters> =
    offsetof(isthmus_counters, rx_data_digests_by_accelerator);
template <>
inline constexpr size_t kFirstSize<isthmus_target_limits> =
    offsetof(isthmus_target_limits, device_tag_bits);
template <>
inline constexpr size_t kFirstSize<isthmus_initiator_limits> =
    offsetof(isthmus_initiator_limits, device_tag_bits);
template <>
inline constexpr size_t kFirstSize<isthmus_initiator_command> =
    offsetof(isthmus_initiator_command, device_tag);

// *in where it is this version's T; else what it holds of one, in *storage, over the defaults. nullptr: not a T.
template <class T>
const T* Read(const T* in, T* storage, void (*init)(T*, size_t)) {
  if (in == nullptr) return nullptr;
  if (in->size == sizeof(T)) return in;
  if (in->size < kFirstSize<T>) return nullptr;
  const auto* const bytes = reinterpret_cast<const unsigned char*>(in);
  for (size_t i = sizeof(T); i < in->size; ++i) {
    if (bytes[i] != 0) return nullptr;
  }
  init(storage, sizeof(T));
  std::memcpy(static_cast<void*>(storage), in, std::min(in->size, sizeof(T)));
  storage->size = sizeof(T);
  return storage;
}

// The defaults, into a T of the caller's size: longer, the rest is zero; shorter, cut.
template <class T>
void Init(T* out, size_t size, T value) {
  if (out == nullptr || size < sizeof(size_t)) return;
  value.size = size;
  std::memset(static_cast<void*>(out), 0, size);
  std::memcpy(static_cast<void*>(out), &value, std::min(size, sizeof(T)));
}

// A struct that the library fills, of the caller's size.
template <class T>
int Fill(T* out, size_t size, const T& value) {
  if (out == nullptr) return ISTHMUS_ERROR_CALL_ARGUMENT;
  if (size < kFirstSize<T>) return ISTHMUS_ERROR_CALL_SIZE;
  std::memset(static_cast<void*>(out), 0, size);
  std::memcpy(static_cast<void*>(out), &value, std::min(size, sizeof(T)));
  return ISTHMUS_OK;
}

// ---- Memory of the caller's.

inline constexpr size_t kAlignment = alignof(std::max_align_t);

inline bool IsUsable(const void* memory, size_t size, size_t needed) {
  return memory != nullptr && needed != 0 && size >= needed &&
         reinterpret_cast<uintptr_t>(memory) % kAlignment == 0;
}

constexpr size_t Aligned(size_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; }

// ---- Values.

inline std::span<const std::byte> Bytes(const void* data, size_t size) {
  return {static_cast<const std::byte*>(data), size};
}
inline std::string_view View(const char* text) { return text == nullptr ? std::string_view() : text; }
inline std::string_view View(isthmus_bytes bytes) {
  return {static_cast<const char*>(bytes.data), bytes.size};
}
inline isthmus_text Text(std::string_view text) { return {text.data(), text.size()}; }
inline isthmus_bytes Bytes(std::span<const std::byte> bytes) { return {bytes.data(), bytes.size()}; }

inline int Code(const Error& error) { return static_cast<int>(error.code); }
isthmus_error FromError(const Error& error);
// An embedder's reason for an end: TransportClosed if it is no code.
Error Reason(int code, Role role);

inline ConnectionId FromId(isthmus_connection_id id) { return {id.row, id.generation}; }
inline isthmus_connection_id FromId(ConnectionId id) { return {id.row, id.generation}; }

inline const digest::Kernel* FromKernel(const isthmus_kernel* kernel) {
  return reinterpret_cast<const digest::Kernel*>(kernel);
}
inline const isthmus_kernel* FromKernel(const digest::Kernel* kernel) {
  return reinterpret_cast<const isthmus_kernel*>(kernel);
}
const digest::Kernel* KernelOrSelected(const isthmus_kernel* kernel);

digest::Evidence FromEvidence(const isthmus_evidence& evidence);
// False: the struct's size is not known.
bool FromSegment(const isthmus_rx_segment* segment, RxSegment* out);
isthmus_deadline FromDeadline(const Deadline& deadline);
isthmus_parameters FromParameters(const text::Parameters& parameters);

// The offer in the handle; its views stay as long as the handle.
const text::Offer& OfferOf(const isthmus_offer& offer);
Role RoleOf(const isthmus_offer& offer);

PduTracer TracerOf(isthmus_trace* trace, uint32_t source);

void AddRx(const RxCounters& rx, isthmus_counters* counters);
void AddTx(const TxCounters& tx, isthmus_counters* counters);

// CHAP's hashes as the engine wants them, in a handle.
class Hashes {
 public:
  // False: too many, or one that is none.
  bool Assign(const isthmus_hash* hashes, size_t count);
  std::span<const auth::HashAlgorithm> span() const { return {algorithms_.data(), count_}; }
  bool HasMd5() const { return auth::FindHash(span(), 5) != nullptr; }

 private:
  std::array<isthmus_hash, ISTHMUS_HASHES> hashes_ = {};
  std::array<auth::HashAlgorithm, ISTHMUS_HASHES> algorithms_ = {};
  size_t count_ = 0;
};

}  // namespace isthmus::capi

#endif  // ISTHMUS_CAPI_FACE_H_
