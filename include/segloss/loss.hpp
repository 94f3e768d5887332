// A loss and the calls that evaluate it, whole or in parts.
//
// SPDX-License-Identifier: MIT OR Apache-2.0

#ifndef SEGLOSS_LOSS_HPP
#define SEGLOSS_LOSS_HPP

#include <array>
#include <cstddef>
#include <cstdint>

#include "call.hpp"
#include "error.hpp"

namespace segloss {
inline namespace SEGLOSS_MODE {

// A loss: the weighted sum of one to four terms. A fifth term does not compile.
class WeightedSum {
 public:
  WeightedSum(const Term& a) noexcept : terms_{a}, size_(1) {}
  WeightedSum(const Term& a, const Term& b) noexcept : terms_{a, b}, size_(2) {}
  WeightedSum(const Term& a, const Term& b, const Term& c) noexcept : terms_{a, b, c}, size_(3) {}
  WeightedSum(const Term& a, const Term& b, const Term& c, const Term& d) noexcept : terms_{a, b, c, d}, size_(4) {}

  std::size_t size() const noexcept { return size_; }
  Term& operator[](std::size_t k) noexcept { return terms_[k]; }
  const Term& operator[](std::size_t k) const noexcept { return terms_[k]; }

  // Bytes of scratch that every call needs with these terms, shapes, dtypes and executor. Reads no element.
  Result<std::size_t> scratch_size(const Batch& batch) const {
    std::size_t bytes = 0;
    detail::Call call(terms_.data(), size_, batch, {}, {});
    call.run([&] { return segloss_scratch_size(call.terms.data(), call.n_terms, &call.args, &bytes); });
    return detail::give(call.error, bytes);
  }

  // Computes and returns the value; writes the gradient and the other outputs that are set.
  Result<double> run(const Batch& batch, const Outputs& outputs, span<std::byte> scratch) const {
    detail::Call call(terms_.data(), size_, batch, outputs, scratch);
    call.run([&] { return segloss_run(call.terms.data(), call.n_terms, &call.args); });
    return detail::give(call.error, call.value);
  }

  // Adds the sums of a part of a batch to class_sums, [B,C] of the part, which the caller zeroes before the first part:
  // the first step of a loss in parts. A part is any view of some voxels of the same samples and classes, or of some
  // samples.
  Result<void> accumulate(const Batch& part, span<ClassSums> class_sums, span<std::byte> scratch) const {
    detail::Call call(terms_.data(), size_, part, {}, scratch);
    ClassSums* const into = call.class_sums(class_sums, "class_sums");
    call.run([&] { return segloss_accumulate(call.terms.data(), call.n_terms, &call.args, into); });
    return detail::give(call.error);
  }

  // Adds a part to the histogram of a round of the search for the voxels that TopK by fraction selects from all parts.
  // `term` is the index of that term. segloss_top_k_search in segloss.h describes the loop.
  Result<void> count_top_k(std::uint32_t term, const Batch& part, segloss_top_k_search& search,
                           span<std::byte> scratch) const {
    detail::Call call(terms_.data(), size_, part, {}, scratch);
    call.run([&] {
      return segloss_top_k_count(call.terms.data(), call.n_terms, term, &call.args, &search);
    });
    return detail::give(call.error);
  }

  // Ends a round. The threshold is found once search.done is not 0.
  Result<void> narrow_top_k(std::uint32_t term, segloss_top_k_search& search) const {
    segloss_error error = detail::error_of(SEGLOSS_OK, nullptr, nullptr);
    const segloss_term searched = term < size_ ? terms_[term].c() : segloss_term{};
    error.status = segloss_top_k_narrow(&searched, &search);
    if (error.status != SEGLOSS_OK) {
      error = detail::error_of(error.status, "term", "TopK by fraction, counted and not done");
      error.term = term;
    }
    return detail::give(error);
  }

  // Returns the value of the class sums of all parts, and writes the slopes for backward, [B,C], unless slopes is
  // empty: the second step. Reads no voxels. outputs.grad_scale multiplies the slopes.
  Result<double> finalize(const Batch& batch, span<const ClassSums> class_sums, span<ClassSums> slopes,
                          const Outputs& outputs, span<std::byte> scratch) const {
    detail::Call call(terms_.data(), size_, batch, outputs, scratch);
    const ClassSums* const from = call.class_sums(class_sums, "class_sums");
    ClassSums* const into = call.class_sums(slopes, "slopes");
    call.run([&] { return segloss_finalize(call.terms.data(), call.n_terms, &call.args, from, into); });
    return detail::give(call.error, call.value);
  }

  // Writes the gradient of a part to outputs.grad: the third step. Accumulate every part before the first backward if
  // the gradient overwrites pred.
  Result<void> backward(const Batch& part, span<const ClassSums> slopes, const Outputs& outputs,
                        span<std::byte> scratch) const {
    detail::Call call(terms_.data(), size_, part, outputs, scratch);
    const ClassSums* const from = call.class_sums(slopes, "slopes");
    call.run([&] { return segloss_backward(call.terms.data(), call.n_terms, &call.args, from); });
    return detail::give(call.error);
  }

 private:
  std::array<Term, SEGLOSS_MAX_TERMS> terms_;
  std::size_t size_;
};

// Writes the distance weights that run would compute for a term from the target: [B,C,...], or [B,...] for
// distance-penalised cross entropy. As options.field of the term they give the same bits.
inline Result<void> distance_field(const Term& term, const Batch& batch, const Output& field,
                                   span<std::byte> scratch) {
  detail::Call call(&term, 1, batch, {}, scratch);
  const bool is_shared = term.loss.loss == segloss_distance_penalized();
  const segloss_output into = call.field(field, batch.pred, is_shared, "field");
  call.run([&] { return segloss_distance_field(call.terms.data(), &call.args, &into); });
  return detail::give(call.error);
}

// How a class weight follows from the share f of the class in the target.
enum class Frequency : std::uint32_t {
  inverse = SEGLOSS_WEIGHT_INVERSE,            // 1/f
  inverse_sqrt = SEGLOSS_WEIGHT_INVERSE_SQRT,  // sqrt(1/f)
  median = SEGLOSS_WEIGHT_MEDIAN,              // median(f)/f
};

// Writes C class weights from the class frequencies of the target. The scratch of any loss over the batch suffices.
inline Result<void> class_weights(const Batch& batch, Frequency kind, span<double> weights,
                                  span<std::byte> scratch) {
  detail::Call call(nullptr, 0, batch, {}, scratch);
  double* const into = call.per_class(weights, "weights");
  call.run([&] { return segloss_class_weights(&call.args, static_cast<std::uint32_t>(kind), into); });
  return detail::give(call.error);
}

}  // inline namespace SEGLOSS_MODE
}  // namespace segloss

#endif  // SEGLOSS_LOSS_HPP
