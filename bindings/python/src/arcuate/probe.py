"""Probes: recordings of nodes."""

from __future__ import annotations

import ctypes
import threading
from typing import Tuple

import numpy as np
import numpy.typing as npt

from . import _native, errors
from ._handle import Handle, call


class Probe(Handle):
    """A recording of one node of a session, step by step.

    Made by `Session.probe`. `close`, or the end of a `with` block, ends the recording. A recording
    remains readable after its session is closed.
    """

    def __init__(
        self,
        pointer: int,
        node: str,
        quantity: str,
        batch: int,
        shape: Tuple[int, ...],
        lock: threading.Lock,
    ) -> None:
        # With the session's lock, since the session writes the recording.
        super().__init__(pointer, _native.library.arcuate_probe_free, lock)
        self.node = node
        """The node's name."""
        self.quantity = quantity
        """Quantity that is recorded: "output", "membrane" or "current"."""
        self._rows = (batch, *shape)

    @property
    def steps(self) -> int:
        """Steps recorded since the probe was made or cleared."""
        with self._lock:
            return int(_native.library.arcuate_probe_steps(self._live()))

    @property
    def missed(self) -> int:
        """Steps not recorded because the recording was full."""
        with self._lock:
            return int(_native.library.arcuate_probe_missed(self._live()))

    def read(self) -> npt.NDArray[np.float32]:
        """The recording as a new array, [steps, batch, shape...]."""
        library = _native.library
        with self._lock:
            probe = self._live()
            steps = int(library.arcuate_probe_steps(probe))
            values = np.empty((steps, *self._rows), np.float32)
            call(library.arcuate_probe_read, probe, values.ctypes.data, values.size)
        return values

    def clear(self) -> None:
        """Discards the recording and continues to record."""
        with self._lock:
            status = _native.library.arcuate_probe_clear(self._live())
        errors.check(status, ctypes.c_void_p())
