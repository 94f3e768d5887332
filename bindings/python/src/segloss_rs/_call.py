"""Calls of the C library: terms and arrays in, value and gradient out."""

import ctypes
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from . import _abi
from . import _constants as c
from ._arrays import View
from ._errors import check
from .losses import Term, cross_entropy

ACTIVATIONS = {
    "softmax": c.SOFTMAX,
    "sigmoid": c.SIGMOID,
    "probability": c.PROBABILITY,
    "probability_per_class": c.PROBABILITY_PER_CLASS,
}


def default_threads() -> int:
    """Returns the number of CPUs that the process may use."""
    return len(os.sched_getaffinity(0))


def _doubles(numbers: Sequence[float]) -> Any:
    return (ctypes.c_double * len(numbers))(*numbers)


def c_terms(terms: Sequence[Term], fields: Sequence[View | None]) -> Any:
    """Returns an array of `segloss_term`. It keeps what it points to."""
    array = (_abi.Term * len(terms))()
    array.kept = []
    for to, term, field in zip(array, terms, fields, strict=True):
        check(_abi.library.segloss_term_init(_abi.loss(term.loss), to, ctypes.sizeof(to)))
        to.weight = term.weight
        for name, number in term.options:
            setattr(to, name, number if isinstance(getattr(to, name), float) else int(number))
        if term.class_weight is not None:
            weights = _doubles(term.class_weight)
            array.kept.append(weights)
            to.class_weight = weights
        if field is not None:
            array.kept.append(field)
            to.field = field.tensor()
    return array


@dataclass
class Batch:
    """The inputs of a call."""

    pred: View
    target: View
    activation: int
    ignore: Sequence[int] = ()
    voxel_weight: View | None = None
    spacing: Sequence[float] | None = None
    class_present: Any = None
    threads: int = 1

    def args(self, error: _abi.Error, scale: float = 1.0) -> Any:
        args = _abi.Args()
        check(_abi.library.segloss_args_init(args, ctypes.sizeof(args)))
        args.activation = self.activation
        args.grad_scale = scale
        args.pred, args.target = self.pred.tensor(), self.target.tensor()
        args.error = ctypes.pointer(error)
        args.kept = [self]
        if self.voxel_weight is not None:
            args.voxel_weight = self.voxel_weight.tensor()
        if self.ignore:
            ignore = (ctypes.c_int64 * len(self.ignore))(*self.ignore)
            args.ignore, args.ignore_len = ignore, len(self.ignore)
        if self.spacing is not None:
            if len(self.spacing) != len(self.pred.shape) - 2:
                raise ValueError(f"spacing has {len(self.spacing)} numbers; pred has {len(self.pred.shape) - 2} axes")
            args.spacing = _doubles(self.spacing)
        if self.class_present is not None:
            flags = [bool(flag) for row in self.class_present for flag in row]
            if len(flags) != self.pred.shape[0] * self.pred.shape[1]:
                raise ValueError(f"class_present has {len(flags)} flags; expected [B, C] = {self.pred.shape[:2]}")
            args.class_present = (ctypes.c_uint8 * len(flags))(*flags)
        if self.threads > 1:
            args.executor = ctypes.pointer(_abi.executor(self.threads))
        return args


Scratch = Callable[[int], tuple[int, Any]]


def _with_scratch(terms: Any, args: Any, error: _abi.Error, scratch: Scratch) -> None:
    size = ctypes.c_size_t()
    check(_abi.library.segloss_scratch_size(terms, len(terms), args, size), error)
    args.scratch, owner = scratch(size.value)
    args.scratch_size = size.value
    args.kept.append(owner)


def run(
    terms: Any,
    batch: Batch,
    scratch: Scratch,
    *,
    gradient: View | None = None,
    scale: float = 1.0,
) -> float:
    """Evaluates a loss. Writes the gradient, times `scale`, if there is a place for it."""
    error, value = _abi.Error(), ctypes.c_double()
    args = batch.args(error, scale)
    args.value = ctypes.pointer(value)
    if gradient is not None:
        args.grad = _output(gradient)
    _with_scratch(terms, args, error, scratch)
    check(_abi.library.segloss_run(terms, len(terms), args), error)
    return value.value


def field(term: Any, batch: Batch, scratch: Scratch, out: View) -> None:
    """Writes the distance weights of a term."""
    error = _abi.Error()
    args = batch.args(error)
    _with_scratch(term, args, error, scratch)
    check(_abi.library.segloss_distance_field(term, args, _output(out)), error)


def class_weights(batch: Batch, kind: int, scratch: Scratch) -> list[float]:
    """Returns a weight of each class from its share in the target."""
    error = _abi.Error()
    args = batch.args(error)
    _with_scratch(c_terms([cross_entropy()], [None]), args, error, scratch)
    weights = (ctypes.c_double * batch.pred.shape[1])()
    check(_abi.library.segloss_class_weights(args, kind, weights), error)
    return list(weights)


def _output(view: View) -> _abi.Output:
    strides = (ctypes.c_int64 * len(view.strides))(*view.strides)
    return _abi.Output(view.address, strides, view.dtype, 0)
