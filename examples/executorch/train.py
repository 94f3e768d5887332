"""Trains segloss.pte by executorch.extension.training: train.py FOLDER KERNEL

FOLDER is that of export.py, KERNEL the shared library of segloss_kernel.cpp. Gradients and losses are compared with
those of PyTorch.
"""
import ctypes
import sys
import warnings
from pathlib import Path

import numpy

import unet

warnings.filterwarnings("ignore", ".*experimental.*")
from executorch.extension.training import _load_for_executorch_for_training, get_sgd_optimizer  # noqa: E402


def main():
    folder, batch = Path(sys.argv[1]), unet.scan()
    ctypes.CDLL(sys.argv[2])  # registers the kernel in the runtime that executorch has loaded
    module = _load_for_executorch_for_training(str(folder / "segloss.pte"))
    optimizer, losses, error = None, [], 0.0
    for step in range(unet.STEPS):
        losses.append(module.forward_backward("forward", batch)[0].item())
        gradients = module.named_gradients()
        if optimizer is None:
            optimizer = get_sgd_optimizer(module.named_parameters(), unet.RATE, unet.MOMENTUM)
            for name, gradient in gradients.items():
                expected = numpy.fromfile(folder / name, numpy.float32).reshape(gradient.shape)
                error = max(error, abs(gradient.numpy() - expected).max() / abs(expected).max())
        optimizer.step(gradients)

    expected = numpy.fromfile(folder / "losses", numpy.float32)
    apart = abs(numpy.array(losses) - expected)[:10].max()
    print("executorch.extension.training:")
    print(f"  gradients of the parameters within {error:.1e} of the largest entry of PyTorch's")
    first, last = losses[0], losses[-1]
    print(f"  loss {first:.4f} to {last:.4f} in {unet.STEPS} steps; the first ten within {apart:.1e} of PyTorch's")
    assert len(gradients) == 10 and error <= 1e-5 and apart <= 1e-4 and last < 0.25 * first


if __name__ == "__main__":
    main()
