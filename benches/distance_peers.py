"""The distance transform against other libraries, interleaved in one run on one thread.

    cargo rustc --profile capi --crate-type cdylib --no-default-features --features capi,panic-handler
    pip install numpy scipy edt                # and SimpleITK, opencv-python-headless, matplotlib
    taskset -c 1 python benches/distance_peers.py [--rounds 5] [--all] [--large] [cases]
    taskset -c 1 python benches/distance_peers.py --growth [--plot growth.png]

Cases: a = 256^3 blobs (Gaussian noise, sigma 8, above the median), b = 256^3 with a ball, c = the brain of the embedded
scan at 1 mm (each voxel of 2 mm eight times), d = 1024^2 blobs, ea and eb = a and b with spacing (3, 0.7, 0.7). `--large`
adds blobs of 512^3, `--all` the slow peers: SciPy, SimpleITK, OpenCV. `--growth` times against the length of adversarial
columns, and against the voxels of blobs, beside edt and SciPy. Every result is checked before its speed is printed.
"""

import argparse
import ctypes
import gzip
import pathlib
import time

import edt
import numpy as np
from scipy import ndimage

try:
    import SimpleITK
except ImportError:
    SimpleITK = None
try:
    import cv2
except ImportError:
    cv2 = None

SIGNED, INSIDE = 1, 2
U8, F32 = 264, 544
PROJECT = pathlib.Path(__file__).parent.parent
LIBRARY = PROJECT / "target/capi/libsegloss.so"


class Tensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("ndim", ctypes.c_uint32),
        ("dtype", ctypes.c_uint32),
    ]


