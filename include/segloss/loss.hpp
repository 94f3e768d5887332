// A loss and its verbs.
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

// Up to four weighted terms. A fifth does not compile.
class WeightedSum {
 public:
  WeightedSum(const Term& a) noexcept : terms_{a}, size_(1) {}
  WeightedSum(const Term& a, const Term& b) noexcept : terms_{a, b}, size_(2) {}
  WeightedSum(const Term& a, const Term& b, const Term& c) noexcept : terms_{a, b, c}, size_(3) {}
  WeightedSum(const Term& a, const Term& b, const Term& c, const Term& d) noexcept : terms_{a, b, c, d}, size_(4) {}

  std::size_t size() const noexcept { return size_; }
  Term& operator[](std::size_t k) noexcept { return terms_[k]; }
  const Term& operator[](std::size_t k) const noexcept { return terms_[k]; }

  // Bytes of scratch for every verb with these terms and shapes; reads no data.
  Result<std::size_t> scratch_size(const Batch& batch) const {
    std::size_t bytes = 0;
    detail::Call call(terms_.data(), size_, batch, {}, {});
    call.run([&] { return segloss_scratch_size(call.terms.data(), call.n_terms, &call.args, &bytes); });
    return detail::give(call.error, bytes);
  }

  // The value; the gradient and whatever else outputs asks for.
  Result<double> run(const Batch& batch, const Outputs& outputs, span<std::byte> scratch) const {
    detail::Call call(terms_.data(), size_, batch, outputs, scratch);
    call.run([&] { return segloss_run(call.terms.data(), call.n_terms, &call.args); });
    return detail::give(call.error, call.value);
  }

  // Adds a part to B*C class_sums, which start at zero.
  Result<void> accumulate(const Batch& part, span<ClassSums> class_sums, span<std::byte> scratch) const {
    detail::Call call(terms_.data(), size_, part, {}, scratch);
    ClassSums* const into = call.class_sums(class_sums, "class_sums");
    call.run([&] { return segloss_accumulate(call.terms.data(), call.n_terms, &call.args, into); });
    return detail::give(call.error);
  }

  // Adds a part to the counts of a round of the search for the voxels that term number `term`, TopK by fraction,
  // selects from all parts; see segloss_top_k_search in segloss.h.
  Result<void> count_top_k(std::uint32_t term, const Batch& part, segloss_top_k_search& search,
                           span<std::byte> scratch) const {
    detail::Call call(terms_.data(), size_, part, {}, scratch);
    call.run([&] {
      return segloss_top_k_count(call.terms.data(), call.n_terms, term, &call.args, &search);
    });
    return detail::give(call.error);
  }

  // Ends the round: the search is over once search.done is not 0.
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

  // The value of the class_sums, and B*C slopes unless they are left out; reads no voxels.
  Result<double> finalize(const Batch& batch, span<const ClassSums> class_sums, span<ClassSums> slopes, const Outputs& outputs,
                        span<std::byte> scratch) const {
    detail::Call call(terms_.data(), size_, batch, outputs, scratch);
    const ClassSums* const from = call.class_sums(class_sums, "class_sums");
    ClassSums* const into = call.class_sums(slopes, "slopes");
    call.run([&] { return segloss_finalize(call.terms.data(), call.n_terms, &call.args, from, into); });
    return detail::give(call.error, call.value);
  }

  // Writes the gradient of a part. Fold every part before any map in place.
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

// Writes the field that run would compute for the term from the target: [B,C,...], or [B,...] for distance-penalised
// cross entropy.
inline Result<void> distance_field(const Term& term, const Batch& batch, const Output& field, span<std::byte> scratch) {
  detail::Call call(&term, 1, batch, {}, scratch);
  const segloss_output into = field.c();
  call.run([&] { return segloss_distance_field(call.terms.data(), &call.args, &into); });
  return detail::give(call.error);
}

enum class Frequency : std::uint32_t {
  inverse = SEGLOSS_WEIGHT_INVERSE,
  inverse_sqrt = SEGLOSS_WEIGHT_INVERSE_SQRT,
  median = SEGLOSS_WEIGHT_MEDIAN,
};

// Writes C class weights from the frequencies of the classes in the target. The scratch of any loss serves.
inline Result<void> class_weights(const Batch& batch, Frequency kind, span<double> weights,
                                  span<std::byte> scratch) {
  detail::Call call(nullptr, 0, batch, {}, scratch);
  double* const into = call.class_values(weights, "weights");
  call.run([&] { return segloss_class_weights(&call.args, static_cast<std::uint32_t>(kind), into); });
  return detail::give(call.error);
}

}  // inline namespace SEGLOSS_MODE
}  // namespace segloss

#endif  // SEGLOSS_LOSS_HPP
