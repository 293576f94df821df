"""`.nir` files against the packages `nir` and `h5py`: they read ours, we read theirs.

Needs ARCUATE_CLI, the path of the command; some tests need ARCUATE_DATA, a folder of published models.
"""

import os
from pathlib import Path

import numpy as np
import pytest

nir = pytest.importorskip("nir")
h5py = pytest.importorskip("h5py")

from graphs import CLI, assert_equal, everything, export, small  # noqa: E402

pytestmark = pytest.mark.skipif(CLI is None, reason="needs ARCUATE_CLI")
DATA = os.environ.get("ARCUATE_DATA")
PUBLISHED = sorted(Path(DATA, "nir").rglob("*.nir")) if DATA else []


def theirs(path):
    return nir.read(path, type_check=False)


@pytest.mark.parametrize("graph", [everything(), small()], ids=["everything", "small"])
def test_our_files_hold_what_theirs_held(tmp_path, graph):
    nir.write(tmp_path / "a.nir", graph)
    said = export(tmp_path / "a.nir", tmp_path / "b.nir", "--strict")
    assert "repair" not in said
    assert_equal(theirs(tmp_path / "a.nir"), theirs(tmp_path / "b.nir"))
    # Once more: what we wrote we read as it was written.
    export(tmp_path / "b.nir", tmp_path / "c.nir", "--strict")
    assert (tmp_path / "b.nir").read_bytes() == (tmp_path / "c.nir").read_bytes()


def test_metadata_comes_through(tmp_path):
    nir.write(tmp_path / "a.nir", everything())
    export(tmp_path / "a.nir", tmp_path / "b.nir", "--dt", "0.002")
    metadata = theirs(tmp_path / "b.nir").metadata
    assert metadata["author"] in ("ä", "ä".encode())
    assert metadata["steps"] == 4
    assert metadata["dt"] == 0.002


@pytest.mark.skipif(not PUBLISHED, reason="needs ARCUATE_DATA")
@pytest.mark.parametrize("path", PUBLISHED, ids=[path.name for path in PUBLISHED])
def test_published_files(tmp_path, path):
    export(path, tmp_path / "b.nir")
    mine = theirs(tmp_path / "b.nir")
    try:
        original = theirs(path)
    except ValueError as refusal:
        # Edges to nodes that are not there: mended, so that now it reads.
        assert "does not exist" in str(refusal)
        return
    if not any(isinstance(node, nir.Input) for node in original.nodes.values()):
        # Ports were added: they are no part of the comparison.
        added = set(mine.nodes) - set(original.nodes)
        for name in added:
            del mine.nodes[name]
        mine.edges = [edge for edge in mine.edges if not added & set(edge)]
    assert_equal(original, mine)


def copy(source: Path, target: Path, store, **file_options) -> None:
    """Writes every group and dataset of `source` again; `store(group, name, value)` writes numbers."""
    with h5py.File(source) as old, h5py.File(target, "w", **file_options) as new:

        def visit(name, item):
            if isinstance(item, h5py.Group):
                new.require_group(name)
            elif item.dtype.kind == "O":
                new.create_dataset(name, data=item[()], dtype=item.dtype)
            else:
                store(new, name, item[()])

        old.visititems(visit)


def plain(**options):
    def store(group, name, value):
        group.create_dataset(name, data=value, **(options if np.ndim(value) else {}))

    return store


