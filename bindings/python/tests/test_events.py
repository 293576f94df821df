"""Event recordings: files, streams, options."""

from __future__ import annotations

import io
import os
from pathlib import Path

import arcuate
import numpy as np
import pytest
from conftest import random


def evt3(count: int) -> tuple[bytes, np.ndarray]:
    """Words of EVT 3.0 and the events they hold."""
    numbers = random(3)
    events = np.empty(count, arcuate.events.dtype)
    events["t"] = 4096 + np.arange(count) // 5
    events["x"] = numbers.integers(0, 640, count)
    events["y"] = numbers.integers(0, 480, count)
    events["p"] = numbers.integers(0, 2, count)
    words = [8 << 12 | 1]
    for t, x, y, p in events:
        words += [6 << 12 | (int(t) & 0xFFF), int(y), 2 << 12 | int(p) << 11 | int(x)]
    header = b"% evt 3.0\n% format EVT3;height=480;width=640\n% end\n"
    return header + np.array(words, "<u2").tobytes(), events


@pytest.fixture
def file(tmp_path: Path) -> tuple[Path, np.ndarray]:
    data, events = evt3(12_000)
    path = tmp_path / "recording.aedat"  # the ending says nothing
    path.write_bytes(data)
    return path, events


@pytest.mark.parametrize("chunk", [1, 100, 1024, 5000, 65536])
def test_file_is_read_in_parts(file, chunk):
    path, expected = file
    if chunk == 1:
        expected = expected[:50]
        path.write_bytes(path.read_bytes()[: -2 * 3 * 11_950])
    with arcuate.events.open(path, chunk=chunk) as recording:
        assert recording.format is None
        parts = list(recording)
        assert all(0 < len(part) <= chunk and part.dtype == arcuate.events.dtype for part in parts)
        assert np.array_equal(np.concatenate(parts), expected)
        assert (recording.format, recording.width, recording.height) == ("evt3", 640, 480)
        assert recording.findings == () and recording.progress == 1
    with pytest.raises(arcuate.StateError):
        _ = recording.width


def test_whole_file(file):
    path, expected = file
    with arcuate.events.open(path, chunk=64) as recording:
        assert np.array_equal(recording.read(), expected)
        assert len(recording.read()) == 0
    with arcuate.events.open(str(path)) as recording:
        columns = recording.read_columns()
    assert [column.dtype for column in columns] == [np.int64, np.uint16, np.uint16, np.uint8]
    assert all(np.array_equal(c, expected[name]) for c, name in zip(columns, "txyp"))


def test_stream_does_not_depend_on_cuts():
    data, expected = evt3(3000)
    for part in (1, 13, 4096, len(data)):
        with arcuate.events.decoder(chunk=500) as decoder:
            found = [decoder.feed(data[i : i + part]) for i in range(0, len(data), part)]
            found.append(decoder.finish())
            assert np.array_equal(np.concatenate(found), expected)
            assert decoder.format == "evt3"
            with pytest.raises(arcuate.StateError):
                decoder.feed(b"more")


def test_file_cut_short_has_a_finding(file):
    path, expected = file
    path.write_bytes(path.read_bytes()[:-1])
    with arcuate.events.open(path) as recording:
        assert np.array_equal(recording.read(), expected[:-1])
        (finding,) = recording.findings
        assert finding.severity == "repair" and "cut short" in finding.message


def test_options():
    data, expected = evt3(100)
    for options, shift in [
        ({"origin": "first"}, expected["t"][0]),
        ({"origin": "clock"}, 4096),
        ({"origin": 5000}, 5000),
        ({"format": "evt3"}, 0),
    ]:
        with arcuate.events.decoder(**options) as decoder:
            events = np.concatenate([decoder.feed(data), decoder.finish()])
        assert np.array_equal(events["t"], expected["t"] - shift)
    with arcuate.events.decoder(size=(2, 3)) as decoder:
        decoder.feed(data)
        assert (decoder.width, decoder.height) == (2, 3)
        assert "outside the sensor" in decoder.findings[0].message
    stream = b"Event Stream\x02\x00\x00\x01" + bytes([34, 0, 34, 0]) + bytes([3, 5, 0, 0, 0])
    for rows, y in (("top", 33), ("file", 0)):
        with arcuate.events.decoder(rows=rows) as decoder:
            assert decoder.feed(stream).tolist() == [(1, 5, y, 1)] or (
                decoder.finish().tolist() == [(1, 5, y, 1)]
            )


@pytest.mark.parametrize(
    "options",
    [
        {"format": "evt4"},
        {"origin": "end"},
        {"rows": "bottom"},
        {"camera": "davis"},
        {"address_bytes": 3},
        {"tick_ns": 0},
        {"size": (0, 5)},
        {"chunk": 0},
    ],
)
def test_wrong_options_are_named(options):
    with pytest.raises(arcuate.ArgumentError, match=next(iter(options))):
        arcuate.events.decoder(**options)


def test_errors_name_the_file(tmp_path):
    with pytest.raises(arcuate.FileError, match="nowhere"):
        arcuate.events.open(tmp_path / "nowhere.raw")
    path = tmp_path / "noise"
    path.write_bytes(os.urandom(3000) + bytes([255] * 300))
    with arcuate.events.open(path) as recording, pytest.raises(arcuate.FormatError, match="noise"):
        recording.read()


def test_numpy_files(tmp_path):
    _, expected = evt3(500)
    np.savez(tmp_path / "e.npz", t=expected["t"], x=expected["x"], y=expected["y"], p=expected["p"])
    np.savez_compressed(tmp_path / "c.npz", events=expected)
    np.save(tmp_path / "e.npy", expected)
    for name in ("e.npz", "c.npz", "e.npy"):
        with arcuate.events.open(tmp_path / name) as recording:
            assert np.array_equal(recording.read(), expected)
    text = io.StringIO()
    np.savetxt(text, np.stack([expected[n].astype(np.int64) for n in "txyp"], 1), "%d")
    with arcuate.events.decoder(format="csv") as decoder:
        events = np.concatenate([decoder.feed(text.getvalue().encode()), decoder.finish()])
    assert np.array_equal(events, expected)


def test_recordings_of_cameras():
    folder = os.environ.get("ARCUATE_DATA")
    if not folder:
        pytest.skip("needs ARCUATE_DATA")
    with arcuate.events.open(Path(folder) / "events/tonic/sample.aedat4") as recording:
        events = recording.read()
    assert len(events) == 111_954 and events["p"].sum() == 55_023
    assert events[0].tolist() == (1605537493718345, 154, 204, 0)
