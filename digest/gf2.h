// Polynomials over GF(2) modulo Castagnoli's, evaluated at compile time: every folding and shifting
// constant of every kernel is derived here from kPolynomial.
//
// Words are bit-reflected, as CRC32C is: bit i holds the coefficient of x^(31 - i).
#ifndef ISTHMUS_DIGEST_GF2_H_
#define ISTHMUS_DIGEST_GF2_H_

#include <cstdint>

namespace isthmus::digest::gf2 {

// 0x1EDC6F41 (RFC 7143 section 13.1), reflected.
inline constexpr std::uint32_t kPolynomial = 0x82F63B78u;

inline constexpr std::uint32_t kOne = 0x80000000u;

// x^kOrder = 1: a byte count matters only modulo this.
inline constexpr std::uint32_t kOrder = 0x7FFFFFFFu;

constexpr std::uint32_t TimesX(std::uint32_t a) {
  return (a >> 1) ^ (kPolynomial & (0u - (a & 1u)));
}

constexpr std::uint32_t Multiply(std::uint32_t a, std::uint32_t b) {
  std::uint32_t product = 0;
  for (; b != 0; b <<= 1) {
    product ^= a & (0u - (b >> 31));
    a = TimesX(a);
  }
  return product;
}

// x^exponent; a negative exponent means the inverse.
constexpr std::uint32_t PowerOfX(std::int64_t exponent) {
  std::int64_t e = exponent % std::int64_t{kOrder};
  if (e < 0) e += kOrder;
  std::uint32_t power = kOne;
  for (std::uint32_t square = kOne >> 1; e != 0; e >>= 1, square = Multiply(square, square)) {
    if (e & 1) power = Multiply(power, square);
  }
  return power;
}

// A carry-less multiplication of two reflected 32-bit words followed by a CRC step over the 64-bit
// product yields a * b * x^33; constants for it carry the factor x^-33.
constexpr std::uint32_t PowerForClmul(std::int64_t exponent) { return PowerOfX(exponent - 33); }

// What the low and the high half of a 128-bit lane are multiplied by to move the lane `bytes` bytes
// further on.
struct FoldPair {
  std::uint64_t low, high;
};
constexpr FoldPair Fold(std::int64_t bytes) {
  return {PowerForClmul(bytes * 8 + 64), PowerForClmul(bytes * 8)};
}

// `bytes` reduced to the number below kOrder that moves a value as far.
constexpr std::uint32_t ReduceBytes(std::uint64_t bytes) {
  bytes = (bytes & kOrder) + (bytes >> 31);
  bytes = (bytes & kOrder) + (bytes >> 31);
  bytes = (bytes & kOrder) + (bytes >> 31);
  return static_cast<std::uint32_t>(bytes);
}

// Factors for moving a value by any number of bytes, one multiplication for each byte of the
// (reduced) number: factor[k][v] = x^(8 * v * 256^k + kExtra).
template <int kExtra>
struct ShiftTable {
  std::uint32_t factor[4][256];
};

template <int kExtra>
constexpr ShiftTable<kExtra> MakeShiftTable() {
  ShiftTable<kExtra> table{};
  std::uint32_t step = PowerOfX(8);
  for (auto& row : table.factor) {
    row[0] = PowerOfX(kExtra);
    for (int v = 1; v < 256; ++v) row[v] = Multiply(row[v - 1], step);
    for (int i = 0; i < 8; ++i) step = Multiply(step, step);
  }
  return table;
}

inline constexpr ShiftTable<0> kShiftTable = MakeShiftTable<0>();
inline constexpr ShiftTable<-33> kClmulShiftTable = MakeShiftTable<-33>();

// a * x^(8 * bytes), on any machine.
constexpr std::uint32_t Shift(std::uint32_t a, std::uint64_t bytes) {
  std::uint32_t left = ReduceBytes(bytes);
  for (int k = 0; left != 0; ++k, left >>= 8) {
    if ((left & 0xFF) != 0) a = Multiply(a, kShiftTable.factor[k][left & 0xFF]);
  }
  return a;
}

static_assert(PowerOfX(kOrder) == kOne &&
              Multiply(PowerOfX(std::int64_t{1} << 31), kOne) == kOne >> 1);
static_assert(Multiply(PowerOfX(-33), PowerOfX(33)) == kOne);

}  // namespace isthmus::digest::gf2

#endif  // ISTHMUS_DIGEST_GF2_H_
