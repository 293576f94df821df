"""Compares an archive of log-posteriors with the truth, beside the ANN on the same recordings.

python score.py [--quiet | --first N] POSTERIORS.ark TRUTH.txt
"""

from __future__ import annotations

import argparse
import struct
from collections.abc import Iterator
from pathlib import Path

import data
import numpy as np


def read_archive(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Key and matrix of each entry of a binary archive of float matrices."""
    content = path.read_bytes()
    at = 0
    while at < len(content):
        space = content.index(b" ", at)
        key = content[at:space].decode()
        at = space + 1
        if content[at : at + 5] != b"\0BFM ":
            raise SystemExit(f"{path}: {key}: a binary float matrix is expected at byte {at}")
        rows, columns = struct.unpack_from("<xixi", content, at + 5)
        at += 15
        yield key, np.frombuffer(content, "<f4", rows * columns, at).reshape(rows, columns)
        at += 4 * rows * columns


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("posteriors", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--quiet", action="store_true", help="print only the summary")
    parser.add_argument(
        "--first", type=int, metavar="N", help="print only the first N and the wrong ones"
    )
    arguments = parser.parse_args()
    truth = dict(line.split() for line in arguments.truth.read_text().splitlines())
    heldout = {key: frames for key, _, frames in data.load()["heldout"]}
    ann = data.load_ann()
    right = ann_right = 0
    seen = set()
    for key, posteriors in read_archive(arguments.posteriors):
        seen.add(key)
        recognized = int(posteriors.sum(axis=0).argmax())
        ann_says = int(data.ann_log_posteriors(ann, heldout[key]).sum(axis=0).argmax())
        right += recognized == int(truth[key])
        ann_right += ann_says == int(truth[key])
        is_wrong = recognized != int(truth[key])
        is_shown = arguments.first is None or len(seen) <= arguments.first or is_wrong
        if is_shown and not arguments.quiet:
            mark = "   <- wrong" if is_wrong else ""
            print(f"{key}  recognized {recognized}  truth {truth[key]}{mark}")
    missing = truth.keys() - seen
    if missing:
        raise SystemExit(f"{len(missing)} recordings are missing, such as {min(missing)}")
    count = len(truth)
    print(f"spiking network  {right} of {count} correct: {100 * right / count:.2f} %")
    print(
        f"ANN              {ann_right} of {count} correct: {100 * ann_right / count:.2f} %, "
        f"{data.ann_macs(ann)} MAC per frame"
    )


if __name__ == "__main__":
    main()
