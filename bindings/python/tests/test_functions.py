"""The functions on arrays of NumPy: values and gradients against the equations in f64, dtypes, layouts, errors."""

import multiprocessing
import threading

import numpy as np
import pytest

import segloss_rs as sl

LOSSES = [
    sl.cross_entropy(),
    sl.cross_entropy(label_smoothing=0.1, class_weight=[1, 2, 0.5], normalizer="class_weight"),
    sl.top_k(k=0.3),
    sl.top_k(k=0.4, selection="threshold"),
    sl.focal(gamma=1.5),
    sl.distance_penalized(),
    sl.sensitivity_specificity(),
    sl.dice(),
    sl.dice(squares="squared", sample_average="pooled", exclude_background=True),
    sl.iou(class_average="pooled"),
    sl.tversky(alpha=0.2, beta=0.8, absent="skipped"),
    sl.generalized_dice(volume="inverse"),
    sl.focal_tversky(),
    sl.asymmetric_similarity(),
    sl.penalty(),
    sl.boundary(rim_zero=True),
    sl.hausdorff(distances="target", log=True),
    sl.balanced_cross_entropy(beta=0.3),
    sl.power_cross_entropy(),
    sl.log_dice(),
]


def batch(shape=(2, 3, 5, 6), seed=0):
    generator = np.random.default_rng(seed)
    return generator.normal(size=shape), generator.integers(0, shape[1], (shape[0], *shape[2:])).astype(np.uint8)


