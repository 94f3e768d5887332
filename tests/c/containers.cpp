// Tensor and Output from containers: std::vector, std::array, std::span, segloss::span and a type of the user. The
// number of elements is compared with the shape, and the result has the bits of the same call on addresses.
#include <array>
#include <cstdio>
#include <cstring>
#include <type_traits>
#include <vector>

#include "check.h"
#define SEGLOSS_EXCEPTIONS 1
#include "segloss.hpp"

constexpr int64_t B = 2, C = 3, H = 4, W = 5, N = H * W, ALL = B * C * N;

// A contiguous container of the user, with the size type of Eigen.
template <class T>
struct Buffer {
  std::vector<T> elements;
  T* data() { return elements.data(); }
  const T* data() const { return elements.data(); }
  std::ptrdiff_t size() const { return static_cast<std::ptrdiff_t>(elements.size()); }
};

// What is a container that a view may borrow, and what is not.
using segloss::Axes;
using segloss::Output;
using segloss::Tensor;
using Floats = std::vector<float>;
static_assert(std::is_constructible_v<Tensor, Floats&, Axes> && std::is_constructible_v<Output, Floats&>);
static_assert(std::is_constructible_v<Tensor, const Floats&, Axes> && !std::is_constructible_v<Output, const Floats&>);
static_assert(!std::is_constructible_v<Tensor, Floats, Axes> && !std::is_constructible_v<Output, Floats>);
static_assert(std::is_constructible_v<Tensor, segloss::span<const float>, Axes>);
static_assert(std::is_constructible_v<Output, segloss::span<float>>);
static_assert(!std::is_constructible_v<Output, segloss::span<const float>>);
static_assert(std::is_constructible_v<Tensor, const std::array<float, 4>&, Axes>);
static_assert(std::is_constructible_v<Output, std::array<double, 4>&>);
static_assert(std::is_constructible_v<Tensor, Buffer<int>&, Axes> && std::is_constructible_v<Output, Buffer<float>&>);
static_assert(!std::is_constructible_v<Tensor, std::vector<bool>&, Axes>);
static_assert(!std::is_constructible_v<Tensor, int, Axes>);

struct Problem {
  std::vector<float> logits = std::vector<float>(ALL), gradient = std::vector<float>(ALL);
  std::array<uint8_t, B * N> labels{};
  Buffer<double> weights{std::vector<double>(B * N, 0.5)};
  std::vector<std::byte> scratch = std::vector<std::byte>(1 << 20);
  segloss::Batch batch;

  Problem() {
    for (size_t i = 0; i < logits.size(); i++) logits[i] = static_cast<float>(painted(static_cast<int>(i)));
    for (size_t i = 0; i < labels.size(); i++) labels[i] = static_cast<uint8_t>(i * 7 % 5 % C);
    batch.activation = segloss::Activation::softmax;
    batch.pred = {logits, {B, C, H, W}};
    batch.target = {labels, {B, H, W}};
    batch.voxel_weight = {weights, {B, H, W}};
  }
};

static const segloss::WeightedSum& loss() {
  static const segloss::WeightedSum sum{{1.0, segloss::Dice{}}, {1.0, segloss::CrossEntropy{}}};
  return sum;
}

