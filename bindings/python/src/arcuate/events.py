"""Recordings of event cameras: files, pipes and live streams as arrays of events.

    import arcuate

    with arcuate.events.open("driving.raw") as recording:
        for events in recording:              # structured arrays, at most 65536 events each
            print(events["t"], events["x"], events["y"], events["p"])
        print(recording.findings)

The format is detected from the content, never by the ending. An event has a time t in microseconds, a column x
from the left, a row y from the top, and a polarity p, 1 for brighter and 0 for darker. Events keep the order
of the file, also where its times step back.
"""

from __future__ import annotations

import ctypes
import os
from typing import Any, Iterator, List, Optional, Tuple, Union

import numpy as np
import numpy.typing as npt

from . import _native
from ._handle import Handle, call, choice, created, encoded, whole
from .model import Finding

dtype = np.dtype([("t", "<i8"), ("x", "<u2"), ("y", "<u2"), ("p", "u1")])
"""The type of an event in structured arrays."""

FORMATS = (
    "evt2",
    "evt21",
    "evt3",
    "dat",
    "es",
    "nmnist",
    "aedat2",
    "aedat3",
    "aedat4",
    "cochlea",
    "csv",
    "npz",
    "hdf5",
)
"""Names of the formats."""

_ORIGINS = ("file", "first", "clock")
_CAMERAS = ("dvs128", "davis240", "davis346")
_SEVERITIES = ("note", "repair", "error")

Columns = Tuple[
    npt.NDArray[np.int64], npt.NDArray[np.uint16], npt.NDArray[np.uint16], npt.NDArray[np.uint8]
]
"""t, x, y and p as arrays of their own."""


class _Reader(Handle):
    """What a file and a stream have in common."""

    def __init__(self, pointer: int, chunk: int) -> None:
        super().__init__(pointer, _native.library.arcuate_events_free)
        self._chunk = chunk

    @property
    def format(self) -> Optional[str]:
        """Name of the format, one of `FORMATS`; None before it is known, after the first events."""
        with self._lock:
            number = int(_native.library.arcuate_events_format(self._live()))
        return FORMATS[number - 1] if number > 0 else None

    @property
    def width(self) -> Optional[int]:
        """Columns of the sensor; None if neither the file nor the options state them."""
        with self._lock:
            return int(_native.library.arcuate_events_width(self._live())) or None

    @property
    def height(self) -> Optional[int]:
        """Rows of the sensor; None if neither the file nor the options state them."""
        with self._lock:
            return int(_native.library.arcuate_events_height(self._live())) or None

    @property
    def findings(self) -> Tuple[Finding, ...]:
        """What was odd so far, by kind, each with its first position; a file that is cut short has one."""
        library = _native.library
        with self._lock:
            events = self._live()
            return tuple(
                Finding(
                    _SEVERITIES[library.arcuate_events_finding_severity(events, i)],
                    _native.text(library.arcuate_events_finding_location(events, i)),
                    _native.text(library.arcuate_events_finding_message(events, i)),
                )
                for i in range(library.arcuate_events_finding_count(events))
            )

    def _next(self) -> Optional[Columns]:
        """The next events; None if there are none before more bytes are fed."""
        t, x, y, p = _empty(self._chunk)
        n = self._read((t, x, y, p), 0)
        return (t[:n], x[:n], y[:n], p[:n]) if n else None

    def _read(self, columns: Columns, start: int) -> int:
        """Reads events into the columns from `start` on; how many."""
        count = ctypes.c_size_t()
        with self._lock:
            call(
                _native.library.arcuate_events_read,
                self._live(),
                *(column.ctypes.data + start * column.itemsize for column in columns),
                len(columns[0]) - start,
                ctypes.byref(count),
            )
        return count.value


