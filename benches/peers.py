"""Value and gradient of segloss against PyTorch (eager, compiled) and JAX, interleaved in one process.

    cargo rustc --profile capi --crate-type cdylib --no-default-features --features capi,panic-handler
    python -m venv venv && venv/bin/pip install torch jax matplotlib
    taskset -c 0 venv/bin/python benches/peers.py target/capi/libsegloss.so [--plot peers.png] [--no-compile] [--large-pages]

Both sides get the same f32 logits and u8 labels (int64 where a framework wants them), one thread, and
give the value and the gradient with respect to the logits. The code of the other libraries uses one-hot
copies only where that is faster for them. Results are compared before anything is timed.

PyTorch's allocator gives pages of 4 KiB; with --large-pages it asks for those of 2 MiB, as numpy does. Which ones the
arrays have is read from the system and printed for each shape.
"""
import argparse
import ctypes as c
import os
import platform
import statistics
import time

import torch
import torch.nn.functional as F

torch.set_num_threads(1)
torch._dynamo.config.recompile_limit = 64

# The arrays of the last one stay in the caches.
SHAPES = [(2, 4, 128, 128, 128), (8, 21, 256, 256), (2, 4, 64, 64)]


class Tensor(c.Structure):
    _fields_ = [("data", c.c_void_p), ("shape", c.POINTER(c.c_int64)), ("strides", c.POINTER(c.c_int64)),
                ("ndim", c.c_uint32), ("dtype", c.c_uint32)]


class Output(c.Structure):
    _fields_ = [("data", c.c_void_p), ("strides", c.POINTER(c.c_int64)), ("dtype", c.c_uint32), ("reserved", c.c_uint32)]


class Term(c.Structure):
    _fields_ = [(name, c.c_uint32) for name in
                "struct_size flags variant class_average sample_average absent normalizer reserved".split()]
    _fields_ += [(name, c.c_double) for name in
                 "weight alpha beta gamma k smooth_numerator smooth_denominator label_smoothing".split()]
    _fields_ += [(name, c.c_void_p) for name in "loss class_weight region context top_k_search".split()]
    _fields_ += [("field", Tensor)]


class Args(c.Structure):
    _fields_ = [(name, c.c_uint32) for name in "struct_size flags activation ignore_len".split()]
    _fields_ += [("grad_scale", c.c_double), ("pred", Tensor), ("target", Tensor), ("voxel_weight", Tensor)]
    _fields_ += [(name, c.c_void_p) for name in
                 "class_present ignore spacing value term_values class_values class_sums".split()]
    _fields_ += [("grad", Output), ("error", c.c_void_p), ("scratch", c.c_void_p), ("scratch_size", c.c_size_t),
                 ("executor", c.c_void_p)]


class Segloss:
    """A loss over fixed arrays, ready to run."""

    def __init__(self, library, losses, logits, target, class_weight=None, activation=1, weight=None, ignore=None):
        self.library, self.value = library, c.c_double()
        self.kept = (logits, target, weight)
        self.gradient = torch.zeros_like(logits)
        self.terms = (Term * len(losses))()
        for term, loss in zip(self.terms, losses):
            getter = getattr(library, f"segloss_{loss}")
            getter.restype = c.c_void_p
            assert library.segloss_term_init(c.c_void_p(getter()), c.byref(term), c.sizeof(Term)) == 0
            term.class_weight = class_weight and c.addressof(class_weight)
        self.args = Args()
        assert library.segloss_args_init(c.byref(self.args), c.sizeof(Args)) == 0
        self.shapes = [(c.c_int64 * x.dim())(*x.shape) for x in self.kept if x is not None]
        self.args.activation = activation
        self.args.pred = Tensor(logits.data_ptr(), self.shapes[0], None, logits.dim(), 0x0220)
        self.args.target = Tensor(target.data_ptr(), self.shapes[1], None, target.dim(), 0x0108)
        if weight is not None:
            self.args.voxel_weight = Tensor(weight.data_ptr(), self.shapes[2], None, weight.dim(), 0x0220)
        if ignore is not None:
            self.ignore = c.c_int64(ignore)
            self.args.ignore, self.args.ignore_len = c.addressof(self.ignore), 1
        self.args.value = c.addressof(self.value)
        self.args.grad.data = self.gradient.data_ptr()
        size = c.c_size_t()
        assert library.segloss_scratch_size(self.terms, len(losses), c.byref(self.args), c.byref(size)) == 0
        self.scratch = torch.zeros(size.value, dtype=torch.uint8)
        self.args.scratch, self.args.scratch_size = self.scratch.data_ptr(), size.value

    def __call__(self):
        assert self.library.segloss_run(self.terms, len(self.terms), c.byref(self.args)) == 0
        return self.value.value, self.gradient


