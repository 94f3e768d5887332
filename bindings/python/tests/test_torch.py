"""The operators and modules of PyTorch: against PyTorch's own formulas in f64, and under its transforms."""

import pytest

torch = pytest.importorskip("torch")

import segloss_rs as sl  # noqa: E402
import segloss_rs.torch as st  # noqa: E402
from segloss_rs.torch import _ops  # noqa: E402

TERMS = [sl.dice(), 0.5 * sl.cross_entropy()]


def batch(shape=(2, 3, 6, 7), dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)
    return z.requires_grad_(), torch.randint(0, shape[1], (shape[0], *shape[2:]), generator=generator)


def reference(z, y):
    """Dice + 0.5 cross entropy by PyTorch."""
    s = z.softmax(1)
    g = torch.nn.functional.one_hot(y, z.shape[1]).movedim(-1, 1).to(s.dtype)
    axes = tuple(range(2, z.ndim))
    overlap = 2 * (s * g).sum(axes) + 1e-5
    dice = 1 - (overlap / (s.sum(axes) + g.sum(axes) + 1e-5)).mean()
    return dice + 0.5 * torch.nn.functional.cross_entropy(z, y)


def ours(z, y, **options):
    return st.loss(TERMS, z, y, activation="softmax", **options)


def gradients(loss, z, y):
    value = loss(z, y)
    return value, torch.autograd.grad(value, z)[0]


def assert_close(left, right, precision):
    assert abs(left[0].item() - right[0].item()) <= precision * max(1.0, abs(right[0].item()))
    assert (left[1].double() - right[1].double()).abs().max() <= precision * right[1].abs().max()


@pytest.mark.parametrize(
    ("dtype", "precision"),
    [(torch.float64, 1e-12), (torch.float32, 1e-6), (torch.float16, 5e-4), (torch.bfloat16, 4e-3)],
)
def test_value_and_gradient_equal_those_of_pytorch(dtype, precision):
    z, y = batch(dtype=dtype)
    exact = z.detach().double().requires_grad_()
    value, gradient = gradients(ours, z, y)
    assert value.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert gradient.dtype == dtype
    expected = gradients(reference, exact, y)
    assert abs(value.item() - expected[0].item()) <= min(precision, 1e-6)
    assert_close((expected[0], gradient), expected, precision)


@pytest.mark.parametrize("label", [torch.uint8, torch.int16, torch.int32, torch.int64, torch.uint16])
def test_labels_of_every_dtype(label):
    z, y = batch()
    assert_close(gradients(ours, z, y.to(label)), gradients(reference, z, y), 1e-12)


def test_every_layout():
    z, y = batch((2, 3, 4, 6, 8))
    expected = gradients(ours, z, y)
    layouts = {
        "channels last": z.detach().contiguous(memory_format=torch.channels_last_3d),
        "every other": torch.stack([z.detach(), z.detach()], -1)[..., 0],
        "transposed": z.detach().transpose(2, 4).contiguous().transpose(2, 4),
    }
    for name, view in layouts.items():
        value, gradient = gradients(ours, view.requires_grad_(), y.transpose(1, 3).contiguous().transpose(1, 3))
        assert torch.equal(value, expected[0]) and torch.equal(gradient, expected[1]), name
        if name == "channels last":
            assert gradient.stride() == view.stride()
    one, labels = batch((1, 3, 6, 7))
    expanded, same = one.expand(4, -1, -1, -1), labels.expand(4, -1, -1)
    assert_close(gradients(ours, expanded, same), gradients(reference, expanded, same), 1e-12)


def test_no_gradient_is_made_without_grad(monkeypatch):
    z, y = batch()
    calls = []
    monkeypatch.setattr(_ops._call, "run", lambda *a, gradient=None, **k: calls.append(gradient) or 1.0)
    with torch.no_grad():
        assert not ours(z, y).requires_grad
    ours(z, y)
    assert calls == [None, None]


def test_forward_keeps_nothing_but_its_inputs():
    z, y = batch((1, 4, 32, 32, 32), torch.float32)
    for evaluate in (ours, lambda z, y: _ops.value(z, y, None, [], *_ops.encode(TERMS, "softmax"))):
        kept = []
        with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):  # noqa: B023
            evaluate(z, y)
        assert {t.data_ptr() for t in kept} == {z.data_ptr(), y.data_ptr()}


