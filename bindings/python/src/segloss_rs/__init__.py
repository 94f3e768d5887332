"""Segmentation losses and their exact gradients, computed on the CPU without a framework's graph.

    import numpy as np, segloss_rs as sl

    logits = np.random.randn(2, 4, 64, 64, 64).astype(np.float32)   # [B, C, ...]
    labels = np.random.randint(0, 4, (2, 64, 64, 64), np.uint8)     # [B, ...]
    value, gradient = sl.value_and_grad([sl.dice(), sl.cross_entropy()], logits, labels, activation="softmax")

`segloss_rs.torch` has modules for PyTorch, `segloss_rs.jax` a function for JAX. Arrays may be of any library with
`__dlpack__`; they are read where they are, whatever their strides and dtypes.
"""

from ._errors import SeglossError
from ._functions import boundary_field, class_weights, distance_field, edt, value, value_and_grad
from .losses import (
    Term,
    asymmetric_similarity,
    balanced_cross_entropy,
    boundary,
    cross_entropy,
    dice,
    distance_penalized,
    focal,
    focal_tversky,
    generalized_dice,
    hausdorff,
    iou,
    log_dice,
    penalty,
    power_cross_entropy,
    sensitivity_specificity,
    top_k,
    tversky,
)

__version__ = "0.1.0"

__all__ = [
    "SeglossError",
    "Term",
    "asymmetric_similarity",
    "balanced_cross_entropy",
    "boundary",
    "boundary_field",
    "class_weights",
    "cross_entropy",
    "dice",
    "distance_field",
    "distance_penalized",
    "edt",
    "focal",
    "focal_tversky",
    "generalized_dice",
    "hausdorff",
    "iou",
    "log_dice",
    "penalty",
    "power_cross_entropy",
    "sensitivity_specificity",
    "top_k",
    "tversky",
    "value",
    "value_and_grad",
]
