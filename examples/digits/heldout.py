"""Writes the held-out recordings as a Kaldi archive.

    python heldout.py FOLDER

makes `FOLDER/digits.ark` and `digits.scp` (binary float matrices [frames, 13]) and `truth.txt`
(a line `key digit` for each).
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import data


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    archive, index, truth = bytearray(), [], []
    for key, digit, frames in data.load()["heldout"]:
        archive += key.encode() + b" "
        index.append(f"{key} {folder / 'digits.ark'}:{len(archive)}\n")
        archive += b"\0BFM \4" + struct.pack("<i", len(frames))
        archive += b"\4" + struct.pack("<i", frames.shape[1]) + frames.astype("<f4").tobytes()
        truth.append(f"{key} {digit}\n")
    (folder / "digits.ark").write_bytes(archive)
    (folder / "digits.scp").write_text("".join(index))
    (folder / "truth.txt").write_text("".join(truth))
    print(f"{len(truth)} recordings in {folder / 'digits.ark'}")


if __name__ == "__main__":
    main()