def test_upstream_gradient_is_a_factor_before_rounding():
    z, y = batch((1, 3, 64, 64), torch.float16)
    exact = gradients(reference, z.detach().double().requires_grad_(), y)[1]
    (ours(z, y) * 65536.0).backward()
    # Unscaled, most elements are subnormal numbers of f16.
    assert ((z.grad.double() / 65536 - exact).abs() <= 6e-4 * exact.abs() + 1e-9).all()


@pytest.mark.parametrize("upstream", [float("inf"), float("nan")])
def test_upstream_gradient_that_is_not_finite_reaches_the_gradient(upstream):
    z, y = batch()
    (ours(z, y) * upstream).backward()
    assert not z.grad.isfinite().any()


def test_grad_scaler_finds_infinities():
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**40)
    weight = torch.nn.Parameter(torch.ones(3, 1, 1))
    optimizer = torch.optim.SGD([weight], 0.1)
    z, y = batch(dtype=torch.float32)
    scaler.scale(ours((z.detach() * weight).half(), y)).backward()
    scaler.step(optimizer)
    scaler.update()
    assert scaler.get_scale() == 2.0**39 and (weight == 1).all()


def test_under_autocast():
    z, y = batch(dtype=torch.float32)
    layer = torch.nn.Conv2d(3, 3, 1)
    with torch.autocast("cpu", torch.bfloat16):
        logits = layer(z)
        value = ours(logits, y)
    assert logits.dtype == torch.bfloat16 and value.dtype == torch.float32
    value.backward()
    assert layer.weight.grad.abs().max() > 0


def test_operators_are_registered_as_pytorch_expects():
    z, y = batch()
    weight, field = torch.rand(2, 6, 7), torch.randn(2, 3, 6, 7)
    cases = [
        (z, y, None, [], TERMS),
        (z, y, weight, [field], [sl.dice(), sl.boundary(field=field)]),
    ]
    for pred, target, voxel_weight, fields, terms in cases:
        arguments = (pred, target, voxel_weight, fields, *_ops.encode(terms, "softmax"))
        torch.library.opcheck(_ops.value, arguments)
        torch.library.opcheck(_ops.gradient, (torch.tensor(2.0), pred.detach(), *arguments[1:]))


def test_compiled_and_exported():
    z, y = batch()
    expected = gradients(ours, z, y)
    compiled = torch.compile(lambda z, y: ours(z * 1.0, y), fullgraph=True)
    assert_close(gradients(compiled, z, y), expected, 1e-15)
    module = st.DiceCELoss(softmax=True, to_onehot_y=True)
    whole = torch.compile(module, fullgraph=True, dynamic=True)
    for n in (8, 12):
        z, y = batch((2, 3, n, n), seed=n)
        assert_close(gradients(whole, z, y[:, None]), gradients(module, z, y[:, None]), 1e-15)
    program = torch.export.export(module, (z, y[:, None]))
    assert program.module()(z, y[:, None]) == module(z, y[:, None])
    assert any("segloss_rs" in str(node.target) for node in program.graph.nodes)


def test_transforms_of_torch_func():
    z, y = batch()
    expected = gradients(ours, z, y)[1]
    assert torch.equal(torch.func.grad(ours)(z.detach(), y), expected)
    single = torch.func.vmap(torch.func.grad(lambda z, y: ours(z[None], y[None])))(z.detach(), y)
    for i in range(2):
        assert torch.equal(single[i], gradients(ours, z[i : i + 1], y[i : i + 1])[1][0])
    values = torch.vmap(ours)(z.detach()[:, None], y[:, None])
    assert values.shape == (2,)


def test_second_derivatives_and_forward_mode_are_refused():
    z, y = batch()
    (gradient,) = torch.autograd.grad(ours(z, y), z, create_graph=True)
    with pytest.raises(RuntimeError, match="no second derivatives"):
        gradient.sum().backward()
    with pytest.raises(RuntimeError, match="jvp"):
        torch.func.jvp(lambda z: ours(z, y), (z.detach(),), (torch.ones_like(z),))


def test_tensors_on_other_devices_are_refused_or_copied():
    z, y = batch()
    elsewhere = torch.empty(z.shape, device="meta")
    with pytest.raises((TypeError, RuntimeError, NotImplementedError)):
        float(ours(elsewhere, y))
    with pytest.raises(TypeError, match=r"computes on the CPU.*device='cpu'"):
        _ops._view(elsewhere, "pred")
    assert torch.equal(ours(z, y, device="cpu"), ours(z, y))


