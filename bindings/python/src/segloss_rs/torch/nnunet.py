"""The compound losses of nnU-Net 2.8, with its constructors: the same value and gradient.

`forward(net_output, target)` as nnU-Net's trainer calls them: labels `[B, 1, ...]`, for `DC_and_BCE_loss` one mask per
region, with `use_ignore_label` and one more mask of what is unknown. Beside nnU-Net's arguments: `threads`, and
`device="cpu"`, with which tensors on other devices are copied. `DC_and_CE_and_boundary_loss` is not of nnU-Net.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from .. import boundary_field, losses
from ..losses import Term
from ._modules import numbers
from ._ops import loss


class SoftDiceLoss:
    """A name for `dice_class`, so that a call of nnU-Net can be copied: both classes compute the same."""


class MemoryEfficientSoftDiceLoss(SoftDiceLoss):
    """As `SoftDiceLoss`: segloss never holds an array of one-hot labels."""


def _dice(options: dict[str, Any], classes: int, weight: float) -> Term:
    """nnU-Net's Dice is minus the Dice coefficient."""
    given = {"batch_dice": False, "do_bg": True, "smooth": 1.0, **options}
    smooth = given["smooth"]
    return weight * losses.dice(
        smooth_numerator=smooth,
        smooth_denominator=smooth,
        minus_one=True,
        exclude_background=not given["do_bg"] and classes > 1,
        sample_average="pooled" if given["batch_dice"] else "mean",
    )


class _Compound(torch.nn.Module):
    def __init__(
        self,
        dice: dict[str, Any],
        rest: dict[str, Any],
        weight_rest: float,
        weight_dice: float,
        dice_class: type,
        threads: int | None,
        device: str | None,
    ) -> None:
        super().__init__()
        # nnU-Net's own classes have the same names.
        if dice_class.__name__ not in ("SoftDiceLoss", "MemoryEfficientSoftDiceLoss"):
            raise ValueError(f"dice_class={dice_class.__name__}: expected one of the Dice losses of nnU-Net")
        unknown = set(dice) - {"batch_dice", "do_bg", "smooth", "ddp"}
        if unknown or dice.get("ddp"):
            raise ValueError(f"not offered in soft_dice_kwargs: {', '.join(sorted(unknown)) or 'ddp=True'}")
        self.dice, self.rest, self.weight_rest, self.weight_dice = dice, rest, weight_rest, weight_dice
        self.options = {"threads": threads, "device": device}

    def _take(self, **defaults: Any) -> dict[str, Any]:
        unknown = set(self.rest) - set(defaults)
        if unknown:
            raise ValueError(f"not offered: {', '.join(sorted(unknown))}")
        return {**defaults, **self.rest}


