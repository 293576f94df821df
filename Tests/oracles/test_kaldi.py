"""Tables read and written by `arcuate compute` against Kaldi's own code (PyPI kaldi-native-io).

The model is an elementwise factor of one, so that what is read comes out again, bit for bit.
Needs ARCUATE_CLI (the command); some tests also ARCUATE_DATA (recordings written by Kaldi).
"""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

kaldi = pytest.importorskip("kaldi_native_io")
nir = pytest.importorskip("nir")

CLI = os.environ.get("ARCUATE_CLI")
DATA = os.environ.get("ARCUATE_DATA")
pytestmark = pytest.mark.skipif(CLI is None, reason="needs ARCUATE_CLI")
needs_data = pytest.mark.skipif(DATA is None, reason="needs ARCUATE_DATA")


def identity(folder: Path, columns: int) -> Path:
    path = folder / f"identity{columns}.nir"
    nir.write(
        path,
        nir.NIRGraph(
            nodes={
                "input": nir.Input(np.array([columns])),
                "factor": nir.Scale(np.ones(columns, np.float32)),
                "output": nir.Output(np.array([columns])),
            },
            edges=[("input", "factor"), ("factor", "output")],
        ),
    )
    return path


def compute(model: Path, read: str, write: str, cwd: Path | None = None) -> None:
    subprocess.run(
        [CLI, "compute", "--quiet", "--batch", "3", model, read, write], check=True, cwd=cwd
    )


def table(specifier: str) -> dict[str, np.ndarray]:
    with kaldi.SequentialFloatMatrixReader(specifier) as reader:
        return {key: np.array(value) for key, value in reader}


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> None:
    assert list(a) == list(b) and len(a) > 0
    for key in a:
        assert a[key].shape == b[key].shape
        assert a[key].view(np.uint32).tolist() == b[key].view(np.uint32).tolist(), key


def matrices() -> dict[str, np.ndarray]:
    random = np.random.default_rng(3)
    shapes = {"one": (1, 13), "two": (40, 13), "wide-range": (300, 13)}
    found = {k: random.normal(size=s).astype(np.float32) for k, s in shapes.items()}
    found["wide-range"] *= np.float32(10) ** random.uniform(-20, 20, size=(300, 1)).astype(
        np.float32
    )
    found["equal"] = np.full((9, 13), 0.1, np.float32)
    return found


METHODS = [  # CM for both of the first (CM2 for few rows), CM2, CM3
    kaldi.CompressionMethod.kAutomaticMethod,
    kaldi.CompressionMethod.kSpeechFeature,
    kaldi.CompressionMethod.kTwoByteAuto,
    kaldi.CompressionMethod.kOneByteAuto,
]


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_compressed_to_the_bit(tmp_path, method):
    ark = tmp_path / "in.ark"
    with kaldi.CompressedMatrixWriter(f"ark:{ark}") as writer:
        for key, matrix in matrices().items():
            writer.write(key, matrix, method)
    out = tmp_path / "out.ark"
    compute(identity(tmp_path, 13), f"ark:{ark}", f"ark:{out}")
    same(table(f"ark:{ark}"), table(f"ark:{out}"))


@pytest.mark.parametrize("how", ["ark", "ark,t"])
@pytest.mark.parametrize("back", ["ark", "ark,t"])
def test_plain(tmp_path, how, back):
    ark, out, scp = tmp_path / "in.ark", tmp_path / "out.ark", tmp_path / "out.scp"
    with kaldi.FloatMatrixWriter(f"{how}:{ark}") as writer:
        for key, matrix in matrices().items():
            writer.write(key, matrix)
    compute(identity(tmp_path, 13), f"ark:{ark}", f"{back},scp:{out},{scp}")
    expected = table(f"ark:{ark}")
    same(expected, table(f"ark:{out}"))
    same(expected, table(f"scp:{scp}"))
    again = tmp_path / "again.ark"
    compute(identity(tmp_path, 13), f"scp:{scp}", f"ark:{again}")
    same(expected, table(f"ark:{again}"))


def test_double(tmp_path):
    ark, out = tmp_path / "in.ark", tmp_path / "out.ark"
    with kaldi.DoubleMatrixWriter(f"ark:{ark}") as writer:
        for key, matrix in matrices().items():
            writer.write(key, matrix.astype(np.float64) / 3)
    compute(identity(tmp_path, 13), f"ark:{ark}", f"ark:{out}")
    same(table(f"ark:{ark}"), table(f"ark:{out}"))


