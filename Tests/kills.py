"""Kills processes at random times: files stay complete, and resumed runs give the same bits.

    python kills.py [KILLS] [--seed SEED]      10 kills by default

Needs the package `arcuate`, and ARCUATE_CLI with the path of the command. In turn it kills training by
the command and in Python, each resumed until it ends; a process that saves two models under one name
again and again; a conversion; and the outputs of an acoustic model. After each kill a file is what it
was, is what it was to become, or is not there yet; nothing else remains once the work has been done.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, List

import arcuate
import numpy as np
from arcuate import nn

CLI = os.environ["ARCUATE_CLI"]
DIGITS = Path(__file__).resolve().parents[1] / "examples" / "digits" / "digits.nir"

FIT = """
import sys, numpy as np, arcuate
folder = sys.argv[1]
model = arcuate.Model.open(folder + "/net.json")
x, y = np.load(folder + "/x.npy"), np.load(folder + "/y.npy")
trainer = arcuate.Trainer(model, batch=16, steps=5, seed=3)
arcuate.fit(trainer, x, y, epochs=3, validation=0.1, checkpoint=folder + "/checkpoint",
            checkpoint_steps=1, resume=True, log=folder + "/log", quiet=True)
trainer.model().save(folder + "/model.nir")
"""

SAVE = """
import sys, arcuate
folder = sys.argv[1]
models = [arcuate.Model.open(f"{folder}/{name}.safetensors") for name in "ab"]
for i in range(int(sys.argv[2])):
    for ending in ("safetensors", "nir"):
        models[i % 2].save(f"{folder}/model.{ending}")
"""


class Work:
    """What a process does in a folder."""

    results: List[str] = []
    """The files that it makes, each in one piece."""
    resumes: List[str] = []
    """The files that it goes on from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.prepare()
        start = time.monotonic()
        assert self.start().wait() == 0, f"{self.name}: failed"
        self.seconds = time.monotonic() - start
        self.wanted = {name: self.possible(name) for name in self.results}
        self.clear()
        self.kills = self.runs = self.unfinished = 0

    @property
    def name(self) -> str:
        return type(self).__name__.lower()

    def prepare(self) -> None: ...

    def command(self) -> List[object]: ...

    def possible(self, name: str) -> List[bytes]:
        """What a result may be."""
        return [(self.folder / name).read_bytes()]

    def start(self) -> subprocess.Popen:
        return subprocess.Popen(list(map(str, self.command())))

    def clear(self) -> None:
        for name in self.results + self.resumes:
            (self.folder / name).unlink(missing_ok=True)

    def partial(self) -> List[str]:
        return [path.name for path in self.folder.iterdir() if path.name.endswith(".partial")]

    def check(self, ended: bool) -> None:
        for name, wanted in self.wanted.items():
            path = self.folder / name
            assert path.exists() or not ended, f"{self.name}: no {name}"
            assert not path.exists() or path.read_bytes() in wanted, f"{self.name}: {name} differs"

    def opens(self) -> None:
        for name in self.results:
            path = self.folder / name
            if path.suffix in (".safetensors", ".nir") and path.exists():
                arcuate.Model.open(path)

    def kill(self, after: float) -> None:
        """Once; if the work ended before, it begins again."""
        while True:
            process = self.start()
            time.sleep(after)
            process.send_signal(signal.SIGKILL)
            code = process.wait()
            assert code in (0, -signal.SIGKILL), f"{self.name}: ended with {code} after a kill"
            self.check(ended=code == 0)
            if code != 0:
                self.kills += 1
                self.unfinished += bool(self.partial())
                self.opens()
                return
            self.finish()
            after *= 0.7

    def finish(self) -> None:
        """To the end; what was left behind is gone then."""
        if not all((self.folder / name).exists() for name in self.results):
            assert self.start().wait() == 0, f"{self.name}: what was killed does not go on"
        self.check(ended=True)
        self.runs += 1
        self.clear()


def samples(folder: Path, layers: list) -> None:
    r = np.random.default_rng(1)
    np.save(folder / "x.npy", r.random((320, 40), np.float32))
    np.save(folder / "y.npy", r.integers(0, 4, 320).astype(np.int32))
    (folder / "net.json").write_text(nn.description(40, layers, seed=2))


