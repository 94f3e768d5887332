// Trains a small network on the tissues of the scan, once with segloss and once with the same loss written in PyTorch:
// the same initial weights, Dice + cross entropy + a boundary loss with a growing weight.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "reference.h"
#include "scan.h"
#include "segloss_torch.h"

constexpr int64_t classes = 4;
constexpr int steps = 40;

static torch::nn::Sequential network() {
  torch::manual_seed(1);
  const auto convolution = [](int64_t from, int64_t to) {
    return torch::nn::Conv3d(torch::nn::Conv3dOptions(from, to, 3).padding(1));
  };
  return torch::nn::Sequential(convolution(1, 8), torch::nn::ReLU(), convolution(8, 8), torch::nn::ReLU(),
                               convolution(8, classes));
}

static double milliseconds() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The mean Dice of the classes, with voxels assigned by argmax.
static double overlap(const torch::Tensor& logits, const torch::Tensor& labels) {
  const auto predicted = one_hot(logits.argmax(1), logits), truth = one_hot(labels, logits);
  return (2 * (predicted * truth).sum({0, 2, 3, 4}) / (predicted + truth).sum({0, 2, 3, 4})).mean().item<double>();
}

static void print(const char* what, std::vector<double> times) {
  std::sort(times.begin(), times.end());
  std::printf("  %-28s %7.1f ms, fastest %7.1f ms\n", what, times[times.size() / 2], times[0]);
}

// One of the two training runs, step by step.
struct Training {
  const char* name;
  torch::nn::Sequential net = network();
  torch::optim::Adam optimizer{net->parameters(), 0.01};
  std::vector<double> loss_times{}, step_times{};
  std::vector<torch::Tensor> first_gradients{};
  double value = 0;

  template <class LossOf>
  void step(const torch::Tensor& image, const torch::Tensor& labels, LossOf loss_of) {
    const double start = milliseconds();
    optimizer.zero_grad();
    const torch::Tensor logits = net->forward(image);
    // A leaf tensor replaces the logits, so that loss and gradient are timed alone.
    const torch::Tensor leaf = logits.detach().requires_grad_();
    const double before = milliseconds();
    const torch::Tensor loss = loss_of(leaf);
    loss.backward();
    loss_times.push_back(milliseconds() - before);
    logits.backward(leaf.grad());
    if (first_gradients.empty())
      for (const auto& parameter : net->parameters()) first_gradients.push_back(parameter.grad().clone());
    optimizer.step();
    step_times.push_back(milliseconds() - start);
    value = loss.item<double>();
    if (step_times.size() % 10 == 0)
      std::printf("%-8s step %2zu  loss %.6f  mean overlap %.4f\n", name, step_times.size(), value,
                  overlap(logits, labels));
  }
};

int main(int, char** arguments) {
  const auto image = (read_nifti(arguments[1]).to(torch::kFloat) / 255).unsqueeze(0);
  const auto labels = read_nifti(arguments[2]);
  const auto field = boundary_field(labels, classes, torch::kFloat);
  segloss::WeightedSum loss{{1.0, segloss::Dice{.smooth = 1e-5}},
                     {1.0, segloss::CrossEntropy{}},
                     {0.0, segloss::Boundary{}, {.field = view(field)}}};

  // Interleaved, so that other load on the machine affects both.
  Training ours{"segloss"}, theirs{"PyTorch"};
  for (int step = 0; step < steps; step++) {
    const double weight = 0.002 * step;
    loss[2].weight = weight;
    ours.step(image, labels, [&](const torch::Tensor& logits) { return autograd_loss(logits, labels, loss, {field}); });
    theirs.step(image, labels, [&](const torch::Tensor& logits) { return torch_loss(logits, labels, field, weight); });
  }
  for (const Training* training : {&ours, &theirs}) {
    std::printf("%s, medians of %d steps on %d thread(s):\n", training->name, steps, at::get_num_threads());
    print("a step", training->step_times);
    print("of it the loss, its gradient", training->loss_times);
  }

  double error = 0;
  for (std::size_t k = 0; k < ours.first_gradients.size(); k++) {
    const auto& expected = theirs.first_gradients[k];
    const auto difference = (ours.first_gradients[k] - expected).abs().max() / expected.abs().max();
    error = std::max(error, difference.item<double>());
  }
  std::printf("gradients of the parameters at the first step differ by %.1e of their largest entries\n", error);
  std::printf("last values: %.6f and %.6f\n", ours.value, theirs.value);
  return error <= 1e-5 ? 0 : 1;
}
