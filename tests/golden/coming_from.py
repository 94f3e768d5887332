"""Losses of other libraries, in value and gradient, for docs/coming_from.md.

    pip install torch scipy && pip install --no-deps monai kornia kornia_rs keras segmentation-models-pytorch nnunetv2 \
        absl-py h5py ml-dtypes namex optree packaging rich
    KERAS_BACKEND=torch python coming_from.py > coming_from.json

Every row is a call of a library, evaluated as it is written. Names in a call: z logits (or probabilities) [B, C, ...],
y labels [B, ...], g maps or one-hot labels [B, C, ...], v class weights. Where the library rounds to f32 on the way, a
row is run twice: as it is ("shipped": its value, and how far its gradient is apart, in parts of the largest entry), and
with its casts to f32 made casts to f64. Kervadec's boundary loss is on no registry: his published formula is written
out below.
"""

import contextlib
import functools
import importlib.metadata
import importlib.util
import json
import platform
import sys
import types
import warnings
from unittest import mock

import keras
import kornia.losses
import monai.losses
import numpy as np
import torch
import torch.nn.functional
from golden_inputs import disc, paint, towards, voxels
from nnunetv2.training.loss import compound_losses, dice
from scipy.ndimage import distance_transform_edt

# The losses of smp, without its encoders and what they import.
smp = types.ModuleType("segmentation_models_pytorch")
smp.__path__ = list(importlib.util.find_spec(smp.__name__).submodule_search_locations)
sys.modules[smp.__name__] = smp
import segmentation_models_pytorch.losses  # noqa: E402

V = [0.5, 2.0, 1.25]  # exact in f32, in which some libraries keep class weights


def labelled(shape, labels, seed, **more):
    return {"shape": shape, "pred": towards(paint(np.prod(shape), seed), shape, labels, 1.1), "labels": labels, **more}


def masked(shape, masks, seed, **more):
    pred = [round(z + 1.1 * g, 4) for z, g in zip(paint(np.prod(shape), seed), masks)]
    return {"shape": shape, "pred": pred, "masks": masks, **more}


def plane(ignored=(), absent=()):
    """Two samples of a disc and a bar in 4 x 4 pixels."""
    first = [2 if i[1] == 3 else int(d) for i, d in zip(voxels((4, 4)), disc((4, 4), (1, 1), 1.2))]
    second = [2 if i[0] == 0 and i[1] < 3 else int(d) for i, d in zip(voxels((4, 4)), disc((4, 4), (2, 3), 1.5))]
    samples = [[0 if b in absent and label == 2 else label for label in x] for b, x in enumerate([first, second])]
    return [255 if i in ignored else label for i, label in enumerate(samples[0] + samples[1])]


def volume():
    return [2 if i[2] == b * 3 and i[1] < 2 else int(d)
            for b in (0, 1) for i, d in zip(voxels((2, 3, 4)), disc((2, 3, 4), (1, 1, 2 - b), 1.1))]  # fmt: skip


def overlapping(space, centres, radii):
    return [int(d) for centre, radius in zip(centres, radii) for d in disc(space, centre, radius)]


REGIONS = overlapping((4, 4), [(1, 1), (1, 2), (3, 0), (2, 2), (2, 1), (0, 3)], [1.5, 1.2, 1.0, 1.5, 2.0, 1.0])
UNKNOWN = [3, 12, 16, 30]
SHARES = torch.tensor(paint(96, 9)).reshape(2, 3, 16).double().softmax(1).mul(1024).round()
SHARES[:, 0] = 1024 - SHARES[:, 1] - SHARES[:, 2]

