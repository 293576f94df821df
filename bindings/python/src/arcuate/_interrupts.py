"""Ctrl-C and other signals during calls of the library.

Python runs signal handlers in the main thread, between its own instructions. The library asks a function of
this module from time to time whether a call is to end; handlers run in it, and what they raise ends the call
and is raised in its place.
"""

from __future__ import annotations

import ctypes
import os
import threading
from typing import Callable, Generator, Optional

from . import _native

stop: Optional[Callable[[], bool]] = None
"""Whether calls are to end although no handler has raised an exception; set by `fit`."""

_raised: Optional[BaseException] = None


def _answers() -> Generator[int, object, None]:
    """A generator, because it waits inside `try`: a handler that runs as soon as a function begins would
    raise outside of it, where nobody can catch it."""
    global _raised
    answer = 0
    while True:
        try:
            yield answer
            answer = int(stop is not None and stop())
        except GeneratorExit:
            raise
        except BaseException as error:
            _raised, answer = error, 1


_generator = _answers()
next(_generator)
_poll = _native.POLL(_generator.send)
_cancel = ctypes.c_void_p()
_is_watched = False


def watch() -> None:
    """Lets calls of the main thread end at signals. To be called before each."""
    global _is_watched
    if _is_watched or threading.current_thread() is not threading.main_thread():
        return
    library = _native.library
    if _cancel.value is None:
        library.arcuate_cancel_create(_poll, None, ctypes.byref(_cancel), None)
    library.arcuate_cancel_watch(_cancel)
    _is_watched = True


def _after_fork() -> None:
    """The thread that forks is the main thread of the child."""
    global _is_watched
    _is_watched = False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def check() -> None:
    """Raises CanceledError between calls that are to end."""
    if stop is not None and stop() and threading.current_thread() is threading.main_thread():
        from . import errors

        raise errors.CanceledError(_native.CANCELED, "the call was canceled")


def taken() -> Optional[BaseException]:
    """What a handler raised in the call that was canceled, if that was why; later calls are not."""
    global _raised
    _native.library.arcuate_cancel_clear(_cancel)
    error, _raised = _raised, None
    return error