class DC_and_CE_loss(_Compound):
    """Dice and cross entropy."""

    def __init__(
        self,
        soft_dice_kwargs: dict[str, Any],
        ce_kwargs: dict[str, Any],
        weight_ce: float = 1,
        weight_dice: float = 1,
        ignore_label: int | None = None,
        dice_class: type = SoftDiceLoss,
        *,
        threads: int | None = None,
        device: str | None = None,
    ) -> None:
        super().__init__(soft_dice_kwargs, ce_kwargs, weight_ce, weight_dice, dice_class, threads, device)
        self.ignore = () if ignore_label is None else (ignore_label,)

    def _second(self, net_output: torch.Tensor, target: torch.Tensor) -> Term:
        options = self._take(weight=None, label_smoothing=0.0)
        weight = numbers(options["weight"])
        return losses.cross_entropy(
            label_smoothing=options["label_smoothing"],
            normalizer="voxels" if weight is None else "class_weight",
            class_weight=weight,
        )

    def _terms(self, net_output: torch.Tensor, target: torch.Tensor) -> list[Term]:
        second = self._second(net_output, target)
        return [_dice(self.dice, net_output.shape[1], self.weight_dice), self.weight_rest * second]

    def forward(self, net_output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Returns the value of the loss."""
        terms = self._terms(net_output, target)
        return loss(terms, net_output, target, activation="softmax", ignore=self.ignore, **self.options)


class DC_and_CE_and_boundary_loss(DC_and_CE_loss):
    """Dice, cross entropy and the boundary loss, whose distances are computed from the labels of each batch.

    `spacing`: the distance between neighbouring voxels of each axis; by default 1. The distances have its unit.
    """

    def __init__(
        self,
        soft_dice_kwargs: dict[str, Any],
        ce_kwargs: dict[str, Any],
        weight_ce: float = 1,
        weight_dice: float = 1,
        weight_boundary: float = 0.01,
        spacing: Sequence[float] | None = None,
        ignore_label: int | None = None,
        dice_class: type = SoftDiceLoss,
        *,
        threads: int | None = None,
        device: str | None = None,
    ) -> None:
        super().__init__(
            soft_dice_kwargs,
            ce_kwargs,
            weight_ce,
            weight_dice,
            ignore_label,
            dice_class,
            threads=threads,
            device=device,
        )
        self.weight_boundary, self.spacing = weight_boundary, spacing

    def _terms(self, net_output: torch.Tensor, target: torch.Tensor) -> list[Term]:
        # Computed once, for the forward and the backward pass.
        distances = boundary_field(
            target[:, 0].cpu(),
            net_output.shape[1],
            self.spacing,
            ignore=self.ignore,
            threads=self.options["threads"] or torch.get_num_threads(),
        )
        boundary = losses.boundary(field=torch.from_numpy(distances))
        return [*super()._terms(net_output, target), self.weight_boundary * boundary]


class DC_and_topk_loss(DC_and_CE_loss):
    """Dice and TopK. Ignored voxels are no candidates; nnU-Net counts them."""

    def __init__(
        self,
        soft_dice_kwargs: dict[str, Any],
        ce_kwargs: dict[str, Any],
        weight_ce: float = 1,
        weight_dice: float = 1,
        ignore_label: int | None = None,
        *,
        threads: int | None = None,
        device: str | None = None,
    ) -> None:
        super().__init__(
            soft_dice_kwargs, ce_kwargs, weight_ce, weight_dice, ignore_label, threads=threads, device=device
        )

    def _second(self, net_output: torch.Tensor, target: torch.Tensor) -> Term:
        options = self._take(weight=None, k=10.0)
        share = options["k"] / 100
        if self.ignore:
            counted = int((target != self.ignore[0]).sum())
            share = min(1.0, share * target.numel() / max(1, counted))
        return losses.top_k(k=share, class_weight=numbers(options["weight"]))


class DC_and_BCE_loss(_Compound):
    """Dice and binary cross entropy of regions."""

    def __init__(
        self,
        bce_kwargs: dict[str, Any],
        soft_dice_kwargs: dict[str, Any],
        weight_ce: float = 1,
        weight_dice: float = 1,
        use_ignore_label: bool = False,
        dice_class: type = MemoryEfficientSoftDiceLoss,
        *,
        threads: int | None = None,
        device: str | None = None,
    ) -> None:
        super().__init__(soft_dice_kwargs, bce_kwargs, weight_ce, weight_dice, dice_class, threads, device)
        self.use_ignore_label = use_ignore_label

    def forward(self, net_output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Returns the value of the loss."""
        self._take()
        classes = net_output.shape[1]
        weight, factor = None, self.weight_rest
        if self.use_ignore_label:
            weight = (target[:, -1] == 0).to(torch.uint8)
            target = target[:, :-1]
            # nnU-Net then divides by the voxels, not by the regions.
            factor = factor * classes
        terms = [_dice(self.dice, classes, self.weight_dice), factor * losses.cross_entropy()]
        return loss(terms, net_output, target, activation="sigmoid", voxel_weight=weight, **self.options)


__all__ = [
    "DC_and_BCE_loss",
    "DC_and_CE_and_boundary_loss",
    "DC_and_CE_loss",
    "DC_and_topk_loss",
    "MemoryEfficientSoftDiceLoss",
    "SoftDiceLoss",
]
