"""Golden values and gradients of every loss: each equation anew in PyTorch, its gradient from autograd, in f64.

    python golden.py > golden.json

Distances come from SciPy. Names and integers are those of the C header: a term is a `segloss_term`, a case a
`segloss_args`; a field that is absent is the default. Numbers in brackets are equations of arXiv:2005.13449.
"""

import json
import math
import platform
import sys

import numpy as np
import scipy
import torch
from scipy.ndimage import distance_transform_edt

from golden_inputs import CASES, entries

SOFTMAX, SIGMOID, PROBABILITY, PROBABILITY_PER_CLASS = 1, 2, 3, 4
FLOOR, NOTHING, TAU = 2.0**-126, 1e-30, 1e-6


def tensor(x):
    return torch.tensor(x, dtype=torch.float64)


class Batch:
    """A case as tensors [B, C, N], its prediction a leaf of the graph."""

    def __init__(self, case):
        b, c, *self.space = case["shape"]
        n = math.prod(self.space)
        self.b, self.c, self.n = b, c, n
        self.spacing = case.get("spacing", [1.0] * len(self.space))
        self.z = tensor(case["pred"]).reshape(b, c, n).requires_grad_()
        self.w = tensor(case.get("voxel_weight", [1.0] * (b * n))).reshape(b, 1, n)
        self.labels = None
        if "labels" in case:
            labels = np.array(case["labels"]).reshape(b, n)
            ignored = np.isin(labels, case.get("ignore", []))
            classes = np.array([1]) if c == 1 else np.arange(c)
            self.labels = labels
            self.masks = (labels[:, None, :] == classes[None, :, None]) & ~ignored[:, None, :]
            self.g = tensor(self.masks.astype(float))
            self.w = self.w * tensor((~ignored).astype(float))[:, None, :]
        else:
            self.g = tensor(case["maps"]).reshape(b, c, n)
            self.masks = self.g.numpy() == 1.0
        self.counted = self.w > 0
        present = tensor(case.get("class_present", [1] * (b * c))).reshape(b, c)
        self.present = present * self.counted.any(2)
        self.activation = case["activation"]
        self.exclusive = self.activation == SOFTMAX or (self.activation == PROBABILITY and c > 1)
        self.activate(torch.where(self.counted, self.z, tensor(0.0)))

    def activate(self, z):
        """s, 1 − s and their logarithms."""
        if self.activation == SOFTMAX:
            self.log_s = torch.log_softmax(z, 1)
            same = torch.eye(self.c, dtype=torch.bool)[None, :, :, None]
            others = torch.where(same, tensor(-math.inf), z[:, None])  # others[:, c] lacks class c
            self.log_1ms = torch.logsumexp(others, 2) - torch.logsumexp(z, 1, keepdim=True)
            self.s, self.miss, self.hit = self.log_s.exp(), self.log_1ms.exp(), self.log_s.exp()
        elif self.activation == SIGMOID:
            self.log_s = torch.nn.functional.logsigmoid(z)
            self.log_1ms = torch.nn.functional.logsigmoid(-z)
            self.s, self.miss, self.hit = torch.sigmoid(z), torch.sigmoid(-z), torch.sigmoid(z)
        else:
            # Where a logarithm stands at its floor the slope is 0; a power takes what lies outside [0, 1] as it is, from
            # 0 on.
            low, high = z < FLOOR, 1 - z < FLOOR
            self.s = z
            self.log_s = torch.where(low, tensor(math.log(FLOOR)), torch.where(low, tensor(1.0), z).log())
            self.log_1ms = torch.where(high, tensor(math.log(FLOOR)), torch.where(high, tensor(0.0), z).neg().log1p())
            self.miss = torch.where(low, 1 - z.detach(), torch.where(z > 1, tensor(0.0), 1 - z))
            self.hit = torch.where(high, z.detach(), torch.where(z < 0, tensor(0.0), z))

    def v(self, weights=None):
        """v_bc [B, C]."""
        weights = [1.0] * self.c if weights is None else weights
        return self.present * tensor(weights)[None]

    def sums(self):
        def total(x):
            return (torch.where(self.counted, self.w, tensor(0.0)) * x).sum(2)

        s, g, one = self.s, self.g, torch.ones_like(self.s)
        one_minus_s = self.miss if self.activation in (SOFTMAX, SIGMOID) else 1 - s
        return {"W": total(one), "G": total(g), "S": total(s), "I": total(g * s), "S2": total(s**2),
                "G2": total(g**2), "FP": total((1 - g) * s), "FN": total(g * one_minus_s),
                "missed": total(g * (s - g) ** 2), "spilled": total((1 - g) * (s - g) ** 2),
                "error": total((s - g) ** 2)}  # fmt: skip

    def over_classes(self, cost, v):
        """Σ_c v ℓ_c [B, N]; the class mean if each class is a Bernoulli variable."""
        total = (v[:, :, None] * cost).sum(1)
        return total if self.exclusive else total / v.sum(1).clamp(min=1e-300)[:, None]

    def surprise(self, g):
        """−g log s, or −(g log s + (1 − g) log(1 − s))."""
        return -g * self.log_s if self.exclusive else -g * self.log_s - (1 - g) * self.log_1ms

    def mean(self, cost):
        """(1/W) Σ w cost, cost [B, N]."""
        return (self.w[:, 0] * cost).sum() / self.w.sum()


