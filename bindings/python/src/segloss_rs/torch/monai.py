"""Losses with the constructors of MONAI 1.6: the same value and gradient.

`forward(input, target)` takes `[B, C, ...]` logits or probabilities; the target is `[B, 1, ...]` labels with
`to_onehot_y=True`, else masks or maps `[B, C, ...]`. Every class also takes `ignore_index`, a label whose voxels are
not counted; `threads`; and `device="cpu"`, with which tensors on other devices are copied. `other_act`, `soft_label`
and `reduction="none"` are not offered, and an error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from .. import losses
from ..losses import Term
from ._modules import check_reduction, numbers
from ._ops import loss

Weight = torch.Tensor | Sequence[float] | float | None


class _Monai(torch.nn.Module):
    """What the losses have in common."""

    def __init__(
        self,
        include_background: bool,
        to_onehot_y: bool,
        sigmoid: bool,
        softmax: bool,
        other_act: Callable | None,
        reduction: str,
        batch: bool,
        weight: Weight = None,
        soft_label: bool = False,
        ignore_index: int | None = None,
        threads: int | None = None,
        device: str | None = None,
    ) -> None:
        super().__init__()
        if sigmoid and softmax:
            raise ValueError("sigmoid=True and softmax=True exclude each other")
        if other_act is not None or soft_label:
            raise ValueError("other_act and soft_label are not offered")
        check_reduction(reduction)
        self.include_background, self.to_onehot_y = include_background, to_onehot_y
        self.activation = "softmax" if softmax else "sigmoid" if sigmoid else "probability_per_class"
        self.reduction, self.batch = reduction, batch
        self.weight = None if weight is None else numbers(weight)
        self.options = {
            "ignore": () if ignore_index is None else (ignore_index,),
            "threads": threads,
            "device": device,
        }
        if ignore_index is not None and not to_onehot_y:
            raise ValueError("ignore_index needs labels: to_onehot_y=True")

    def common(self, classes: int) -> dict[str, Any]:
        """Class weights and averages of a region loss."""
        excludes = not self.include_background and classes > 1
        weight = self.class_weight(classes)
        return {
            "class_weight": weight,
            "exclude_background": excludes and weight is None,
            "sample_average": "pooled" if self.batch else "mean",
        }

    def class_weight(self, classes: int) -> tuple[float, ...] | None:
        """One weight per class; 0 for the background if it is excluded."""
        if self.weight is None:
            return None
        excludes = not self.include_background and classes > 1
        counted = classes - 1 if excludes else classes
        if len(self.weight) == classes:
            return (0.0, *self.weight[1:]) if excludes else self.weight
        if len(self.weight) not in (1, counted):
            raise ValueError(f"weight has {len(self.weight)} numbers; expected 1 or {counted}")
        each = self.weight * counted if len(self.weight) == 1 else self.weight
        return (0.0, *each) if excludes else each

    def factor(self, shape: torch.Size) -> float:
        """Returns what a mean weighted by v is to be multiplied by: MONAI does not divide by the sum of v."""
        samples, classes = shape[:2]
        counted = classes - 1 if not self.include_background and classes > 1 else classes
        weight = self.class_weight(classes)
        total = counted if weight is None else sum(weight)
        return total * (1 if self.batch else samples) if self.reduction == "sum" else total / counted

    def run(
        self, terms: list[Term], input: torch.Tensor, target: torch.Tensor, activation: str | None = None
    ) -> torch.Tensor:
        """Evaluates terms of one activation."""
        activation = activation or self.activation
        if activation == "softmax" and input.shape[1] == 1:
            raise ValueError("softmax=True needs two channels or more")
        return loss(terms, input, target, activation=activation, **self.options)


class DiceLoss(_Monai):
    """`monai.losses.DiceLoss`. With `jaccard=True` the IoU loss."""

    def __init__(
        self,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        other_act: Callable | None = None,
        squared_pred: bool = False,
        jaccard: bool = False,
        reduction: str = "mean",
        smooth_nr: float = 1e-5,
        smooth_dr: float = 1e-5,
        batch: bool = False,
        weight: Weight = None,
        soft_label: bool = False,
        ignore_index: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            include_background, to_onehot_y, sigmoid, softmax, other_act, reduction, batch, weight, soft_label,
            ignore_index, **options,
        )  # fmt: skip
        self.squares = "squared" if squared_pred else "linear"
        self.jaccard, self.smooth = jaccard, (smooth_nr, smooth_dr)

    def term(self, shape: torch.Size) -> Term:
        """The term for a prediction of some shape."""
        # With jaccard MONAI doubles numerator and denominator, and smooths after that.
        half = 0.5 if self.jaccard else 1.0
        of = losses.iou if self.jaccard else losses.dice
        numerator, denominator = self.smooth
        term = of(
            squares=self.squares,
            smooth_numerator=half * numerator,
            smooth_denominator=half * denominator,
            **self.common(shape[1]),
        )
        return term * self.factor(shape)

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Returns the value of the loss."""
        return self.run([self.term(input.shape)], input, target)


