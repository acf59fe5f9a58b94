// A fixed number of slots that are named on the wire by 32-bit tags: the Initiator Task Tag and the
// Target Transfer Tag. RFC 7143 sections 11.2.1.8 (ITT) and 11.7.4 (TTT): 0xffffffff is reserved.
//
// A tag is a slot's index in its low bits and the slot's generation above. With device_bits the topmost bits are what
// Acquire() is told: a device that places data finds its buffer by them. Find() takes tags from
// the wire: an index out of range, a free slot or another generation gives nullptr. A tag is never
// 0xffffffff. Free slots are handed out in the order in which they became free, so that a stale tag
// stays recognisable for as long as possible.
//
// Who owns which bytes: the slots lie in the arena; T lives there for as long as the table's owner.
// Acquire() gives a T as the last Release() left it: its owner sets it up.
//
//   SlotTable<Task> tasks(64, arena);
//   uint32_t tag;
//   Task* task = tasks.Acquire(&tag);           // nullptr: all are taken
//   Task* found = tasks.Find(itt_from_the_wire);
//   tasks.Release(tag);
#ifndef ISTHMUS_PROTOCOL_SESSION_SLOT_TABLE_H_
#define ISTHMUS_PROTOCOL_SESSION_SLOT_TABLE_H_

#include <bit>
#include <cstddef>
#include <cstdint>

#include "protocol/arena.h"
#include "protocol/check.h"
#include "protocol/wire/field.h"

namespace isthmus {

template <class T>
class SlotTable {
 public:
  static constexpr uint32_t kMaxCapacity = 1u << 20;  // leaves 4095 generations
  static constexpr uint32_t kMinGenerationBits = 4;
  static constexpr uint32_t kMaxDeviceBits = 16;

  static constexpr size_t MemoryNeeded(uint32_t capacity) {
    return Arena::Needed<T>(capacity) + Arena::Needed<Slot>(capacity);
  }

  SlotTable() = default;

  // Capacity is in 1 .. kMaxCapacity. If the arena is too small the table has no slots: ok(). `device_bits` leave room for
  // index and kMinGenerationBits.
  SlotTable(uint32_t capacity, Arena& arena, uint32_t device_bits = 0)
      : index_bits_(static_cast<uint32_t>(std::bit_width(capacity - 1))),
        own_bits_(32 - device_bits),
        values_(arena.Make<T>(capacity)),
        slots_(arena.Make<Slot>(capacity)) {
    Check(capacity >= 1 && capacity <= kMaxCapacity);
    Check(device_bits <= kMaxDeviceBits && own_bits_ >= index_bits_ + kMinGenerationBits);
    if (values_ == nullptr || slots_ == nullptr) return;
    capacity_ = capacity;
    for (uint32_t i = 0; i < capacity; ++i) slots_[i].next_free = i + 1;
    first_free_ = 0;
    last_free_ = capacity - 1;
  }

  bool ok() const { return capacity_ > 0; }
  uint32_t capacity() const { return capacity_; }
  uint32_t size() const { return size_; }
  bool full() const { return size_ == capacity_; }

  // A free slot and its tag; nullptr and nothing changed: all are taken, or `device_tag` has more than device_bits.
  T* Acquire(uint32_t* tag, uint32_t device_tag = 0) {
    if (full() || uint64_t{device_tag} >> (32 - own_bits_) != 0) return nullptr;
    const uint32_t index = first_free_;
    Slot& slot = slots_[index];
    first_free_ = slot.next_free;
    slot.taken = true;
    slot.device_tag = static_cast<uint16_t>(device_tag);
    ++size_;
    *tag = TagOf(index);
    return &values_[index];
  }

  // The slot that `tag`, which nobody need have checked, names now; nullptr: none.
  T* Find(uint32_t tag) {
    const uint32_t index = tag & IndexMask();
    if (index >= capacity_) return nullptr;
    const Slot& slot = slots_[index];
    if (!slot.taken || TagOf(index) != tag) return nullptr;
    return &values_[index];
  }
  const T* Find(uint32_t tag) const { return const_cast<SlotTable*>(this)->Find(tag); }

  // Frees the slot; its tag and all earlier ones name nothing from now on. False: no such slot.
  bool Release(uint32_t tag) {
    if (Find(tag) == nullptr) return false;
    const uint32_t index = tag & IndexMask();
    Slot& slot = slots_[index];
    slot.taken = false;
    // The all-ones generation is left out: with the all-ones index it would make the reserved tag.
    const uint32_t own_mask = static_cast<uint32_t>((uint64_t{1} << own_bits_) - 1);
    const uint32_t last_generation = (own_mask >> index_bits_) - 1;
    slot.generation = slot.generation == last_generation ? 0 : slot.generation + 1;
    if (size_ == capacity_) {
      first_free_ = index;
    } else {
      slots_[last_free_].next_free = index;
    }
    last_free_ = index;
    --size_;
    return true;
  }

  // Walks the taken slots by index, 0 .. capacity() - 1; nullptr: free. For teardown and timeouts.
  T* At(uint32_t index, uint32_t* tag) {
    if (index >= capacity_ || !slots_[index].taken) return nullptr;
    *tag = TagOf(index);
    return &values_[index];
  }

 private:
  struct Slot {
    uint32_t generation = 0;
    uint32_t next_free = 0;
    uint16_t device_tag = 0;
    bool taken = false;
  };

  uint32_t IndexMask() const { return (1u << index_bits_) - 1; }
  uint32_t TagOf(uint32_t index) const {
    const Slot& slot = slots_[index];
    return static_cast<uint32_t>(uint64_t{slot.device_tag} << own_bits_) |
           slot.generation << index_bits_ | index;
  }

  uint32_t index_bits_ = 0;
  uint32_t own_bits_ = 32;  // of a tag: index and generation
  T* values_ = nullptr;
  Slot* slots_ = nullptr;
  uint32_t capacity_ = 0;
  uint32_t size_ = 0;
  uint32_t first_free_ = 0;
  uint32_t last_free_ = 0;
};

}  // namespace isthmus

#endif  // ISTHMUS_PROTOCOL_SESSION_SLOT_TABLE_H_
