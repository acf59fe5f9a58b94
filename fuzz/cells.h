// Which PDUs an engine has met in which of its states, and what it did about them: fed back to libFuzzer as coverage
// (its extra counters), and printed as a table for people. Filled by the harnesses, from what engines make public.
//
// A fuzzer has one board. Its rows are states, its columns opcodes; a cell that cannot be reached is listed with the
// reason, and -cells of the replay (fuzz/replay_main.cc) fails if another is empty, or a listed one is not.
//
//   constexpr Unreachable kUnreachable[] = {{"FREE", kAnyOpcode, "nothing is read after the end"}};
//   const CellBoard kBoard = {.rows = kRows, .columns = kRequests, .unreachable = kUnreachable};
//   void VisitCell(row, opcode, verdict);
#ifndef ISTHMUS_FUZZ_CELLS_H_
#define ISTHMUS_FUZZ_CELLS_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>

namespace isthmus::fuzz {

// What became of a PDU, as far as it shows at once.
enum class CellVerdict : uint8_t {
  kTaken,      // nothing shows
  kAnnounced,  // an event for the embedder
  kIgnored,    // counted as ignored
  kRejected,   // a Reject PDU, or a refusal of the login
  kBadDigest,
  kEnded,    // the connection ends
  kNotRead,  // the engine takes no bytes (any more)
};
inline constexpr size_t kCellVerdicts = 7;

inline constexpr int kAnyOpcode = -1;
inline constexpr int kOtherOpcode = 0x40;  // column of all opcodes that have none of their own

struct Unreachable {
  const char* row;
  int opcode;  // or kAnyOpcode
  const char* reason;
};

struct CellBoard {
  std::span<const char* const> rows;  // names of states
  std::span<const int> columns;       // opcodes without the I bit; kOtherOpcode
  std::span<const Unreachable> unreachable;
};

// Every request of section 11.2.1.2, and one that none is; likewise responses.
inline constexpr int kRequestOpcodes[] = {0x00, 0x01, 0x02, 0x03,        0x04,
                                          0x05, 0x06, 0x10, kOtherOpcode};
inline constexpr int kResponseOpcodes[] = {0x20, 0x21, 0x22, 0x23, 0x24,        0x25,
                                           0x26, 0x31, 0x32, 0x3f, kOtherOpcode};

// `detail`: more of the state, fed back but not printed; 0 to 7.
void VisitCell(size_t row, uint8_t opcode, CellVerdict verdict, size_t detail = 0);

// The fuzzer that has a board says so once, before the first visit.
void UseCellBoard(const CellBoard* board);

// A line a row; then what is wrong with it. Returns how many cells are: empty and not listed, or listed and not empty.
int PrintCells(std::FILE* out);

}  // namespace isthmus::fuzz

#endif  // ISTHMUS_FUZZ_CELLS_H_