CASES = {
    "plane": labelled([2, 3, 4, 4], plane(), 1),
    "volume": labelled([2, 3, 2, 3, 4], volume(), 2),
    "ignored": labelled([2, 3, 4, 4], plane(ignored=(0, 13, 18)), 3, ignore=[255]),
    "one absent": labelled([2, 3, 4, 4], plane(absent=(1,)), 4),
    "all absent": labelled([2, 3, 4, 4], plane(absent=(0, 1)), 5),
    "object": labelled([2, 1, 4, 4], [int(label == 1) for label in plane()], 6),
    "solid": labelled([1, 1, 2, 3, 4], [int(label == 1) for label in volume()[:24]], 7),
    "regions": masked([2, 3, 4, 4], REGIONS, 8),
    "masked regions": masked([2, 3, 4, 4], REGIONS, 8, voxel_weight=[float(i not in UNKNOWN) for i in range(32)]),
    "shares": {"shape": [2, 3, 4, 4], "pred": (SHARES / 1024).flatten().tolist(), "labels": plane()},
    "soft": {"shape": [2, 3, 4, 4], "pred": paint(96, 10), "maps": (SHARES / 1024).flatten().tolist()},
    "oblong": labelled([2, 3, 4, 4], plane(), 11, spacing=[1.0, 2.5]),
    "fine": labelled([2, 3, 4, 4], plane(), 12, spacing=[0.7, 2.5]),
}


def one_hot2dist(labels, classes, spacing):
    """Kervadec's, in f64: outside the distance to the class, inside -(distance - 1), whatever the spacing."""
    maps = np.zeros((classes, *labels.shape))
    for c in range(classes):
        inside = labels == c
        if inside.any():
            deep = (distance_transform_edt(inside, sampling=spacing) - 1) * inside
            maps[c] = distance_transform_edt(~inside, sampling=spacing) * ~inside - deep
    return maps


def boundary_loss(probabilities, maps, idc):
    return torch.einsum("bk...,bk...->bk...", probabilities[:, idc], maps[:, idc]).mean()


class Inputs:
    """A case as tensors, its prediction a leaf of the graph."""

    def __init__(self, case):
        b, c, *space = shape = case["shape"]
        self.z = torch.tensor(case["pred"], dtype=torch.float64).reshape(shape).requires_grad_()
        self.v = torch.tensor(V, dtype=torch.float64)
        self.y = self.counted = None
        if "labels" in case:
            self.y = torch.tensor(case["labels"]).reshape(b, *space)
            one_hot = [(self.y == (k if c > 1 else 1)).double() for k in range(c)]
            self.g = torch.stack(one_hot, 1)
        else:
            self.g = torch.tensor(case.get("masks") or case["maps"], dtype=torch.float64).reshape(shape)
        if "voxel_weight" in case:
            self.counted = torch.tensor(case["voxel_weight"]).double().reshape(b, 1, *space)
        self.spacing = case.get("spacing")

    def names(self):
        return {"torch": torch, "z": self.z, "y": self.y, "g": self.g, "v": self.v}

    def labels_or_maps(self):
        return self.g if self.y is None else self.y[:, None]


def torch_(call, x):
    return eval(call, vars(torch.nn.functional) | x.names())


def kornia_(call, x):
    return eval(call, vars(kornia.losses) | x.names())


def nnunet(call, x):
    names = vars(compound_losses) | {"dice": {"batch_dice": False, "smooth": 1e-5, "do_bg": False, "ddp": False}}
    target = x.labels_or_maps()
    if x.counted is not None:  # the last channel is what is unknown
        target = torch.cat([target, 1 - x.counted], 1)
    return eval(call, names)(x.z, target)


def monai_(call, x):
    loss = eval(call, vars(monai.losses) | x.names())
    labels = "to_onehot_y=True" in call
    return loss(x.z, x.y[:, None] if labels else x.g)


def smp_(call, x):
    loss = eval(call, vars(segmentation_models_pytorch.losses))
    return loss(x.z, x.g if x.y is None else x.y)


def keras_(call, x):
    """Channels last, and probabilities."""
    probabilities = x.z.softmax(1) if x.z.shape[1] > 1 else x.z.sigmoid()
    return eval(call, vars(keras.losses))(x.g.movedim(1, -1), probabilities.movedim(1, -1))


def kervadec(call, x):
    maps = np.stack([one_hot2dist(labels.numpy(), x.z.shape[1], x.spacing) for labels in x.y])
    x.field = maps.flatten().tolist()
    return eval(call, {"BoundaryLoss": lambda idc: boundary_loss(x.z.softmax(1), torch.tensor(maps), idc)})


