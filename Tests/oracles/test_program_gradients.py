"""Gradients of neuron programs against PyTorch's of the same text.

Needs the package with its library."""

import json
from dataclasses import dataclass
from typing import Dict, List, Optional

import numpy as np
import pytest

torch = pytest.importorskip("torch")
arcuate = pytest.importorskip("arcuate")

from neuron_programs import FOLDER, packed  # noqa: E402
from program_autograd import Evaluation, Program, RandomProgram  # noqa: E402

INPUTS, NEURONS, OUTPUTS, SAMPLES, STEPS = 5, 6, 4, 3, 12
SLOPE = 5.0
# How far gradients may be apart, relative to the largest of the parameter.
TOLERANCE = 1e-5
# How far they may be apart where PyTorch itself computes with float32.
ROUNDING = 2e-6
# How close to equality a comparison may be.
MARGIN = 1e-4

# What the library's programs use: one input or two, spikes, counts and values, resets of both kinds,
# `&&`, conditions as numbers, initial states that are parameters. Not those with potentials of -65,
# whose rounding to float32 alone changes gradients by more than the tolerance.
LIBRARY = [
    "adaptive-lif",
    "alpha-lif",
    "lif",
    "parametric-lif",
    "rockpool-lif",
    "sigma-delta",
    "sinabs-iaf-clipped",
    "snntorch-leaky-subtract-no-delay",
    "snntorch-alpha-zero",
    "snntorch-lapicque-subtract",
    "spyx-alif",
    "two-compartment",
    "two-synapse-lif",
]
RANDOM = 20


@dataclass
class Network:
    """input -> a -> n -> b -> output, with weights `c` for a second input of n, or `r` from n to
    itself, whose bias acts from the second step on; what n emits is the second output."""

    text: str
    arrays: Dict[str, np.ndarray]
    feeds: List[str]

    def model(self):
        weights = [*self.feeds, "b"]
        nodes = [{"name": "input", "kind": "Input", "shape": [INPUTS]}]
        for name in weights:
            nodes.append({"name": name, "kind": "Affine"})
            nodes[-1].update(weight=f"{name}.weight", bias=f"{name}.bias")
        fields = [name[2:] for name in self.arrays if name.startswith("n.")]
        nodes += [
            {
                "name": "n",
                "kind": "NeuronProgram",
                "program": self.text,
                "parameters": {field: f"n.{field}" for field in fields},
            },
            {"name": "output", "kind": "Output", "shape": [OUTPUTS]},
            {"name": "emitted", "kind": "Output", "shape": [NEURONS]},
        ]
        edges = [["n" if name == "r" else "input", name] for name in self.feeds]
        edges += [[name, "n"] for name in self.feeds]
        edges += [["n", "b"], ["b", "output"], ["n", "emitted"]]
        graph = json.dumps({"nodes": nodes, "edges": edges, "dt_s": 1e-3})
        return arcuate.Model.from_bytes(
            packed({"arcuate.format": "1", "arcuate.model": graph}, self.arrays)
        )


@dataclass
class Draw:
    """A network and its input, and what PyTorch computes from them."""

    network: Network
    x: np.ndarray
    signs: np.ndarray
    emitted: np.ndarray
    outputs: np.ndarray
    gradients: Dict[str, np.ndarray]


