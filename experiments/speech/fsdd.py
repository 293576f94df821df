"""Spoken digits with a spiking network: prints a table.

    python experiments/speech/fsdd.py --data RECORDINGS [--seeds 0 1 2]

RECORDINGS holds the wav files of the Free Spoken Digit Dataset, {digit}_{speaker}_{index}.wav.
Those of index 0 to 4 are the test set, as its authors say; settings were chosen with --validate, which
takes 5 to 9 for that and keeps away from the test set. Needs the packages arcuate, numpy and
kaldi-native-fbank.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import wave
from pathlib import Path
from typing import Dict, List, Tuple

import kaldi_native_fbank as knf
import networks
import numpy as np
from networks import Recipe, say

TANDEM = Recipe(
    "tandem",
    (256, 256, 256),
    epochs=12,
    rate=3e-3,
    decay=0.02,
    dropout=0.1,
    gains=(1.8, 1.4, 8.0),
    final_rate=0.01,
)
TWIN = Recipe("direct", (256, 256, 256), epochs=12, rate=1e-3, dropout=0.1, final_rate=0.01)


def features(path: Path, normalize: str) -> np.ndarray:
    """40 log-mel energies for every 10 ms."""
    with wave.open(str(path)) as file:
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32)
    options = knf.FbankOptions()
    options.frame_opts.samp_freq = rate
    options.frame_opts.dither = 0
    options.mel_opts.num_bins = 40
    bank = knf.OnlineFbank(options)
    bank.accept_waveform(rate, samples.tolist())
    bank.input_finished()
    found = np.array([bank.get_frame(i) for i in range(bank.num_frames_ready)], np.float32)
    if normalize == "utterance" and len(found):
        found = (found - found.mean(axis=0)) / (found.std(axis=0) + 1e-3)
    return found


class Part:
    """Utterances, and all of their frames one after another."""

    def __init__(self, utterances: List[Tuple[int, np.ndarray]]) -> None:
        self.digits = np.array([digit for digit, _ in utterances])
        self.lengths = np.array([len(frames) for _, frames in utterances])
        self.frames = np.concatenate([networks.splice(frames) for _, frames in utterances])
        self.labels = np.repeat(self.digits, self.lengths).astype(np.int32)

    def score(self, outputs: np.ndarray) -> Tuple[float, float]:
        """Per cent of frames and of utterances that are right; an utterance is what the sum of its
        frames' log-posteriors says."""
        frames = 100 * float((outputs.argmax(axis=1) == self.labels).mean())
        starts = np.concatenate([[0], np.cumsum(self.lengths)[:-1]])
        heard = np.add.reduceat(networks.log_softmax(outputs), starts).argmax(axis=1)
        return frames, 100 * float((heard == self.digits).mean())


def load(folder: Path, validate: bool, normalize: str) -> Tuple[Part, Part]:
    training: List[Tuple[int, np.ndarray]] = []
    test: List[Tuple[int, np.ndarray]] = []
    for path in sorted(folder.glob("*.wav")):
        digit, _, index = path.stem.split("_")
        if validate and int(index) < 5:
            continue
        found = features(path, normalize)
        if len(found):
            (test if int(index) < (10 if validate else 5) else training).append((int(digit), found))
    if not training or not test:
        raise SystemExit(f"{folder} does not hold {{digit}}_{{speaker}}_{{index}}.wav")
    if normalize == "all":
        every = np.concatenate([frames for _, frames in training])
        mean, spread = every.mean(axis=0), every.std(axis=0)
        training = [(digit, (frames - mean) / spread) for digit, frames in training]
        test = [(digit, (frames - mean) / spread) for digit, frames in test]
    return Part(training), Part(test)


