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
  negative_inside = SEGLOSS_SIGNED,  // outside + the distance to the nearest inside voxel, inside negative
  inside = SEGLOSS_INSIDE,           // inside the distance to the nearest outside voxel, outside 0
  outside = SEGLOSS_OUTSIDE,         // outside the distance to the nearest inside voxel, inside 0
  other_side = SEGLOSS_OTHER_SIDE,   // the distance to the nearest voxel on the other side
};

// The exact Euclidean distance transform of a mask, or of every class of a label map.
struct Distance {
  DistanceKind kind = DistanceKind::negative_inside;
  Tensor mask{};                       // integers [...]
  Output out{};                        // f32 or f64, [...] or [classes,...], C-contiguous, in the unit of spacing
  std::uint32_t classes = 0;           // 0: one mask, nonzero is inside; n: a label map, out has one map per class
  bool square = false;                 // squared distances; a signed square keeps its sign
  bool black_border = false;           // voxels beyond the image count as outside of the object
  span<const double> spacing{};        // one per axis, > 0; empty: 1
  const Executor* executor = nullptr;  // null: the calling thread

  // Bytes of scratch that run needs. Reads no element.
  Result<std::size_t> scratch_size() const {
    std::size_t bytes = 0;
    const segloss_error error =
        call({}, [&](segloss_distance_args& args) { return segloss_distance_scratch_size(&args, &bytes); });
    return detail::give(error, bytes);
  }
  // Writes out.
  Result<void> run(span<std::byte> scratch) const {
    return detail::give(call(scratch, [](segloss_distance_args& args) { return segloss_distance(&args); }));
  }

 private:
  template <class Function>
  segloss_error call(span<std::byte> scratch, Function function) const noexcept {
    segloss_error error = detail::error_of(SEGLOSS_OK, nullptr, nullptr);
    const std::uint32_t axes = mask.shape.size();
    if (mask.strides.size() != 0 && mask.strides.size() != axes)
      return detail::error_of(SEGLOSS_STRIDES, "mask", "one stride per axis, or none", mask.strides.size(), axes);
    if (!spacing.empty() && spacing.size() != axes)
      return detail::error_of(SEGLOSS_SHAPE, "spacing", "one per axis", spacing.size(), axes);
    if (out.strides.size() != 0 && out.strides.size() != axes + (classes == 0 ? 0 : 1))
      return detail::error_of(SEGLOSS_STRIDES, "out", "one stride per axis, or none");
    if (axes <= SEGLOSS_MAX_NDIM) {
      std::int64_t shape[SEGLOSS_MAX_NDIM + 1] = {static_cast<std::int64_t>(classes)};
      for (std::size_t k = 0; k < axes; k++) shape[k + 1] = mask.shape[k];
      const std::size_t first = classes == 0 ? 1 : 0;
      const auto steps = [](const Axes& strides) { return strides.size() == 0 ? nullptr : strides.data(); };
      detail::LengthError wrong = detail::check_length(mask.length, shape + 1, axes, steps(mask.strides));
      if (wrong.status != SEGLOSS_OK)
        return detail::error_of(wrong.status, "mask", wrong.expected, mask.length, wrong.needed);
      wrong = detail::check_length(out.length, shape + first, axes + 1 - first, steps(out.strides));
      if (wrong.status != SEGLOSS_OK)
        return detail::error_of(wrong.status, "out", wrong.expected, out.length, wrong.needed);
    }
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
    error.status = function(args);
    return error;
  }
};

}  // inline namespace SEGLOSS_MODE
}  // namespace segloss

#endif  // SEGLOSS_DISTANCE_HPP
