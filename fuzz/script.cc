#include "fuzz/script.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <utility>

#include "fuzz/entry_points.h"
#include "fuzz/pdu_mutator.h"

namespace isthmus::fuzz {
namespace {

constexpr size_t kRecordHeader = 3;
constexpr size_t kMaxStepBytes = 96;
constexpr size_t kMaxWireBytes = 2048;

struct OwnedRecord {
  uint8_t kind;
  std::vector<uint8_t> bytes;
};

struct Script {
  uint8_t configuration = 0;
  std::vector<OwnedRecord> records;
};

Script Parse(const uint8_t* data, size_t size) {
  ScriptReader reader(data, size);
  Script script{.configuration = reader.configuration(), .records = {}};
  for (Record record; reader.Next(&record);) {
    script.records.push_back({record.kind, {record.bytes.begin(), record.bytes.end()}});
  }
  return script;
}

size_t Write(const Script& script, uint8_t* out, size_t max_size) {
  if (max_size == 0) return 0;
  size_t size = 0;
  out[size++] = script.configuration;
  for (const OwnedRecord& record : script.records) {
    const size_t bytes = std::min<size_t>(record.bytes.size(), 0xffff);
    if (size + kRecordHeader + bytes > max_size) break;
    out[size++] = record.kind;
    out[size++] = static_cast<uint8_t>(bytes);
    out[size++] = static_cast<uint8_t>(bytes >> 8);
    if (bytes > 0) std::memcpy(out + size, record.bytes.data(), bytes);
    size += bytes;
  }
  return size;
}

uint8_t Mends(std::mt19937& random) {
  uint8_t mends = 0;
  for (uint8_t bit : {kMendNumbers, kMendTags, kMendSecrets}) {
    if (random() % 20 != 0) mends |= bit;
  }
  return mends;
}

OwnedRecord NewRecord(const ScriptShape& shape, Framing framing, std::mt19937& random) {
  if (shape.headers.empty() || random() % 2 == 0) {
    OwnedRecord step{kStep, std::vector<uint8_t>(1 + random() % 8)};
    for (uint8_t& byte : step.bytes) byte = static_cast<uint8_t>(random());
    return step;
  }
  RawPdu pdu;
  pdu.header = testing_support::FromHex(shape.headers[random() % shape.headers.size()]);
  pdu.data.resize(random() % 3 == 0 ? random() % 64 : 0);
  pdu.MendLengths();
  pdu.MendPadding();
  pdu.MendHeaderDigest(framing);
  pdu.MendDataDigest(framing);
  OwnedRecord wire{kWire, {Mends(random)}};
  const std::string bytes = Join(pdu);
  wire.bytes.insert(wire.bytes.end(), bytes.begin(), bytes.end());
  return wire;
}

void MutateRecord(OwnedRecord* record, Framing framing, std::mt19937& random) {
  std::vector<uint8_t>& bytes = record->bytes;
  if (record->kind != kWire || bytes.empty()) {
    const size_t size = std::min(bytes.size(), kMaxStepBytes);
    bytes.resize(std::min(size + 16, kMaxStepBytes));
    bytes.resize(LLVMFuzzerMutate(bytes.data(), size, bytes.size()));
    return;
  }
  const size_t stream = bytes.size() - 1;
  bytes.resize(std::max(bytes.size(), std::min(1 + stream + 128, kMaxWireBytes)));
  bytes[0] = Mends(random);
  bytes.resize(1 + MutatePdus(bytes.data() + 1, stream, bytes.size() - 1,
                              static_cast<uint32_t>(random()), framing));
}

void MutateRecords(const ScriptShape& shape, Framing framing, std::vector<OwnedRecord>* records,
                   std::mt19937& random) {
  const auto place = [&](size_t places) {
    return records->begin() + static_cast<ptrdiff_t>(random() % places);
  };
  if (records->empty() || random() % 4 == 0) {
    OwnedRecord record = NewRecord(shape, framing, random);
    records->insert(place(records->size() + 1), std::move(record));
    return;
  }
  switch (random() % 8) {
    case 0: {
      OwnedRecord copy = *place(records->size());
      records->insert(place(records->size() + 1), std::move(copy));
      return;
    }
    case 1:
      records->erase(place(records->size()));
      return;
    case 2:
      std::iter_swap(place(records->size()), place(records->size()));
      return;
    default:
      MutateRecord(&*place(records->size()), framing, random);
      return;
  }
}

}  // namespace

bool ScriptReader::Next(Record* record) {
  if (left_.size() < kRecordHeader) return false;
  const size_t length = left_[1] | size_t{left_[2]} << 8;
  record->kind = left_[0];
  left_ = left_.subspan(kRecordHeader);
  record->bytes = left_.first(std::min(length, left_.size()));
  left_ = left_.subspan(record->bytes.size());
  return true;
}

size_t MutateScript(const ScriptShape& shape, uint8_t* data, size_t size, size_t max_size,
                    uint32_t seed) {
  std::mt19937 random(seed);
  if (random() % 32 == 0) return LLVMFuzzerMutate(data, size, max_size);
  Script script = Parse(data, size);
  if (random() % 32 == 0) script.configuration ^= static_cast<uint8_t>(1u << random() % 8);
  const Framing framing = shape.framing(script.configuration);
  for (size_t changes = 1 + random() % 3; changes > 0; --changes) {
    MutateRecords(shape, framing, &script.records, random);
  }
  return Write(script, data, max_size);
}

size_t CrossOverScripts(const ScriptShape& shape, const uint8_t* data1, size_t size1,
                        const uint8_t* data2, size_t size2, uint8_t* out, size_t max_size,
                        uint32_t seed) {
  std::mt19937 random(seed);
  Script script = Parse(data1, size1);
  const Script other = Parse(data2, size2);
  const size_t keep = random() % (script.records.size() + 1);
  const size_t from = random() % (other.records.size() + 1);
  // Within two records of PDUs, at a boundary of these.
  if (keep < script.records.size() && from < other.records.size() &&
      script.records[keep].kind == kWire && other.records[from].kind == kWire &&
      !script.records[keep].bytes.empty() && !other.records[from].bytes.empty()) {
    const std::vector<uint8_t>& first = script.records[keep].bytes;
    const std::vector<uint8_t>& second = other.records[from].bytes;
    std::vector<uint8_t> both(std::max(kMaxWireBytes, first.size()));
    both[0] = first[0];
    both.resize(1 + CrossOverPdus(first.data() + 1, first.size() - 1, second.data() + 1,
                                  second.size() - 1, both.data() + 1, both.size() - 1,
                                  static_cast<uint32_t>(random()),
                                  shape.framing(script.configuration)));
    script.records[keep].bytes = std::move(both);
    script.records.resize(keep + 1);
  } else {
    script.records.resize(keep);
  }
  script.records.insert(script.records.end(), other.records.begin() + static_cast<ptrdiff_t>(from),
                        other.records.end());
  return Write(script, out, max_size);
}

}  // namespace isthmus::fuzz
