"""NumPy arrays as the library reads and writes them."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, Sequence, Tuple, Union

import numpy as np
import numpy.typing as npt

from . import errors

if TYPE_CHECKING:
    from .plan import Port

Array = npt.NDArray[np.float32]

event_dtype = np.dtype(
    [
        ("step", np.uint32),
        ("stream", np.uint16),
        ("port", np.uint16),
        ("index", np.uint32),
        ("value", np.float32),
    ]
)
"""A nonzero value at one step: `step`, counted from the first step of the call; `stream`, below the
batch; `port`; `index`, the element of the port's shape (row-major, channel-first); `value`."""


def address(array: npt.NDArray[Any]) -> int:
    """The address of an array. `array.ctypes` takes three times as long, a tenth of a short call."""
    if array.size and array.flags.writeable:
        return ctypes.addressof(ctypes.c_char.from_buffer(array))
    return int(array.ctypes.data)


def is_plain(array: npt.NDArray[Any]) -> bool:
    """Whether the library can use an array without a copy."""
    return array.dtype == np.float32 and array.flags.c_contiguous and array.flags.aligned


def unmasked(name: str, value: Any) -> Any:
    """`value`, unless it is an array with masked elements, whose hidden numbers would be used."""
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise errors.argument(
            f"{name} has masked elements: fill them (numpy.ma.filled) or leave them out"
        )
    return value


def numeric(name: str, value: npt.ArrayLike) -> Array:
    """`value` as a float32 array in C order; without a copy if it is one."""
    array = np.asarray(unmasked(name, value))
    if array.dtype.kind not in "buif":
        raise errors.argument(f"{name} has elements of type {array.dtype}, not numbers")
    return np.ascontiguousarray(array, np.float32)


def plain(value: npt.ArrayLike, port: Port) -> Array:
    array = np.asarray(unmasked(f'input "{port.name}"', value))
    if is_plain(array):
        return array
    if array.dtype.kind not in "buif":
        raise errors.argument(
            f'input "{port.name}" has elements of type {array.dtype}, not numbers'
        )
    with np.errstate(over="ignore"):
        plain = np.array(array, np.float32, order="C")
    if array.dtype.kind == "f" and array.dtype.itemsize > 4:
        beyond = np.flatnonzero(np.isinf(plain) & np.isfinite(array))
        if len(beyond):
            raise errors.argument(
                f'input "{port.name}": number {beyond[0]} is {array.reshape(-1)[beyond[0]]}, '
                "which exceeds float32"
            )
    return plain


def checked_events(
    events: Union[npt.NDArray[np.void], Sequence[Tuple[int, int, int, int, float]]],
) -> npt.NDArray[np.void]:
    if not isinstance(events, np.ndarray):
        given = list(events)
        try:
            with np.errstate(over="raise"):
                events = np.array(given, event_dtype)
        except (TypeError, ValueError, OverflowError, FloatingPointError) as error:
            raise errors.argument(
                f"events must be tuples (step, stream, port, index, value) of numbers in range: "
                f"{_first_wrong_event(given) or error}"
            ) from None
    if events.dtype != event_dtype or events.ndim != 1:
        raise errors.argument(
            f"events must be an array [n] of arcuate.event_dtype, not {events.ndim}-dimensional "
            f"of {events.dtype}"
        )
    # For NumPy any address of such a struct is aligned; for C it is not.
    if not events.flags.c_contiguous or events.ctypes.data % 4 != 0:
        events = events.copy()
    return events


def _first_wrong_event(events: Sequence[Any]) -> str:
    for i, event in enumerate(events):
        try:
            with np.errstate(over="raise"):
                np.array([event], event_dtype)
        except (TypeError, ValueError, OverflowError, FloatingPointError):
            return f"event {i} is {event!r}"
    return ""


def shape_text(shape: Sequence[object]) -> str:
    return f"[{', '.join(map(str, shape))}]"
