// Failures as results: no exception is thrown. Links with failures.cpp, which compiles the header with exceptions.
#include "check.h"
#define SEGLOSS_EXCEPTIONS 0
#include "segloss.hpp"

void results();

void results() {
  static uint8_t labels[8] = {0, 1, 1, 0, 1, 0, 3, 1};
  static float logits[16], gradient[16];
  static std::byte scratch[SEGLOSS_SCRATCH_BYTES(1, 2)];
  const segloss::WeightedSum loss{{1.0, segloss::Dice{}}};
  segloss::Batch batch;
  batch.activation = segloss::Activation::softmax;
  batch.pred = {logits, {1, 2, 8}};
  batch.target = {labels, {1, 8}};

  const segloss::Result<size_t> size = loss.scratch_size(batch);
  CHECK(size && *size > 0 && *size <= sizeof scratch);
  segloss::Outputs outputs;
  outputs.grad = gradient;
  const segloss::Result<double> refused = loss.run(batch, outputs, scratch);
  CHECK(!refused && refused.raw().status == SEGLOSS_LABEL && refused.raw().index == 6);
  CHECK(strstr(refused.error().what(), "target at index 6") != nullptr);
  CHECK(gradient[0] == 0);

  labels[6] = 1;
  const segloss::Result<double> value = loss.run(batch, outputs, scratch);
  CHECK(value && *value > 0 && gradient[0] != 0);

  segloss_class_sums class_sums[2] = {}, slopes[2];
  const segloss::Result<void> accumulated = loss.accumulate(batch, class_sums, scratch);
  CHECK(accumulated);
  const segloss::Result<double> finalized = loss.finalize(batch, class_sums, slopes, {}, scratch);
  CHECK(finalized && *finalized == *value);
  const segloss::span<const segloss_class_sums> one_class(slopes, 1);
  const segloss::Result<void> written = loss.backward(batch, one_class, {}, scratch);
  CHECK(!written && written.raw().status == SEGLOSS_SHAPE && strstr(written.error().what(), "slopes") != nullptr);
}

#ifdef ALONE
int main() {
  results();
  puts("passed");
}
#endif