class Recording(_Reader):
    """A file that is being read; made by `open`. Iterating gives structured arrays of type `dtype`.

    The events are read once, part by part: the file is never held in memory, except for NumPy and HDF5 files.
    """

    _size = 0

    def __iter__(self) -> Iterator[npt.NDArray[np.void]]:
        return (structured(part) for part in self.columns())

    def columns(self) -> Iterator[Columns]:
        """Iterates over the events as four arrays t, x, y, p, which is faster than structured arrays."""
        while True:
            part = self._next()
            if part is None:
                return
            yield part

    def read(self) -> npt.NDArray[np.void]:
        """The rest of the events as one structured array."""
        return structured(self.read_columns())

    def read_columns(self) -> Columns:
        """The rest of the events as four arrays."""
        # Memory that is not touched costs nothing; few formats have fewer bytes an event.
        columns = _empty(min(max(self._chunk, self._size // 2), 2**24))
        count = 0
        while True:
            read = self._read(columns, count)
            count += read
            if read == 0:
                t, x, y, p = columns
                return t[:count], x[:count], y[:count], p[:count]
            if len(columns[0]) - count < 1024:
                # The part that was read says how many are to come.
                places = max(2 * count, int(1.05 * count / max(self.progress or 1, 1e-6))) + 4096
                larger = _empty(min(places, 64 * count + 4096))
                for old, new in zip(columns, larger):
                    new[:count] = old[:count]
                columns = larger

    @property
    def progress(self) -> Optional[float]:
        """Part of the file that was read, 0 to 1; None for a pipe."""
        with self._lock:
            part = float(_native.library.arcuate_events_progress(self._live()))
        return part if part >= 0 else None


class Decoder(_Reader):
    """Decodes bytes as they come, such as those of a socket; made by `decoder`.

    The events do not depend on how the bytes are cut.
    """

    def feed(self, data: Union[bytes, bytearray, memoryview]) -> npt.NDArray[np.void]:
        """Takes the bytes and returns the events they complete."""
        array = np.frombuffer(data, np.uint8)
        parts: List[npt.NDArray[np.void]] = []
        at = 0
        while at < array.size:
            at += self._feed(array[at:])
            parts += self._drain()
        return np.concatenate(parts) if parts else np.empty(0, dtype)

    def finish(self) -> npt.NDArray[np.void]:
        """The last events, after the last bytes."""
        self._feed(np.empty(0, np.uint8))
        parts = self._drain()
        return np.concatenate(parts) if parts else np.empty(0, dtype)

    def _feed(self, array: npt.NDArray[np.uint8]) -> int:
        taken = ctypes.c_size_t()
        with self._lock:
            call(
                _native.library.arcuate_events_feed,
                self._live(),
                array.ctypes.data if array.size else None,
                array.size,
                ctypes.byref(taken),
            )
        return taken.value

    def _drain(self) -> List[npt.NDArray[np.void]]:
        parts = []
        while True:
            part = self._next()
            if part is None:
                return parts
            parts.append(structured(part))


def _empty(count: int) -> Columns:
    return (
        np.empty(count, np.int64),
        np.empty(count, np.uint16),
        np.empty(count, np.uint16),
        np.empty(count, np.uint8),
    )


def structured(columns: Columns) -> npt.NDArray[np.void]:
    """Four arrays t, x, y, p as a structured array of type `dtype`."""
    events = np.empty(len(columns[0]), dtype)
    for name, column in zip("txyp", columns):
        events[name] = column
    return events


def structured_columns(events: npt.NDArray[np.void]) -> Columns:
    """The fields of a structured array as four arrays."""
    t, x, y, p = (np.ascontiguousarray(events[name]) for name in "txyp")
    return t, x, y, p


def open(path: Union[str, os.PathLike[str]], *, chunk: int = 65536, **options: Any) -> Recording:
    """Opens a recording; "-" is the standard input.

    Each part has at most `chunk` events. Options:

    - format: one of `FORMATS`, for files that do not show it.
    - origin: what time 0 is: "file" (default), "first" for the first event, "clock" for the first word
      of the camera's clock (EVT 2 and 3), or a time of the file in microseconds.
    - rows: "top" (default) counts rows from the top and turns files that count from the bottom; "file"
      leaves them.
    - size: (width, height) of the sensor in place of the file's.
    - camera: "dvs128", "davis240" or "davis346", for AEDAT 2.
    - address_bytes, tick_ns: of a silicon cochlea; times are in ticks unless tick_ns is given.

    Raises FileError, FormatError, ArgumentError; reading does, too.
    """
    name = encoded("path", os.fspath(path))
    given = _options(**options)
    made = created(_native.library.arcuate_events_open, name, ctypes.byref(given))
    recording = Recording(made, whole("chunk", chunk, 1, 2**30))
    if os.path.isfile(path):
        recording._size = os.path.getsize(path)
    return recording


def decoder(*, chunk: int = 65536, **options: Any) -> Decoder:
    """A decoder of bytes that are fed as they come; options as for `open`."""
    given = _options(**options)
    made = created(_native.library.arcuate_events_create, ctypes.byref(given))
    return Decoder(made, whole("chunk", chunk, 1, 2**30))


def _options(
    format: Optional[str] = None,
    origin: Union[str, int] = "file",
    rows: str = "top",
    size: Optional[Tuple[int, int]] = None,
    camera: Optional[str] = None,
    address_bytes: Optional[int] = None,
    tick_ns: Optional[int] = None,
) -> _native.EventsOptions:
    options = _native.EventsOptions()
    _native.library.arcuate_events_options_init(ctypes.byref(options))
    if format is not None:
        options.kind = 1 + choice("format", format, FORMATS)
    if isinstance(origin, str):
        options.origin = choice("origin", origin, _ORIGINS)
    else:
        options.origin = len(_ORIGINS)
        options.offset_us = whole("origin", origin, -(2**63), 2**63 - 1)
    options.file_rows = choice("rows", rows, ("top", "file"))
    if camera is not None:
        options.camera = 1 + choice("camera", camera, _CAMERAS)
    if size is not None:
        options.width, options.height = (whole("size", extent, 1, 2**15) for extent in size)
    if address_bytes is not None:
        options.address_bytes = whole("address_bytes", address_bytes, 1, 8)
    if tick_ns is not None:
        options.tick_ns = whole("tick_ns", tick_ns, 1, 10**9)
    return options
