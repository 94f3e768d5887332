// The distance transform.
//
// SPDX-License-Identifier: MIT OR Apache-2.0

#ifndef SEGLOSS_DISTANCE_HPP
#define SEGLOSS_DISTANCE_HPP

#include <cstddef>
#include <cstdint>

#include "arguments.hpp"
#include "error.hpp"

namespace segloss {
inline namespace SEGLOSS_MODE {

enum class DistanceKind : std::uint32_t {
  negative_inside = SEGLOSS_SIGNED,
  inside = SEGLOSS_INSIDE,
  outside = SEGLOSS_OUTSIDE,
  other_side = SEGLOSS_OTHER_SIDE,
};

// An exact Euclidean distance transform of a mask, or of every class of a label map.
struct Distance {
  DistanceKind kind = DistanceKind::negative_inside;
  Tensor mask{};                       // integers, [...]
  Output out{};                        // f32 or f64, [...] or [classes,...], in C order
  std::uint32_t classes = 0;           // 0: a mask, nonzero is inside
  bool square = false;                 // squared distances; a signed square keeps its sign
  bool black_border = false;           // outside of the image is background
  span<const double> spacing{};        // one per axis
  const Executor* executor = nullptr;  // this thread

  // Bytes of scratch; reads no data.
  Result<std::size_t> scratch_size() const {
    std::size_t bytes = 0;
    const segloss_error error =
        call({}, [&](segloss_distance_args& args) { return segloss_distance_scratch_size(&args, &bytes); });
    return detail::give(error, bytes);
  }
  Result<void> run(span<std::byte> scratch) const {
    return detail::give(call(scratch, [](segloss_distance_args& args) { return segloss_distance(&args); }));
  }

 private:
  template <class Verb>
  segloss_error call(span<std::byte> scratch, Verb verb) const noexcept {
    segloss_error error = detail::error_of(SEGLOSS_OK, nullptr, nullptr);
    const std::uint32_t axes = mask.shape.size();
    if (mask.strides.size() != 0 && mask.strides.size() != axes)
      return detail::error_of(SEGLOSS_STRIDES, "mask", "one stride per axis, or none", mask.strides.size(), axes);
    if (!spacing.empty() && spacing.size() != axes)
      return detail::error_of(SEGLOSS_SHAPE, "spacing", "one per axis", spacing.size(), axes);
    if (out.strides.size() != 0 && out.strides.size() != axes + (classes == 0 ? 0 : 1))
      return detail::error_of(SEGLOSS_STRIDES, "out", "one stride per axis, or none");
    segloss_distance_args args;
    segloss_distance_args_init(&args, sizeof args);
    args.flags = (square ? SEGLOSS_DISTANCE_SQUARED : 0u) | (black_border ? SEGLOSS_DISTANCE_BLACK_BORDER : 0u);
    args.kind = static_cast<std::uint32_t>(kind);
    args.classes = classes;
    args.mask = mask.c();
    args.spacing = spacing.empty() ? nullptr : spacing.data();
    args.out = out.c();
    args.error = &error;
    args.scratch = scratch.data();
    args.scratch_size = scratch.size();
    args.executor = executor == nullptr ? nullptr : executor->c();
    error.status = verb(args);
    return error;
  }
};

}  // inline namespace SEGLOSS_MODE
}  // namespace segloss

#endif  // SEGLOSS_DISTANCE_HPP
