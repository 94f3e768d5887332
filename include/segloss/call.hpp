// The structs of one C call, and checks of the lengths that C does not know.
//
// SPDX-License-Identifier: MIT OR Apache-2.0

#ifndef SEGLOSS_CALL_HPP
#define SEGLOSS_CALL_HPP

#include <array>
#include <cstddef>
#include <cstdint>

#include "arguments.hpp"
#include "error.hpp"

namespace segloss {
inline namespace SEGLOSS_MODE {

namespace detail {

// The arguments of one C call. It checks the lengths of ranges and containers; C checks everything else.
class Call {
 public:
  segloss_args args{};
  segloss_error error = error_of(SEGLOSS_OK, nullptr, nullptr);
  std::array<segloss_term, SEGLOSS_MAX_TERMS> terms{};
  std::size_t n_terms = 0;
  double value = 0.0;

  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  Call(const Term* first, std::size_t count, const Batch& batch, const Outputs& outputs,
       span<std::byte> scratch) noexcept
      : n_terms(count) {
    segloss_args_init(&args, sizeof args);
    args.activation = static_cast<std::uint32_t>(batch.activation);
    args.flags = outputs.add_to_gradient ? SEGLOSS_ADD_TO_GRADIENT : 0;
    args.grad_scale = outputs.grad_scale;
    args.pred = checked(batch.pred, "pred");
    args.target = checked(batch.target, "target");
    args.voxel_weight = checked(batch.voxel_weight, "voxel_weight");
    args.ignore = batch.ignore.data();
    args.ignore_len = static_cast<std::uint32_t>(batch.ignore.size());
    args.executor = batch.executor == nullptr ? nullptr : batch.executor->c();
    args.grad = checked(outputs.grad, batch.pred.shape, batch.pred.strides, "grad");
    args.value = &value;
    args.error = &error;
    args.scratch = scratch.data();
    args.scratch_size = scratch.size();

    const std::size_t axes = batch.pred.shape.size();
    has_shape_ = axes >= 3 && axes <= SEGLOSS_MAX_NDIM;
    classes_ = static_cast<std::size_t>(batch.pred.shape[1]);
    sums_ = static_cast<std::size_t>(batch.pred.shape[0]) * classes_;
    args.class_present = checked(batch.class_present, sums_, "class_present", "B*C");
    args.spacing = checked(batch.spacing, axes - 2, "spacing", "one per spatial axis");
    args.term_values = checked(outputs.term_values, count, "term_values", "one per term");
    args.class_values = checked(outputs.class_values, count * sums_, "class_values", "terms*B*C");
    args.class_sums = checked(outputs.class_sums, sums_, "class_sums", "B*C");
    for (std::size_t k = 0; k < count; k++) {
      const segloss_status before = error.status;
      terms[k] = first[k].c();
      checked(first[k].options.field, "field");
      checked(first[k].options.class_weight, classes_, "class_weight", "one per class");
      if (before != error.status) error.term = static_cast<std::uint32_t>(k);
    }
  }

  // The B*C class sums of a range; null if the range is empty.
  template <class T>
  T* class_sums(span<T> range, const char* name) noexcept {
    return checked(range, sums_, name, "B*C");
  }
  // The C numbers of a range; null if the range is empty.
  double* per_class(span<double> range, const char* name) noexcept {
    return checked(range, classes_, name, "one per class");
  }

  // The output of segloss_distance_field, [B,C,...], or [B,...] if one map serves all classes.
  segloss_output field(const Output& output, const Tensor& pred, bool is_shared, const char* name) noexcept {
    if (!is_shared || !has_shape_) return checked(output, pred.shape, {}, name);
    std::array<std::int64_t, SEGLOSS_MAX_NDIM> shape{};
    const std::size_t axes = pred.shape.size() - 1;
    for (std::size_t k = 0; k < axes; k++) shape[k] = pred.shape[k == 0 ? 0 : k + 1];
    return checked(output, Axes(shape.data(), axes), {}, name);
  }

  // Calls the C function unless an argument was refused here.
  template <class Function>
  const segloss_error& run(Function function) noexcept {
    if (error.status == SEGLOSS_OK) error.status = function();
    return error;
  }

 private:
  bool has_shape_ = false;  // whether pred has a valid number of axes; if not, C refuses it
  std::size_t classes_ = 0, sums_ = 0;

  void refuse(segloss_status status, const char* argument, const char* expected, std::size_t given,
              std::size_t needed) noexcept {
    if (error.status == SEGLOSS_OK) error = error_of(status, argument, expected, given, needed);
  }
  void refuse_length(std::size_t length, const Axes& shape, const Axes& strides, const char* name) noexcept {
    if (shape.size() > SEGLOSS_MAX_NDIM || (strides.size() != 0 && strides.size() != shape.size())) return;
    const LengthError wrong =
        check_length(length, shape.data(), shape.size(), strides.size() == 0 ? nullptr : strides.data());
    if (wrong.status != SEGLOSS_OK) refuse(wrong.status, name, wrong.expected, length, wrong.needed);
  }
  segloss_tensor checked(const Tensor& tensor, const char* name) noexcept {
    if (tensor.strides.size() != 0 && tensor.strides.size() != tensor.shape.size())
      refuse(SEGLOSS_STRIDES, name, "one stride per axis, or none", tensor.strides.size(), tensor.shape.size());
    refuse_length(tensor.length, tensor.shape, tensor.strides, name);
    return tensor.c();
  }
  // strides: those of the output if it has none of its own.
  segloss_output checked(const Output& output, const Axes& shape, const Axes& strides, const char* name) noexcept {
    if (output.strides.size() != 0 && output.strides.size() != shape.size())
      refuse(SEGLOSS_STRIDES, name, "one stride per axis, or none", output.strides.size(), shape.size());
    refuse_length(output.length, shape, output.strides.size() == 0 ? strides : output.strides, name);
    return output.c();
  }
  template <class T>
  T* checked(span<T> range, std::size_t length, const char* name, const char* expected) noexcept {
    if (range.empty()) return nullptr;
    if (has_shape_ && range.size() != length) refuse(SEGLOSS_SHAPE, name, expected, range.size(), length);
    return range.data();
  }
};

}  // namespace detail

}  // inline namespace SEGLOSS_MODE
}  // namespace segloss

#endif  // SEGLOSS_CALL_HPP
