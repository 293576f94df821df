"""Readers of event recordings beside each other: processor time to arrays of t, x, y, p.

    python speed.py FOLDER [rounds]

FOLDER has the recordings of the public test data (expelliarmus, faery, tonic, aestream). Each reader decodes
each file `rounds` times in turn on one core; the best time counts. Readers that are not installed or cannot
read a file are left out. Needs the packages expelliarmus, faery, dv-processing, evlib, event_stream.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict

import arcuate

FILES = {
    "EVT 2.0": "expelliarmus/evt2_sample.raw",
    "EVT 3.0": "expelliarmus/evt3_sample.raw",
    "DAT": "loris/NCARS_obj_004397_td.dat",
    "Event Stream": "faery/dvs.es",
    "AEDAT 4, LZ4": "tonic/sample.aedat4",
    "AEDAT 4, LZ4, frames": "aestream/davis.aedat4",
}


def of_arcuate(path: str) -> Any:
    with arcuate.events.open(path) as recording:
        return recording.read_columns()


def of_expelliarmus(path: str) -> Any:
    from expelliarmus import Wizard

    encoding = {".dat": "dat"}.get(Path(path).suffix) or Path(path).name[:4]
    if encoding not in ("dat", "evt2", "evt3"):
        raise ValueError("not read")
    return Wizard(encoding=encoding, fpath=path).read()


def of_faery(path: str) -> Any:
    import faery

    size = (1280, 720) if path.endswith(".raw") else None
    stream = faery.events_stream_from_file(path, dimensions_fallback=size or (1280, 720))
    return stream.to_array()


def of_dv(path: str) -> Any:
    import dv_processing as dv

    if not path.endswith(".aedat4"):
        raise ValueError("not read")
    reader = dv.io.MonoCameraRecording(path)
    parts = []
    while True:
        events = reader.getNextEventBatch()
        if events is None:
            break
        parts.append(events.numpy())
    return parts


def of_evlib(path: str) -> Any:
    import evlib

    return evlib.load_events(path).collect()


def of_event_stream(path: str) -> Any:
    import event_stream

    if not path.endswith(".es"):
        raise ValueError("not read")
    with event_stream.Decoder(path) as decoder:
        return list(decoder)


READERS: Dict[str, Callable[[str], Any]] = {
    "arcuate": of_arcuate,
    "expelliarmus": of_expelliarmus,
    "faery": of_faery,
    "dv-processing": of_dv,
    "evlib": of_evlib,
    "event_stream": of_event_stream,
}


def processor_time(read: Callable[[str], Any], path: str) -> float:
    start = time.process_time()
    result = read(path)
    end = time.process_time()
    del result
    return end - start


def main() -> None:
    folder = Path(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print("| file | events | " + " | ".join(READERS) + " | arcuate / best other |")
    print("|---|---" + "|---" * len(READERS) + "|---|")
    for title, name in FILES.items():
        path = str(folder / name)
        count = len(of_arcuate(path)[0])
        best: Dict[str, float] = {}
        for reader, read in READERS.items():
            try:
                read(path)  # imports, and caches of files
                best[reader] = float("inf")
            except BaseException:  # evlib's panics are no exceptions
                continue
        # Small files are read several times, so that the clock can tell.
        times = max(1, 200_000 // count)
        for _ in range(rounds):
            for reader in best:
                spent = sum(processor_time(READERS[reader], path) for _ in range(times)) / times
                best[reader] = min(best[reader], spent)
        rates = {reader: count / seconds / 1e6 for reader, seconds in best.items()}
        others = [rate for reader, rate in rates.items() if reader != "arcuate"]
        cells = [f"{rates[reader]:.1f}" if reader in rates else "–" for reader in READERS]
        ratio = f"{rates['arcuate'] / max(others):.2f}" if others else "–"
        print(f"| {title} | {count:,} | " + " | ".join(cells) + f" | {ratio} |", flush=True)


if __name__ == "__main__":
    main()
