// The loss layer against dlib's own cross entropy, finite differences and one call over the whole minibatch; then its
// speed beside dlib's.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "segloss_dlib.h"

using Labels = std::vector<dlib::matrix<uint16_t>>;
constexpr uint16_t ignored = dlib::loss_multiclass_log_per_pixel_::label_to_ignore;
static bool holds = true;

static void verify(const std::string& what, double error, double limit) {
  const bool is_within = error <= limit;
  std::printf("  %-46s %.1e, <= %.0e: %s\n", what.c_str(), error, limit, is_within ? "holds" : "FAILS");
  holds &= is_within;
}

// The output of a network and the gradient with respect to it: what a loss layer sees.
struct Output {
  dlib::resizable_tensor logits, gradient;
  Labels labels;

  Output(long images, long classes, long rows, long columns, bool has_ignored) {
    logits.set_size(images, classes, rows, columns);
    gradient.copy_size(logits);
    std::mt19937 random(1);
    std::normal_distribution<float> normal(0, 2);
    for (float& logit : logits) logit = normal(random);
    for (long k = 0; k < images; k++) {
      labels.emplace_back(rows, columns);
      for (uint16_t& label : labels.back()) label = static_cast<uint16_t>(random() % static_cast<unsigned>(classes));
      if (has_ignored)
        for (uint16_t& label : labels.back()) label = random() % 4 == 0 ? ignored : label;
    }
  }
  const dlib::tensor& get_output() const { return logits; }
  dlib::tensor& get_gradient_input() { return gradient; }
  static unsigned int sample_expansion_factor() { return 1; }

  template <class Loss>
  double run(const Loss& loss) {
    gradient = 0;
    return loss.compute_loss_value_and_gradient(logits, labels.cbegin(), *this);
  }
};

// The largest difference of a and factor * b, relative to the largest entry.
static double difference(const dlib::tensor& a, const dlib::tensor& b, double factor = 1) {
  double largest = 0, apart = 0;
  for (std::size_t i = 0; i < a.size(); i++) {
    const double x = a.host()[i], y = factor * b.host()[i];
    largest = std::max(largest, std::abs(y)), apart = std::max(apart, std::abs(x - y));
  }
  return apart / largest;
}

static void cross_entropy(const char* what, Output output) {
  std::size_t counted = 0, all = 0;
  for (const auto& labels : output.labels)
    for (const uint16_t label : labels) counted += label != ignored, all++;
  // dlib divides by all pixels.
  const double factor = static_cast<double>(all) / static_cast<double>(counted);
  const double theirs = factor * output.run(dlib::loss_multiclass_log_per_pixel_());
  const dlib::resizable_tensor gradient = output.gradient;
  const double ours = output.run(loss_segloss_({{1.0, segloss::CrossEntropy{}}}));
  verify(std::string(what) + ", value", std::abs(ours - theirs) / theirs, 1e-6);
  verify(std::string(what) + ", gradient", difference(output.gradient, gradient, factor), 1e-6);
}

// The slope in a direction, by the gradient and by the change of the value.
static void finite_differences(const std::string& what, const segloss::WeightedSum& loss) {
  Output output(3, 4, 13, 11, true);
  const loss_segloss_ layer(loss);
  layer.to_label(output.logits, output, output.labels.begin());  // most pixels are right, as after some training
  for (auto& labels : output.labels) labels(2, 3) = ignored, labels(4, 4) = 1, labels(7, 7) = 3;
  constexpr float step = 1.0F / 1024;
  std::mt19937 random(2);
  std::vector<float> direction(output.logits.size());
  for (float& entry : direction) entry = random() % 2 == 0 ? step : -step;
  output.run(layer);
  double slope = 0, scale = 0;
  for (std::size_t i = 0; i < direction.size(); i++) {
    const double product = static_cast<double>(output.gradient.host()[i]) * static_cast<double>(direction[i]);
    slope += product, scale += std::abs(product);
  }
  const dlib::resizable_tensor logits = output.logits;
  double change = 0;
  for (const float sign : {1.0F, -1.0F}) {
    for (std::size_t i = 0; i < direction.size(); i++)
      output.logits.host()[i] = logits.host()[i] + sign * direction[i];
    change += static_cast<double>(sign) * output.run(layer) / 2;
  }
  verify(what, std::abs(slope - change) / scale, 2e-5);
}