static void same_bits_as_from_addresses() {
  Problem p;
  CHECK(p.batch.pred.dtype == segloss::Dtype::f32 && p.batch.target.dtype == segloss::Dtype::u8);
  CHECK(p.batch.voxel_weight.dtype == segloss::Dtype::f64);
  segloss::Outputs outputs;
  outputs.grad = p.gradient;
  const double value = loss().run(p.batch, outputs, p.scratch);

  segloss::Batch plain = p.batch;
  plain.pred = {p.logits.data(), {B, C, H, W}};
  plain.target = {p.labels.data(), {B, H, W}};
  plain.voxel_weight = {p.weights.data(), {B, H, W}};
  std::vector<float> expected(ALL);
  outputs.grad = expected.data();
  CHECK(loss().run(plain, outputs, p.scratch) == value && value > 0);
  CHECK(std::memcmp(expected.data(), p.gradient.data(), sizeof(float) * ALL) == 0);

  // Through spans, and in place.
  segloss::Batch spans = p.batch;
  std::vector<float> overwritten = p.logits;
  const segloss::span<float> view(overwritten);
  spans.pred = {view, {B, C, H, W}};
  spans.target = {segloss::span<const uint8_t>(p.labels), {B, H, W}};
  outputs.grad = view;
  CHECK(loss().run(spans, outputs, p.scratch) == value);
  CHECK(std::memcmp(expected.data(), overwritten.data(), sizeof(float) * ALL) == 0);
#ifdef __cpp_lib_span
  spans.pred = {std::span<const float>(p.logits), {B, C, H, W}};
  outputs.grad = std::span<float>(overwritten);
  CHECK(loss().run(spans, outputs, p.scratch) == value);
#endif
}

// Whether the call is refused for this argument, with these numbers.
template <class Call>
static void refused(Call call, segloss_status status, const char* argument, double given, double needed) {
  try {
    call();
  } catch (const segloss::Error& caught) {
    const segloss_error& error = caught.error;
    std::fprintf(stderr, "%s\n", caught.what());
    CHECK(error.status == status && std::strcmp(error.argument, argument) == 0);
    CHECK(error.given == given && error.needed == needed);
    return;
  }
  std::fprintf(stderr, "%s of %g elements was accepted\n", argument, given);
  std::exit(1);
}

static void inputs_of_another_length_are_refused() {
  Problem p;
  for (const int64_t length : {ALL - 1, ALL + 1, int64_t{0}}) {
    const std::vector<float> other(static_cast<size_t>(length));
    segloss::Batch batch = p.batch;
    batch.pred = {other, {B, C, H, W}};
    refused([&] { (void)loss().run(batch, {}, p.scratch); }, SEGLOSS_SHAPE, "pred", static_cast<double>(length), ALL);
    refused([&] { (void)loss().scratch_size(batch); }, SEGLOSS_SHAPE, "pred", static_cast<double>(length), ALL);
  }
  segloss::Batch batch = p.batch;
  batch.target = {p.labels, {B, H, W + 1}};
  refused([&] { (void)loss().run(batch, {}, p.scratch); }, SEGLOSS_SHAPE, "target", B * N, B * H * (W + 1));
  batch = p.batch;
  batch.voxel_weight = {p.weights, {B, H, W - 1}};
  refused([&] { (void)loss().run(batch, {}, p.scratch); }, SEGLOSS_SHAPE, "voxel_weight", B * N, B * H * (W - 1));
  // A product that overflows is another number, and a negative extent is left to C.
  batch = p.batch;
  batch.pred = {p.logits, {INT64_MAX, INT64_MAX, 4}};
  refused([&] { (void)loss().run(batch, {}, p.scratch); }, SEGLOSS_SHAPE, "pred", ALL,
          static_cast<double>(segloss::unknown_length));
  batch.pred = {p.logits, {B, C, -1, W}};
  refused([&] { (void)loss().run(batch, {}, p.scratch); }, SEGLOSS_SHAPE, "pred", -1, 0);

  segloss::WeightedSum weighted{{1.0, segloss::Dice{}}, {1.0, segloss::Boundary{}}};
  const std::vector<float> field(ALL - 1);
  weighted[1].options.field = {field, {B, C, H, W}};
  refused([&] { (void)weighted.run(p.batch, {}, p.scratch); }, SEGLOSS_SHAPE, "field", ALL - 1, ALL);
}