def sums_of(s, y):
    """Intersection, prediction and target sums [B, C] of probabilities and int64 labels."""
    s, y = s.flatten(2), y.flatten(1)
    overlap = torch.zeros(s.shape[:2]).scatter_add(1, y, s.gather(1, y[:, None])[:, 0])
    truth = torch.zeros(s.shape[:2]).scatter_add(1, y, torch.ones_like(y, dtype=s.dtype))
    return overlap, s.sum(2), truth


def sums_one_hot(s, y):
    """The same with a mask per class, which the compiler can fuse."""
    g = (y[:, None] == torch.arange(s.shape[1]).view(1, -1, *[1] * (y.dim() - 1))).to(s.dtype)
    axes = tuple(range(2, s.dim()))
    return (s * g).sum(axes), s.sum(axes), g.sum(axes)


def dice_of(overlap, predicted, truth):
    return (1 - (2 * overlap + 1e-5) / (predicted + truth + 1e-5)).mean()


def tversky_of(overlap, predicted, truth):
    price = 0.3 * (predicted - overlap) + 0.7 * (truth - overlap)
    return (1 - (overlap + 1e-5) / (overlap + price + 1e-5)).mean()


def generalized_dice_of(overlap, predicted, truth):
    u = (truth.T.min(0) if not torch.is_tensor(truth) else truth.amin(1))[:, None] ** 2 / truth**2
    return (1 - (2 * (u * overlap).sum(1) + 1e-5) / ((u * (predicted + truth)).sum(1) + 1e-5)).mean()


