// Element types, and borrowed arrays that own their shapes.
//
// SPDX-License-Identifier: MIT OR Apache-2.0

#ifndef SEGLOSS_TENSOR_HPP
#define SEGLOSS_TENSOR_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <type_traits>
#include <utility>

#include "modes.hpp"

// Half types of CUDA, which do not describe themselves to std::numeric_limits.
struct __half;
struct __nv_bfloat16;

namespace segloss {
inline namespace SEGLOSS_MODE {

enum class Dtype : std::uint32_t {
  as_pred = 0,  // outputs only: as pred; F32 for a field or a distance
  u8 = SEGLOSS_U8,
  u16 = SEGLOSS_U16,
  u32 = SEGLOSS_U32,
  u64 = SEGLOSS_U64,
  i8 = SEGLOSS_I8,
  i16 = SEGLOSS_I16,
  i32 = SEGLOSS_I32,
  i64 = SEGLOSS_I64,
  boolean = SEGLOSS_BOOL,
  f16 = SEGLOSS_F16,
  bf16 = SEGLOSS_BF16,
  f32 = SEGLOSS_F32,
  f64 = SEGLOSS_F64,
};

namespace detail {

// The element type, by what std::numeric_limits knows: at::Half, Eigen::half and std::float16_t describe themselves.
template <class T>
constexpr Dtype deduce() {
  using Limits = std::numeric_limits<T>;
  constexpr std::size_t bytes = sizeof(T);
  if (std::is_same_v<T, bool>) return Dtype::boolean;
  if (Limits::is_specialized && Limits::is_integer) {
    if (!Limits::is_signed && bytes == 1) return Dtype::u8;
    if (!Limits::is_signed && bytes == 2) return Dtype::u16;
    if (!Limits::is_signed && bytes == 4) return Dtype::u32;
    if (!Limits::is_signed && bytes == 8) return Dtype::u64;
    if (Limits::is_signed && bytes == 1) return Dtype::i8;
    if (Limits::is_signed && bytes == 2) return Dtype::i16;
    if (Limits::is_signed && bytes == 4) return Dtype::i32;
    if (Limits::is_signed && bytes == 8) return Dtype::i64;
  } else if (Limits::is_specialized && Limits::radix == 2) {
    if (bytes == 2 && Limits::digits == 11 && Limits::max_exponent == 16) return Dtype::f16;
    if (bytes == 2 && Limits::digits == 8 && Limits::max_exponent == 128) return Dtype::bf16;
    if (bytes == 4 && Limits::digits == 24) return Dtype::f32;
    if (bytes == 8 && Limits::digits == 53) return Dtype::f64;
  }
  return Dtype::as_pred;
}

}  // namespace detail

// The dtype of an element type. Specialise it for a type that does not describe itself:
//   template <> struct segloss::dtype_of<my_half> : segloss::dtype_is<segloss::Dtype::f16> {};
template <Dtype D>
struct dtype_is {
  static constexpr Dtype value = D;
};
template <class T>
struct dtype_of : dtype_is<detail::deduce<T>()> {
  static_assert(detail::deduce<T>() != Dtype::as_pred, "no element type of segloss: specialise segloss::dtype_of");
};
template <>
struct dtype_of<::__half> : dtype_is<Dtype::f16> {};
template <>
struct dtype_of<::__nv_bfloat16> : dtype_is<Dtype::bf16> {};

#ifdef __cpp_lib_span
using std::span;
#else
// As much of std::span as this header uses.
template <class T>
class span {
 public:
  constexpr span() noexcept = default;
  constexpr span(T* data, std::size_t size) noexcept : data_(data), size_(size) {}
  template <std::size_t N>
  constexpr span(T (&array)[N]) noexcept : data_(array), size_(N) {}
  template <class Range, class = std::enable_if_t<
                             std::is_convertible_v<decltype(std::declval<Range&>().data()), T*>>>
  constexpr span(Range&& range) noexcept : data_(range.data()), size_(range.size()) {}
  constexpr T* data() const noexcept { return data_; }
  constexpr std::size_t size() const noexcept { return size_; }
  constexpr bool empty() const noexcept { return size_ == 0; }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};
#endif

// Extents or strides of at most SEGLOSS_MAX_NDIM axes, by value. More, or none at their address, are refused by C.
class Axes {
 public:
  constexpr Axes() noexcept = default;
  constexpr Axes(std::initializer_list<std::int64_t> axes) noexcept : Axes(axes.begin(), axes.size()) {}
  // Any contiguous range of 64-bit integers, as std::vector or at::IntArrayRef.
  template <class Range, class = std::enable_if_t<std::is_convertible_v<
                             decltype(std::declval<const Range&>().data()), const std::int64_t*>>>
  constexpr Axes(const Range& range) noexcept : Axes(range.data(), range.size()) {}
  constexpr Axes(const std::int64_t* axes, std::size_t count) noexcept : size_(SEGLOSS_MAX_NDIM + 1) {
    if (count > axes_.size() || (axes == nullptr && count > 0)) return;
    size_ = static_cast<std::uint32_t>(count);
    for (std::size_t k = 0; k < count; k++) axes_[k] = axes[k];
  }
  constexpr const std::int64_t* data() const noexcept { return axes_.data(); }
  constexpr std::uint32_t size() const noexcept { return size_; }
  constexpr std::int64_t operator[](std::size_t k) const noexcept { return axes_[k]; }

 private:
  std::array<std::int64_t, SEGLOSS_MAX_NDIM> axes_{};
  std::uint32_t size_ = 0;
};

// A borrowed input. Strides are in elements; none = C order.
struct Tensor {
  const void* data = nullptr;
  Dtype dtype{};
  Axes shape{};
  Axes strides{};

  constexpr Tensor() noexcept = default;
  template <class T>
  constexpr Tensor(const T* elements, Axes extents, Axes steps = {}) noexcept
      : data(elements), dtype(dtype_of<T>::value), shape(extents), strides(steps) {}
  constexpr Tensor(const void* address, Dtype type, Axes extents, Axes steps = {}) noexcept
      : data(address), dtype(type), shape(extents), strides(steps) {}
  // Of C, as segloss_dlpack.h makes them. What tensor.shape points to is copied.
  explicit Tensor(const segloss_tensor& tensor) noexcept
      : data(tensor.data),
        dtype(static_cast<Dtype>(tensor.dtype)),
        shape(tensor.shape, tensor.ndim),
        strides(tensor.strides, tensor.strides == nullptr ? 0 : tensor.ndim) {}

  // For C; points into this tensor.
  segloss_tensor c() const noexcept {
    segloss_tensor raw{data, shape.data(), strides.size() == 0 ? nullptr : strides.data(), shape.size(),
                       static_cast<std::uint32_t>(dtype)};
    if (data == nullptr && shape.size() == 0) raw.shape = nullptr;  // all zero is absent
    return raw;
  }
};

// A borrowed output; its shape is implied. No strides: those of pred for the gradient, else C order.
struct Output {
  void* data = nullptr;
  Dtype dtype{};
  Axes strides{};

  constexpr Output() noexcept = default;
  template <class T, class = std::enable_if_t<!std::is_void_v<T> && !std::is_const_v<T>>>
  constexpr Output(T* elements, Axes steps = {}) noexcept
      : data(elements), dtype(dtype_of<T>::value), strides(steps) {}
  constexpr Output(void* address, Dtype type, Axes steps = {}) noexcept
      : data(address), dtype(type), strides(steps) {}

  // For C; points into this output.
  segloss_output c() const noexcept {
    return {data, strides.size() == 0 ? nullptr : strides.data(), static_cast<std::uint32_t>(dtype), 0};
  }
};

}  // inline namespace SEGLOSS_MODE
}  // namespace segloss

#endif  // SEGLOSS_TENSOR_HPP
