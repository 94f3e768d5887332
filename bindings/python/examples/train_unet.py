"""Trains a small 3-D U-Net on the scan in examples/data: Dice + cross entropy, then also the boundary loss.

    python bindings/python/examples/train_unet.py [--steps 200] [--picture unet.png]

Four tissues of a head (background, fluid, grey and white matter) from its T1 image, 2 mm, in patches of 64^3. The left
half of the head is for training, the right half for the Dice scores that are printed. The time of the loss, value and
gradient, is printed beside that of the step, and of MONAI's DiceCELoss where MONAI is installed. --picture needs
matplotlib.
"""

import argparse
import gzip
import struct
import sys
import time
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


def timed(loss, logits: torch.Tensor, labels: torch.Tensor) -> float:
    """Seconds of value and gradient: the least of five."""
    times = []
    for _ in range(5):
        leaf = logits.detach().requires_grad_()
        start = time.perf_counter()
        loss(leaf, labels).backward()
        times.append(time.perf_counter() - start)
    return min(times)


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
    begin = time.perf_counter()
    for step in range(arguments.steps):
        x, y = patch(image, labels, generator)
        optimizer.zero_grad()
        logits = network(x)
        value = (region if step < last else with_boundary)(logits, y)
        value.backward()
        optimizer.step()
        values.append(value.item())
        done = (step + 1) / arguments.steps
        bar = "#" * int(30 * done)
        sys.stderr.write(f"\r[{bar:30}] {step + 1:4} of {arguments.steps}, loss {values[-1]:7.4f}")
    sys.stderr.write("\n")
    per_step = (time.perf_counter() - begin) / arguments.steps
    in_loss = timed(region, logits, y), timed(with_boundary, logits, y)
    milliseconds = [1e3 * seconds for seconds in (per_step, *in_loss)]
    print("a step takes {:.0f} ms; Dice + CE {:.1f} ms of it, with boundary {:.1f} ms".format(*milliseconds))
    try:
        import monai.losses

        theirs = monai.losses.DiceCELoss(softmax=True, to_onehot_y=True)
        print(f"MONAI's DiceCELoss: {1e3 * timed(theirs, logits, y[:, None].long()):.1f} ms")
    except ImportError:
        pass
    found, prediction = scores(network, image, labels)
    for name, score in zip(TISSUES, found, strict=True):
        print(f"{name:12} Dice {score:.3f}")
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
