"""The operators of PyTorch: the value of a loss, and its gradient.

The forward pass keeps nothing but its inputs: the backward pass evaluates the loss again, with the gradient.
"""

from __future__ import annotations

import ast
import functools
import math
from collections.abc import Sequence
from typing import Any

import torch

from .. import _call
from .. import _constants as c
from .._arrays import View
from ..losses import INTEGERS, Term

_DTYPES = {
    torch.bool: c.BOOL,
    torch.uint8: c.U8,
    torch.uint16: c.U16,
    torch.uint32: c.U32,
    torch.uint64: c.U64,
    torch.int8: c.I8,
    torch.int16: c.I16,
    torch.int32: c.I32,
    torch.int64: c.I64,
    torch.float16: c.F16,
    torch.bfloat16: c.BF16,
    torch.float32: c.F32,
    torch.float64: c.F64,
}


def _view(tensor: torch.Tensor, name: str) -> View:
    if tensor.dtype not in _DTYPES:
        raise TypeError(f"{name} has dtype {tensor.dtype}; supported are {', '.join(map(str, _DTYPES))}")
    if tensor.device.type != "cpu":
        raise TypeError(
            f"{name} is on {tensor.device}; segloss_rs computes on the CPU. Pass device='cpu' to the loss to copy its "
            f"inputs there and the gradient back."
        )
    tensor = tensor.detach().resolve_neg()
    return View(tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), _DTYPES[tensor.dtype], tensor)


def _scratch(size: int) -> tuple[int, Any]:
    memory = torch.empty(size, dtype=torch.uint8)
    return memory.data_ptr(), memory


def encode(
    terms: Sequence[Term],
    activation: str,
    ignore: Sequence[int] = (),
    spacing: Sequence[float] | None = None,
    class_present: Sequence[Sequence[bool]] | None = None,
    threads: int | None = None,
) -> tuple[list[float], str]:
    """Returns the options of a loss as the operators take them: its numbers, which a compiler of PyTorch may treat as
    variables, and the rest as a Python literal, which it folds. Fields are passed beside it.
    """
    if activation not in _call.ACTIVATIONS:
        raise ValueError(f"activation={activation!r}: expected one of {', '.join(map(repr, _call.ACTIVATIONS))}")
    numbers, described = [], []
    for term in terms:
        class_weight = term.class_weight or ()
        variables = [(name, number) for name, number in term.options if name not in INTEGERS]
        constants = tuple((name, int(number)) for name, number in term.options if name in INTEGERS)
        numbers += [term.weight, *[number for _, number in variables], *class_weight]
        names = tuple([name for name, _ in variables])
        described.append((term.loss, names, constants, len(class_weight), term.field is not None))
    axes = 0 if spacing is None else len(spacing)
    numbers += [] if spacing is None else list(spacing)
    present = None if class_present is None else tuple([tuple(row) for row in class_present])
    return numbers, repr((tuple(described), activation, tuple(ignore), axes, present, threads))


@functools.lru_cache(256)
def _decode(spec: str) -> Any:
    return ast.literal_eval(spec)


def _call_of(
    pred: torch.Tensor,
    target: torch.Tensor,
    voxel_weight: torch.Tensor | None,
    fields: list[torch.Tensor],
    numbers: list[float],
    spec: str,
) -> tuple[Any, _call.Batch]:
    described, activation, ignore, axes, class_present, threads = _decode(spec)
    rest, views, terms = iter(numbers), [], []
    of_fields = iter(fields)
    for loss, names, constants, count, has_field in described:
        weight = next(rest)
        options = (*((name, next(rest)) for name in names), *constants)
        class_weight = tuple(next(rest) for _ in range(count)) or None
        terms.append(Term(loss, weight, options, class_weight))
        views.append(_view(next(of_fields), "field") if has_field else None)
    batch = _call.Batch(
        _view(pred, "pred"),
        _view(target, "target"),
        _call.ACTIVATIONS[activation],
        ignore,
        None if voxel_weight is None else _view(voxel_weight, "voxel_weight"),
        list(rest) if axes else None,
        class_present,
        torch.get_num_threads() if threads is None else threads,
    )
    return _call.c_terms(terms, views), batch


def _value_dtype(pred: torch.Tensor) -> torch.dtype:
    return torch.float64 if pred.dtype == torch.float64 else torch.float32


@torch.library.custom_op("segloss_rs::value", mutates_args=())
def value(
    pred: torch.Tensor,
    target: torch.Tensor,
    voxel_weight: torch.Tensor | None,
    fields: list[torch.Tensor],
    numbers: list[float],
    spec: str,
) -> torch.Tensor:
    """The value of a loss: float64 for a float64 `pred`, else float32."""
    terms, batch = _call_of(pred, target, voxel_weight, fields, numbers, spec)
    return torch.tensor(_call.run(terms, batch, _scratch), dtype=_value_dtype(pred))


