"""Losses weighted by distance against MONAI's, value and gradient, interleaved in one process.

    cargo rustc --profile capi --crate-type cdylib --no-default-features --features capi,panic-handler
    python -m venv venv && venv/bin/pip install torch monai scipy
    taskset -c 0 venv/bin/python benches/boundary_peers.py target/capi/libsegloss.so

1 x 2 x 128^3 f32 logits, u8 labels of smooth blobs, one thread. Both libraries compute their distances in each call.
The Hausdorff values agree to the last digits of f32, which is checked first. MONAI's boundary loss defines its distance
differently, with the same amount of work, so its value differs.
"""
import ctypes as c
import statistics
import sys
import time

import torch
from monai.losses import BoundaryLoss, HausdorffDTLoss
from peers import Segloss, backward

SHAPE = (1, 2, 128, 128, 128)


def blobs():
    """Labels of smooth noise."""
    noise = torch.randn(1, 1, *SHAPE[2:])
    for _ in range(3):
        noise = torch.nn.functional.avg_pool3d(noise, 9, 1, 4)
    return (noise[:, 0] > 0).to(torch.uint8)


def main():
    torch.manual_seed(1)
    library = c.CDLL(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    labels = blobs()
    truth = torch.stack([1 - labels, labels], 1).float()
    z = torch.randn(SHAPE) + 2 * truth
    leaf = z.clone().requires_grad_(True)
    losses = {
        "Dice": (["dice"], None),
        "Hausdorff": (["hausdorff"], HausdorffDTLoss(softmax=True, include_background=False)),
        "boundary": (["boundary"], BoundaryLoss(softmax=True, include_background=False)),
        "boundary, both": (["boundary"], BoundaryLoss(softmax=True)),
    }
    both_classes = (c.c_double * 2)(1, 1)
    times, values = {}, {}
    runs = {}
    for name, (terms, peer) in losses.items():
        runs[name, "segloss"] = Segloss(library, terms, z, labels, both_classes if "both" in name else None)
        if peer is not None:
            runs[name, "MONAI"] = backward(lambda z, y, peer=peer: peer(z, truth), leaf, labels)
    for key, run in runs.items():
        values[key] = run()[0]
    ours, theirs = values["Hausdorff", "segloss"], values["Hausdorff", "MONAI"]
    assert abs(ours - theirs) < 1e-5 * abs(theirs), (ours, theirs)
    for _ in range(rounds):
        for key, run in runs.items():
            start = time.perf_counter()
            run()
            times.setdefault(key, []).append(time.perf_counter() - start)
    dice = statistics.median(times["Dice", "segloss"])
    for (name, who), all_times in times.items():
        median = statistics.median(all_times)
        ratio = median / statistics.median(times[name, "segloss"])
        print(f"{name:14} {who:8} {median * 1e3:9.1f} ms  value {values[name, who]:.6g}  {ratio:6.1f} times segloss, {median / dice:6.2f} times Dice")


if __name__ == "__main__":
    main()