def softmax(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def one_hot(y, classes):
    return np.moveaxis(np.eye(classes)[y], -1, 1)


def test_dice_and_cross_entropy_equal_their_equations():
    z, y = batch()
    s, g = softmax(z), one_hot(y, 3)
    overlap = 2 * (s * g).sum((2, 3)) + 1e-5
    dice = (1 - overlap / (s.sum((2, 3)) + g.sum((2, 3)) + 1e-5)).mean()
    cross_entropy = -(g * np.log(s)).sum(1).mean()
    assert sl.value(sl.dice(), z, y, activation="softmax") == pytest.approx(dice, rel=1e-13)
    assert sl.value(sl.cross_entropy(), z, y, activation="softmax") == pytest.approx(cross_entropy, rel=1e-13)
    both = sl.value([0.5 * sl.dice(weight=4), sl.cross_entropy() * 0.5], z, y, activation="softmax")
    assert both == pytest.approx(2 * dice + 0.5 * cross_entropy, rel=1e-13)


@pytest.mark.parametrize("term", LOSSES, ids=lambda term: f"{term.loss}, {dict(term.options)}")
@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_gradient_equals_central_differences(term, activation):
    z, y = batch(seed=3)
    target = y if activation == "softmax" else one_hot(y, 3).astype(np.uint8)
    value, gradient = sl.value_and_grad(term, z, target, activation=activation)
    assert np.isfinite(value) and gradient.dtype == np.float64
    direction = np.random.default_rng(1).normal(size=z.shape)
    h = 1e-6
    ahead, behind = (sl.value(term, z + x * direction, target, activation=activation) for x in (h, -h))
    assert (gradient * direction).sum() == pytest.approx((ahead - behind) / (2 * h), rel=2e-6, abs=2e-9)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("label", [np.uint8, np.int16, np.int32, np.int64, np.uint64])
def test_every_dtype_gives_the_same_loss(dtype, label):
    z, y = batch()
    z = z.astype(np.float16)
    expected, gradient = sl.value_and_grad(sl.dice(), z.astype(np.float64), y, activation="softmax")
    value, ours = sl.value_and_grad(sl.dice(), z.astype(dtype), y.astype(label), activation="softmax")
    assert value == pytest.approx(expected, rel=1e-6)
    assert ours.dtype == dtype
    assert np.abs(ours - gradient).max() <= (1e-3 if dtype == np.float16 else 1e-6) * np.abs(gradient).max()


def test_strides_are_read_where_they_are():
    z, y = batch()
    expected, gradient = sl.value_and_grad(sl.dice(), z, y, activation="softmax")
    last = np.moveaxis(np.ascontiguousarray(np.moveaxis(z, 1, -1)), -1, 1)
    wide = np.zeros((*z.shape[:-1], 2 * z.shape[-1]))[..., ::2]
    wide[...] = z
    reverse = np.ascontiguousarray(z[..., ::-1])[..., ::-1]
    for view in (last, wide, reverse, np.asfortranarray(z)):
        value, ours = sl.value_and_grad(sl.dice(), view, np.asfortranarray(y), activation="softmax")
        assert value == expected and np.array_equal(ours, gradient)


def test_output_is_written_where_it_is_asked_for():
    z, y = batch()
    z = z.astype(np.float32)
    out = np.full((2, 5, 6, 3), np.nan)
    place = np.moveaxis(out, -1, 1)
    _, gradient = sl.value_and_grad(sl.dice(), z, y, activation="softmax")
    _, same = sl.value_and_grad(sl.dice(), z, y, activation="softmax", out=place, scale=4.0)
    assert same is place and np.abs(place - 4 * gradient).max() <= 1e-6 * np.abs(place).max()
    for wrong in (np.empty(z.shape, np.int32), np.empty(z.shape[1:]), [0.0]):
        with pytest.raises(TypeError, match="out"):
            sl.value_and_grad(sl.dice(), z, y, activation="softmax", out=wrong)


def test_options_reach_the_library():
    z, y = batch()
    y[0, 0] = 255
    with pytest.raises(sl.SeglossError):
        sl.value(sl.cross_entropy(), z, y, activation="softmax")
    ignored = sl.value(sl.cross_entropy(), z, y, activation="softmax", ignore=255)
    weight = (y != 255).astype(np.float32)
    weighted = sl.value(sl.cross_entropy(), z, np.where(y == 255, 0, y), activation="softmax", voxel_weight=weight)
    assert ignored == pytest.approx(weighted, rel=1e-14)
    z, y = batch()
    near, far = (sl.value(sl.boundary(), z, y, activation="softmax", spacing=s) for s in ((1, 1), (2, 2)))
    assert far == pytest.approx(2 * near, rel=1e-12)
    present = [[True, False, True], [True, True, True]]
    assert sl.value(sl.dice(), z, y, activation="softmax", class_present=present) != sl.value(
        sl.dice(), z, y, activation="softmax"
    )


def test_field_given_is_the_field_computed():
    z, y = batch()
    field = sl.boundary_field(y, 3, (1.0, 2.5), dtype=np.float64)
    given = sl.value(sl.boundary(field=field), z, y, activation="softmax")
    assert given == sl.value(sl.boundary(), z, y, activation="softmax", spacing=(1.0, 2.5))
    assert sl.distance_field(sl.distance_penalized(), y, 3).shape == y.shape


def test_errors_have_their_numbers():
    z, y = batch()
    y[1, 2, 3] = 7
    with pytest.raises(sl.SeglossError, match=r"target 45.*7") as error:
        sl.value(sl.focal(), z, y, activation="softmax")
    assert (error.value.argument, error.value.index, error.value.given) == ("target", 30 + 2 * 6 + 3, 7)
    with pytest.raises(sl.SeglossError, match=r"gamma of terms\[1\].*-1") as error:
        sl.value([sl.dice(), sl.focal(gamma=-1)], z, y % 3, activation="softmax")
    assert error.value.term == 1
    for wrong, text in (
        ({"activation": "tanh"}, "activation='tanh'"),
        ({"activation": "softmax", "spacing": (1, 2, 3)}, "spacing has 3"),
        ({"activation": "softmax", "class_present": [[True]]}, "class_present has 1"),
    ):
        with pytest.raises(ValueError, match=text):
            sl.value(sl.dice(), z, y % 3, **wrong)
    with pytest.raises(ValueError, match="squares='cubed'"):
        sl.dice(squares="cubed")
    with pytest.raises(TypeError, match="complex"):
        sl.value(sl.dice(), z.astype(complex), y % 3, activation="softmax")
    with pytest.raises(TypeError, match="k"):
        sl.dice(k=0.1)


def test_class_weights_are_inverse_frequencies():
    _, y = batch()
    share = np.bincount(y.ravel(), minlength=3) / y.size
    assert sl.class_weights(y, 3) == pytest.approx(1 / share)
    assert sl.class_weights(y, 3, kind="median") == pytest.approx(np.median(share) / share)
    assert sl.class_weights(one_hot(y, 3), 3) == pytest.approx(1 / share)
    assert sl.class_weights(one_hot(y, 3).astype(np.uint8), 3, masks=True) == pytest.approx(1 / share)


def test_labels_with_as_many_rows_as_classes_are_labels():
    labels = np.random.default_rng(7).integers(0, 4, (2, 4, 5)).astype(np.uint8)
    share = np.bincount(labels.ravel(), minlength=4) / labels.size
    assert sl.class_weights(labels, 4) == pytest.approx(1 / share)
    assert sl.boundary_field(labels, 4).shape == (2, 4, 4, 5)


def large():
    return batch((1, 4, 64, 64, 64), seed=5)


def evaluate(threads):
    z, y = large()
    terms = [sl.dice(), sl.cross_entropy(), sl.boundary()]
    value, gradient = sl.value_and_grad(terms, z.astype(np.float32), y, activation="softmax", threads=threads)
    return value, gradient.tobytes()


def test_every_number_of_threads_gives_the_same_bits():
    expected = evaluate(1)
    for threads in (2, 3, 7, 64):
        assert evaluate(threads) == expected


def test_calls_of_several_threads_overlap():
    expected, found = evaluate(1), []
    callers = [threading.Thread(target=lambda: found.append(evaluate(3))) for _ in range(6)]
    [caller.start() for caller in callers]
    [caller.join() for caller in callers]
    assert found == [expected] * 6


def test_child_of_a_fork_has_threads():
    expected = evaluate(4)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(evaluate, [4, 4]) == [expected] * 2


def brute_force(mask, spacing, kind):
    points = np.stack(np.meshgrid(*map(np.arange, mask.shape), indexing="ij"), -1).reshape(-1, mask.ndim)
    points = points * spacing
    inside = mask.ravel() != 0
    if inside.all() or not inside.any():
        return np.zeros(mask.shape)
    apart = np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1))
    to = np.where(inside, apart[:, ~inside].min(1), apart[:, inside].min(1))
    keep = {"inside": inside, "outside": ~inside, "signed": np.where(inside, -1, 1), "other_side": 1}[kind]
    return (to * keep).reshape(mask.shape)


