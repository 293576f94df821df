"""NIR graphs for the tests of this folder, and how to compare them."""

import os
import resource
import subprocess

import nir
import numpy as np

CLI = os.environ.get("ARCUATE_CLI")


def export(source, target, *options, code=0, memory=None) -> str:
    """Runs `arcuate export` with at most `memory` bytes; returns its standard error."""

    def limit():
        if memory:
            resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))

    done = subprocess.run(
        [CLI, "export", "--verbose", str(source), str(target), *options],
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=limit,
    )
    assert done.returncode == code, done.stderr
    return done.stderr


def numbers(*shape) -> np.ndarray:
    count = int(np.prod(shape))
    return (np.arange(1, count + 1, dtype=np.float32) / 7).reshape(shape)


def neuron(kind, *shape):
    fields = {
        "I": ["r"],
        "IF": ["r", "v_threshold", "v_reset"],
        "LI": ["tau", "r", "v_leak"],
        "LIF": ["tau", "r", "v_leak", "v_threshold", "v_reset"],
        "CubaLI": ["tau_syn", "tau_mem", "r", "v_leak", "w_in"],
        "CubaLIF": ["tau_syn", "tau_mem", "r", "v_leak", "v_threshold", "v_reset", "w_in"],
    }[kind]
    return getattr(nir, kind)(**{name: numbers(*shape) + i for i, name in enumerate(fields)})


def everything() -> nir.NIRGraph:
    """Every type of node, every padding, names with dots and digits, a nested graph, a cycle."""
    inner = nir.NIRGraph(
        nodes={
            "input": nir.Input(np.array([3])),
            "lif.1": neuron("CubaLIF", 3),
            "w_rec": nir.Affine(numbers(3, 3), numbers(3)),
            "output": nir.Output(np.array([3])),
        },
        edges=[("input", "lif.1"), ("lif.1", "w_rec"), ("w_rec", "lif.1"), ("lif.1", "output")],
    )
    chain = {
        "input": nir.Input(np.array([2, 9, 8])),
        "0": nir.Conv2d((9, 8), numbers(4, 2, 3, 3), (2, 1), (1, 1), (1, 1), 1, numbers(4)),
        "1.if": neuron("IF", 4, 5, 8),
        "sum": nir.SumPool2d(np.array([2, 2]), np.array([1, 2]), np.array([0, 0])),
        "same": nir.Conv2d((4, 4), numbers(2, 4, 3, 3), (1, 1), "same", (1, 1), 1, numbers(2)),
        "valid": nir.Conv2d((4, 4), numbers(2, 2, 1, 1), (1, 1), "valid", (1, 1), 1, numbers(2)),
        "avg": nir.AvgPool2d(np.array([2, 2]), np.array([2, 2]), np.array([1, 1])),
        "2.lif": neuron("LIF", 2, 3, 3),
        "merge": nir.Flatten({"input": np.array([2, 3, 3])}, 1, -1),
        "conv1": nir.Conv1d(9, numbers(2, 2, 3), 2, 1, 1, 1, numbers(2)),
        "flat": nir.Flatten({"input": np.array([2, 5])}, 0, -1),
        "fc": nir.Linear(numbers(3, 10)),
        "sub": inner,
        "scale": nir.Scale(numbers(3)),
        "delay": nir.Delay(numbers(3)),
        "li": neuron("LI", 3),
        "cubali": neuron("CubaLI", 3),
        "i": neuron("I", 3),
        "threshold": nir.Threshold(numbers(3)),
        "output": nir.Output(np.array([3])),
    }
    names = list(chain)
    return nir.NIRGraph(
        nodes=chain,
        edges=list(zip(names, names[1:])),
        metadata={"author": "ä", "steps": 4.0},
        type_check=False,
    )


def small() -> nir.NIRGraph:
    """Few enough nodes for every way of storing a group, arrays of more than one chunk."""
    names = ["input", "fc", "lif", "output"]
    nodes = [
        nir.Input(np.array([40])),
        nir.Affine(numbers(30, 40), numbers(30)),
        neuron("CubaLIF", 30),
        nir.Output(np.array([30])),
    ]
    return nir.NIRGraph(nodes=dict(zip(names, nodes)), edges=list(zip(names, names[1:])))


def assert_equal(a: nir.NIRGraph, b: nir.NIRGraph, place: str = "") -> None:
    """Same nodes with equal arrays, same edges."""
    assert set(a.nodes) == set(b.nodes), place
    assert set(a.edges) == set(b.edges), place
    for name, node in a.nodes.items():
        other = b.nodes[name]
        where = f"{place}/{name}"
        assert type(node) is type(other), where
        if isinstance(node, nir.NIRGraph):
            assert_equal(node, other, where)
            continue
        for field, value in vars(node).items():
            if field in ("input_type", "output_type", "metadata"):
                continue
            mine = getattr(other, field)
            if isinstance(value, str) or isinstance(mine, str):
                assert value == mine, f"{where}.{field}"
            else:
                single = np.ravel(np.asarray(value, np.float32))
                np.testing.assert_array_equal(single, np.ravel(mine), f"{where}.{field}")