def test_ranges(tmp_path):
    ark, scp, out = tmp_path / "in.ark", tmp_path / "in.scp", tmp_path / "out.ark"
    with kaldi.FloatMatrixWriter(f"ark,scp:{ark},{scp}") as writer:
        for key, matrix in matrices().items():
            writer.write(key, matrix)
    place = dict(line.split() for line in scp.read_text().splitlines())["wide-range"]
    cut = tmp_path / "cut.scp"
    cut.write_text(f"a {place}[3:17]\nb {place}[0:299,0:12]\nc {place}[5:6,:]\n")
    compute(identity(tmp_path, 13), f"scp:{cut}", f"ark:{out}")
    whole = matrices()["wide-range"]
    same({"a": whole[3:18], "b": whole, "c": whole[5:7]}, table(f"ark:{out}"))


def test_pipes(tmp_path):
    ark = tmp_path / "in.ark"
    with kaldi.FloatMatrixWriter(f"ark:{ark}") as writer:
        for key, matrix in matrices().items():
            writer.write(key, matrix)
    done = subprocess.run(
        [CLI, "compute", "--quiet", identity(tmp_path, 13), "ark:-", "ark:-"],
        input=ark.read_bytes(),
        stdout=subprocess.PIPE,
        check=True,
    )
    assert done.stdout == ark.read_bytes()


@needs_data
def test_an4_to_the_bit(tmp_path):
    folder = Path(DATA) / "an4-kaldi"
    out = tmp_path / "out.ark"
    # The script's file names are relative to the folder.
    compute(identity(tmp_path, 40), "scp:test/feats.scp", f"ark:{out}", cwd=folder)
    same(table(f"ark:{folder / 'test' / 'feats.ark'}"), table(f"ark:{out}"))


@needs_data
def test_other_recordings(tmp_path):
    folder = Path(DATA) / "kaldi" / "kaldi-io-for-python" / "tests" / "data"
    for name in ["feats.ark", "feats_compressed.ark", "feats_ascii.ark"]:
        expected = table(f"ark:{folder / name}")
        columns = next(iter(expected.values())).shape[1]
        out = tmp_path / name
        compute(identity(tmp_path, columns), f"ark:{folder / name}", f"ark:{out}")
        same(expected, table(f"ark:{out}"))


MODELS = sorted(Path(DATA or "/nonexistent").glob("kaldi/nnet3-tract/*/output.ark"))


@needs_data
@pytest.mark.parametrize(
    "options", [(), ("--chunk", "5", "--batch", "3", "--threads", "2")], ids=["", "parts"]
)
def test_nnet3_compute(tmp_path, options):
    """All models that come with Kaldi's answer, in the place of nnet3-compute."""
    assert len(MODELS) == 31
    for answer in MODELS:
        folder = answer.parent
        every = (folder / "subsampling").read_text().strip()
        for name in ("model.raw", "model.raw.txt"):
            out = tmp_path / "out.ark"
            subprocess.run(
                [
                    CLI,
                    "compute",
                    "--quiet",
                    "--subsampling",
                    every,
                    *options,
                    folder / name,
                    f"ark:{folder / 'input.ark'}",
                    f"ark:{out}",
                ],
                check=True,
            )
            ours, theirs = table(f"ark:{out}"), table(f"ark:{answer}")
            assert list(ours) == list(theirs)
            for key, matrix in theirs.items():
                assert ours[key].shape == matrix.shape
                difference = np.abs(ours[key] - matrix).max()
                assert difference <= 1e-4 * max(1, np.abs(matrix).max()), (folder.name, name)


@needs_data
def test_a_network_that_waits_keeps_its_state(tmp_path):
    folder = Path(DATA) / "kaldi/nnet3-tract/delay_5_D15_T24_S1"
    for options, word in [
        (("--frame-state", "reset"), "state kept between frames"),
        (("--steps-per-frame", "2"), "one step per frame"),
    ]:
        done = subprocess.run(
            [
                CLI,
                "compute",
                *options,
                folder / "model.raw",
                f"ark:{folder / 'input.ark'}",
                "ark:/dev/null",
            ],
            capture_output=True,
            text=True,
        )
        assert done.returncode != 0 and word in done.stderr