// With strides a container may hold more, never less than they reach.
static void strides_stay_inside_the_container() {
  Problem p;
  segloss::Batch batch = p.batch;
  // Rows of W + 1 elements; the last one ends at the last element that is reached.
  const Axes padded{C * H * (W + 1), H * (W + 1), W + 1, 1};
  std::vector<float> rows(B * C * H * (W + 1) - 1);
  batch.pred = {rows, {B, C, H, W}, padded};
  CHECK(loss().run(batch, {}, p.scratch) > 0);
  rows.pop_back();
  batch.pred = {rows, {B, C, H, W}, padded};
  const double reach = B * C * H * (W + 1) - 1;
  refused([&] { (void)loss().run(batch, {}, p.scratch); }, SEGLOSS_STRIDES, "pred", reach - 1, reach);
  // One weight for all voxels.
  const std::array<float, 1> one{1.0F};
  batch = p.batch;
  batch.voxel_weight = {one, {B, H, W}, {0, 0, 0}};
  CHECK(loss().run(batch, {}, p.scratch) > 0);
  batch.pred = {p.logits, {B, C, H, W}, {C * N, N, W, -1}};
  refused([&] { (void)loss().run(batch, {}, p.scratch); }, SEGLOSS_STRIDES, "pred", ALL, 0);
}

static void outputs_of_another_length_are_refused() {
  Problem p;
  std::vector<float> small(ALL - 1), large(ALL + 1);
  segloss::Outputs outputs;
  outputs.grad = small;
  refused([&] { (void)loss().run(p.batch, outputs, p.scratch); }, SEGLOSS_SHAPE, "grad", ALL - 1, ALL);
  outputs.grad = large;
  refused([&] { (void)loss().run(p.batch, outputs, p.scratch); }, SEGLOSS_SHAPE, "grad", ALL + 1, ALL);
  // A gradient without strides takes those of pred: here rows of W + 1 elements.
  std::vector<float> rows(B * C * H * (W + 1));
  segloss::Batch batch = p.batch;
  batch.pred = {rows, {B, C, H, W}, {C * H * (W + 1), H * (W + 1), W + 1, 1}};
  outputs.grad = p.gradient;
  const double reach = B * C * H * (W + 1) - 1;
  refused([&] { (void)loss().run(batch, outputs, p.scratch); }, SEGLOSS_STRIDES, "grad", ALL, reach);
  outputs.grad = {p.gradient, {C * N, N, W, 1}};
  CHECK(loss().run(batch, outputs, p.scratch) > 0);

  std::vector<double> whole(ALL), shared(B * N);
  const segloss::Term boundary{1.0, segloss::Boundary{}}, penalized{1.0, segloss::DistancePenalized{}};
  segloss::distance_field(boundary, p.batch, whole, p.scratch);
  segloss::distance_field(penalized, p.batch, shared, p.scratch);
  refused([&] { segloss::distance_field(boundary, p.batch, shared, p.scratch); }, SEGLOSS_SHAPE, "field", B * N, ALL);
  refused([&] { segloss::distance_field(penalized, p.batch, whole, p.scratch); }, SEGLOSS_SHAPE, "field", ALL, B * N);
}

static void distances_of_another_length_are_refused() {
  Problem p;
  std::vector<float> map(B * N), maps(C * B * N);
  segloss::Distance distance;
  distance.mask = {p.labels, {B, H, W}};
  distance.out = map;
  distance.run(p.scratch);
  distance.classes = C;
  refused([&] { distance.run(p.scratch); }, SEGLOSS_SHAPE, "out", B * N, C * B * N);
  distance.out = maps;
  distance.run(p.scratch);
  distance.mask = {p.labels, {B, H, W, 2}};
  refused([&] { (void)distance.scratch_size(); }, SEGLOSS_SHAPE, "mask", B * N, 2 * B * N);
}

int main() {
  same_bits_as_from_addresses();
  inputs_of_another_length_are_refused();
  strides_stay_inside_the_container();
  outputs_of_another_length_are_refused();
  distances_of_another_length_are_refused();
  std::puts("passed");
}
