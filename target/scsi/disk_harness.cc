#include "target/scsi/disk_harness.h"

#include <algorithm>
#include <cstring>

namespace isthmus::scsi {

TestBackend::TestBackend(const target::Geometry& geometry)
    : Backend(geometry),
      bytes(geometry.blocks * geometry.block_bytes),
      mapped(geometry.blocks, !geometry.can_unmap) {}

std::span<std::byte> TestBackend::Direct(uint64_t lba, uint64_t blocks, bool for_writing) {
  if (!offers_direct || !InRange(lba, blocks)) return {};
  if (for_writing) std::fill_n(mapped.begin() + static_cast<ptrdiff_t>(lba), blocks, true);
  return std::span(bytes).subspan(lba * geometry().block_bytes, blocks * geometry().block_bytes);
}

target::IoResult TestBackend::Read(uint64_t lba, std::span<const iovec> into) {
  uint64_t total = 0;
  if (!CheckParts(lba, into, &total)) return {target::IoError::kOutOfRange, lba};
  if (!read_failure.ok()) return read_failure;
  const std::byte* from = bytes.data() + lba * geometry().block_bytes;
  for (const iovec& part : into) {
    std::memcpy(part.iov_base, from, part.iov_len);
    from += part.iov_len;
  }
  return {};
}

target::IoResult TestBackend::Write(uint64_t lba, std::span<const iovec> from) {
  uint64_t total = 0;
  if (!CheckParts(lba, from, &total)) return {target::IoError::kOutOfRange, lba};
  if (!write_failure.ok()) return write_failure;
  std::byte* to = bytes.data() + lba * geometry().block_bytes;
  for (const iovec& part : from) {
    std::memcpy(to, part.iov_base, part.iov_len);
    to += part.iov_len;
  }
  std::fill_n(mapped.begin() + static_cast<ptrdiff_t>(lba), total / geometry().block_bytes, true);
  return {};
}

target::IoResult TestBackend::Flush(uint64_t, uint64_t) {
  ++flushes;
  return flush_failure;
}

target::IoResult TestBackend::WriteZeroes(uint64_t lba, uint64_t blocks) {
  if (!InRange(lba, blocks)) return {target::IoError::kOutOfRange, lba};
  const uint32_t block = geometry().block_bytes;
  std::fill_n(bytes.begin() + static_cast<ptrdiff_t>(lba * block), blocks * block, std::byte{0});
  std::fill_n(mapped.begin() + static_cast<ptrdiff_t>(lba), blocks, true);
  return {};
}

target::IoResult TestBackend::Unmap(uint64_t lba, uint64_t blocks) {
  if (const target::IoResult result = WriteZeroes(lba, blocks); !result.ok()) return result;
  std::fill_n(mapped.begin() + static_cast<ptrdiff_t>(lba), blocks, false);
  return {};
}

target::IoResult TestBackend::Allocation(uint64_t lba, uint64_t blocks, target::Extent* extent) {
  uint64_t n = 1;
  while (n < blocks && mapped[lba + n] == mapped[lba]) ++n;
  *extent = {lba, n, mapped[lba]};
  return {};
}

uint32_t Answer::code() const {
  if (sense.size() < 8) return 0;
  const bool descriptor = sense[0] == 0x72;
  const size_t asc = descriptor ? 2 : 12;
  return static_cast<uint32_t>(sense[descriptor ? 1 : 2]) << 16 |
         static_cast<uint32_t>(sense[asc]) << 8 | sense[asc + 1];
}

target::Geometry DiskHarness::DefaultGeometry() {
  target::Geometry geometry;
  geometry.block_bytes = kBlock;
  geometry.physical_block_bytes = kBlock;
  geometry.preferred_bytes = 4096;
  geometry.blocks = 2048;
  geometry.can_unmap = true;
  geometry.volatile_cache = true;
  return geometry;
}

DiskHarness::DiskHarness(const target::Geometry& geometry, bool removable)
    : backend(geometry),
      unit(&backend, {.serial = "S1", .removable = removable}),
      device("iqn.2004-10.com.example:disk") {
  device.AddUnit(0, &unit);
  first = device.Attach("iqn.2004-10.com.example:a,i,0x00023d000001", 1);
  second = device.Attach("iqn.2004-10.com.example:b,i,0x00023d000002", 1);
  for (Nexus* nexus : {first, second}) RunAs(*nexus, 0, {0x00, 0, 0, 0, 0, 0});
}

Answer DiskHarness::RunAs(Nexus& nexus, uint64_t lun, const ByteList& cdb,
                          const ByteList& data_out) {
  ByteList whole = cdb;
  whole.resize(16);
  std::vector<std::byte> response(kMaxResponseBytes);
  Execution run(device.Decode(nexus, lun, std::as_bytes(std::span(whole)), response), response,
                data_out.size());
  const uint64_t wanted = run.wanted_out();
  const std::span<const std::byte> out = std::as_bytes(std::span(data_out));
  const uint64_t step = run.contiguous_out() ? std::max<uint64_t>(wanted, 1) : window;
  for (uint64_t at = 0; at < wanted; at += step) {
    const uint64_t bytes = std::min(step, wanted - at);
    std::span<const std::byte> part = out.subspan(at, bytes);
    if (const std::span<std::byte> direct = run.DirectOut(at, bytes); !direct.empty()) {
      std::copy(part.begin(), part.end(), direct.begin());
      part = direct;
    }
    run.Accept(at, part);
  }
  while (!run.Proceed(4096)) {
  }
  Answer answer;
  const uint64_t in = run.data_in_bytes();
  for (uint64_t at = 0; at < in; at += window) {
    const uint64_t bytes = std::min(window, in - at);
    std::vector<std::byte> buffer(bytes);
    std::span<const std::byte> part = run.DirectIn(at, bytes);
    if (part.empty()) {
      if (!run.Fill(at, buffer)) break;
      part = buffer;
    }
    for (const std::byte b : part) answer.data.push_back(std::to_integer<uint8_t>(b));
  }
  answer.status = static_cast<int>(run.status());
  if (answer.status == 0x02) {
    for (const std::byte b : run.sense().view()) {
      answer.sense.push_back(std::to_integer<uint8_t>(b));
    }
  }
  answer.data_out_bytes = run.data_out_bytes();
  return answer;
}

ByteList Blocks(size_t count, uint8_t value) {
  return ByteList(count * DiskHarness::kBlock, value);
}

ByteList Join(std::initializer_list<ByteList> lists) {
  ByteList all;
  for (const ByteList& list : lists) all.insert(all.end(), list.begin(), list.end());
  return all;
}

ByteList Big(uint64_t value, size_t count) {
  ByteList bytes;
  for (size_t i = count; i-- > 0;) bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
  return bytes;
}

}  // namespace isthmus::scsi
