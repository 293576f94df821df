"""Event recordings: files, streams, options."""

from __future__ import annotations

import io
import os
from pathlib import Path

import arcuate
import h5py
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


def ecf(events: np.ndarray, kind: int) -> bytes:
    """A chunk in Prophesee's codec; kind 2: words, 1: packed columns, 0: masks and runs."""
    count = len(events)
    out = bytearray((count << 2 | kind).to_bytes(4, "little"))
    out += int(events["t"][0]).to_bytes(8, "little")
    runs = lambda column: np.split(column, np.flatnonzero(np.diff(column)) + 1)  # noqa: E731
    now = int(events["t"][0])
    for run in runs(events["t"].astype(np.int64)):
        step = max(int(run[0]) - now, 0)  # the fill behind the last event is earlier
        now += step
        if step >= 15:
            while step:
                out.append(0xF0 | step & 15)
                step >>= 4
        size = len(run)
        out += bytes([step << 4 | min(size, 15)])
        if size >= 15:
            out += size.to_bytes(2, "little")
    x, y, p = (events[name].astype(np.int64) for name in "xyp")
    pad = -count % 4
    if kind == 2:
        words = np.concatenate([y << 12 | x << 1 | p, np.zeros(pad, np.int64)]).reshape(-1, 4)
        for a, b, c, d in words.tolist():
            for word in (a << 8 | b & 255, b >> 8 << 16 | c & 0xFFFF, c >> 16 << 24 | d):
                out += word.to_bytes(4, "little")
        return bytes(out)
    for run in runs(y):
        size = len(run)
        out += (int(run[0]) << 5 | min(size, 31)).to_bytes(2, "little")
        if size >= 31:
            out += size.to_bytes(2, "little")
    if kind == 1:
        words = np.concatenate([x << 1 | p, np.zeros(pad, np.int64)]).reshape(-1, 4)
        for a, b, c, d in words.tolist():
            for word in (a << 4 | b & 15, b >> 4 << 8 | c & 255, c >> 8 << 12 | d):
                out += word.to_bytes(2, "little")
        return bytes(out)
    i = 0
    while i < count:
        base, mask = int(x[i]), 0
        i += 1
        for j in range(5):
            if i < count and int(x[i]) == base + j + 1:
                mask |= 1 << 4 - j
                i += 1
        out += (base << 5 | mask).to_bytes(2, "little")
    for run in runs(p):
        size = len(run)
        out += bytes([int(run[0]) << 7 | min(size, 127)])
        if size >= 127:
            out += size.to_bytes(2, "little")
    return bytes(out)


PROPHESEE = np.dtype([("x", "<u2"), ("y", "<u2"), ("p", "<i2"), ("t", "<i8")])


def test_hdf5_with_the_codec_of_prophesee(tmp_path):
    numbers = random(11)
    count, chunk = 1000, 300
    events = np.zeros(count, PROPHESEE)
    events["t"] = 10**9 + np.cumsum(numbers.choice([0, 0, 1, 9, 14, 15, 400, 70_000], count))
    events["y"] = np.repeat(numbers.integers(0, 720, count // 50), 50)
    events["x"] = np.cumsum(numbers.choice([1, 1, 2, 5, 40], count)) % 1200
    events["p"] = np.repeat(numbers.integers(0, 2, 5), count // 5)
    path = tmp_path / "recording.raw"
    with h5py.File(path, "w") as file:
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((chunk,))
        properties.set_filter(0x8ECF, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple((count,), (h5py.h5s.UNLIMITED,))
        group = h5py.h5g.create(file.id, b"CD")
        kind = h5py.h5t.py_create(PROPHESEE)
        data = h5py.h5d.create(group, b"events", kind, space, properties)
        for number, start in enumerate(range(0, count, chunk)):
            part = events[start : start + chunk]
            padded = np.zeros(chunk, PROPHESEE)
            padded[: len(part)] = part
            data.write_direct_chunk((start,), ecf(padded, (2, 1, 0, 2)[number]))
    with arcuate.events.open(path, chunk=64) as recording:
        found = recording.read()
        assert recording.format == "hdf5"
    for name in "txyp":
        assert np.array_equal(found[name], events[name])
    whole = path.read_bytes()
    for end in range(0, len(whole), 97):
        path.write_bytes(whole[:end])
        with arcuate.events.open(path) as recording, pytest.raises(arcuate.FormatError):
            recording.read()


def test_hdf5_of_columns_and_compounds(tmp_path):
    _, expected = evt3(5000)
    with h5py.File(tmp_path / "columns", "w") as file:
        for name in "txyp":
            file.create_dataset(
                f"events/{name}",
                data=expected[name],
                chunks=(700,),
                compression="gzip",
                shuffle=True,
            )
        file["t_offset"] = 1000
    with h5py.File(tmp_path / "compound", "w") as file:
        file["events"] = expected
    with h5py.File(tmp_path / "seconds", "w") as file:
        for name in "xyp":
            file[f"events/{name}s"] = expected[name]
        file["events/ts"] = expected["t"] / 1e6
    for name, shift in (("columns", 1000), ("compound", 0), ("seconds", 0)):
        with arcuate.events.open(tmp_path / name) as recording:
            found = recording.read()
        assert np.array_equal(found["t"], expected["t"] + shift)
        assert all(np.array_equal(found[field], expected[field]) for field in "xyp")


def test_hdf5_filter_that_is_missing_is_named(tmp_path):
    path = tmp_path / "blosc.h5"
    with h5py.File(path, "w") as file:
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((4,))
        properties.set_filter(32001, h5py.h5z.FLAG_OPTIONAL, ())
        group = h5py.h5g.create(file.id, b"events")
        for name in (b"t", b"x", b"y", b"p"):
            space = h5py.h5s.create_simple((4,))
            data = h5py.h5d.create(group, name, h5py.h5t.STD_U16LE, space, properties)
            data.write_direct_chunk((0,), bytes(8))
    with arcuate.events.open(path) as recording, pytest.raises(arcuate.FormatError, match="Blosc"):
        recording.read()