SPIKING = [nn.linear(300), nn.lif(beta=0.9), nn.linear(4)]
LARGE = [nn.linear(1500), nn.lif(beta=0.9), nn.linear(1000)]
ARTIFICIAL = [nn.linear(1500), nn.relu(), nn.linear(1500), nn.relu(), nn.linear(4)]


class Train(Work):
    """`arcuate train`, with a checkpoint after each batch."""

    results = ["out.safetensors", "best.safetensors"]
    resumes = ["checkpoint", "log"]

    def prepare(self) -> None:
        samples(self.folder, SPIKING)

    def command(self) -> List[object]:
        f = self.folder
        return [
            CLI, "train", "--quiet", "--inputs", f / "x.npy", "--labels", f / "y.npy", "--batch", 16,
            "--steps", 10, "--epochs", 4, "--validation", 0.1, "--checkpoint", f / "checkpoint",
            "--checkpoint-steps", 1, "--resume", "--log", f / "log", "--best", f / "best.safetensors",
            f / "net.json", f / "out.safetensors",
        ]  # fmt: skip

    def check(self, ended: bool) -> None:
        """Before the end the best model so far is not yet the best of all."""
        if ended:
            super().check(ended)


class Fit(Work):
    """Kills and resumes `arcuate.fit`."""

    results = ["model.nir"]
    resumes = ["checkpoint", "log"]

    def prepare(self) -> None:
        samples(self.folder, SPIKING)

    def command(self) -> List[object]:
        return [sys.executable, "-c", FIT, self.folder]


class Save(Work):
    """Two models under one name, in two formats."""

    results = ["model.safetensors", "model.nir"]

    def prepare(self) -> None:
        self.models = []
        for seed, name in enumerate("ab"):
            self.models.append(nn.sequential(40, LARGE, seed=seed))
            self.models[-1].save(self.folder / f"{name}.safetensors")

    def possible(self, name: str) -> List[bytes]:
        written = []
        for model in self.models:
            model.save(self.folder / name)
            written.append((self.folder / name).read_bytes())
        return written

    def command(self) -> List[object]:
        return [sys.executable, "-c", SAVE, self.folder, 40]

    def clear(self) -> None:
        """The files stay: each save replaces them."""


class Convert(Work):
    """`arcuate convert`."""

    results = ["spiking.safetensors"]

    def prepare(self) -> None:
        samples(self.folder, ARTIFICIAL)

    def command(self) -> List[object]:
        f = self.folder
        return [
            CLI,
            "convert",
            "--json",
            "--frames",
            f / "x.npy",
            f / "net.json",
            f / self.results[0],
        ]

    def start(self) -> subprocess.Popen:
        return subprocess.Popen(list(map(str, self.command())), stdout=subprocess.DEVNULL)


class Compute(Work):
    """`arcuate compute`, an archive and its script."""

    results = ["out.ark", "out.scp"]

    def prepare(self) -> None:
        r = np.random.default_rng(1)
        with (self.folder / "in.ark").open("wb") as file:
            for i in range(40):
                x = r.standard_normal((200, 13)).astype("<f4")
                file.write(b"u%d \0BFM \4%b\4%b" % (i, *(struct.pack("<i", n) for n in x.shape)))
                file.write(x.tobytes())

    def command(self) -> List[object]:
        f = self.folder
        tables = f"ark:{f / 'in.ark'}", f"ark,scp:{f / 'out.ark'},{f / 'out.scp'}"
        return [CLI, "compute", "--quiet", DIGITS, *tables]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("kills", type=int, nargs="?", default=10)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    chance = random.Random(given.seed)
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        works = [kind(Path(name) / kind.__name__) for kind in (Train, Fit, Save, Convert, Compute)]
        for i in range(given.kills):
            work = works[i % len(works)]
            work.kill(chance.uniform(0, work.seconds))
        for work in works:
            work.finish()
            if isinstance(work, Save):
                assert work.start().wait() == 0
            left: Dict[str, List[str]] = {work.name: work.partial()}
            assert not any(left.values()), left
            print(
                f"{work.name:8} killed {work.kills:3} times, {work.unfinished:3} while it wrote; "
                f"ended {work.runs} times, each with the same bits"
            )
    print(f"{sum(work.kills for work in works)} kills in {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
