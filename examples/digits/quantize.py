"""The accuracy of the spiking network with narrow weights: the table in README.md.

    python quantize.py             needs the package arcuate

Scales are chosen on training recordings only; results are those of held-out recordings.
"""

from __future__ import annotations

from pathlib import Path

import arcuate
import data
import numpy as np

OPTIONS = dict(steps_per_frame=10, frame_state="reset")


def main() -> None:
    parts = data.load()
    training = np.concatenate([data.splice(frames) for _, _, frames in parts["train"]])
    heldout = parts["heldout"]
    ends = np.cumsum([len(frames) for _, _, frames in heldout])[:-1]
    frames = np.concatenate([data.splice(frames) for _, _, frames in heldout])

    def outputs(model: arcuate.Model) -> np.ndarray:
        with model.compile(**OPTIONS) as plan, plan.session() as session:
            return session.run(frames)

    model = arcuate.Model.open(Path(__file__).with_name("digits.nir"))
    int8, plain = model.quantize("int8")
    calibrated, report = model.quantize("int8", training, **OPTIONS)
    mixed, partly = model.quantize("int8", training, keep_first=True, **OPTIONS)
    bfloat16, halved = model.quantize("bfloat16", training, **OPTIONS)
    print(report, halved, sep="\n")
    expected = outputs(model)
    print("weights                          bytes  utterances   frames  as float32   error")
    for name, narrow, size in [
        ("float32", model, plain.bytes_before),
        ("bfloat16", bfloat16, halved.bytes_after),
        ("int8", int8, plain.bytes_after),
        ("int8, calibrated", calibrated, report.bytes_after),
        ("the same, first layer float32", mixed, partly.bytes_after),
    ]:
        found = outputs(narrow)
        logs = np.split(data.log_softmax(found), ends)
        utterances, correct = data.accuracy(heldout, logs)
        same = 100 * (found.argmax(axis=1) == expected.argmax(axis=1)).mean()
        error = 100 * np.linalg.norm(found - expected) / np.linalg.norm(expected)
        print(
            f"{name:29} {size:8} {utterances:9.2f} % {correct:6.2f} % {same:9.2f} % {error:5.1f} %"
        )


if __name__ == "__main__":
    main()
