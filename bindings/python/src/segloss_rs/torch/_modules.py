"""The base of the modules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from .. import losses
from ..losses import Term
from ._ops import loss


class Loss(torch.nn.Module):
    """A weighted sum of terms as a module.

        loss = Loss([dice(exclude_background=True), 0.5 * cross_entropy()], activation="softmax", ignore=255)
        loss(logits, labels).backward()

    `forward(input, target, voxel_weight=None)` takes logits or probabilities `[B, C, ...]` and a target as
    `segloss_rs.value_and_grad` does, and returns a scalar. The options are those of `segloss_rs.torch.loss`.
    """

    def __init__(
        self,
        terms: Term | Sequence[Term],
        *,
        activation: str,
        ignore: Sequence[int] | int = (),
        spacing: Sequence[float] | None = None,
        threads: int | None = None,
        device: str | None = None,
    ) -> None:
        super().__init__()
        self.terms = [terms] if isinstance(terms, Term) else list(terms)
        self.options = {
            "activation": activation,
            "ignore": (ignore,) if isinstance(ignore, int) else tuple(ignore),
            "spacing": spacing,
            "threads": threads,
            "device": device,
        }

    def extra_repr(self) -> str:
        """The terms, for `print`."""
        terms = " + ".join(f"{term.weight:g} {term.loss}" for term in self.terms)
        return f"{terms}, activation={self.options['activation']!r}"

    def forward(
        self, input: torch.Tensor, target: torch.Tensor, voxel_weight: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Returns the value of the loss."""
        return loss(self.terms, input, target, voxel_weight=voxel_weight, **self.options)


class CrossEntropyLoss(torch.nn.Module):
    """`torch.nn.CrossEntropyLoss` for segmentation: the same arguments, value and gradient.

    `input` is `[B, C, ...]` with one spatial axis or more, `target` labels `[B, ...]` or maps `[B, C, ...]` in [0, 1].
    If every voxel is ignored the value is 0, where PyTorch's is NaN. `reduction="none"` is not offered.
    """

    def __init__(
        self,
        weight: torch.Tensor | Sequence[float] | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
        *,
        threads: int | None = None,
        device: str | None = None,
    ) -> None:
        super().__init__()
        check_reduction(reduction)
        self.weight, self.ignore_index, self.reduction = numbers(weight), ignore_index, reduction
        self.label_smoothing = label_smoothing
        self.options = {"threads": threads, "device": device}

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Returns the value of the loss."""
        is_labels = not target.is_floating_point()
        is_sum = self.reduction == "sum"
        normalizer = "class_weight" if is_labels and self.weight is not None and not is_sum else "voxels"
        term = losses.cross_entropy(
            label_smoothing=self.label_smoothing, normalizer=normalizer, class_weight=self.weight
        )
        if is_sum:
            counted = target != self.ignore_index if is_labels else None
            term = term * (target[:, 0].numel() if counted is None else counted.sum().item())
        ignore = (self.ignore_index,) if is_labels else ()
        return loss(term, input, target, activation="softmax", ignore=ignore, **self.options)


def numbers(weight: Any) -> tuple[float, ...] | None:
    """Returns class weights as numbers."""
    if weight is None:
        return None
    return tuple(float(x) for x in torch.as_tensor(weight, dtype=torch.float64).flatten())


def check_reduction(reduction: str) -> None:
    """Raises an error for a reduction other than "mean" and "sum"."""
    if reduction not in ("mean", "sum"):
        raise ValueError(f"reduction={reduction!r}: expected 'mean' or 'sum'")