def chunked(**options):
    def store(group, name, value):
        if np.ndim(value) == 0:
            group.create_dataset(name, data=value)
        else:
            chunks = tuple(max(1, extent * 2 // 5) for extent in value.shape)
            group.create_dataset(name, data=value, chunks=chunks, **options)

    return store


def typed(*types):
    """Arrays of numbers as the first of the types that holds them exactly."""

    def store(group, name, value):
        for kind in types:
            converted = np.asarray(value).astype(kind)
            if np.array_equal(converted, value):
                break
        group.create_dataset(name, data=converted)

    return store


VARIANTS = {
    "contiguous": (plain(), {}),
    "gzip": (plain(compression="gzip", compression_opts=9), {}),
    "gzip, shuffle, checksum": (plain(compression="gzip", shuffle=True, fletcher32=True), {}),
    "checksum only": (plain(fletcher32=True), {}),
    "chunks": (chunked(), {}),
    "chunks, gzip, shuffle": (chunked(compression="gzip", shuffle=True), {}),
    "latest": (plain(), {"libver": "latest"}),
    "latest, gzip": (plain(compression="gzip"), {"libver": "latest"}),
    "latest, chunks": (chunked(), {"libver": "latest"}),
    "latest, chunks, gzip, shuffle, checksum": (
        chunked(compression="gzip", shuffle=True, fletcher32=True),
        {"libver": "latest"},
    ),
    "v108": (chunked(compression="gzip"), {"libver": ("earliest", "v108")}),
    "big endian": (typed(">f4", ">i8"), {}),
    "double": (typed("<f8"), {}),
    "big endian double": (typed(">f8"), {}),
    "narrow integers": (typed("i1", "<i2", "<f4"), {}),
    "unsigned": (typed("u1", ">u2", "<u4", "<f4"), {}),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_copies_stored_in_other_ways(tmp_path, variant):
    store, options = VARIANTS[variant]
    nir.write(tmp_path / "a.nir", small())
    copy(tmp_path / "a.nir", tmp_path / "copy.nir", store, **options)
    export(tmp_path / "copy.nir", tmp_path / "b.nir", "--strict")
    assert_equal(theirs(tmp_path / "a.nir"), theirs(tmp_path / "b.nir"))


def test_half_precision(tmp_path):
    graph = small()
    graph.nodes["fc"].weight = graph.nodes["fc"].weight.astype(np.float16).astype(np.float32)
    nir.write(tmp_path / "a.nir", graph)
    copy(tmp_path / "a.nir", tmp_path / "copy.nir", typed("<f2", "<f4"))
    with h5py.File(tmp_path / "copy.nir") as file:
        assert file["node/nodes/fc/weight"].dtype == np.float16
    export(tmp_path / "copy.nir", tmp_path / "b.nir")
    assert_equal(theirs(tmp_path / "a.nir"), theirs(tmp_path / "b.nir"))


def test_more_links_than_a_header_holds_are_refused_by_name(tmp_path):
    nir.write(tmp_path / "a.nir", everything())
    copy(tmp_path / "a.nir", tmp_path / "copy.nir", plain(), libver="latest")
    said = export(tmp_path / "copy.nir", tmp_path / "b.nir", code=1)
    assert "fractal heap" in said and "/node/nodes" in said and "copy.nir" in said
    assert not (tmp_path / "b.nir").exists()


def test_chunks_that_are_missing_are_an_error(tmp_path):
    nir.write(tmp_path / "a.nir", small())

    def store(group, name, value):
        if name != "node/nodes/fc/weight":
            return group.create_dataset(name, data=value)
        hole = group.create_dataset(name, shape=value.shape, dtype=value.dtype, chunks=(10, 10))
        hole[:10, :10] = value[:10, :10]

    copy(tmp_path / "a.nir", tmp_path / "copy.nir", store)
    said = export(tmp_path / "copy.nir", tmp_path / "b.nir", code=1)
    assert "needs 12 chunks, but has 1" in said and "/fc/weight" in said


@pytest.mark.parametrize(
    "options", [{}, {"chunks": (1 << 20,)}, {"chunks": (1 << 20,), "compression": "gzip"}]
)
@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_a_claim_of_more_than_the_file_holds_costs_no_memory(tmp_path, options, libver):
    nir.write(tmp_path / "a.nir", small())

    def store(group, name, value):
        if name != "node/nodes/fc/bias":
            return group.create_dataset(name, data=value)
        # Four terabytes that nobody wrote.
        claim = group.create_dataset(name, shape=(1 << 40,), dtype="<f4", **options)
        if "chunks" in options:
            claim[:1000] = 1

    copy(tmp_path / "a.nir", tmp_path / "copy.nir", store, libver=libver)
    said = export(tmp_path / "copy.nir", tmp_path / "b.nir", code=1, memory=1 << 29)
    assert "/fc/bias" in said and "error" in said


def test_observations_are_no_graph(tmp_path):
    data = nir.TimeGriddedData(np.zeros((1, 5, 2), dtype=bool), 1e-3)
    path = tmp_path / "data.nir"
    nir.write_data(path, nir.NIRGraphData({"n": nir.NIRNodeData({"spikes": data})}))
    said = export(path, tmp_path / "b.nir", code=1)
    assert "not a NIR graph" in said and "data.nir" in said