def test_options_reach_the_library():
    z, y = batch()
    y = y.clone()
    y[0, 0] = 255
    with pytest.raises(sl.SeglossError, match=r"target 0.*255"):
        ours(z, y)
    ignored = gradients(lambda z, y: ours(z, y, ignore=255), z, y)
    assert (ignored[1][0, :, 0] == 0).all()
    weight = (y != 255).double()
    weighted = gradients(lambda z, y: ours(z, y, voxel_weight=weight), z, y.clamp(max=2))
    assert_close(ignored, weighted, 1e-13)


def test_fields_are_computed_or_given():
    z, y = batch()
    field = torch.from_numpy(sl.boundary_field(y, 3, (1.0, 2.0), dtype="float64"))
    given = gradients(lambda z, y: st.BoundaryLoss()(z, y, field), z, y)
    computed = gradients(st.BoundaryLoss(spacing=(1.0, 2.0)), z, y)
    assert_close(given, computed, 1e-15)


def test_losses_of_nnunet_take_threads_and_a_device(monkeypatch):
    z, y = batch()
    masks = torch.nn.functional.one_hot(y, 3).movedim(-1, 1).to(torch.uint8)
    used = []
    run = _ops._call.run
    monkeypatch.setattr(
        _ops._call, "run", lambda terms, batch, *rest: used.append(batch.threads) or run(terms, batch, *rest)
    )
    for name in ("DC_and_CE_loss", "DC_and_topk_loss", "DC_and_BCE_loss", "DC_and_CE_and_boundary_loss"):
        make = getattr(st.nnunet, name)
        target = masks if name == "DC_and_BCE_loss" else y[:, None]
        plain = make({}, {})(z, target)
        used.clear()
        assert torch.equal(make({}, {}, threads=3, device="cpu")(z, target), plain)
        assert used == [3], name


def test_modules_refuse_what_they_do_not_offer():
    for make in (
        lambda: st.DiceLoss(softmax=True, sigmoid=True),
        lambda: st.DiceLoss(softmax=True, reduction="none"),
        lambda: st.DiceLoss(softmax=True, soft_label=True),
        lambda: st.DiceLoss(softmax=True, ignore_index=3),
        lambda: st.FocalLoss(alpha=0.5),
        lambda: st.GeneralizedDiceLoss(w_type="cube"),
        lambda: st.CrossEntropyLoss(reduction="none"),
        lambda: st.smp.DiceLoss("all"),
        lambda: st.smp.DiceLoss("binary", eps=1e-3),
        lambda: st.nnunet.DC_and_CE_loss({}, {}, dice_class=dict),
        lambda: st.DiceCELoss(sigmoid=True, label_smoothing=0.1)(torch.zeros(1, 1, 2), torch.zeros(1, 1, 2)),
        lambda: st.nnunet.DC_and_CE_loss({"ddp": True}, {}),
    ):
        with pytest.raises(ValueError):
            make()


def test_cross_entropy_module_is_that_of_pytorch():
    z, y = batch()
    y = y.clone()
    y[0, 2] = -100
    weight = torch.tensor([0.5, 2.0, 1.25], dtype=torch.float64)
    for options in ({}, {"weight": weight}, {"label_smoothing": 0.2}, {"weight": weight, "reduction": "sum"}):
        theirs = torch.nn.CrossEntropyLoss(**options)
        assert_close(gradients(st.CrossEntropyLoss(**options), z, y), gradients(theirs, z, y), 1e-12)


def test_training_with_a_module_lowers_the_loss():
    torch.manual_seed(0)
    network = torch.nn.Conv2d(1, 3, 3, padding=1)
    image = torch.randn(2, 1, 16, 16)
    labels = (image[:, 0] > 0).long() + (image[:, 0] > 1).long()
    loss = st.Loss([sl.dice(), sl.cross_entropy()], activation="softmax")
    assert "dice" in repr(loss)
    optimizer = torch.optim.Adam(network.parameters(), 0.1)
    values = []
    for _ in range(40):
        optimizer.zero_grad()
        value = loss(network(image), labels)
        value.backward()
        optimizer.step()
        values.append(value.item())
    assert values[-1] < 0.6 * values[0]
