"""The structs and functions of segloss.h, by ctypes. A call of the library releases the interpreter's lock."""

import ctypes
from ctypes import POINTER, c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint8, c_uint32, c_void_p
from pathlib import Path


class Tensor(ctypes.Structure):
    """`segloss_tensor`"""

    _fields_ = [
        ("data", c_void_p),
        ("shape", POINTER(c_int64)),
        ("strides", POINTER(c_int64)),
        ("ndim", c_uint32),
        ("dtype", c_uint32),
    ]


class Output(ctypes.Structure):
    """`segloss_output`"""

    _fields_ = [
        ("data", c_void_p),
        ("strides", POINTER(c_int64)),
        ("dtype", c_uint32),
        ("reserved", c_uint32),
    ]


class Error(ctypes.Structure):
    """`segloss_error`"""

    _fields_ = [
        ("status", c_int32),
        ("term", c_uint32),
        ("index", c_int64),
        ("argument", c_char_p),
        ("expected", c_char_p),
        ("given", c_double),
        ("needed", c_double),
        ("numbers", c_uint32),
        ("reserved", c_uint32),
    ]


class Executor(ctypes.Structure):
    """`segloss_executor`"""

    _fields_ = [
        ("struct_size", c_uint32),
        ("workers", c_uint32),
        ("parallel_for", c_void_p),
        ("context", c_void_p),
    ]


class Term(ctypes.Structure):
    """`segloss_term`"""

    _fields_ = [
        ("struct_size", c_uint32),
        ("flags", c_uint32),
        ("variant", c_uint32),
        ("class_average", c_uint32),
        ("sample_average", c_uint32),
        ("absent", c_uint32),
        ("normalizer", c_uint32),
        ("reserved", c_uint32),
        ("weight", c_double),
        ("alpha", c_double),
        ("beta", c_double),
        ("gamma", c_double),
        ("k", c_double),
        ("smooth_numerator", c_double),
        ("smooth_denominator", c_double),
        ("label_smoothing", c_double),
        ("loss", c_void_p),
        ("class_weight", POINTER(c_double)),
        ("region", c_void_p),
        ("context", c_void_p),
        ("top_k_search", c_void_p),
        ("field", Tensor),
        ("voxel", c_void_p),
        ("voxel_context", c_void_p),
    ]


class Args(ctypes.Structure):
    """`segloss_args`"""

    _fields_ = [
        ("struct_size", c_uint32),
        ("flags", c_uint32),
        ("activation", c_uint32),
        ("ignore_len", c_uint32),
        ("grad_scale", c_double),
        ("pred", Tensor),
        ("target", Tensor),
        ("voxel_weight", Tensor),
        ("class_present", POINTER(c_uint8)),
        ("ignore", POINTER(c_int64)),
        ("spacing", POINTER(c_double)),
        ("value", POINTER(c_double)),
        ("term_values", POINTER(c_double)),
        ("class_values", POINTER(c_double)),
        ("class_sums", c_void_p),
        ("grad", Output),
        ("error", POINTER(Error)),
        ("scratch", c_void_p),
        ("scratch_size", c_size_t),
        ("executor", POINTER(Executor)),
    ]


class DistanceArgs(ctypes.Structure):
    """`segloss_distance_args`"""

    _fields_ = [
        ("struct_size", c_uint32),
        ("flags", c_uint32),
        ("kind", c_uint32),
        ("classes", c_uint32),
        ("mask", Tensor),
        ("spacing", POINTER(c_double)),
        ("out", Output),
        ("error", POINTER(Error)),
        ("scratch", c_void_p),
        ("scratch_size", c_size_t),
        ("executor", POINTER(Executor)),
    ]


STRUCTS = {
    "tensor": Tensor,
    "output": Output,
    "error": Error,
    "executor": Executor,
    "term": Term,
    "args": Args,
    "distance_args": DistanceArgs,
}

library = ctypes.CDLL(str(Path(__file__).with_name("libsegloss_rs.so")))

_TERMS, _ARGS = POINTER(Term), POINTER(Args)
for _name, _arguments in {
    "term_init": [c_void_p, _TERMS, c_size_t],
    "args_init": [_ARGS, c_size_t],
    "distance_args_init": [POINTER(DistanceArgs), c_size_t],
    "scratch_size": [_TERMS, c_size_t, _ARGS, POINTER(c_size_t)],
    "run": [_TERMS, c_size_t, _ARGS],
    "distance_field": [_TERMS, _ARGS, POINTER(Output)],
    "class_weights": [_ARGS, c_uint32, POINTER(c_double)],
    "distance": [POINTER(DistanceArgs)],
    "distance_scratch_size": [POINTER(DistanceArgs), POINTER(c_size_t)],
}.items():
    _function = getattr(library, "segloss_" + _name)
    _function.argtypes, _function.restype = _arguments, c_int32
library.segloss_status_string.argtypes, library.segloss_status_string.restype = [c_int32], c_char_p
library.segloss_version.restype = library.segloss_cpu_level.restype = c_uint32

_PARALLEL_FOR = ctypes.cast(library.segloss_pool_parallel_for, c_void_p).value


def loss(name: str) -> int:
    """Returns the address of a loss, by the name of its getter."""
    getter = getattr(library, "segloss_" + name)
    getter.restype = c_void_p
    return getter()


def executor(threads: int) -> Executor:
    """Returns an executor on the threads of the package."""
    return Executor(ctypes.sizeof(Executor), max(1, min(threads, 64)), _PARALLEL_FOR, None)