// Every loss of the library, alone or in a sum.
static std::vector<std::pair<const char*, segloss::WeightedSum>> losses() {
  using namespace segloss;
  static const std::vector<double> weights{0.5, 2, 1, 0};
  Options weighted;
  weighted.class_weight = weights;
  return {
      {"weighted cross entropy", {{1.0, CrossEntropy{}, weighted}}},
      {"TopK", {{1.0, TopK{}}}},
      {"distance-penalised cross entropy", {{1.0, DistancePenalized{}}}},
      {"sensitivity-specificity + IoU", {{1.0, SensitivitySpecificity{}}, {1.0, Iou{}}}},
      {"focal + Tversky", {{1.0, Focal{}}, {0.5, Tversky{}}}},
      {"focal Tversky + asymmetric similarity", {{1.0, FocalTversky{}}, {1.0, AsymmetricSimilarity{}}}},
      {"penalty", {{1.0, Penalty{}}}},
      {"generalized Dice + boundary", presets::generalized_dice_boundary()},
      {"Dice + Hausdorff", presets::dice_hausdorff()},
      {"combo", presets::combo()},
      {"exponential logarithmic", presets::exponential_logarithmic()},
      {"Dice + TopK + focal + cross entropy", {{1.0, Dice{}}, {1.0, TopK{}}, {1.0, Focal{}}, {1.0, CrossEntropy{}}}},
  };
}

// Sums over all images, against one call over a copy of the minibatch.
static void pooled() {
  Output output(3, 4, 13, 11, true);
  segloss::Options over_images;
  over_images.sample_average = segloss::SampleAverage::pooled;
  // Of Tversky every image has its own slopes.
  const segloss::WeightedSum loss{
      {1.0, segloss::Dice{}, over_images}, {1.0, segloss::Tversky{}}, {1.0, segloss::CrossEntropy{}}};
  const double value = output.run(loss_segloss_(loss));

  std::vector<uint16_t> labels;
  for (const auto& image : output.labels) labels.insert(labels.end(), image.begin(), image.end());
  const std::vector<int64_t> ignore{ignored};
  segloss::Batch batch;
  batch.activation = segloss::Activation::softmax;
  batch.pred = {output.logits.host(), {3, 4, 13, 11}};
  batch.target = {labels, {3, 13, 11}};
  batch.ignore = ignore;
  dlib::resizable_tensor gradient = output.gradient;
  segloss::Outputs outputs;
  outputs.grad = gradient.host();
  std::vector<std::byte> scratch(loss.scratch_size(batch));
  const double expected = loss.run(batch, outputs, scratch);
  verify("batch Dice + Tversky + cross entropy, value", std::abs(value - expected) / expected, 1e-7);
  verify("batch Dice + Tversky + cross entropy, gradient", difference(output.gradient, gradient), 1e-6);
}

template <class Loss>
static double milliseconds(Output& output, const Loss& loss) {
  std::vector<double> times;
  for (int repeat = 0; repeat < 15; repeat++) {
    const auto start = std::chrono::steady_clock::now();
    output.run(loss);
    times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  return *std::min_element(times.begin(), times.end());
}

static void speed(long classes) {
  Output output(4, classes, 256, 256, false);
  const double theirs = milliseconds(output, dlib::loss_multiclass_log_per_pixel_());
  const double ours = milliseconds(output, loss_segloss_({{1.0, segloss::CrossEntropy{}}}));
  const double both = milliseconds(output, loss_segloss_({{1.0, segloss::Dice{}}, {1.0, segloss::CrossEntropy{}}}));
  std::printf("  4 x %2ld x 256 x 256: cross entropy %6.2f ms, dlib %7.2f ms", classes, ours, theirs);
  std::printf(", %.1f times; Dice + cross entropy %6.2f ms\n", theirs / ours, both);
}

int main() {
  std::printf("cross entropy against dlib's\n");
  cross_entropy("3 images", Output(3, 5, 37, 41, false));
  cross_entropy("one image, a quarter of it ignored", Output(1, 5, 37, 41, true));
  std::printf("gradient against finite differences\n");
  for (const auto& [name, loss] : losses()) finite_differences(name, loss);
  std::printf("one batch instead of images\n");
  pooled();
  std::printf("value and gradient on one thread, the fastest of 15\n");
  for (const long classes : {2, 4, 20}) speed(classes);
  return holds ? 0 : 1;
}