def draw(text: str, seed: List[int], scale: float, recurrent: bool, **options) -> Optional[Draw]:
    """None where a comparison is close to equality, a number is large, too little happens, or rounding
    to float32 changes the gradients."""
    r = np.random.default_rng(seed)
    program = Program(text)
    feeds = ["a", "c"][: len(program.inputs)] if not recurrent else ["a", "r"]
    arrays = {}
    for name in feeds + ["b"]:
        size = (OUTPUTS, NEURONS) if name == "b" else (NEURONS, INPUTS)
        size = (NEURONS, NEURONS) if name == "r" else size
        factor = {"a": scale, "c": 0.2 * scale, "r": 0.3 * scale, "b": 1.0}[name]
        arrays[f"{name}.weight"] = factor * r.normal(0.3, 1, size) / np.sqrt(size[1])
        arrays[f"{name}.bias"] = factor * r.normal(0.2, 0.2, size[0])
    for k, (name, value) in enumerate(program.defaults.items()):
        # One for the layer and one for each neuron in turn.
        spread = r.uniform(-1, 1, () if k % 2 else NEURONS)
        arrays[f"n.{name}"] = value * (1 + 0.1 * spread) if value else 0.05 * spread
    arrays = {name: np.asarray(array, np.float32) for name, array in arrays.items()}
    x = r.uniform(0, 1, (SAMPLES, STEPS, INPUTS)).astype(np.float32)
    signs = r.choice([-1.0, 1.0], (SAMPLES, STEPS, OUTPUTS)).astype(np.float32)

    network = Network(text, arrays, feeds)
    case, evaluation = computed(network, x, signs, dtype=torch.float64, **options)
    if evaluation.margin < MARGIN or not evaluation.largest < 1e4:
        return None
    if not all(np.isfinite(gradient).all() for gradient in case.gradients.values()):
        return None
    if np.abs(case.gradients["a.weight"]).max() < 1e-4 or np.ptp(case.emitted) == 0:
        return None
    if program.emission != "value" and not 0.03 < np.mean(case.emitted > 0) < 0.8:
        return None
    rounded, _ = computed(network, x, signs, dtype=torch.float32, **options)
    if max(apart(rounded.gradients, case.gradients).values()) > ROUNDING:
        return None
    return case


def computed(network: Network, x: np.ndarray, signs: np.ndarray, dtype, **options):
    """What PyTorch computes, and how."""
    t = {
        name: torch.tensor(array, dtype=torch.float64, requires_grad=True)
        for name, array in network.arrays.items()
    }
    parameters = {name[2:]: value for name, value in t.items() if name.startswith("n.")}
    evaluation = Evaluation(Program(network.text), parameters, dtype=dtype, **options)

    def layer(name, given):
        weight, bias = (t[f"{name}.{part}"].to(dtype) for part in ("weight", "bias"))
        return torch.nn.functional.linear(given, weight, bias)

    states = evaluation.start((SAMPLES, NEURONS))
    emitted = torch.zeros(SAMPLES, NEURONS, dtype=dtype)
    every, outputs = [], []
    for step in range(STEPS):
        now = torch.tensor(x[:, step], dtype=dtype)
        fed = [layer(name, emitted if name == "r" else now) for name in network.feeds]
        if "r" in network.feeds and step == 0:
            fed[1] = torch.zeros_like(fed[1])
        given = fed if len(evaluation.program.inputs) > 1 else [sum(fed)]
        emitted, states = evaluation.step(given, states, emitted)
        every.append(emitted)
        outputs.append(layer("b", emitted))
    result = torch.stack(outputs, 1)
    (torch.tensor(signs, dtype=dtype) * result).sum().div(signs.size).backward()
    gradients = {
        name: np.zeros(value.shape) if value.grad is None else value.grad.numpy()
        for name, value in t.items()
    }
    emissions = torch.stack(every, 1).detach().numpy()
    return Draw(network, x, signs, emissions, result.detach().numpy(), gradients), evaluation


def apart(own: Dict[str, np.ndarray], wanted: Dict[str, np.ndarray]) -> Dict[str, float]:
    """How far gradients are apart, relative to the largest of the parameter."""
    return {
        name: np.abs(own[name] - wanted[name]).max() / (np.abs(wanted[name]).max() or 1.0)
        for name in wanted
    }


def found(text: str, seed: int, recurrent: bool = False, tries: int = 60, **options):
    """The first draw that can be compared; inputs become larger until neurons spike."""
    scales = [1, 2, 0.5, 5, 20, 100, 500, 3000]
    for attempt in range(tries):
        scale = scales[attempt % len(scales)]
        made = draw(text, [seed, attempt], scale, recurrent, **options)
        if made:
            return made
    return None


