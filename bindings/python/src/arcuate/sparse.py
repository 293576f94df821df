"""Networks with lists of connections, written from NumPy arrays."""

from __future__ import annotations

import json
import os
import tempfile
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np
import numpy.typing as npt

from . import errors
from ._handle import seconds

Array = npt.NDArray[Any]

_TYPES = {"float32": "F32", "uint32": "U32", "int32": "I32", "int64": "I64", "int8": "I8"}


def sparse_linear(
    pre: int,
    post: int,
    sources: npt.ArrayLike,
    targets: npt.ArrayLike,
    weights: npt.ArrayLike,
    delay: Union[float, npt.ArrayLike] = 0.0,
) -> Dict[str, Any]:
    """The fields of a SparseLinear node for `save_network`.

    sources, targets, weights: input element, output element and weight of each connection, in any
        order; connections are sorted by source, then target.
    delay: delay in seconds, for all connections or for each.

    Raises ArgumentError.
    """
    source, target = np.asarray(sources), np.asarray(targets)
    weight = np.asarray(weights, np.float32)
    delays = np.asarray(delay, np.float32)
    for name, values, limit in (("sources", source, pre), ("targets", target, post)):
        if values.ndim != 1 or not np.issubdtype(values.dtype, np.integer):
            raise errors.argument(f"{name} must be a list of integers")
        if values.size and not (0 <= values.min() and values.max() < limit):
            raise errors.argument(f"{name} must be 0 ... {limit - 1}")
    if not source.shape == target.shape == weight.shape:
        raise errors.argument("sources, targets and weights must have the same length")
    if delays.ndim > 0 and delays.shape != source.shape:
        raise errors.argument("delay must be one number, or one per connection")
    # Most lists are generated row by row and need no sorting.
    place = source.astype(np.int64) * post + target
    if np.any(place[1:] < place[:-1]):
        order = np.argsort(place, kind="stable")
        source, target, weight = source[order], target[order], weight[order]
        delays = delays[order] if delays.ndim else delays
    starts = np.zeros(pre + 1, np.int64)
    np.cumsum(np.bincount(source, minlength=pre), out=starts[1:])
    return {
        "kind": "SparseLinear",
        "shape": [post, pre],
        "row_starts": starts,
        "post": np.ascontiguousarray(target, np.uint32),
        "weight": np.ascontiguousarray(weight),
        "delay_s": np.ascontiguousarray(delays.reshape(-1)),
    }


def save_network(
    path: Union[str, "os.PathLike[str]"],
    nodes: Mapping[str, Mapping[str, Any]],
    edges: Sequence[Tuple[str, str]],
    dt: Optional[float] = None,
    semantics: Optional[Mapping[str, str]] = None,
) -> None:
    """Writes a .safetensors file that `Model.open` reads. The file is replaced as a whole or left
    unchanged.

    nodes: by name, the "kind" (see `Model.nodes`) and the fields, named as in NIR. Arrays become
        tensors, also those in a mapping such as the "parameters" of a NeuronProgram. The fields of
        Cell, Trace, Projection and Winners are in `arcuate.documentation("plastic-nodes")`.
    edges: pairs (source, target) of node names.
    semantics: the fields of `Model.set_semantics`: all of them, or none.

        save_network("net.safetensors", {
            "in": {"kind": "Input", "shape": [100]},
            "rec": sparse_linear(100, 100, sources, targets, weights, delay=1.5e-3),
            "lif": {"kind": "LIF", "tau": np.full(100, 0.02), "r": np.ones(100),
                    "v_threshold": np.ones(100)},
            "out": {"kind": "Output", "shape": [100]},
        }, [("in", "lif"), ("lif", "rec"), ("rec", "lif"), ("lif", "out")], dt=1e-4)

    Raises ArgumentError for arrays of other types, OSError.
    """
    pieces = _pieces(nodes, edges, dt, semantics)
    target = os.fspath(path)
    with tempfile.NamedTemporaryFile(dir=os.path.dirname(target) or ".", delete=False) as file:
        try:
            for piece in pieces:
                file.write(piece)
            file.flush()
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(file.name, 0o666 & ~umask)
            os.replace(file.name, target)
        except BaseException:
            os.unlink(file.name)
            raise


def _encoded(nodes: Mapping[str, Mapping[str, Any]], edges: Sequence[Tuple[str, str]]) -> bytes:
    """What `save_network` would write."""
    return b"".join(_pieces(nodes, edges, None, None))


def _pieces(
    nodes: Mapping[str, Mapping[str, Any]],
    edges: Sequence[Tuple[str, str]],
    dt: Optional[float],
    semantics: Optional[Mapping[str, str]],
) -> List[Union[bytes, memoryview]]:
    """The content of a file, one piece after another."""
    tensors: List[Tuple[str, Array]] = []
    described = []

    def stored(place: str, value: Any) -> Any:
        """What the graph says for a field: arrays become tensors named after their place."""
        if isinstance(value, Mapping):
            return {key: stored(f"{place}.{key}", inner) for key, inner in value.items()}
        if not isinstance(value, np.ndarray):
            return value
        if value.dtype == np.float64:
            value = value.astype(np.float32)
        if value.dtype.name not in _TYPES:
            raise errors.argument(f"{place} has elements of type {value.dtype}")
        tensors.append((place, np.ascontiguousarray(value)))
        return place

    for name, fields in nodes.items():
        node: Dict[str, Any] = {"name": name}
        for field, value in fields.items():
            node[field] = stored(f"{name}.{field}", value)
        described.append(node)
    graph: Dict[str, Any] = {"nodes": described, "edges": [list(edge) for edge in edges]}
    if dt is not None:
        graph["dt_s"] = seconds("dt", dt)
    if semantics is not None:
        graph["semantics"] = dict(semantics)
    # Tensors with sizes that are multiples of 64 bytes come first, so that all of these are aligned.
    tensors.sort(key=lambda entry: (entry[1].nbytes % 64 != 0, -entry[1].itemsize))
    header: Dict[str, Any] = {
        "__metadata__": {"arcuate.format": "1", "arcuate.model": json.dumps(graph)}
    }
    end = 0
    for name, tensor in tensors:
        header[name] = {
            "dtype": _TYPES[tensor.dtype.name],
            "shape": list(tensor.shape),
            "data_offsets": [end, end + tensor.nbytes],
        }
        end += tensor.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % 64)
    pieces: List[Union[bytes, memoryview]] = [len(text).to_bytes(8, "little") + text]
    pieces += [memoryview(tensor).cast("B") if tensor.size else b"" for _, tensor in tensors]
    return pieces
