"""Tensors exported by PyTorch and NumPy through DLPack: every dtype, layout and capsule against equations in NumPy."""
import ctypes as c
import sys

import numpy as np
import torch

shim = c.CDLL(sys.argv[1])
capsule_name = c.pythonapi.PyCapsule_GetName
capsule_name.restype, capsule_name.argtypes = c.c_char_p, [c.py_object]
capsule_pointer = c.pythonapi.PyCapsule_GetPointer
capsule_pointer.restype, capsule_pointer.argtypes = c.c_void_p, [c.py_object, c.c_char_p]
OK, DTYPE, SHAPE, LABEL, UNSUPPORTED = 0, 3, 4, 11, 12
INTEGERS = "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"
VERSIONS = [False, True] if shim.shim_knows_versions() else [False]
checked = dict.fromkeys(["runs", "refusals"], 0)


def export(array, versioned):
    """A capsule, which owns what it exports."""
    if array is None:
        return None
    if not versioned:
        return array.__dlpack__()
    return array.__dlpack__(max_version=(1, 0))


def run(arrays, versioned):
    capsules = [export(array, versioned) for array in arrays]
    names = [capsule and capsule_name(capsule) for capsule in capsules]
    for name in filter(None, names):
        assert name == (b"dltensor_versioned" if versioned else b"dltensor"), name
    pointers = [capsule and capsule_pointer(capsule, name) for capsule, name in zip(capsules, names)]
    value, said = c.c_double(-1), c.create_string_buffer(200)
    status = shim.shim_run((c.c_void_p * 4)(*pointers), (c.c_int * 4)(*[versioned] * 4), c.byref(value), said,
                           c.c_size_t(200))
    return status, value.value, said.value.decode()


def as_f64(array):
    return array.to(torch.float64).numpy() if isinstance(array, torch.Tensor) else array.astype(np.float64)


def by_equation(logits, truth, weight):
    """Dice + cross entropy and its gradient; truth is [B, C, ...]."""
    space = tuple(range(2, logits.ndim))
    s = np.exp(logits - logits.max(1, keepdims=True))
    s /= s.sum(1, keepdims=True)
    w = weight[:, None] * np.ones_like(s)
    both = 2 * (w * s * truth).sum(space, keepdims=True) + 1e-5
    all_ = (w * (s + truth)).sum(space, keepdims=True) + 1e-5
    value = 1 - (both / all_).mean() - (w * truth * np.log(s)).sum() / weight.sum()
    slope = w * (both / all_ - 2 * truth) / all_ / (s.shape[0] * s.shape[1]) - w * truth / s / weight.sum()
    return value, s * (slope - (s * slope).sum(1, keepdims=True))


def check(name, logits, target, weight, gradient, tolerance):
    classes, labels = logits.shape[1], as_f64(target)
    dense = labels.shape == tuple(logits.shape)
    truth = labels if dense else np.moveaxis(np.eye(classes)[labels.astype(int)], -1, 1)
    ones = np.ones((logits.shape[0], *logits.shape[2:]))
    value, slopes = by_equation(as_f64(logits), truth, ones if weight is None else as_f64(weight))
    for versioned in VERSIONS:
        gradient[...] = 7
        status, ours, said = run([logits, target, weight, gradient], versioned)
        assert status == OK, (name, versioned, said)
        error = np.abs(as_f64(gradient) - slopes).max() / np.abs(slopes).max()
        assert abs(ours - value) <= min(tolerance, 1e-6) * value and error <= tolerance, (name, ours, value, error)
        checked["runs"] += 1
    print(f"  {name:58} value {value:.6f}, gradient within {error:.0e} of its largest entry")


def refused(name, arrays, status, word, versions=None):
    for versioned in versions or VERSIONS:
        got, _, said = run(arrays, versioned)
        assert got == status and word in said, (name, got, said)
        checked["refusals"] += 1
    print(f"  {name:58} {said}")


