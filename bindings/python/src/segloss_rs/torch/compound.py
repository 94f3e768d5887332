"""Losses that other libraries have under no common constructor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from .. import losses
from ._modules import Loss, numbers
from ._ops import loss


class TopKLoss(Loss):
    """The mean cross entropy of the share `k` of the voxels with the highest loss. nnU-Net gives `k` in percent.

    `forward(input, target)`: logits `[B, C, ...]` and labels `[B, ...]` or `[B, 1, ...]`.
    """

    def __init__(
        self,
        weight: torch.Tensor | Sequence[float] | None = None,
        ignore_index: int = -100,
        k: float = 0.1,
        **options: Any,
    ) -> None:
        term = losses.top_k(k=k, class_weight=numbers(weight))
        super().__init__(term, activation="softmax", ignore=ignore_index, **options)


class BoundaryLoss(torch.nn.Module):
    """The boundary loss of Kervadec et al.: the mean of probability times signed distance to the boundary.

    Args:
        include_background: whether class 0 counts.
        softmax: probabilities by softmax; otherwise by sigmoid.
        spacing: the distance between neighbouring voxels of each axis; by default 1.
        rim_zero: inside, the distance is 0 at the inner rim, as in Kervadec's code.

    `forward(input, target, distances=None)`: logits `[B, C, ...]`, labels `[B, ...]` or `[B, 1, ...]` or masks
    `[B, C, ...]`, and the signed distances `[B, C, ...]` of `segloss_rs.boundary_field`. Without `distances` they are
    computed in the forward and in the backward pass.
    """

    def __init__(
        self,
        include_background: bool = False,
        softmax: bool = True,
        spacing: Sequence[float] | None = None,
        rim_zero: bool = False,
        ignore_index: int | None = None,
        threads: int | None = None,
        device: str | None = None,
    ) -> None:
        super().__init__()
        self.include_background, self.rim_zero = include_background, rim_zero
        self.options = {
            "activation": "softmax" if softmax else "sigmoid",
            "spacing": spacing,
            "ignore": () if ignore_index is None else (ignore_index,),
            "threads": threads,
            "device": device,
        }

    def forward(self, input: torch.Tensor, target: torch.Tensor, distances: torch.Tensor | None = None) -> torch.Tensor:
        """Returns the value of the loss."""
        weight = (1.0,) * input.shape[1] if self.include_background else None
        term = losses.boundary(rim_zero=self.rim_zero, class_weight=weight, field=distances)
        return loss(term, input, target, **self.options)


__all__ = ["BoundaryLoss", "TopKLoss"]
