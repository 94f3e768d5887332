"""examples/nnunet inside nnU-Net, which plans, preprocesses and trains on a dataset made of the scan."""

import gzip
import json
import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
import torch
from scipy import ndimage

ROOT = Path(__file__).resolve().parents[3]
TRAINER = "nnUNetTrainerDiceCEBoundary"
SPACING = (2.0, 1.5, 2.0)


def volume(name: str) -> np.ndarray:
    """A volume of bytes of examples/data."""
    data = gzip.decompress((ROOT / "examples/data" / name).read_bytes())
    shape, start = struct.unpack_from("<3h", data, 42), int(struct.unpack_from("<f", data, 108)[0])
    return np.frombuffer(data, np.uint8, int(np.prod(shape)), start).reshape(shape[::-1])


def write(array: np.ndarray, path: Path) -> None:
    """Writes a NIfTI file; the spacing of SimpleITK is that of x, y, z."""
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(array))
    image.SetSpacing(SPACING[::-1])
    path.parent.mkdir(parents=True, exist_ok=True)
    SimpleITK.WriteImage(image, str(path))


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    """Returns a function that makes an initialized trainer."""
    base = tmp_path_factory.mktemp("nnunet")
    with pytest.MonkeyPatch.context() as patch:
        for folder in ("raw", "preprocessed", "results"):
            patch.setenv(f"nnUNet_{folder}", str(base / folder))
        patch.setenv("nnUNet_extTrainer", str(ROOT / "bindings/python/examples/nnunet"))
        raw = base / "raw" / "Dataset001_Head"
        image, labels = volume("mni152_t1_2mm.nii.gz"), volume("mni152_tissue_2mm.nii.gz")
        for case in range(5):
            part = (slice(20, 60), slice(10 * case, 10 * case + 44), slice(20, 64))
            write(image[part], raw / "imagesTr" / f"head_{case}_0000.nii.gz")
            # One voxel in a hundred is not annotated.
            of_case = np.where(np.random.default_rng(case).random(labels[part].shape) < 0.01, 4, labels[part])
            write(of_case.astype(np.uint8), raw / "labelsTr" / f"head_{case}.nii.gz")
        names = {"background": 0, "fluid": 1, "grey": 2, "white": 3, "ignore": 4}
        dataset = {"channel_names": {"0": "T1"}, "labels": names, "numTraining": 5, "file_ending": ".nii.gz"}
        (raw / "dataset.json").write_text(json.dumps(dataset))

        from nnunetv2.experiment_planning import plan_and_preprocess_api as api
        from nnunetv2.run.run_training import get_trainer_from_args

        api.extract_fingerprints([1], num_processes=1)
        api.plan_experiments([1])
        plans = base / "preprocessed" / "Dataset001_Head" / "nnUNetPlans.json"
        plan = json.loads(plans.read_text())
        configuration = plan["configurations"]["3d_fullres"]
        configuration |= {"patch_size": [32, 32, 32], "batch_size": 2}
        sizes = configuration["architecture"]["arch_kwargs"]
        for name, value in {
            "n_stages": 4,
            "features_per_stage": [4, 8, 16, 16],
            "kernel_sizes": [[3] * 3] * 4,
            "strides": [[1] * 3] + [[2] * 3] * 3,
            "n_conv_per_stage": [1] * 4,
            "n_conv_per_stage_decoder": [1] * 3,
        }.items():
            assert name in sizes, f"nnU-Net's plans have no {name} any more"
            sizes[name] = value
        plans.write_text(json.dumps(plan))
        api.preprocess([1], configurations=["3d_fullres"], num_processes=[1])

        # No processes for augmentation; the planner asks for one at least.
        patch.setenv("nnUNet_n_proc_DA", "0")

        def trainer(name: str):
            torch.manual_seed(0)
            np.random.seed(0)
            made = get_trainer_from_args("1", "3d_fullres", 0, name, device=torch.device("cpu"))
            made.num_epochs, made.num_iterations_per_epoch, made.num_val_iterations_per_epoch = 2, 5, 1
            made.disable_checkpointing = True
            return made

        yield trainer


@pytest.fixture(scope="module")
def batch(make):
    """A trainer, the outputs of its network, and their targets."""
    trainer = make(TRAINER)
    trainer.initialize()
    trainer.on_train_start()
    batch = next(trainer.dataloader_train)
    with torch.no_grad():
        outputs = trainer.network(batch["data"])
    return trainer, [output.detach() for output in outputs], batch["target"]


def value_and_gradients(loss, outputs, targets):
    """The value, and the gradient of each output; None where an output has no weight."""
    leaves = [output.clone().requires_grad_() for output in outputs]
    value = loss(leaves, targets)
    value.backward()
    return value.item(), [leaf.grad for leaf in leaves]


def boundary_by_scipy(output: torch.Tensor, target: torch.Tensor, spacing) -> torch.Tensor:
    """The mean of probability times signed distance over classes but the background and voxels that count."""
    labels, classes = target[:, 0].numpy(), output.shape[1]
    distances = np.zeros(output.shape)
    for sample, klass in np.ndindex(len(labels), classes):
        mask = labels[sample] == klass
        if mask.any() and not mask.all():
            outside = ndimage.distance_transform_edt(~mask, sampling=spacing)
            distances[sample, klass] = outside - ndimage.distance_transform_edt(mask, sampling=spacing)
    counted = target != 4
    product = torch.softmax(output.double(), 1) * torch.from_numpy(distances) * counted
    return product[:, 1:].sum() / (counted.sum() * (classes - 1))


def test_loss_is_that_of_nnunet_plus_the_boundary_loss(batch):
    trainer, outputs, targets = batch
    theirs = super(type(trainer), trainer)._build_loss()
    ours = trainer.loss
    expected, gradients = value_and_gradients(theirs, outputs, targets)
    leaf = outputs[0].clone().double().requires_grad_()
    boundary = boundary_by_scipy(leaf, targets[0], trainer.configuration_manager.spacing)
    boundary.backward()
    assert abs(boundary.item()) > 0.1
    # Its weight among the levels of deep supervision.
    share = trainer.boundary_weight / sum(1 / 2**level for level in range(len(outputs) - 1))
    value, found = value_and_gradients(ours, outputs, targets)
    assert value == pytest.approx(expected + share * boundary.item(), rel=2e-6)
    gradients[0] = gradients[0] + share * leaf.grad.float()
    for level, (mine, of_nnunet) in enumerate(zip(found, gradients, strict=True)):
        if of_nnunet is None:
            assert mine is None, level
        else:
            largest = of_nnunet.abs().max()
            assert (mine - of_nnunet).abs().max() <= 2e-6 * largest, level


def test_nnunet_finds_and_runs_the_trainer(make):
    trainer = make(TRAINER)
    trainer.run_training()
    losses = trainer.logger.local_logger.my_fantastic_logging["train_losses"]
    assert len(losses) == 2 and losses[1] < losses[0]