# ---------------------------------------------------------------------------------------------- distribution


def cross_entropy(x, t):
    """(2), (3)  L = −(1/n) Σ w Σ_c v g log s"""
    v, smoothing = x.v(t.get("class_weight")), t["label_smoothing"]
    g = (1 - smoothing) * x.g + smoothing / (x.c if x.exclusive else 2)
    loss = x.mean(x.over_classes(x.surprise(g), v))
    if t["normalizer"] == 1 and x.exclusive:
        loss = loss / x.mean(x.over_classes(x.g, v))
    return loss


def top_k(x, t):
    """(4)  L = −(Σ_K w Σ_c v g log s) / (Σ_K w)"""
    counted = x.counted[:, 0]
    cost = x.over_classes(x.surprise(x.g), x.v(t.get("class_weight")))[counted]
    if t["variant"] == 0:
        rank = cost.detach().numpy().round(12)  # equal voxels may differ by an ulp between vector lanes
        above = (rank[None] > rank[:, None]).sum(1)
        tied = (rank[None] == rank[:, None]).sum(1)
        places = max(1, math.floor(t["k"] * len(rank)))
        share = tensor(((places - above) / tied).clip(0, 1))
    else:
        bare = x.over_classes(x.surprise(x.g), torch.ones(x.b, x.c, dtype=torch.float64))[counted]
        share = (bare > -math.log(t["k"])).double().detach()
    weight = x.w[:, 0][counted] * share
    return (weight * cost).sum() / weight.sum() if weight.sum() > 0 else 0 * cost.sum()


def focal(x, t):
    """(5)  L = −(1/W) Σ w Σ_c v (1 − s)^γ g log s"""
    cost = -x.g * x.miss ** t["gamma"] * x.log_s
    if not x.exclusive:
        cost = cost - (1 - x.g) * x.hit ** t["gamma"] * x.log_1ms
    return x.mean(x.over_classes(cost, x.v(t.get("class_weight"))))


def distance_penalized(x, t):
    """(6)  L = −(1/W) Σ w (1 + D_i) Σ_c v g log s"""
    field = tensor(t["field"]) if "field" in t else tensor(reverted(x))
    field = field.reshape(x.b, -1, x.n)
    return x.mean(x.over_classes((1 + field) * x.surprise(x.g), x.v(t.get("class_weight"))))