class Double:
    """torch, whose f32 is f64."""

    float32 = torch.float64

    def __getattr__(self, name):
        return getattr(torch, name)


def doubled():
    """The casts to f32 of MONAI, nnU-Net and Keras as casts to f64."""
    one_hot = functools.partial(monai.networks.one_hot, dtype=torch.float64)
    stack = contextlib.ExitStack()
    stack.enter_context(mock.patch.object(torch.Tensor, "float", torch.Tensor.double))
    for module in (monai.losses.dice, monai.losses.focal_loss, monai.losses.tversky, monai.losses.hausdorff_loss):
        stack.enter_context(mock.patch.object(module, "one_hot", one_hot))
    stack.enter_context(mock.patch.object(dice, "torch", Double()))
    stack.enter_context(mock.patch.object(keras.src.losses.loss.ops, "divide_no_nan", torch.divide))
    return stack


FLAT, BOTH = ["plane"], ["plane", "volume"]
ROWS = [
    (torch_, "cross_entropy(z, y)", BOTH),
    (torch_, "cross_entropy(z, y, weight=v)", FLAT),
    (torch_, "cross_entropy(z, y, ignore_index=255)", ["ignored"]),
    (torch_, "cross_entropy(z, y, label_smoothing=0.1)", BOTH),
    (torch_, "cross_entropy(z, y, weight=v, ignore_index=255, label_smoothing=0.1)", ["ignored"]),
    (torch_, "cross_entropy(z, g, weight=v, label_smoothing=0.1)", ["soft"]),
    (torch_, "cross_entropy(z, y, weight=v, reduction='sum')", FLAT),
    (torch_, "binary_cross_entropy_with_logits(z, g)", ["object", "solid", "regions"]),
    (torch_, "binary_cross_entropy_with_logits(z, g, pos_weight=torch.tensor(3.0))", ["regions"]),
    (nnunet, "DC_and_CE_loss(dice, {}, dice_class=MemoryEfficientSoftDiceLoss)", BOTH),
    (nnunet, "DC_and_CE_loss({**dice, 'batch_dice': True}, {}, dice_class=MemoryEfficientSoftDiceLoss)", BOTH),
    (nnunet, "DC_and_CE_loss(dice, {}, ignore_label=255, dice_class=MemoryEfficientSoftDiceLoss)", ["ignored"]),
    (nnunet, "DC_and_CE_loss({}, {}, weight_ce=0.5, weight_dice=2)", FLAT),
    (nnunet, "DC_and_topk_loss(dice, {'k': 10})", BOTH),
    (nnunet, "DC_and_topk_loss(dice, {'k': 10}, ignore_label=255)", ["ignored"]),
    (nnunet, "DC_and_BCE_loss({}, {**dice, 'do_bg': True})", ["regions"]),
    (nnunet, "DC_and_BCE_loss({}, {**dice, 'do_bg': True}, use_ignore_label=True)", ["masked regions"]),
    (monai_, "DiceLoss(softmax=True, to_onehot_y=True)", BOTH),
    (monai_, "DiceLoss(softmax=True, to_onehot_y=True, include_background=False, batch=True)", BOTH),
    (monai_, "DiceLoss(softmax=True, to_onehot_y=True, squared_pred=True)", FLAT),
    (monai_, "DiceLoss(softmax=True, to_onehot_y=True, jaccard=True)", FLAT),
    (monai_, "DiceLoss(softmax=True, to_onehot_y=True, squared_pred=True, jaccard=True)", FLAT),
    (monai_, "DiceLoss(softmax=True, to_onehot_y=True, weight=v)", FLAT),
    (monai_, "DiceLoss(softmax=True, to_onehot_y=True, reduction='sum')", FLAT),
    (monai_, "DiceLoss(softmax=True, to_onehot_y=True, ignore_index=255)", ["ignored"]),
    (monai_, "DiceLoss(sigmoid=True)", ["object", "solid", "regions"]),
    (monai_, "DiceCELoss(softmax=True, to_onehot_y=True)", BOTH),
    (monai_, "DiceCELoss(softmax=True, to_onehot_y=True, include_background=False, weight=v, lambda_dice=0.5)", FLAT),
    (monai_, "DiceCELoss(softmax=True, weight=v, label_smoothing=0.1)", FLAT),
    (monai_, "DiceCELoss(sigmoid=True)", ["object", "solid"]),
    (monai_, "DiceCELoss(sigmoid=True, weight=torch.tensor(3.0))", ["object"]),
    (monai_, "DiceCELoss(sigmoid=True, to_onehot_y=True)", FLAT),
    (monai_, "DiceFocalLoss(softmax=True, to_onehot_y=True)", BOTH),
    (monai_, "DiceFocalLoss(sigmoid=True)", ["object", "solid", "regions"]),
    (monai_, "DiceFocalLoss(sigmoid=True, include_background=False, gamma=3.0, lambda_focal=0.5)", ["regions"]),
    (monai_, "DiceFocalLoss(sigmoid=True, weight=v)", ["regions"]),
    (monai_, "FocalLoss(use_softmax=True, to_onehot_y=True)", BOTH),
    (monai_, "FocalLoss(use_softmax=True, to_onehot_y=True, alpha=0.25)", FLAT),
    (monai_, "FocalLoss(use_softmax=True, to_onehot_y=True, weight=v)", FLAT),
    (monai_, "FocalLoss(use_softmax=True, to_onehot_y=True, ignore_index=255)", ["ignored"]),
    (monai_, "FocalLoss(to_onehot_y=True, ignore_index=255)", ["ignored"]),
    (monai_, "FocalLoss()", ["object", "solid", "regions"]),
    (monai_, "FocalLoss(include_background=False)", ["regions"]),
    (monai_, "FocalLoss(alpha=0.25)", ["object", "regions"]),
    (monai_, "GeneralizedDiceLoss(softmax=True, to_onehot_y=True)", BOTH),
    (monai_, "GeneralizedDiceLoss(softmax=True, to_onehot_y=True, smooth_nr=0, smooth_dr=0)", BOTH + ["one absent"]),
    (monai_, "GeneralizedDiceLoss(softmax=True, to_onehot_y=True, batch=True)", FLAT),
    (monai_, "GeneralizedDiceLoss(softmax=True, to_onehot_y=True, w_type='simple', smooth_nr=0, smooth_dr=0)", FLAT),
    (monai_, "GeneralizedDiceLoss(softmax=True, to_onehot_y=True, w_type='uniform')", FLAT),
    (monai_, "GeneralizedDiceLoss(sigmoid=True, include_background=False, smooth_nr=0, smooth_dr=0)", ["regions"]),
    (monai_, "TverskyLoss(softmax=True, to_onehot_y=True, alpha=0.3, beta=0.7)", BOTH),
    (monai_, "TverskyLoss(softmax=True, to_onehot_y=True, include_background=False, batch=True)", FLAT),
    (monai_, "TverskyLoss(sigmoid=True, alpha=0.3, beta=0.7)", ["object", "solid"]),
    (monai_, "HausdorffDTLoss(softmax=True, to_onehot_y=True)", BOTH + ["one absent"]),
    (monai_, "HausdorffDTLoss(softmax=True, to_onehot_y=True, include_background=True, alpha=1.5)", FLAT),
    (monai_, "HausdorffDTLoss(sigmoid=True)", ["object", "solid"]),
    (monai_, "LogHausdorffDTLoss(softmax=True, to_onehot_y=True)", FLAT),
    (smp_, "DiceLoss('multiclass')", BOTH),
    (smp_, "DiceLoss('multiclass', smooth=1.0, class_weights=[0.5, 2.0, 1.25])", FLAT),
    (smp_, "DiceLoss('multiclass', classes=[1, 2])", FLAT),
    (smp_, "DiceLoss('multiclass', smooth=1.0)", ["all absent"]),
    (smp_, "DiceLoss('multiclass', log_loss=True)", FLAT),
    (smp_, "DiceLoss('multiclass', ignore_index=255)", ["ignored"]),
    (smp_, "DiceLoss('multiclass', from_logits=False)", ["shares"]),
    (smp_, "DiceLoss('binary')", ["object", "solid"]),
    (smp_, "DiceLoss('multilabel')", ["regions"]),
    (smp_, "TverskyLoss('multiclass', alpha=0.3, beta=0.7)", BOTH),
    (smp_, "TverskyLoss('binary', alpha=0.3, beta=0.7, gamma=0.75)", ["object"]),
    (kornia_, "focal_loss(z, y, alpha=None, reduction='mean')", BOTH),
    (kornia_, "focal_loss(z, y, alpha=0.25, reduction='mean')", FLAT),
    (kornia_, "focal_loss(z, y, alpha=None, weight=v, reduction='mean')", FLAT),
    (kornia_, "focal_loss(z, y, alpha=None, ignore_index=255, reduction='mean')", ["ignored"]),
    (kornia_, "focal_loss(z, y, alpha=None, reduction='sum')", FLAT),
    (kornia_, "binary_focal_loss_with_logits(z, g, alpha=None, reduction='mean')", ["object", "solid", "regions"]),
    (kornia_, "binary_focal_loss_with_logits(z, g, reduction='mean')", ["object", "regions"]),
    (keras_, "Dice()", BOTH),
    (keras_, "Dice(axis=None)", ["object"]),
    (keras_, "Dice(axis=(1, 2, 3))", FLAT),
    (keras_, "Dice(axis=(1, 2))", FLAT),
    (keras_, "Dice(axis=(0, 1, 2))", FLAT),
    (keras_, "Tversky(alpha=0.3, beta=0.7)", BOTH),
    (keras_, "Tversky(alpha=0.3, beta=0.7, axis=None)", ["object"]),
    (keras_, "Tversky(alpha=0.3, beta=0.7, axis=(1, 2))", FLAT),
    (kervadec, "BoundaryLoss(idc=[1, 2])", BOTH + ["one absent", "oblong"]),
    (kervadec, "BoundaryLoss(idc=[0, 1, 2])", ["fine"]),
]


