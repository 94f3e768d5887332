"""segloss as ops of PyTorch, by ctypes: autograd_loss(logits, labels, "dice cross_entropy", [1.0, 1.0]).

Parameters follow the name of a loss: "dice(variant=DICE_SQUARED) focal_tversky(alpha=0.5, gamma=2)". PARAMETERS lists
them with their defaults; constants are those of segloss.h without SEGLOSS_, several of them joined by |.

The forward pass keeps the class sums. The backward pass computes the gradient and multiplies it by the upstream
gradient before it is rounded to the dtype of the logits, so that float16 with a loss scale of 65536 does not underflow.
First derivatives with respect to the logits are offered, in reverse mode; everything else raises. TopK by fraction and
losses weighted by distance need the whole batch in one call: their backward pass computes the loss again.
"""
import ctypes as c
import functools
import math
import operator
import os
import re
from pathlib import Path

import torch

SOFTMAX, SIGMOID = 1, 2
# Generated from src/table: SEGLOSS_UPDATE=1 cargo test --test generated.
PARAMETERS = {
    "cross_entropy": dict(label_smoothing=0.0, normalizer="NORMALIZE_BY_VOXELS"),
    "top_k": dict(k=0.1, variant="TOPK_FRACTION"),
    "focal": dict(gamma=2.0),
    "distance_penalized": dict(),
    "sensitivity_specificity": dict(alpha=0.05, smooth_denominator=1e-5, class_average="CLASS_MEAN",
                                    sample_average="SAMPLE_DEFAULT", absent="ABSENT_COUNTED"),
    "dice": dict(variant="DICE_LINEAR", smooth_numerator=1e-5, smooth_denominator=1e-5, class_average="CLASS_MEAN",
                 sample_average="SAMPLE_DEFAULT", absent="ABSENT_COUNTED"),
    "iou": dict(variant="DICE_LINEAR", smooth_numerator=1e-5, smooth_denominator=1e-5, class_average="CLASS_MEAN",
                sample_average="SAMPLE_DEFAULT", absent="ABSENT_COUNTED"),
    "tversky": dict(alpha=0.3, beta=0.7, smooth_numerator=1e-5, smooth_denominator=1e-5, class_average="CLASS_MEAN",
                    sample_average="SAMPLE_DEFAULT", absent="ABSENT_COUNTED"),
    "generalized_dice": dict(variant="GDICE_INVERSE_SQUARE", smooth_numerator=1e-5, smooth_denominator=1e-5,
                             sample_average="SAMPLE_DEFAULT", absent="ABSENT_COUNTED"),
    "focal_tversky": dict(alpha=0.3, beta=0.7, gamma=4.0 / 3.0, smooth_numerator=1e-5, smooth_denominator=1e-5,
                          class_average="CLASS_MEAN", sample_average="SAMPLE_DEFAULT", absent="ABSENT_COUNTED"),
    "asymmetric_similarity": dict(beta=1.5, smooth_numerator=1e-5, smooth_denominator=1e-5, class_average="CLASS_MEAN",
                                  sample_average="SAMPLE_DEFAULT", absent="ABSENT_COUNTED"),
    "penalty": dict(k=2.5, variant="GDICE_INVERSE_SQUARE", smooth_numerator=1e-5, smooth_denominator=1e-5,
                    sample_average="SAMPLE_DEFAULT", absent="ABSENT_COUNTED"),
    "boundary": dict(variant=0),
    "hausdorff": dict(alpha=2.0, variant=0),
    "balanced_cross_entropy": dict(beta=0.5),
    "power_cross_entropy": dict(gamma=0.3),
    "log_dice": dict(gamma=0.3, smooth_numerator=1e-5, smooth_denominator=1e-5, class_average="CLASS_MEAN",
                     sample_average="SAMPLE_DEFAULT", absent="ABSENT_COUNTED"),
}
library = c.CDLL(os.environ.get("SEGLOSS", "libsegloss.so"))
header = Path(os.environ.get("SEGLOSS_HEADER", Path(__file__).resolve().parents[2] / "include" / "segloss.h"))
declared = re.sub(r"/\*.*?\*/|//[^\n]*", "", header.read_text(), flags=re.S)
constants = dict(re.findall(r"#define SEGLOSS_(\w+) (\d+)\s*$", declared, re.M))
kinds = {"double": c.c_double, "size_t": c.c_size_t, "int32_t": c.c_int32, "segloss_status": c.c_int32,
         "uint32_t": c.c_uint32, "int64_t": c.c_int64, "uint64_t": c.c_uint64, "segloss_region_function": c.c_void_p,
         "segloss_voxel_function": c.c_void_p}
