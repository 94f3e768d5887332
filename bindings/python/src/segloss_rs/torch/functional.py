"""Functions with the arguments of `torch.nn.functional`."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from .. import losses
from ._modules import CrossEntropyLoss, check_reduction
from ._ops import loss


def cross_entropy(
    input: torch.Tensor,
    target: torch.Tensor,
    weight: torch.Tensor | Sequence[float] | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> torch.Tensor:
    """`torch.nn.functional.cross_entropy` for `[B, C, ...]`: see `CrossEntropyLoss`."""
    return CrossEntropyLoss(weight, ignore_index, reduction, label_smoothing)(input, target)


def binary_cross_entropy_with_logits(
    input: torch.Tensor,
    target: torch.Tensor,
    *,
    reduction: str = "mean",
    pos_weight: torch.Tensor | float | None = None,
) -> torch.Tensor:
    """`torch.nn.functional.binary_cross_entropy_with_logits` for `[B, C, ...]` and masks or maps in `[0, 1]`.

    `pos_weight` is one number for all classes.
    """
    check_reduction(reduction)
    if pos_weight is None:
        term = losses.cross_entropy()
    else:
        positive = float(torch.as_tensor(pos_weight))
        term = losses.balanced_cross_entropy(beta=positive / (1 + positive)) * ((1 + positive) / input.shape[1])
    if reduction == "sum":
        term = term * input.numel()
    return loss(term, input, target, activation="sigmoid")


__all__ = ["binary_cross_entropy_with_logits", "cross_entropy"]