def balanced_cross_entropy(x, t):
    """(15), first half  L = −(1/W) Σ w Σ_c v(β g log s + (1−β)(1−g) log(1−s))"""
    beta = t["beta"]
    cost = -beta * x.g * x.log_s - (1 - beta) * (1 - x.g) * x.log_1ms
    return x.mean((x.v(t.get("class_weight"))[:, :, None] * cost).sum(1))


def power_cross_entropy(x, t):
    """(16), second half  L = (1/W) Σ w Σ_c v g (−log s)^γ"""
    v = x.v(t.get("class_weight", frequency_weights(x)))
    return x.mean((v[:, :, None] * x.g * power(-x.log_s, t["gamma"])).sum(1))


def frequency_weights(x):
    """v_c = (Σf/f_c)^½, 0 for a class without truth."""
    f = (x.sums()["G"] * x.v()).sum(0)
    return [math.sqrt(f.sum() / share) if share > 0 else 0.0 for share in f]


# ---------------------------------------------------------------------------------------------------- region


def power(base, p):
    """base^p; for p < 1 its chord base·τ^(p−1) below τ."""
    if p >= 1:
        return base**p
    low = base < TAU
    return torch.where(low, base * TAU ** (p - 1), torch.where(low, tensor(1.0), base) ** p)


def one_minus(numerator, denominator, excess):
    """1 − numerator/denominator, formed from excess = denominator − numerator; 0 where there is no denominator."""
    nothing = denominator < NOTHING
    safe = torch.where(nothing, tensor(1.0), denominator)
    loss = torch.where(nothing, tensor(0.0), excess / safe)
    assert torch.allclose(loss, torch.where(nothing, tensor(0.0), 1 - numerator / safe), rtol=0, atol=1e-12)
    return loss


def fraction(numerator, denominator):
    nothing = denominator < NOTHING
    return torch.where(nothing, tensor(0.0), numerator / torch.where(nothing, tensor(1.0), denominator))


def sensitivity_specificity(a, t):
    """(7)  L = r · Σ w g(s−g)² / (G + ε) + (1−r) · Σ w (1−g)(s−g)² / (Σ w (1−g) + ε)"""
    r, e = t["alpha"], t["smooth_denominator"]
    return r * fraction(a["missed"], a["G"] + e) + (1 - r) * fraction(a["spilled"], a["W"] - a["G"] + e)


def dice(a, t):
    """(8)  L = 1 − (2I + ε)/(D + ε)"""
    n, d = t["smooth_numerator"], t["smooth_denominator"]
    if t.get("variant", 0) == 1:
        return one_minus(2 * a["I"] + n, a["S2"] + a["G2"] + d, a["error"] + d - n)
    return one_minus(2 * a["I"] + n, a["S"] + a["G"] + d, a["FP"] + a["FN"] + d - n)


def iou(a, t):
    """(9)  L = 1 − (I + ε)/(S + G − I + ε)"""
    n, d = t["smooth_numerator"], t["smooth_denominator"]
    if t["variant"] == 1:
        return one_minus(a["I"] + n, a["S2"] + a["G2"] - a["I"] + d, a["error"] + d - n)
    return one_minus(a["I"] + n, a["S"] + a["G"] - a["I"] + d, a["FP"] + a["FN"] + d - n)


def tversky(a, t):
    """(10)  L = 1 − (I + ε)/(I + α FP + β FN + ε)"""
    n, d = t["smooth_numerator"], t["smooth_denominator"]
    errors = t["alpha"] * a["FP"] + t["beta"] * a["FN"]
    return one_minus(a["I"] + n, a["I"] + errors + d, errors + d - n)


def focal_tversky(a, t):
    """(12)  L = T^(1/γ)"""
    return power(tversky(a, t), 1 / t["gamma"])


def asymmetric_similarity(a, t):
    """(13)  FP at 1/(1+β²), FN at β²/(1+β²)"""
    square = t["beta"] ** 2
    return tversky(a, {**t, "alpha": 1 / (1 + square), "beta": square / (1 + square)})


