/* Dice + cross entropy of tensors that Python exported: what a capsule points to, through segloss_dlpack.h. */
#ifdef DLPACK_OF_PYTORCH
#include <ATen/dlpack.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "segloss_dlpack.h"

/* The tensor in a capsule "dltensor" or "dltensor_versioned". */
static const DLTensor *unwrap(void *managed, int versioned, uint64_t *flags) {
  *flags = 0;
  if (!managed) return NULL;
  if (!versioned) return &((DLManagedTensor *)managed)->dl_tensor;
#ifdef DLPACK_FLAG_BITMASK_READ_ONLY
  *flags = ((DLManagedTensorVersioned *)managed)->flags;
  return ((DLManagedTensorVersioned *)managed)->version.major == 1 ? &((DLManagedTensorVersioned *)managed)->dl_tensor
                                                                   : NULL;
#else
  return NULL;
#endif
}

int shim_knows_versions(void);
int32_t shim_run(void *const managed[4], const int versioned[4], double *value, char *said, size_t room);

int shim_knows_versions(void) {
#ifdef DLPACK_FLAG_BITMASK_READ_ONLY
  return 1;
#else
  return 0;
#endif
}

/* pred, target, voxel weight (or NULL) and gradient; says why when it refuses. */
int32_t shim_run(void *const managed[4], const int versioned[4], double *value, char *said, size_t room) {
  const DLTensor *dl[4];
  uint64_t flags[4];
  int64_t strides[SEGLOSS_MAX_NDIM];
  segloss_term terms[2];
  segloss_args args;
  segloss_error error;
  segloss_status status;
  size_t bytes = 0;
  int k;
  for (k = 0; k < 4; k++) dl[k] = unwrap(managed[k], versioned[k], &flags[k]);
  segloss_term_init(segloss_dice(), &terms[0], sizeof terms[0]);
  segloss_term_init(segloss_cross_entropy(), &terms[1], sizeof terms[1]);
  segloss_args_init(&args, sizeof args);
  args.activation = SEGLOSS_SOFTMAX;
  args.value = value;
  args.error = &error;
  status = segloss_dlpack_input(dl[0], "pred", &args.pred, &error);
  if (!status) status = segloss_dlpack_input(dl[1], "target", &args.target, &error);
  if (!status && managed[2]) status = segloss_dlpack_input(dl[2], "voxel_weight", &args.voxel_weight, &error);
  if (!status) status = segloss_dlpack_output(dl[3], flags[3], "grad", &args.pred, strides, &args.grad, &error);
  if (!status) status = segloss_scratch_size(terms, 2, &args, &bytes);
  if (!status) {
    args.scratch = malloc(bytes);
    args.scratch_size = args.scratch ? bytes : 0;
    status = segloss_run(terms, 2, &args);
    free(args.scratch);
  }
  if (status) snprintf(said, room, "%s: expected %s", error.argument, error.expected);
  return status;
}
