"""The same loss on other inputs: plain labels, an ignored label, voxel weights, masks, sigmoid; one thread.

    taskset -c 0 venv/bin/python benches/inputs.py target/capi/libsegloss.so

`benches/peers.py` says how to make the library and the environment. All inputs of a loss, and PyTorch on the plain
one, are interleaved in one run. Values and gradients are compared with PyTorch's autograd before anything is timed.
Prints the rows of the README's table of speed.
"""
import argparse
import ctypes

import torch
import torch.nn.functional as F

from peers import Segloss, backward, median_times, sums_of, sums_one_hot, torch_losses

SHAPE = (2, 4, 128, 128, 128)
SOFTMAX, SIGMOID = 1, 2
IGNORED = 255


def log_probabilities(z, activation):
    """ln s and ln(1 - s), [B, C, ...]."""
    if activation == SIGMOID:
        return F.logsigmoid(z), F.logsigmoid(-z)
    return F.log_softmax(z, 1), None


def region(z, g, w, activation):
    s = log_probabilities(z, activation)[0].exp()
    axes = tuple(range(2, z.dim()))
    intersection, prediction, target = ((w[:, None] * x).sum(axes) for x in (s * g, s, g))
    return (1 - (2 * intersection + 1e-5) / (prediction + target + 1e-5)).mean()


def likelihood(z, g, w, activation, gamma=0):
    """Cross entropy, with gamma focal loss: over classes its sum for softmax and its mean for sigmoid."""
    log_s, log_not = log_probabilities(z, activation)
    voxel = g * (1 - log_s.exp()) ** gamma * log_s
    if activation == SIGMOID:
        voxel = (voxel + (1 - g) * (1 - log_not.exp()) ** gamma * log_not) / z.shape[1]
    return -(w * voxel.sum(1)).sum() / w.sum()


LOSSES = {
    "CE": lambda *of: likelihood(*of),
    "focal": lambda *of: likelihood(*of, gamma=2),
    "Dice": lambda *of: region(*of),
    "Dice + CE": lambda *of: region(*of) + likelihood(*of),
}


def one_hot(labels):
    return torch.stack([labels == k for k in range(SHAPE[1])], 1)


def inputs(labels):
    """By name: target, activation, voxel weight, ignored label; and the weights w and targets g that they stand for."""
    rare = labels.clone()
    rare[torch.rand(labels.shape) < 0.1] = IGNORED
    weight, ones = torch.rand(labels.shape) + 0.5, torch.ones(labels.shape)
    masks = one_hot(labels).to(torch.uint8)
    return {
        "plain": (dict(target=labels), ones, labels),
        "ignore": (dict(target=rare, ignore=IGNORED), (rare != IGNORED).float(), rare),
        "weights": (dict(target=labels, weight=weight), weight, labels),
        "masks": (dict(target=masks), ones, labels),
        "sigmoid": (dict(target=labels, activation=SIGMOID), ones, labels),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    library = ctypes.CDLL(options.library)
    torch.manual_seed(1)
    z = torch.randn(SHAPE) * 2
    labels = torch.randint(0, SHAPE[1], (SHAPE[0],) + SHAPE[2:], dtype=torch.uint8)
    leaf, y, voxels = z.clone().requires_grad_(True), labels.long(), labels.numel()
    all_inputs = inputs(labels)
    print(f"torch {torch.__version__}, CPU level {library.segloss_cpu_level()}, one thread; ns per voxel, value + gradient")
    print("| loss | " + " | ".join(all_inputs) + " | PyTorch, plain | plain, times as fast |\n" + "| --- " * (len(all_inputs) + 3) + "|")
    for name, expected in LOSSES.items():
        terms, eager = torch_losses(sums_of)[name]
        runs = {}
        for of, (arguments, w, truth) in all_inputs.items():
            runs[of] = Segloss(library, terms, z, **arguments)
            g = one_hot(truth).float()
            checked, reference = backward(lambda z, _: expected(z, g, w, arguments.get("activation", SOFTMAX)), leaf, None)()
            value, gradient = runs[of]()
            assert abs(value - checked) < 1e-4 * abs(checked), (name, of, value, checked)
            error = (gradient - reference).abs().max() / reference.abs().max()
            assert error < 1e-4, (name, of, float(error))
        compiled = torch.compile(torch_losses(sums_one_hot)[name][1])
        runs |= {"eager": backward(eager, leaf, y), "compiled": backward(compiled, leaf, y)}
        for run in runs.values():
            run()
        ns = {run: t * 1e9 / voxels for run, t in median_times(runs, options.rounds, 1).items()}
        torch_ns = min(ns["eager"], ns["compiled"])
        cells = " | ".join(f"{ns[of]:.1f}" for of in all_inputs)
        print(f"| {name} | {cells} | {torch_ns:.0f} | {torch_ns / ns['plain']:.1f} |", flush=True)


if __name__ == "__main__":
    main()