class DiceCELoss(torch.nn.Module):
    """`monai.losses.DiceCELoss`: Dice, and cross entropy of softmax, or of sigmoid for one channel."""

    def __init__(
        self,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        other_act: Callable | None = None,
        squared_pred: bool = False,
        jaccard: bool = False,
        reduction: str = "mean",
        smooth_nr: float = 1e-5,
        smooth_dr: float = 1e-5,
        batch: bool = False,
        weight: Weight = None,
        lambda_dice: float = 1.0,
        lambda_ce: float = 1.0,
        label_smoothing: float = 0.0,
        ignore_index: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        if reduction != "mean":
            raise ValueError(f"reduction={reduction!r}: expected 'mean'")
        self.weight = None if weight is None else numbers(weight)
        # MONAI gives a single weight to the cross entropy only.
        of_dice = None
        if self.weight is not None and len(self.weight) > 1:
            of_dice = self.weight if include_background else self.weight[1:]
        self.dice = DiceLoss(
            include_background, to_onehot_y, sigmoid, softmax, other_act, squared_pred, jaccard, reduction, smooth_nr,
            smooth_dr, batch, of_dice, False, ignore_index, **options,
        )  # fmt: skip
        self.lambda_dice, self.lambda_ce, self.label_smoothing = lambda_dice, lambda_ce, label_smoothing

    def _cross_entropy(self, classes: int) -> tuple[Term, str]:
        if classes == 1:
            if self.label_smoothing:
                raise ValueError("label_smoothing has no effect on one channel: expected 0")
            if self.weight is None:
                return losses.cross_entropy(), "sigmoid"
            positive = self.weight[0]
            return losses.balanced_cross_entropy(beta=positive / (1 + positive)) * (1 + positive), "sigmoid"
        weight = self.weight if self.weight is None or len(self.weight) > 1 else self.weight * classes
        # PyTorch divides by the weights of labels, of maps by the voxels.
        normalizer = "class_weight" if weight is not None and self.dice.to_onehot_y else "voxels"
        term = losses.cross_entropy(label_smoothing=self.label_smoothing, normalizer=normalizer, class_weight=weight)
        return term, "softmax"

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Returns the value of the loss."""
        dice = self.dice.term(input.shape) * self.lambda_dice
        term, activation = self._cross_entropy(input.shape[1])
        term = term * self.lambda_ce
        if activation == self.dice.activation:
            return self.dice.run([dice, term], input, target)
        return self.dice.run([dice], input, target) + self.dice.run([term], input, target, activation)


class FocalLoss(_Monai):
    """`monai.losses.FocalLoss`: a mean over voxels and classes, of sigmoid by default.

    `alpha`, one number, only with `use_softmax=True`: 1 - alpha weighs the background and alpha the other classes. With
    sigmoid it weighs both outcomes of a class, which is not offered.
    """

    def __init__(
        self,
        include_background: bool = True,
        to_onehot_y: bool = False,
        gamma: float = 2.0,
        alpha: float | None = None,
        weight: Weight = None,
        reduction: str = "mean",
        use_softmax: bool = False,
        ignore_index: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            include_background, to_onehot_y, not use_softmax, use_softmax, None, reduction, False, weight, False,
            ignore_index, **options,
        )  # fmt: skip
        if alpha is not None and not use_softmax:
            raise ValueError("alpha is offered with use_softmax=True only")
        if use_softmax and not include_background:
            raise ValueError("use_softmax=True cuts the background off before softmax in MONAI: not offered")
        self.gamma, self.alpha = gamma, alpha

    def term(self, shape: torch.Size) -> Term:
        """The term for a prediction of some shape."""
        classes = shape[1]
        weight = self.class_weight(classes)
        if self.alpha is not None:
            each = weight or (1.0,) * classes
            weight = tuple(v * (self.alpha if k else 1 - self.alpha) for k, v in enumerate(each))
        excludes = not self.include_background and classes > 1
        term = losses.focal(gamma=self.gamma, class_weight=weight, exclude_background=excludes and weight is None)
        counted = classes - 1 if excludes else classes
        if self.activation == "softmax":
            # A sum over the classes here, a mean in MONAI.
            factor = 1.0 / counted
        else:
            factor = 1.0 if weight is None else sum(weight) / counted
        if self.options["ignore"]:
            # MONAI then divides by the voxels only.
            factor *= counted
        if self.reduction == "sum":
            factor *= shape[0] * (1 if self.activation == "softmax" else counted)
        return term * factor

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Returns the value of the loss."""
        return self.run([self.term(input.shape)], input, target)


class DiceFocalLoss(torch.nn.Module):
    """`monai.losses.DiceFocalLoss`: Dice, and focal loss of sigmoid, also where Dice has softmax."""

    def __init__(
        self,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        other_act: Callable | None = None,
        squared_pred: bool = False,
        jaccard: bool = False,
        reduction: str = "mean",
        smooth_nr: float = 1e-5,
        smooth_dr: float = 1e-5,
        batch: bool = False,
        gamma: float = 2.0,
        weight: Weight = None,
        lambda_dice: float = 1.0,
        lambda_focal: float = 1.0,
        alpha: float | None = None,
        ignore_index: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        self.dice = DiceLoss(
            include_background, to_onehot_y, sigmoid, softmax, other_act, squared_pred, jaccard, reduction, smooth_nr,
            smooth_dr, batch, weight, False, ignore_index, **options,
        )  # fmt: skip
        self.focal = FocalLoss(
            include_background, to_onehot_y, gamma, alpha, weight, reduction, False, ignore_index, **options
        )
        self.lambda_dice, self.lambda_focal = lambda_dice, lambda_focal

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Returns the value of the loss."""
        dice = self.dice.term(input.shape) * self.lambda_dice
        focal = self.focal.term(input.shape) * self.lambda_focal
        if self.dice.activation == "sigmoid":
            return self.dice.run([dice, focal], input, target)
        return self.dice.run([dice], input, target) + self.focal.run([focal], input, target)


class GeneralizedDiceLoss(_Monai):
    """`monai.losses.GeneralizedDiceLoss`.

    MONAI weighs a class by `1/G^p`, segloss by `(G_min/G)^p`: the smoothing is multiplied by `G_min^p`. In a
    batch of several samples that are not pooled MONAI's differs from sample to sample; it is then close, not equal.
    """

    def __init__(
        self,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        other_act: Callable | None = None,
        w_type: str = "square",
        reduction: str = "mean",
        smooth_nr: float = 1e-5,
        smooth_dr: float = 1e-5,
        batch: bool = False,
        soft_label: bool = False,
        ignore_index: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            include_background, to_onehot_y, sigmoid, softmax, other_act, reduction, batch, None, soft_label,
            ignore_index, **options,
        )  # fmt: skip
        volumes = {"square": "inverse_square", "simple": "inverse", "uniform": "uniform"}
        if w_type not in volumes:
            raise ValueError(f"w_type={w_type!r}: expected one of {', '.join(map(repr, volumes))}")
        self.volume, self.smooth = volumes[w_type], (smooth_nr, smooth_dr)

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Returns the value of the loss."""
        numerator, denominator = self.smooth
        power = {"inverse_square": 2, "inverse": 1, "uniform": 0}[self.volume]
        if power and (numerator or denominator):
            least = self._smallest_class(input, target) ** power
            numerator, denominator = numerator * least, denominator * least
        excludes = not self.include_background and input.shape[1] > 1
        term = losses.generalized_dice(
            volume=self.volume,
            smooth_numerator=numerator,
            smooth_denominator=denominator,
            exclude_background=excludes,
            sample_average="pooled" if self.batch else "mean",
        )
        factor = input.shape[0] if self.reduction == "sum" and not self.batch else 1
        return self.run([term * factor], input, target)

    def _smallest_class(self, input: torch.Tensor, target: torch.Tensor) -> float:
        """The smallest positive number of target voxels of a class: of the batch if it is pooled, else of a sample."""
        classes = input.shape[1]
        first = 0 if self.include_background or classes == 1 else 1
        if self.to_onehot_y:
            labels = target.flatten(1)
            counts = torch.stack([(labels == label).sum(1) for label in range(first, classes)], 1)
        else:
            counts = target.flatten(2).sum(2)[:, first:]
        counts = (counts.sum(0) if self.batch else counts).double()
        return float(counts[counts > 0].min()) if bool((counts > 0).any()) else 1.0


class TverskyLoss(_Monai):
    """`monai.losses.TverskyLoss`: `alpha` weighs false positives, `beta` false negatives."""

    def __init__(
        self,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        other_act: Callable | None = None,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str = "mean",
        smooth_nr: float = 1e-5,
        smooth_dr: float = 1e-5,
        batch: bool = False,
        soft_label: bool = False,
        ignore_index: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            include_background, to_onehot_y, sigmoid, softmax, other_act, reduction, batch, None, soft_label,
            ignore_index, **options,
        )  # fmt: skip
        self.alpha, self.beta, self.smooth = alpha, beta, (smooth_nr, smooth_dr)

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Returns the value of the loss."""
        numerator, denominator = self.smooth
        term = losses.tversky(
            alpha=self.alpha,
            beta=self.beta,
            smooth_numerator=numerator,
            smooth_denominator=denominator,
            **self.common(input.shape[1]),
        )
        return self.run([term * self.factor(input.shape)], input, target)


class HausdorffDTLoss(_Monai):
    """`monai.losses.HausdorffDTLoss`, with any spacing; the background is excluded by default."""

    log = False

    def __init__(
        self,
        alpha: float = 2.0,
        include_background: bool = False,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        other_act: Callable | None = None,
        reduction: str = "mean",
        batch: bool = False,
        ignore_index: int | None = None,
        spacing: Sequence[float] | None = None,
        **options: Any,
    ) -> None:
        if reduction != "mean":
            raise ValueError(f"reduction={reduction!r}: expected 'mean'")
        super().__init__(
            include_background, to_onehot_y, sigmoid, softmax, other_act, reduction, batch, None, False, ignore_index,
            **options,
        )  # fmt: skip
        self.alpha = alpha
        self.options["spacing"] = spacing

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Returns the value of the loss."""
        weight = (1.0,) * input.shape[1] if self.include_background else None
        return self.run([losses.hausdorff(alpha=self.alpha, log=self.log, class_weight=weight)], input, target)


class LogHausdorffDTLoss(HausdorffDTLoss):
    """`monai.losses.LogHausdorffDTLoss`: `log(1 + L)`."""

    log = True


__all__ = [
    "DiceCELoss",
    "DiceFocalLoss",
    "DiceLoss",
    "FocalLoss",
    "GeneralizedDiceLoss",
    "HausdorffDTLoss",
    "LogHausdorffDTLoss",
    "TverskyLoss",
]
