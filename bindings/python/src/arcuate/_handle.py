"""What the objects of the library have in common, and how arguments reach it."""

from __future__ import annotations

import ctypes
import numbers
import operator
import threading
import weakref
from types import TracebackType
from typing import Any, Callable, NoReturn, Optional, Sequence, Type, TypeVar

from . import _native, errors

Self = TypeVar("Self", bound="Handle")


class Handle:
    """Owns one object of the library and frees it once: by `close`, at the end of a `with` block, or
    when it is collected. Whatever is called after that raises `StateError`.

    Calls from several threads take turns.
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
        # When the interpreter ends, a thread may still be inside a call; the system takes all back.
        self._finalizer.atexit = False

    def _live(self) -> int:
        """The pointer; the caller holds the lock for as long as it uses it."""
        if self._pointer is None:
            raise errors.StateError(
                _native.INVALID_STATE, f"this {type(self).__name__.lower()} is closed"
            )
        return self._pointer

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._pointer is None

    def close(self) -> None:
        """Frees the object now; closing twice does nothing."""
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
        raise TypeError(f"a {type(self).__name__} cannot be pickled or shallowly copied")


def created(function: Callable[..., int], *arguments: Any) -> int:
    """The object that `function(*arguments, &object, &error)` hands out."""
    made, error = ctypes.c_void_p(), ctypes.c_void_p()
    errors.check(function(*arguments, ctypes.byref(made), ctypes.byref(error)), error)
    assert made.value is not None
    return made.value


def call(function: Callable[..., int], *arguments: Any) -> None:
    """`function(*arguments, &error)`, raising the error."""
    error = ctypes.c_void_p()
    errors.check(function(*arguments, ctypes.byref(error)), error)


def whole(name: str, value: Any, least: int = 0, most: int = 2**62) -> int:
    """`value` as an integer that the C type can hold, which ctypes would wrap around silently."""
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise errors.argument(f"{name} must be an integer, not {value!r}") from None
    if not least <= number <= most:
        raise errors.argument(f"{name} must be {least} ... {most}, got {number}")
    return number


def seconds(name: str, value: Optional[float]) -> float:
    """`value` as the C interface takes it, where 0 means that none is given."""
    if value is None:
        return 0.0
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number or not 1e-12 <= value <= 1e6:
        raise errors.argument(f"{name} must be within 1e-12 ... 1e6 seconds, not {value!r}")
    return float(value)


def choice(name: str, value: str, choices: Sequence[str]) -> int:
    """The place of `value` among `choices`, which is the number that C has for it."""
    if value not in choices:
        raise errors.argument(f"{name} must be one of {', '.join(choices)}, not {value!r}")
    return choices.index(value)


def optional_choice(name: str, value: Optional[str], choices: Sequence[str]) -> int:
    """The number that C has for `value`, where 0 means that none is given."""
    return 0 if value is None else choice(name, value, choices) + 1


def optional_whole(name: str, value: Optional[int], most: int) -> int:
    """`value`, 1 ... most, where 0 means to C that none is given."""
    return 0 if value is None else whole(name, value, 1, most)


def encoded(name: str, value: str) -> bytes:
    """`value` for C, where a zero byte would end it early."""
    if not isinstance(value, str) or "\0" in value:
        raise errors.argument(f"{name} must be a string without zero bytes, not {value!r}")
    return value.encode("utf-8", "surrogateescape")
