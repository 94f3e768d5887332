// segloss.hpp gives the bits of segloss.h: every function, with every option set.
#include <cstdio>
#include <cstring>
#include <vector>

#include "check.h"
#include "segloss.hpp"

using segloss::ClassSums;

constexpr int64_t B = 2, C = 3, H = 7, W = 5, N = H * W;

template <class T>
static bool same(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

// The same inputs for C++ and for C.
struct Problem {
  std::vector<float> logits = std::vector<float>(B * C * N);
  std::vector<uint8_t> labels = std::vector<uint8_t>(B * N);
  std::vector<double> voxel_weight = std::vector<double>(B * N);
  std::vector<uint8_t> present = {1, 1, 0, 1, 1, 1};
  std::vector<int64_t> ignore = {9, 200};
  std::vector<double> spacing = {2.0, 0.5};
  std::vector<double> class_weight = {0.5, 2.0, 1.0};
  std::vector<std::byte> scratch = std::vector<std::byte>(1 << 20);
  // Channels last, the strides of a transposed tensor.
  std::vector<int64_t> shape = {B, C, H, W}, strides = {C * N, 1, C * W, C}, flat = {B, H, W};
  segloss::Batch batch;

  Problem() {
    for (size_t i = 0; i < logits.size(); i++) logits[i] = static_cast<float>(painted(static_cast<int>(i)));
    for (size_t i = 0; i < labels.size(); i++) labels[i] = static_cast<uint8_t>(i % 11 == 0 ? 9 : i * 7 % 5 % C);
    for (size_t i = 0; i < voxel_weight.size(); i++) voxel_weight[i] = static_cast<double>(1 + i % 3) / 2;
    batch.activation = segloss::Activation::softmax;
    batch.pred = {logits.data(), shape, strides};
    batch.target = {labels.data(), flat};
    batch.voxel_weight = {voxel_weight.data(), flat};
    batch.class_present = present;
    batch.ignore = ignore;
    batch.spacing = spacing;
  }

  segloss::WeightedSum loss() const {
    segloss::Tversky tversky;
    tversky.alpha = 0.4;
    segloss::Options options;
    options.class_weight = class_weight;
    options.sample_average = segloss::SampleAverage::pooled;
    return {{0.75, tversky, options}, {1.0, segloss::CrossEntropy{}}, {0.1, segloss::Boundary{}}};
  }

  void terms_of_c(segloss_term (&terms)[3]) const {
    CHECK(segloss_term_init(segloss_tversky(), &terms[0], sizeof terms[0]) == SEGLOSS_OK);
    CHECK(segloss_term_init(segloss_cross_entropy(), &terms[1], sizeof terms[1]) == SEGLOSS_OK);
    CHECK(segloss_term_init(segloss_boundary(), &terms[2], sizeof terms[2]) == SEGLOSS_OK);
    terms[0].weight = 0.75;
    terms[0].alpha = 0.4;
    terms[0].class_weight = class_weight.data();
    terms[0].sample_average = SEGLOSS_SAMPLE_POOLED;
    terms[2].weight = 0.1;
  }

  segloss_args args_of_c() {
    segloss_args args;
    CHECK(segloss_args_init(&args, sizeof args) == SEGLOSS_OK);
    args.activation = SEGLOSS_SOFTMAX;
    args.pred = {logits.data(), shape.data(), strides.data(), 4, SEGLOSS_F32};
    args.target = {labels.data(), flat.data(), nullptr, 3, SEGLOSS_U8};
    args.voxel_weight = {voxel_weight.data(), flat.data(), nullptr, 3, SEGLOSS_F64};
    args.class_present = present.data();
    args.ignore = ignore.data();
    args.ignore_len = 2;
    args.spacing = spacing.data();
    args.scratch = scratch.data();
    args.scratch_size = scratch.size();
    return args;
  }
};

static void run_with_every_option() {
  Problem p;
  segloss_term terms[3];
  p.terms_of_c(terms);
  segloss_args args = p.args_of_c();
  double value = 0;
  size_t bytes = 0;
  std::vector<double> gradient(B * C * N, 1.0), term_values(3), class_values(3 * B * C);
  std::vector<ClassSums> class_sums(B * C);
  CHECK(segloss_scratch_size(terms, 3, &args, &bytes) == SEGLOSS_OK);
  args.value = &value;
  args.flags = SEGLOSS_ADD_TO_GRADIENT;
  args.grad_scale = 128;
  args.grad = {gradient.data(), nullptr, SEGLOSS_F64, 0};
  args.term_values = term_values.data();
  args.class_values = class_values.data();
  args.class_sums = class_sums.data();
  CHECK(segloss_run(terms, 3, &args) == SEGLOSS_OK);

  std::vector<double> our_gradient(B * C * N, 1.0), our_term_values(3), our_class_values(3 * B * C);
  std::vector<ClassSums> our_sums(B * C);
  segloss::Outputs outputs;
  outputs.grad = our_gradient.data();
  outputs.grad_scale = 128;
  outputs.add_to_gradient = true;
  outputs.term_values = our_term_values;
  outputs.class_values = our_class_values;
  outputs.class_sums = our_sums;
  const segloss::WeightedSum loss = p.loss();
  CHECK(loss.scratch_size(p.batch) == bytes);
  CHECK(loss.run(p.batch, outputs, p.scratch) == value && value > 0);
  CHECK(same(our_gradient, gradient) && same(our_term_values, term_values));
  CHECK(same(our_class_values, class_values) && same(our_sums, class_sums));

  // Each option has an effect: without it the value differs.
  segloss::Batch bare = p.batch;
  bare.voxel_weight = {};
  CHECK(loss.run(bare, {}, p.scratch) != value);
  bare = p.batch;
  bare.class_present = {};
  CHECK(loss.run(bare, {}, p.scratch) != value);
  bare = p.batch;
  bare.spacing = {};
  CHECK(loss.run(bare, {}, p.scratch) != value);
  segloss::WeightedSum other = loss;
  other[0].options.class_weight = {};
  CHECK(other.run(p.batch, {}, p.scratch) != value);
  other = loss;
  other[2].weight = 0.2;
  CHECK(other.run(p.batch, {}, p.scratch) != value);
}

static void parts_give_the_bits_of_the_whole() {
  Problem p;
  segloss::WeightedSum loss = p.loss();
  std::vector<float> field(B * C * N), whole(B * C * N), pieces(B * C * N);
  segloss::distance_field(loss[2], p.batch, field.data(), p.scratch);
  loss[2].options.field = {field.data(), p.shape};
  segloss::Outputs outputs;
  outputs.grad = whole.data();
  outputs.grad_scale = 3;
  const double value = loss.run(p.batch, outputs, p.scratch);
  CHECK(value == p.loss().run(p.batch, {}, p.scratch));  // the same field computed by run

  // One sample at a time.
  std::vector<ClassSums> class_sums(B * C, ClassSums{}), slopes(B * C);
  const std::vector<int64_t> one = {1, C, H, W}, one_sample_flat = {1, H, W};
  for (const bool is_backward : {false, true}) {
    for (int64_t b = 0; b < B; b++) {
      segloss::Batch part = p.batch;
      part.pred = {p.logits.data() + b * C * N, one, p.strides};
      part.target = {p.labels.data() + b * N, one_sample_flat};
      part.voxel_weight = {p.voxel_weight.data() + b * N, one_sample_flat};
      part.class_present = {p.present.data() + b * C, size_t{C}};
      loss[2].options.field = {field.data() + b * C * N, one};
      segloss::Outputs into;
      into.grad = pieces.data() + b * C * N;
      if (is_backward)
        loss.backward(part, {slopes.data() + b * C, size_t{C}}, into, p.scratch);
      else
        loss.accumulate(part, {class_sums.data() + b * C, size_t{C}}, p.scratch);
    }
    if (is_backward) break;
    outputs.grad = {};
    loss[2].options.field = {field.data(), p.shape};
    CHECK(loss.finalize(p.batch, class_sums, slopes, outputs, p.scratch) == value);
    CHECK(loss.finalize(p.batch, class_sums, {}, outputs, p.scratch) == value);
  }
  CHECK(same(whole, pieces));
}

static void class_weights_and_distances() {
  Problem p;
  segloss_args args = p.args_of_c();
  for (const auto kind : {segloss::Frequency::inverse, segloss::Frequency::inverse_sqrt, segloss::Frequency::median}) {
    std::vector<double> theirs(C), ours(C);
    CHECK(segloss_class_weights(&args, static_cast<uint32_t>(kind), theirs.data()) == SEGLOSS_OK);
    segloss::class_weights(p.batch, kind, ours, p.scratch);
    CHECK(same(ours, theirs) && ours[0] > 0);
  }

  segloss_distance_args of_c{};
  std::vector<float> theirs(C * N), ours(C * N);
  const int64_t image[] = {H, W};
  for (uint8_t& label : p.labels) label = static_cast<uint8_t>(label % C);
  of_c.struct_size = sizeof of_c;
  of_c.flags = SEGLOSS_DISTANCE_SQUARED | SEGLOSS_DISTANCE_BLACK_BORDER;
  of_c.kind = SEGLOSS_OTHER_SIDE;
  of_c.classes = C;
  of_c.mask = {p.labels.data(), image, nullptr, 2, SEGLOSS_U8};
  of_c.spacing = p.spacing.data();
  of_c.out = {theirs.data(), nullptr, SEGLOSS_F32, 0};
  of_c.scratch = p.scratch.data();
  of_c.scratch_size = p.scratch.size();
  CHECK(segloss_distance(&of_c) == SEGLOSS_OK);

  segloss::Distance distance;
  distance.kind = segloss::DistanceKind::other_side;
  distance.mask = {p.labels.data(), {H, W}};
  distance.out = ours.data();
  distance.classes = C;
  distance.square = distance.black_border = true;
  distance.spacing = p.spacing;
  size_t bytes = 0;
  CHECK(segloss_distance_scratch_size(&of_c, &bytes) == SEGLOSS_OK && distance.scratch_size() == bytes);
  distance.run(p.scratch);
  CHECK(same(ours, theirs));
  distance.black_border = false;
  distance.run(p.scratch);
  CHECK(!same(ours, theirs));
}

// Linear Dice by its equation, with smoothing as a member of the callable.
struct CustomDice {
  double smooth;
  double operator()(const ClassSums& sums, ClassSums& slope) const {
    const double all = sums.prediction + sums.target + smooth, both = 2 * sums.intersection + smooth;
    slope.intersection = -2 / all;
    slope.prediction = both / (all * all);
    return 1 - both / all;
  }
};

static void custom_region() {
  Problem p;
  const CustomDice custom{1.0};
  segloss::Dice dice;
  dice.smooth = 1.0;
  const segloss::WeightedSum mine{{1.0, segloss::CustomRegion::of(custom)}}, theirs{{1.0, dice}};
  std::vector<float> gradient(B * C * N), expected(B * C * N);
  segloss::Outputs outputs;
  outputs.grad = gradient.data();
  const double value = mine.run(p.batch, outputs, p.scratch);
  outputs.grad = expected.data();
  CLOSE(value, theirs.run(p.batch, outputs, p.scratch), 1e-14);
  for (size_t i = 0; i < gradient.size(); i++) CLOSE(gradient[i], expected[i], 1e-8);
}

// Focal loss with gamma = 1 by its equation, with a factor as a member of the callable.
struct CustomFocal {
  double factor;
  template <class T>
  void operator()(const segloss::VoxelRows<T>& rows) const noexcept {
    for (size_t i = 0; i < rows.count; i++) {
      const T p = rows.probability[i], q = rows.complement[i], log_p = rows.log_probability[i];
      const T by = static_cast<T>(factor);
      rows.value[i] = by * (q * -log_p);
      rows.slope[i] = by * (p * log_p - q);
    }
  }
};

// The Brier score: the mean over voxels and classes of (s - g)^2.
static const auto brier = [](const auto& rows) noexcept {
  for (size_t i = 0; i < rows.count; i++) {
    const auto error = rows.probability[i] - rows.target[i];
    rows.value[i] = error * error;
    rows.slope[i] = error + error;
  }
};

static void custom_voxel() {
  Problem p;
  const CustomFocal custom{2.0};
  segloss::Focal focal;
  focal.gamma = 1;
  const segloss::WeightedSum mine{{1.0, segloss::CustomVoxel::of(custom)}}, theirs{{2.0, focal}};
  std::vector<float> gradient(B * C * N), expected(B * C * N);
  segloss::Outputs outputs;
  outputs.grad = gradient.data();
  const double value = mine.run(p.batch, outputs, p.scratch);
  outputs.grad = expected.data();
  const double other = theirs.run(p.batch, outputs, p.scratch);
  CLOSE(value, other, 1e-6 * other);
  for (size_t i = 0; i < gradient.size(); i++) CLOSE(gradient[i], expected[i], 1e-6 / N);

  // Every other voxel has probabilities 1/2, 1/4, 1/4 and label 0, the rest 1, 0, 0.
  std::vector<double> probabilities(C * N), slopes(C * N);
  const std::vector<uint8_t> labels(N);
  for (size_t i = 0; i < N; i++)
    for (size_t c = 0; c < C; c++) probabilities[c * N + i] = i % 2 ? c == 0 : c == 0 ? 0.5 : 0.25;
  segloss::Batch batch;
  batch.activation = segloss::Activation::probability;
  batch.pred = {probabilities.data(), {1, C, N}};
  batch.target = {labels.data(), {1, N}};
  segloss::Outputs of_brier;
  of_brier.grad = slopes.data();
  const segloss::WeightedSum score{{1.0, segloss::CustomVoxel::of(brier, segloss::Contribution::all_classes)}};
  const double voxels = (N + 1) / 2;
  CLOSE(score.run(batch, of_brier, p.scratch), voxels * (0.25 + 2 * 0.0625) / (C * N), 1e-15);
  CLOSE(slopes[0], 2 * -0.5 / (C * N), 1e-18);
  CHECK(slopes[1] == 0);
}

static void executor_of_the_caller() {
  Problem p;
  std::vector<double> alone(N), shared(N);
  size_t tasks = 0;
  auto backwards = [&tasks](size_t count, segloss::Executor::Task task) {
    for (size_t i = count; i > 0; i--) task(i - 1);
    tasks += count;
  };
  const segloss::Executor executor(3, backwards);
  segloss::Distance distance;
  distance.mask = {p.labels.data(), {H, W}};
  distance.out = alone.data();
  distance.run(p.scratch);
  distance.out = shared.data();
  distance.executor = &executor;
  distance.run(p.scratch);
  CHECK(same(alone, shared) && tasks > 1);

  const double value = p.loss().run(p.batch, {}, p.scratch);
  p.batch.executor = &executor;
  CHECK(p.loss().run(p.batch, {}, p.scratch) == value);
}

int main() {
  run_with_every_option();
  parts_give_the_bits_of_the_whole();
  class_weights_and_distances();
  custom_region();
  custom_voxel();
  executor_of_the_caller();
  std::puts("passed");
}