def compare(case: Draw, through_reset: bool = True) -> None:
    text, arrays = case.network.text, case.network.arrays
    print(text)
    trainer = arcuate.Trainer(
        case.network.model(),
        batch=SAMPLES,
        steps=STEPS,
        input="every",
        loss=arcuate.Loss("smooth_l1", "every"),
        surrogate=("fast_sigmoid", SLOPE),
        through_reset=through_reset,
        train=[name for name in arrays if name.startswith("n.")],
    )
    # Further than 1 from its target, an output enters the loss by its difference.
    far = 4 + 2 * np.abs(case.outputs).max()
    trainer.gradients(case.x, -far * case.signs)
    outputs, emitted = trainer.predict(case.x)
    if "value =" in text:
        np.testing.assert_allclose(emitted, case.emitted, rtol=0, atol=1e-5 * far, err_msg=text)
    else:
        np.testing.assert_array_equal(emitted, case.emitted, err_msg=text)
    np.testing.assert_allclose(outputs, case.outputs, rtol=0, atol=1e-5 * far, err_msg=text)
    own = {name: trainer.gradient(name) for name in arrays}
    distances = apart(own, case.gradients)
    print("apart:", {name: f"{value:.1e}" for name, value in distances.items()})
    for name, value in distances.items():
        assert value <= TOLERANCE, (
            f"{name}: {value:.2e} apart\n{own[name]}\n{case.gradients[name]}\n{text}"
        )


@pytest.mark.parametrize("name", LIBRARY)
def test_a_program_of_the_library_has_the_gradients_of_torch(name):
    text = "\n".join(
        line
        for line in (FOLDER / f"{name}.txt").read_text().splitlines()
        if not line.startswith("#")
    )
    case = found(text, seed=1, slope=SLOPE)
    assert case, f"no draw can be compared:\n{text}"
    compare(case)


@pytest.mark.parametrize("number", range(RANDOM))
def test_a_random_program_has_the_gradients_of_torch(number):
    for k in range(50):
        text = RandomProgram(1000 * number + k).text()
        case = found(text, seed=number, tries=6, slope=SLOPE)
        if case:
            return compare(case)
    pytest.fail("no program can be compared")


OWN = """
parameter beta = 0.9, height = 0.7, q = 0.4
state v = 0.1 * beta
surrogate(u) = height * exp(min(-u, 3 * u)) + 0.1 * tanh(u) ** 2
v = beta * v + x
low = v < -q
spike = v > 1 || low
v = spike ? (low ? v + q : v - 1) : v
"""


@pytest.mark.parametrize("through_reset", [True, False])
def test_a_surrogate_of_the_program_has_the_gradients_of_torch(through_reset):
    """The surrogate is not even, so a wrong sign of its argument changes the gradient."""
    case = found(OWN, seed=3, through_reset=through_reset)
    assert case, OWN
    compare(case, through_reset)


TIES = """
parameter p = 0.4
state v = p
y = floor(x)
v = 0.5 * v + abs(y) + p * max(y, floor(0.7 * x)) - min(floor(0.5 * x), y)
value = y >= 0 ? v : y > -1 ? y + p : p * v
"""


def test_numbers_that_are_equal_have_the_gradients_of_torch():
    """Of two equal numbers min and max pass the gradient to the second, abs is rising at 0, and a
    comparison has its surrogate at 0."""
    case = found(TIES, seed=6, slope=SLOPE)
    assert case, TIES
    assert np.mean(np.abs(case.emitted)) > 0
    compare(case)


@pytest.mark.parametrize("name", ["adaptive-lif", "rockpool-lif", "snntorch-leaky-zero-no-delay"])
def test_gradients_that_stop_at_resets_are_those_of_torch(name):
    text = (FOLDER / f"{name}.txt").read_text()
    case = found(text, seed=4, slope=SLOPE, through_reset=False)
    assert case, text
    through = found(text, seed=4, slope=SLOPE)
    assert np.abs(case.gradients["a.weight"] - through.gradients["a.weight"]).max() > 1e-4
    compare(case, through_reset=False)


@pytest.mark.parametrize("name", ["adaptive-lif", "snntorch-rsynaptic-subtract"])
def test_gradients_in_a_cycle_are_those_of_torch(name):
    """The neurons see what they emitted in the step before, with the input or as a second one."""
    text = (FOLDER / f"{name}.txt").read_text()
    case = found(text, seed=5, recurrent=True, slope=SLOPE)
    assert case, text
    assert np.abs(case.gradients["r.weight"]).max() > 1e-4
    compare(case)
