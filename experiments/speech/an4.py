"""Words with a spiking acoustic model: prints a table.

    python experiments/speech/an4.py --data AN4 [--seeds 0 1 2]
    python experiments/speech/an4.py --data AN4 --validate --seeds 0

AN4 is a folder with Kaldi's data folders train and test (feats.scp of 40 log-mel energies, text,
utt2spk) and gmm (alignments pdf_train.ark and pdf_test.ark, pdf_counts.txt, HCLG.fst, words.txt,
tid2pdf.txt). The twin learns from features that are altered anew in every epoch (altered.py); the
tandem network starts from what the twin has learned and learns on in the same way. Settings and
acoustic scales were chosen with --validate, which keeps every fourth of the 74 training speakers from
learning and decodes these at every scale; it keeps away from the test set. Without it, the networks
learn from all speakers. Needs the packages arcuate, numpy, kaldiio, kaldi-decoder, kaldifst and jiwer.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
from pathlib import Path
from typing import Dict, List, Tuple

import arcuate
import kaldiio
import networks
import numpy as np
from altered import Alteration, altered
from decoding import Graph, word_errors
from networks import Recipe, say

TWIN = Recipe("direct", (512, 512, 512), epochs=12, rate=2e-3, dropout=0.2, final_rate=0.02)
TANDEM = Recipe(
    "tandem",
    (512, 512, 512),
    epochs=3,
    rate=1e-3,
    dropout=0.1,
    gains=(2.0, 2.0, 3.0),
    final_rate=0.02,
)
ALTERATION = Alteration(warp=0.08, tempo=0.1, bins=3, frames=4, noise=0.05)
SCALES = (0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.12, 0.14, 0.17, 0.2, 0.25, 0.3)
CHOSEN = {
    "ANN twin": 0.08,
    "converted afterwards, 99.9 %": 0.04,
    "converted afterwards, 99 %": 0.04,
    "tandem": 0.1,
}
"""The acoustic scale of each row of the table."""


def table_of(path: Path) -> Dict[str, str]:
    """A Kaldi text file: the key of a line and the rest."""
    lines = path.read_text().splitlines()
    return {key: rest.strip() for key, _, rest in (line.partition(" ") for line in lines)}


class Part:
    """Utterances: spliced frames with speaker-wise normalisation, pdfs, and what was said."""

    def __init__(self, folder: Path, name: str) -> None:
        speakers, words = (table_of(folder / name / file) for file in ("utt2spk", "text"))
        feats = {}
        archives: Dict[str, Dict[str, np.ndarray]] = {}
        for key, place in table_of(folder / name / "feats.scp").items():
            file = place.rpartition(":")[0]
            if file not in archives:
                archives[file] = dict(kaldiio.load_ark(str(folder / file)))
            feats[key] = archives[file][key].astype(np.float32)
        self.pdfs = dict(kaldiio.load_ark(str(folder / "gmm" / f"pdf_{name}.ark")))
        self.keys = sorted(key for key in feats if key in self.pdfs)
        self.speakers, self.words = speakers, {key: words[key] for key in self.keys}
        for speaker in set(speakers.values()):
            mine = [key for key in self.keys if speakers[key] == speaker]
            if mine:
                every = np.concatenate([feats[key] for key in mine])
                mean, spread = every.mean(axis=0), every.std(axis=0) + 1e-3
                for key in mine:
                    feats[key] = (feats[key] - mean) / spread
        self.feats = feats

    def only(self, keys: List[str]) -> Part:
        part = object.__new__(Part)
        part.__dict__.update(self.__dict__)
        part.keys = keys
        return part

    @property
    def frames(self) -> np.ndarray:
        return np.concatenate([networks.splice(self.feats[key]) for key in self.keys])

    def altered(self, by: Alteration, seed: int, epoch: int) -> Tuple[np.ndarray, np.ndarray]:
        """Frames and labels of an epoch, drawn with the seed."""
        draw = np.random.default_rng((seed, epoch))
        made = [altered(self.feats[key], self.pdfs[key], by, draw) for key in self.keys]
        return (
            np.concatenate([networks.splice(features) for features, _ in made]),
            np.concatenate([labels for _, labels in made]).astype(np.int32),
        )

    @property
    def labels(self) -> np.ndarray:
        return np.concatenate([self.pdfs[key] for key in self.keys]).astype(np.int32)


class Judge:
    """Log-likelihoods, words and errors of a part."""

    def __init__(self, part: Part, graph: Graph, priors: np.ndarray) -> None:
        self.part, self.graph, self.priors = part, graph, priors
        self.frames, self.labels = part.frames, part.labels
        self.cuts = np.cumsum([len(part.feats[key]) for key in part.keys])[:-1]

    def likelihoods(self, outputs: np.ndarray) -> Dict[str, np.ndarray]:
        values = (networks.log_softmax(outputs) - self.priors).astype(np.float32)
        return dict(zip(self.part.keys, np.split(values, self.cuts)))

    def errors(self, likelihoods: Dict[str, np.ndarray], scale: float, beam: float) -> float:
        """Per cent of words."""
        heard = {key: self.graph.decode(l, scale, beam) for key, l in likelihoods.items()}
        wrong, spoken = word_errors({key: self.part.words[key] for key in heard}, heard)
        return 100 * wrong / spoken


def one(
    seed: int,
    tandem: Recipe,
    twin: Recipe,
    training: Part,
    judge: Judge,
    given: argparse.Namespace,
) -> Dict[str, Dict[str, float]]:
    rows: Dict[str, Dict[str, float]] = {}
    frames, labels = training.frames, training.labels
    pdfs = len(judge.priors)

    def note(name: str, model: arcuate.Model, spikes: bool, macs: float = 0.0) -> float:
        found = networks.answer(model, judge.frames, spikes)
        macs = macs or found.macs
        likelihoods = judge.likelihoods(found.outputs)
        if given.arks:
            path = f"{given.arks}-{name.split(',')[0].replace(' ', '-')}-{seed}.ark"
            kaldiio.save_ark(path, likelihoods)
        scales = SCALES if given.validate else (CHOSEN[name],)
        errors = [judge.errors(likelihoods, scale, given.beam) for scale in scales]
        least = int(np.argmin(errors))
        rows[name] = {
            "frame": 100 * float((found.outputs.argmax(axis=1) == judge.labels).mean()),
            "errors": errors[least],
            "scale": scales[least],
            "spikes": found.spikes,
            "hidden": found.hidden,
            "total": found.total or macs,
            "macs": macs,
        }
        say(
            f"seed {seed}: {name}: "
            + ", ".join(f"{k} {v:,.4g}" for k, v in rows[name].items())
            + "; errors by scale "
            + ", ".join(f"{scale:g} {e:.2f}" for scale, e in zip(scales, errors))
        )
        return macs

    def epoch_data(epoch: int) -> Tuple[np.ndarray, np.ndarray]:
        return training.altered(ALTERATION, seed, epoch)

    check = (judge.frames[:6400], judge.labels[:6400]) if given.validate else None
    artificial = networks.train(twin, frames, labels, pdfs, seed, check, epoch_data)
    ann = artificial.model()
    ann.fold_batch_norm()
    macs = note("ANN twin", ann, False)
    draw = np.random.default_rng(seed)
    sample = frames[np.sort(draw.choice(len(frames), 2000, replace=False))]
    for percentile in (99.9, 99):
        converted, _ = ann.convert(
            sample, percentile=percentile, input="single_shot", bias="once", steps=networks.STEPS
        )
        note(f"converted afterwards, {percentile} %", converted, True, macs)
    learned = networks.train(tandem, frames, labels, pdfs, seed, check, epoch_data, artificial)
    artificial.close()
    spiking = networks.spiking(learned, len(tandem.hidden))
    note("tandem", spiking, True, macs)
    if given.keep:
        spiking.save(f"{given.keep}-{seed}.safetensors")
    for name, model, spikes in (("ANN twin", ann, False), ("tandem", spiking, True)):
        rows[name]["ms"], rows[name]["rtf"] = networks.real_time_factor(
            model, judge.frames[:1000], spikes
        )
    return rows


def table(seeds: List[int], found: List[Dict[str, Dict[str, float]]]) -> None:
    print(
        "| | words wrong, % | frames right, % | spikes a frame | operations of spikes "
        "| operations, all | for each product of the ANN | ms a frame | real-time factor |"
    )
    print("|---" * 9 + "|")
    for name in found[0]:

        def cell(key: str, digits: int) -> str:
            if key not in found[0][name]:
                return ""
            return networks.mean_and_spread([rows[name][key] for rows in found], digits)

        ratio = networks.mean_and_spread(
            [rows[name]["total"] / rows[name]["macs"] for rows in found], 3
        )
        print(
            f"| {name} | {cell('errors', 2)} | {cell('frame', 2)} | {cell('spikes', 0)} | "
            f"{cell('hidden', 0)} | {cell('total', 0)} | {ratio} | {cell('ms', 4)} | "
            f"{cell('rtf', 4)} |"
        )
    print(
        "\nWords wrong, seed by seed: "
        + "; ".join(
            f"{name} "
            + ", ".join(
                f"{rows[name]['errors']:.2f} (scale {rows[name]['scale']:g})" for rows in found
            )
            for name in found[0]
        )
    )
    ann, snn = (
        float(np.mean([rows[name]["errors"] for rows in found])) for name in ("ANN twin", "tandem")
    )
    print(
        f"\n- words wrong, mean of seeds {', '.join(map(str, seeds))}: tandem {snn:.2f} %, "
        f"ANN twin {ann:.2f} %"
    )
    print(
        "- behind the twin by at most 0.5 points: "
        + ("holds" if snn - ann <= 0.5 else "DOES NOT HOLD")
    )
    print(
        "- both at or below the 6.6 % of the GMM system that made the alignments: "
        + ("holds" if max(snn, ann) <= 6.6 else "DOES NOT HOLD")
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    data = os.environ.get("ARCUATE_DATA")
    options.add_argument("--data", default=f"{data}/an4-kaldi" if data else None)
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options.add_argument("--validate", action="store_true", help="choose settings: no test data")
    options.add_argument("--hidden", type=int, nargs="+", default=list(TANDEM.hidden))
    options.add_argument(
        "--epochs",
        type=int,
        nargs=2,
        default=[TWIN.epochs, TANDEM.epochs],
        help="of the twin, and of tandem learning after it",
    )
    options.add_argument("--beam", type=float, default=16)
    options.add_argument("--arks", default="", help="write log-likelihoods to ARKS-ROW-SEED.ark")
    options.add_argument(
        "--keep", default="", help="write the spiking networks to KEEP-SEED.safetensors"
    )
    options.add_argument(
        "--results", default="", help="a file of seeds that are done: they are not run again"
    )
    given = options.parse_args()
    if given.data is None:
        options.error("--data is needed, or ARCUATE_DATA")
    folder = Path(given.data)
    twin, tandem = (
        dataclasses.replace(recipe, hidden=tuple(given.hidden), epochs=epochs)
        for recipe, epochs in zip((TWIN, TANDEM), given.epochs)
    )
    graph, counts = (
        Graph(folder / "gmm"),
        np.array((folder / "gmm" / "pdf_counts.txt").read_text().strip(" []\n").split(), float),
    )
    priors = np.log(counts / counts.sum())
    training = Part(folder, "train")
    if given.validate:
        kept = set(sorted(set(training.speakers.values()))[::4])
        every = training
        training, judged = (
            every.only([k for k in every.keys if (every.speakers[k] in kept) == apart])
            for apart in (False, True)
        )
    else:
        judged = Part(folder, "test")
    say(f"{len(training.keys)} utterances to learn from, {len(judged.keys)} to be judged by")
    judge = Judge(judged, graph, priors)

    def run(seed: int) -> Dict[str, Dict[str, float]]:
        return one(seed, tandem, twin, training, judge, given)

    recipe = f"{tandem} {twin} {ALTERATION} {CHOSEN} {given.validate}"
    table(given.seeds, networks.remembered(given.results, recipe, given.seeds, run))


if __name__ == "__main__":
    main()
