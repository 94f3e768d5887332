"""Losses for PyTorch, on the CPU.

    from segloss_rs import cross_entropy, dice
    from segloss_rs.torch import Loss

    loss = Loss([dice(exclude_background=True), cross_entropy()], activation="softmax", ignore=255)
    loss(logits, labels).backward()

`loss` is the same as a function. The other modules have the constructors of MONAI; those of nnU-Net and
segmentation_models.pytorch are in `segloss_rs.torch.nnunet` and `.smp`, functions with those of PyTorch in
`.functional`.

Every loss works under autocast, `torch.compile(fullgraph=True)`, `torch.export`, `torch.func.grad` and `torch.vmap`,
with any memory format, and takes f16, bf16, f32 and f64. The upstream gradient, such as the scale of a `GradScaler`, is
a factor of the gradient before it is rounded. There are no second derivatives.
"""

from . import functional, monai, nnunet, smp
from ._modules import CrossEntropyLoss, Loss
from ._ops import loss
from .compound import BoundaryLoss, TopKLoss
from .monai import (
    DiceCELoss,
    DiceFocalLoss,
    DiceLoss,
    FocalLoss,
    GeneralizedDiceLoss,
    HausdorffDTLoss,
    LogHausdorffDTLoss,
    TverskyLoss,
)

__all__ = [
    "BoundaryLoss",
    "CrossEntropyLoss",
    "DiceCELoss",
    "DiceFocalLoss",
    "DiceLoss",
    "FocalLoss",
    "GeneralizedDiceLoss",
    "HausdorffDTLoss",
    "LogHausdorffDTLoss",
    "Loss",
    "TopKLoss",
    "TverskyLoss",
    "functional",
    "loss",
    "monai",
    "nnunet",
    "smp",
]
