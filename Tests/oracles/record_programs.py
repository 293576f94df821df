"""Records what other libraries compute, for the Swift tests: record_programs.py [RULE...]

Needs the libraries of the rules. lava-nc needs Python 3.10.
"""

import sys
from importlib.metadata import version

import numpy as np
from neuron_programs import RECORDINGS, STRIDE, packed
from program_rules import DT, all_rules

PACKAGES = {"lava": "lava-nc"}


def main(names):
    RECORDINGS.mkdir(exist_ok=True)
    for rule in all_rules():
        if names and rule.program not in names:
            continue
        parameters, x = rule.draw(steps=60, neurons=16, seed=0)
        output, membrane, inputs = rule.compute(parameters, x)
        counts = output.astype(np.uint8)
        tensors = {f"parameter.{name}": values for name, values in parameters.items()}
        tensors.update({f"input{k}": values for k, values in enumerate(inputs)})
        tensors["output"] = counts if np.array_equal(counts, output) else output
        tensors["membrane"] = membrane[::STRIDE].astype(np.float32)
        package = PACKAGES.get(rule.module, rule.module)
        texts = {
            "program": rule.program,
            "package": f"{package} {version(package)}",
            "dt_s": str(DT),
            "inputs": str(len(inputs)),
            "membrane_stride": str(STRIDE),
            "ulps": str(rule.ulps),
        }
        (RECORDINGS / f"{rule.program}.safetensors").write_bytes(packed(texts, tensors))
        print(f"{rule.program}: {texts['package']}, mean output {output.mean():.3f}")


if __name__ == "__main__":
    main(sys.argv[1:])
