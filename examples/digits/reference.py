"""A slow simulation of `digits.nir` in NumPy, to compare with.

python reference.py            accuracy on the held-out recordings, spikes and operations
"""

from __future__ import annotations

from pathlib import Path

import data
import numpy as np

STEPS = 10


def load(
    path: Path = Path(__file__).with_name("digits.nir"),
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The layers of the network as (weight [out, in], bias)."""
    import nir

    nodes = nir.read(path).nodes
    return [(nodes[n].weight, nodes[n].bias) for n in ("hidden1", "hidden2", "output_weights")]


def run(
    layers: list[tuple[np.ndarray, np.ndarray]], x: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Integrate-and-fire, threshold 1 (v >= 1), subtraction, from rest at every frame.

    `x [n, inputs]` is held as current for ten steps. Returns the output membranes `[n, 10]` and the
    spikes per frame of each hidden layer `[hidden layers]`.
    """
    (w1, b1), (w2, b2), (w3, b3) = layers
    x = x.astype(np.float32)
    current = x @ w1.T + b1
    v1 = np.zeros((len(x), len(b1)), np.float32)
    v2 = np.zeros((len(x), len(b2)), np.float32)
    out = np.zeros((len(x), len(b3)), np.float32)
    spikes = np.zeros(2)
    for _ in range(STEPS):
        v1 += current
        s1 = (v1 >= 1).astype(np.float32)
        v1 -= s1
        v2 += s1 @ w2.T + b2
        s2 = (v2 >= 1).astype(np.float32)
        v2 -= s2
        out += s2 @ w3.T + b3
        spikes += [s1.sum(), s2.sum()]
    return out, spikes / len(x)


def log_posteriors(layers: list[tuple[np.ndarray, np.ndarray]], frames: np.ndarray) -> np.ndarray:
    """One utterance: `[n, 13]` to `[n, 10]`."""
    return data.log_softmax(run(layers, data.splice(frames))[0])


def operations(
    layers: list[tuple[np.ndarray, np.ndarray]], spikes: np.ndarray
) -> tuple[float, float]:
    """Multiply-accumulates and accumulates for one frame.

    The input is held, so that its product with the first weights is the same at every step and is
    made once; from there on a spike costs one accumulate for each weight behind it.
    """
    macs = layers[0][0].size
    acs = sum(s * w.shape[0] for s, (w, _) in zip(spikes, layers[1:]))
    return macs, acs


if __name__ == "__main__":
    network = load()
    heldout = data.load()["heldout"]
    results = [log_posteriors(network, frames) for _, _, frames in heldout]
    counts = [run(network, data.splice(frames))[1] * len(frames) for _, _, frames in heldout]
    spikes = sum(counts) / sum(len(frames) for _, _, frames in heldout)
    utterances, frames = data.accuracy(heldout, results)
    macs, acs = operations(network, spikes)
    print(f"utterances {utterances:.2f} %, frames {frames:.2f} %")
    print(
        f"spikes per frame {spikes.sum():.1f}, operations per frame {macs:.0f} MAC + {acs:.0f} AC"
    )
