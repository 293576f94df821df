"""What reading and checking a model finds."""

from __future__ import annotations

from typing import Any, NamedTuple, Tuple

from . import _native


class Finding(NamedTuple):
    """A finding from reading or checking a model."""

    severity: str
    """"note"; "repair": something was missing or inconsistent and has been repaired; "error": the
    model cannot be compiled."""
    location: str
    """Node, edge or file location."""
    message: str
    """Message, without a full stop."""


def findings(kind: str, pointer: int) -> Tuple[Finding, ...]:
    """Those of a handle; kind is "model" or "plan"."""

    def function(part: str) -> Any:
        return getattr(_native.library, f"arcuate_{kind}_finding_{part}")

    severity, location, message = (function(part) for part in ("severity", "location", "message"))
    return tuple(
        Finding(
            _native.SEVERITY[severity(pointer, i)],
            _native.text(location(pointer, i)),
            _native.text(message(pointer, i)),
        )
        for i in range(function("count")(pointer))
    )