@torch.library.custom_op("segloss_rs::gradient", mutates_args=())
def gradient(
    upstream: torch.Tensor,
    pred: torch.Tensor,
    target: torch.Tensor,
    voxel_weight: torch.Tensor | None,
    fields: list[torch.Tensor],
    numbers: list[float],
    spec: str,
) -> torch.Tensor:
    """The gradient of a loss with respect to `pred`, times `upstream`; rounded once, after the factor."""
    terms, batch = _call_of(pred, target, voxel_weight, fields, numbers, spec)
    out = torch.empty_like(pred)
    scale = float(upstream)
    factor = scale if math.isfinite(scale) else 1.0
    _call.run(terms, batch, _scratch, gradient=_view(out, "gradient"), scale=factor)
    return out if factor == scale else out * scale


@value.register_fake
def _(pred, target, voxel_weight, fields, numbers, spec):
    return torch.empty((), dtype=_value_dtype(pred), device=pred.device)


@gradient.register_fake
def _(upstream, pred, target, voxel_weight, fields, numbers, spec):
    return torch.empty_like(pred)


def _keep(ctx, inputs, output):
    pred, target, voxel_weight, fields, numbers, spec = inputs
    ctx.save_for_backward(pred, target, voxel_weight, *fields)
    ctx.numbers, ctx.spec = numbers, spec


def _backward(ctx, upstream):
    pred, target, voxel_weight, *fields = ctx.saved_tensors
    result = gradient(upstream, pred, target, voxel_weight, fields, ctx.numbers, ctx.spec)
    return result, None, None, [None] * len(fields), None, None


def _no_second_derivative(ctx, upstream):
    raise RuntimeError("segloss_rs has no second derivatives: its gradient cannot be differentiated")


value.register_autograd(_backward, setup_context=_keep)
gradient.register_autograd(_no_second_derivative, setup_context=lambda ctx, inputs, output: None)


def _at(dims: Any, arguments: Any, index: int) -> Any:
    """Returns the arguments of one element of a batch of calls."""
    if isinstance(arguments, (list, tuple)):
        dims = dims if isinstance(dims, (list, tuple)) else [dims] * len(arguments)
        return [_at(dim, argument, index) for dim, argument in zip(dims, arguments, strict=True)]
    return arguments.select(dims, index) if isinstance(dims, int) else arguments


def _one_by_one(operator):
    def run(info, in_dims, *arguments):
        results = [operator(*_at(in_dims, arguments, index)) for index in range(info.batch_size)]
        return torch.stack(results), 0

    return run


value.register_vmap(_one_by_one(value))
gradient.register_vmap(_one_by_one(gradient))


class _Gradient(torch.autograd.Function):
    """`gradient` for the transforms of `torch.func`."""

    generate_vmap_rule = True

    @staticmethod
    def forward(upstream, pred, target, voxel_weight, numbers, spec, *fields):
        return gradient(upstream, pred, target, voxel_weight, list(fields), numbers, spec)

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    backward = staticmethod(_no_second_derivative)


class _Loss(torch.autograd.Function):
    """`value` for the transforms of `torch.func`, which do not see the formula of an operator."""

    generate_vmap_rule = True

    @staticmethod
    def forward(pred, target, voxel_weight, numbers, spec, *fields):
        return value(pred, target, voxel_weight, list(fields), numbers, spec)

    @staticmethod
    def setup_context(ctx, inputs, output):
        pred, target, voxel_weight, numbers, spec, *fields = inputs
        ctx.save_for_backward(pred, target, voxel_weight, *fields)
        ctx.numbers, ctx.spec = numbers, spec

    @staticmethod
    def backward(ctx, upstream):
        pred, target, voxel_weight, *fields = ctx.saved_tensors
        result = _Gradient.apply(upstream, pred, target, voxel_weight, ctx.numbers, ctx.spec, *fields)
        return result, None, None, None, None, *[None] * len(fields)


def loss(
    terms: Term | Sequence[Term],
    pred: torch.Tensor,
    target: torch.Tensor,
    *,
    activation: str,
    ignore: Sequence[int] | int = (),
    voxel_weight: torch.Tensor | None = None,
    spacing: Sequence[float] | None = None,
    class_present: Sequence[Sequence[bool]] | None = None,
    threads: int | None = None,
    device: str | None = None,
) -> torch.Tensor:
    """Returns the value of a loss as a scalar that autograd differentiates with respect to `pred`.

    The arguments are those of `segloss_rs.value_and_grad`. `threads`: by default `torch.get_num_threads()`. `device`:
    with `"cpu"` tensors on other devices are copied to host memory, and the gradient back; without, they are an error.
    """
    terms = [terms] if isinstance(terms, Term) else list(terms)
    ignore = (ignore,) if isinstance(ignore, int) else tuple(ignore)
    fields = [torch.as_tensor(term.field) for term in terms if term.field is not None]
    if device is not None:
        pred, target = pred.to(device), target.to(device)
        voxel_weight = None if voxel_weight is None else voxel_weight.to(device)
        fields = [field.to(device) for field in fields]
    numbers, spec = encode(terms, activation, ignore, spacing, class_present, threads)
    if torch.compiler.is_compiling():
        return value(pred, target, voxel_weight, fields, numbers, spec)
    return _Loss.apply(pred, target, voxel_weight, numbers, spec, *fields)


__all__ = ["encode", "gradient", "loss", "value"]
