"""Tables of several seeds: mean and spread."""

from __future__ import annotations

from typing import Iterable, Sequence

import numpy as np


def spread(values: Iterable[float], digits: int = 2) -> str:
    """ "mean ± standard deviation (least ... most)"."""
    numbers = np.array(list(values), float)
    return (
        f"{numbers.mean():.{digits}f} ± {numbers.std(ddof=1) if len(numbers) > 1 else 0:.{digits}f} "
        f"({numbers.min():.{digits}f} ... {numbers.max():.{digits}f})"
    )


def show(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    rows = [list(map(str, row)) for row in rows]
    widths = [max(len(row[i]) for row in [list(head), *rows]) for i in range(len(head))]
    print("| " + " | ".join(h.ljust(w) for h, w in zip(head, widths)) + " |")
    print("|" + "|".join("-" * (w + 2) for w in widths) + "|")
    for row in rows:
        print("| " + " | ".join(c.ljust(w) for c, w in zip(row, widths)) + " |", flush=True)


def verdict(name: str, holds: bool) -> bool:
    print(f"{'holds' if holds else 'DOES NOT HOLD'}: {name}", flush=True)
    return holds
