#include "fuzz/cells.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

namespace isthmus::fuzz {
namespace {

constexpr size_t kMaxRows = 16;
constexpr size_t kMaxColumns = 16;
constexpr size_t kDetails = 8;

// libFuzzer reads what stands in this section after each run, and clears it before the next.
[[gnu::section("__libfuzzer_extra_counters"),
  gnu::used]] uint8_t g_counters[kMaxRows * kMaxColumns * kCellVerdicts * kDetails];

// Of all runs, for the table.
std::array<std::array<std::array<uint32_t, kCellVerdicts>, kMaxColumns>, kMaxRows> g_visits;
const CellBoard* g_board = nullptr;

constexpr char kLetters[kCellVerdicts + 1] = "taircen";

size_t ColumnOf(uint8_t opcode) {
  const std::span<const int> columns = g_board->columns;
  const auto at = std::find(columns.begin(), columns.end(), opcode & 0x3f);
  return static_cast<size_t>(at == columns.end() ? columns.size() - 1 : at - columns.begin());
}

const Unreachable* Find(const char* row, int opcode) {
  for (const Unreachable& one : g_board->unreachable) {
    if (std::string_view(one.row) == row && (one.opcode == opcode || one.opcode == kAnyOpcode))
      return &one;
  }
  return nullptr;
}

void PrintOpcode(std::FILE* out, int opcode) {
  if (opcode == kOtherOpcode) {
    std::fprintf(out, "%8s", "other");
  } else {
    std::fprintf(out, "    0x%02x", static_cast<unsigned>(opcode));
  }
}

}  // namespace

void UseCellBoard(const CellBoard* board) { g_board = board; }

void VisitCell(size_t row, uint8_t opcode, CellVerdict verdict, size_t detail) {
  if (g_board == nullptr || row >= kMaxRows) return;
  const size_t column = ColumnOf(opcode);
  const auto v = static_cast<size_t>(verdict);
  ++g_visits[row][column][v];
  uint8_t& counter =
      g_counters[((row * kMaxColumns + column) * kCellVerdicts + v) * kDetails + detail % kDetails];
  if (counter < 255) ++counter;
}

int PrintCells(std::FILE* out) {
  if (g_board == nullptr) {
    std::fprintf(out, "this fuzzer has no board of states\n");
    return 1;
  }
  std::fprintf(out,
               "t taken, a announced, i ignored, r rejected, c bad digest, e ends, n not read; - "
               "unreachable\n%-20s",
               "");
  for (int opcode : g_board->columns) PrintOpcode(out, opcode);
  std::fprintf(out, "\n");
  int wrong = 0, visited = 0, unreachable = 0;
  for (size_t row = 0; row < g_board->rows.size(); ++row) {
    std::fprintf(out, "%-20s", g_board->rows[row]);
    for (size_t column = 0; column < g_board->columns.size(); ++column) {
      char letters[kCellVerdicts + 1] = "";
      size_t count = 0;
      for (size_t v = 0; v < kCellVerdicts; ++v) {
        if (g_visits[row][column][v] > 0) letters[count++] = kLetters[v];
      }
      letters[count] = '\0';
      const bool listed = Find(g_board->rows[row], g_board->columns[column]) != nullptr;
      visited += count > 0;
      unreachable += listed;
      wrong += listed == (count > 0);
      std::fprintf(out, "%8s", count > 0 ? letters : listed ? "-" : "EMPTY");
    }
    std::fprintf(out, "\n");
  }
  std::fprintf(out, "%d cells visited, %d unreachable, %d wrong\n", visited, unreachable, wrong);
  for (const Unreachable& one : g_board->unreachable) {
    std::fprintf(out, "unreachable: %s ", one.row);
    if (one.opcode == kAnyOpcode) {
      std::fprintf(out, "(all)");
    } else {
      PrintOpcode(out, one.opcode);
    }
    std::fprintf(out, ": %s\n", one.reason);
  }
  return wrong;
}

}  // namespace isthmus::fuzz
