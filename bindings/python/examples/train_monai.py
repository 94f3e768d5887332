"""Trains MONAI's UNet on the scan in examples/data with losses of segloss; MONAI does the rest.

    pip install monai segloss-rs
    python bindings/python/examples/train_monai.py [--epochs 10]

The signed distances of the boundary loss are computed where MONAI loads a volume, before it is cut into patches: they
are those of the whole volume, and are cut, flipped and batched as the labels are. The value of the first batch is
printed beside that of MONAI's own DiceCELoss, which is the same.
"""

import argparse
import gzip
import struct
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import monai.losses
import numpy as np
import torch
from monai.data import CacheDataset, DataLoader
from monai.networks.nets import UNet
from monai.transforms import Compose, MapTransform, NormalizeIntensityd, RandFlipd, RandSpatialCropd

import segloss_rs as sl
from segloss_rs.torch import BoundaryLoss, DiceCELoss

DATA = Path(__file__).resolve().parents[3] / "examples" / "data"
SPACING = (2.0, 2.0, 2.0)
CLASSES = 4


class BoundaryFieldd(MapTransform):
    """Adds the signed distances `[classes, ...]` of labels `[1, ...]`, under the key of the labels and `_distances`.

    For labels that change no more but by crops and flips; distances do not survive a change of spacing.
    """

    def __init__(self, keys: Hashable, classes: int, spacing: tuple[float, ...]) -> None:
        super().__init__(keys)
        self.classes, self.spacing = classes, spacing

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Returns the data with the distances."""
        result = dict(data)
        for key in self.keys:
            labels = np.asarray(result[key])
            result[f"{key}_distances"] = torch.from_numpy(sl.boundary_field(labels, self.classes, self.spacing)[0])
        return result


def read_nifti(name: str) -> np.ndarray:
    """Reads a volume of bytes, `[1, ...]`."""
    data = gzip.decompress((DATA / name).read_bytes())
    shape, start = struct.unpack_from("<3h", data, 42), int(struct.unpack_from("<f", data, 108)[0])
    return np.frombuffer(data, np.uint8, int(np.prod(shape)), start).reshape(1, *shape[::-1]).copy()


def batches(count: int) -> DataLoader:
    """Patches of one volume, `count` per epoch."""
    volume = {"image": read_nifti("mni152_t1_2mm.nii.gz"), "label": read_nifti("mni152_tissue_2mm.nii.gz")}
    all_keys = ["image", "label", "label_distances"]
    transforms = Compose(
        [
            NormalizeIntensityd("image"),
            BoundaryFieldd("label", CLASSES, SPACING),
            RandSpatialCropd(all_keys, roi_size=(64, 64, 64), random_size=False),
            RandFlipd(all_keys, prob=0.5, spatial_axis=2),
        ]
    )
    return DataLoader(CacheDataset([volume] * count, transforms, progress=False), batch_size=2)


def train(epochs: int, patches: int) -> list[float]:
    """Returns the mean loss of each epoch."""
    monai.utils.set_determinism(0)
    network = UNet(3, 1, CLASSES, channels=(8, 16, 32), strides=(2, 2))
    optimizer = torch.optim.AdamW(network.parameters(), 1e-2)
    options: dict[str, Any] = {"to_onehot_y": True, "softmax": True}
    dice_ce, of_monai = DiceCELoss(**options), monai.losses.DiceCELoss(**options)
    boundary = BoundaryLoss()
    loader, means = batches(patches), []
    for epoch in range(epochs):
        values = []
        for batch in loader:
            optimizer.zero_grad()
            logits, labels = network(batch["image"]), batch["label"]
            region = dice_ce(logits, labels)
            if not means and not values:
                print(f"first batch: Dice + CE {region.item():.6f}, of MONAI {of_monai(logits, labels).item():.6f}")
            value = region + 0.02 * boundary(logits, labels, batch["label_distances"])
            value.backward()
            optimizer.step()
            values.append(value.item())
        means.append(float(np.mean(values)))
        print(f"epoch {epoch + 1}: loss {means[-1]:.4f}")
    return means


def main() -> None:
    """Trains."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=10)
    train(parser.parse_args().epochs, 8)


if __name__ == "__main__":
    main()
