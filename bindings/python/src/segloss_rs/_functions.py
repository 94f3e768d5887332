"""Functions on arrays of NumPy, and of every library with `__dlpack__`."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from . import _abi, _call
from . import _constants as c
from ._arrays import FLOATS, View, view
from ._errors import check
from .losses import Term, boundary

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

Activation = Literal["softmax", "sigmoid", "probability", "probability_per_class"]


def _scratch(size: int) -> tuple[int, Any]:
    memory = np.empty(size, np.uint8)
    return memory.ctypes.data, memory


def _batch(
    terms: Term | Sequence[Term],
    pred: Any,
    target: Any,
    activation: str,
    ignore: Sequence[int] | int,
    voxel_weight: Any,
    spacing: Sequence[float] | None,
    class_present: Any,
    threads: int,
) -> tuple[Any, _call.Batch]:
    terms = [terms] if isinstance(terms, Term) else list(terms)
    if activation not in _call.ACTIVATIONS:
        raise ValueError(f"activation={activation!r}: expected one of {', '.join(map(repr, _call.ACTIVATIONS))}")
    fields = [None if term.field is None else view(term.field, "field") for term in terms]
    batch = _call.Batch(
        view(pred, "pred"),
        view(target, "target"),
        _call.ACTIVATIONS[activation],
        (ignore,) if isinstance(ignore, int) else tuple(ignore),
        None if voxel_weight is None else view(voxel_weight, "voxel_weight"),
        spacing,
        class_present,
        threads,
    )
    return _call.c_terms(terms, fields), batch


def value(
    terms: Term | Sequence[Term],
    pred: Any,
    target: Any,
    *,
    activation: Activation,
    ignore: Sequence[int] | int = (),
    voxel_weight: Any = None,
    spacing: Sequence[float] | None = None,
    class_present: Any = None,
    threads: int = 1,
) -> float:
    """Returns the value of a loss. The arguments are those of `value_and_grad`."""
    c_terms, batch = _batch(terms, pred, target, activation, ignore, voxel_weight, spacing, class_present, threads)
    return _call.run(c_terms, batch, _scratch)


def value_and_grad(
    terms: Term | Sequence[Term],
    pred: Any,
    target: Any,
    *,
    activation: Activation,
    ignore: Sequence[int] | int = (),
    voxel_weight: Any = None,
    spacing: Sequence[float] | None = None,
    class_present: Any = None,
    scale: float = 1.0,
    threads: int = 1,
    out: np.ndarray | None = None,
) -> tuple[float, np.ndarray]:
    """Returns the value of a loss and its gradient with respect to `pred`.

    Args:
        terms: one to four terms, such as `[dice(), 0.5 * cross_entropy()]`; the loss is their weighted sum.
        pred: logits or probabilities `[B, C, ...]`, f16, bf16, f32 or f64, with one spatial axis or more.
        target: integer labels `[B, ...]` or `[B, 1, ...]` in `[0, C)`; or integer 0/1 masks, or floating maps in
            `[0, 1]`, both `[B, C, ...]`.
        activation: what `pred` holds: `"softmax"`, logits of mutually exclusive classes; `"sigmoid"`, logits of
            independent classes; `"probability"` and `"probability_per_class"`, their probabilities.
        ignore: labels whose voxels are not counted.
        voxel_weight: weights `[B, ...]`, >= 0.
        spacing: the distance between neighbouring voxels of each spatial axis; by default 1.
        class_present: flags `[B, C]`: 0 if the class is not annotated in the sample.
        scale: factor of the gradient, applied before it is rounded to its dtype.
        threads: how many threads compute. The result has the same bits with any number.
        out: receives the gradient; floating, in the shape of `pred`. By default a new array in the dtype of `pred`, for
            bf16 of f32.

    Returns:
        The value, and the gradient as an array of NumPy.

    Raises:
        SeglossError: an argument is not valid; the message has its numbers, and nothing is written.
        TypeError: an array is not in host memory, or of a dtype that is not supported.
    """
    c_terms, batch = _batch(terms, pred, target, activation, ignore, voxel_weight, spacing, class_present, threads)
    if out is None:
        out = np.empty(batch.pred.shape, _numpy_dtype(batch.pred))
    gradient = _output(out, batch.pred.shape)
    return _call.run(c_terms, batch, _scratch, gradient=gradient, scale=scale), out


def _numpy_dtype(pred: View) -> DTypeLike:
    return {c.F16: np.float16, c.F64: np.float64}.get(pred.dtype, np.float32)


def _output(out: np.ndarray, shape: tuple[int, ...]) -> View:
    if not isinstance(out, np.ndarray) or not out.flags.writeable:
        raise TypeError("out is not a writable array of NumPy")
    gradient = view(out, "out")
    if gradient.owner is not out or gradient.dtype not in FLOATS or gradient.shape != shape:
        raise TypeError(f"out is {out.dtype} {out.shape}; expected a floating dtype and {shape}")
    return gradient


def class_weights(
    target: Any,
    classes: int,
    *,
    kind: Literal["inverse", "inverse_sqrt", "median"] = "inverse",
    masks: bool = False,
    ignore: Sequence[int] | int = (),
    voxel_weight: Any = None,
) -> list[float]:
    """Returns one weight per class from its share f of the counted target voxels: 1/f, sqrt(1/f) or median(f)/f.

    `target` is `[B, ...]` labels, with `masks` integer 0/1 masks `[B, C, ...]`, or floating maps `[B, C, ...]`. A class
    without voxels takes the largest weight of the others.
    """
    kinds = {
        "inverse": c.WEIGHT_INVERSE,
        "inverse_sqrt": c.WEIGHT_INVERSE_SQRT,
        "median": c.WEIGHT_MEDIAN,
    }
    batch, _ = _of_target(target, classes, masks, np.float32, ignore=ignore, voxel_weight=voxel_weight)
    return _call.class_weights(batch, kinds[kind], _scratch)


def _of_target(
    target: Any, classes: int, masks: bool, dtype: DTypeLike, *, ignore: Sequence[int] | int, **options: Any
) -> tuple[_call.Batch, tuple[int, ...]]:
    """Returns a batch of which only the target is read, and the shape that its prediction has."""
    targets = view(target, "target")
    has_classes = masks or targets.dtype in FLOATS
    shape = targets.shape if has_classes else (targets.shape[0], classes, *targets.shape[1:])
    placeholder = np.broadcast_to(np.zeros((), dtype), shape)
    activation = c.SOFTMAX if classes > 1 else c.SIGMOID
    if "voxel_weight" in options and options["voxel_weight"] is not None:
        options["voxel_weight"] = view(options["voxel_weight"], "voxel_weight")
    ignore = (ignore,) if isinstance(ignore, int) else tuple(ignore)
    return _call.Batch(view(placeholder, "pred"), targets, activation, ignore, **options), shape


def edt(
    mask: Any,
    spacing: Sequence[float] | None = None,
    *,
    kind: Literal["inside", "outside", "signed", "other_side"] = "inside",
    classes: int = 0,
    squared: bool = False,
    black_border: bool = False,
    threads: int = 1,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Returns the exact Euclidean distances of a mask `[...]`, in the unit of `spacing`; float32 by default.

    Args:
        mask: integers or booleans; nonzero is inside. With `classes`, a label map.
        spacing: the distance between neighbouring voxels of each axis; by default 1.
        kind: `"inside"`, the distance of inside voxels to the nearest outside voxel, outside 0, as SciPy's
            `distance_transform_edt`; `"outside"`, the reverse; `"signed"`, positive outside and negative inside;
            `"other_side"`, the distance to the other side of the boundary, for every voxel.
        classes: n > 0: the result is `[n, ...]`, one map for each label below n.
        squared: squared distances; a signed square keeps its sign.
        black_border: voxels beyond the image count as outside.
        threads: how many threads compute.
        out: receives the distances; contiguous float32 or float64.

    A mask without a boundary has distance 0 everywhere.
    """
    kinds = {"inside": c.INSIDE, "outside": c.OUTSIDE, "signed": c.SIGNED, "other_side": c.OTHER_SIDE}
    if kind not in kinds:
        raise ValueError(f"kind={kind!r}: expected one of {', '.join(map(repr, kinds))}")
    source = view(mask, "mask")
    shape = (classes, *source.shape) if classes else source.shape
    if out is None:
        out = np.empty(shape, np.float32)
    to = _output(out, shape)
    if not out.flags.c_contiguous:
        raise TypeError("out is not contiguous")
    error = _abi.Error()
    args = _abi.DistanceArgs()
    check(_abi.library.segloss_distance_args_init(args, ctypes.sizeof(args)))
    args.error = ctypes.pointer(error)
    args.kind, args.classes, args.mask = kinds[kind], classes, source.tensor()
    args.flags = (c.DISTANCE_SQUARED if squared else 0) | (c.DISTANCE_BLACK_BORDER if black_border else 0)
    if spacing is not None:
        if len(spacing) != len(source.shape):
            raise ValueError(f"spacing has {len(spacing)} numbers; mask has {len(source.shape)} axes")
        args.spacing = (ctypes.c_double * len(spacing))(*spacing)
    if threads > 1:
        args.executor = ctypes.pointer(_abi.executor(threads))
    args.out = _abi.Output(to.address, None, to.dtype, 0)
    size = ctypes.c_size_t()
    check(_abi.library.segloss_distance_scratch_size(args, size), error)
    args.scratch, memory = _scratch(size.value)
    args.scratch_size = memory.size
    check(_abi.library.segloss_distance(args), error)
    return out


