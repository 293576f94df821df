"""Files of a run."""

from __future__ import annotations

import contextlib
import json
import math
import os
import tempfile
from typing import Any, Dict, Iterator, List, Optional, Union

from . import _native, errors

Path = Union[str, "os.PathLike[str]"]


class Log:
    """Lines of JSON. Epochs after the checkpoint that a run resumes from are removed."""

    def __init__(self, path: Optional[Path], history: List[Dict[str, Any]]) -> None:
        self._path = path
        if path is None:
            return
        target = os.fspath(path)
        with _writing(path):
            with tempfile.NamedTemporaryFile(
                "w", dir=os.path.dirname(target) or ".", delete=False
            ) as file:
                for entry in history:
                    file.write(_line(entry))
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(file.name, 0o666 & ~umask)
            os.replace(file.name, target)

    def add(self, entry: Dict[str, Any]) -> None:
        if self._path is not None:
            with _writing(self._path), open(self._path, "a") as file:
                file.write(_line(entry))


def _line(entry: Dict[str, Any]) -> str:
    """An entry as a line of JSON, which has no word for numbers that are not finite: null."""
    finite = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in entry.items()
    }
    return json.dumps(finite, allow_nan=False) + "\n"


def check_folder(path: Path) -> None:
    """Raises FileError now, not after an epoch, if a file cannot be written."""
    folder = os.path.dirname(os.path.abspath(os.fspath(path)))
    reason = None
    if not os.path.isdir(folder):
        reason = f"there is no folder {folder}"
    elif not os.access(folder, os.W_OK):
        reason = f"the folder {folder} is not writable"
    elif os.path.isdir(path):
        reason = "it is a folder"
    if reason:
        raise errors.make(_native.CANNOT_WRITE, f"{os.fspath(path)}: cannot be written: {reason}")


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Raises FileError where the system refuses a file."""
    try:
        yield
    except OSError as error:
        message = f"{os.fspath(path)}: cannot be written: {error.strerror}"
        raise errors.make(_native.CANNOT_WRITE, message) from error
