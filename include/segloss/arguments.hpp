// What a call is given: weighted terms, a batch, and where to write.
//
// SPDX-License-Identifier: MIT OR Apache-2.0

#ifndef SEGLOSS_ARGUMENTS_HPP
#define SEGLOSS_ARGUMENTS_HPP

#include <cstddef>
#include <cstdint>

#include "losses.hpp"
#include "tensor.hpp"

namespace segloss {
inline namespace SEGLOSS_MODE {

enum class ClassAverage : std::uint32_t { mean = SEGLOSS_CLASS_MEAN, pooled = SEGLOSS_CLASS_POOLED };
enum class SampleAverage : std::uint32_t {
  by_loss = SEGLOSS_SAMPLE_DEFAULT,  // mean for region forms; others are means over the batch
  mean = SEGLOSS_SAMPLE_MEAN,
  pooled = SEGLOSS_SAMPLE_POOLED,
};
enum class AbsentClass : std::uint32_t { counted = SEGLOSS_ABSENT_COUNTED, skipped = SEGLOSS_ABSENT_SKIPPED };

// What a term has besides its form's parameters.
struct Options {
  ClassAverage class_average = ClassAverage::mean;
  SampleAverage sample_average = SampleAverage::by_loss;
  AbsentClass absent = AbsentClass::counted;  // a class without truth in a sample
  bool minus_one = false;           // value - 1, as nnU-Net's Dice
  bool exclude_background = false;       // class 0 of two or more is left out, beside class weights too
  bool field_complete = false;      // field is all of Hausdorff's weight
  span<const double> class_weight{};
  Tensor field{};  // absent: run computes it from labels
};

struct Term {
  double weight = 1.0;
  segloss_term form{};  // the form and its parameters, as in C; the rest is in weight and options
  Options options{};

  Term() noexcept = default;
  template <class Form>
  Term(double share, const Form& parameters, const Options& rest = {}) noexcept : weight(share), options(rest) {
    parameters.fill(form);
  }
  // Of C, all but its class weights: how many there are, C does not say.
  explicit Term(const segloss_term& raw) noexcept : weight(raw.weight), form(raw) {
    options.class_average = static_cast<ClassAverage>(raw.class_average);
    options.sample_average = static_cast<SampleAverage>(raw.sample_average);
    options.absent = static_cast<AbsentClass>(raw.absent);
    options.minus_one = (raw.flags & SEGLOSS_MINUS_ONE) != 0;
    options.exclude_background = (raw.flags & SEGLOSS_EXCLUDE_BACKGROUND) != 0;
    options.field_complete = (raw.flags & SEGLOSS_FIELD_COMPLETE) != 0;
    options.field = Tensor(raw.field);
  }

  // For C; points into this term.
  segloss_term c() const noexcept {
    segloss_term raw = form;
    raw.struct_size = sizeof raw;
    raw.weight = weight;
    raw.flags = (options.minus_one ? SEGLOSS_MINUS_ONE : 0u) | (options.exclude_background ? SEGLOSS_EXCLUDE_BACKGROUND : 0u) |
                (options.field_complete ? SEGLOSS_FIELD_COMPLETE : 0u);
    raw.class_average = static_cast<std::uint32_t>(options.class_average);
    raw.sample_average = static_cast<std::uint32_t>(options.sample_average);
    raw.absent = static_cast<std::uint32_t>(options.absent);
    raw.class_weight = options.class_weight.empty() ? nullptr : options.class_weight.data();
    raw.field = options.field.c();
    return raw;
  }
};

enum class Activation : std::uint32_t {
  softmax = SEGLOSS_SOFTMAX,
  sigmoid = SEGLOSS_SIGMOID,
  probability = SEGLOSS_PROBABILITY,
  probability_per_class = SEGLOSS_PROBABILITY_PER_CLASS,
};

// The threads of the caller: parallel_for(count, task) calls task(0) to task(count - 1), each once, on any threads,
// and returns when all are done. It must not throw, is borrowed, and is called with count <= workers.
class Executor {
 public:
  struct Task {
    segloss_task run;
    void* data;
    void operator()(std::size_t index) const noexcept { run(data, index); }
  };
  template <class ParallelFor>
  Executor(std::uint32_t workers, ParallelFor& parallel_for) noexcept
      : raw_{sizeof raw_, workers,
             [](void* context, std::size_t count, segloss_task task, void* data) noexcept {
               (*static_cast<ParallelFor*>(context))(count, Task{task, data});
             },
             const_cast<void*>(static_cast<const void*>(&parallel_for))} {}
  const segloss_executor* c() const noexcept { return &raw_; }

 private:
  segloss_executor raw_;
};

// What a loss reads.
struct Batch {
  Activation activation{};                     // has to be said
  Tensor pred{};                               // [B,C,...]
  Tensor target{};                             // labels [B,...] or [B,1,...]; masks or maps [B,C,...]
  Tensor voxel_weight{};                       // [B,...]
  span<const std::uint8_t> class_present{};    // B*C; 0: not annotated in this sample
  span<const std::int64_t> ignore{};           // labels
  span<const double> spacing{};                // one per spatial axis
  const Executor* executor = nullptr;          // this thread
};

// What a loss writes besides its value; each may be left out.
struct Outputs {
  Output grad{};
  double grad_scale = 1.0;         // enters the slopes, so finish applies it and map does not
  bool add_to_gradient = false;    // grad += instead of =
  span<double> term_values{};      // one per term, before the weights
  span<double> class_values{};     // terms*B*C
  span<ClassSums> class_sums{};           // B*C, by run only
};

}  // inline namespace SEGLOSS_MODE
}  // namespace segloss

#endif  // SEGLOSS_ARGUMENTS_HPP
