"""Exceptions, one class for each group of status values."""

from __future__ import annotations

from typing import Dict, Tuple, Type

from . import _interrupts, _native


class ArcuateError(RuntimeError):
    """Base class of all errors of the library."""

    status: int
    """Status value, such as -202."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    @property
    def name(self) -> str:
        """Short name of the status, such as "truncated"."""
        return _native.text(_native.library.arcuate_status_name(self.status))

    def __reduce__(self) -> Tuple[Type[ArcuateError], Tuple[int, str]]:
        return type(self), (self.status, str(self))


class ArgumentError(ArcuateError, ValueError):
    """An argument is invalid: its value, its shape, or a number that is not finite."""


class NotFoundError(ArcuateError, LookupError):
    """There is no node, or no quantity of a node, of that name."""


class FileError(ArcuateError, OSError):
    """A file cannot be opened or written."""


class FormatError(ArcuateError, ValueError):
    """A file or block of bytes is truncated, malformed or of an unknown format."""


class LimitError(ArcuateError, ValueError):
    """A size that was requested, or that a file states, exceeds a limit."""


class ModelError(ArcuateError, ValueError):
    """A model is inconsistent, or a file format cannot express it."""


class CompileError(ArcuateError, ValueError):
    """A model cannot be compiled with these options, or for this processor."""


class StateError(ArcuateError):
    """An object is closed, or a snapshot is damaged or belongs to another plan."""


class CanceledError(ArcuateError):
    """A call ended early, as requested."""


class OutOfMemoryError(ArcuateError, MemoryError):
    """Memory could not be allocated."""


_KINDS: Dict[int, Type[ArcuateError]] = {
    _native.INVALID_ARGUMENT: ArgumentError,
    _native.SHAPE_MISMATCH: ArgumentError,
    _native.NOT_FOUND: NotFoundError,
    _native.BUFFER_SIZE: ArgumentError,
    _native.CANNOT_OPEN: FileError,
    _native.CANNOT_WRITE: FileError,
    _native.TRUNCATED: FormatError,
    _native.MALFORMED: FormatError,
    _native.UNSUPPORTED_FORMAT: FormatError,
    _native.LIMIT_EXCEEDED: LimitError,
    _native.INVALID_MODEL: ModelError,
    _native.NOT_REPRESENTABLE: ModelError,
    _native.CANNOT_COMPILE: CompileError,
    _native.UNSUPPORTED_PROCESSOR: CompileError,
    _native.INVALID_STATE: StateError,
    _native.CANCELED: CanceledError,
    _native.OUT_OF_MEMORY: OutOfMemoryError,
}


def make(status: int, message: str) -> BaseException:
    """The exception for a status that is not success; for a call that a signal ended, that of its
    handler."""
    if status == _native.CANCELED:
        raised = _interrupts.taken()
        if raised is not None:
            return raised
    return _KINDS.get(status, ArcuateError)(status, message)


def argument(message: str) -> ArgumentError:
    """The exception for an invalid argument that the library does not see."""
    return ArgumentError(_native.INVALID_ARGUMENT, message)


def check(status: int, error: _native.Pointer) -> None:
    """Raises the error of a failed call; `error` is the error object that it returned."""
    if status == _native.SUCCESS:
        return
    message = _native.text(_native.library.arcuate_error_message(error))
    _native.library.arcuate_error_free(error)
    raise make(status, message or _native.text(_native.library.arcuate_status_name(status)))
