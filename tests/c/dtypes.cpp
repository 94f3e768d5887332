// The dtype of element types: fundamental types, 16-bit floats with std::numeric_limits such as at::Half, CUDA's
// types by name, and a type for which the user specialises dtype_of. The types are stand-ins; tests/packages uses the
// real ones.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "check.h"
#include "segloss.hpp"

using segloss::Dtype;
using segloss::dtype_of;

// A 16-bit type.
struct Bits {
  uint16_t bits;
};

namespace other_library {
struct half : Bits {};
struct bfloat16 : Bits {};
struct float8 {
  uint8_t bits;
};
}  // namespace other_library

// The names of CUDA, without std::numeric_limits.
struct __half : Bits {};
struct __nv_bfloat16 : Bits {};

namespace std {
template <>
class numeric_limits<other_library::half> {
 public:
  static constexpr bool is_specialized = true, is_signed = true, is_integer = false;
  static constexpr int radix = 2, digits = 11, max_exponent = 16;
};
template <>
class numeric_limits<other_library::bfloat16> {
 public:
  static constexpr bool is_specialized = true, is_signed = true, is_integer = false;
  static constexpr int radix = 2, digits = 8, max_exponent = 128;
};
}  // namespace std

struct UsersHalf : Bits {};
template <>
struct segloss::dtype_of<UsersHalf> : segloss::dtype_is<segloss::Dtype::f16> {};

static_assert(dtype_of<unsigned char>::value == Dtype::u8);
static_assert(dtype_of<bool>::value == Dtype::boolean);
static_assert(dtype_of<signed char>::value == Dtype::i8 && dtype_of<short>::value == Dtype::i16);
static_assert(dtype_of<int>::value == Dtype::i32);
static_assert(dtype_of<long long>::value == Dtype::i64);
static_assert(dtype_of<unsigned short>::value == Dtype::u16 && dtype_of<unsigned>::value == Dtype::u32);
static_assert(dtype_of<unsigned long long>::value == Dtype::u64);
static_assert(dtype_of<long>::value == (sizeof(long) == 8 ? Dtype::i64 : Dtype::i32));
static_assert(dtype_of<float>::value == Dtype::f32 && dtype_of<double>::value == Dtype::f64);
static_assert(dtype_of<other_library::half>::value == Dtype::f16);
static_assert(dtype_of<other_library::bfloat16>::value == Dtype::bf16);
static_assert(dtype_of<__half>::value == Dtype::f16 && dtype_of<__nv_bfloat16>::value == Dtype::bf16);
static_assert(dtype_of<UsersHalf>::value == Dtype::f16);
// Types without a dtype.
static_assert(segloss::detail::deduce<other_library::float8>() == Dtype::as_pred);
static_assert(segloss::detail::deduce<Bits>() == Dtype::as_pred);

// The bits of a number in a 16-bit format; the number has to be exact in it.
static uint16_t encode(double x, int fraction, int bias) {
  if (x == 0) return 0;
  int exponent;
  const double mantissa = std::frexp(std::fabs(x), &exponent) * 2 - 1;
  const double scaled = std::ldexp(mantissa, fraction);
  CHECK(scaled == std::floor(scaled));
  const int bits = (x < 0 ? 1 << 15 : 0) | (exponent - 1 + bias) << fraction | static_cast<int>(scaled);
  return static_cast<uint16_t>(bits);
}

static double decode(uint16_t bits, int fraction, int bias) {
  const int exponent = (bits & 0x7fff) >> fraction, rest = bits & ((1 << fraction) - 1);
  const double size = exponent == 0 ? std::ldexp(rest, 1 - bias - fraction)
                                    : std::ldexp(rest + (1 << fraction), exponent - bias - fraction);
  return (bits & 0x8000) != 0 ? -size : size;
}

// The value equals that of the same numbers as floats. The gradient is rounded to the type, or written as floats.
template <class Half>
static void runs(int fraction, int bias) {
  static_assert(sizeof(Half) == 2);
  constexpr int64_t n = 41;
  std::vector<float> floats(2 * n), slopes(2 * n), of_halves(2 * n);
  std::vector<Half> halves(2 * n), gradient(2 * n);
  const auto labels = std::make_unique<bool[]>(n);
  for (size_t i = 0; i < 2 * n; i++) {
    floats[i] = static_cast<float>(i * 13 % 47) / 16 - 1.5F;
    halves[i].bits = encode(floats[i], fraction, bias);
  }
  for (size_t i = 0; i < n; i++) labels[i] = i % 3 == 1;
  std::vector<std::byte> scratch(SEGLOSS_SCRATCH_BYTES(1, 2));

  const segloss::WeightedSum loss{{1.0, segloss::Dice{}}, {1.0, segloss::CrossEntropy{}}};
  segloss::Batch batch;
  batch.activation = segloss::Activation::softmax;
  batch.pred = {floats.data(), {1, 2, n}};
  batch.target = {labels.get(), {1, n}};
  segloss::Outputs outputs;
  outputs.grad = slopes.data();
  outputs.grad_scale = 64;
  const double value = loss.run(batch, outputs, scratch);
  batch.pred = {halves.data(), {1, 2, n}};
  outputs.grad = of_halves.data();
  CHECK(loss.run(batch, outputs, scratch) == value);
  CHECK(std::memcmp(of_halves.data(), slopes.data(), slopes.size() * sizeof slopes[0]) == 0);
  outputs.grad = gradient.data();
  CHECK(loss.run(batch, outputs, scratch) == value);
  for (size_t i = 0; i < gradient.size(); i++)
    CLOSE(decode(gradient[i].bits, fraction, bias), slopes[i], std::ldexp(std::fabs(slopes[i]), -fraction - 1));
}

int main() {
  runs<other_library::half>(10, 15);
  runs<__half>(10, 15);
  runs<UsersHalf>(10, 15);
  runs<other_library::bfloat16>(7, 127);
  runs<__nv_bfloat16>(7, 127);
  std::puts("passed");
}
