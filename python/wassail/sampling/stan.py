"""Stan models compiled by BridgeStan, through their C interface."""

from __future__ import annotations

import ctypes
import json
import weakref
from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail import _core
from wassail._validate import check_integer
from wassail.exceptions import InputError
from wassail.sampling.targets._base import Target, last_axis

__all__ = ["StanTarget", "from_stan"]

F64 = NDArray[np.float64]

_MESSAGE = ctypes.POINTER(ctypes.c_void_p)
_DOUBLES = ctypes.POINTER(ctypes.c_double)
_UNSIGNED = 2**32


class StanTarget(Target):
    """
    The log-density of a Stan model on its unconstrained parameters, made by :func:`from_stan`.

    It is called by its C interface: without the interpreter, one thread a chain where the model was compiled with
    STAN_THREADS, else one chain at a time. A point where Stan throws is rejected.
    """

    def __init__(self, library: Any, model: int, owner: object, *, jacobian: bool) -> None:  # noqa: ANN401
        self._library, self._model, self._owner, self._jacobian = library, model, owner, jacobian
        info = library.bs_model_info(model).decode(errors="replace").lower()
        compact = "".join(info.split())
        #: Whether several threads may call the model at once.
        self.threaded: bool = "stan_threads=true" in compact or "stan_threads=1" in compact
        addresses = (_address(library.bs_log_density_gradient), _address(library.bs_free_error_msg), model)
        size = int(library.bs_param_unc_num(model))
        if size < 1:
            raise InputError("library holds a model without parameters")
        self._core = _core.Target.from_stan(addresses, size, jacobian, self.threaded, owner)

    @property
    def dim(self) -> int:
        """Number of unconstrained parameters."""
        return self._core.dim

    def _core_target(self) -> _core.Target:
        return self._core

    def _refusal(self, point: F64) -> str:
        x, grad = np.ascontiguousarray(point, dtype=np.float64), np.empty(self.dim)
        value, message = ctypes.c_double(), ctypes.c_void_p()
        places = (x.ctypes.data_as(_DOUBLES), ctypes.byref(value), grad.ctypes.data_as(_DOUBLES), ctypes.byref(message))
        self._library.bs_log_density_gradient(self._model, True, self._jacobian, *places)
        return _taken(self._library, message).strip() if message.value else ""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the constrained parameters, as :meth:`constrain` returns them."""
        text = self._library.bs_param_names(self._model, False, False).decode()
        return tuple(text.split(",")) if text else ()

    def constrain(self, y: ArrayLike) -> F64:
        """
        Return the constrained parameters of points, for instance of draws.

        Parameters
        ----------
        y : array_like of shape (..., d)
            Unconstrained points.

        Returns
        -------
        ndarray of shape (..., parameters)
            Parameters as the model declares them, in the order of :attr:`names`.

        Raises
        ------
        InputError
            The last axis does not have d entries, or Stan refuses a point.
        """
        points = np.ascontiguousarray(last_axis(y, "y", self.dim)).reshape(-1, self.dim)
        size = int(self._library.bs_param_num(self._model, False, False))
        out = np.empty((points.shape[0], size))
        for point, row in zip(points, out, strict=True):
            message = ctypes.c_void_p()
            arguments = (self._model, False, False, point.ctypes.data_as(_DOUBLES), row.ctypes.data_as(_DOUBLES), None)
            if self._library.bs_param_constrain(*arguments, ctypes.byref(message)):
                raise InputError(f"the model refused a point: {_taken(self._library, message)}")
        return out.reshape(*np.shape(y)[:-1], size)


def _address(function: Any) -> int:  # noqa: ANN401
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def _taken(library: Any, message: ctypes.c_void_p) -> str:  # noqa: ANN401
    """Return an error message, and give it back to the library."""
    if message.value is None:
        return "no reason given"
    text = ctypes.string_at(message.value).decode(errors="replace")
    library.bs_free_error_msg(message)
    return text


def _declare(library: Any) -> None:  # noqa: ANN401
    """Declare the functions that are used, and miss none."""
    model, flag, text, number = ctypes.c_void_p, ctypes.c_bool, ctypes.c_char_p, ctypes.c_int
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "bs_model_construct": (model, [text, ctypes.c_uint, _MESSAGE]),
        "bs_model_destruct": (None, [model]),
        "bs_free_error_msg": (None, [ctypes.c_void_p]),
        "bs_model_info": (text, [model]),
        "bs_param_names": (text, [model, flag, flag]),
        "bs_param_num": (number, [model, flag, flag]),
        "bs_param_unc_num": (number, [model]),
        "bs_param_constrain": (number, [model, flag, flag, _DOUBLES, _DOUBLES, ctypes.c_void_p, _MESSAGE]),
        "bs_log_density_gradient": (number, [model, flag, flag, _DOUBLES, _DOUBLES, _DOUBLES, _MESSAGE]),
    }
    for name, (result, arguments) in signatures.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            raise InputError(f"library exports no {name}: it is no model compiled by BridgeStan") from None
        function.restype, function.argtypes = result, arguments


def _text(data: object) -> str:
    """Return data as JSON text: from a mapping, text, or the path of a file."""
    if data is None:
        return ""
    if isinstance(data, Mapping):
        return json.dumps({key: value.tolist() if hasattr(value, "tolist") else value for key, value in data.items()})
    if isinstance(data, PathLike) or (isinstance(data, str) and data.endswith(".json")):
        return Path(data).read_text(encoding="utf-8")
    if isinstance(data, str):
        return data
    raise InputError(f"data must be a mapping, JSON text or the path of a .json file, got {type(data).__name__}")


def from_stan(
    model: Any,  # noqa: ANN401
    data: Mapping[str, Any] | str | PathLike[str] | None = None,
    *,
    seed: int = 0,
    jacobian: bool = True,
) -> StanTarget:
    """
    Use a Stan model that BridgeStan has compiled.

    Parameters
    ----------
    model : str, path, or bridgestan.StanModel
        The shared library that ``bridgestan.compile_model`` wrote, or a loaded model.
    data : mapping, str or path, optional
        Data of the model: numbers and arrays by name, JSON text, or a .json file. Not with a loaded model, which has
        its own.
    seed : int, default 0
        For models whose transformed data are random.
    jacobian : bool, default True
        Whether the density is that of the unconstrained parameters, which is what samplers need.

    Returns
    -------
    StanTarget
        A target; its `constrain` turns draws into the parameters of the model.

    Raises
    ------
    InputError
        The library cannot be loaded, is no such model, or refuses the data.

    Notes
    -----
    Constants are left out. Compile with STAN_THREADS=True for one thread a chain: otherwise chains wait for each other.

    References
    ----------
    Roualdes et al., "BridgeStan: efficient in-memory access to the methods of a Stan model", JOSS 8 (2023),
    doi:10.21105/joss.05236.

    Examples
    --------
    With BridgeStan installed::

        import bridgestan
        from wassail import sampling

        library = bridgestan.compile_model("model.stan", make_args=["STAN_THREADS=True"])
        target = sampling.from_stan(library, {"N": 3, "y": [1.0, 2.0, 4.0]})
        result = sampling.mala(target, np.zeros((8, target.dim)), n_samples=1000)
        parameters = target.constrain(result.draws)
    """
    if not isinstance(jacobian, bool):
        raise InputError(f"jacobian must be True or False, got {jacobian!r}")
    if not isinstance(model, str | PathLike):
        if not hasattr(model, "stanlib") or not isinstance(getattr(model, "model", None), int):
            raise InputError(f"model must be the path of a library or a bridgestan.StanModel, got {model!r}")
        if data is not None:
            raise InputError("data belong to a path: a loaded model has its own")
        library = ctypes.CDLL(model.stanlib._name)  # noqa: SLF001  (a handle of its own: its declarations stay ours)
        _declare(library)
        return StanTarget(library, model.model, model, jacobian=jacobian)
    number = check_integer(seed, "seed", minimum=0)
    if number >= _UNSIGNED:
        raise InputError(f"seed must be below 2**32, got {number}")
    try:
        library = ctypes.CDLL(str(Path(fspath(model)).resolve()))
    except OSError as error:
        raise InputError(f"model cannot be loaded: {error}") from error
    _declare(library)
    message = ctypes.c_void_p()
    made = library.bs_model_construct(_text(data).encode(), number, ctypes.byref(message))
    if not made:
        raise InputError(f"the model refused its data: {_taken(library, message)}")
    owner = _Owner()
    weakref.finalize(owner, library.bs_model_destruct, made)
    return StanTarget(library, made, owner, jacobian=jacobian)


class _Owner:
    """Dies with the last target that uses a model, which is then destructed."""
