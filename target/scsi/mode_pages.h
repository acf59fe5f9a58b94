// The mode pages (SPC-4 7.5, SBC-3 6.5): one table of defaults and changeable bits, the current
// values, and the codec of MODE SENSE and MODE SELECT parameter data, without its header.
//
// Flags that the data path needs are atomic and read from any thread; everything else is called
// under the owner's lock.
//
//   ModePages pages(/*write_cache=*/true);
//   size_t n = pages.Encode(0x3f, 0x00, PageControl::kCurrent, out);
//   if (std::optional<Sense> error = pages.Select(parameters, 4, &changed)) ...
#ifndef ISTHMUS_TARGET_SCSI_MODE_PAGES_H_
#define ISTHMUS_TARGET_SCSI_MODE_PAGES_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "target/scsi/sense.h"

namespace isthmus::scsi {

// The PC field of MODE SENSE.
enum class PageControl : uint8_t { kCurrent = 0, kChangeable = 1, kDefault = 2, kSaved = 3 };

class ModePages {
 public:
  // `write_cache`: the default of WCE.
  explicit ModePages(bool write_cache);

  // Writes the pages that the page and subpage codes (3Fh and FFh: all) name; the bytes that they
  // take, which may be more than fit into `out`. 0: no such page.
  size_t Encode(uint8_t page, uint8_t subpage, PageControl control, std::span<std::byte> out) const;

  // Takes pages as MODE SELECT brings them: all of them, or none and the error. `first_byte` is
  // where `pages` stands in the parameter list, for field pointers. `changed` says whether any
  // value is new.
  std::optional<Sense> Select(std::span<const std::byte> pages, size_t first_byte, bool* changed);

  // Back to the defaults, as a reset does.
  void Restore();

  bool write_cache() const { return write_cache_.load(std::memory_order_relaxed); }
  bool descriptor_sense() const { return descriptor_sense_.load(std::memory_order_relaxed); }
  bool write_protected() const { return write_protected_.load(std::memory_order_relaxed); }

 private:
  static constexpr size_t kPages = 5;
  static constexpr size_t kMaxPageBytes = 32;
  using Values = std::array<std::array<uint8_t, kMaxPageBytes>, kPages>;

  void Publish();

  bool default_write_cache_;
  Values current_;
  std::atomic<bool> write_cache_{false};
  std::atomic<bool> descriptor_sense_{false};
  std::atomic<bool> write_protected_{false};
};

}  // namespace isthmus::scsi

#endif  // ISTHMUS_TARGET_SCSI_MODE_PAGES_H_
