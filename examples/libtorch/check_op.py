"""Both bindings, the op by ctypes and the one in C++, against the same losses written in PyTorch."""
import math
import os
import sys
import warnings

import torch
import torch.autograd.forward_ad as forward_mode
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

import segloss_op
from segloss_op import SIGMOID, SOFTMAX

warnings.filterwarnings("ignore", ".*batching rule.*|.*torch.jit.script.*")
torch.ops.load_library(os.environ["SEGLOSS_TORCH"])


def by_cpp(logits, labels, losses, weights, activation=SOFTMAX):
    loss = torch.classes.segloss_cpp.Loss(losses.split(), weights)
    return torch.ops.segloss_cpp.loss(logits, labels, loss, activation)[0]


BINDINGS = {"ctypes": segloss_op.autograd_loss, "C++": by_cpp}


def dice(logits, labels):
    truth = F.one_hot(labels, logits.shape[1]).movedim(-1, 1)
    probability, space = logits.softmax(1), tuple(range(2, logits.ndim))
    overlap = (probability * truth).sum(space)
    return 1 - ((2 * overlap + 1e-5) / (probability.sum(space) + truth.sum(space) + 1e-5)).mean()


def focal(logits, labels):
    of_truth = logits.log_softmax(1).gather(1, labels.unsqueeze(1))
    return -((1 - of_truth.exp()) ** 2 * of_truth).mean()


