"""What golden.py evaluates: small painted cases, and the terms that have a meaning on each."""

import math

SOFTMAX, SIGMOID, PROBABILITY, PROBABILITY_PER_CLASS = 1, 2, 3, 4


def paint(count, seed, low=-2.0, high=2.0):
    """Numbers of a prime period, four digits after the point."""
    return [
        round(low + (high - low) * ((k * k * 31 + k * 7919 + seed * 104729) % 2003) / 2003, 4) for k in range(count)
    ]


def voxels(shape):
    """Indices of every voxel, C order."""
    return [[k // math.prod(shape[a + 1 :]) % n for a, n in enumerate(shape)] for k in range(math.prod(shape))]


def disc(shape, centre, radius):
    return [math.dist(i, centre) <= radius for i in voxels(shape)]


def towards(logits, shape, labels, pull):
    """Logits that know something of the truth, so that masks of the prediction are not noise."""
    c, n, out = shape[1], math.prod(shape[2:]), list(logits)
    for k in range(len(out)):
        label, own = labels[k // (c * n) * n + k % n], (k // n % c if c > 1 else 1)
        out[k] = round(out[k] + (pull if label == own else 0.0), 4)
    return out


def case_a():
    """Labels, softmax, an ignored label, voxel weights with zeros; class 2 absent from the second sample; ties."""
    shape, space = [2, 3, 4, 4], (4, 4)
    first = [2 if i[1] == 3 else int(d) for i, d in zip(voxels(space), disc(space, (1, 1), 1.2))]
    second = [int(d) for d in disc(space, (2, 3), 1.5)]
    first[14] = second[0] = second[13] = 255
    labels = first + second
    pred = towards(paint(96, 1), shape, labels, 0.9)
    for c in range(3):  # four equal voxels, three of the first sample and one of the second
        for b, i in ((0, 8), (0, 12), (1, 4)):
            pred[(b * 3 + c) * 16 + i] = pred[c * 16 + 2]
    weight = [1.0, 0.5, 2.0, 1.0, 1.25, 0.0, 1.0, 0.75] * 4
    return {
        "shape": shape,
        "activation": SOFTMAX,
        "pred": pred,
        "labels": labels,
        "ignore": [255],
        "voxel_weight": weight,
    }


def case_b():
    """Labels, softmax, three dimensions, unequal spacing."""
    shape, space = [1, 4, 3, 3, 4], (3, 3, 4)
    labels = [3 if i[2] == 3 and i[1] > 0 else 2 if i[0] == 2 and i[1] == 0 else int(d)
              for i, d in zip(voxels(space), disc(space, (1, 2, 1), 1.5))]  # fmt: skip
    pred = towards(paint(144, 2), shape, labels, 1.2)
    return {"shape": shape, "activation": SOFTMAX, "pred": pred, "labels": labels, "spacing": [2.5, 1.0, 0.7]}


def case_c():
    """Soft maps, sigmoid."""
    return {"shape": [2, 3, 4, 3], "activation": SIGMOID, "pred": paint(72, 3, -3.0, 3.0),
            "maps": paint(72, 4, 0.0, 1.0)}  # fmt: skip


def case_d():
    """One class, sigmoid, 0/1 labels, an ignored label."""
    shape, space = [1, 1, 5, 6], (5, 6)
    labels = [int(d) for d in disc(space, (2, 2), 1.5)]
    labels[5] = labels[15] = -1
    return {"shape": shape, "activation": SIGMOID, "pred": towards(paint(30, 5), shape, labels, 1.5),
            "labels": labels, "ignore": [-1], "spacing": [1.0, 0.75]}  # fmt: skip


def case_e():
    """Exclusive probabilities, with exact zeros and ones on and off the truth."""
    raw, n = paint(45, 6, 0.05, 1.0), 15
    pred = [0.0] * 45
    for i in range(n):
        total = sum(raw[c * n + i] for c in range(3))
        first, second = (round(raw[c * n + i] / total, 4) for c in range(2))
        for c, s in enumerate((first, second, round(1.0 - first - second, 4))):
            pred[c * n + i] = s
    for i, certain in ((2, 0), (7, 1), (11, 0)):
        for c in range(3):
            pred[c * n + i] = float(c == certain)
    labels = [0, 0, 0, 1, 1, 0, 1, 1, 2, 0, 0, 2, 2, 1, 0]
    return {"shape": [1, 3, 3, 5], "activation": PROBABILITY, "pred": pred, "labels": labels}


def case_f():
    """Overlapping 0/1 maps, sigmoid; a full mask, an empty mask, a class that is not annotated."""
    space = (3, 4)
    maps = [disc(space, (1, 1), 1.5), disc(space, (2, 2), 1.0), [False] * 12,
            [True] * 12, disc(space, (2, 0), 2.0), disc(space, (0, 3), 1.0)]  # fmt: skip
    maps = [float(g) for m in maps for g in m]
    pred = [round(z + 2.0 * g - 1.0, 4) for z, g in zip(paint(72, 7), maps)]
    return {
        "shape": [2, 3, *space],
        "activation": SIGMOID,
        "pred": pred,
        "maps": maps,
        "class_present": [1, 1, 1, 1, 0, 1],
    }


def case_g():
    """Probabilities per class, some outside [0, 1], soft maps."""
    pred = paint(32, 8, 0.02, 0.98)
    pred[3], pred[9], pred[20], pred[26] = -0.125, 1.25, 1.0, 0.0
    return {"shape": [1, 2, 4, 4], "activation": PROBABILITY_PER_CLASS, "pred": pred, "maps": paint(32, 9, 0.0, 1.0)}


def case_h():
    """One dimension, one class as a probability, one value exactly at a half."""
    labels = [0, 0, 1, 1, 1, 0, 0, 0, 0] + [1, 1, 0, 0, 0, 0, 1, 1, 1]
    pred = [round(0.6 * s + 0.3 * g, 4) for s, g in zip(paint(18, 10, 0.05, 1.0), labels)]
    pred[5] = 0.5
    return {"shape": [2, 1, 9], "activation": PROBABILITY, "pred": pred, "labels": labels, "spacing": [1.5]}


def case_p():
    """A perfect prediction, as probabilities."""
    labels = [0, 0, 1, 1, 1, 0, 0]
    pred = [float(g == c) for c in range(2) for g in labels]
    return {"shape": [1, 2, 7], "activation": PROBABILITY, "pred": pred, "labels": labels}


def case_w():
    """Logits far from 0, each class a variable of its own."""
    return {"shape": [1, 2, 4], "activation": SIGMOID, "pred": [500.0, -40.0, 40.0, -700.0, -35.0, 800.0, 3.0, 60.0],
            "maps": [1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0]}  # fmt: skip


def case_x():
    """Logits far from each other: certain and right, certain and wrong."""
    labels = [0, 1, 2, 0, 1, 2, 0, 1]
    pred = [300.0, -40.0, 2.0, 0.0, 700.0, 30.0, 1.0, -5.0,
            -300.0, 35.0, 40.0, 0.0, -700.0, 0.0, 50.0, -5.0,
            0.0, -20.0, 90.0, 0.0, 0.0, -30.0, -50.0, 25.0]  # fmt: skip
    return {"shape": [1, 3, 8], "activation": SOFTMAX, "pred": pred, "labels": labels}


def case_y():
    """Four dimensions, one-hot maps, softmax, every spacing another."""
    shape, space = [1, 2, 2, 2, 3, 3], (2, 2, 3, 3)
    labels = [int(d) for d in disc(space, (0, 1, 1, 0), 1.3)]
    maps = [float(label == c) for c in range(2) for label in labels]
    pred = towards(paint(72, 15), shape, labels, 1.0)
    return {"shape": shape, "activation": SOFTMAX, "pred": pred, "maps": maps, "spacing": [3.0, 1.25, 0.5, 0.8]}


def case_z():
    """A sample of ignored voxels only between a mixed one and one without its object; two ignored labels."""
    labels = [0, 1, 1, 0, 7] + [7, 9, 9, 7, 7] + [0, 0, 9, 0, 0]
    pred = towards(paint(30, 16), [3, 2, 5], labels, 1.0)
    return {
        "shape": [3, 2, 5],
        "activation": SOFTMAX,
        "pred": pred,
        "labels": labels,
        "ignore": [7, 9],
        "spacing": [2.0],
    }


def of_many(c):
    """Labels, softmax, as many classes as have a kernel of their own, and more; some are in no voxel."""
    shape, labels = [1, c, 2, 4], [(5 * k + k * k) % c for k in range(8)]
    weight = [1.0, 0.5, 2.0, 1.0, 0.0, 1.25, 0.75, 1.0]
    pred = towards(paint(8 * c, 20 + c), shape, labels, 0.75)
    return {"shape": shape, "activation": SOFTMAX, "pred": pred, "labels": labels, "voxel_weight": weight}


CASES = {name[-1].upper(): make() for name, make in sorted(globals().items()) if name.startswith("case_")}
CASES |= {str(c): of_many(c) for c in range(5, 10)}

# Defaults of each form, every number written out. 0 in an average or a variant is the default of the header.
REGION = {"class_average": 0, "sample_average": 0, "absent": 0, "smooth_numerator": 1e-5, "smooth_denominator": 1e-5}
DEFAULTS = {
    "cross_entropy": {"label_smoothing": 0.0, "normalizer": 0},
    "top_k": {"variant": 0, "k": 0.1},
    "focal": {"gamma": 2.0},
    "distance_penalized": {},
    "balanced_cross_entropy": {"beta": 0.5},
    "power_cross_entropy": {"gamma": 0.3},
    "sensitivity_specificity": {**REGION, "smooth_numerator": 0.0, "alpha": 0.05},
    "dice": {**REGION, "variant": 0},
    "iou": {**REGION, "variant": 0},
    "tversky": {**REGION, "alpha": 0.3, "beta": 0.7},
    "generalized_dice": {**REGION, "variant": 0},
    "focal_tversky": {**REGION, "alpha": 0.3, "beta": 0.7, "gamma": 4 / 3},
    "asymmetric_similarity": {**REGION, "beta": 1.5},
    "penalty": {**REGION, "variant": 0, "k": 2.5},
    "log_dice": {**REGION, "gamma": 0.3},
    "boundary": {"variant": 0},
    "hausdorff": {"variant": 0, "alpha": 2.0},
}


def term(form, weight=1.0, flags=0, **parameters):
    return {"form": form, "weight": weight, "flags": flags, **DEFAULTS[form], **parameters}


def presets(c):
    """The named sums; λ = 0.01 on boundary, the background left out of nnU-Net's and Hausdorff's Dice."""
    objects = {"class_weight": [0.0] + [1.0] * (c - 1)} if c > 1 else {}
    eps = {"smooth_numerator": 1.0, "smooth_denominator": 1.0}
    return {
        "preset dice_cross_entropy": [term("dice", **objects), term("cross_entropy")],
        "preset dice_top_k": [term("dice", **objects), term("top_k")],
        "preset dice_focal": [term("dice"), term("focal")],
        "preset combo": [term("balanced_cross_entropy", 0.5), term("dice", 0.5, 1, **eps)],
        "preset exponential_logarithmic": [term("log_dice", 0.8), term("power_cross_entropy", 0.2)],
        "preset generalized_dice_boundary": [term("generalized_dice"), term("boundary", 0.01)],
        "preset dice_hausdorff": [term("dice", **objects), term("hausdorff")],
    }


SOME = ("dice", "sensitivity_specificity", "generalized_dice", "log_dice")
REGION_FORMS = [form for form, defaults in DEFAULTS.items() if "absent" in defaults]


def named(terms):
    """One entry per term, named by what differs from the defaults."""
    for t in terms:
        other = {name: value for name, value in t.items() if name != "form" and value != DEFAULTS[t["form"]].get(name)}
        words = [f"{name}={value}" for name, value in other.items()
                 if name not in ("field", "class_weight") and (name, value) not in (("weight", 1.0), ("flags", 0))]  # fmt: skip
        words += ["class_weight"] * ("class_weight" in other)
        words += [f"field of {len(other['field'])}"] if "field" in other else []
        yield " ".join([t["form"], *words]), [t]


def every_loss(weights):
    """Defaults and variants that serve any target."""
    return [
        *[term(form) for form in DEFAULTS if form not in ("distance_penalized", "boundary", "hausdorff")],
        term("cross_entropy", label_smoothing=0.1),
        term("cross_entropy", class_weight=weights),
        term("cross_entropy", class_weight=weights, normalizer=1, label_smoothing=0.05),
        term("top_k", k=0.35),
        term("top_k", k=1.0),
        term("top_k", k=0.25, class_weight=weights),
        term("top_k", variant=1, k=0.4),
        term("focal", gamma=0.0),
        term("focal", gamma=1.5, class_weight=weights),
        term("balanced_cross_entropy", beta=0.7, class_weight=weights),
        term("power_cross_entropy", gamma=1.0, class_weight=weights),
        term("sensitivity_specificity", alpha=0.4, smooth_denominator=0.5, class_weight=weights),
        term("dice", variant=1),
        term("dice", smooth_numerator=0.0, smooth_denominator=0.25, class_weight=weights),
        term("iou", variant=1),
        term("iou", smooth_numerator=0.5, smooth_denominator=0.5),
        term("tversky", alpha=0.8, beta=0.1, class_weight=weights),
        term("generalized_dice", variant=1),
        term("generalized_dice", variant=2, class_weight=weights),
        term("focal_tversky", alpha=0.6, beta=0.4, gamma=0.75),
        term("penalty", variant=1, k=0.8),
        term("log_dice", gamma=1.7, class_weight=weights),
    ]


def averages(forms=REGION_FORMS):
    """Every way to average: the classes pooled, the samples pooled, absent classes skipped."""
    ways = [{"absent": 1}, {"sample_average": 2}, {"class_average": 1}, {"class_average": 1, "sample_average": 2},
            {"sample_average": 2, "absent": 1}]  # fmt: skip
    joint = ("generalized_dice", "penalty")
    return [term(form, **way) for form in forms for way in ways if not (form in joint and "class_average" in way)]


def no_choice(t):
    """False where it is open how a class that is not annotated acts: on frequencies, on a threshold without weights."""
    frequencies = t["form"] == "power_cross_entropy" and "class_weight" not in t
    return not frequencies and not (t["form"] == "top_k" and t["variant"] == 1)


def distances(weights):
    """The boundary losses; the largest of one class says nothing."""
    argmax = (
        [] if len(weights) == 1 else [term("hausdorff", variant=4), term("hausdorff", variant=4 | 8 | 16, alpha=1.5)]
    )
    return [
        term("boundary"),
        term("boundary", variant=1),
        term("boundary", class_weight=weights),
        term("hausdorff"),
        term("hausdorff", alpha=1.0, class_weight=weights),
        *[term("hausdorff", variant=variant) for variant in (1, 2, 8, 16)],
        term("hausdorff", variant=8 | 16, alpha=1.5),
        *argmax,
    ]


def fields(case):
    b, c, *space = CASES[case]["shape"]
    count = b * c * math.prod(space)
    phi, weight, penalty = paint(count, 11, -3.0, 3.0), paint(count, 12, 0.0, 4.0), paint(count // c, 13, 0.0, 1.0)
    return [
        term("boundary", field=phi),
        term("hausdorff", field=weight),
        term("hausdorff", field=weight, flags=2),
        term("distance_penalized", field=penalty),
        term("distance_penalized", field=paint(count, 14, 0.0, 1.0)),
    ]


def entries():
    """(case, name, terms) of every golden entry."""
    sums = {case: presets(CASES[case]["shape"][1]) for case in CASES}
    nnunet = [term("dice", flags=1, class_weight=[0.0, 1.0, 1.0], sample_average=2), term("cross_entropy", 0.5)]
    lists = {
        "A": [*every_loss([0.5, 1.0, 2.0]), *averages(("dice", "generalized_dice")),
              *distances([0.25, 1.0, 3.0]), term("distance_penalized"),
              term("top_k", k=0.31)],  # eight places of 26: six voxels above the cut, four share the other two
        "B": [term(form) for form in DEFAULTS] + distances([0.5, 0.0, 1.0, 2.0])[1:3],
        "C": [*every_loss([1.0, 0.0, 3.0]), *fields("C")],
        "D": [*every_loss([2.0]), *distances([3.0]), term("distance_penalized")],
        "E": [*every_loss([1.0, 0.5, 2.0]), *distances([1.0, 1.0, 0.5]), term("distance_penalized")],
        "F": [*filter(no_choice, every_loss([0.5, 1.0, 2.0])), *averages(SOME[:3]),
              *distances([0.5, 0.5, 1.0])],
        "G": [*every_loss([1.0, 2.0]), *fields("G")],
        "H": [*every_loss([1.0]), *averages(("dice",)), *distances([1.0]), term("distance_penalized")],
        "Y": [*distances([1.0, 2.0]), term("distance_penalized")],
        "Z": [*every_loss([1.0, 3.0]), *averages((*SOME, "focal_tversky", "penalty")),
              *distances([2.0, 1.0]), term("distance_penalized")],
        "P": [
            term("dice"), term("tversky"), term("focal"), term("cross_entropy"), term("power_cross_entropy"),
            term("log_dice"), term("focal_tversky"), term("focal_tversky", smooth_denominator=1.2e-5),
            term("focal_tversky", smooth_numerator=1.2e-5), term("log_dice", smooth_denominator=1.2e-5),
            term("log_dice", smooth_numerator=1.2e-5), term("hausdorff"), term("boundary"), term("generalized_dice"),
        ],
        "W": [term(form) for form in DEFAULTS if form != "distance_penalized"],
        "X": [term(form) for form in DEFAULTS],
        **{str(c): [term(form) for form in DEFAULTS] for c in range(5, 10)},
    }  # fmt: skip
    for case, terms in lists.items():
        for name, single in named(terms):
            yield case, name, single
    for case in "ADZ":
        for name, preset in sums[case].items():
            yield case, name, preset
    yield "A", "nnU-Net's Dice less one, pooled samples", nnunet
    yield "A", "four terms", [term("generalized_dice", 1.5), term("focal", 0.5, gamma=3.0), term("boundary", 0.25),
                              term("top_k", 2.0, k=0.5)]  # fmt: skip
