#include "fuzz/simulator/model_disk.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "fuzz/simulator/random.h"
#include "fuzz/simulator/scenario.h"

namespace isthmus::simulator {

void FillBlock(uint64_t id, uint32_t lba, std::span<std::byte> block) {
  Random random(id * 0x10001 + lba);
  for (size_t at = 0; at < block.size(); at += 8) {
    uint64_t word = random.Next();
    if (at == 0) word = id;
    if (at == 8) word = lba;
    std::memcpy(block.data() + at, &word, std::min<size_t>(8, block.size() - at));
  }
}

ModelDisk::ModelDisk(uint32_t blocks) : writes_(1), at_block_(blocks) {
  writes_[0] = {.begin = 0, .end = 0, .acknowledged = true};
  for (std::vector<uint64_t>& ids : at_block_) ids.push_back(0);
}

uint64_t ModelDisk::BeginWrite(uint32_t lba, uint32_t blocks) {
  const uint64_t id = writes_.size();
  writes_.push_back({.begin = ++now_, .end = kOpen, .acknowledged = false});
  for (uint32_t i = 0; i < blocks; ++i) at_block_[lba + i].push_back(id);
  return id;
}

void ModelDisk::EndWrite(uint64_t id, bool acknowledged) {
  Write& write = writes_[id];
  if (write.end != kOpen) return;
  write.end = ++now_;
  write.acknowledged = acknowledged;
}

std::string ModelDisk::CheckBlock(uint64_t read, uint32_t lba, std::span<const std::byte> block) {
  uint64_t id = 0;
  std::memcpy(&id, block.data(), sizeof(id));
  const std::string where = "block " + std::to_string(lba);
  const std::vector<uint64_t>& ids = at_block_[lba];
  if (std::find(ids.begin(), ids.end(), id) == ids.end()) {
    return where + " holds what was never written there";
  }
  std::array<std::byte, kBlockBytes> expected;
  FillBlock(id, lba, expected);
  if (std::memcmp(expected.data(), block.data(), kBlockBytes) != 0) {
    size_t first = 0, wrong = 0;
    for (size_t i = kBlockBytes; i-- > 0;) {
      if (expected[i] == block[i]) continue;
      first = i;
      ++wrong;
    }
    return where + " is not as write " + std::to_string(id) + " left it: " + std::to_string(wrong) +
           " bytes differ, the first at " + std::to_string(first) + ": " +
           std::to_string(std::to_integer<int>(block[first])) + " and not " +
           std::to_string(std::to_integer<int>(expected[first]));
  }
  for (uint64_t other : ids) {
    const Write& later = writes_[other];
    if (later.acknowledged && later.begin > writes_[id].end && later.end < read) {
      return where + " holds write " + std::to_string(id) + ", superseded by write " +
             std::to_string(other) + " before the read began";
    }
  }
  return "";
}

}  // namespace isthmus::simulator