def distance_field(
    term: Term,
    target: Any,
    classes: int,
    spacing: Sequence[float] | None = None,
    *,
    masks: bool = False,
    ignore: Sequence[int] | int = (),
    threads: int = 1,
    dtype: DTypeLike = np.float32,
) -> np.ndarray:
    """Returns the distances that a term computes from a target, to be passed as its `field`.

    For `boundary` and `hausdorff` `[B, C, ...]`, for `distance_penalized` `[B, ...]`. The target is as in
    `class_weights`. Compute it where the target is loaded, and once for a target that is used in many steps.
    """
    batch, shape = _of_target(target, classes, masks, dtype, ignore=ignore, spacing=spacing, threads=threads)
    out = np.empty((shape[0], *shape[2:]) if term.loss == "distance_penalized" else shape, dtype)
    _call.field(_call.c_terms([term], [None]), batch, _scratch, view(out, "out"))
    return out


def boundary_field(
    labels: Any,
    classes: int,
    spacing: Sequence[float] | None = None,
    *,
    rim_zero: bool = False,
    ignore: Sequence[int] | int = (),
    threads: int = 1,
    dtype: DTypeLike = np.float32,
) -> np.ndarray:
    """Returns the signed distances `[B, C, ...]` of the boundary loss for labels `[B, ...]`; negative inside."""
    return distance_field(
        boundary(rim_zero=rim_zero), labels, classes, spacing, ignore=ignore, threads=threads, dtype=dtype
    )