def torch_losses(sums):
    def focal(z, y):
        log = -F.cross_entropy(z, y, reduction="none")
        return -((1 - log.exp()) ** 2 * log).mean()

    def top_k(z, y):
        cost = F.cross_entropy(z, y, reduction="none").flatten()
        return torch.topk(cost, cost.numel() // 10, sorted=False).values.mean()

    def of(region):
        return lambda z, y: region(*sums(z.softmax(1), y))

    return {
        "CE": (["cross_entropy"], F.cross_entropy),
        "focal": (["focal"], focal),
        "Dice": (["dice"], of(dice_of)),
        "Dice + CE": (["dice", "cross_entropy"], lambda z, y: dice_of(*sums(z.softmax(1), y)) + F.cross_entropy(z, y)),
        "Tversky": (["tversky"], of(tversky_of)),
        "gen. Dice": (["generalized_dice"], of(generalized_dice_of)),
        "TopK": (["top_k"], top_k),
    }


def jax_losses():
    import jax
    import jax.numpy as np

    def logs(z, y):
        log = jax.nn.log_softmax(z, axis=1)
        return np.take_along_axis(log, y[:, None], 1)[:, 0]

    def of(region):
        def loss(z, y):
            s = jax.nn.softmax(z, axis=1)
            g = jax.nn.one_hot(y, z.shape[1], axis=1, dtype=z.dtype)
            axes = tuple(range(2, z.ndim))
            return region((s * g).sum(axes), s.sum(axes), g.sum(axes))
        return loss

    def focal(z, y):
        log = logs(z, y)
        return -((1 - np.exp(log)) ** 2 * log).mean()

    def top_k(z, y):
        cost = -logs(z, y).ravel()
        return jax.lax.top_k(cost, cost.size // 10)[0].mean()

    dice = of(dice_of)
    losses = {"CE": lambda z, y: -logs(z, y).mean(), "focal": focal, "Dice": dice,
              "Dice + CE": lambda z, y: dice(z, y) - logs(z, y).mean(), "Tversky": of(tversky_of),
              "gen. Dice": of(generalized_dice_of), "TopK": top_k}
    return {name: jax.jit(jax.value_and_grad(loss)) for name, loss in losses.items()}


def backward(loss, z, y):
    def run():
        z.grad = None
        value = loss(z, y)
        value.backward()
        return value.item(), z.grad
    return run


def median_times(runs, rounds, repeats):
    times = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            time.sleep(0.05)  # XLA's threads keep spinning after their work, on the one core that all libraries share.
            run()  # Evicts the arrays of the other libraries from the caches.
            for _ in range(repeats):
                start = time.perf_counter()
                run()
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(t) for name, t in times.items()}


def page_size(start, size):
    """The pages of an array of `size` bytes, or "unknown" where the system does not say."""
    # numpy's request begins at the second page of an array: a mapping of its own.
    address, inside = start + size // 2, False
    try:
        with open("/proc/self/smaps") as mappings:
            for line in mappings:
                first, _, rest = line.partition(" ")
                if not first.endswith(":"):
                    begin, end = (int(x, 16) for x in first.split("-"))
                    inside, mapped = begin <= address < end, end - begin
                elif inside and first == "AnonHugePages:":
                    large = int(rest.split()[0]) * 1024
                    return "large" if large > mapped / 2 else "small" if large == 0 else "large in part"
    except OSError:
        pass
    return "unknown"


def name_of(shape):
    return f"{shape[0]}x{shape[1]}x{shape[2]}^{len(shape) - 2}"


LABELS = {"segloss": "segloss", "eager": "PyTorch", "compiled": "PyTorch, compiled", "jax": "JAX"}


def plot(rows, path):
    """Bars by loss, one panel per shape, on one scale."""
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    shapes = list(dict.fromkeys(shape for shape, *_ in rows))
    figure, axes = plt.subplots(1, len(shapes), figsize=(4.5 * len(shapes), 3.6), sharey=True, layout="constrained")
    for shape, ax in zip(shapes, axes):
        cells = [(name, ns) for of, name, ns, _ in rows if of == shape]
        for k, peer in enumerate(("segloss", "eager", "compiled", "jax")):
            heights = [ns.get(peer, 0) for _, ns in cells]
            ax.bar([i + 0.2 * k for i in range(len(cells))], heights, 0.2, label=LABELS[peer])
        ax.set_yscale("log")
        ax.set_yticks([2, 5, 10, 20, 50, 100, 200, 400], labels=["2", "5", "10", "20", "50", "100", "200", "400"])
        ax.minorticks_off()
        ax.grid(axis="y", which="both", alpha=0.3)
        ax.set_title(name_of(shape), fontsize=10)
        ax.set_xticks([i + 0.3 for i in range(len(cells))], [name for name, _ in cells], fontsize=7, rotation=20)
    axes[0].set_ylabel("ns per voxel (logarithmic)")
    axes[-1].legend(fontsize=7)
    figure.savefig(path, dpi=130)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library")
    parser.add_argument("--plot")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("--large-pages", action="store_true")
    options = parser.parse_args()
    if options.large_pages:
        os.environ["THP_MEM_ALLOC_ENABLE"] = "1"  # Read by PyTorch at its first allocation.
    library = c.CDLL(options.library)
    try:
        peers_of_jax = jax_losses()
    except ImportError:
        peers_of_jax = {}
    print(f"{platform.processor() or platform.machine()}, torch {torch.__version__}, CPU level {library.segloss_cpu_level()}, one thread")
    print(f"{'shape':12} {'loss':10} {'segloss':>8} {'eager':>8} {'compiled':>8} {'jax':>8}   ns per voxel, value + gradient; times the fastest peer")
    rows = []
    for shape in SHAPES:
        torch.manual_seed(1)
        z = torch.randn(shape) * 2
        labels = torch.randint(0, shape[1], (shape[0],) + shape[2:], dtype=torch.uint8)
        y, leaf = labels.long(), z.clone().requires_grad_(True)
        voxels = labels.numel()
        one_hot = torch_losses(sums_one_hot)
        for name, (terms, loss) in torch_losses(sums_of).items():
            ours = Segloss(library, terms, z, labels)
            runs = {"segloss": ours, "eager": backward(loss, leaf, y)}
            if not options.no_compile:
                # Eager mode is faster with gather, the compiler with masks, which it fuses.
                runs["compiled"] = backward(torch.compile(one_hot[name][1]), leaf, y)
            if name in peers_of_jax:
                import jax
                jz, jy, step = jax.numpy.asarray(z.numpy()), jax.numpy.asarray(y.numpy()), peers_of_jax[name]
                runs["jax"] = lambda: jax.block_until_ready(step(jz, jy))
            expected, gradient = runs["eager"]()
            value, ours_gradient = ours()
            assert abs(value - expected) < 1e-4 * max(1, abs(expected)), (name, value, expected)
            error = (ours_gradient - gradient).abs().max() / gradient.abs().max()
            assert error < (1e-3 if name == "TopK" else 1e-4), (name, float(error))
            for run in runs.values():
                run()
            if name == "CE":
                arrays = {"logits": z, "gradient of segloss": ours_gradient, "of PyTorch": gradient}
                addresses = {of: x.data_ptr() for of, x in arrays.items()}
                if "jax" in runs:
                    addresses["of JAX"] = step(jz, jy)[1].unsafe_buffer_pointer()
                pages = ", ".join(f"{of} {page_size(at, z.nbytes)}" for of, at in addresses.items())
                print(f"{name_of(shape)}, pages: {pages}")
            small = voxels < 100_000
            times = median_times(runs, options.rounds, 40 if small else 1)
            ns = {peer: t * 1e9 / voxels for peer, t in times.items()}
            ratio = min(t for peer, t in ns.items() if peer != "segloss") / ns["segloss"]
            rows.append((shape, name, ns, ratio))
            cells = " ".join(f"{ns[peer]:8.2f}" if peer in ns else "       -" for peer in ("segloss", "eager", "compiled", "jax"))
            print(f"{name_of(shape):12} {name:10} {cells}   {ratio:5.1f}x", flush=True)
    print("times the fastest peer, geometric means and goals:")
    for where, in_cache, goal in [("beyond the caches", False, 20), ("in the caches", True, 8)]:
        ratios = [ratio for shape, *_, ratio in rows if (shape == SHAPES[-1]) == in_cache]
        print(f"{where} {statistics.geometric_mean(ratios):.1f} ({goal}), least {min(ratios):.1f} (5)")
    if options.plot:
        plot(rows, options.plot)


if __name__ == "__main__":
    main()
