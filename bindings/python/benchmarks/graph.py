"""ONNX graphs of unrolled spiking networks, and the runtimes that take them."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np

Call = Callable[[Dict[str, np.ndarray]], List[np.ndarray]]


class Graph:
    """A graph that grows node by node; names are made up."""

    def __init__(self) -> None:
        from onnx import helper, numpy_helper

        self._helper, self._numpy = helper, numpy_helper
        self._nodes: list = []
        self._constants: list = []
        self._inputs: list = []
        self._outputs: list = []
        self._count = 0
        self.one = self.constant(np.ones(1, np.float32))

    def _name(self) -> str:
        self._count += 1
        return f"t{self._count}"

    def constant(self, value: np.ndarray) -> str:
        name = self._name()
        self._constants.append(self._numpy.from_array(np.ascontiguousarray(value), name))
        return name

    def input(self, name: str, shape: Sequence[int]) -> str:
        self._inputs.append(self._helper.make_tensor_value_info(name, 1, list(shape)))
        return name

    def output(self, name: str, of: str, shape: Sequence[int]) -> None:
        self._nodes.append(self._helper.make_node("Identity", [of], [name]))
        self._outputs.append(self._helper.make_tensor_value_info(name, 1, list(shape)))

    def node(self, kind: str, *inputs: str, **attributes: object) -> str:
        name = self._name()
        self._nodes.append(self._helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def reshape(self, value: str, shape: Sequence[int]) -> str:
        return self.node("Reshape", value, self.constant(np.array(shape, np.int64)))

    def split(self, value: str, count: int, shape: Sequence[int]) -> List[str]:
        """The slices along the first axis, each of `shape`."""
        if count == 1:
            return [self.reshape(value, shape)]
        names = [self._name() for _ in range(count)]
        self._nodes.append(
            self._helper.make_node("Split", [value], names, axis=0, num_outputs=count)
        )
        return [self.reshape(name, shape) for name in names]

    def fire(
        self, current: str, membrane: Optional[str], decay: Optional[str] = None
    ) -> Tuple[str, str]:
        """Spikes and membrane after one step: threshold 1 (v >= 1), reset by subtraction."""
        if membrane is not None:
            kept = membrane if decay is None else self.node("Mul", membrane, decay)
            current = self.node("Add", kept, current)
        fired = self.node("GreaterOrEqual", current, self.one)
        spike = self.node("Cast", fired, to=1)
        return spike, self.node("Sub", current, spike)

    def save(self, path: Path) -> None:
        import onnx

        graph = self._helper.make_graph(
            self._nodes, "network", self._inputs, self._outputs, self._constants
        )
        model = self._helper.make_model(graph, opset_imports=[self._helper.make_opsetid("", 18)])
        model.ir_version = 9
        onnx.save(model, path)


def onnxruntime(path: Path, threads: int) -> Call:
    import onnxruntime as runtime

    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda inputs: session.run(None, inputs)


def openvino(path: Path, threads: int) -> Call:
    import openvino as runtime

    compiled = runtime.Core().compile_model(
        path,
        "CPU",
        {
            "INFERENCE_NUM_THREADS": threads,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
        },
    )
    request = compiled.create_infer_request()
    outputs = list(compiled.outputs)

    def call(inputs: Dict[str, np.ndarray]) -> List[np.ndarray]:
        results = request.infer(inputs, share_inputs=True, share_outputs=True)
        return [results[output] for output in outputs]

    return call


RUNTIMES = {"onnxruntime": onnxruntime, "openvino": openvino}