def one(
    seed: int, training: Part, test: Part, tandem: Recipe, twin: Recipe, given: argparse.Namespace
) -> Dict[str, Dict[str, float]]:
    """All rows of the table for one seed."""
    rows: Dict[str, Dict[str, float]] = {}

    def note(name: str, found: networks.Answers) -> None:
        frames, utterances = test.score(found.outputs)
        rows[name] = {
            "frame": frames,
            "utterance": utterances,
            "hidden": found.hidden,
            "total": found.total,
            "spikes": found.spikes,
        }
        say(
            f"seed {seed}: {name}: frames {frames:.2f} %, utterances {utterances:.2f} %, "
            f"operations {found.total:,.0f}"
        )

    check = (test.frames, test.labels) if given.validate else None
    learned = networks.train(twin, training.frames, training.labels, 10, seed, check)
    model = learned.model()
    model.fold_batch_norm()
    found = networks.answer(model, test.frames, spikes=False)
    macs = found.macs
    found.total = macs
    note("ANN twin", found)
    draw = np.random.default_rng(seed)
    sample = training.frames[np.sort(draw.choice(len(training.frames), 2000, replace=False))]
    for percentile in (100, 99.9, 99):
        converted, _ = model.convert(
            sample, percentile=percentile, input="single_shot", bias="once", steps=networks.STEPS
        )
        note(
            f"converted afterwards, {percentile} %",
            networks.answer(converted, test.frames, spikes=True),
        )
    learned.close()

    learned = networks.train(tandem, training.frames, training.labels, 10, seed, check)
    spiking = networks.spiking(learned, len(tandem.hidden))
    note("tandem", networks.answer(spiking, test.frames, spikes=True))
    rows["ANN twin"]["ms"], _ = networks.real_time_factor(model, test.frames[:1000], False)
    rows["tandem"]["ms"], _ = networks.real_time_factor(spiking, test.frames[:1000], True)
    if given.keep:
        spiking.save(f"{given.keep}-{seed}.safetensors")
    for row in rows.values():
        row["macs"] = macs
    return rows


def table(seeds: List[int], found: List[Dict[str, Dict[str, float]]]) -> None:
    print(
        "| | frames right, % | utterances right, % | spikes a frame | operations of spikes "
        "| operations, all | for each product of the ANN | ms a frame |"
    )
    print("|---" * 8 + "|")
    for name in found[0]:

        def cell(value, digits: int) -> str:
            return networks.mean_and_spread([value(rows[name]) for rows in found], digits)

        print(
            f"| {name} | {cell(lambda r: r['frame'], 2)} | {cell(lambda r: r['utterance'], 2)} | "
            f"{cell(lambda r: r['spikes'], 0)} | {cell(lambda r: r['hidden'], 0)} | "
            f"{cell(lambda r: r['total'], 0)} | {cell(lambda r: r['total'] / r['macs'], 3)} | "
            + (cell(lambda r: r["ms"], 4) if "ms" in found[0][name] else "")
            + " |"
        )
    print()
    for seed, rows in zip(seeds, found):
        ann, snn = rows["ANN twin"], rows["tandem"]
        best = max(r["frame"] for name, r in rows.items() if name.startswith("converted"))
        for what, value, holds in (
            (
                "utterances behind the twin, points (at most 1)",
                ann["utterance"] - snn["utterance"],
                ann["utterance"] - snn["utterance"] <= 1,
            ),
            (
                "frames behind the twin, points (at most 3)",
                ann["frame"] - snn["frame"],
                ann["frame"] - snn["frame"] <= 3,
            ),
            (
                "frames ahead of the best conversion, points (at least 5)",
                snn["frame"] - best,
                snn["frame"] - best >= 5,
            ),
            (
                "operations for each product of the ANN (at most 0.68)",
                snn["total"] / snn["macs"],
                snn["total"] / snn["macs"] <= 0.68,
            ),
        ):
            print(f"- seed {seed}: {what}: {value:.2f}: {'holds' if holds else 'DOES NOT HOLD'}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    data = os.environ.get("ARCUATE_DATA")
    options.add_argument("--data", default=f"{data}/fsdd/recordings" if data else None)
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options.add_argument("--validate", action="store_true", help="choose settings: no test data")
    options.add_argument("--normalize", default="utterance", choices=("utterance", "all"))
    options.add_argument("--hidden", type=int, nargs="+", default=list(TANDEM.hidden))
    options.add_argument(
        "--gains", type=float, nargs="+", default=list(TANDEM.gains), help="of the tandem network"
    )
    options.add_argument("--epochs", type=int, default=TANDEM.epochs)
    options.add_argument(
        "--keep", default="", help="write the spiking networks to KEEP-SEED.safetensors"
    )
    options.add_argument(
        "--results", default="", help="a file of seeds that are done: they are not run again"
    )
    given = options.parse_args()
    if given.data is None:
        options.error("--data is needed, or ARCUATE_DATA")
    training, test = load(Path(given.data), given.validate, given.normalize)
    say(
        f"{len(training.digits)} utterances, {len(training.frames)} frames to learn from; "
        f"{len(test.digits)}, {len(test.frames)} to be judged by"
    )
    choice = {"hidden": tuple(given.hidden), "epochs": given.epochs}
    tandem = dataclasses.replace(TANDEM, gains=tuple(given.gains), **choice)
    twin = dataclasses.replace(TWIN, **choice)

    def run(seed: int) -> Dict[str, Dict[str, float]]:
        return one(seed, training, test, tandem, twin, given)

    recipe = f"{tandem} {twin} {given.normalize} {given.validate}"
    table(given.seeds, networks.remembered(given.results, recipe, given.seeds, run))


if __name__ == "__main__":
    main()
