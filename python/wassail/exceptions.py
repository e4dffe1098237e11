"""Every error and warning that wassail raises on purpose."""

__all__ = [
    "ConvergenceWarning",
    "DensityError",
    "DeviceError",
    "InputError",
    "InternalError",
    "MemoryLimitError",
    "NumericalError",
    "PerformanceWarning",
    "WassailError",
]


class WassailError(Exception):
    """Base of all errors raised by wassail."""


class InputError(WassailError, ValueError):
    """An argument is unusable; the message names it and the first offending index."""


class DeviceError(WassailError, TypeError):
    """Arrays live on a device that the function does not run on; nothing is moved silently."""


class DensityError(WassailError, RuntimeError):
    """
    A log-density raised or gave up, or another function that a sampler calls did: callback, sink, `keep.function`.

    `result` holds the draws made before, and goes on with ``result.resume`` unless draws were missed; it is None where
    there was no run yet.
    """

    def __init__(self, message: str, result: object = None) -> None:
        super().__init__(message)
        self.result = result


class NumericalError(WassailError, ArithmeticError):
    """A computation left the range of floating-point numbers."""


class MemoryLimitError(WassailError, MemoryError):
    """A result would not fit into memory; the message names the estimate and a lazy way."""


class InternalError(WassailError, RuntimeError):
    """A defect of wassail itself; please report it."""


class ConvergenceWarning(UserWarning):
    """
    A solver ended before its tolerance was met; the message says what to change.

    Where filters make it an exception (``-W error``), `result` holds what a sampler made: nothing is lost.
    """

    result: object = None


class PerformanceWarning(UserWarning):
    """Something works, but many times slower than it could; the message shows how."""
