"""Exports the U-Net with its loss and its backward pass: export.py FOLDER

It is exported twice, with segloss::loss and with the loss written in PyTorch, to compare the programs. FOLDER receives
segloss.pte and, as plain arrays, the batch and what PyTorch itself computes from it: the gradient of each parameter at
the first step, and the loss at each step of SGD.
"""
import sys
import warnings
from pathlib import Path

import numpy
import torch
from executorch.exir import EdgeCompileConfig, to_edge
from torch.export import export
from torch.export.experimental import _export_forward_backward

import segloss_op
import unet

warnings.filterwarnings("ignore", ".*kwarg value is None.*")  # the image needs no gradient


def joint(loss, batch):
    """The calls in the graph of loss and gradients, and the program that ExecuTorch loads."""
    program = _export_forward_backward(export(unet.WithLoss(unet.new_net(), loss), batch, strict=True))
    calls = [node.target for node in program.graph.nodes if node.op == "call_function"]
    # The check refuses ops that are not of ATen.
    edge = to_edge(program, compile_config=EdgeCompileConfig(_check_ir_validity=False))
    return calls, edge.to_executorch().buffer


def train_in_pytorch(batch):
    """The gradients of the first step by name, and the loss of each step."""
    net = unet.WithLoss(unet.new_net(), unet.torch_loss)
    optimizer = torch.optim.SGD(net.parameters(), lr=unet.RATE, momentum=unet.MOMENTUM)
    gradients, losses = {}, []
    for _ in range(unet.STEPS):
        optimizer.zero_grad()
        loss = net(*batch)
        loss.backward()
        gradients = gradients or {name: parameter.grad.clone() for name, parameter in net.named_parameters()}
        optimizer.step()
        losses.append(loss.item())
    return gradients, torch.tensor(losses)


def check_backward():
    """The backward of the op multiplies by the upstream gradient, which is 1 in the programs."""
    segloss_op.library.impl("loss", lambda logits, labels: (logits.sum(), torch.ones_like(logits)), "CPU")
    logits = torch.zeros(1, 2, 3, 3, requires_grad=True)
    (3 * segloss_op.loss(logits, torch.zeros(1, 3, 3, dtype=torch.uint8))).backward()
    assert (logits.grad == 3).all(), logits.grad


def main():
    check_backward()
    folder, batch = Path(sys.argv[1]), unet.scan()
    for name, loss in ("segloss", segloss_op.loss), ("PyTorch", unet.torch_loss):
        calls, program = joint(loss, batch)
        print(f"loss of {name}: {len(calls):3} calls in the joint graph, .pte of {len(program):,} bytes")
        assert calls.count(torch.ops.segloss.loss.default) == (name == "segloss")
        (folder / f"{name}.pte").write_bytes(program)
    gradients, losses = train_in_pytorch(batch)
    for name, tensor in {"images": batch[0], "labels": batch[1], "losses": losses, **gradients}.items():
        numpy.asarray(tensor).tofile(folder / name)


if __name__ == "__main__":
    main()
