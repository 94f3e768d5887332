"""Arrays of any library as arguments of the C library, without a copy."""

import ctypes
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _abi
from . import _constants as c

_DTYPES = {
    "bool": c.BOOL,
    "uint8": c.U8,
    "uint16": c.U16,
    "uint32": c.U32,
    "uint64": c.U64,
    "int8": c.I8,
    "int16": c.I16,
    "int32": c.I32,
    "int64": c.I64,
    "float16": c.F16,
    "bfloat16": c.BF16,
    "float32": c.F32,
    "float64": c.F64,
}
FLOATS = (c.F16, c.BF16, c.F32, c.F64)


@dataclass(frozen=True)
class View:
    """An array in host memory; `owner` keeps it alive. Strides are in elements."""

    address: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: int
    owner: Any

    def tensor(self) -> _abi.Tensor:
        count = len(self.shape)
        integers = ctypes.c_int64 * count
        return _abi.Tensor(self.address, integers(*self.shape), integers(*self.strides), count, self.dtype)


class _Device(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int32), ("id", ctypes.c_int32)]


class _Dtype(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16)]


class _DLTensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device", _Device),
        ("ndim", ctypes.c_int32),
        ("dtype", _Dtype),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.argtypes, _pointer.restype = [ctypes.py_object, ctypes.c_char_p], ctypes.c_void_p
# Devices whose memory the CPU reads as it is: the CPU, and pinned memory of CUDA and ROCm.
_HOST = (1, 3, 11)


def _contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


def _of_numpy(array: np.ndarray, name: str) -> View:
    dtype = _DTYPES.get(array.dtype.name)
    if dtype is None or not array.dtype.isnative:
        raise TypeError(f"{name} has dtype {array.dtype}; supported are {', '.join(_DTYPES)} in native byte order")
    if any(stride % array.itemsize for stride in array.strides):
        array = np.ascontiguousarray(array)
    strides = tuple(stride // array.itemsize for stride in array.strides)
    return View(array.ctypes.data, array.shape, strides, dtype, array)


def view(array: Any, name: str) -> View:
    """Views an array that has `__dlpack__` or that NumPy can read.

    Raises:
        TypeError: the array is not in host memory, or its dtype is not supported.
    """
    if isinstance(array, np.ndarray) or not hasattr(array, "__dlpack__"):
        return _of_numpy(np.asarray(array), name)
    device = array.__dlpack_device__()[0]
    if device not in _HOST:
        raise TypeError(
            f"{name} is on {getattr(array, 'device', f'device {device}')}; segloss computes on the CPU. "
            f"Copy it to host memory first."
        )
    try:
        capsule = array.__dlpack__()
    except (BufferError, RuntimeError, TypeError) as error:
        raise TypeError(f"{name} cannot be exported by DLPack: {error}") from error
    # The struct begins with the tensor; its memory is released with the capsule.
    tensor = ctypes.cast(_pointer(capsule, b"dltensor"), ctypes.POINTER(_DLTensor)).contents
    dtype = tensor.dtype.code << 8 | tensor.dtype.bits
    if tensor.dtype.lanes != 1 or dtype not in _DTYPES.values():
        raise TypeError(f"{name} has dtype {getattr(array, 'dtype', dtype)}; supported are {', '.join(_DTYPES)}")
    shape = tuple(tensor.shape[: tensor.ndim])
    strides = tuple(tensor.strides[: tensor.ndim]) if tensor.strides else _contiguous(shape)
    return View((tensor.data or 0) + tensor.byte_offset, shape, strides, dtype, (array, capsule))
