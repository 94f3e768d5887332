"""Runs the command on files that nibabel and Pillow write, and compares values and gradients with SciPy's."""

import json
import os
import subprocess
import sys
import tempfile

import nibabel as nib
import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from reference import LOSSES, softmax, to_logits

PROGRAM = os.path.abspath(sys.argv[1])
SHAPE, SPACING, CLASSES = (31, 26, 19), (0.8, 1.1, 2.5), 3
random = np.random.default_rng(17)


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True)


def report(*arguments):
    result = run(*arguments, "--json")
    assert result.returncode == 0, (arguments, result.stderr)
    return json.loads(result.stdout)["samples"][0]


def difference(value, expected):
    """The largest difference relative to the largest number."""
    return np.abs(np.asarray(value) - expected).max() / np.abs(expected).max()


def affine():
    """An oblique affine with the spacing: a rotation of up to 25 degrees of permuted and flipped axes."""
    q, _ = np.linalg.qr(np.eye(3) + random.uniform(-0.2, 0.2, (3, 3)))
    turned = (q * np.sign(np.diag(q)))[:, random.permutation(3)] * random.choice([-1, 1], 3)
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turned * SPACING, random.uniform(-90, 90, 3)
    return matrix


def example(shape):
    """Smooth labels and logits that agree with most of them."""
    smooth = [gaussian_filter(random.normal(size=shape), 2) for _ in range(CLASSES)]
    labels = np.argmax(smooth, 0)
    onehot = np.eye(CLASSES)[labels]
    return labels, (3 * onehot + random.normal(size=(*shape, CLASSES))).astype(np.float32)


def expected(labels, logits, spacing):
    s, g = softmax(logits.astype(float)), np.eye(CLASSES)[labels]
    values = {key: loss(s, g, spacing) for key, loss in LOSSES.items()}
    return {key: (value, to_logits(s, slope)) for key, (value, slope) in values.items()}


def check(name, labels, logits, spacing, *arguments):
    """Values, norms and written gradients of all losses of the reference."""
    worst = 0
    with tempfile.TemporaryDirectory() as folder:
        result = report(*arguments, "--loss", ",".join(LOSSES), "--gradients", folder)
        for loss in result["losses"]:
            value, gradient = expected(labels, logits, spacing)[loss["loss"]]
            written = nib.load(loss["gradient_file"])
            differences = [
                difference([loss["value"]], value),
                difference([loss["gradient_norm"]], np.linalg.norm(gradient)),
                difference([c["gradient_norm"] for c in loss["classes"]], np.sqrt((gradient**2).sum((0, 1, 2)))),
                difference(written.get_fdata(), gradient),
            ]
            assert max(differences) < 2e-6, (name, loss["loss"], differences)
            worst = max(worst, *differences)
    print(f"{name:44} {worst:.1e}")
    return result, written


def volumes():
    labels, logits = example(SHAPE)
    matrix = affine()
    kinds = {
        "NIfTI-1": (nib.Nifti1Image, ".nii", "<"),
        "NIfTI-1, gzipped": (nib.Nifti1Image, ".nii.gz", "<"),
        "NIfTI-1, big endian": (nib.Nifti1Image, ".nii", ">"),
        "NIfTI-1, pair": (nib.Nifti1Pair, ".img", "<"),
        "NIfTI-2": (nib.Nifti2Image, ".nii", "<"),
        "NIfTI-2, gzipped, big endian": (nib.Nifti2Image, ".nii.gz", ">"),
        "NIfTI-2, pair, gzipped, big endian": (nib.Nifti2Pair, ".img.gz", ">"),
    }
    types = [np.uint8, np.int8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64, np.float32, np.float64]
    files = [(kind, types[k % len(types)]) for k, kind in enumerate(kinds)]
    for name, datatype in files + [("NIfTI-1", datatype) for datatype in types]:
        image, extension, endian = kinds[name]
        for file, data in (("labels", labels.astype(datatype)), ("prediction", logits)):
            header = image.header_class(endianness=endian)
            header.set_data_dtype(data.dtype)
            nib.save(image(data, matrix, header), file + extension)
        text = f"{name}, labels of {np.dtype(datatype)}"
        pair = ("--labels", "labels" + extension, "--prediction", "prediction" + extension)
        result, written = check(text, labels, logits, SPACING, *pair)
        assert result["orientation"] == "".join(nib.aff2axcodes(matrix)), result["orientation"]
        assert np.allclose(written.affine, matrix, atol=1e-4), written.affine
        assert np.allclose(written.header.get_zooms(), (*SPACING, 1)), written.header.get_zooms()

    # Logits that nibabel scales to 16 bits are read as nibabel reads them.
    scaled = nib.Nifti1Image(logits.astype(np.float64), matrix)
    scaled.set_data_dtype(np.int16)
    nib.save(scaled, "prediction.nii")
    logits = nib.load("prediction.nii").get_fdata()
    check("logits of 16 bits with slope and intercept", labels, logits, SPACING, *pair)


def orientations():
    """Letters as nibabel gives them, of sform and of qform alone."""
    labels, logits = example((5, 6, 7))
    for k in range(40):
        image, prediction = nib.Nifti1Image(labels.astype(np.uint8), None), nib.Nifti1Image(logits, None)
        matrix = affine()
        for file in (image, prediction):
            file.header.set_zooms(SPACING[: 3] + (1,) * (len(file.shape) - 3))
            (file.set_sform if k % 2 else file.set_qform)(matrix, code=1)
            (file.set_qform if k % 2 else file.set_sform)(None, code=0)
        nib.save(image, "o.nii"), nib.save(prediction, "p.nii")
        result = report("--labels", "o.nii", "--prediction", "p.nii", "--loss", "ce")
        letters = "".join(nib.aff2axcodes(nib.load("o.nii").affine))
        assert result["orientation"] == letters, (result["orientation"], letters)
    print("40 oblique orientations")


def pictures():
    """2-D: masks as Pillow writes them; rows of the picture are the second axis of the NIfTI file."""
    labels, logits = example((40, 30, 1))
    nib.save(nib.Nifti1Image(logits, None), "plane.nii")
    rows = labels[:, :, 0].T.astype(np.uint8)
    palette = Image.fromarray(rows)
    palette.putpalette([9] * 768)
    for name, image in {
        "8 bits": Image.fromarray(rows * 100),
        "16 bits": Image.fromarray(rows.astype(np.uint16) * 20000),
        "palette": palette,
        "grey as colours": Image.fromarray(rows * 100).convert("RGB"),
    }.items():
        image.save("mask.png")
        check(f"PNG, {name}", labels, logits, (1, 1, 1), "--labels", "mask.png", "--prediction", "plane.nii")


def refused():
    for image in (nib.AnalyzeImage, nib.Spm99AnalyzeImage):
        nib.save(image(np.ones(SHAPE, np.int16), None), "analyze.img")
        result = run("--labels", "analyze.img", "--prediction", "prediction.nii")
        assert result.returncode == 1 and "ANALYZE 7.5" in result.stderr, result.stderr
    print("ANALYZE 7.5 refused")


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    volumes()
    orientations()
    pictures()
    refused()
    os.chdir("/")
