// The same loss written in PyTorch: Dice over classes and samples, cross entropy, and the mean of probabilities times
// signed distances without the background.
#pragma once

#include <torch/torch.h>

inline torch::Tensor one_hot(const torch::Tensor& labels, const torch::Tensor& like) {
  return torch::zeros_like(like).scatter_(1, labels.to(torch::kLong).unsqueeze(1), 1);
}

inline torch::Tensor torch_loss(const torch::Tensor& logits, const torch::Tensor& labels, const torch::Tensor& field,
                                double boundary_weight, double smooth = 1e-5) {
  const torch::Tensor truth = one_hot(labels, logits.detach());
  const torch::Tensor probability = torch::softmax(logits, 1);
  std::vector<int64_t> space;
  for (int64_t axis = 2; axis < logits.dim(); axis++) space.push_back(axis);
  const torch::Tensor both = (probability * truth).sum(space);
  const torch::Tensor all = probability.sum(space) + truth.sum(space);
  const torch::Tensor dice = 1 - ((2 * both + smooth) / (all + smooth)).mean();
  const torch::Tensor cross_entropy = torch::nn::functional::cross_entropy(logits, labels.to(torch::kLong));
  return dice + cross_entropy + boundary_weight * (probability.slice(1, 1) * field.slice(1, 1)).mean();
}
