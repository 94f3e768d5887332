// A loss of segloss as a function of PyTorch: torch::autograd::Function around segloss::Loss::run.
//
// Nothing is copied: address, dtype, sizes and strides of each tensor are passed on, and the gradient is written into
// a new tensor of the logits' layout. Forward computes value and gradient in one call; backward hands it out.
#pragma once

#include <torch/torch.h>

#include <vector>

#include "segloss.hpp"

// What segloss calls a dtype of PyTorch.
inline segloss::Dtype dtype_of(const torch::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case torch::kBool: return segloss::Dtype::boolean;
    case torch::kUInt8: return segloss::Dtype::u8;
    case torch::kInt16: return segloss::Dtype::i16;
    case torch::kInt32: return segloss::Dtype::i32;
    case torch::kInt64: return segloss::Dtype::i64;
    case torch::kHalf: return segloss::Dtype::f16;
    case torch::kBFloat16: return segloss::Dtype::bf16;
    case torch::kFloat: return segloss::Dtype::f32;
    case torch::kDouble: return segloss::Dtype::f64;
    default: TORCH_CHECK_TYPE(false, "segloss does not read tensors of ", tensor.scalar_type());
  }
}

// A view: address, sizes and strides of the tensor, whatever its memory format.
inline segloss::Tensor view(const torch::Tensor& tensor) {
  TORCH_CHECK(tensor.device().is_cpu(), "segloss works on host memory, not on ", tensor.device());
  return {tensor.const_data_ptr(), dtype_of(tensor), tensor.sizes(), tensor.strides()};
}

inline segloss::Output output(torch::Tensor& tensor) {
  return {tensor.mutable_data_ptr(), dtype_of(tensor), tensor.strides()};
}

// Scratch that grows and stays, one for each thread.
inline segloss::span<std::byte> scratch(std::size_t bytes) {
  thread_local std::vector<std::byte> kept;
  if (kept.size() < bytes) kept.resize(bytes);
  return kept;
}

struct SeglossFunction : torch::autograd::Function<SeglossFunction> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& logits,
                               const torch::Tensor& target, const segloss::Loss* loss, segloss::Activation activation) {
    segloss::Batch batch{.activation = activation, .pred = view(logits), .target = view(target)};
    segloss::Outputs outputs;
    torch::Tensor gradient;
    if (logits.requires_grad()) {
      gradient = torch::empty_strided(logits.sizes(), logits.strides(), logits.options());
      outputs.grad = output(gradient);
    }
    const double value = loss->run(batch, outputs, scratch(loss->scratch_size(batch)));
    context->save_for_backward({gradient});
    const auto type = logits.scalar_type() == torch::kDouble ? torch::kDouble : torch::kFloat;
    return torch::scalar_tensor(value, type);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& of_value) {
    const torch::Tensor gradient = context->get_saved_variables()[0];
    const double scale = of_value[0].item<double>();
    // A loss on its own has 1 here, and then there is nothing to do.
    return {scale == 1.0 ? gradient : gradient * scale, torch::Tensor(), torch::Tensor(), torch::Tensor()};
  }
};

// The loss of logits [B,C,...] for labels [B,...]. The Loss has to outlive the call only.
inline torch::Tensor segloss_loss(const torch::Tensor& logits, const torch::Tensor& target, const segloss::Loss& loss,
                                  segloss::Activation activation = segloss::Activation::softmax) {
  return SeglossFunction::apply(logits, target, &loss, activation);
}

// The signed distances of the boundary loss, [B,C,...]: once per batch of labels, as loader code does it.
inline torch::Tensor boundary_field(const torch::Tensor& labels, int64_t classes, torch::ScalarType type) {
  std::vector<int64_t> shape = labels.sizes().vec();
  shape.insert(shape.begin() + 1, classes);
  torch::Tensor field = torch::empty(shape, type);
  const segloss::Loss loss{{1.0, segloss::Boundary{}}};
  const segloss::Batch batch{
      .activation = segloss::Activation::softmax, .pred = view(field), .target = view(labels)};
  segloss::write_field(loss[0], batch, output(field), scratch(loss.scratch_size(batch)));
  return field;
}
