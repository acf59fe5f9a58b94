// The functions by which libFuzzer, or the replay in this folder, and a fuzz target know each other.
//
// A target defines LLVMFuzzerTestOneInput; the others it may define. LLVMFuzzerMutate is there for
// custom mutators. Names and meaning are libFuzzer's.
#ifndef ISTHMUS_FUZZ_ENTRY_POINTS_H_
#define ISTHMUS_FUZZ_ENTRY_POINTS_H_

#include <cstddef>
#include <cstdint>

extern "C" {
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
// Changes data[0, size) in place, up to max_size bytes; returns the new size.
size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t* data1, size_t size1, const uint8_t* data2,
                                 size_t size2, uint8_t* out, size_t max_out_size,
                                 unsigned int seed);
}

#endif  // ISTHMUS_FUZZ_ENTRY_POINTS_H_
