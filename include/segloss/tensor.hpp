// Element types, and views of arrays. A view borrows its elements and copies its shape and strides.
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

// The 16-bit types of CUDA, which do not specialise std::numeric_limits.
struct __half;
struct __nv_bfloat16;

namespace segloss {
inline namespace SEGLOSS_MODE {

enum class Dtype : std::uint32_t {
  as_pred = 0,  // outputs only: the dtype of pred for a gradient, f32 for a field or a distance
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

// The dtype of an element type by its std::numeric_limits, which at::Half, Eigen::half and std::float16_t specialise;
// as_pred if there is none.
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

// The dtype of an element type. Specialise it for a type without std::numeric_limits:
//   template <> struct segloss::dtype_of<my_half> : segloss::dtype_is<segloss::Dtype::f16> {};
template <Dtype D>
struct dtype_is {
  static constexpr Dtype value = D;
};
template <class T>
struct dtype_of : dtype_is<detail::deduce<T>()> {
  static_assert(detail::deduce<T>() != Dtype::as_pred, "not an element type of segloss: specialise segloss::dtype_of");
};
template <>
struct dtype_of<::__half> : dtype_is<Dtype::f16> {};
template <>
struct dtype_of<::__nv_bfloat16> : dtype_is<Dtype::bf16> {};

#ifdef __cpp_lib_span
using std::span;
#else
// The part of std::span that these headers use, for C++17.
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

// Extents or strides of at most SEGLOSS_MAX_NDIM axes, held by value. The call that receives a longer list or a null
// address refuses it.
class Axes {
 public:
  constexpr Axes() noexcept = default;
  constexpr Axes(std::initializer_list<std::int64_t> axes) noexcept : Axes(axes.begin(), axes.size()) {}
  // A contiguous range of 64-bit integers, such as std::vector or at::IntArrayRef.
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

// The length of an array that is given by its address alone. Such a length is not checked.
inline constexpr std::size_t unknown_length = static_cast<std::size_t>(-1);

namespace detail {

template <class Range>
using data_t = decltype(std::declval<Range&>().data());

// The element type of a contiguous container, one with data() and size(), if a view may keep the address of its
// elements: the container is an lvalue, or is a view itself, such as std::span. A temporary std::vector is neither.
template <class Range, class Plain = std::remove_reference_t<Range>, class = void>
struct element {};
template <class Range, class Plain>
struct element<Range, Plain,
               std::enable_if_t<std::is_pointer_v<data_t<Plain>> &&
                                std::is_convertible_v<decltype(std::declval<Plain&>().size()), std::size_t> &&
                                (std::is_lvalue_reference_v<Range> ||
                                 std::is_same_v<data_t<Plain>, data_t<const Plain>>)>> {
  using type = std::remove_pointer_t<data_t<Plain>>;
};
template <class Range>
using element_t = typename element<Range>::type;

template <class Range>
using if_readable = std::enable_if_t<!std::is_void_v<element_t<Range>>>;
template <class Range>
using if_writable = std::enable_if_t<!std::is_void_v<element_t<Range>> && !std::is_const_v<element_t<Range>>>;

constexpr std::size_t multiply(std::size_t a, std::size_t b) noexcept {
  return b != 0 && a > unknown_length / b ? unknown_length : a * b;
}
constexpr std::size_t add(std::size_t a, std::size_t b) noexcept {
  return a > unknown_length - b ? unknown_length : a + b;
}

// What a container with too few or too many elements for a shape is refused for.
struct LengthError {
  segloss_status status = SEGLOSS_OK;
  std::size_t needed = 0;
  const char* expected = nullptr;
};

// Compares the number of elements of a container with a shape. Without strides the container holds exactly the elements
// of the shape; with strides, every element that an index reaches. Other errors in the shape are left to C.
inline LengthError check_length(std::size_t length, const std::int64_t* shape, std::size_t axes,
                                const std::int64_t* strides) noexcept {
  std::size_t product = 1, reach = 1;
  bool is_below = false;
  if (length == unknown_length) return {};
  for (std::size_t k = 0; k < axes; k++) {
    if (shape[k] < 0) return {};
    const std::size_t extent = static_cast<std::size_t>(shape[k]);
    product = multiply(product, extent);
    if (strides == nullptr || extent < 2 || strides[k] == 0) continue;
    if (strides[k] < 0)
      is_below = true;
    else
      reach = add(reach, multiply(extent - 1, static_cast<std::size_t>(strides[k])));
  }
  for (std::size_t k = 0; k < axes; k++)
    if (shape[k] == 0) product = reach = 0;
  if (strides == nullptr && length != product)
    return {SEGLOSS_SHAPE, product, "as many elements in the container as the shape has"};
  if (strides != nullptr && product != 0 && is_below)
    return {SEGLOSS_STRIDES, 0, "strides >= 0 for a container, whose first element is at index 0"};
  if (strides != nullptr && length < reach)
    return {SEGLOSS_STRIDES, reach, "as many elements in the container as the strides reach"};
  return {};
}

}  // namespace detail

// An input array, borrowed until the call that reads it returns. Strides are in elements; none: C-contiguous.
//
// It is made from an address, or from a contiguous container (std::vector, std::array, std::span, any type with data()
// and size()). The call compares the number of elements of a container with the shape, and refuses another number.
//
//   std::vector<float> logits(2 * 4 * 96 * 96);
//   segloss::Tensor pred{logits, {2, 4, 96, 96}};
struct Tensor {
  const void* data = nullptr;
  Dtype dtype{};
  Axes shape{};
  Axes strides{};
  std::size_t length = unknown_length;  // elements at data, from its address on

  constexpr Tensor() noexcept = default;
  template <class T>
  constexpr Tensor(const T* elements, Axes extents, Axes steps = {}) noexcept
      : data(elements), dtype(dtype_of<T>::value), shape(extents), strides(steps) {}
  constexpr Tensor(const void* address, Dtype type, Axes extents, Axes steps = {}) noexcept
      : data(address), dtype(type), shape(extents), strides(steps) {}
  template <class Range, class = detail::if_readable<Range>>
  constexpr Tensor(Range&& elements, Axes extents, Axes steps = {}) noexcept
      : data(elements.data()),
        dtype(dtype_of<std::remove_cv_t<detail::element_t<Range>>>::value),
        shape(extents),
        strides(steps),
        length(static_cast<std::size_t>(elements.size())) {}
  // From a tensor of C, such as segloss_dlpack.h fills. Copies the shape and strides that it points to.
  explicit Tensor(const segloss_tensor& tensor) noexcept
      : data(tensor.data),
        dtype(static_cast<Dtype>(tensor.dtype)),
        shape(tensor.shape, tensor.ndim),
        strides(tensor.strides, tensor.strides == nullptr ? 0 : tensor.ndim) {}

  // The tensor of C; points into this object.
  segloss_tensor c() const noexcept {
    segloss_tensor raw{data, shape.data(), strides.size() == 0 ? nullptr : strides.data(), shape.size(),
                       static_cast<std::uint32_t>(dtype)};
    // An empty vector has no address; C takes a tensor for absent only if every field is zero.
    if (data == nullptr && shape.size() == 0) raw.shape = nullptr;
    return raw;
  }
};

// An output array, borrowed until the call that writes it returns. Its shape follows from the inputs. No strides: those
// of pred for the gradient, else C-contiguous. Made from an address or from a container, like Tensor.
struct Output {
  void* data = nullptr;
  Dtype dtype{};
  Axes strides{};
  std::size_t length = unknown_length;  // elements at data, from its address on

  constexpr Output() noexcept = default;
  template <class T, class = std::enable_if_t<!std::is_void_v<T> && !std::is_const_v<T>>>
  constexpr Output(T* elements, Axes steps = {}) noexcept
      : data(elements), dtype(dtype_of<T>::value), strides(steps) {}
  constexpr Output(void* address, Dtype type, Axes steps = {}) noexcept
      : data(address), dtype(type), strides(steps) {}
  template <class Range, class = detail::if_writable<Range>>
  constexpr Output(Range&& elements, Axes steps = {}) noexcept
      : data(elements.data()),
        dtype(dtype_of<detail::element_t<Range>>::value),
        strides(steps),
        length(static_cast<std::size_t>(elements.size())) {}

  // The output of C; points into this object.
  segloss_output c() const noexcept {
    return {data, strides.size() == 0 ? nullptr : strides.data(), static_cast<std::uint32_t>(dtype), 0};
  }
};

}  // inline namespace SEGLOSS_MODE
}  // namespace segloss

#endif  // SEGLOSS_TENSOR_HPP
