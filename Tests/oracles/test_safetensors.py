"""`.safetensors` files against the package `safetensors`: it reads ours, we read its.

Needs ARCUATE_CLI, the path of the command.
"""

import json

import numpy as np
import pytest

nir = pytest.importorskip("nir")
safetensors = pytest.importorskip("safetensors")

from graphs import CLI, assert_equal, everything, export  # noqa: E402
from safetensors.numpy import load_file, save_file  # noqa: E402

pytestmark = pytest.mark.skipif(CLI is None, reason="needs ARCUATE_CLI")


def metadata(path) -> dict:
    with safetensors.safe_open(path, "np") as file:
        return file.metadata()


@pytest.fixture
def files(tmp_path):
    """The graph as `nir` wrote it and as we made a `.safetensors` of it."""
    nir.write(tmp_path / "a.nir", everything())
    export(tmp_path / "a.nir", tmp_path / "a.safetensors", "--preset", "sinabs", "--dt", "0.25")
    return tmp_path / "a.nir", tmp_path / "a.safetensors"


def test_the_package_reads_our_tensors(files):
    graph = nir.read(files[0], type_check=False)
    tensors = load_file(files[1])
    np.testing.assert_array_equal(tensors["fc.weight"], graph.nodes["fc"].weight)
    np.testing.assert_array_equal(tensors["1.if.v_threshold"], graph.nodes["1.if"].v_threshold)
    inner = graph.nodes["sub"].nodes["lif.1"]
    np.testing.assert_array_equal(tensors["sub/lif.1.tau_syn"], inner.tau_syn)
    assert all(tensor.dtype == np.float32 for tensor in tensors.values())


def test_the_graph_is_json_anyone_can_read(files):
    texts = metadata(files[1])
    assert texts["arcuate.format"] == "1"
    graph = json.loads(texts["arcuate.model"])
    original = nir.read(files[0], type_check=False)
    assert {node["name"]: node["kind"] for node in graph["nodes"]} == {
        name: type(node).__name__ for name, node in original.nodes.items()
    }
    assert {tuple(edge) for edge in graph["edges"]} == set(original.edges)
    assert graph["dt_s"] == 0.25
    assert graph["semantics"]["reset"] == "subtract"
    tensors = load_file(files[1])
    assert all(node.get("weight", "fc.weight") in tensors for node in graph["nodes"])


def test_data_begins_on_a_cache_line(files):
    data = files[1].read_bytes()
    assert (8 + int.from_bytes(data[:8], "little")) % 64 == 0


def test_we_read_what_the_package_wrote(files, tmp_path):
    save_file(load_file(files[1]), tmp_path / "b.safetensors", metadata=metadata(files[1]))
    export(tmp_path / "b.safetensors", tmp_path / "b.nir", "--strict")
    assert_equal(
        nir.read(files[0], type_check=False), nir.read(tmp_path / "b.nir", type_check=False)
    )
    # Its order of tensors is another, ours is restored.
    export(tmp_path / "b.safetensors", tmp_path / "c.safetensors")
    assert (tmp_path / "c.safetensors").read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize(
    "kind", [np.float64, np.float16, np.int64, np.int32, np.int16, np.uint8, np.bool_]
)
def test_other_types_are_converted(files, tmp_path, kind):
    tensors = load_file(files[1])
    weight = (tensors["fc.weight"] * 7 % 2).astype(kind)
    tensors["fc.weight"] = weight
    save_file(tensors, tmp_path / "b.safetensors", metadata=metadata(files[1]))
    said = export(tmp_path / "b.safetensors", tmp_path / "b.nir")
    assert "fc.weight" in said and "converted to float32" in said
    read = nir.read(tmp_path / "b.nir", type_check=False)
    np.testing.assert_array_equal(read.nodes["fc"].weight, weight.astype(np.float32))


def test_tensors_without_a_graph_are_refused_by_name(tmp_path):
    save_file(
        {f"layer{i}": np.zeros(3, np.float32) for i in range(1000)}, tmp_path / "w.safetensors"
    )
    said = export(tmp_path / "w.safetensors", tmp_path / "b.nir", code=1)
    assert "1000 tensors without an Arcuate graph" in said and "w.safetensors" in said
    assert len(said) < 500
