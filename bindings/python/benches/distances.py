"""Distances from Python beside `edt`, from the arrays of a loader to those of a loss, interleaved in one run.

    pip install segloss-rs edt scipy
    taskset -c 0 python bindings/python/benches/distances.py [--rounds 5] [cases]
    python bindings/python/benches/distances.py --loaders

Cases: a = 256^3 blobs (Gaussian noise, sigma 8, above the median), b = 256^3 with a ball, c = the brain of the scan in
examples/data at 1 mm, d = 1024^2 blobs, ea and eb = a and b with spacing (3, 0.7, 0.7). Every result is checked before
its speed is printed. A new array costs the time in which the operating system clears its memory; a loader that passes
`out` saves it. --loaders: the boundary fields of label maps by one thread of Python, and by two.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import edt
import numpy as np

import segloss_rs as sl

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "benches"))
from distance_peers import cases


def medians(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Seconds of each call, all calls after one another in each round."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            begin = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - begin)
    return {name: statistics.median(all_times) for name, all_times in times.items()}


def off(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest relative difference."""
    return float(np.max(np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1)))


def compare(arguments: argparse.Namespace) -> None:
    """Prints the time of each case, and how many times as fast as `edt` it is with a new array and into one given."""
    ratios: dict[str, list[float]] = {}
    print("case   kind    edt, ms  new array, ms  times  into out, ms  times")
    for name, mask, spacing in cases(arguments):
        truth = mask.astype(bool)
        out = np.zeros(mask.shape, np.float32)
        options = {"anisotropy": spacing, "black_border": False, "parallel": 1}
        for kind, transform, sign in (("signed", edt.sdf, -1), ("inside", edt.edt, 1)):
            calls = {
                "new": lambda m=truth, s=spacing, k=kind: sl.edt(m, s, kind=k),
                "out": lambda m=truth, s=spacing, k=kind, o=out: sl.edt(m, s, kind=k, out=o),
                # It has another way for bytes, which is the faster one for distances inside.
                "bool": lambda m=truth, t=transform, o=options: t(m, **o),
                "uint8": lambda m=mask, t=transform, o=options: t(m, **o),
            }
            results = {call: np.asarray(of()) for call, of in calls.items()}
            for ours in ("new", "out"):
                if (largest := off(results[ours], sign * results["bool"])) > 1e-5:
                    raise SystemExit(f"{name}, {kind}: differs from edt by {largest:.1e}")
            times = medians(calls, arguments.rounds)
            theirs = times["bool"] if kind == "signed" else min(times["bool"], times["uint8"])
            line = f"{name:6} {kind} {1e3 * theirs:8.1f}"
            for ours, width in (("new", 15), ("out", 14)):
                ratios.setdefault(f"{kind}, {ours}", []).append(theirs / times[ours])
                line += f"{1e3 * times[ours]:{width}.2f} {theirs / times[ours]:6.1f}"
            print(line)
    for kind, of_cases in ratios.items():
        print(f"{kind}: geometric mean {statistics.geometric_mean(of_cases):.1f}, least {min(of_cases):.1f}")


def loaders(rounds: int) -> None:
    """Prints how many times as fast two threads make the fields of label maps as one does."""
    generator = np.random.default_rng(0)
    centres = generator.uniform(0, 128, (2, 3, 3))
    axes = np.meshgrid(*[np.arange(128.0)] * 3, indexing="ij", sparse=True)
    maps = []
    for sample in centres:
        distances = [sum((x - at) ** 2 for x, at in zip(axes, centre, strict=True)) for centre in sample]
        maps.append(((np.argmin(distances, 0) + 1) * (np.min(distances, 0) < 40**2)).astype(np.uint8)[None])

    def work(labels: np.ndarray) -> None:
        for _ in range(10):
            sl.boundary_field(labels, classes=4, spacing=(3, 0.7, 0.7))

    work(maps[0])
    with ThreadPoolExecutor(2) as pool:
        calls = {
            "one": lambda: [work(labels) for labels in maps],
            "two": lambda: list(pool.map(work, maps)),
        }
        times = medians(calls, rounds)
    print(f"20 fields of 4x128^3: one thread {times['one']:.2f} s, two {times['two']:.2f} s", end=", ")
    print(f"{times['one'] / times['two']:.2f} times as fast")


def main() -> None:
    """Runs the cases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--loaders", action="store_true")
    arguments = parser.parse_args()
    arguments.large = False
    if arguments.loaders:
        loaders(arguments.rounds)
    else:
        compare(arguments)


if __name__ == "__main__":
    main()
