"""nnU-Net with Dice + cross entropy + boundary loss, the distances computed from the labels of each patch.

    pip install nnunetv2 segloss-rs
    export nnUNet_extTrainer=bindings/python/examples/nnunet
    nnUNetv2_train 1 3d_fullres 0 -tr nnUNetTrainerDiceCEBoundary [-device cpu]

On a GPU the loss copies logits and labels to host memory and the gradient back.
"""

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from segloss_rs.torch.nnunet import DC_and_CE_and_boundary_loss, DC_and_CE_loss


class DeepSupervision(torch.nn.Module):
    """The loss of the output at full resolution, and Dice + cross entropy of the coarser ones: weights 1, 1/2, 1/4 …"""

    def __init__(self, full: torch.nn.Module, coarse: torch.nn.Module) -> None:
        super().__init__()
        self.full, self.coarse = full, coarse

    def forward(self, outputs: list[torch.Tensor], targets: list[torch.Tensor]) -> torch.Tensor:
        """Returns the weighted sum; the coarsest output has no weight, as in nnU-Net."""
        used = max(1, len(outputs) - 1)
        value = self.full(outputs[0], targets[0])
        for level in range(1, used):
            value = value + self.coarse(outputs[level], targets[level]) / 2**level
        return value / sum(1 / 2**level for level in range(used))


class nnUNetTrainerDiceCEBoundary(nnUNetTrainer):
    """The loss is nnU-Net's own, plus `boundary_weight` times the boundary loss, whose unit is that of the spacing."""

    boundary_weight = 0.01

    def _build_loss(self) -> torch.nn.Module:
        if self.label_manager.has_regions:
            raise NotImplementedError("regions that overlap have no labels: use DC_and_BCE_loss of segloss_rs")
        device = None if self.device.type == "cpu" else "cpu"
        dice = {"batch_dice": self.configuration_manager.batch_dice, "smooth": 1e-5, "do_bg": False}
        ignore_label = self.label_manager.ignore_label
        full = DC_and_CE_and_boundary_loss(
            dice,
            {},
            weight_boundary=self.boundary_weight,
            spacing=self.configuration_manager.spacing,
            ignore_label=ignore_label,
            device=device,
        )
        if not self.enable_deep_supervision:
            return full
        return DeepSupervision(full, DC_and_CE_loss(dice, {}, ignore_label=ignore_label, device=device))
