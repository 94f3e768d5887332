"""The losses: one function each, which returns a term.

A loss is a sum of one to four terms, each times its weight. `s` is the predicted probability of a voxel and class, `g`
the target, `w` the weight of a voxel, `v` the weight of a class; `W = sum w`; `I`, `S`, `G` are the sums of `w g s`,
`w s`, `w g` over the voxels of a sample and class; `c` classes. Numbers in parentheses are the equations of Ma et al.,
"Segmentation Loss Odyssey", arXiv:2005.13449.

Every function also takes the options of all terms:

    weight              factor of the term; default 1
    class_weight        one weight per class, >= 0; default 1, unless the loss says otherwise
    exclude_background  class 0 gets weight 0
    minus_one           the value is L - 1, as nnU-Net writes Dice; the gradient is the same

Region losses are means over classes and samples, and also take:

    class_average   "mean" of the classes, or "pooled": one value of the sums over all classes
    sample_average  "mean" of the samples, or "pooled": one value of the sums over all samples ("batch Dice")
    absent          "counted", or "skipped": classes without target voxels in a sample are left out of the average

Voxel losses are means over the whole batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from . import _constants as c

if TYPE_CHECKING:
    from typing_extensions import Unpack


@dataclass(frozen=True)
class Term:
    """A loss with its parameters and its weight. Made by the functions of this module."""

    loss: str
    weight: float = 1.0
    options: tuple[tuple[str, float], ...] = ()
    class_weight: tuple[float, ...] | None = None
    field: Any = None

    def __mul__(self, factor: float) -> Term:
        """The same term, weighted by `factor`."""
        return replace(self, weight=self.weight * factor)

    __rmul__ = __mul__


class Common(TypedDict, total=False):
    """Options of every term."""

    weight: float
    class_weight: Sequence[float] | None
    exclude_background: bool
    minus_one: bool


class Region(Common, total=False):
    """Options of region losses."""

    class_average: Literal["mean", "pooled"]
    sample_average: Literal["mean", "pooled"]
    absent: Literal["counted", "skipped"]


# Options that are constants of the C library, not numbers.
INTEGERS = ("flags", "variant", "class_average", "sample_average", "absent", "normalizer")

_CHOICES = {
    "class_average": {"mean": c.CLASS_MEAN, "pooled": c.CLASS_POOLED},
    "sample_average": {"mean": c.SAMPLE_DEFAULT, "pooled": c.SAMPLE_POOLED},
    "absent": {"counted": c.ABSENT_COUNTED, "skipped": c.ABSENT_SKIPPED},
    "normalizer": {"voxels": c.NORMALIZE_BY_VOXELS, "class_weight": c.NORMALIZE_BY_CLASS_WEIGHT},
    "squares": {"linear": c.DICE_LINEAR, "squared": c.DICE_SQUARED},
    "volume": {
        "inverse_square": c.GDICE_INVERSE_SQUARE,
        "inverse": c.GDICE_INVERSE,
        "uniform": c.GDICE_UNIFORM,
    },
    "selection": {"fraction": c.TOPK_FRACTION, "threshold": c.TOPK_THRESHOLD},
}
_VARIANTS = ("squares", "volume", "selection")


def _term(
    loss: str,
    field: Any = None,
    variant: int = 0,
    *,
    common: Mapping[str, Any] | None = None,
    region: Mapping[str, Any] | None = None,
    **options: Any,
) -> Term:
    known = Common.__annotations__.keys() | (Region.__annotations__.keys() if region is not None else set())
    given = region if region is not None else common or {}
    for name in given:
        if name not in known:
            raise TypeError(
                f"{loss}() got an unexpected option {name!r}; besides its own it takes {', '.join(sorted(known))}"
            )
    options |= given
    flags = 0
    weight, class_weight = options.pop("weight", 1.0), options.pop("class_weight", None)
    flags |= c.EXCLUDE_BACKGROUND if options.pop("exclude_background", False) else 0
    flags |= c.MINUS_ONE if options.pop("minus_one", False) else 0
    numbers: dict[str, float] = {}
    for name, value in options.items():
        choices = _CHOICES.get(name)
        if choices is None:
            numbers[name] = float(value)
        elif value not in choices:
            raise ValueError(f"{name}={value!r}: expected one of {', '.join(map(repr, choices))}")
        elif name in _VARIANTS:
            variant |= choices[value]
        else:
            numbers[name] = choices[value]
    # Defaults are what the C library fills in: only what differs is set.
    if variant:
        numbers["variant"] = variant
    if flags:
        numbers["flags"] = flags
    weights = None if class_weight is None else tuple(float(weight) for weight in class_weight)
    return Term(loss, weight, tuple(numbers.items()), weights, field)


def cross_entropy(
    *,
    label_smoothing: float = 0.0,
    normalizer: Literal["voxels", "class_weight"] = "voxels",
    **common: Unpack[Common],
) -> Term:
    """Cross entropy (2) and, with class weights, weighted cross entropy (3); in nats, >= 0.

    softmax: `L = -1/n sum w sum_c v g' log s`.
    sigmoid: `L = -1/W sum w sum_c v (g' log s + (1 - g') log(1 - s)) / sum v`.
    `normalizer`: n is W, or `sum w sum_c v g` as PyTorch's mean with class weights. `label_smoothing` is in [0, 1].
    """
    return _term("cross_entropy", label_smoothing=label_smoothing, normalizer=normalizer, common=common)


def top_k(
    *, k: float = 0.1, selection: Literal["fraction", "threshold"] = "fraction", **common: Unpack[Common]
) -> Term:
    """TopK (4): the mean cross entropy of the voxels with the highest loss; in nats, >= 0.

    `"fraction"`: `floor(k * counted voxels)` voxels of the batch, at least one; ties at the threshold share the
    remaining places. `"threshold"`: the voxels whose target class has `s < k`. k is in (0, 1].
    """
    return _term("top_k", k=k, selection=selection, common=common)


def focal(*, gamma: float = 2.0, **common: Unpack[Common]) -> Term:
    """Focal loss (5): `L = -1/W sum w sum_c v (1 - s)^gamma g log s`; >= 0.

    sigmoid: the mean over the classes of both outcomes.
    """
    return _term("focal", gamma=gamma, common=common)


def distance_penalized(*, field: Any = None, **common: Unpack[Common]) -> Term:
    """Distance-penalised cross entropy (6): `L = -1/W sum w (1 + D) sum_c v g log s`; in nats, >= 0.

    `field`: D, `[B, ...]` or `[B, C, ...]`; by default `1 - (d - d_min)/d_max` from the target, with d the distance to
    the nearest voxel with another label.
    """
    return _term("distance_penalized", field, common=common)


def sensitivity_specificity(*, alpha: float = 0.05, smooth_denominator: float = 1e-5, **region: Unpack[Region]) -> Term:
    """Sensitivity-specificity loss (7), in [0, 1]; `alpha` in [0, 1] is the weight of sensitivity.

    `L = alpha sum w g (s - g)^2 / G + (1 - alpha) sum w (1 - g)(s - g)^2 / sum w (1 - g)`
    """
    options = {"alpha": alpha, "smooth_denominator": smooth_denominator}
    return _term("sensitivity_specificity", **options, region=region)


def dice(
    *,
    squares: Literal["linear", "squared"] = "linear",
    smooth_numerator: float = 1e-5,
    smooth_denominator: float = 1e-5,
    **region: Unpack[Region],
) -> Term:
    """Dice loss (8): `L = 1 - (2 I + smooth_numerator) / (S + G + smooth_denominator)`; in [0, 1].

    `"squared"`: the denominator sums `s^2 + g^2`, as in V-Net. Smoothing is in voxels.
    """
    smooth = {"smooth_numerator": smooth_numerator, "smooth_denominator": smooth_denominator}
    return _term("dice", squares=squares, **smooth, region=region)


def iou(
    *,
    squares: Literal["linear", "squared"] = "linear",
    smooth_numerator: float = 1e-5,
    smooth_denominator: float = 1e-5,
    **region: Unpack[Region],
) -> Term:
    """IoU (Jaccard) loss (9): `L = 1 - (I + smooth_numerator) / (S + G - I + smooth_denominator)`; in [0, 1]."""
    smooth = {"smooth_numerator": smooth_numerator, "smooth_denominator": smooth_denominator}
    return _term("iou", squares=squares, **smooth, region=region)


def tversky(
    *,
    alpha: float = 0.3,
    beta: float = 0.7,
    smooth_numerator: float = 1e-5,
    smooth_denominator: float = 1e-5,
    **region: Unpack[Region],
) -> Term:
    """Tversky loss (10): `L = 1 - I / (I + alpha (S - I) + beta (G - I))`, both parts smoothed; in [0, 1].

    `alpha` weighs false positives, `beta` false negatives.
    """
    smooth = {"smooth_numerator": smooth_numerator, "smooth_denominator": smooth_denominator}
    return _term("tversky", alpha=alpha, beta=beta, **smooth, region=region)


def generalized_dice(
    *,
    volume: Literal["inverse_square", "inverse", "uniform"] = "inverse_square",
    smooth_numerator: float = 1e-5,
    smooth_denominator: float = 1e-5,
    **region: Unpack[Region],
) -> Term:
    """Generalized Dice loss (11): one Dice over all classes, each weighted by `(G_min / G)^p`; in [0, 1].

    p is 2, 1 or 0 by `volume`. `class_average` does not apply.
    """
    smooth = {"smooth_numerator": smooth_numerator, "smooth_denominator": smooth_denominator}
    return _term("generalized_dice", volume=volume, **smooth, region=region)


def focal_tversky(
    *,
    alpha: float = 0.3,
    beta: float = 0.7,
    gamma: float = 4 / 3,
    smooth_numerator: float = 1e-5,
    smooth_denominator: float = 1e-5,
    **region: Unpack[Region],
) -> Term:
    """Focal Tversky loss (12): the Tversky loss of a class to the power of `1/gamma`; in [0, 1]."""
    smooth = {"smooth_numerator": smooth_numerator, "smooth_denominator": smooth_denominator}
    return _term("focal_tversky", alpha=alpha, beta=beta, gamma=gamma, **smooth, region=region)


def asymmetric_similarity(
    *,
    beta: float = 1.5,
    smooth_numerator: float = 1e-5,
    smooth_denominator: float = 1e-5,
    **region: Unpack[Region],
) -> Term:
    """Asymmetric similarity loss (13): 1 minus the F_beta score; in [0, 1]. `beta` above 1 favours recall."""
    smooth = {"smooth_numerator": smooth_numerator, "smooth_denominator": smooth_denominator}
    return _term("asymmetric_similarity", beta=beta, **smooth, region=region)


def penalty(
    *,
    k: float = 2.5,
    volume: Literal["inverse_square", "inverse", "uniform"] = "inverse_square",
    smooth_numerator: float = 1e-5,
    smooth_denominator: float = 1e-5,
    **region: Unpack[Region],
) -> Term:
    """Penalty loss (14): `L = GD / (1 + k (1 - GD))`, GD the generalized Dice loss; in [0, 1]."""
    smooth = {"smooth_numerator": smooth_numerator, "smooth_denominator": smooth_denominator}
    return _term("penalty", k=k, volume=volume, **smooth, region=region)


def boundary(*, rim_zero: bool = False, field: Any = None, **common: Unpack[Common]) -> Term:
    """Boundary loss: the mean of `s` times the signed distance to the boundary of the class, in the unit of `spacing`.

    Negative where the prediction lies inside the target. `rim_zero`: inside, the distance is 0 at the inner rim, as in
    Kervadec's code. `field`: the signed distances `[B, C, ...]`, by default from the target; see
    `segloss_rs.boundary_field`. By default class 0 has weight 0.
    """
    return _term("boundary", field, c.BOUNDARY_RIM_ZERO if rim_zero else 0, common=common)


def hausdorff(
    *,
    alpha: float = 2.0,
    distances: Literal["both", "target", "prediction"] = "both",
    argmax: bool = False,
    interior: bool = False,
    log: bool = False,
    field: Any = None,
    **common: Unpack[Common],
) -> Term:
    """Hausdorff loss by distance transform: the mean of `(s - g)^2 (d_G^alpha + d_S^alpha)`; >= 0.

    d_G and d_S are distances to the boundary of the target and of the prediction, `s > 0.5`, or with `argmax` the class
    with the largest `s`; constant for the gradient. `interior`: distances are 0 outside of the mask. `log`: the value
    is `log(1 + L)`. By default class 0 has weight 0.
    """
    parts = {"both": 0, "target": c.HAUSDORFF_TARGET_ONLY, "prediction": c.HAUSDORFF_PREDICTION_ONLY}
    if distances not in parts:
        raise ValueError(f"distances={distances!r}: expected one of {', '.join(map(repr, parts))}")
    variant = parts[distances]
    for is_set, bit in (
        (argmax, c.HAUSDORFF_ARGMAX),
        (interior, c.HAUSDORFF_INTERIOR),
        (log, c.HAUSDORFF_LOG),
    ):
        variant |= bit if is_set else 0
    return _term("hausdorff", field, variant, alpha=alpha, common=common)


def balanced_cross_entropy(*, beta: float = 0.5, **common: Unpack[Common]) -> Term:
    """Balanced cross entropy, a part of combo loss (15); in nats, >= 0. Summed over the classes.

    `L = -1/W sum w sum_c v (beta g log s + (1 - beta)(1 - g) log(1 - s))`
    """
    return _term("balanced_cross_entropy", beta=beta, common=common)


def power_cross_entropy(*, gamma: float = 0.3, **common: Unpack[Common]) -> Term:
    """Power cross entropy, a part of exponential logarithmic loss (16): `L = 1/W sum w sum_c v g (-log s)^gamma`; >= 0.

    By default v is `sqrt(sum_k G_k / G_c)`, 0 for an absent class.
    """
    return _term("power_cross_entropy", gamma=gamma, common=common)


def log_dice(
    *,
    gamma: float = 0.3,
    smooth_numerator: float = 1e-5,
    smooth_denominator: float = 1e-5,
    **region: Unpack[Region],
) -> Term:
    """Logarithmic Dice, a part of exponential logarithmic loss (16): `L = (-log Dice)^gamma`; >= 0."""
    smooth = {"smooth_numerator": smooth_numerator, "smooth_denominator": smooth_denominator}
    return _term("log_dice", gamma=gamma, **smooth, region=region)