def outcome(run, call, case):
    x = Inputs(CASES[case])
    value = run(call, x)
    gradient = torch.autograd.grad(value, x.z)[0]
    assert torch.isfinite(value) and torch.isfinite(gradient).all()
    return {"value": value.item(), "grad": [g + 0.0 for g in gradient.flatten().tolist()]}, x


def row(run, call, case):
    """The outcome in f64, and as shipped where that is another one."""
    shipped, _ = outcome(run, call, case)
    with doubled():
        exact, x = outcome(run, call, case)
    out = {"from": run.__name__.strip("_"), "call": call, "case": case} | exact
    if shipped != exact:
        largest = max(map(abs, exact["grad"]))
        apart = max(abs(a - b) for a, b in zip(shipped["grad"], exact["grad"])) / largest
        out["shipped"] = {"value": shipped["value"], "grad_apart": apart}
    if case == "fine":
        out["field"] = x.field
    return out


def main():
    names = ["torch", "nnunetv2", "monai", "segmentation_models_pytorch", "kornia", "keras", "numpy", "scipy"]
    made_by = {"script": "coming_from.py", "date": "2026-11-23", "python": platform.python_version()}
    made_by |= {name: importlib.metadata.version(name) for name in names}
    made_by["boundary-loss"] = "formula of losses.py and utils.py at 171c32d88a4ce59af8be46fb88b96d3637b9515b"
    rows = [row(run, call, case) for run, call, cases in ROWS for case in cases]
    compact = functools.partial(json.dumps, separators=(",", ":"))
    cases = ",\n".join(f"{compact(name)}:{compact(case)}" for name, case in CASES.items())
    rows = ",\n".join(map(compact, rows))
    print(f'{{"made_by":{json.dumps(made_by)},\n"cases":{{\n{cases}}},\n"rows":[\n{rows}]}}')


if __name__ == "__main__":
    torch.set_num_threads(1)
    keras.config.set_floatx("float64")
    warnings.simplefilter("ignore")
    main()
