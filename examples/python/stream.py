"""A streaming host: recognizes spoken digits frame by frame.

    python stream.py FOLDER [--quiet]

FOLDER is the folder that `examples/digits/heldout.py FOLDER` wrote. The network uses five frames on each
side, so the output for a frame comes five frames later: the latency of the host. examples/c/stream.c
prints the same bits.
"""

import argparse
import itertools
import sys
from collections import deque
from pathlib import Path

import arcuate
import numpy as np

DIGITS = Path(__file__).resolve().parents[1] / "digits"
sys.path.insert(0, str(DIGITS))

from data import CONTEXT, log_softmax  # noqa: E402
from score import read_archive  # noqa: E402


def windows(frames):
    """Each frame with its neighbors, as soon as the last of them has arrived; edges are repeated."""
    window = deque([frames[0]] * CONTEXT, maxlen=2 * CONTEXT + 1)
    for frame in itertools.chain(frames, [frames[-1]] * CONTEXT):
        window.append(frame)
        if len(window) == window.maxlen:
            yield np.concatenate(window)


def fnv1a(data, checksum):
    """The 32-bit FNV-1a checksum, continued with `data`."""
    for byte in data:
        checksum = (checksum ^ byte) * 0x01000193 & 0xFFFFFFFF
    return checksum


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quiet", action="store_true", help="the summary only")
    arguments = parser.parse_args()
    truth = dict(line.split() for line in (arguments.folder / "truth.txt").read_text().splitlines())

    with arcuate.Model.open(DIGITS / "digits.nir") as model:
        plan = model.compile()
    session = plan.session()
    right = count = frame_count = 0
    checksum = 0x811C9DC5
    for key, frames in read_archive(arguments.folder / "digits.ark"):
        score = np.zeros(10)
        for window in windows(frames):
            membranes = session.run(window[np.newaxis])[0]
            score += log_softmax(membranes)
            checksum = fnv1a(membranes.astype("<f4").tobytes(), checksum)
            frame_count += 1
        right += score.argmax() == int(truth[key])
        count += 1
        if not arguments.quiet:
            mark = "" if score.argmax() == int(truth[key]) else "   <- wrong"
            print(f"{key}  recognized {score.argmax()}  truth {truth[key]}{mark}")

    done = session.counters()
    print(f"utterances {right} of {count} right")
    print(f"spikes per frame {done.spikes / frame_count:.2f}")
    print(
        f"operations per frame {done.macs / frame_count:.2f} MAC + {done.acs / frame_count:.2f} AC"
    )
    print(f"log-posterior checksum {checksum:#010x}")


if __name__ == "__main__":
    main()