FIELD = re.compile(r"(?:const |struct )*(\w+) (\*|\(\*)?(\w+)(?:\[(\w+)\])?")


def fields(body):
    for kind, pointer, name, length in map(lambda text: FIELD.match(text.strip()).groups(), body.split(";")[:-1]):
        ctype = (c.c_char_p if kind == "char" else c.c_void_p) if pointer else kinds[kind]
        yield name, ctype * int(constants.get(length.removeprefix("SEGLOSS_"), length)) if length else ctype


for name, body in re.findall(r"typedef struct (\w+) \{(.*?)\} \1;", declared, re.S):
    kinds[name] = type(name, (c.Structure,), {"_fields_": list(fields(body))})
Term, Args, Tensor, Output = (kinds["segloss_" + name] for name in ("term", "args", "tensor", "output"))
Error, Sums = kinds["segloss_error"], kinds["segloss_class_sums"]


def terms_of(losses):
    """The name and the arguments of each term."""
    for name, text in re.findall(r"(\w+)(?:\(([^)]*)\))?", losses):
        given = dict(argument.split("=") for argument in text.replace(" ", "").split(",") if argument)
        parameters = PARAMETERS[name]
        if wrong := given.keys() - parameters.keys():
            raise TypeError(f"{name} has no parameter {', '.join(wrong)}; it has {', '.join(parameters) or 'none'}")
        yield name, {key: argument_of(value, parameters[key]) for key, value in given.items()}


def argument_of(text, default):
    if isinstance(default, float):
        return float(text)
    return functools.reduce(operator.or_, (int(constants.get(name, name)) for name in text.split("|")))


def dtype_of(tensor):
    """The code of a dtype: torch.bfloat16 is SEGLOSS_BF16, torch.uint8 is SEGLOSS_U8."""
    name = str(tensor.dtype).removeprefix("torch.")
    for long, short in ("uint", "U"), ("int", "I"), ("bfloat", "BF"), ("float", "F"):
        name = re.sub(rf"^{long}(?=\d+$)", short, name)
    if name.upper() not in constants:
        raise TypeError(f"segloss does not read tensors of {tensor.dtype}")
    return int(constants[name.upper()])


def view(tensor):
    axes = c.c_int64 * tensor.ndim
    shape, strides = axes(*tensor.shape), axes(*tensor.stride())
    made = Tensor(tensor.data_ptr(), c.addressof(shape), c.addressof(strides), tensor.ndim, dtype_of(tensor))
    made.keep = shape, strides  # alive as long as the view
    return made


class Call:
    """The terms, arguments and scratch of one call, without outputs."""

    def __init__(self, logits, labels, losses, weights, activation):
        self.terms, self.args, self.error = (Term * len(weights))(), Args(), Error()
        for term, (name, arguments), weight in zip(self.terms, terms_of(losses), weights, strict=True):
            getter = c.CFUNCTYPE(c.c_void_p)(("segloss_" + name, library))
            library.segloss_term_init(c.c_void_p(getter()), c.byref(term), c.c_size_t(c.sizeof(Term)))
            term.weight = weight
            for key, value in arguments.items():
                setattr(term, key, value)
        library.segloss_args_init(c.byref(self.args), c.c_size_t(c.sizeof(Args)))
        self.args.activation, self.args.error = activation, c.addressof(self.error)
        self.views = self.args.pred, self.args.target = view(logits), view(labels)
        size = c.c_size_t()
        self.run("scratch_size", c.byref(size))
        self.scratch = torch.empty(size.value, dtype=torch.uint8)
        self.args.scratch, self.args.scratch_size = self.scratch.data_ptr(), size.value

    def succeeds(self, function, *more):
        call = getattr(library, "segloss_" + function)
        return call(self.terms, c.c_size_t(len(self.terms)), c.byref(self.args), *more) == 0

    def run(self, function, *more):
        if not self.succeeds(function, *more):
            raise ValueError(str(self))

    def __str__(self):
        """The error: term, argument, index, the number given, and what is expected."""
        error = self.error
        term = f"term {error.term}: " if error.term != 0xFFFFFFFF else ""
        place = f" at index {error.index}" if error.index >= 0 else ""
        given = f"{error.given:.16g} " if error.numbers & int(constants["ERROR_HAS_GIVEN"]) else ""
        needed = f"{error.needed:.16g}, " if error.numbers & int(constants["ERROR_HAS_NEEDED"]) else ""
        return f"{term}invalid {error.argument.decode()}{place}: {given}(expected {needed}{error.expected.decode()})"


