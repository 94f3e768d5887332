"""examples/train_monai.py."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))
import train_monai


def test_training_lowers_the_loss_and_begins_with_the_value_of_monai(capsys):
    means = train_monai.train(3, 4)
    first = capsys.readouterr().out.splitlines()[0].split()
    assert float(first[-4].rstrip(",")) == pytest.approx(float(first[-1]), rel=1e-6)
    assert means[2] < means[0]


def test_distances_are_cut_and_flipped_with_the_labels():
    batch = next(iter(train_monai.batches(4)))
    labels, distances = batch["label"][:, 0], batch["label_distances"]
    assert distances.shape == (2, train_monai.CLASSES, 64, 64, 64)
    for klass in range(train_monai.CLASSES):
        assert torch.equal(distances[:, klass] < 0, labels == klass)
    # What is far from the rim of a patch has the distances of the patch alone.
    mask = np.asarray(labels[0] == 2)
    alone = ndimage.distance_transform_edt(~mask, sampling=2) - ndimage.distance_transform_edt(mask, sampling=2)
    inner = (slice(24, 40),) * 3
    near = np.abs(alone[inner]) < 40
    assert near.any()
    np.testing.assert_allclose(np.asarray(distances[0, 2])[inner][near], alone[inner][near], rtol=1e-5)
