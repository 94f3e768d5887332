// A segloss loss as a PyTorch function: autograd_loss(logits, labels, loss), with its gradient by autograd.
//
// Nothing is copied: address, dtype, sizes and strides of each tensor are passed to segloss, and the gradient is written
// into a new tensor with the layout of the logits. The forward pass keeps the class sums. The backward pass computes the
// gradient and multiplies it by the upstream gradient before it is rounded to the dtype of the logits, so that float16
// with a loss scale of 65536 does not underflow. First derivatives with respect to the logits are offered, in reverse
// mode; everything else raises.
//
// Cost: the forward pass reads the logits once; the backward pass reads them once and writes the gradient. TopK by
// fraction and terms without a given distance field need the whole batch in one call: their backward pass computes the
// loss again.
#pragma once

#include <torch/torch.h>

#include <utility>
#include <vector>

#include "segloss.hpp"

// The segloss code of a PyTorch dtype.
inline segloss::Dtype dtype_of(const torch::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case torch::kBool: return segloss::Dtype::boolean;
    case torch::kUInt8: return segloss::Dtype::u8;
    case torch::kChar: return segloss::Dtype::i8;
    case torch::kInt16: return segloss::Dtype::i16;
    case torch::kInt32: return segloss::Dtype::i32;
    case torch::kInt64: return segloss::Dtype::i64;
    case torch::kUInt16: return segloss::Dtype::u16;
    case torch::kUInt32: return segloss::Dtype::u32;
    case torch::kUInt64: return segloss::Dtype::u64;
    case torch::kHalf: return segloss::Dtype::f16;
    case torch::kBFloat16: return segloss::Dtype::bf16;
    case torch::kFloat: return segloss::Dtype::f32;
    case torch::kDouble: return segloss::Dtype::f64;
    default: TORCH_CHECK_TYPE(false, "segloss does not read tensors of ", tensor.scalar_type());
  }
}

// A view: address, sizes and strides of the tensor, for any memory format.
inline segloss::Tensor view(const torch::Tensor& tensor) {
  TORCH_CHECK(tensor.device().is_cpu(), "segloss works on host memory, not on ", tensor.device());
  return {tensor.const_data_ptr(), dtype_of(tensor), tensor.sizes(), tensor.strides()};
}

inline segloss::Output output(torch::Tensor& tensor) {
  return {tensor.mutable_data_ptr(), dtype_of(tensor), tensor.strides()};
}

// Scratch that is kept and grows as needed, one per thread.
inline segloss::span<std::byte> scratch(std::size_t bytes) {
  thread_local std::vector<std::byte> kept;
  if (kept.size() < bytes) kept.resize(bytes);
  return kept;
}

// A loss and the tensors that its terms point to, kept alive until the backward pass has finished.
struct TorchLoss : torch::CustomClassHolder {
  segloss::WeightedSum loss;
  std::vector<torch::Tensor> kept;  // fields, class weights
  TorchLoss(const segloss::WeightedSum& terms, std::vector<torch::Tensor> tensors) : loss(terms), kept(std::move(tensors)) {}
};

// The ops, in segloss_torch.cpp.
torch::Tensor autograd_loss(const torch::Tensor& logits, const torch::Tensor& target,
                           const c10::intrusive_ptr<TorchLoss>& loss, segloss::Activation activation);

// The loss of logits [B,C,...] and labels [B,...]. The loss is copied. The memory that its terms point to must live until
// the backward pass: `kept` holds such tensors.
inline torch::Tensor autograd_loss(const torch::Tensor& logits, const torch::Tensor& target, const segloss::WeightedSum& loss,
                                  std::vector<torch::Tensor> kept = {},
                                  segloss::Activation activation = segloss::Activation::softmax) {
  return autograd_loss(logits, target, c10::make_intrusive<TorchLoss>(loss, std::move(kept)), activation);
}

// The signed distances of the boundary loss, [B,C,...]: once per batch of labels, as in a data loader.
inline torch::Tensor boundary_field(const torch::Tensor& labels, int64_t classes, torch::ScalarType type) {
  std::vector<int64_t> shape = labels.sizes().vec();
  shape.insert(shape.begin() + 1, classes);
  torch::Tensor field = torch::empty(shape, type);
  const segloss::WeightedSum loss{{1.0, segloss::Boundary{}}};
  const torch::Tensor like = torch::empty({}, type).expand(shape);  // only its shape and dtype are used
  const segloss::Batch batch{.activation = segloss::Activation::softmax, .pred = view(like), .target = view(labels)};
  segloss::distance_field(loss[0], batch, output(field), scratch(loss.scratch_size(batch)));
  return field;
}
