"""Losses for JAX: a callback to the C library, with its gradient.

    loss = segloss_rs.jax.loss([dice(), cross_entropy()], activation="softmax")
    value, gradient = jax.value_and_grad(loss)(logits, labels)

It works under `jax.jit`, `jax.grad` and `jax.vmap` (element by element) on the CPU; on another device JAX copies the
arrays to the host and back. The forward pass keeps nothing but its inputs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ._functions import value, value_and_grad
from .losses import Term


def loss(
    terms: Term | Sequence[Term],
    *,
    activation: str,
    ignore: Sequence[int] | int = (),
    spacing: Sequence[float] | None = None,
    threads: int = 1,
) -> Callable[..., jax.Array]:
    """Returns a function `(pred, target, voxel_weight=None)` of arrays that has the value of the loss, a scalar.

    The options are those of `segloss_rs.value_and_grad`. It is differentiable with respect to `pred`.
    """
    options = {"activation": activation, "ignore": ignore, "spacing": spacing, "threads": threads}

    def host(function: Callable, *arrays: Any) -> Any:
        pred, target, *weight = [np.asarray(array) for array in arrays]
        return function(terms, pred, target, voxel_weight=weight[0] if weight else None, **options)

    def host_value(*arrays: Any) -> np.ndarray:
        return np.asarray(host(value, *arrays), _value_dtype(arrays[0].dtype))

    def host_gradient(scale: Any, pred: Any, *rest: Any) -> np.ndarray:
        out = np.empty(pred.shape, np.asarray(pred).dtype)
        host(functools.partial(value_and_grad, out=out, scale=float(scale)), pred, *rest)
        return out

    @jax.custom_vjp
    def call(pred: jax.Array, *rest: jax.Array) -> jax.Array:
        result = jax.ShapeDtypeStruct((), _value_dtype(pred.dtype))
        return jax.pure_callback(host_value, result, pred, *rest, vmap_method="sequential")

    def forward(pred: jax.Array, *rest: jax.Array) -> tuple[jax.Array, tuple[jax.Array, ...]]:
        return call(pred, *rest), (pred, *rest)

    def backward(kept: tuple[jax.Array, ...], upstream: jax.Array) -> tuple[Any, ...]:
        pred, *rest = kept
        result = jax.ShapeDtypeStruct(pred.shape, pred.dtype)
        gradient = jax.pure_callback(host_gradient, result, upstream, pred, *rest, vmap_method="sequential")
        return gradient, *[_no_gradient(array) for array in rest]

    call.defvjp(forward, backward)

    def function(pred: jax.Array, target: jax.Array, voxel_weight: jax.Array | None = None) -> jax.Array:
        arrays = [pred, target] if voxel_weight is None else [pred, target, voxel_weight]
        return call(*map(jnp.asarray, arrays))

    return function


def _value_dtype(dtype: Any) -> Any:
    return np.float64 if dtype == np.float64 else np.float32


def _no_gradient(array: jax.Array) -> Any:
    if jnp.issubdtype(array.dtype, jnp.floating):
        return jnp.zeros_like(array)
    return np.zeros(array.shape, jax.dtypes.float0)


__all__ = ["loss"]
