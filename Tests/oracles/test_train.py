"""`arcuate train`: the files it reads, and resuming after a kill. Needs ARCUATE_CLI."""

from __future__ import annotations

import gzip
import os
import signal
import struct
import subprocess
import time
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from arcuate import nn
from command import CLI
from command import arcuate as command

pytestmark = pytest.mark.skipif(not CLI, reason="needs ARCUATE_CLI")
CLASSES, SIDE = 3, 6


def png(image: np.ndarray) -> bytes:
    """Eight bits of grey, by the format's definition."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    rows = b"".join(b"\0" + row.tobytes() for row in image)
    header = struct.pack(">IIBBBBB", image.shape[1], image.shape[0], 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.fixture
def images(tmp_path: Path):
    """The same images, ordered by class, in every form that is read: arguments for each."""
    random = np.random.default_rng(5)
    labels = np.sort(random.integers(0, CLASSES, 90)).astype(np.uint8)
    pixels = random.integers(0, 256, (90, SIDE, SIDE)).astype(np.uint8)
    np.save(tmp_path / "x.npy", pixels.astype(np.float32) / np.float32(255))
    np.save(tmp_path / "y.npy", labels.astype(np.int32))
    idx = {
        "images": struct.pack(">BBBBIII", 0, 0, 8, 3, *pixels.shape) + pixels.tobytes(),
        "labels": struct.pack(">BBBBI", 0, 0, 8, 1, len(labels)) + labels.tobytes(),
    }
    for name, data in idx.items():
        (tmp_path / name).write_bytes(data)
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(data))
    with zipfile.ZipFile(tmp_path / "png.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for i, (image, label) in enumerate(zip(pixels, labels)):
            name = f"class{label}/{i:03}.png"
            (tmp_path / "png" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "png" / name).write_bytes(png(image))
            archive.writestr(name, png(image))
    return {
        "arrays": ["--inputs", tmp_path / "x.npy", "--labels", tmp_path / "y.npy"],
        "IDX": ["--inputs", tmp_path / "images", "--labels", tmp_path / "labels"],
        "IDX, zipped": ["--inputs", tmp_path / "images.gz", "--labels", tmp_path / "labels.gz"],
        "folder": ["--inputs", tmp_path / "png"],
        "zip": ["--inputs", tmp_path / "png.zip"],
    }


def network(path: Path, layers) -> Path:
    path.write_text(nn.description([1, SIDE, SIDE], layers, seed=2))
    return path


def test_the_same_images_in_every_form_give_the_same_bits(images, tmp_path):
    net = network(
        tmp_path / "net.json", [nn.flatten(), nn.linear(8), nn.relu(), nn.linear(CLASSES)]
    )
    found = {}
    for name, arguments in images.items():
        out = tmp_path / "out.safetensors"
        command("train", *arguments, "--batch", 10, "--epochs", 2, "--quiet", net, out)
        found[name] = out.read_bytes()
    assert all(bits == found["arrays"] for bits in found.values()), [
        name for name, bits in found.items() if bits != found["arrays"]
    ]


@pytest.mark.parametrize(
    "spoil, said",
    [
        (
            lambda folder: (folder / "images").write_bytes((folder / "images").read_bytes()[:-5]),
            "images",
        ),
        (
            lambda folder: (folder / "labels").write_bytes(
                struct.pack(">BBBBI", 0, 0, 8, 1, 90) + b"\x09" * 90
            ),
            "9",
        ),
    ],
)
def test_what_is_wrong_with_images_is_named(images, tmp_path, spoil, said):
    net = network(tmp_path / "net.json", [nn.flatten(), nn.linear(CLASSES)])
    spoil(tmp_path)
    done = command(
        "train", *images["IDX"], "--batch", 10, "--quiet", net, tmp_path / "out.safetensors", code=1
    )
    assert said in done.stderr and not (tmp_path / "out.safetensors").exists()


def test_a_broken_picture_is_named(images, tmp_path):
    net = network(tmp_path / "net.json", [nn.flatten(), nn.linear(CLASSES)])
    picture = next((tmp_path / "png" / "class1").iterdir())
    picture.write_bytes(picture.read_bytes()[:40])
    done = command(
        "train",
        *images["folder"],
        "--batch",
        10,
        "--quiet",
        net,
        tmp_path / "out.safetensors",
        code=1,
    )
    assert picture.name in done.stderr


def test_it_goes_on_after_it_was_killed(images, tmp_path):
    net = network(
        tmp_path / "net.json", [nn.flatten(), nn.linear(300), nn.lif(beta=0.9), nn.linear(CLASSES)]
    )
    common = [*images["IDX"], "--batch", 10, "--steps", 20, "--epochs", 60, "--quiet"]
    command("train", *common, net, tmp_path / "whole.safetensors")
    checkpoint = tmp_path / "run.checkpoint"
    arguments = [
        "train",
        *common,
        "--checkpoint",
        checkpoint,
        "--checkpoint-steps",
        1,
        "--resume",
        net,
        tmp_path / "parts.safetensors",
    ]
    killed = 0
    for _ in range(2):
        before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        run = subprocess.Popen([CLI, *map(str, arguments)])
        while run.poll() is None and (
            not checkpoint.exists() or checkpoint.stat().st_mtime_ns == before
        ):
            time.sleep(0.001)
        run.send_signal(signal.SIGKILL)
        killed += run.wait() == -signal.SIGKILL
    assert killed > 0, "it ended before it could be killed"
    command(*arguments)
    whole, parts = ((tmp_path / f"{name}.safetensors").read_bytes() for name in ("whole", "parts"))
    assert whole == parts
    assert not [name for name in os.listdir(tmp_path) if ".tmp" in name or name.startswith(".")]


def test_an_interrupt_writes_the_checkpoint(images, tmp_path):
    net = network(
        tmp_path / "net.json", [nn.flatten(), nn.linear(300), nn.lif(beta=0.9), nn.linear(CLASSES)]
    )
    common = [*images["IDX"], "--batch", 10, "--steps", 20, "--epochs", 1000, "--quiet"]
    command("train", *common, net, tmp_path / "whole.safetensors")
    checkpoint = tmp_path / "run.checkpoint"
    arguments = [
        "train",
        *common,
        "--checkpoint",
        checkpoint,
        "--resume",
        net,
        tmp_path / "parts.safetensors",
    ]
    for tenths in range(1, 30):
        run = subprocess.Popen([CLI, *map(str, arguments)])
        time.sleep(tenths / 10)
        run.send_signal(signal.SIGINT)
        assert run.wait() == -signal.SIGINT, "it ended before it could be interrupted"
        if checkpoint.exists():
            break
    command(*arguments)
    whole, parts = ((tmp_path / f"{name}.safetensors").read_bytes() for name in ("whole", "parts"))
    assert whole == parts


def test_what_is_wrong_with_arrays_is_told_at_once(tmp_path):
    net = network(tmp_path / "net.json", [nn.flatten(), nn.linear(CLASSES)])
    width = SIDE * SIDE
    x, y = np.zeros((50, width), np.float32), np.zeros(50, np.int64)
    holed, wrong = x.copy(), y.copy()
    holed[37, 2], wrong[41] = np.nan, CLASSES
    for inputs, labels, said in [
        (x[:, 1:], y, f"x.npy: samples must have {width} values, got {width - 1}"),
        (holed, y, "x.npy: sample 37, element 2 is not finite"),
        (x, wrong, f"y.npy: label 41 must be 0 ... {CLASSES - 1}, got {CLASSES}"),
    ]:
        np.save(tmp_path / "x.npy", inputs)
        np.save(tmp_path / "y.npy", labels)
        done = command(
            "train",
            "--inputs",
            tmp_path / "x.npy",
            "--labels",
            tmp_path / "y.npy",
            net,
            tmp_path / "o.safetensors",
            code=1,
        )
        assert said in done.stderr


def test_names_and_folders_that_are_not_there_are_told_at_once(images, tmp_path):
    net = network(tmp_path / "net.json", [nn.flatten(), nn.linear(CLASSES)])
    common = [*images["IDX"], "--epochs", 100_000]
    for extra, output, said in [
        (["--train", "q.tau"], tmp_path / "o.safetensors", "q.tau"),
        ([], tmp_path / "nowhere" / "o.safetensors", "nowhere/o.safetensors"),
    ]:
        done = command("train", *common, *extra, net, output, code=1)
        assert said in done.stderr


def test_a_sample_beyond_all_numbers_ends_the_run_and_leaves_good_files(tmp_path):
    random = np.random.default_rng(2)
    x = random.standard_normal((64, 5)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", random.integers(0, CLASSES, 64).astype(np.int32))
    x[37, 3] = 1e24
    np.save(tmp_path / "bad.npy", x)
    (tmp_path / "net.json").write_text(
        nn.description(5, [nn.linear(8), nn.batch_norm(name="norm"), nn.relu(), nn.linear(CLASSES)])
    )
    files = {
        name: tmp_path / name for name in ("out.safetensors", "best.safetensors", "checkpoint")
    }

    def train(inputs: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        return command(
            "train", "--quiet", "--inputs", tmp_path / inputs, "--labels", tmp_path / "y.npy",
            "--epochs", "2", "--batch", "16", "--checkpoint", files["checkpoint"], "--best",
            files["best.safetensors"], tmp_path / "net.json", files["out.safetensors"], code=code,
        )  # fmt: skip

    train("x.npy")
    before = {name: path.read_bytes() for name, path in files.items()}
    result = train("bad.npy", code=1)
    assert 'node "norm"' in result.stderr and "clip_norm" in result.stderr
    assert {name: path.read_bytes() for name, path in files.items()} == before
