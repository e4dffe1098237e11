"""C functions as log-densities: called without the interpreter, on all threads."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from wassail.exceptions import InputError

__all__ = ["CFunction", "from_numba", "from_nutpie", "from_pointer"]

# ruff: noqa: ANN401  (C functions come as anything)

_PAIR = 2
_ADDRESSES = 2**64
_SINGLE_ARGUMENTS, _BATCHED_ARGUMENTS = 5, 6
_CTYPES_FUNCTION = ctypes.CFUNCTYPE(None).__mro__[1]
_WANTED = (
    "a C function `int (size_t d, const double *x, double *grad, double *logp, void *user)`, or with `size_t n` first "
    "and arrays of n points: as numba cfunc, ctypes or cffi function, scipy.LowLevelCallable, capsule or address"
)


@dataclass(frozen=True, eq=False)
class CFunction:
    """
    A log-density behind a C function, made by :func:`from_pointer`, :func:`from_numba` or :func:`from_nutpie`.

    Attributes
    ----------
    address : int
        Of the function.
    user_data : int
        Address that each call gets as its last argument, 0 for none.
    batched : bool
        Whether it takes n points at a time.
    keep : object
        What is kept alive as long as the function is used.
    """

    address: int
    user_data: int
    batched: bool
    keep: object

    def __post_init__(self) -> None:
        """Refuse what is no address."""
        if not (0 <= self.address < _ADDRESSES and 0 <= self.user_data < _ADDRESSES):
            raise InputError(f"{self.address} and {self.user_data} are no addresses of a function and of user data")


def from_pointer(function: Any, user_data: Any = None, *, batched: bool | None = None) -> CFunction:
    """
    Use a C function as a log-density: no interpreter, one thread a chain.

    The function is ``int f(size_t d, const double *x, double *grad, double *logp, void *user_data)``, the convention of
    nutpie and others: it writes the gradient and the log-density and returns 0, a positive number where the point is to
    be rejected, a negative one to stop the run. Its batched sibling is ``int f(size_t n, size_t d, const double *X,
    double *G, double *logp, void *user_data)`` for n points row by row; a code other than 0 is about all of them, NaN
    or −inf in `logp` about one.

    Parameters
    ----------
    function : numba cfunc, ctypes or cffi function pointer, scipy.LowLevelCallable, capsule, or int
        The function. It is called from several threads at once.
    user_data : int, ndarray, ctypes or cffi pointer, optional
        What each call gets; an array is kept alive, and its address given.
    batched : bool, optional
        Which of the two it is; by default what its signature says, if it has one, else one point at a time.

    Returns
    -------
    CFunction
        To be given to a sampler as its target.

    Raises
    ------
    InputError
        `function` carries no address, or `user_data` none.

    Notes
    -----
    Nothing checks the signature of an address: a wrong one crashes the process. A batched function gets 1 to 16 points
    a call, and with many chains several threads call it at once. Samplers take the function itself too, or a pair
    (function, user_data).

    Examples
    --------
    >>> import ctypes
    >>> import numpy as np
    >>> from wassail import sampling
    >>> doubles = ctypes.POINTER(ctypes.c_double)
    >>> @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_size_t, doubles, doubles, doubles, ctypes.c_void_p)
    ... def normal(d, x, grad, logp, user_data):
    ...     logp[0] = sum(-0.5 * x[i] ** 2 for i in range(d))
    ...     for i in range(d):
    ...         grad[i] = -x[i]
    ...     return 0
    >>> target = sampling.from_pointer(normal)
    >>> sampling.ula(target, np.zeros((1, 2)), n_samples=5, step_size=0.1, rng=0).draws.shape
    (1, 5, 2)
    """
    found = _function(function)
    if found is None or found.address == 0:
        raise InputError(f"function must be {_WANTED}, got {function!r}")
    address, user = (found.user_data, None) if user_data is None else _user_address(user_data)
    if batched is not None and not isinstance(batched, bool):
        raise InputError(f"batched must be True, False or None, got {batched!r}")
    return CFunction(found.address, address, found.batched if batched is None else batched, (found.keep, user))


def _user_address(user_data: Any) -> tuple[int, object]:
    """Return the address of user data, and what keeps it alive."""
    if isinstance(user_data, int | np.integer) and not isinstance(user_data, bool):
        return int(user_data), None
    if isinstance(user_data, np.ndarray):
        return int(user_data.ctypes.data), user_data
    if type(user_data).__module__ == "_cffi_backend":
        return _cffi_address(user_data), user_data
    try:
        if isinstance(user_data, str | bytes):
            raise TypeError  # noqa: TRY301  (ctypes would take the address of a copy)
        return ctypes.cast(user_data, ctypes.c_void_p).value or 0, user_data
    except (TypeError, ctypes.ArgumentError):
        raise InputError(f"user_data must be an address, an array or a pointer, got {user_data!r}") from None


def resolve(target: Any) -> CFunction | None:  # noqa: PLR0911  (one for each kind)
    """Return the C function that an object carries, None if it carries none."""
    if isinstance(target, CFunction):
        return target
    if isinstance(target, tuple):
        return _of_tuple(target)
    if isinstance(getattr(target, "address", None), int):  # numba.cfunc
        signature = getattr(target, "_sig", None)
        return CFunction(target.address, 0, _batched(getattr(signature, "args", None)), target)
    if isinstance(target, _CTYPES_FUNCTION):
        address = ctypes.cast(target, ctypes.c_void_p).value or 0  # type: ignore[arg-type]
        return CFunction(address, 0, _batched(getattr(target, "argtypes", None)), target)
    if type(target).__module__ == "_cffi_backend":
        kind = import_module("_cffi_backend").FFI().typeof(target)
        return CFunction(_cffi_address(target), 0, _batched(getattr(kind, "args", None)), target)
    if type(target).__name__ == "PyCapsule":
        return _of_capsule(target, target)
    return None


def _function(function: Any) -> CFunction | None:
    """Return what `resolve` does, and take plain addresses too."""
    if isinstance(function, int) and not isinstance(function, bool):
        return CFunction(function, 0, batched=False, keep=None)
    return resolve(function)


def _batched(arguments: Any) -> bool:
    """Tell the two signatures apart by their number of arguments; without them it is the single one."""
    if arguments is None:
        return False
    if len(arguments) not in {_SINGLE_ARGUMENTS, _BATCHED_ARGUMENTS}:
        raise InputError(f"target takes {len(arguments)} arguments: it must be {_WANTED}")
    return len(arguments) == _BATCHED_ARGUMENTS


def _of_tuple(target: tuple[Any, ...]) -> CFunction | None:
    """Read a LowLevelCallable of SciPy, whose capsule comes first, or a pair (function, user data)."""
    if type(target).__name__ == "LowLevelCallable":
        return _of_capsule(tuple.__getitem__(target, 0), target)  # its own access by index is disabled
    if len(target) != _PAIR:
        return None
    found = _function(target[0])
    if found is None:
        return None
    address, user = _user_address(target[1])
    return CFunction(found.address, address, found.batched, (found.keep, user))


def _of_capsule(capsule: Any, keep: object) -> CFunction:
    """Read a capsule, whose name is the signature and whose context the user data."""
    api = ctypes.pythonapi
    name = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(("PyCapsule_GetName", api))(capsule)
    prototype = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
    address = prototype(("PyCapsule_GetPointer", api))(capsule, name)
    user = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object)(("PyCapsule_GetContext", api))(capsule)
    inside = (name or b"").decode(errors="replace").partition("(")[2].rpartition(")")[0]
    return CFunction(address or 0, user or 0, _batched(inside.split(",") if inside else None), keep)


def _cffi_address(pointer: Any) -> int:
    return int(import_module("_cffi_backend").FFI().cast("uintptr_t", pointer))


def from_numba(function: Callable[..., Any]) -> CFunction:
    """
    Compile ``f(x, grad) -> logp`` by numba into a C function.

    Parameters
    ----------
    function : callable
        Takes a point (d,) and an array (d,) into which it writes the gradient, and returns the log-density. Plain
        Python that numba can compile, or what ``numba.njit`` returned. Arrays that it refers to by name are compiled in
        as constants.

    Returns
    -------
    CFunction
        To be given to a sampler as its target; where `function` raises, the point is rejected.

    Raises
    ------
    InputError
        `function` is not callable, or returns anything but a real number.
    ImportError
        numba is not installed.

    Notes
    -----
    Compiles once, at this call: a second or so. The draws then need no interpreter, one thread a chain.

    Examples
    --------
    With numba installed::

        import numba
        from wassail import sampling

        @numba.njit
        def log_density(x, grad):
            grad[:] = -x
            return -0.5 * (x**2).sum()

        result = sampling.mala(sampling.from_numba(log_density), x0, n_samples=1000)
    """
    if not callable(function):
        raise InputError(f"function must be callable as function(x, grad), got {function!r}")
    numba = import_module("numba")
    types = numba.types
    doubles = types.CPointer(types.float64)
    signature = types.intc(types.uintp, doubles, doubles, doubles, types.voidptr)
    compiled = _returning_number(numba, function if hasattr(function, "py_func") else numba.njit(function))
    carray = numba.carray

    def density(d, x, grad, logp, user):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, ARG001
        try:
            logp[0] = compiled(carray(x, (d,)), carray(grad, (d,)))
        except Exception:  # noqa: BLE001  (numba knows no other)
            return 1
        return 0

    built = numba.cfunc(signature)(density)
    return CFunction(built.address, 0, batched=False, keep=built)


def _returning_number(numba: Any, compiled: Any) -> Any:
    """Return the same function, compiled for a point and its gradient; numba would take an array for a number."""
    vector = numba.types.Array(numba.types.float64, 1, "C")

    def value(x, grad):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        return compiled(x, grad)

    inner = numba.njit(value)
    inner.compile((vector, vector))
    (overload,) = inner.overloads.values()
    given = numba.types.unliteral(overload.signature.return_type)
    if not isinstance(given, numba.types.Float | numba.types.Integer):
        raise InputError(
            f"function returns {given} by numba instead of a real number: function(x, grad) takes one point (d,), "
            "writes the gradient into grad, and returns the log-density there"
        )
    return inner


def from_nutpie(compiled: Any) -> CFunction:
    """
    Use a PyMC model that nutpie has compiled.

    Parameters
    ----------
    compiled : nutpie.CompiledPyMCModel
        What ``nutpie.compile_pymc_model(model)`` returns, for the numba backend.

    Returns
    -------
    CFunction
        The log-density of the model's unconstrained parameters, to be given to a sampler as its target.

    Raises
    ------
    InputError
        `compiled` has no compiled function.

    Notes
    -----
    nutpie exposes the same C function that its own sampler calls, with the data of the model behind it. Points have
    ``compiled.n_dim`` coordinates; draws are in the unconstrained space that nutpie samples in.

    Examples
    --------
    With PyMC and nutpie installed::

        import nutpie
        from wassail import sampling

        compiled = nutpie.compile_pymc_model(model)
        result = sampling.mala(sampling.from_nutpie(compiled), np.zeros((8, compiled.n_dim)), n_samples=1000)
    """
    found = resolve(getattr(compiled, "compiled_logp_func", None))
    data = getattr(compiled, "user_data", None)
    if found is None or not isinstance(data, np.ndarray):
        raise InputError(f"compiled must be what nutpie.compile_pymc_model returns, got {type(compiled).__name__}")
    return CFunction(found.address, int(data.ctypes.data), batched=False, keep=compiled)
