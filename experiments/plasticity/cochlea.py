"""Spoken digits as a cochlea hears them, learned by direct feedback to spike trains (Lee et al. 2020).

    python cochlea.py                  2,700 recordings of the Free Spoken Digit Dataset, 300 to test

A recording of 8 kHz -> 64 gammatone filters (100 Hz ... 3.6 kHz, evenly on the scale of equivalent
rectangular bandwidths) -> half of the wave -> its mean over 8 ms, to the power 0.3, as in hair cells
-> less that of the neighbours -> integrate-and-fire: spikes of 64 channels, 100 steps -> 200 hidden
cells -> 10 cells, which learn as in `stdfa.py`, each time from another version of a recording: moved by
a channel or not, and a tenth of its spikes missing. Beside it a linear readout (logistic regression) of
how often each channel spikes, which such versions do not help.

Needs SciPy and scikit-learn, and the recordings in $ARCUATE_DATA/fsdd/recordings. Recordings 0 to 4 of each
digit and speaker are the test, as the set's authors have it; settings were chosen on recordings 5 to 9.

Source. Front. Neurosci. 14:143 (2020), doi 10.3389/fnins.2020.00143; there 78 channels of Lyon's ear and
the TI46 corpus.
"""

from __future__ import annotations

import functools
import os
import sys
import wave
from pathlib import Path
from typing import Any, Callable, Dict, NamedTuple, Optional, Tuple

import numpy as np

import stdfa
from measure import Claim, Run, System, command

RATE, CHANNELS, STEPS, STEP_SAMPLES, GAIN = 8000, 64, 100, 64, 4.0
HIDDEN, BATCH, EPOCHS, LEARNING, MISSING = 200, 10, 40, 0.15, 0.1


class Digits(NamedTuple):
    spikes: np.ndarray
    """[recordings, steps, channels], 0 or 1."""
    digit: np.ndarray
    index: np.ndarray
    """Which of the recordings of this digit by this speaker."""


def centres() -> np.ndarray:
    """Hertz, evenly spaced in equivalent rectangular bandwidths (Glasberg and Moore 1990)."""
    low, high = (21.4 * np.log10(1 + 0.00437 * f) for f in (100, 3600))
    return (10 ** (np.linspace(low, high, CHANNELS) / 21.4) - 1) / 0.00437


def heard(sound: np.ndarray) -> np.ndarray:
    """Spikes [STEPS, CHANNELS] of a recording; what is longer than STEPS is cut."""
    from scipy.ndimage import uniform_filter1d
    from scipy.signal import gammatone, lfilter

    sound = sound[: STEPS * STEP_SAMPLES] / max(float(np.sqrt((sound**2).mean())), 1e-9)
    sound = np.pad(sound, (0, STEPS * STEP_SAMPLES - len(sound)))
    waves = np.stack([lfilter(*gammatone(f, "iir", fs=RATE), sound) for f in centres()])
    drive = np.maximum(waves, 0).reshape(CHANNELS, STEPS, STEP_SAMPLES).mean(2) ** 0.3
    # Neighbours inhibit: what is left is where a channel is louder than those around it.
    drive = np.maximum(drive - uniform_filter1d(drive, 31, axis=0, mode="nearest"), 0)
    # Whole numbers that the charge passes are spikes.
    charge = np.floor(np.cumsum(np.minimum(GAIN * drive, 1), axis=1))
    return np.diff(charge, axis=1, prepend=0).T.astype(np.float32)


@functools.lru_cache(None)
def recordings() -> Digits:
    folder = Path(os.environ["ARCUATE_DATA"]) / "fsdd" / "recordings"
    spikes, digit, index = [], [], []
    for path in sorted(folder.glob("*.wav")):
        with wave.open(str(path)) as file:
            sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)
        spikes.append(heard(sound))
        digit.append(int(path.stem.split("_")[0]))
        index.append(int(path.stem.split("_")[2]))
    if not spikes:
        raise SystemExit(f"there are no recordings in {folder}")
    return Digits(np.stack(spikes), np.array(digit), np.array(index))


def network(seed: int, feedback: Optional[str]) -> Dict[str, Any]:
    nodes = stdfa.network(seed, feedback, LEARNING, CHANNELS, HIDDEN, spreads=(1.0, 0.3))
    # Spikes come from the host.
    nodes["spikes0"] = {"kind": "Scale", "scale": np.ones(CHANNELS, np.float32)}
    return nodes


def present(learner, spikes: np.ndarray) -> np.ndarray:
    """Runs spikes [batch, steps, channels]; what the outputs counted, [batch, 10]."""
    learner.reset()
    for step in range(spikes.shape[1]):
        counts = learner.step(spikes[:, step])
    return counts


def another(spikes: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Versions of recordings [recordings, steps, channels], as another voice and hearing might have them."""
    kept = spikes * (random.random(spikes.shape) >= MISSING)
    padded = np.pad(kept, ((0, 0), (0, 0), (1, 1))).astype(np.float32)
    return np.stack(
        [
            version[:, at : at + CHANNELS]
            for version, at in zip(padded, random.integers(0, 3, len(spikes)))
        ]
    )


def split(data: Digits) -> Tuple[np.ndarray, np.ndarray]:
    """Places to learn from, and to test."""
    return np.flatnonzero(data.index >= 5), np.flatnonzero(data.index < 5)


def linear(run: Run) -> float:
    """How often each channel spikes, and logistic regression."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    data = recordings()
    train, test = split(data)
    counts = data.spikes.sum(1)
    readout = make_pipeline(
        StandardScaler(), LogisticRegression(C=1, max_iter=2000, random_state=run.seed)
    )
    readout.fit(counts[train], data.digit[train])
    return 100 * float(readout.score(counts[test], data.digit[test]))


def learned(feedback: Optional[str]) -> Callable[[Run], float]:
    def measured(run: Run) -> float:
        data = recordings()
        train, test = split(data)
        learner = stdfa.session(network(run.seed, feedback), BATCH, run.threads)
        random = np.random.default_rng(run.seed)
        learner.adapting = True
        for epoch in range(EPOCHS):
            order = random.permutation(train)[: (run.images or len(train)) // BATCH * BATCH]
            for done, i in enumerate(order.reshape(-1, BATCH)):
                learner.set_rate_factor(1 - 0.98 * (epoch + done * BATCH / len(order)) / EPOCHS)
                learner.set_signal("label", stdfa.targets(data.digit[i]))
                present(learner, another(data.spikes[i], random))
                learner.consolidate()
        learner.adapting = False
        return 100 * float(
            np.mean(
                [
                    present(learner, data.spikes[i]).argmax(-1) == data.digit[i]
                    for i in test.reshape(-1, BATCH)
                ]
            )
        )

    return measured


LINEAR, DIRECT = "linear readout of mean rates", "direct feedback"
BACK, FROZEN = "backpropagation", "frozen hidden layer"
SYSTEM = System(
    "ST-DFA: spoken digits from a filterbank like a cochlea",
    "Lee, Zhang, Zhang, Liu, Li 2020, doi 10.3389/fnins.2020.00143",
    {LINEAR: linear, DIRECT: learned("random"), BACK: learned("transpose"), FROZEN: learned(None)},
    (Claim("5 points over a linear readout", lambda m: m[DIRECT] - m[LINEAR] >= 5),),
    (("TI46, 16 speakers", "84.88 %", "from memory"),),
)

if __name__ == "__main__":
    sys.exit(command("cochlea", SYSTEM))
