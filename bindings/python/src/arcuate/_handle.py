"""Ownership of library objects, and conversion of arguments."""

from __future__ import annotations

import ctypes
import numbers
import operator
import os
import threading
import weakref
from types import TracebackType
from typing import Any, Callable, NoReturn, Optional, Sequence, Type, TypeVar

from . import _interrupts, _native, errors

Self = TypeVar("Self", bound="Handle")


class Handle:
    """Owns one object of the library and frees it once: in `close`, at the end of a `with` block, or
    when it is garbage-collected. Later calls raise `StateError`.

    Calls from several threads are serialized.
    """

    def __init__(
        self,
        pointer: Optional[int],
        free: Callable[[Optional[int]], None],
        lock: Optional[threading.Lock] = None,
    ) -> None:
        self._pointer = pointer
        self._lock = lock or threading.Lock()
        self._finalizer = weakref.finalize(self, free, pointer)
        # At interpreter exit another thread may still be inside a call; the system frees the memory.
        self._finalizer.atexit = False
        self._was_left = False
        _handles.add(self)

    def _live(self) -> int:
        """The pointer. The caller holds the lock while it uses the pointer."""
        _interrupts.watch()
        if self._pointer is None:
            raise errors.StateError(
                _native.INVALID_STATE, f"this {type(self).__name__.lower()} is closed"
            )
        if self._was_left:
            raise errors.StateError(
                _native.INVALID_STATE,
                f"this {type(self).__name__.lower()} was in use by another thread at fork()",
            )
        return self._pointer

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._pointer is None

    def close(self) -> None:
        """Frees the object. Closing twice is allowed."""
        with self._lock:
            self._pointer = None
            self._finalizer()

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} cannot be copied or pickled")


_handles: weakref.WeakSet[Handle] = weakref.WeakSet()


def _after_fork() -> None:
    """In a child process, releases the locks of threads that exist in the parent only; what they were
    changing can only be closed."""
    for handle in list(_handles):
        if handle._lock.locked():
            handle._was_left = True
    for handle in list(_handles):
        if handle._was_left and handle._lock.locked():
            handle._lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def created(function: Callable[..., int], *arguments: Any) -> int:
    """The object that `function(*arguments, &object, &error)` creates."""
    made, error = ctypes.c_void_p(), ctypes.c_void_p()
    _interrupts.watch()
    errors.check(function(*arguments, ctypes.byref(made), ctypes.byref(error)), error)
    assert made.value is not None
    return made.value


def call(function: Callable[..., int], *arguments: Any) -> None:
    """Calls `function(*arguments, &error)` and raises the error."""
    error = ctypes.c_void_p()
    errors.check(function(*arguments, ctypes.byref(error)), error)


def whole(name: str, value: Any, least: int = 0, most: int = 2**62) -> int:
    """`value` as an integer within the range of its C type, outside which ctypes wraps silently.

    The library checks narrower ranges.
    """
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise errors.argument(f"{name} must be an integer, got {value!r}") from None
    if not least <= number <= most:
        raise errors.argument(f"{name} must be {least} ... {most}, got {number}")
    return number


def int32(name: str, value: Any) -> int:
    """`value` as a C int32_t."""
    return whole(name, value, -(2**31), 2**31 - 1)


def optional_int32(name: str, value: Optional[int]) -> int:
    """`value` for a field of C where 0 means that none is given; the library checks its range."""
    return 0 if value is None else _given(name, int32(name, value))


def optional_number(name: str, value: Optional[float]) -> float:
    """`value` for a field of C where 0 means that none is given; the library checks its range."""
    if value is None:
        return 0.0
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise errors.argument(f"{name} must be a number, got {value!r}")
    return float(_given(name, value))


def seconds(name: str, value: Optional[float]) -> float:
    """The length of a step for a field of C where 0 means that none is given."""
    number = optional_number(name, value)
    if value is not None and not 1e-12 <= number <= 1e6:
        raise errors.argument(f"{name} must be 1e-12 ... 1e6 seconds, got {value!r}")
    return number


def _given(name: str, value: Any) -> Any:
    if value == 0:
        raise errors.argument(f"{name} must not be 0; None stands for the default")
    return value


def choice(name: str, value: str, choices: Sequence[str]) -> int:
    """The position of `value` among `choices`, which is its number in C."""
    if value not in choices:
        raise errors.argument(f"{name} must be one of {', '.join(choices)}, got {value!r}")
    return choices.index(value)


def optional_choice(name: str, value: Optional[str], choices: Sequence[str]) -> int:
    """The number of `value` for a field of C where 0 means that none is given."""
    return 0 if value is None else choice(name, value, choices) + 1


def encoded(name: str, value: str) -> bytes:
    """`value` as a C string, which cannot contain zero bytes."""
    if not isinstance(value, str) or "\0" in value:
        raise errors.argument(f"{name} must be a string without zero bytes, got {value!r}")
    return value.encode("utf-8", "surrogateescape")
