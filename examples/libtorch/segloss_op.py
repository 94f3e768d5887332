"""segloss as a custom op of PyTorch, by ctypes: segloss_loss(logits, labels, "dice cross_entropy", [1.0, 1.0])."""
import ctypes as c, os, torch

SOFTMAX, SIGMOID = 1, 2
DTYPES = {torch.bool: 1544, torch.uint8: 264, torch.int16: 16, torch.int32: 32, torch.int64: 64,
          torch.float16: 528, torch.bfloat16: 1040, torch.float32: 544, torch.float64: 576}
library = c.CDLL(os.environ.get("SEGLOSS", "libsegloss.so"))
address, u32, f64, size_t = c.c_void_p, c.c_uint32, c.c_double, c.c_size_t

def struct(name, *fields):
    return type(name, (c.Structure,), {"_fields_": [(n, kind) for kind, names in fields for n in names.split()]})

Tensor = struct("Tensor", (address, "data shape strides"), (u32, "ndim dtype"))
Output = struct("Output", (address, "data strides"), (u32, "dtype reserved"))
Fault = struct("Fault", (c.c_int32, "status"), (u32, "term"), (c.c_int64, "index"), (c.c_char_p, "argument wants"))
Term = struct("Term", (u32, "struct_size flags variant class_average sample_average absent normalizer reserved"),
              (f64, "weight alpha beta gamma k smooth_numerator smooth_denominator label_smoothing"),
              (address, "form class_weight region context select"), (Tensor, "field"))
Args = struct("Args", (u32, "struct_size flags activation ignore_len"), (f64, "grad_scale"),
              (Tensor, "pred target voxel_weight"), (address, "class_present ignore spacing value term_values"),
              (address, "class_values tallies"), (Output, "grad"), (address, "fault scratch"),
              (size_t, "scratch_size"), (address, "executor"))

def view(tensor):
    axes = c.c_int64 * tensor.ndim
    shape, strides = axes(*tensor.shape), axes(*tensor.stride())
    made = Tensor(tensor.data_ptr(), c.addressof(shape), c.addressof(strides), tensor.ndim, DTYPES[tensor.dtype])
    made.keep = shape, strides  # alive as long as the view
    return made

@torch.library.custom_op("segloss::run", mutates_args=(), device_types="cpu")
def run(logits: torch.Tensor, labels: torch.Tensor, forms: str, weights: list[float],
        activation: int) -> tuple[torch.Tensor, torch.Tensor]:
    terms, args, fault, value, size = (Term * len(weights))(), Args(), Fault(), f64(), size_t()
    for term, form, weight in zip(terms, forms.split(), weights, strict=True):
        getter = c.CFUNCTYPE(address)(("segloss_" + form, library))
        library.segloss_term_init(address(getter()), c.byref(term), size_t(c.sizeof(Term)))
        term.weight = weight
    library.segloss_args_init(c.byref(args), size_t(c.sizeof(args)))
    gradient = torch.empty_like(logits)
    args.pred, args.target, grad = views = [view(tensor) for tensor in (logits, labels, gradient)]
    args.activation, args.grad = activation, Output(grad.data, grad.strides, grad.dtype)
    args.value, args.fault, call = c.addressof(value), c.addressof(fault), (terms, size_t(len(weights)), c.byref(args))
    status = library.segloss_scratch_size(*call, c.byref(size))
    scratch = c.create_string_buffer(size.value)
    args.scratch, args.scratch_size = c.addressof(scratch), size.value
    if status or library.segloss_run(*call):
        raise ValueError(f"{fault.argument.decode()} at {fault.index}: wanted {fault.wants.decode()}")
    return logits.new_tensor(value.value, dtype=torch.promote_types(logits.dtype, torch.float32)), gradient

run.register_fake(lambda logits, *_: (logits.new_empty((), dtype=torch.promote_types(logits.dtype, torch.float32)),
                                      torch.empty_like(logits)))
run.register_autograd(lambda ctx, slope, _: (ctx.saved_tensors[0] * slope, None, None, None, None),
                      setup_context=lambda ctx, inputs, output: ctx.save_for_backward(output[1]))

def segloss_loss(logits, labels, forms, weights, activation=SOFTMAX):
    return run(logits, labels, forms, weights, activation)[0]