def log_dice(a, t):
    """(16), first half  (−log Dice)^γ, the logarithm precise at both ends"""
    loss, n, d = dice(a, t), t["smooth_numerator"], t["smooth_denominator"]
    far = loss > 0.5
    ratio = torch.where(far, (2 * a["I"] + n) / (a["S"] + a["G"] + d), tensor(1.0))
    return power(-torch.where(far, ratio.log(), torch.log1p(-torch.where(far, tensor(0.0), loss))), t["gamma"])


def generalized_dice(a, t, v):
    """(11)  L = 1 − (2 Σ_c u_c I + ε)/(Σ_c u_c (S + G) + ε), per sample"""
    p = {0: 2.0, 1: 1.0, 2: 0.0}[t["variant"]]
    truth, counted = a["G"].detach(), v > 0
    present = counted & (truth > 0)
    least = torch.where(present, truth, tensor(math.inf)).amin(1, keepdim=True)
    u = torch.where(present, (least / torch.where(present, truth, tensor(1.0))) ** p, tensor(1.0 - t["absent"]))
    u = v * torch.where(present.any(1, keepdim=True), u, tensor(1.0))
    u = u / u.amax(1, keepdim=True).clamp(min=1e-300)
    n, d = t["smooth_numerator"], t["smooth_denominator"]
    overlap, mistakes, sizes = ((u * y).sum(1) for y in (a["I"], a["FP"] + a["FN"], a["S"] + a["G"]))
    return one_minus(2 * overlap + n, sizes + d, mistakes + d - n)


def penalty(a, t, v):
    """(14)  L = GD / (1 + k (1 − GD))"""
    gd = generalized_dice(a, t, v)
    return gd / (1 + t["k"] * (1 - gd))


def average(loss):
    """Over classes and samples, as the term asks."""

    def averaged(x, t):
        weights = t.get("class_weight")
        if loss is log_dice:
            weights = [float(v != 0) for v in (weights or frequency_weights(x))]
        v, a = x.v(weights), x.sums()
        if t["sample_average"] == 2:
            a = {name: (y * (v > 0)).sum(0, keepdim=True) for name, y in a.items()}
            v = v.amax(0, keepdim=True)
        m = torch.where(a["G"] == 0, tensor(0.0), v) if t["absent"] == 1 else v
        some = m.sum(1) > 0
        if loss in (generalized_dice, penalty):
            each = loss(a, t, v)
        elif t["class_average"] == 1:
            each = loss({name: (m * y).sum(1) for name, y in a.items()}, t)
        else:
            each = (m * loss(a, t)).sum(1) / torch.where(some, m.sum(1), tensor(1.0))
        return each[some].mean() if some.any() else None

    return averaged


# -------------------------------------------------------------------------------------------------- boundary


def without_background(x, t):
    return x.v(t.get("class_weight", [1.0] if x.c == 1 else [0.0] + [1.0] * (x.c - 1)))


def to_other_side(mask, spacing):
    """Inside the distance to the nearest voxel outside, outside to the nearest inside; 0 without a boundary."""
    if mask.all() or not mask.any():
        return np.zeros(mask.shape)
    return distance_transform_edt(mask, spacing) + distance_transform_edt(~mask, spacing)


def each_mask(x, masks, function):
    field = np.zeros((x.b, x.c, x.n))
    for b, c in np.ndindex(x.b, x.c):
        field[b, c] = function(masks[b, c].reshape(x.space)).ravel()
    return tensor(field)


def reverted(x):
    """D of (6): 1 − (d − d_min)/d_max over the voxels of a label."""
    labels = x.labels
    if labels is None:
        labels = x.g.argmax(1).numpy() if x.c > 1 else x.g[:, 0].numpy()
    field = np.zeros((x.b, x.n))
    for b in range(x.b):
        values = np.unique(labels[b])
        for value in values if len(values) > 1 else []:
            region = labels[b] == value
            d = distance_transform_edt(region.reshape(x.space), x.spacing).ravel()[region]
            field[b, region] = 1 - (d - d.min()) / d.max()
    return field