def main():
    rng = np.random.default_rng(1)
    shape, flat = (2, 3, 6, 7, 8), (2, 6, 7, 8)
    base = rng.normal(size=shape) * 2
    labels, weight = rng.integers(0, 3, flat), rng.random(flat)
    cast = lambda array, dtype: torch.tensor(array).to(getattr(torch, dtype))

    print("NumPy", np.__version__)
    for dtype, tolerance in ("float64", 1e-12), ("float32", 1e-6), ("float16", 1e-6):
        check(f"{dtype} logits, gradient f64", base.astype(dtype), labels, None, np.empty(shape), tolerance)
    check("float16 logits, gradient f16", base.astype("f2"), labels, None, np.empty(shape, "f2"), 2**-11)
    for dtype in INTEGERS:
        check(f"{dtype} labels", base, labels.astype(dtype), None, np.empty(shape), 1e-12)
    check("bool labels of two classes", base[:, :2], labels > 0, None, np.empty(base[:, :2].shape), 1e-12)
    masks = np.moveaxis(np.eye(3)[labels], -1, 1)
    for dtype in "bool", *INTEGERS, "float32", "float64":
        check(f"{dtype} masks [B, C, ...], transposed", base, masks.astype(dtype), None, np.empty(shape), 1e-12)
    check("float32 voxel weights", base, labels, weight.astype("f4"), np.empty(shape), 1e-12)
    check("Fortran order", np.asfortranarray(base), labels, None, np.empty(shape), 1e-12)
    check("into Fortran order", base, labels, None, np.empty(shape, order="F"), 1e-12)
    wide = np.repeat(base, 2, axis=4)
    check("a slice with a step and an offset", wide[..., 1::2], labels, None, np.empty(wide.shape)[..., 1::2], 1e-12)
    check("negative strides", base[:, :, ::-1, :, ::-1], labels[:, ::-1], None, np.empty(shape), 1e-12)
    row = np.lib.stride_tricks.as_strided(weight, flat, (0, 0, 0, 8))
    check("broadcast weights, stride 0", base, labels, row, np.empty(shape), 1e-12)
    status, value, _ = run([base[:0], labels[:0], None, np.empty((0, *shape[1:]))], VERSIONS[-1])
    assert (status, value) == (OK, 0), "an empty batch"

    grad = np.empty(shape)
    far = labels.astype("u8")
    far[0, 0, 0, 1] += 2**64 - 256  # 255 and less if it were cut to a byte, negative if it were signed
    refused("a uint64 label past int64", [base, far, None, grad], LABEL, "target: expected a class")
    refused("complex logits", [base.astype("c8"), labels, None, grad], DTYPE, "pred: expected")
    refused("a gradient of another shape", [base, labels, None, grad[:, :2]], SHAPE, "grad: expected the shape")
    grad.flags.writeable = False
    if VERSIONS[-1]:  # without a version NumPy does not export what is read-only
        refused("a read-only gradient", [base, labels, None, grad], UNSUPPORTED, "writable memory", [True])

    print("PyTorch", torch.__version__)
    for dtype, tolerance in ("float64", 1e-12), ("float32", 1e-6), ("float16", 1e-6), ("bfloat16", 1e-6):
        check(f"{dtype} logits, gradient f64", cast(base, dtype), torch.tensor(labels), None, cast(base, "float64"),
              tolerance)
    check("bfloat16 logits, gradient bfloat16", cast(base, "bfloat16"), torch.tensor(labels), None, cast(base,
          "bfloat16"), 2**-8)
    for dtype in INTEGERS:
        check(f"{dtype} labels", cast(base, "float64"), cast(labels, dtype), None, cast(base, "float64"), 1e-12)
    check("bool labels of two classes", cast(base[:, :2], "float64"), torch.tensor(labels > 0), None, cast(base[:,
          :2], "float64"), 1e-12)
    last = cast(base, "float64").contiguous(memory_format=torch.channels_last_3d)
    check("channels_last_3d, masks of bool", last, cast(masks, "bool"), None, torch.empty_like(last), 1e-12)
    part = cast(wide, "float64")
    check("a slice with a step and an offset", part[..., 1::2], torch.tensor(labels), None, part.clone()[..., 1::2],
          1e-12)
    one = cast(weight[:1, :1, :1, :1], "float32").expand(flat)
    check("expanded weights, stride 0", cast(base, "float64"), torch.tensor(labels), one, cast(base, "float64"), 1e-12)
    grad = cast(base, "float64")
    refused("a uint64 label past int64", [grad, torch.tensor(far), None, grad.clone()], LABEL, "target: expected a class")
    refused("complex logits", [cast(base, "complex64"), torch.tensor(labels), None, grad], DTYPE, "pred: expected")
    refused("float8 logits", [cast(base, "float8_e5m2"), torch.tensor(labels), None, grad], DTYPE, "pred: expected")
    print(f"{checked['runs']} runs and {checked['refusals']} refusals held, capsules:",
          "dltensor, dltensor_versioned" if VERSIONS[-1] else "dltensor")


main()
