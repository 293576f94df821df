"""`arcuate events` as a process; converted files are read by other software where it is installed.

Needs ARCUATE_CLI (the command); some tests also ARCUATE_DATA.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from command import CLI, arcuate, message

pytestmark = pytest.mark.skipif(CLI is None, reason="needs ARCUATE_CLI")

FOLDER = os.environ.get("ARCUATE_DATA")
needs_data = pytest.mark.skipif(not FOLDER, reason="needs ARCUATE_DATA")


@pytest.fixture
def small(tmp_path):
    """Five events as lines of text."""
    path = tmp_path / "small.csv"
    path.write_text("x,y,p,t\n1,2,1,10\n3,4,0,20\n5,6,1,20\n7,0,0,400\n0,7,1,5000\n")
    return path


FORMATS = ["es", "dat", "evt2", "evt3", "aedat4", "nmnist", "npz", "csv"]


@pytest.mark.parametrize("name", FORMATS)
def test_convert_and_info(small, tmp_path, name):
    out = tmp_path / "converted"
    arcuate("events", "convert", "--to", name, small, out)
    (report,) = json.loads(arcuate("events", "info", "--json", out).stdout)
    assert report["format"] == name and report["events"] == 5 and report["brighter"] == 3
    assert report["first"] == {"t": 10, "x": 1, "y": 2, "p": 1}
    assert report["last"] == {"t": 5000, "x": 0, "y": 7, "p": 1}
    assert report["findings"] == []
    if name not in ("nmnist", "npz", "csv"):
        assert (report["width"], report["height"]) == (8, 8)
    text = arcuate("events", "info", out).stdout
    assert "events     5, 3 brighter, 2 darker" in text


def test_numpy_reads_what_is_written(small, tmp_path):
    arcuate("events", "convert", "--origin", "first", small, tmp_path / "e.npz")
    with np.load(tmp_path / "e.npz") as arrays:
        assert arrays["t"].tolist() == [0, 10, 10, 390, 4990]
        assert arrays["p"].dtype == np.uint8 and arrays["x"].dtype == np.uint16
        assert arrays["x"].tolist() == [1, 3, 5, 7, 0]


def test_wrong_arguments(small, tmp_path):
    assert "--to" in arcuate("events", "convert", small, tmp_path / "a.b", code=64).stderr
    assert "--format" in arcuate("events", "info", "--format", "x", small, code=64).stderr
    assert "input" in message(arcuate("events", "convert", small, small, code=1))
    assert "nowhere" in message(arcuate("events", "info", tmp_path / "nowhere", code=1))
    late = tmp_path / "late.csv"
    late.write_text("t,x,y,p\n1605537493718345,1,2,1\n")
    line = message(arcuate("events", "convert", late, tmp_path / "a.es", code=1))
    assert "first event" in line and not (tmp_path / "a.es").exists()
    arcuate("events", "convert", "--origin", "first", late, tmp_path / "a.es")


def test_file_cut_short(small, tmp_path):
    arcuate("events", "convert", small, tmp_path / "a.raw")
    cut = tmp_path / "cut.raw"
    cut.write_bytes((tmp_path / "a.raw").read_bytes()[:-1])
    (report,) = json.loads(arcuate("events", "info", "--json", cut).stdout)
    assert report["events"] == 4 and "cut short" in report["findings"][0]


@needs_data
def test_dv_processing_opens_what_is_written(tmp_path):
    dv = pytest.importorskip("dv_processing")
    source = Path(FOLDER) / "events/faery/dvs.es"
    path = tmp_path / "a.aedat4"
    arcuate("events", "convert", source, path)
    reader = dv.io.MonoCameraRecording(str(path))
    assert tuple(reader.getEventResolution()) == (320, 240)
    parts = []
    while (batch := reader.getNextEventBatch()) is not None:
        parts.append(batch.numpy())
    events = np.concatenate(parts)
    arcuate("events", "convert", source, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as arrays:
        for ours, theirs in (("t", "timestamp"), ("x", "x"), ("y", "y"), ("p", "polarity")):
            assert np.array_equal(arrays[ours], events[theirs])


@needs_data
@pytest.mark.parametrize("name", ["evt2", "evt3", "dat"])
def test_expelliarmus_reads_what_is_written(tmp_path, name):
    expelliarmus = pytest.importorskip("expelliarmus")
    source = Path(FOLDER) / "events/faery/dvs.es"
    path = tmp_path / ("a.dat" if name == "dat" else "a.raw")
    arcuate("events", "convert", "--to", name, source, path)
    events = expelliarmus.Wizard(encoding=name, fpath=str(path)).read()
    arcuate("events", "convert", source, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as arrays:
        for field in "xyp" if name == "evt3" else "txyp":
            assert np.array_equal(arrays[field], events[field])


@needs_data
def test_event_stream_reads_what_is_written(tmp_path):
    event_stream = pytest.importorskip("event_stream")
    source = Path(FOLDER) / "events/expelliarmus/evt2_sample.raw"
    arcuate("events", "convert", "--size", "640x480", source, tmp_path / "a.es")
    arcuate("events", "convert", "--size", "640x480", source, tmp_path / "a.npz")
    with event_stream.Decoder(str(tmp_path / "a.es")) as decoder:
        events = np.concatenate(list(decoder))
    with np.load(tmp_path / "a.npz") as arrays:
        assert np.array_equal(arrays["t"], events["t"]) and np.array_equal(arrays["x"], events["x"])
        assert np.array_equal(479 - arrays["y"], events["y"])
        assert np.array_equal(arrays["p"], events["on"])
