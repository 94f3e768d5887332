// A training loop in C++ without other libraries: Dice + cross entropy, and a boundary loss with a growing weight.
//
//   cargo rustc --profile capi --crate-type staticlib --no-default-features --features capi,panic-handler --
//     --emit=obj=target/segloss.o
//   c++ -std=c++20 -O2 -Iinclude examples/training.cpp target/segloss.o -o training && ./training
//
// The model is linear: logits = weights * features, voxel by voxel. segloss computes the gradient with respect to the
// logits; the product with the features completes the chain rule.

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <random>
#include <span>
#include <vector>

#include "segloss.hpp"

constexpr int64_t edge = 32, voxels = edge * edge * edge;
constexpr std::size_t classes = 2, features = 3, count = voxels;

// A ball brighter than its surroundings, with noise above the contrast.
struct Scan {
  std::vector<uint8_t> labels = std::vector<uint8_t>(count);
  std::vector<float> channels = std::vector<float>(features * count);  // 1, brightness, brightness around

  Scan() {
    std::minstd_rand random(1);
    std::normal_distribution<float> noise(0.0F, 1.5F);
    const std::span one(channels.data(), count), bright(&channels[count], count), around(&channels[2 * count], count);
    for (std::size_t i = 0; i < count; i++) {
      const auto z = static_cast<double>(i / (edge * edge)), y = static_cast<double>(i / edge % edge),
                 x = static_cast<double>(i % edge);
      labels[i] = std::hypot(z - 15, y - 17, x - 14) < 9;
      one[i] = 1;
      bright[i] = static_cast<float>(labels[i]) + noise(random);
    }
    for (std::size_t i = 0; i < count; i++) around[i] = mean_around(bright, static_cast<int64_t>(i));
  }

  static float mean_around(std::span<const float> image, int64_t i) {
    float sum = 0, inside = 0;
    for (int64_t at = 0; at < 125; at++) {
      const int64_t z = i / (edge * edge) + at / 25 - 2, y = i / edge % edge + at / 5 % 5 - 2;
      const int64_t x = i % edge + at % 5 - 2;
      if (z < 0 || y < 0 || x < 0 || z >= edge || y >= edge || x >= edge) continue;
      sum += image[static_cast<std::size_t>((z * edge + y) * edge + x)];
      inside++;
    }
    return sum / inside;
  }
};

// Dice of the ball and the voxels where class 1 has the larger logit.
static double overlap(const std::vector<float>& logits, const std::vector<uint8_t>& labels) {
  double both = 0, all = 0;
  for (std::size_t i = 0; i < count; i++) {
    const bool predicted = logits[count + i] > logits[i], truth = labels[i] == 1;
    both += predicted && truth;
    all += predicted + truth;
  }
  return all > 0 ? 2 * both / all : 0;
}

int main() try {
  const Scan scan;
  std::vector<float> weights(classes * features), logits(classes * count), gradient(classes * count);

  segloss::WeightedSum loss{{1.0, segloss::Dice{.smooth = 1e-5}, {.exclude_background = true}},
                     {1.0, segloss::CrossEntropy{}},
                     {0.0, segloss::Boundary{}}};
  segloss::Batch batch{.activation = segloss::Activation::softmax,
                       .pred = {logits.data(), {1, classes, edge, edge, edge}},
                       .target = {scan.labels.data(), {1, edge, edge, edge}}};
  std::vector<std::byte> scratch(loss.scratch_size(batch));

  // The labels do not change, so the distance field is computed once.
  std::vector<float> field(classes * count);
  segloss::distance_field(loss[2], batch, field.data(), scratch);
  loss[2].options.field = {field.data(), batch.pred.shape};

  std::array<double, 3> terms;
  for (int step = 0; step <= 60; step++) {
    for (std::size_t c = 0; c < classes; c++)
      for (std::size_t i = 0; i < count; i++) {
        float sum = 0;
        for (std::size_t f = 0; f < features; f++) sum += weights[c * features + f] * scan.channels[f * count + i];
        logits[c * count + i] = sum;
      }

    loss[2].weight = 0.001 * step;
    const double value = loss.run(batch, {.grad = gradient.data(), .term_values = terms}, scratch);

    for (std::size_t c = 0; c < classes; c++)
      for (std::size_t f = 0; f < features; f++) {
        double slope = 0;
        for (std::size_t i = 0; i < count; i++)
          slope += static_cast<double>(gradient[c * count + i]) * scan.channels[f * count + i];
        weights[c * features + f] -= static_cast<float>(4.0 * slope);
      }
    if (step % 10 == 0)
      std::printf("step %2d  loss %8.4f = Dice %.4f + CE %.4f + %.2f boundary %8.4f   overlap %.3f\n", step, value,
                  terms[0], terms[1], loss[2].weight, terms[2], overlap(logits, scan.labels));
  }
  return overlap(logits, scan.labels) > 0.8 ? 0 : 1;
} catch (const segloss::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
