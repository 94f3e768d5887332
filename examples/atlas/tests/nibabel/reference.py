"""Losses of softmax and labels in NumPy and SciPy, f64: value and gradient with respect to the logits [X, Y, Z, C]."""

import numpy as np
from scipy.ndimage import distance_transform_edt

SMOOTH = 1e-5  # the library's default of the region losses, in voxels


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def to_logits(s, slope):
    """The chain rule of softmax."""
    return s * (slope - (s * slope).sum(-1, keepdims=True))


def cross_entropy(s, g, spacing):
    n = g[..., 0].size
    return -(g * np.log(s)).sum() / n, -g / s / n


def focal(s, g, spacing):
    n, log, rest = g[..., 0].size, np.log(s), 1 - s
    return -(g * rest**2 * log).sum() / n, -g * (rest**2 / s - 2 * rest * log) / n


def tversky(false_positive, false_negative):
    """The mean over classes of 1 - (I + e) / (I + a FP + b FN + e)."""

    def loss(s, g, spacing):
        a, b, axes = false_positive, false_negative, (0, 1, 2)
        overlap = (s * g).sum(axes)
        top = overlap + SMOOTH
        bottom = overlap + a * (s * (1 - g)).sum(axes) + b * ((1 - s) * g).sum(axes) + SMOOTH
        d_bottom = g + a * (1 - g) - b * g
        return (1 - top / bottom).mean(), -(g * bottom - top * d_bottom) / bottom**2 / s.shape[-1]

    return loss


def dice(s, g, spacing):
    """The mean over classes of 1 - (2 I + e) / (S + G + e)."""
    axes = (0, 1, 2)
    top = 2 * (s * g).sum(axes) + SMOOTH
    bottom = s.sum(axes) + g.sum(axes) + SMOOTH
    return (1 - top / bottom).mean(), -(2 * g * bottom - top) / bottom**2 / s.shape[-1]


def distance(mask, spacing):
    """From each voxel to the nearest one on the other side of the boundary."""
    if mask.all() or not mask.any():
        return np.zeros(mask.shape)
    return distance_transform_edt(mask, spacing) + distance_transform_edt(~mask, spacing)


def boundary(s, g, spacing):
    """The mean over voxels and classes without the background of s times the signed distance."""
    field = np.zeros_like(s)
    for c in range(1, s.shape[-1]):
        mask = g[..., c] > 0
        field[..., c] = np.where(mask, -1, 1) * distance(mask, spacing)
    n = g[..., 0].size * (s.shape[-1] - 1)
    return (s * field).sum() / n, field / n


def hausdorff(s, g, spacing):
    field = np.zeros_like(s)
    for c in range(1, s.shape[-1]):
        field[..., c] = distance(g[..., c] > 0, spacing) ** 2 + distance(s[..., c] > 0.5, spacing) ** 2
    n = g[..., 0].size * (s.shape[-1] - 1)
    return ((s - g) ** 2 * field).sum() / n, 2 * (s - g) * field / n


LOSSES = {
    "ce": cross_entropy,
    "focal": focal,
    "dice": dice,
    "iou": tversky(1, 1),
    "tversky": tversky(0.3, 0.7),
    "boundary": boundary,
    "hausdorff": hausdorff,
}
