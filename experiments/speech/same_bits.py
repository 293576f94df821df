"""Whether Python, the command and C give the same bits of a spiking acoustic model.

    python experiments/speech/same_bits.py MODEL --command arcuate --program acoustic [--data AN4]

MODEL is what `an4.py --keep` or `fsdd.py --keep` wrote; the features are the test set's.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Dict

import arcuate
import kaldiio
import networks
import numpy as np


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    data = os.environ.get("ARCUATE_DATA")
    options.add_argument("model")
    options.add_argument("--command", default="arcuate")
    options.add_argument("--program", required=True)
    options.add_argument("--data", default=f"{data}/an4-kaldi" if data else None)
    given = options.parse_args()
    if given.data is None:
        options.error("--data is needed, or ARCUATE_DATA")
    from an4 import Part

    test = Part(Path(given.data), "test")
    model = arcuate.Model.open(given.model)
    results: Dict[str, Dict[str, np.ndarray]] = {"python": {}}
    for key in test.keys:
        frames = networks.splice(test.feats[key])
        results["python"][key] = networks.answer(model, frames, spikes=True).outputs
    with tempfile.TemporaryDirectory() as folder:
        features = f"{folder}/features.ark"
        kaldiio.save_ark(features, {key: test.feats[key] for key in test.keys})
        subprocess.run(
            [
                given.command,
                "compute",
                "--quiet",
                "--steps-per-frame",
                "10",
                "--frame-state",
                "reset",
                "--frame-input",
                "first",
                "--splice-left",
                "5",
                "--splice-right",
                "5",
                "--batch",
                "4",
                given.model,
                f"ark:{features}",
                f"ark:{folder}/command.ark",
            ],
            check=True,
        )
        subprocess.run([given.program, given.model, features, f"{folder}/c.ark"], check=True)
        for name in ("command", "c"):
            results[name] = {k: v.copy() for k, v in kaldiio.load_ark(f"{folder}/{name}.ark")}
    numbers = sum(values.size for values in results["python"].values())
    same = True
    for name in ("command", "c"):
        bits = sorted(results[name]) == test.keys and all(
            results[name][key].tobytes() == results["python"][key].tobytes() for key in test.keys
        )
        print(
            f"{name}: {numbers:,} numbers of {len(test.keys)} utterances: "
            + ("the same bits as Python" if bits else "OTHER BITS than Python")
        )
        same = same and bits
    return 0 if same else 1


if __name__ == "__main__":
    raise SystemExit(main())
