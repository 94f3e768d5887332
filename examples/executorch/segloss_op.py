"""The op segloss::loss for torch.export: logits [B,C,H,W] and labels [B,H,W] to the value and the gradient.

Its shapes and its backward are all that an export needs. The kernel that computes it is segloss_kernel.cpp.
"""
import torch

SCHEMA = "(Tensor logits, Tensor labels) -> (Tensor, Tensor)"
OUT_SCHEMA = "(Tensor logits, Tensor labels, *, Tensor(a!) value, Tensor(b!) gradient) -> (Tensor(a!), Tensor(b!))"
library = torch.library.Library("segloss", "DEF")
library.define("loss" + SCHEMA)
library.define("loss.out" + OUT_SCHEMA)  # what ExecuTorch calls: outputs lie in memory planned at export


@torch.library.register_fake("segloss::loss")
def shapes(logits, labels):
    return logits.new_empty(()), torch.empty_like(logits)


def setup_context(ctx, inputs, output):
    ctx.save_for_backward(output[1])
    ctx.mark_non_differentiable(output[1])


def backward(ctx, upstream, _):
    (gradient,) = ctx.saved_tensors
    return upstream * gradient, None


torch.library.register_autograd("segloss::loss", backward, setup_context=setup_context)


def loss(logits, labels):
    return torch.ops.segloss.loss(logits, labels)[0]
