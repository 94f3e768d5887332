"""Every row of docs/coming_from.md for PyTorch, nnU-Net, MONAI and smp, as it stands there, through autograd."""

import json
from pathlib import Path

import pytest
import torch

import segloss_rs.torch as st

GOLDEN = json.loads((Path(__file__).resolve().parents[3] / "tests" / "golden" / "coming_from.json").read_text())
LIBRARIES = ("torch", "nnunet", "monai", "smp")
ROWS = [row for row in GOLDEN["rows"] if row["from"] in LIBRARIES]
# Alpha of a sigmoid weighs both outcomes of a class, which a term cannot.
REFUSED = ["FocalLoss(alpha=0.25)"]
V = [0.5, 2.0, 1.25]


def inputs(case):
    b, c, *space = shape = case["shape"]
    z = torch.tensor(case["pred"], dtype=torch.float64).reshape(shape)
    y = None
    if "labels" in case:
        y = torch.tensor(case["labels"]).reshape(b, *space)
        g = torch.stack([(y == (k if c > 1 else 1)) for k in range(c)], 1).double()
    else:
        g = torch.tensor(case.get("masks") or case["maps"], dtype=torch.float64).reshape(shape)
    unknown = None
    if "voxel_weight" in case:
        unknown = 1 - torch.tensor(case["voxel_weight"]).double().reshape(b, 1, *space)
    return z, y, g, unknown


def evaluate(library, call, z, y, g, unknown):
    names = {"torch": torch, "z": z, "y": y, "g": g, "v": torch.tensor(V, dtype=torch.float64)}
    if library == "torch":
        return eval(call, vars(st.functional) | names)
    if library == "nnunet":
        names |= {"dice": {"batch_dice": False, "smooth": 1e-5, "do_bg": False, "ddp": False}}
        target = g if y is None else y[:, None]
        return eval(call, vars(st.nnunet) | names)(z, target if unknown is None else torch.cat([target, unknown], 1))
    if library == "monai":
        return eval(call, vars(st.monai) | names)(z, y[:, None] if "to_onehot_y=True" in call else g)
    return eval(call, vars(st.smp) | names)(z, g if y is None else y)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["f64", "f32"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['from']}: {row['call']}, {row['case']}")
def test_call_gives_value_and_gradient_of_the_library(row, dtype):
    z, y, g, unknown = inputs(GOLDEN["cases"][row["case"]])
    z = z.to(dtype).requires_grad_()
    if row["call"] in REFUSED:
        with pytest.raises(ValueError, match="alpha"):
            evaluate(row["from"], row["call"], z, y, g, unknown)
        return
    value = evaluate(row["from"], row["call"], z, y, g, unknown)
    value.backward()
    precision = 1e-11 if dtype == torch.float64 else 1e-6
    if "GeneralizedDiceLoss(softmax=True, to_onehot_y=True)" == row["call"]:
        precision = 2e-5  # MONAI's smoothing differs from sample to sample
    expected = torch.tensor(row["grad"], dtype=torch.float64).reshape(z.shape)
    largest = expected.abs().max()
    assert abs(value.item() - row["value"]) <= precision * max(1.0, abs(row["value"]))
    assert (z.grad.double() - expected).abs().max() <= precision * largest


def test_all_rows_are_there():
    assert {row["from"] for row in ROWS} == set(LIBRARIES)
    assert len(ROWS) >= 75
