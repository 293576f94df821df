"""The programs of other libraries' neurons against the libraries themselves, where they are installed.

Spikes must be the same, and membranes the same to the last bit, except where a rule says how far they
may be apart. `record_programs.py` records what the Swift tests compare without the libraries.
"""

import sys

import numpy as np
import pytest

pytest.importorskip("arcuate")

from neuron_programs import FOLDER, RECORDINGS, run  # noqa: E402
from program_rules import DT, all_rules  # noqa: E402

RULES = all_rules()
OTHERS = {rule.module for rule in RULES}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.program)
@pytest.mark.filterwarnings("ignore")
def test_the_library_computes_the_same(rule, seed):
    pytest.importorskip(rule.module)
    if rule.module == "lava" and sys.version_info >= (3, 11):
        pytest.skip("lava-nc needs Python 3.10")
    parameters, x = rule.draw(steps=80, neurons=64, seed=seed)
    expected, membrane, inputs = rule.compute(parameters, x)
    found, own = run(rule.text(), parameters, inputs, DT)
    np.testing.assert_array_equal(found, expected)
    if rule.program.endswith("expleak"):
        assert np.ptp(found) > 0
    else:
        assert 0 < found.mean(), "no spikes to compare"
    scale = 2.0**-23 * np.maximum(1, np.abs(membrane))
    assert np.max(np.abs(own.astype(np.float64) - membrane) / scale) <= rule.ulps


def test_every_program_of_another_library_is_compared_and_recorded():
    others = {path.stem for path in FOLDER.glob("*.txt") if path.stem.split("-")[0] in OTHERS}
    assert others == {rule.program for rule in RULES}
    assert others == {path.stem for path in RECORDINGS.glob("*.safetensors")}