@torch.library.custom_op("segloss::loss", mutates_args=(), device_types="cpu")
def loss(logits: torch.Tensor, labels: torch.Tensor, losses: str, weights: list[float],
         activation: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The value, and the class sums [B, C, sums] as doubles."""
    call, value, sums = Call(logits, labels, losses, weights, activation), c.c_double(), sums_like(logits)
    call.args.value, call.args.class_sums = c.addressof(value), sums.data_ptr()
    call.run("run")
    return value_like(logits).fill_(value.value), sums


@torch.library.custom_op("segloss::gradient", mutates_args=(), device_types="cpu")
def gradient(upstream: torch.Tensor, logits: torch.Tensor, labels: torch.Tensor, sums: torch.Tensor, losses: str,
             weights: list[float], activation: int) -> torch.Tensor:
    """The gradient with respect to the logits, times `upstream`."""
    call, scale = Call(logits, labels, losses, weights, activation), upstream.item()
    made, slopes = torch.empty_like(logits), torch.empty_like(sums)
    into = view(made)
    call.args.grad = Output(into.data, into.strides, into.dtype)
    call.args.grad_scale = scale if math.isfinite(scale) else 1.0
    # TopK by fraction and computed distance fields need the whole batch in one call, so `run` computes the loss again.
    by_sums = call.succeeds("finalize", address(sums), address(slopes)) and call.succeeds("backward", address(slopes))
    if not by_sums:
        call.run("run")
    return made if math.isfinite(scale) else made * scale


def address(tensor):
    return c.c_void_p(tensor.data_ptr())


def value_like(logits):
    return logits.new_empty((), dtype=torch.promote_types(logits.dtype, torch.float32))


def sums_like(logits):
    return logits.new_empty((*logits.shape[:2], c.sizeof(Sums) // 8), dtype=torch.float64)


loss.register_fake(lambda logits, *_: (value_like(logits), sums_like(logits)))
gradient.register_fake(lambda upstream, logits, *_: torch.empty_like(logits))


def not_offered(what):
    raise NotImplementedError(f"segloss: {what} not offered, only first derivatives by the logits, in reverse mode")


class Loss(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(logits, labels, losses, weights, activation):
        return loss(logits, labels, losses, weights, activation)

    @staticmethod
    def setup_context(ctx, inputs, output):
        logits, labels, *ctx.loss = inputs
        ctx.save_for_backward(logits, labels, output[1])
        ctx.mark_non_differentiable(output[1])

    @staticmethod
    def backward(ctx, upstream, _):
        if ctx.needs_input_grad[1]:
            not_offered("derivatives by the target are")
        return Gradient.apply(upstream, *ctx.saved_tensors, *ctx.loss), None, None, None, None


class EagerLoss(Loss):
    """torch.compile does not trace a Function with a jvp; without one, PyTorch's own message is raised."""

    @staticmethod
    def jvp(ctx, *_):
        not_offered("forward mode is")


class Gradient(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(upstream, logits, labels, sums, losses, weights, activation):
        return gradient(upstream, logits, labels, sums, losses, weights, activation)

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, _):
        not_offered("second derivatives are")


def autograd_loss(logits, labels, losses, weights, activation=SOFTMAX):
    function = Loss if torch.compiler.is_compiling() else EagerLoss
    return function.apply(logits, labels, losses, weights, activation)[0]
