"""Trains a small 3-D U-Net on the scan in examples/data: Dice + cross entropy, then also the boundary loss.

    python bindings/python/examples/train_unet.py [--steps 200] [--picture unet.png]

Four tissues of a head (background, fluid, grey and white matter) from its T1 image, 2 mm, in patches of 64^3. The left
half of the head is for training, the right half for the Dice scores that are printed. The times of a step and of its
loss, value and gradient, are printed, and that of MONAI's DiceCELoss where MONAI is installed. --picture needs
matplotlib.
"""

import argparse
import gzip
import statistics
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

import segloss_rs as sl
from segloss_rs.torch import Loss

DATA = Path(__file__).resolve().parents[3] / "examples" / "data"
TISSUES = ("background", "fluid", "grey", "white")
PATCH = 64


def read_nifti(name: str) -> np.ndarray:
    """Reads a volume of bytes, x slowest."""
    data = gzip.decompress((DATA / name).read_bytes())
    shape, start = struct.unpack_from("<3h", data, 42), int(struct.unpack_from("<f", data, 108)[0])
    return np.frombuffer(data, np.uint8, int(np.prod(shape)), start).reshape(shape[::-1]).transpose().copy()


def block(before: int, after: int) -> nn.Sequential:
    """Two convolutions."""
    layers = []
    for channels in (before, after):
        layers += [nn.Conv3d(channels, after, 3, padding=1), nn.InstanceNorm3d(after, affine=True), nn.ReLU()]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    """Two levels below the first."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.down = nn.ModuleList([block(1, width), block(width, 2 * width), block(2 * width, 4 * width)])
        self.up = nn.ModuleList([block(6 * width, 2 * width), block(3 * width, width)])
        self.out = nn.Conv3d(width, len(TISSUES), 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Returns logits."""
        kept = []
        for level in self.down:
            x = level(x if not kept else nn.functional.max_pool3d(x, 2))
            kept.append(x)
        for level, skip in zip(self.up, reversed(kept[:-1]), strict=True):
            x = level(torch.cat([nn.functional.interpolate(x, scale_factor=2), skip], 1))
        return self.out(x)


def patch(image: torch.Tensor, labels: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """A random patch of the left half."""
    extents = (image.shape[0] // 2, *image.shape[1:])
    corner = [int(torch.randint(0, max(1, n - PATCH + 1), (1,), generator=generator)) for n in extents]
    place = tuple(slice(first, first + PATCH) for first in corner)
    return image[place][None, None], labels[place][None]


@torch.no_grad()
def scores(network: nn.Module, image: torch.Tensor, labels: torch.Tensor) -> tuple[list[float], torch.Tensor]:
    """The Dice score of each tissue on the right half, and the prediction of the whole head."""
    size = [-(-n // 4) * 4 for n in image.shape]
    padded = nn.functional.pad(
        image, [k for n, m in zip(image.shape[::-1], size[::-1], strict=True) for k in (0, m - n)]
    )
    found = network(padded[None, None])[0].argmax(0)[tuple(map(slice, image.shape))]
    half = slice(image.shape[0] // 2, None)
    of = [((found[half] == k), (labels[half] == k)) for k in range(len(TISSUES))]
    return [float(2 * (a & b).sum() / (a.sum() + b.sum())) for a, b in of], found


def milliseconds(calls: dict[str, Callable[[], object]], rounds: int = 9) -> dict[str, float]:
    """Returns the median time of each call, all of them after one another in each round."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append(1e3 * (time.perf_counter() - start))
    return {name: statistics.median(of_call) for name, of_call in times.items()}


def value_and_gradient(loss: nn.Module, logits: torch.Tensor, labels: torch.Tensor) -> Callable[[], object]:
    """Returns a call of the loss."""
    return lambda: loss(logits.detach().requires_grad_(), labels).backward()


def main() -> None:
    """Trains, and prints what was learned."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    image = torch.from_numpy(read_nifti("mni152_t1_2mm.nii.gz")).float() / 128 - 1
    labels = torch.from_numpy(read_nifti("mni152_tissue_2mm.nii.gz"))
    network = UNet()
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    both = [sl.dice(), sl.cross_entropy()]
    region = Loss(both, activation="softmax")
    with_boundary = Loss([*both, 0.02 * sl.boundary()], activation="softmax", spacing=(2.0, 2.0, 2.0))
    values, last = [], arguments.steps * 3 // 4

    def train(loss: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
        optimizer.zero_grad()
        value = loss(network(x), y)
        value.backward()
        optimizer.step()
        return value.item()

    for step in range(arguments.steps):
        x, y = patch(image, labels, generator)
        values.append(train(region if step < last else with_boundary, x, y))
        done = (step + 1) / arguments.steps
        bar = "#" * int(30 * done)
        sys.stderr.write(f"\r[{bar:30}] {step + 1:4} of {arguments.steps}, loss {values[-1]:7.4f}")
    sys.stderr.write("\n")
    found, prediction = scores(network, image, labels)
    for name, score in zip(TISSUES, found, strict=True):
        print(f"{name:12} Dice {score:.3f}")
    logits = network(x)
    calls = {
        "a step with Dice + CE": lambda: train(region, x, y),
        "a step with Dice + CE + boundary": lambda: train(with_boundary, x, y),
        "Dice + CE": value_and_gradient(region, logits, y),
        "Dice + CE + boundary": value_and_gradient(with_boundary, logits, y),
    }
    try:
        import monai.losses

        theirs = monai.losses.DiceCELoss(softmax=True, to_onehot_y=True)
        calls["MONAI's DiceCELoss"] = value_and_gradient(theirs, logits, y[:, None].long())
    except ImportError:
        pass
    for name, time_of in milliseconds(calls).items():
        print(f"{name:32} {time_of:7.1f} ms")
    if arguments.picture:
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt

        _, axes = plt.subplots(1, 4, figsize=(14, 3.6))
        middle = image.shape[2] // 2
        for axis, picture, title in zip(
            axes, (image, labels, prediction), ("T1", "tissue", "prediction"), strict=False
        ):
            axis.imshow(picture[:, :, middle].T, origin="lower", cmap="gray")
            axis.set_title(title)
            axis.set_axis_off()
        axes[3].plot(values)
        axes[3].axvline(last, color="gray", linewidth=0.8)
        axes[3].set_title("loss; right of the line with boundary")
        plt.tight_layout()
        plt.savefig(arguments.picture, dpi=100)


if __name__ == "__main__":
    main()
