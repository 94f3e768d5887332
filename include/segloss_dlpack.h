/* Makes arguments of segloss from DLPack tensors, without a copy and without taking ownership.
 *
 *   segloss_dlpack_input(&logits->dl_tensor, "pred", &args.pred, &error);
 *   segloss_dlpack_input(&labels->dl_tensor, "target", &args.target, &error);
 *   segloss_dlpack_output(&gradient->dl_tensor, gradient->flags, "grad", &args.pred, strides, &args.grad, &error);
 *
 * Accepted: host memory (CPU, pinned by CUDA or ROCm); bool, u8 to u64, i8 to i64, f16, bf16, f32, f64 with one lane;
 * any strides or none, and any byte_offset. Every other tensor is refused, and only the error is written. The result
 * borrows shape and strides of the DLPack tensor, which has to outlive it. In C++, segloss::Tensor made from the
 * segloss_tensor copies them.
 *
 * The structs of DLPack come from <dlpack/dlpack.h> (0.6 and up), or from a header that was included before, such as
 * <ATen/dlpack.h> of PyTorch.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef SEGLOSS_DLPACK_H
#define SEGLOSS_DLPACK_H

#ifndef DLPACK_DLPACK_H_
#ifdef __has_include
#if !__has_include(<dlpack/dlpack.h>)
#error "segloss_dlpack.h needs DLPack's structs: put dlpack/dlpack.h on the include path, or include one before"
#endif
#endif
#include <dlpack/dlpack.h>
#endif

#include "segloss.h"

/* Writes the error of a refused argument; returns the status. */
static inline segloss_status segloss_dlpack_refuse_(segloss_error *error, segloss_status status, int64_t index,
                                                    const char *argument, const char *expected) {
  if (error) {
    error->status = status;
    error->term = UINT32_MAX;
    error->index = index;
    error->argument = argument;
    error->expected = expected;
    error->given = error->needed = 0;
    error->numbers = error->reserved = 0;
  }
  return status;
}

/* Fills a segloss_tensor from a DLPack tensor.
 *
 * @param dl        the DLPack tensor.
 * @param argument  the name that an error gives, such as "pred"; static.
 * @param tensor    receives the view.
 * @param error     written on failure; may be NULL.
 * @return SEGLOSS_OK, SEGLOSS_NULL_POINTER, SEGLOSS_UNSUPPORTED (device), SEGLOSS_DTYPE or SEGLOSS_SHAPE. */
static inline segloss_status segloss_dlpack_input(const DLTensor *dl, const char *argument, segloss_tensor *tensor,
                                                  segloss_error *error) {
  uint32_t dtype;
  if (!dl || !tensor)
    return segloss_dlpack_refuse_(error, SEGLOSS_NULL_POINTER, -1, argument, "a DLPack tensor");
  switch ((int)dl->device.device_type) {
    case 1:  /* kDLCPU */
    case 3:  /* kDLCUDAHost, once kDLCPUPinned */
    case 11: /* kDLROCMHost */
      break;
    default:
      return segloss_dlpack_refuse_(error, SEGLOSS_UNSUPPORTED, -1, argument,
                                    "host memory: kDLCPU, kDLCUDAHost or kDLROCMHost");
  }
  if (dl->dtype.lanes != 1)
    return segloss_dlpack_refuse_(error, SEGLOSS_DTYPE, -1, argument, "dtype.lanes = 1");
  dtype = (uint32_t)dl->dtype.code << 8 | dl->dtype.bits; /* the numbering of segloss */
  switch (dtype) {
    case SEGLOSS_BOOL:
    case SEGLOSS_U8:
    case SEGLOSS_U16:
    case SEGLOSS_U32:
    case SEGLOSS_U64:
    case SEGLOSS_I8:
    case SEGLOSS_I16:
    case SEGLOSS_I32:
    case SEGLOSS_I64:
    case SEGLOSS_F16:
    case SEGLOSS_BF16:
    case SEGLOSS_F32:
    case SEGLOSS_F64:
      break;
    default:
      return segloss_dlpack_refuse_(error, SEGLOSS_DTYPE, -1, argument,
                                    "bool, u8 to u64, i8 to i64, f16, bf16, f32 or f64");
  }
  if (dl->ndim < 0 || dl->ndim > SEGLOSS_MAX_NDIM)
    return segloss_dlpack_refuse_(error, SEGLOSS_SHAPE, -1, argument, "at most 16 axes");
  if (dl->ndim > 0 && !dl->shape)
    return segloss_dlpack_refuse_(error, SEGLOSS_NULL_POINTER, -1, argument, "a shape");
  /* An empty tensor may have no address; NULL + byte_offset would be undefined. */
  tensor->data = dl->data ? (const char *)dl->data + dl->byte_offset : NULL;
  tensor->shape = dl->shape;
  tensor->strides = dl->strides;
  tensor->ndim = (uint32_t)dl->ndim;
  tensor->dtype = dtype;
  return SEGLOSS_OK;
}

/* Fills a segloss_output from a DLPack tensor.
 *
 * @param dl        the DLPack tensor.
 * @param flags     those of DLManagedTensorVersioned, 0 for DLManagedTensor; a read-only tensor is refused.
 * @param argument  the name that an error gives, such as "grad"; static.
 * @param like      the tensor whose shape the output must have: args.pred for a gradient.
 * @param strides   room for SEGLOSS_MAX_NDIM strides, used if the tensor has none; has to outlive output.
 * @param output    receives the output.
 * @param error     written on failure; may be NULL.
 * @return as segloss_dlpack_input. */
static inline segloss_status segloss_dlpack_output(const DLTensor *dl, uint64_t flags, const char *argument,
                                                   const segloss_tensor *like, int64_t *strides,
                                                   segloss_output *output, segloss_error *error) {
  segloss_tensor tensor;
  int32_t axis;
  segloss_status status;
  if (!like || !strides || !output)
    return segloss_dlpack_refuse_(error, SEGLOSS_NULL_POINTER, -1, argument, "like, strides and output");
  status = segloss_dlpack_input(dl, argument, &tensor, error);
  if (status != SEGLOSS_OK) return status;
  if ((flags & 1) != 0) /* DLPACK_FLAG_BITMASK_READ_ONLY, which headers before DLPack 1.0 do not define */
    return segloss_dlpack_refuse_(error, SEGLOSS_UNSUPPORTED, -1, argument, "writable memory");
  if (tensor.ndim != like->ndim)
    return segloss_dlpack_refuse_(error, SEGLOSS_SHAPE, -1, argument, "the shape of pred");
  for (axis = 0; axis < dl->ndim; axis++)
    if (dl->shape[axis] != like->shape[axis])
      return segloss_dlpack_refuse_(error, SEGLOSS_SHAPE, axis, argument, "the shape of pred");
  output->strides = dl->strides;
  if (!dl->strides) {
    /* NULL strides are C order in DLPack, but the strides of pred in segloss_output. */
    int64_t step = 1;
    for (axis = dl->ndim - 1; axis >= 0; axis--) {
      strides[axis] = step;
      step *= dl->shape[axis] > 1 ? dl->shape[axis] : 1;
    }
    output->strides = strides;
  }
  output->data = dl->data ? (char *)dl->data + dl->byte_offset : NULL;
  output->dtype = tensor.dtype;
  output->reserved = 0;
  return SEGLOSS_OK;
}

#endif /* SEGLOSS_DLPACK_H */