def weighted_mean(x, v, cost):
    """(Σ_b Σ_c v_bc Σ_i w cost) / (Σ_b Σ_c v_bc W_b)"""
    return (v[:, :, None] * x.w * cost).sum() / (v * x.w.sum(2)).sum()


def boundary(x, t):
    """BD  L = (Σ_b Σ_c v_bc Σ_i w φ_c s_c) / n"""

    def signed(mask):
        d = to_other_side(mask, x.spacing)
        rim = min(x.spacing) if t["variant"] == 1 and d.any() else 0.0
        return np.where(mask, rim - d, d)

    phi = tensor(t["field"]).reshape(x.b, x.c, x.n) if "field" in t else each_mask(x, x.masks, signed)
    return weighted_mean(x, without_background(x, t), phi * x.s)


def hausdorff(x, t):
    """HD  L = (Σ_b Σ_c v_bc Σ_i w (s − g)² (d_G^α + d_S^α)) / n"""
    target_only, prediction_only, argmax, interior, log = (bool(t["variant"] & 1 << k) for k in range(5))

    def powered(mask):
        d = to_other_side(mask, x.spacing) ** t["alpha"]
        return np.where(mask, d, 0.0) if interior else d

    s = x.s.detach()
    found = torch.nn.functional.one_hot(s.argmax(1), x.c).movedim(2, 1) == 1 if argmax else s > 0.5
    found = (found & x.counted).numpy()
    if "field" in t:
        d = tensor(t["field"]).reshape(x.b, x.c, x.n)
    else:
        d = each_mask(x, x.masks, powered)
    if prediction_only:
        d = d * 0
    if not target_only and not t["flags"] & 2:
        d = d + each_mask(x, found, powered)
    loss = weighted_mean(x, without_background(x, t), (x.s - x.g) ** 2 * d)
    return torch.log1p(loss) if log else loss


COSTS = [
    cross_entropy,
    top_k,
    focal,
    distance_penalized,
    balanced_cross_entropy,
    power_cross_entropy,
    boundary,
    hausdorff,
]
REGIONS = [sensitivity_specificity, dice, iou, tversky, focal_tversky, asymmetric_similarity, log_dice,
           generalized_dice, penalty]  # fmt: skip
FORMS = {f.__name__: f for f in COSTS} | {f.__name__: average(f) for f in REGIONS}


def evaluate(case, terms):
    """The value of a weighted sum and its gradient."""
    x, total = Batch(case), tensor(0.0)
    for term in terms:
        loss = FORMS[term["form"]](x, term)
        if loss is not None:
            total = total + term["weight"] * (loss - term["flags"] % 2)
    gradient = torch.autograd.grad(total, x.z)[0] if total.requires_grad else torch.zeros_like(x.z)
    assert torch.isfinite(total) and torch.isfinite(gradient).all()
    return total.item(), [float(y) + 0.0 for y in gradient.flatten()]


def main():
    out = []
    for case, name, terms in entries():
        try:
            value, gradient = evaluate(CASES[case], terms)
        except Exception:
            print("failed:", case, name, file=sys.stderr)
            raise
        out.append({"case": case, "name": name, "terms": terms, "value": value, "grad": gradient})
    made_by = {"script": "golden.py", "torch": torch.__version__, "numpy": np.__version__,
               "scipy": scipy.__version__, "python": platform.python_version(), "date": "2026-11-27"}  # fmt: skip
    rows = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in out)
    cases = ",\n".join(f'"{name}":' + json.dumps(case, separators=(",", ":")) for name, case in CASES.items())
    print(f'{{"made_by":{json.dumps(made_by)},\n"cases":{{\n{cases}}},\n"entries":[\n{rows}]}}')


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
