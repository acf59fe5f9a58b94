#include "target/scsi/mode_pages.h"

#include <algorithm>

#include "target/scsi/bytes.h"

namespace isthmus::scsi {
namespace {

constexpr uint8_t kAllPages = 0x3f;
constexpr uint8_t kAllSubpages = 0xff;

// One row a page, in the order in which MODE SENSE returns them: page, subpage, then each byte
// after the length field that is not zero by default or may be changed.
struct ByteRow {
  uint8_t offset;  // in the page
  uint8_t value;
  uint8_t changeable;
};
struct PageRow {
  uint8_t page, subpage;
  uint8_t bytes;  // of the whole page
  ByteRow rows[3];
};
constexpr uint8_t kWce = 0x04, kDSense = 0x04, kSwp = 0x08;
constexpr PageRow kTable[] = {
    {0x01, 0x00, 12, {}},                 // read-write error recovery
    {0x08, 0x00, 20, {{2, 0x00, kWce}}},  // caching: WCE is set at creation
    {0x0a, 0x00, 12, {{2, 0x00, kDSense}, {3, 0x10, 0}, {4, 0x00, kSwp}}},  // control: commands are
                                                                            // reordered freely
    {0x0a, 0x01, 32, {}},                                                   // control extension
    {0x1c, 0x00, 12, {{2, 0x08, 0}}},  // informational exceptions: DEXCPT, none are reported
};
constexpr size_t kCaching = 1, kControl = 2;

constexpr size_t HeaderBytes(const PageRow& row) { return row.subpage != 0 ? 4 : 2; }

std::array<uint8_t, 32> HeaderOf(const PageRow& row) {
  std::array<uint8_t, 32> page{};
  if (row.subpage != 0) {
    page[0] = row.page | 0x40;
    page[1] = row.subpage;
    page[3] = static_cast<uint8_t>(row.bytes - 4);
  } else {
    page[0] = row.page;
    page[1] = static_cast<uint8_t>(row.bytes - 2);
  }
  return page;
}

std::array<uint8_t, 32> Defaults(const PageRow& row, bool write_cache) {
  std::array<uint8_t, 32> page = HeaderOf(row);
  for (const ByteRow& b : row.rows) {
    if (b.offset != 0) page[b.offset] = b.value;
  }
  if (&row == &kTable[kCaching] && write_cache) page[2] |= kWce;
  return page;
}

std::array<uint8_t, 32> Changeable(const PageRow& row) {
  std::array<uint8_t, 32> page = HeaderOf(row);
  for (const ByteRow& b : row.rows) {
    if (b.offset != 0) page[b.offset] = b.changeable;
  }
  return page;
}

}  // namespace

ModePages::ModePages(bool write_cache) : default_write_cache_(write_cache) {
  static_assert(std::size(kTable) == kPages);
  Restore();
}

void ModePages::Restore() {
  for (size_t i = 0; i < kPages; ++i) current_[i] = Defaults(kTable[i], default_write_cache_);
  Publish();
}

void ModePages::Publish() {
  write_cache_.store((current_[kCaching][2] & kWce) != 0, std::memory_order_relaxed);
  descriptor_sense_.store((current_[kControl][2] & kDSense) != 0, std::memory_order_relaxed);
  write_protected_.store((current_[kControl][4] & kSwp) != 0, std::memory_order_relaxed);
}

size_t ModePages::Encode(uint8_t page, uint8_t subpage, PageControl control,
                         std::span<std::byte> out) const {
  DataInWriter writer(out);
  for (size_t i = 0; i < kPages; ++i) {
    const PageRow& row = kTable[i];
    if (page != kAllPages && page != row.page) continue;
    if (subpage != kAllSubpages && subpage != row.subpage) continue;
    const auto values = control == PageControl::kChangeable ? Changeable(row)
                        : control == PageControl::kDefault  ? Defaults(row, default_write_cache_)
                                                            : current_[i];
    writer.Bytes(std::as_bytes(std::span(values).first(row.bytes)));
  }
  return writer.size();
}

std::optional<Sense> ModePages::Select(std::span<const std::byte> pages, size_t first_byte,
                                       bool* changed) {
  const auto invalid = [&](size_t offset) {
    return Sense{.code = SenseCode::kInvalidFieldInParameters,
                 .field = ParameterField(static_cast<uint16_t>(first_byte + offset))};
  };
  Values next = current_;
  size_t at = 0;
  while (at < pages.size()) {
    const std::span<const std::byte> rest = pages.subspan(at);
    if (rest.size() < 2) return Sense{.code = SenseCode::kParameterListLengthError};
    const uint8_t first = std::to_integer<uint8_t>(rest[0]);
    const bool has_subpage = (first & 0x40) != 0;
    const uint8_t subpage = has_subpage ? std::to_integer<uint8_t>(rest[1]) : 0;
    const auto* row = std::find_if(std::begin(kTable), std::end(kTable), [&](const PageRow& r) {
      return r.page == (first & 0x3f) && r.subpage == subpage && (r.subpage != 0) == has_subpage;
    });
    if (row == std::end(kTable)) return invalid(at);
    if (rest.size() < HeaderBytes(*row)) return Sense{.code = SenseCode::kParameterListLengthError};
    const uint64_t length = has_subpage ? LoadBig(rest, 2, 2) : LoadBig(rest, 1, 1);
    if (length + HeaderBytes(*row) != row->bytes) return invalid(at + (has_subpage ? 2 : 1));
    if (rest.size() < row->bytes) return Sense{.code = SenseCode::kParameterListLengthError};

    const size_t index = static_cast<size_t>(row - kTable);
    const auto mask = Changeable(*row);
    for (size_t i = HeaderBytes(*row); i < row->bytes; ++i) {
      const uint8_t value = std::to_integer<uint8_t>(rest[i]);
      if (((value ^ current_[index][i]) & ~mask[i]) != 0) return invalid(at + i);
      next[index][i] = value;
    }
    at += row->bytes;
  }
  *changed = next != current_;
  current_ = next;
  Publish();
  return std::nullopt;
}

}  // namespace isthmus::scsi
