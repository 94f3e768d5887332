"""A small U-Net, two slices of the scan, and the loss of segloss_kernel.cpp written in PyTorch."""
import gzip
from pathlib import Path

import numpy
import torch
from torch import nn
from torch.nn import functional as F

CLASSES, WIDTH, SLICES = 4, 8, (34, 46)
STEPS, RATE, MOMENTUM = 60, 0.07, 0.9
ROWS, COLUMNS = 94, 76  # of 95 and 77: the coarse level has half of them
SCANS = Path(__file__).resolve().parents[1] / "data"


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fine = nn.Conv2d(1, WIDTH, 3, padding=1)
        # Strided: in ExecuTorch 1.5.1 the backward of a max pooling adds to stale memory (pytorch/executorch#21686).
        self.coarse = nn.Conv2d(WIDTH, 2 * WIDTH, 3, stride=2, padding=1)
        self.coarser = nn.Conv2d(2 * WIDTH, 2 * WIDTH, 3, padding=1)
        self.joined = nn.Conv2d(3 * WIDTH, WIDTH, 3, padding=1)
        self.classes = nn.Conv2d(WIDTH, CLASSES, 1)

    def forward(self, image):
        fine = F.relu(self.fine(image))
        coarse = F.relu(self.coarser(F.relu(self.coarse(fine))))
        return self.classes(F.relu(self.joined(torch.cat([fine, twice(coarse)], 1))))


def twice(x):
    """Nearest neighbour upsampling: ExecuTorch has no kernel for the backward of F.interpolate."""
    batch, channels, rows, columns = x.shape
    repeated = x.reshape(batch, channels, rows, 1, columns, 1).expand(-1, -1, -1, 2, -1, 2)
    return repeated.reshape(batch, channels, 2 * rows, 2 * columns)


class WithLoss(nn.Module):
    """ExecuTorch trains a module whose output is the loss."""

    def __init__(self, net, loss):
        super().__init__()
        self.net, self.loss = net, loss

    def forward(self, image, labels):
        return self.loss(self.net(image), labels)


def torch_loss(logits, labels):
    """Dice + cross entropy."""
    target = (labels.unsqueeze(1) == torch.arange(CLASSES).view(1, -1, 1, 1)).to(logits.dtype)
    probability = logits.softmax(1)
    overlap = (probability * target).sum((2, 3))
    dice = (2 * overlap + 1e-5) / (probability.sum((2, 3)) + target.sum((2, 3)) + 1e-5)
    return 1 - dice.mean() - (logits.log_softmax(1) * target).sum(1).mean()


def read(name):
    """Slices of a NIfTI file of bytes, 80 x 95 x 77."""
    volume = numpy.frombuffer(gzip.decompress((SCANS / name).read_bytes()), numpy.uint8, offset=352)
    return torch.from_numpy(volume.reshape(80, 95, 77)[list(SLICES), :ROWS, :COLUMNS].copy())


def scan():
    """Images [2, 1, rows, columns] in f32 and labels [2, rows, columns] in u8."""
    images = read("mni152_t1_2mm.nii.gz").float().unsqueeze(1)
    return (images - images.mean()) / images.std(), read("mni152_tissue_2mm.nii.gz")


def new_net():
    torch.manual_seed(1)
    return UNet()
