// Failures as exceptions. returns.cpp, in the same program, gets them as results.
#include <cstdio>
#include <cstring>
#include <vector>

#include "check.h"
#define SEGLOSS_EXCEPTIONS 1
#include "segloss.hpp"

void results();

static uint8_t labels[8] = {0, 1, 1, 0, 1, 0, 3, 1};
static float logits[16];
static std::byte scratch[SEGLOSS_SCRATCH_BYTES(1, 2)];

static segloss::Batch batch() {
  segloss::Batch made;
  made.activation = segloss::Activation::softmax;
  made.pred = {logits, {1, 2, 8}};
  made.target = {labels, {1, 8}};
  return made;
}

// The error that a call throws.
template <class Call>
static segloss::Error thrown(Call call) {
  try {
    call();
  } catch (const segloss::Error& error) {
    return error;
  }
  std::fputs("nothing was thrown\n", stderr);
  std::exit(1);
}

static bool is(const segloss::Error& error, segloss_status status, const char* argument) {
  std::fprintf(stderr, "%s\n", error.what());
  return error.error.status == status && std::strcmp(error.error.argument, argument) == 0;
}

static void errors_of_the_c_library() {
  const segloss::WeightedSum loss{{1.0, segloss::Dice{}}};
  const segloss::Error label = thrown([&] { loss.run(batch(), {}, scratch); });
  CHECK(is(label, SEGLOSS_LABEL, "target") && label.error.index == 6);
  const char* const message = "invalid target at index 6: label is neither a class nor ignored: 3 (expected ";
  CHECK(std::strstr(label.what(), message) != nullptr);
  CHECK(dynamic_cast<const std::exception*>(&label) != nullptr);

  segloss::Tversky negative;
  negative.alpha = -1;
  const segloss::Error second = thrown([&] {
    segloss::WeightedSum({1.0, segloss::Dice{}}, {1.0, negative}).run(batch(), {}, scratch);
  });
  CHECK(is(second, SEGLOSS_PARAMETER, "alpha") && second.error.term == 1);
  CHECK(std::strstr(second.what(), "term 1: invalid alpha: -1 (expected ") != nullptr);

  CHECK(is(thrown([&] { loss.run({}, {}, scratch); }), SEGLOSS_PARAMETER, "activation"));
  segloss::Batch absent = batch();
  absent.pred = {};
  CHECK(is(thrown([&] { loss.run(absent, {}, scratch); }), SEGLOSS_NULL_POINTER, "pred"));
  CHECK(is(thrown([&] { loss.run(batch(), {}, {}); }), SEGLOSS_SCRATCH, "scratch"));
  segloss::Batch deep = batch();
  deep.pred = {logits, std::vector<int64_t>(40, 1)};
  CHECK(is(thrown([&] { (void)loss.scratch_size(deep); }), SEGLOSS_SHAPE, "pred"));
}

// Lengths that C does not know.
static void errors_of_lengths() {
  const segloss::WeightedSum loss{{1.0, segloss::Dice{}}};
  std::vector<double> three(3);
  std::vector<uint8_t> present(3, 1);
  std::vector<segloss::ClassSums> class_sums(3);
  segloss::Batch wrong = batch();
  wrong.class_present = present;
  CHECK(is(thrown([&] { loss.run(wrong, {}, scratch); }), SEGLOSS_SHAPE, "class_present"));
  wrong = batch();
  wrong.spacing = three;
  CHECK(is(thrown([&] { loss.run(wrong, {}, scratch); }), SEGLOSS_SHAPE, "spacing"));
  wrong = batch();
  wrong.target.strides = {1};
  CHECK(is(thrown([&] { loss.run(wrong, {}, scratch); }), SEGLOSS_STRIDES, "target"));

  segloss::Outputs outputs;
  outputs.term_values = three;
  CHECK(is(thrown([&] { loss.run(batch(), outputs, scratch); }), SEGLOSS_SHAPE, "term_values"));
  outputs = {};
  outputs.class_values = three;
  CHECK(is(thrown([&] { loss.run(batch(), outputs, scratch); }), SEGLOSS_SHAPE, "class_values"));
  outputs = {};
  outputs.class_sums = class_sums;
  CHECK(is(thrown([&] { loss.run(batch(), outputs, scratch); }), SEGLOSS_SHAPE, "class_sums"));
  outputs = {};
  outputs.grad = {logits, {1, 8}};
  CHECK(is(thrown([&] { loss.run(batch(), outputs, scratch); }), SEGLOSS_STRIDES, "grad"));

  CHECK(is(thrown([&] { loss.accumulate(batch(), class_sums, scratch); }), SEGLOSS_SHAPE, "class_sums"));
  CHECK(is(thrown([&] { loss.backward(batch(), class_sums, {}, scratch); }), SEGLOSS_SHAPE, "slopes"));
  CHECK(is(thrown([&] { (void)loss.finalize(batch(), class_sums, {}, {}, scratch); }), SEGLOSS_SHAPE, "class_sums"));
  CHECK(is(thrown([&] { loss.accumulate(batch(), {}, scratch); }), SEGLOSS_NULL_POINTER, "class_sums"));
  const auto kind = segloss::Frequency::inverse;
  CHECK(is(thrown([&] { segloss::class_weights(batch(), kind, three, scratch); }), SEGLOSS_SHAPE, "weights"));

  segloss::WeightedSum weighted{{1.0, segloss::Dice{}}, {1.0, segloss::Focal{}}};
  weighted[1].options.class_weight = three;
  const segloss::Error second = thrown([&] { weighted.run(batch(), {}, scratch); });
  CHECK(is(second, SEGLOSS_SHAPE, "class_weight") && second.error.term == 1);
  weighted[1].options = {};
  weighted[1].options.field = {logits, {1, 2, 8}, {1}};
  CHECK(is(thrown([&] { weighted.run(batch(), {}, scratch); }), SEGLOSS_STRIDES, "field"));

  segloss::Distance distance;
  distance.mask = {labels, {2, 4}};
  distance.out = logits;
  distance.spacing = three;
  CHECK(is(thrown([&] { distance.run(scratch); }), SEGLOSS_SHAPE, "spacing"));
  distance.spacing = {};
  distance.out.strides = {1};
  CHECK(is(thrown([&] { distance.run(scratch); }), SEGLOSS_STRIDES, "out"));
  distance.out = {};
  CHECK(thrown([&] { distance.run(scratch); }).error.status != SEGLOSS_OK);
}

int main() {
  errors_of_the_c_library();
  errors_of_lengths();
  results();
  std::puts("passed");
}
