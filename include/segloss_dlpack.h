/* DLPack tensors as arguments of segloss: no copy, no ownership.
 *
 *   segloss_dlpack_input(&logits->dl_tensor, "pred", &args.pred, &fault);
 *   segloss_dlpack_input(&labels->dl_tensor, "target", &args.target, &fault);
 *   segloss_dlpack_output(&gradient->dl_tensor, gradient->flags, "grad", &args.pred, strides, &args.grad, &fault);
 *
 * Taken: memory that the host reads (CPU, pinned by CUDA or ROCm); bool, u8 to u64, i8 to i64, f16, bf16, f32, f64
 * of one lane; any strides, none, and any byte_offset. Everything else is refused, and nothing is written then.
 * What is made borrows shape and strides of the DLPack tensor, which has to outlive it. In C++, segloss::Tensor
 * takes the segloss_tensor and copies them.
 *
 * The structs are DLPack's own, from <dlpack/dlpack.h> (0.6 and up), or from whichever header defined them before
 * this one was included, as <ATen/dlpack.h> of PyTorch does.
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

/* Writes why an argument is refused; returns the status. */
static inline segloss_status segloss_dlpack_refuse_(segloss_error *fault, segloss_status status, int64_t index,
                                                    const char *argument, const char *wants) {
  if (fault) {
    fault->status = status;
    fault->term = UINT32_MAX;
    fault->index = index;
    fault->argument = argument;
    fault->expected = wants;
    fault->given = fault->needed = 0;
    fault->numbers = fault->reserved = 0;
  }
  return status;
}

/* A view of a DLPack tensor; argument is the name that a fault will say. fault may be NULL. */
static inline segloss_status segloss_dlpack_input(const DLTensor *dl, const char *argument, segloss_tensor *tensor,
                                                  segloss_error *fault) {
  uint32_t dtype;
  if (!dl || !tensor)
    return segloss_dlpack_refuse_(fault, SEGLOSS_NULL_POINTER, -1, argument, "a DLPack tensor");
  switch ((int)dl->device.device_type) {
    case 1:  /* kDLCPU */
    case 3:  /* kDLCUDAHost, once kDLCPUPinned */
    case 11: /* kDLROCMHost */
      break;
    default:
      return segloss_dlpack_refuse_(fault, SEGLOSS_UNSUPPORTED, -1, argument,
                                    "host memory: kDLCPU, kDLCUDAHost or kDLROCMHost");
  }
  if (dl->dtype.lanes != 1)
    return segloss_dlpack_refuse_(fault, SEGLOSS_DTYPE, -1, argument, "dtype.lanes = 1");
  dtype = (uint32_t)dl->dtype.code << 8 | dl->dtype.bits; /* as segloss numbers them */
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
      return segloss_dlpack_refuse_(fault, SEGLOSS_DTYPE, -1, argument,
                                    "bool, u8 to u64, i8 to i64, f16, bf16, f32 or f64");
  }
  if (dl->ndim < 0 || dl->ndim > SEGLOSS_MAX_NDIM)
    return segloss_dlpack_refuse_(fault, SEGLOSS_SHAPE, -1, argument, "at most 16 axes");
  if (dl->ndim > 0 && !dl->shape)
    return segloss_dlpack_refuse_(fault, SEGLOSS_NULL_POINTER, -1, argument, "a shape");
  /* An empty tensor has no address, and then its offset means nothing. */
  tensor->data = dl->data ? (const char *)dl->data + dl->byte_offset : NULL;
  tensor->shape = dl->shape;
  tensor->strides = dl->strides;
  tensor->ndim = (uint32_t)dl->ndim;
  tensor->dtype = dtype;
  return SEGLOSS_OK;
}

/* An output that has the shape of `like`. flags are those of DLManagedTensorVersioned, 0 for DLManagedTensor: an
 * output may not be read-only. strides has room for SEGLOSS_MAX_NDIM, and is used where the tensor has none. */
static inline segloss_status segloss_dlpack_output(const DLTensor *dl, uint64_t flags, const char *argument,
                                                   const segloss_tensor *like, int64_t *strides,
                                                   segloss_output *output, segloss_error *fault) {
  segloss_tensor tensor;
  int32_t axis;
  segloss_status status;
  if (!like || !strides || !output)
    return segloss_dlpack_refuse_(fault, SEGLOSS_NULL_POINTER, -1, argument, "like, strides and output");
  status = segloss_dlpack_input(dl, argument, &tensor, fault);
  if (status != SEGLOSS_OK) return status;
  if ((flags & 1) != 0) /* DLPACK_FLAG_BITMASK_READ_ONLY, which old headers do not have */
    return segloss_dlpack_refuse_(fault, SEGLOSS_UNSUPPORTED, -1, argument, "memory that may be written");
  if (tensor.ndim != like->ndim)
    return segloss_dlpack_refuse_(fault, SEGLOSS_SHAPE, -1, argument, "the shape of pred");
  for (axis = 0; axis < dl->ndim; axis++)
    if (dl->shape[axis] != like->shape[axis])
      return segloss_dlpack_refuse_(fault, SEGLOSS_SHAPE, axis, argument, "the shape of pred");
  output->strides = dl->strides;
  if (!dl->strides) {
    /* No strides are C order here; in an output of segloss they would be those of pred. */
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
