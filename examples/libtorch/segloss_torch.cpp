// The ops segloss_cpp::loss and segloss_cpp::gradient, and their autograd functions.
//
// Both use PyTorch's dispatcher, so that torch.func.grad and torch.func.vmap work if Python loads this library. Each op
// has two kernels: CPU computes, Autograd records the graph.
#include "segloss_torch.h"

#include <torch/csrc/autograd/functions/utils.h>
#include <torch/library.h>

#include <cmath>
#include <map>
#include <mutex>

namespace {

using torch::Tensor;
using torch::autograd::variable_list;
using HeldLoss = c10::intrusive_ptr<TorchLoss>;

segloss::Batch batch_of(const Tensor& logits, const Tensor& target, int64_t activation) {
  return {.activation = static_cast<segloss::Activation>(activation), .pred = view(logits), .target = view(target)};
}

template <class ClassSums>
segloss::span<ClassSums> sums_of(const Tensor& sums) {
  return {static_cast<ClassSums*>(sums.data_ptr()), static_cast<std::size_t>(sums.size(0) * sums.size(1))};
}

// The value, and the class sums [B,C,sums] as doubles.
std::tuple<Tensor, Tensor> loss(const Tensor& logits, const Tensor& target, const HeldLoss& held, int64_t activation) {
  TORCH_CHECK(logits.dim() >= 3, "segloss takes logits [B,C,...], not of ", logits.dim(), " axes");
  const segloss::Batch batch = batch_of(logits, target, activation);
  constexpr int64_t fields = sizeof(segloss::ClassSums) / sizeof(double);
  Tensor sums = torch::empty({logits.size(0), logits.size(1), fields}, torch::kDouble);
  const double value = held->loss.run(batch, {.class_sums = sums_of<segloss::ClassSums>(sums)}, scratch(held->loss.scratch_size(batch)));
  return {torch::scalar_tensor(value, torch::promote_types(logits.scalar_type(), torch::kFloat)), sums};
}

// The gradient with respect to the logits, times `upstream`.
Tensor gradient(const Tensor& upstream, const Tensor& logits, const Tensor& target, const Tensor& sums,
                const HeldLoss& held, int64_t activation) {
  const double scale = upstream.item<double>();
  const segloss::Batch batch = batch_of(logits, target, activation);
  Tensor made = torch::empty_like(logits), slopes = torch::empty_like(sums);
  const segloss::Outputs outputs{.grad = output(made), .grad_scale = std::isfinite(scale) ? scale : 1.0};
  const auto bytes = scratch(held->loss.scratch_size(batch));
  try {
    held->loss.finalize(batch, sums_of<const segloss::ClassSums>(sums), sums_of<segloss::ClassSums>(slopes), outputs, bytes);
    held->loss.backward(batch, sums_of<const segloss::ClassSums>(slopes), outputs, bytes);
  } catch (const segloss::Error&) {
    // TopK by fraction and computed distance fields need the whole batch in one call.
    held->loss.run(batch, outputs, bytes);
  }
  return std::isfinite(scale) ? made : made * scale;
}

template <class Signature>
c10::TypedOperatorHandle<Signature> find(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

std::tuple<Tensor, Tensor> call_loss(const Tensor& logits, const Tensor& target, const HeldLoss& held,
                                     int64_t activation) {
  static const auto op = find<decltype(loss)>("segloss_cpp::loss");
  return op.call(logits, target, held, activation);
}

Tensor call_gradient(const Tensor& upstream, const Tensor& logits, const Tensor& target, const Tensor& sums,
                     const HeldLoss& held, int64_t activation) {
  static const auto op = find<decltype(gradient)>("segloss_cpp::gradient");
  return op.call(upstream, logits, target, sums, held, activation);
}

#define ONLY_FIRST ", only first derivatives by the logits, in reverse mode"

template <class... Tensors>
void refuse_forward_mode(const Tensors&... tensors) {
  TORCH_CHECK_NOT_IMPLEMENTED(!(torch::autograd::isFwGradDefined(tensors) || ...),
                              "segloss: forward mode is not offered" ONLY_FIRST);
}

// Graph nodes as PyTorch creates them for its own ops, because torch.func refuses a torch::autograd::Function.
struct LossBackward : torch::autograd::TraceableFunction {
  torch::autograd::SavedVariable logits, target, sums;
  HeldLoss held;
  int64_t activation = 0;

  variable_list apply(variable_list&& upstream) override {
    const std::lock_guard lock(mutex_);
    return {call_gradient(upstream[0], logits.unpack(), target.unpack(), sums.unpack(), held, activation)};
  }
  std::string name() const override { return "SeglossBackward"; }
  void release_variables() override {
    const std::lock_guard lock(mutex_);
    for (auto* saved : {&logits, &target, &sums}) saved->reset_data();
  }
};

struct GradientBackward : torch::autograd::TraceableFunction {
  variable_list apply(variable_list&&) override {
    TORCH_CHECK_NOT_IMPLEMENTED(false, "segloss: second derivatives are not offered" ONLY_FIRST);
  }
  std::string name() const override { return "SeglossGradientBackward"; }
};

std::tuple<Tensor, Tensor> recorded_loss(const Tensor& logits, const Tensor& target, const HeldLoss& held,
                                         int64_t activation) {
  refuse_forward_mode(logits, target);
  TORCH_CHECK_NOT_IMPLEMENTED(!torch::autograd::compute_requires_grad(target),
                              "segloss: derivatives by the target are not offered" ONLY_FIRST);
  c10::intrusive_ptr<LossBackward> node;
  if (torch::autograd::compute_requires_grad(logits)) {
    node = c10::make_intrusive<LossBackward>();
    node->set_next_edges(torch::autograd::collect_next_edges(logits));
  }
  auto [value, sums] = [&] {
    const at::AutoDispatchBelowADInplaceOrView below;
    return call_loss(logits, target, held, activation);
  }();
  if (node) {
    node->logits = {logits, false};
    node->target = {target, false};
    node->sums = {sums, false};
    node->held = held;
    node->activation = activation;
    torch::autograd::set_history(value, node);
  }
  return {value, sums};
}

Tensor recorded_gradient(const Tensor& upstream, const Tensor& logits, const Tensor& target, const Tensor& sums,
                         const HeldLoss& held, int64_t activation) {
  refuse_forward_mode(upstream, logits, target);
  const Tensor made = [&] {
    const at::AutoDispatchBelowADInplaceOrView below;
    return call_gradient(upstream, logits, target, sums, held, activation);
  }();
  if (torch::autograd::compute_requires_grad(upstream, logits)) {
    const auto node = c10::make_intrusive<GradientBackward>();
    node->set_next_edges(torch::autograd::collect_next_edges(upstream, logits));
    torch::autograd::set_history(made, node);
  }
  return made;
}

// For Python: torch.classes.segloss_cpp.Loss(["dice", "cross_entropy"], [1.0, 1.0]).
HeldLoss named_loss(const std::vector<std::string>& names, const std::vector<double>& weights) {
  static const std::map<std::string, const segloss_loss* (*)()> losses = {
      {"cross_entropy", segloss_cross_entropy}, {"dice", segloss_dice},   {"focal", segloss_focal},
      {"top_k", segloss_top_k},                 {"hausdorff", segloss_hausdorff},
  };
  TORCH_CHECK(names.size() == weights.size(), "one weight for each loss");
  TORCH_CHECK(names.size() == 1 || names.size() == 2, "one or two losses");
  const auto term = [&](std::size_t k) {
    segloss_term raw;
    segloss_term_init(losses.at(names[k])(), &raw, sizeof raw);
    raw.weight = weights[k];
    return segloss::Term(raw);
  };
  const auto loss = names.size() == 1 ? segloss::WeightedSum(term(0)) : segloss::WeightedSum(term(0), term(1));
  return c10::make_intrusive<TorchLoss>(loss, std::vector<Tensor>{});
}

}  // namespace

TORCH_LIBRARY(segloss_cpp, library) {
  library.class_<TorchLoss>("Loss").def(torch::init(named_loss));
  library.def("loss(Tensor logits, Tensor target, __torch__.torch.classes.segloss_cpp.Loss loss, int activation)"
              " -> (Tensor, Tensor)");
  library.def("gradient(Tensor upstream, Tensor logits, Tensor target, Tensor sums,"
              " __torch__.torch.classes.segloss_cpp.Loss loss, int activation) -> Tensor");
}
TORCH_LIBRARY_IMPL(segloss_cpp, CPU, library) {
  library.impl("loss", loss);
  library.impl("gradient", gradient);
}
TORCH_LIBRARY_IMPL(segloss_cpp, Autograd, library) {
  library.impl("loss", recorded_loss);
  library.impl("gradient", recorded_gradient);
}

torch::Tensor autograd_loss(const Tensor& logits, const Tensor& target, const c10::intrusive_ptr<TorchLoss>& loss,
                           segloss::Activation activation) {
  return std::get<0>(call_loss(logits, target, loss, static_cast<int64_t>(activation)));
}
