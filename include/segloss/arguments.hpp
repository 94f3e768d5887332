// The arguments of a call: weighted terms, a batch and the outputs.
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

// How the classes of a region loss are averaged.
enum class ClassAverage : std::uint32_t { mean = SEGLOSS_CLASS_MEAN, pooled = SEGLOSS_CLASS_POOLED };
// How the samples of a region loss are averaged.
enum class SampleAverage : std::uint32_t {
  by_loss = SEGLOSS_SAMPLE_DEFAULT,  // mean for region losses; voxel losses are means over the batch
  mean = SEGLOSS_SAMPLE_MEAN,
  pooled = SEGLOSS_SAMPLE_POOLED,
};
// Whether a class without target voxels in a sample counts in the average of a region loss.
enum class AbsentClass : std::uint32_t { counted = SEGLOSS_ABSENT_COUNTED, skipped = SEGLOSS_ABSENT_SKIPPED };

// The options of a term besides the parameters of its loss. Options that the loss does not use must keep their default.
struct Options {
  ClassAverage class_average = ClassAverage::mean;
  SampleAverage sample_average = SampleAverage::by_loss;
  AbsentClass absent = AbsentClass::counted;
  bool minus_one = false;             // the value is L - 1, as nnU-Net writes Dice; the gradient is the same
  bool exclude_background = false;    // class 0 gets weight 0, also if class_weight is given; no effect if C = 1
  bool field_complete = false;        // Hausdorff: field holds both halves of the distance weight
  span<const double> class_weight{};  // C weights, finite and >= 0; empty: the default of the loss
  Tensor field{};                     // distance weights [B,C,...] or [B,...]; absent: run computes them
};

// A weighted term of a loss.
//
//   segloss::Term{0.5, segloss::Tversky{0.3, 0.7}}
struct Term {
  double weight = 1.0;   // factor in the weighted sum, finite
  segloss_term loss{};   // the loss and its parameters; weight and options replace its other fields
  Options options{};

  Term() noexcept = default;
  // From a loss such as Dice{}.
  template <class Loss>
  Term(double factor, const Loss& parameters, const Options& others = {}) noexcept : weight(factor), options(others) {
    parameters.fill(loss);
  }
  // From a term of C, without its class weights, whose number C does not know.
  explicit Term(const segloss_term& raw) noexcept : weight(raw.weight), loss(raw) {
    options.class_average = static_cast<ClassAverage>(raw.class_average);
    options.sample_average = static_cast<SampleAverage>(raw.sample_average);
    options.absent = static_cast<AbsentClass>(raw.absent);
    options.minus_one = (raw.flags & SEGLOSS_MINUS_ONE) != 0;
    options.exclude_background = (raw.flags & SEGLOSS_EXCLUDE_BACKGROUND) != 0;
    options.field_complete = (raw.flags & SEGLOSS_FIELD_COMPLETE) != 0;
    options.field = Tensor(raw.field);
  }

  // The term of C; points into this object.
  segloss_term c() const noexcept {
    segloss_term raw = loss;
    raw.struct_size = sizeof raw;
    raw.weight = weight;
    raw.flags = (options.minus_one ? SEGLOSS_MINUS_ONE : 0u) |
                (options.exclude_background ? SEGLOSS_EXCLUDE_BACKGROUND : 0u) |
                (options.field_complete ? SEGLOSS_FIELD_COMPLETE : 0u);
    raw.class_average = static_cast<std::uint32_t>(options.class_average);
    raw.sample_average = static_cast<std::uint32_t>(options.sample_average);
    raw.absent = static_cast<std::uint32_t>(options.absent);
    raw.class_weight = options.class_weight.empty() ? nullptr : options.class_weight.data();
    raw.field = options.field.c();
    return raw;
  }
};

// What pred holds. 0 is not an activation.
enum class Activation : std::uint32_t {
  softmax = SEGLOSS_SOFTMAX,                              // logits of mutually exclusive classes, C >= 2
  sigmoid = SEGLOSS_SIGMOID,                              // logits of independent classes
  probability = SEGLOSS_PROBABILITY,                      // probabilities of mutually exclusive classes
  probability_per_class = SEGLOSS_PROBABILITY_PER_CLASS,  // probabilities of independent classes
};

// A thread pool of the caller. parallel_for(count, task) calls task(0) to task(count - 1), each exactly once, on any
// threads, and returns when all calls have returned. It must not throw. count <= workers. The executor borrows
// parallel_for: both have to outlive the calls that use them.
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

// The inputs of a loss: B samples, C classes, one spatial axis or more. activation, pred and target are required. The
// fields of segloss_args in segloss.h say more about each.
struct Batch {
  Activation activation{};                   // what pred holds
  Tensor pred{};                             // prediction [B,C,...]: f16, bf16, f32 or f64
  Tensor target{};                           // labels [B,...] or [B,1,...]; 0/1 masks or floating maps [B,C,...]
  Tensor voxel_weight{};                     // [B,...], finite and >= 0; absent: 1
  span<const std::uint8_t> class_present{};  // B*C; 0: the class is not annotated in the sample; empty: all 1
  span<const std::int64_t> ignore{};         // labels whose voxels are not counted
  span<const double> spacing{};              // one per spatial axis, > 0; empty: 1
  const Executor* executor = nullptr;        // null: the calling thread
};

// The outputs of a loss besides its value. Each is optional.
struct Outputs {
  Output grad{};                 // the gradient by pred, in the shape of pred
  double grad_scale = 1.0;       // factor of the gradient, finite; finalize applies it, backward does not
  bool add_to_gradient = false;  // grad += gradient instead of grad = gradient
  span<double> term_values{};    // one per term, before its weight
  span<double> class_values{};   // [terms,B,C], the values of region losses before averaging, else NaN
  span<ClassSums> class_sums{};  // [B,C], written by run only
};

}  // inline namespace SEGLOSS_MODE
}  // namespace segloss

#endif  // SEGLOSS_ARGUMENTS_HPP
