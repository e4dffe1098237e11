"""The one door for arrays: anything array-like on the host becomes a plain float NumPy array, or a clear error."""

from __future__ import annotations

import numbers
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wassail.exceptions import DeviceError, InputError

_HOST_DEVICES = {1, 3}  # DLPack: kDLCPU, kDLCUDAHost
_WHOLE = 2**53
_KINDS = {"b": "bool", "i": "int", "u": "int", "f": "float"}


def _check_device(value: object, name: str) -> None:
    """Refuse arrays that live on an accelerator."""
    device = getattr(value, "__dlpack_device__", None)
    if device is None or isinstance(value, np.ndarray):
        return
    if int(device()[0]) not in _HOST_DEVICES:
        raise DeviceError(
            f"{name} lives on an accelerator ({type(value).__module__}.{type(value).__name__}), this function runs on "
            "the CPU and moves nothing silently: copy it to the host first (.get() in CuPy, .cpu() in PyTorch)"
        )


def _check_kind(value: object, name: str) -> None:
    """Refuse array classes whose extra meaning would be lost."""
    if type(value) is np.ndarray:
        return
    # NumPy imports numpy.ma on first use, which takes milliseconds: no masked array can exist before.
    if "numpy.ma" in sys.modules and isinstance(value, np.ma.MaskedArray):
        raise InputError(
            f"{name} is a masked array: fill or drop the masked entries first (weights of zero leave points out)"
        )
    if isinstance(value, np.matrix):
        raise InputError(f"{name} is a numpy.matrix: convert it with numpy.asarray")
    if hasattr(value, "tocsr") and hasattr(value, "nnz"):
        raise InputError(f"{name} is a sparse matrix: pass a dense array (inf marks a forbidden arc)")


def _as_ndarray(value: object, name: str) -> NDArray[Any]:
    """Convert without copying where NumPy can."""
    _check_device(value, name)
    _check_kind(value, name)
    try:
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{name} cannot be read as an array: {error}") from error


def _float_dtype(dtype: np.dtype[Any], name: str) -> np.dtype[Any]:
    """Choose float32 or float64, or refuse the type in clear words."""
    if dtype.kind == "c":
        raise InputError(f"{name} has complex dtype {dtype}: pass real numbers")
    if dtype.kind not in _KINDS:
        raise InputError(f"{name} has dtype {dtype}: pass real numbers")
    small = dtype.kind == "f" and dtype.itemsize <= np.dtype(np.float32).itemsize
    return np.dtype(np.float32 if small else np.float64)


def _dimensions(ndim: tuple[int, ...]) -> str:
    return " or ".join(f"{k}-D" for k in ndim)


def _objects(array: NDArray[Any], name: str, wanted: str) -> str:
    """Say what was passed instead of numbers."""
    if array.ndim == 0:
        value = array.item()
        given = "None" if value is None else f"of type {type(value).__module__}.{type(value).__name__}"
        return f"{name} is {given}: a {wanted} array of real numbers is wanted"
    odd = np.array([not isinstance(entry, numbers.Real) for entry in array.flat]).reshape(array.shape)
    if not odd.any():
        return f"{name} has object dtype: convert it with astype(float)"
    index = first_index(odd)
    kind = type(array[index]).__name__
    return f"{name}{show_index(index)} is of type {kind}: a {wanted} array of real numbers is wanted"


def _cast(array: NDArray[Any], dtype: np.dtype[Any], name: str) -> NDArray[Any]:
    """Convert, and refuse long doubles that a double cannot hold."""
    large = array.dtype.kind in "iu" and np.iinfo(array.dtype).max > _WHOLE  # smaller kinds need no look
    if large and max(-int(array.min()), int(array.max())) > _WHOLE:
        raise InputError(
            f"{name} has integers beyond 2**53, which float64 cannot tell apart: subtract a constant first, or convert "
            "with astype(float) if their rounding does no harm"
        )
    if array.dtype.kind != "f" or array.itemsize <= dtype.itemsize:
        return np.asarray(array, dtype=dtype)
    with np.errstate(over="ignore"):
        cast = np.asarray(array, dtype=dtype)
    if (np.isinf(cast) & np.isfinite(array)).any():
        raise InputError(f"{name} has entries beyond the range of float64")
    return cast


def real_array(value: object, name: str, *, ndim: tuple[int, ...], passed: tuple[int, ...] = ()) -> NDArray[Any]:
    """
    Return `value` as a native, aligned float32 or float64 array, without a copy where possible.

    Integers and booleans become float64, float16 becomes float32; strides stay as they are as long as they are
    multiples of the element. Dimensions in `passed` are left to the caller to refuse.

    Raises
    ------
    DeviceError
        `value` lives on an accelerator.
    InputError
        `value` is complex, object, masked, sparse, a ``numpy.matrix``, of the wrong dimension, or empty.
    """
    array = _as_ndarray(value, name)
    if array.dtype.kind == "O":
        raise InputError(_objects(array, name, _dimensions(ndim)))
    dtype = _float_dtype(array.dtype, name)
    if array.ndim not in ndim + passed:
        raise InputError(f"{name} must be {_dimensions(ndim)}, got shape {array.shape}")
    if array.size == 0:
        raise InputError(f"{name} is empty: shape {array.shape}")
    array = _cast(array, dtype, name)
    if not array.flags.aligned or any(stride % array.itemsize for stride in array.strides):
        array = array.copy()
    return array


def first_index(bad: NDArray[np.bool_]) -> tuple[int, ...]:
    """Return the index of the first true entry."""
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(bad)), bad.shape))


def show_index(index: tuple[int, ...]) -> str:
    """Write an index the way it is typed: ``[3]`` or ``[3, 1]``."""
    return "[" + ", ".join(map(str, index)) + "]"


def check_finite(array: NDArray[Any], name: str) -> None:
    """Raise InputError at the first NaN or infinity, without a temporary of the array's size when all is well."""
    if np.isfinite(np.min(array)) and np.isfinite(np.max(array)):
        return
    index = first_index(~np.isfinite(array))
    raise InputError(f"{name}{show_index(index)} is {array[index]}: every entry must be finite")


def float64_vector(value: object, name: str, size: int) -> NDArray[np.float64]:
    """Return a private contiguous float64 copy of a vector of known length."""
    array = real_array(value, name, ndim=(1,))
    if array.size != size:
        raise InputError(f"{name} has {array.size} entries, {size} are needed")
    return np.array(array, dtype=np.float64, order="C")
