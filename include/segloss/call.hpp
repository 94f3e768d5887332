// One call of C: its structs, and the checks of lengths that C cannot see.
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

// The arguments of one call for C. Lengths that C cannot see are checked here; it checks the rest.
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
    args.pred = take(batch.pred, "pred");
    args.target = take(batch.target, "target");
    args.voxel_weight = take(batch.voxel_weight, "voxel_weight");
    args.ignore = batch.ignore.data();
    args.ignore_len = static_cast<std::uint32_t>(batch.ignore.size());
    args.executor = batch.executor == nullptr ? nullptr : batch.executor->c();
    args.grad = take(outputs.grad, batch.pred.shape.size(), "grad");
    args.value = &value;
    args.error = &error;
    args.scratch = scratch.data();
    args.scratch_size = scratch.size();

    const std::size_t axes = batch.pred.shape.size();
    shaped_ = axes >= 3 && axes <= SEGLOSS_MAX_NDIM;
    classes_ = static_cast<std::size_t>(batch.pred.shape[1]);
    all_ = static_cast<std::size_t>(batch.pred.shape[0]) * classes_;
    args.class_present = take(batch.class_present, all_, "class_present", "B*C");
    args.spacing = take(batch.spacing, axes - 2, "spacing", "one per spatial axis");
    args.term_values = take(outputs.term_values, count, "term_values", "one per term");
    args.class_values = take(outputs.class_values, count * all_, "class_values", "terms*B*C");
    args.class_sums = take(outputs.class_sums, all_, "class_sums", "B*C");
    for (std::size_t k = 0; k < count; k++) {
      const segloss_status before = error.status;
      terms[k] = first[k].c();
      take(first[k].options.field, "field");
      take(first[k].options.class_weight, classes_, "class_weight", "one per class");
      if (before != error.status) error.term = static_cast<std::uint32_t>(k);
    }
  }

  // B*C class_sums; none is allowed only where C allows it.
  template <class T>
  T* class_sums(span<T> range, const char* name) noexcept {
    return take(range, all_, name, "B*C");
  }
  double* class_values(span<double> range, const char* name) noexcept {
    return take(range, classes_, name, "one per class");
  }

  // Runs the verb unless something was refused here.
  template <class Verb>
  const segloss_error& run(Verb verb) noexcept {
    if (error.status == SEGLOSS_OK) error.status = verb();
    return error;
  }

 private:
  bool shaped_ = false;  // otherwise there are no lengths to check, and C refuses pred
  std::size_t classes_ = 0, all_ = 0;

  void refuse(segloss_status status, const char* argument, const char* expected, std::size_t given,
              std::size_t needed) noexcept {
    if (error.status == SEGLOSS_OK) error = error_of(status, argument, expected, given, needed);
  }
  segloss_tensor take(const Tensor& tensor, const char* name) noexcept {
    if (tensor.strides.size() != 0 && tensor.strides.size() != tensor.shape.size())
      refuse(SEGLOSS_STRIDES, name, "one stride per axis, or none", tensor.strides.size(), tensor.shape.size());
    return tensor.c();
  }
  segloss_output take(const Output& output, std::uint32_t axes, const char* name) noexcept {
    if (output.strides.size() != 0 && output.strides.size() != axes)
      refuse(SEGLOSS_STRIDES, name, "one stride per axis, or none", output.strides.size(), axes);
    return output.c();
  }
  template <class T>
  T* take(span<T> range, std::size_t length, const char* name, const char* expected) noexcept {
    if (range.empty()) return nullptr;
    if (shaped_ && range.size() != length) refuse(SEGLOSS_SHAPE, name, expected, range.size(), length);
    return range.data();
  }
};

}  // namespace detail

}  // inline namespace SEGLOSS_MODE
}  // namespace segloss

#endif  // SEGLOSS_CALL_HPP
