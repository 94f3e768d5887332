/* The size and the field offsets of every struct, without padding, for every pointer size. */
#include "check.h"
#include <stddef.h>

#define P sizeof(void *)
#define AT(type, field, offset) CHECK(offsetof(type, field) == (size_t)(offset))

int main(void) {
  const size_t tensor_size = 3 * P + 8, output_size = 2 * P + 8;
  CHECK(SEGLOSS_VERSION == segloss_version());
  CHECK(sizeof(segloss_tensor) == tensor_size);
  AT(segloss_tensor, shape, P);
  AT(segloss_tensor, strides, 2 * P);
  AT(segloss_tensor, ndim, 3 * P);
  AT(segloss_tensor, dtype, 3 * P + 4);
  CHECK(sizeof(segloss_output) == output_size);
  AT(segloss_output, strides, P);
  AT(segloss_output, dtype, 2 * P);
  CHECK(sizeof(segloss_class_sums) == 18 * 8);
  AT(segloss_class_sums, intersection, 24);
  AT(segloss_class_sums, minimum, 48);
  AT(segloss_class_sums, reserved, 56);
  AT(segloss_class_sums, loss_sum, 80);
  AT(segloss_class_sums, loss_weight, 112);
  CHECK(sizeof(segloss_error) == 40 + 2 * P);
  AT(segloss_error, given, 16 + 2 * P);
  AT(segloss_error, needed, 24 + 2 * P);
  AT(segloss_error, numbers, 32 + 2 * P);
  AT(segloss_error, term, 4);
  AT(segloss_error, index, 8);
  AT(segloss_error, expected, 16 + P);
  CHECK(sizeof(segloss_executor) == 8 + 2 * P);
  CHECK(sizeof(segloss_top_k_search) == 2054 * 8);
  AT(segloss_top_k_search, bins, 48);
  CHECK(sizeof(segloss_voxel_rows) == 8 + 7 * P);
  AT(segloss_voxel_rows, count, 4);
  AT(segloss_voxel_rows, probability, 8);
  AT(segloss_voxel_rows, field, 8 + 4 * P);
  AT(segloss_voxel_rows, slope, 8 + 6 * P);
  CHECK(sizeof(segloss_term) == 96 + 7 * P + tensor_size);
  AT(segloss_term, weight, 32);
  AT(segloss_term, label_smoothing, 88);
  AT(segloss_term, loss, 96);
  AT(segloss_term, class_weight, 96 + P);
  AT(segloss_term, top_k_search, 96 + 4 * P);
  AT(segloss_term, field, 96 + 5 * P);
  AT(segloss_term, voxel, 96 + 5 * P + tensor_size);
  CHECK(sizeof(segloss_args) == 24 + 3 * tensor_size + 11 * P + output_size);
  AT(segloss_args, grad_scale, 16);
  AT(segloss_args, pred, 24);
  AT(segloss_args, class_present, 24 + 3 * tensor_size);
  AT(segloss_args, value, 24 + 3 * tensor_size + 3 * P);
  AT(segloss_args, grad, 24 + 3 * tensor_size + 7 * P);
  AT(segloss_args, executor, 24 + 3 * tensor_size + 10 * P + output_size);
  CHECK(sizeof(segloss_distance_args) == 16 + tensor_size + 5 * P + output_size);
  AT(segloss_distance_args, mask, 16);
  AT(segloss_distance_args, out, 16 + tensor_size + P);
  puts("passed");
  return 0;
}
