"""The op against the same loss written in PyTorch: f64 and f32, memory formats, autograd, what is refused."""
import torch
import torch.nn.functional as F

from segloss_op import SIGMOID, segloss_loss

print(f"PyTorch {torch.__version__}")


def written_in_torch(logits, labels):
    truth = F.one_hot(labels, logits.shape[1]).movedim(-1, 1).to(logits)
    probability, space = logits.softmax(1), tuple(range(2, logits.ndim))
    dice = (2 * (probability * truth).sum(space) + 1e-5) / (probability.sum(space) + truth.sum(space) + 1e-5)
    return 1 - dice.mean() + 0.5 * F.cross_entropy(logits, labels)


def compare(name, logits, labels, tolerance):
    ours, theirs = logits.detach().clone().requires_grad_(), logits.detach().clone().requires_grad_()
    value = segloss_loss(ours, labels, "dice cross_entropy", [1.0, 0.5])
    expected = written_in_torch(theirs, labels.long())
    (3 * value).backward()
    (3 * expected).backward()
    error = ((ours.grad - theirs.grad).abs().max() / theirs.grad.abs().max()).item()
    print(f"{name:24} value {value.item():.6f}, gradient within {error:.1e} of its largest entry")
    assert abs(value.item() - expected.item()) <= tolerance * abs(expected.item()) and error <= tolerance
    assert ours.grad.stride() == ours.stride()


torch.manual_seed(1)
logits = torch.randn(2, 3, 8, 9, 10, dtype=torch.float64)
labels = torch.randint(0, 3, (2, 8, 9, 10))
compare("f64", logits, labels, 1e-12)
compare("f64, channels last", logits.to(memory_format=torch.channels_last_3d), labels, 1e-12)
compare("f64, labels u8", logits, labels.to(torch.uint8), 1e-12)
compare("f32", logits.float(), labels, 1e-5)

masks = torch.rand(2, 3, 8, 9, 10) < 0.4
value = segloss_loss(logits, masks, "cross_entropy", [1.0], SIGMOID)
assert abs(value.item() - F.binary_cross_entropy_with_logits(logits, masks.double()).item()) < 1e-12
torch.library.opcheck(torch.ops.segloss.run.default, (logits.requires_grad_(), labels, "dice", [1.0], 1))
print("sigmoid with masks of bool, and torch.library.opcheck: passed")
try:
    segloss_loss(logits, labels + 7, "dice", [1.0])
    raise SystemExit("a wrong label was taken")
except ValueError as refused:
    print("refused:", refused)