@pytest.mark.parametrize("kind", ["inside", "outside", "signed", "other_side"])
@pytest.mark.parametrize("shape", [(17,), (9, 11), (5, 6, 7)])
def test_distances_equal_those_of_every_pair(kind, shape):
    mask = np.random.default_rng(2).random(shape) < 0.6
    spacing = (1.0, 0.5, 2.5)[: len(shape)]
    expected = brute_force(mask, spacing, kind)
    assert sl.edt(mask, spacing, kind=kind) == pytest.approx(expected, rel=1e-6)
    ours = sl.edt(mask, spacing, kind=kind, threads=3, out=np.empty(shape))
    assert ours == pytest.approx(expected, rel=1e-14)
    assert sl.edt(np.asfortranarray(mask), spacing, kind=kind, squared=True) == pytest.approx(
        np.sign(expected) * expected**2, rel=1e-6
    )


def test_label_maps_give_one_map_per_label():
    labels = np.random.default_rng(4).integers(0, 3, (7, 8)).astype(np.int32)
    maps = sl.edt(labels, kind="signed", classes=3)
    for label in range(3):
        assert np.array_equal(maps[label], sl.edt(labels == label, kind="signed"))
    for wrong, text in (({"kind": "around"}, "kind='around'"), ({"spacing": (1,)}, "spacing has 1")):
        with pytest.raises(ValueError, match=text):
            sl.edt(labels, **wrong)
