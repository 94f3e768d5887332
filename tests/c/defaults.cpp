// The defaults of every loss struct equal those of its getter, bit for bit, and every preset converts from C and back.
#include <cstdio>
#include <cstring>

#include "check.h"
#include "segloss.hpp"
#include "table.h"

template <class Loss>
static void same_as_c(const segloss_loss* loss) {
  segloss_term of_c;
  CHECK(segloss_term_init(loss, &of_c, sizeof of_c) == SEGLOSS_OK);
  const segloss_term ours = segloss::Term{1.0, Loss{}}.c();
  CHECK(std::memcmp(&ours, &of_c, sizeof ours) == 0);  // no padding: layout.c asserts the layout
  // The comparison detects another weight, and the term converts from C and back.
  const segloss_term other = segloss::Term{2.0, Loss{}}.c();
  CHECK(std::memcmp(&other, &of_c, sizeof other) != 0);
  const segloss_term back = segloss::Term(of_c).c();
  CHECK(std::memcmp(&back, &of_c, sizeof back) == 0);
}

static void same_as_c(const segloss::WeightedSum& loss, segloss_status (*preset)(segloss_term*, size_t, size_t*)) {
  segloss_term of_c[SEGLOSS_MAX_TERMS];
  size_t count = 0;
  CHECK(preset(of_c, sizeof of_c[0], &count) == SEGLOSS_OK && count == loss.size());
  for (size_t k = 0; k < count; k++) {
    const segloss_term ours = loss[k].c();
    CHECK(std::memcmp(&ours, &of_c[k], sizeof ours) == 0);
  }
}

// Each member sets the field of segloss_term that segloss.h names for it.
static void every_member_is_written() {
  using namespace segloss;
  CrossEntropy cross_entropy;
  cross_entropy.label_smoothing = 0.1;
  cross_entropy.normalizer = Normalizer::class_weight;
  segloss_term term = Term{0.5, cross_entropy}.c();
  CHECK(term.weight == 0.5 && term.label_smoothing == 0.1 && term.normalizer == SEGLOSS_NORMALIZE_BY_CLASS_WEIGHT);

  segloss_top_k_search search{};
  TopK top_k;
  top_k.k = 0.7;
  top_k.selection = Selection::threshold;
  top_k.search = &search;
  term = Term{1.0, top_k}.c();
  CHECK(term.k == 0.7 && term.variant == SEGLOSS_TOPK_THRESHOLD && term.top_k_search == &search);

  SensitivitySpecificity sensitivity;
  sensitivity.sensitivity = 0.2;
  sensitivity.smooth_denominator = 3;
  term = Term{1.0, sensitivity}.c();
  CHECK(term.alpha == 0.2 && term.smooth_denominator == 3);

  Dice dice;
  dice.squares = Squares::squared;
  dice.smooth = {1, 2};
  term = Term{1.0, dice}.c();
  CHECK(term.variant == SEGLOSS_DICE_SQUARED && term.smooth_numerator == 1 && term.smooth_denominator == 2);

  Iou iou;
  iou.squares = Squares::squared;
  iou.smooth = 4;
  term = Term{1.0, iou}.c();
  CHECK(term.variant == SEGLOSS_DICE_SQUARED && term.smooth_numerator == 4 && term.smooth_denominator == 4);

  FocalTversky tversky;
  tversky.alpha = 0.1;
  tversky.beta = 0.2;
  tversky.gamma = 3;
  tversky.smooth = 5;
  term = Term{1.0, tversky}.c();
  CHECK(term.alpha == 0.1 && term.beta == 0.2 && term.gamma == 3 && term.smooth_numerator == 5);

  Penalty penalty;
  penalty.k = 7;
  penalty.volume = Volume::uniform;
  term = Term{1.0, penalty}.c();
  CHECK(term.k == 7 && term.variant == SEGLOSS_GDICE_UNIFORM);

  Boundary boundary;
  boundary.rim_zero = true;
  CHECK((Term{1.0, boundary}.c().variant == SEGLOSS_BOUNDARY_RIM_ZERO));

  Hausdorff hausdorff;
  hausdorff.alpha = 1;
  hausdorff.sides = Sides::prediction;
  hausdorff.argmax = hausdorff.interior = hausdorff.logarithmic = true;
  term = Term{1.0, hausdorff}.c();
  CHECK(term.alpha == 1);
  CHECK(term.variant == (SEGLOSS_HAUSDORFF_PREDICTION_ONLY | SEGLOSS_HAUSDORFF_ARGMAX | SEGLOSS_HAUSDORFF_INTERIOR | SEGLOSS_HAUSDORFF_LOG));

  Options options;
  options.class_average = ClassAverage::pooled;
  options.sample_average = SampleAverage::pooled;
  options.absent = AbsentClass::skipped;
  options.minus_one = options.exclude_background = options.field_complete = true;
  term = Term{1.0, Dice{}, options}.c();
  CHECK(term.class_average == SEGLOSS_CLASS_POOLED && term.sample_average == SEGLOSS_SAMPLE_POOLED);
  CHECK(term.absent == SEGLOSS_ABSENT_SKIPPED);
  CHECK(term.flags == (SEGLOSS_MINUS_ONE | SEGLOSS_EXCLUDE_BACKGROUND | SEGLOSS_FIELD_COMPLETE));
  segloss_term back = Term(term).c();
  CHECK(std::memcmp(&back, &term, sizeof term) == 0);

  // A converted field has a copy of its shape.
  const int64_t shape[] = {1, 2, 3}, strides[] = {6, 1, 2};
  const float field[6] = {};
  options.field = {field, Axes(shape, 3), Axes(strides, 3)};
  const Term with_field(1.0, Boundary{}, options);
  const Term copy(with_field.c());
  back = copy.c();
  CHECK(back.field.data == field && back.field.ndim == 3 && back.field.dtype == SEGLOSS_F32);
  CHECK(back.field.shape != shape && std::memcmp(back.field.shape, shape, sizeof shape) == 0);
  CHECK(std::memcmp(back.field.strides, strides, sizeof strides) == 0);
  // Missing axes, and too many, become a number of axes that C refuses.
  CHECK(Axes(nullptr, 3).size() == SEGLOSS_MAX_NDIM + 1 && Axes(nullptr, 0).size() == 0);
}

int main() {
  using namespace segloss;
#define SAME_AS_C(name, type, uses, variants) same_as_c<type>(segloss_##name());
  EVERY_LOSS(SAME_AS_C)
  same_as_c<CustomRegion>(segloss_custom_region());
  same_as_c<CustomVoxel>(segloss_custom_voxel());

#define PRESET_SAME_AS_C(name) same_as_c(presets::name(), segloss_preset_##name);
  EVERY_PRESET(PRESET_SAME_AS_C)
  every_member_is_written();
  CHECK(version() == SEGLOSS_VERSION && cpu_level() >= 1);
  std::puts("passed");
}