def top_k(logits, labels):
    costs = F.cross_entropy(logits, labels, reduction="none").flatten()
    return costs.topk(costs.numel() // 10).values.mean()


WRITTEN = {"dice": dice, "cross_entropy": F.cross_entropy, "focal": focal, "top_k": top_k}


def written(logits, labels, losses, weights):
    return sum(weight * WRITTEN[name](logits, labels) for name, weight in zip(losses.split(), weights, strict=True))


def gradient_of(value, leaf):
    value.backward()
    return leaf.grad


def agrees(loss, name, logits, labels, tolerance):
    """Value and gradient, in the layout of the logits."""
    ours, theirs = logits.detach().clone().requires_grad_(), logits.detach().clone().requires_grad_()
    value, expected = loss(ours, labels, "dice cross_entropy", [1.0, 0.5]), written(
        theirs, labels.long(), "dice cross_entropy", [1.0, 0.5])
    of_ours, of_theirs = gradient_of(3 * value, ours), gradient_of(3 * expected, theirs)
    error = ((of_ours - of_theirs).abs().max() / of_theirs.abs().max()).item()
    print(f"  {name:32} value {value.item():.6f}, gradient within {error:.1e} of its largest entry")
    assert abs(value.item() - expected.item()) <= tolerance * abs(expected.item()) and error <= tolerance, name
    assert of_ours.stride() == ours.stride(), name


def keeps_small_gradients(bindings):
    """float16 under a loss scale: the gradient is rounded once, after the scale."""
    print("float16 at 2x4x128x128x128 under GradScaler(65536), relative L2 error against float64")
    logits = (torch.randn(2, 4, 128, 128, 128) * 2).half()
    labels = torch.randint(0, 4, (2, 128, 128, 128))
    for losses in "cross_entropy", "dice", "dice cross_entropy", "focal", "top_k":
        weights = [1.0] * len(losses.split())
        precise = logits.double().requires_grad_()
        expected = gradient_of(written(precise, labels, losses, weights), precise)
        for name, loss in bindings.items():
            ours = logits.clone().requires_grad_()
            scaler = torch.amp.GradScaler("cpu", init_scale=65536.0)
            got = gradient_of(scaler.scale(loss(ours, labels, losses, weights)), ours)
            error = ((got.double() / 65536 - expected).norm() / expected.norm()).item()
            lost = ((got == 0) & (expected != 0)).double().mean().item()
            print(f"  {losses:24} {name:8} {error:.1e}, {lost:.1%} rounded to zero")
            assert error <= 5e-4, (losses, name)


class Calls(TorchDispatchMode):
    """Records which ops of segloss are called."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, op, types, args=(), kwargs=None):
        if op.namespace.startswith("segloss"):
            self.names.append(op._opname)
        return op(*args, **(kwargs or {}))


def makes_no_gradient_early(loss, logits, labels):
    leaf = logits.detach().clone().requires_grad_()
    with torch.no_grad(), Calls() as calls:
        assert not loss(leaf, labels, "dice", [1.0]).requires_grad
    assert calls.names == ["loss"], calls.names
    with Calls() as calls:
        value = loss(leaf, labels, "dice", [1.0])
    assert calls.names == ["loss"], calls.names
    with Calls() as calls:
        value.backward()
    assert calls.names == ["gradient"], calls.names
    print("  no gradient is made under no_grad, nor before backward")


def refused(name, kind, words, call):
    try:
        got = call()
    except kind as error:
        message = str(error).splitlines()[0]
        assert words in message, (name, message)
        print(f"  {name:42} {message[:120]}")
    else:
        raise AssertionError(f"{name}: {got} instead of an error")


def with_tangent(of, tensor):
    with forward_mode.dual_level():
        return of(forward_mode.make_dual(tensor, torch.ones_like(tensor)))


def twice(of, logits):
    leaf = logits.detach().clone().requires_grad_()
    (first,) = torch.autograd.grad(of(leaf), leaf, create_graph=True)
    return torch.autograd.grad(first.square().sum(), leaf)


def offers_what_it_says(loss, logits, labels, *, compiles):
    of = lambda z: loss(z, labels, "dice cross_entropy", [1.0, 0.5])  # noqa: E731
    expected = torch.func.grad(lambda z: written(z, labels, "dice cross_entropy", [1.0, 0.5]))(logits)
    close = lambda a, b: (a - b).abs().max() <= 1e-12 * b.abs().max()  # noqa: E731
    assert close(torch.func.grad(of)(logits), expected), "torch.func.grad"
    of_one = lambda z, y: loss(z[None], y[None], "cross_entropy", [1.0])  # noqa: E731
    each = torch.func.vmap(torch.func.grad(of_one))(logits, labels)
    alone = torch.stack([torch.func.grad(of_one)(z, y) for z, y in zip(logits, labels)])
    assert torch.equal(each, alone), "torch.func.vmap"
    print("  torch.func.grad, and under torch.func.vmap: hold")
    second, forward, target = "second derivatives are not offered", "forward mode is not offered", "by the target"
    refused("a gradient of a gradient", NotImplementedError, second, lambda: twice(of, logits))
    refused("torch.func.grad of torch.func.grad", NotImplementedError, second,
            lambda: torch.func.grad(lambda z: torch.func.grad(of)(z).square().sum())(logits))
    refused("torch.autograd.functional.hessian", NotImplementedError, second,
            lambda: torch.autograd.functional.hessian(of, logits))
    refused("torch.func.hessian", NotImplementedError, forward, lambda: torch.func.hessian(of)(logits))
    refused("torch.func.jvp", NotImplementedError, forward, lambda: torch.func.jvp(of, (logits,), (logits,)))
    refused("a dual tensor", NotImplementedError, forward, lambda: with_tangent(of, logits))
    refused("a dual tensor that requires a gradient", NotImplementedError, forward,
            lambda: with_tangent(of, logits.clone().requires_grad_()))
    soft = lambda g: loss(logits, g, "cross_entropy", [1.0])  # noqa: E731
    refused("a gradient by soft labels", NotImplementedError, target,
            lambda: torch.func.grad(soft)(logits.softmax(1)))
    refused("a dual tensor of soft labels", NotImplementedError, forward,
            lambda: with_tangent(soft, logits.softmax(1)))
    if compiles:
        compiled = torch.compile(of, backend="aot_eager", fullgraph=True)
        leaf = logits.detach().clone().requires_grad_()
        assert close(gradient_of(compiled(leaf), leaf), expected), "torch.compile"
        refused("a gradient of a gradient, compiled", Exception, "", lambda: twice(compiled, logits))
        refused("torch.func.jvp, compiled", Exception, "", lambda: torch.func.jvp(compiled, (logits,), (logits,)))

    leaf = logits.detach().clone().requires_grad_()
    inner = leaf * 1
    value = of(inner)
    inner.mul_(2)
    refused("logits changed before backward", RuntimeError, "modified by an inplace operation", value.backward)
    bad = ValueError, RuntimeError
    refused("a wrong label", bad, "target at index 0", lambda: loss(logits, labels + 7, "dice", [1.0]))
    refused("labels past int64", bad, "target at index 0",
            lambda: loss(logits, (labels - 256).to(torch.uint64), "dice", [1.0]))
    empty = torch.empty(0, 3, 5, requires_grad=True)
    assert gradient_of(loss(empty, labels[:0, 0, 0, :5], "dice", [1.0]), empty).shape == empty.shape, "an empty batch"
    leaf = logits.detach().clone().requires_grad_()
    scaled = gradient_of(of(leaf) * math.inf, leaf)
    assert not scaled.isfinite().any(), "an infinite scale is found by GradScaler"


def main():
    print(f"PyTorch {torch.__version__}")
    torch.manual_seed(1)
    logits = torch.randn(2, 3, 8, 9, 10, dtype=torch.float64)
    labels = torch.randint(0, 3, (2, 8, 9, 10))
    for name, loss in BINDINGS.items():
        print(f"{name}:")
        agrees(loss, "f64", logits, labels, 1e-12)
        agrees(loss, "f64, channels last", logits.to(memory_format=torch.channels_last_3d), labels, 1e-12)
        for dtype in "uint8", "int8", "int16", "uint16", "int32", "uint32", "uint64":
            agrees(loss, f"f64, labels {dtype}", logits, labels.to(getattr(torch, dtype)), 1e-12)
        agrees(loss, "f64, labels to 39,999, uint16", torch.randn(1, 40000, 3, dtype=torch.float64),
               torch.tensor([[39999, 0, 32768]]).to(torch.uint16), 1e-12)
        agrees(loss, "f32", logits.float(), labels, 1e-5)
        masks = torch.rand(2, 3, 8, 9, 10) < 0.4
        value = loss(logits, masks, "cross_entropy", [1.0], SIGMOID)
        assert abs(value.item() - F.binary_cross_entropy_with_logits(logits, masks.double()).item()) < 1e-12
        makes_no_gradient_early(loss, logits, labels)
        offers_what_it_says(loss, logits, labels, compiles=name == "ctypes")

        # A loss that sums cannot give: each pass computes the distances.
        leaf, field = logits.detach().clone().requires_grad_(), logits.detach().clone().requires_grad_()
        once, scaled = loss(leaf, labels, "hausdorff", [1.0]), loss(field, labels, "hausdorff", [1.0]) * 128
        assert torch.equal(gradient_of(once, leaf) * 128, gradient_of(scaled, field)), "hausdorff"
        assert leaf.grad.abs().max() > 0

    arguments = logits, labels, "dice", [1.0], SOFTMAX
    torch.library.opcheck(torch.ops.segloss.loss.default, arguments)
    value, sums = torch.ops.segloss.loss(*arguments)
    torch.library.opcheck(torch.ops.segloss.gradient.default, (value, *arguments[:2], sums, *arguments[2:]))
    print("torch.library.opcheck: passed")
    keeps_small_gradients(BINDINGS)


if __name__ == "__main__":
    sys.exit(main())