class Output(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("dtype", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
    ]


class Args(ctypes.Structure):
    """segloss_distance_args of include/segloss.h."""

    _fields_ = [
        ("struct_size", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("kind", ctypes.c_uint32),
        ("classes", ctypes.c_uint32),
        ("mask", Tensor),
        ("spacing", ctypes.c_void_p),
        ("out", Output),
        ("error", ctypes.c_void_p),
        ("scratch", ctypes.c_void_p),
        ("scratch_size", ctypes.c_size_t),
        ("executor", ctypes.c_void_p),
    ]


class Ours:
    """A call with everything allocated beforehand, as a data loader would."""

    def __init__(self, library, mask, spacing):
        self.library = library
        self.mask = np.ascontiguousarray(mask, np.uint8)
        self.out = np.zeros(mask.shape, np.float32)
        self.shape = np.array(mask.shape, np.int64)
        self.spacing = np.array(spacing, np.float64)
        self.args = Args(struct_size=ctypes.sizeof(Args), kind=SIGNED)
        self.args.mask = Tensor(self.mask.ctypes.data, self.shape.ctypes.data, None, mask.ndim, U8)
        self.args.spacing = self.spacing.ctypes.data
        self.args.out = Output(self.out.ctypes.data, None, F32, 0)
        size = ctypes.c_size_t()
        status = library.segloss_distance_scratch_size(ctypes.byref(self.args), ctypes.byref(size))
        assert status == 0, status
        self.scratch = np.zeros(size.value, np.uint8)
        self.args.scratch, self.args.scratch_size = self.scratch.ctypes.data, size.value

    def __call__(self, kind):
        self.args.kind = kind
        status = self.library.segloss_distance(ctypes.byref(self.args))
        assert status == 0, status
        return self.out


def blobs(shape):
    noise = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    smooth = ndimage.gaussian_filter(noise, 8)
    return (smooth > np.median(smooth)).astype(np.uint8)


def ball(shape, radii):
    axes = np.ogrid[tuple(slice(0, n) for n in shape)]
    return (sum(((x - n / 2) / r) ** 2 for x, n, r in zip(axes, shape, radii)) < 1).astype(np.uint8)


def brain():
    """The mask of all tissues in the embedded labels, at 1 mm, in the box of the whole template."""
    nifti = gzip.decompress((PROJECT / "examples/data/mni152_tissue_2mm.nii.gz").read_bytes())
    extents = np.frombuffer(nifti, "<i2", 3, 42)
    labels = np.frombuffer(nifti, np.uint8, extents.prod(), 352).reshape(extents[::-1])
    fine = (labels > 0).astype(np.uint8).repeat(2, 0).repeat(2, 1).repeat(2, 2)
    margins = [(box - extent) // 2 for box, extent in zip((189, 233, 197), fine.shape)]
    return np.pad(fine, [(m, box - e - m) for m, box, e in zip(margins, (189, 233, 197), fine.shape)])


def contrived(n):
    """Half of the lanes have their nearest voxel at one end of the column, half at the other."""
    mask = np.zeros((n, 64), np.uint8)
    mask[0, ::2] = mask[n - 1, 1::2] = 1
    rows = np.arange(n // 2, n // 2 + n // 8, 3)
    mask[rows, rows % 5] = 1
    return mask


def cases(options):
    unit, thick = (1.0, 1.0, 1.0), (3.0, 0.7, 0.7)
    makers = {
        "a": lambda: (blobs((256,) * 3), unit),
        "b": lambda: (ball((256,) * 3, (64,) * 3), unit),
        "c": lambda: (brain(), unit),
        "d": lambda: (blobs((1024, 1024)), unit[:2]),
        "ea": lambda: (blobs((256,) * 3), thick),
        "eb": lambda: (ball((256,) * 3, (64,) * 3), thick),
    }
    if options.large:
        makers["512"] = lambda: (blobs((512,) * 3), unit)
    for name, make in makers.items():
        if not options.cases or name in options.cases:
            yield name, *make()


def slow_peers(mask, spacing):
    """(call, is signed) of the installed libraries, each with the mask type it expects."""
    truth = mask.astype(bool)
    peers = {"scipy inside": lambda: ndimage.distance_transform_edt(truth, spacing)}
    peers["scipy signed"] = lambda: (
        ndimage.distance_transform_edt(~truth, spacing) - ndimage.distance_transform_edt(truth, spacing)
    )
    if SimpleITK:
        # A different definition: 0 on the voxels of the rim.
        SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
        image = SimpleITK.GetImageFromArray(mask)
        image.SetSpacing([float(width) for width in reversed(spacing)])
        peers["SimpleITK signed"] = lambda: SimpleITK.SignedMaurerDistanceMap(
            image, insideIsPositive=False, squaredDistance=False, useImageSpacing=True
        )
    if cv2 and mask.ndim == 2:
        cv2.setNumThreads(1)
        transform = lambda of: cv2.distanceTransform(of, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        other = 1 - mask
        peers["OpenCV inside"] = lambda: transform(mask)
        peers["OpenCV signed"] = lambda: transform(other) - transform(mask)
    return peers


def medians(calls, rounds):
    """Times of all calls, one after the other in each round: the medians and the spread of each."""
    times = {name: [] for name in calls}
    for _ in range(rounds):
        for name, (call, repeat) in calls.items():
            begin = time.perf_counter()
            for _ in range(repeat):
                call()
            times[name].append((time.perf_counter() - begin) / repeat)
    return {name: (np.median(t), (max(t) - min(t)) / np.median(t)) for name, t in times.items()}


def compare(library, options):
    ratios = {"signed": [], "inside": []}
    for name, mask, spacing in cases(options):
        ours = Ours(library, mask, spacing)
        truth = mask.astype(bool)
        args = dict(anisotropy=spacing, black_border=False, parallel=1)
        # segloss runs more often per round, so that its time is well above the resolution of the clock.
        repeat = 20 if mask.ndim == 2 else 3
        calls = {
            "signed": (lambda: ours(SIGNED), repeat),
            "inside": (lambda: ours(INSIDE), repeat),
            "edt.sdf bool": (lambda: edt.sdf(truth, **args), 1),
            "edt.sdf uint8": (lambda: edt.sdf(mask, **args), 1),
            "edt.edt bool": (lambda: edt.edt(truth, **args), 1),
            "edt.edt uint8": (lambda: edt.edt(mask, **args), 1),
        }
        if options.all:
            calls |= {peer: (call, 1) for peer, call in slow_peers(mask, spacing).items()}
        # The sign of edt is the opposite; its squares are f32.
        wrong = np.abs(ours(SIGNED) + edt.sdf(truth, **args)).max() / np.abs(ours.out).max()
        inside = np.abs(ours(INSIDE) - edt.edt(truth, **args)).max() / np.abs(ours.out).max()
        assert max(wrong, inside) < 1e-6, (wrong, inside)
        times = medians(calls, options.rounds)
        print(f"{name}: {mask.shape} spacing {spacing}, scratch {ours.scratch.size / 1024:.0f} KiB, ", end="")
        print(f"differs from edt by {wrong:.1e} and {inside:.1e} of the maximum")
        for call, (seconds, spread) in times.items():
            print(f"    {call:16} {seconds * 1e3:9.2f} ms {seconds / mask.size * 1e9:8.3f} ns/voxel  +-{spread:.0%}")
        signed = times["edt.sdf bool"][0] / times["signed"][0]
        inside = min(times["edt.edt bool"][0], times["edt.edt uint8"][0]) / times["inside"][0]
        ratios["signed"].append(signed)
        ratios["inside"].append(inside)
        print(f"    signed {signed:.1f} x edt.sdf on bool, inside {inside:.1f} x the faster edt.edt", flush=True)
    for kind, values in ratios.items():
        print(f"{kind}: geometric mean {np.exp(np.mean(np.log(values))):.1f}, least {min(values):.1f}")


def growth(library, options):
    print("time against the length of a column, ns/voxel: adversarial columns, and blobs of as many voxels")
    found = {}
    for n in (1_000, 4_000, 16_000, 64_000, 256_000):
        side = int((64 * n) ** 0.5)
        calls = {}
        for name, mask, spacing in (
            ("adversarial columns", contrived(n), (1.0, 1000.0)), ("blobs", blobs((side, side)), (1.0, 1.0))
        ):
            ours = Ours(library, mask, spacing)
            exact = ndimage.distance_transform_edt(mask, spacing)
            assert np.abs(ours(INSIDE) - exact).max() <= 1e-6 * exact.max(), name
            calls[f"segloss, {name}", mask.size] = (lambda ours=ours: ours(SIGNED), 3)
            if name == "blobs":
                truth, args = mask.astype(bool), dict(anisotropy=spacing, black_border=False, parallel=1)
                calls["edt, blobs", mask.size] = (lambda truth=truth, args=args: edt.sdf(truth, **args), 1)
                both = lambda of: ndimage.distance_transform_edt(of)
                calls["SciPy, blobs", mask.size] = (lambda truth=truth, both=both: both(~truth) - both(truth), 1)
        times = medians(calls, options.rounds)
        line = "  ".join(f"{name} {times[name, size][0] / size * 1e9:7.2f}" for name, size in times)
        print(f"{n:8} rows: {line}", flush=True)
        for (name, size), (seconds, _) in times.items():
            found.setdefault(name, []).append((size, seconds * 1e3))
    if options.plot:
        plot(found, options.plot)


def plot(found, path):
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4))
    for name, points in found.items():
        sizes, times = zip(*points)
        axes.loglog(sizes, times, marker="o", label=name)
    sizes, times = zip(*found["segloss, blobs"])
    axes.loglog(sizes, times[0] * np.array(sizes) / sizes[0], "--", color="grey", label="linear")
    axes.set(xlabel="voxels", ylabel="ms, one thread", title="Signed distance transform of 2-D images")
    axes.legend(loc="lower right", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--plot")
    parser.add_argument("--library", default=LIBRARY)
    options = parser.parse_args()
    library = ctypes.CDLL(str(options.library))
    if options.growth:
        return growth(library, options)
    print(f"CPU level {library.segloss_cpu_level()} of 3")
    compare(library, options)


if __name__ == "__main__":
    main()
