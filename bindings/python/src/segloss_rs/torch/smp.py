"""Losses with the constructors of segmentation_models.pytorch 0.6: the same value and gradient for 0/1 targets.

`forward(y_pred, y_true)`: `"multiclass"` takes labels `[B, ...]`, `"binary"` and `"multilabel"` masks. Sums run over
the batch, and a class absent from the batch counts as 0 but stays in the mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from .. import losses
from ..losses import Term
from ._ops import loss


class _Smp(torch.nn.Module):
    """What the losses have in common."""

    def __init__(
        self,
        mode: str,
        classes: Sequence[int] | None = None,
        log_loss: bool = False,
        from_logits: bool = True,
        smooth: float = 0.0,
        ignore_index: int | None = None,
        eps: float = 1e-7,
        class_weights: Sequence[float] | None = None,
        threads: int | None = None,
        device: str | None = None,
    ) -> None:
        super().__init__()
        if mode not in ("binary", "multiclass", "multilabel"):
            raise ValueError(f"mode={mode!r}: expected 'binary', 'multiclass' or 'multilabel'")
        if ignore_index is not None and mode != "multiclass":
            raise ValueError("ignore_index is offered with mode='multiclass' only")
        if eps != 1e-7:
            raise ValueError(f"eps={eps!r}: smp's lower limit of the denominator is offered as 1e-7 only")
        if classes is not None and class_weights is not None:
            raise ValueError("classes and class_weights exclude each other")
        self.mode, self.classes, self.class_weights = mode, classes, class_weights
        self.log_loss, self.smooth = log_loss, smooth
        if from_logits:
            self.activation = "softmax" if mode == "multiclass" else "sigmoid"
        else:
            self.activation = "probability" if mode == "multiclass" else "probability_per_class"
        self.options = {
            "ignore": () if ignore_index is None else (ignore_index,),
            "threads": threads,
            "device": device,
        }

    def term(self, classes: int, weight: tuple[float, ...]) -> Term:
        """The loss of some classes."""
        raise NotImplementedError

    def forward(self, y_pred: torch.Tensor, y_true: torch.Tensor) -> torch.Tensor:
        """Returns the value of the loss."""
        classes = y_pred.shape[1]
        weight = [1.0] * classes if self.class_weights is None else [float(v) for v in self.class_weights]
        if self.classes is not None:
            weight = [v * (k in self.classes) for k, v in enumerate(weight)]
        total = sum(weight)
        if self.mode == "multiclass":
            present = [bool((y_true == k).any()) for k in range(classes)]
        else:
            y_true = y_true.reshape(y_pred.shape)
            present = [bool((y_true[:, k] > 0).any()) for k in range(classes)]
        counted = sum(v for v, is_there in zip(weight, present, strict=True) if is_there)
        if counted == 0:
            return y_pred.sum() * 0.0
        # A class that is absent stays in the mean, as 0.
        term = self.term(classes, tuple(weight)) * (counted / total)
        return loss(term, y_pred, y_true, activation=self.activation, **self.options)


class DiceLoss(_Smp):
    """`segmentation_models_pytorch.losses.DiceLoss`."""

    def term(self, classes: int, weight: tuple[float, ...]) -> Term:
        """The loss of some classes."""
        # smp smooths a Tversky loss with alpha = beta = 1/2.
        smooth = {"smooth_numerator": 2 * self.smooth, "smooth_denominator": 2 * self.smooth}
        average = {"sample_average": "pooled", "absent": "skipped", "class_weight": weight}
        if self.log_loss:
            return losses.log_dice(gamma=1.0, **smooth, **average)
        return losses.dice(**smooth, **average)


class TverskyLoss(_Smp):
    """`segmentation_models_pytorch.losses.TverskyLoss`; `gamma` other than 1 only for one class."""

    def __init__(
        self,
        mode: str,
        classes: Sequence[int] | None = None,
        log_loss: bool = False,
        from_logits: bool = True,
        smooth: float = 0.0,
        ignore_index: int | None = None,
        eps: float = 1e-7,
        alpha: float = 0.5,
        beta: float = 0.5,
        gamma: float = 1.0,
        **options: Any,
    ) -> None:
        super().__init__(mode, classes, log_loss, from_logits, smooth, ignore_index, eps, **options)
        if log_loss:
            raise ValueError("log_loss is offered for DiceLoss only")
        self.alpha, self.beta, self.gamma = alpha, beta, gamma

    def term(self, classes: int, weight: tuple[float, ...]) -> Term:
        """The loss of some classes."""
        options = {
            "alpha": self.alpha,
            "beta": self.beta,
            "smooth_numerator": self.smooth,
            "smooth_denominator": self.smooth,
            "sample_average": "pooled",
            "absent": "skipped",
            "class_weight": weight,
        }
        if self.gamma == 1:
            return losses.tversky(**options)
        if classes > 1:
            raise ValueError("smp raises the mean of the classes to a power: gamma is offered for one class only")
        return losses.focal_tversky(gamma=1 / self.gamma, **options)


__all__ = ["DiceLoss", "TverskyLoss"]
