"""ONNX graphs beside ONNX's own evaluator, and beside those who exported them."""

from __future__ import annotations

import gzip
import os
import time
from pathlib import Path

import arcuate
import numpy as np
import pytest
from conftest import random

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402

DATA = os.environ.get("ARCUATE_DATA")


def graph(nodes, constants, shape, outputs=("y",), opset=17, batch=None, kinds=None):
    """A graph with the input "x" of a shape without the batch; nodes are (type, inputs, outputs,
    attributes)."""
    made = [
        helper.make_node(
            kind, inputs, outs, name=f"{kind}_{i}", **attributes[0] if attributes else {}
        )
        for i, (kind, inputs, outs, *attributes) in enumerate(nodes)
    ]
    for node in made:
        if node.op_type in ("Scaler", "ZipMap", "ArrayFeatureExtractor"):
            node.domain = "ai.onnx.ml"
    return helper.make_model(
        helper.make_graph(
            made,
            "graph",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, *shape])],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
            [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)],
    )


def outputs(proto, x):
    """What Arcuate and the evaluator give, frame by frame."""
    report = []
    with arcuate.from_onnx(proto, report=report) as model:
        own = model.compile().session().run(x)
    evaluator = ReferenceEvaluator(proto)
    theirs = np.concatenate([evaluator.run(None, {"x": frame[None]})[0] for frame in x])
    return own, theirs, report


def same(proto, shape, draw, opposite=True):
    x = draw.normal(size=(5, *shape)).astype(np.float32)
    own, theirs, report = outputs(proto, x)
    assert not report
    assert own.size == theirs.size and np.abs(theirs).max() > 0.01
    np.testing.assert_allclose(own.reshape(theirs.shape), theirs, rtol=1e-4, atol=1e-4)


def weights(draw, *shape):
    return draw.normal(size=shape).astype(np.float32)


def test_a_chain_of_layers():
    draw = random(1)
    same(
        graph(
            [
                ("Div", ["x", "deviation"], ["a"]),
                ("Sub", ["a", "mean"], ["b"]),
                ("Gemm", ["b", "w1", "c1"], ["c"], {"transB": 1, "alpha": 0.5, "beta": 2.0}),
                ("Relu", ["c"], ["d"]),
                ("Dropout", ["d"], ["e"]),
                ("MatMul", ["e", "w2"], ["f"]),
                ("Add", ["c2", "f"], ["g"]),
                ("Tanh", ["g"], ["h"]),
                ("Mul", ["h", "three"], ["i"]),
                ("Identity", ["i"], ["j"]),
                ("Sub", ["one", "j"], ["k"]),
                ("Softmax", ["k"], ["y"]),
            ],
            {
                "deviation": np.float32(2),
                "mean": weights(draw, 6),
                "w1": weights(draw, 8, 6),
                "c1": weights(draw, 8),
                "w2": weights(draw, 8, 4),
                "c2": weights(draw, 1, 4),
                "three": np.float32(3),
                "one": weights(draw, 4),
            },
            [6],
        ),
        [6],
        draw,
    )


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"pads": [1, 2, 1, 2]},
        {"pads": [1, 0, 2, 3]},
        {"auto_pad": "SAME_UPPER"},
        {"auto_pad": "SAME_LOWER"},
        {"auto_pad": "SAME_UPPER", "strides": [2, 3]},
        {"auto_pad": "SAME_LOWER", "strides": [3, 2]},
        {"auto_pad": "VALID", "dilations": [2, 1]},
        {"pads": [0, 1, 2, 2], "dilations": [2, 1], "strides": [1, 2]},
    ],
)
@pytest.mark.parametrize("group", [1, 2])
def test_convolutions(attributes, group):
    draw = random(2)
    same(
        graph(
            [
                ("Conv", ["x", "w", "b"], ["a"], {"group": group, **attributes}),
                ("Relu", ["a"], ["c"]),
                ("Flatten", ["c"], ["y"]),
            ],
            {"w": weights(draw, 4, 4 // group, 2, 3), "b": weights(draw, 4)},
            [4, 7, 8],
        ),
        [4, 7, 8],
        draw,
    )


@pytest.mark.parametrize(
    "attributes", [{"pads": [2, 0]}, {"auto_pad": "SAME_UPPER", "strides": [2]}]
)
def test_convolutions_of_one_axis(attributes):
    draw = random(3)
    same(
        graph(
            [("Conv", ["x", "w"], ["a"], attributes), ("Add", ["a", "b"], ["y"])],
            {"w": weights(draw, 3, 2, 4), "b": weights(draw, 1, 3, 1)},
            [2, 9],
        ),
        [2, 9],
        draw,
    )


@pytest.mark.parametrize("kind", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"strides": [2, 2]},
        {"strides": [2, 2], "pads": [1, 0, 1, 0]},
        {"strides": [2, 2], "auto_pad": "SAME_UPPER"},
        {"strides": [3, 2], "auto_pad": "SAME_LOWER"},
        {"strides": [2, 2], "ceil_mode": 1},
        {"strides": [2, 1], "pads": [0, 1, 1, 0]},
        {"strides": [2, 2], "pads": [0, 0, 1, 1]},
    ],
)
def test_pooling(kind, attributes):
    if kind == "MaxPool" and attributes.get("auto_pad") == "SAME_LOWER":
        pytest.skip("the evaluator gives fewer windows than the standard says")
    draw = random(4)
    same(
        graph(
            [
                ("Relu", ["x"], ["a"]),
                (kind, ["a"], ["b"], {"kernel_shape": [3, 2], **attributes}),
                ("Flatten", ["b"], ["y"]),
            ],
            {},
            [2, 7, 9],
        ),
        [2, 7, 9],
        draw,
    )


def test_averages_that_count_padding_and_whole_images():
    draw = random(5)
    for nodes in (
        [
            (
                "AveragePool",
                ["x"],
                ["y"],
                {"kernel_shape": [2, 2], "pads": [1, 1, 0, 1], "count_include_pad": 1},
            )
        ],
        [("GlobalAveragePool", ["x"], ["a"]), ("Flatten", ["a"], ["y"])],
        [("GlobalMaxPool", ["x"], ["a"]), ("Squeeze", ["a", "axes"], ["y"])],
        [("ReduceMean", ["x"], ["y"], {"axes": [-1, 2], "keepdims": 0})],
        [("Pad", ["x", "ends"], ["y"])],
    ):
        constants = {"axes": np.array([2, 3]), "ends": np.array([0, 0, 1, 2, 0, 0, 3, 0])}
        used = {name for node in nodes for name in node[1]}
        same(
            graph(nodes, {k: v for k, v in constants.items() if k in used}, [3, 4, 5]),
            [3, 4, 5],
            draw,
        )


def test_batch_norm_and_skips():
    draw = random(6)
    constants = {
        "w1": weights(draw, 4, 3, 3, 3),
        "w2": weights(draw, 4, 4, 3, 3),
        "w3": weights(draw, 5, 4),
        "gamma": weights(draw, 4),
        "beta": weights(draw, 4),
        "mean": weights(draw, 4),
        "variance": np.abs(weights(draw, 4)) + 0.5,
        "bias": weights(draw, 4, 1, 1),
    }
    proto = graph(
        [
            ("Conv", ["x", "w1"], ["a"], {"pads": [1, 1, 1, 1]}),
            (
                "BatchNormalization",
                ["a", "gamma", "beta", "mean", "variance"],
                ["b"],
                {"epsilon": 1e-3},
            ),
            ("Relu", ["b"], ["c"]),
            ("Conv", ["c", "w2"], ["d"], {"auto_pad": "SAME_UPPER"}),
            ("Add", ["d", "bias"], ["e"]),
            ("Add", ["e", "c"], ["f"]),
            ("Relu", ["f"], ["g"]),
            ("Add", ["g", "g"], ["h"]),
            ("Sub", ["h", "c"], ["i"]),
            ("GlobalAveragePool", ["i"], ["j"]),
            ("Flatten", ["j"], ["k"]),
            ("Gemm", ["k", "w3"], ["y"], {"transB": 1}),
        ],
        constants,
        [3, 6, 5],
    )
    same(proto, [3, 6, 5], draw)


def test_concatenations():
    draw = random(7)
    same(
        graph(
            [
                ("Conv", ["x", "w1"], ["a"]),
                ("Conv", ["x", "w2"], ["b"]),
                ("Relu", ["a"], ["c"]),
                ("Concat", ["c", "b", "a"], ["d"], {"axis": 1}),
                ("Conv", ["d", "w3"], ["e"]),
                ("Flatten", ["e"], ["f"]),
                ("Concat", ["f", "f"], ["y"], {"axis": -1}),
            ],
            {
                "w1": weights(draw, 2, 2, 2, 2),
                "w2": weights(draw, 3, 2, 2, 2),
                "w3": weights(draw, 2, 7, 2, 2),
            },
            [2, 4, 4],
        ),
        [2, 4, 4],
        draw,
    )


def test_weights_take_up_transposes():
    draw = random(8)
    same(
        graph(
            [
                ("Conv", ["x", "w1"], ["a"]),
                ("Relu", ["a"], ["b"]),
                ("Transpose", ["b"], ["c"], {"perm": [0, 2, 3, 1]}),
                ("Mul", ["c", "s"], ["d"]),
                ("Reshape", ["d", "shape"], ["e"]),
                ("MatMul", ["e", "w2"], ["y"]),
            ],
            {
                "w1": weights(draw, 3, 2, 2, 2),
                "w2": weights(draw, 36, 5),
                "s": weights(draw, 3),
                "shape": np.array([-1, 36]),
            },
            [2, 5, 4],
        ),
        [2, 5, 4],
        draw,
    )


def test_the_input_takes_another_shape():
    draw = random(9)
    proto = graph(
        [("Reshape", ["x", "shape"], ["a"]), ("Conv", ["a", "w"], ["y"])],
        {"shape": np.array([-1, 1, 4, 5]), "w": weights(draw, 2, 1, 2, 2)},
        [20],
    )
    with arcuate.from_onnx(proto) as model, model.compile() as plan:
        assert plan.inputs[0].shape == (1, 4, 5)
    # An image whose channels come last.
    proto = graph(
        [("Transpose", ["x"], ["a"], {"perm": [0, 3, 1, 2]}), ("Conv", ["a", "w"], ["y"])],
        {"w": weights(draw, 2, 3, 2, 2)},
        [4, 5, 3],
    )
    report = []
    with arcuate.from_onnx(proto, report=report) as model, model.compile() as plan:
        assert plan.inputs[0].shape == (3, 4, 5) and "transposed" in report[0]
        x = draw.normal(size=(1, 4, 5, 3)).astype(np.float32)
        own = plan.session().run(x.transpose(0, 3, 1, 2))
    theirs = ReferenceEvaluator(proto).run(None, {"x": x})[0]
    np.testing.assert_allclose(own, theirs, rtol=1e-4, atol=1e-5)


def test_everything_that_cannot_be_read_is_named_at_once():
    proto = graph(
        [
            ("Conv", ["x", "w"], ["a"]),
            ("LeakyRelu", ["a"], ["b"]),
            ("Conv", ["b", "w2"], ["c"]),
            ("Erf", ["a"], ["d"]),
            ("Add", ["c", "d"], ["e"]),
            ("Clip", ["x", "low", "high"], ["f"]),
            ("Softmax", ["x"], ["g"], {"axis": 1}),
            ("Transpose", ["x"], ["h"], {"perm": [0, 1, 3, 2]}),
            ("Conv", ["h", "w"], ["i"]),
        ],
        {
            "w": np.ones((2, 2, 1, 1), np.float32),
            "w2": np.ones((2, 2, 1, 1), np.float32),
            "low": np.float32(0),
            "high": np.float32(6),
        },
        [2, 3, 3],
        outputs=("e", "f", "g", "i"),
    )
    with pytest.raises(arcuate.FormatError) as error:
        arcuate.from_onnx(proto)
    message = str(error.value)
    for name in (
        '"LeakyRelu_1" (LeakyRelu)',
        '"Erf_3" (Erf)',
        '"Clip_5" (Clip): bounds 0',
        '"Softmax_6" (Softmax)',
    ):
        assert name in message
    assert "Conv_2" not in message and "Add_4" not in message


def test_sources_that_are_no_models(tmp_path: Path):
    with pytest.raises(arcuate.FileError):
        arcuate.from_onnx(tmp_path / "nothing.onnx")
    with pytest.raises(arcuate.FormatError):
        arcuate.from_onnx(b"\xff not a model")
    (tmp_path / "text.onnx").write_text("hello")
    with pytest.raises(arcuate.FormatError):
        arcuate.from_onnx(tmp_path / "text.onnx")
    proto = graph([("Relu", ["x"], ["y"])], {}, [None])
    with pytest.raises(arcuate.FormatError, match="input_shape"):
        arcuate.from_onnx(proto)
    path = tmp_path / "net.onnx"
    onnx.save(proto, path)
    with arcuate.from_onnx(path, input_shape=(3,)) as model:
        np.testing.assert_array_equal(model.compile().session().run([[-1, 0, 2]]), [[0, 0, 2]])
    with arcuate.from_onnx(path.read_bytes(), input_shape=(3,)) as model:
        assert [node.kind for node in model.nodes] == ["Input", "ReLU", "Output"]


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("zipmap", [False, True])
def test_classifiers_of_scikit_learn(classes, zipmap):
    pytest.importorskip("sklearn")
    skl2onnx = pytest.importorskip("skl2onnx")
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    draw = random(10)
    x = draw.normal(size=(200, 5)).astype(np.float32) * 3 + 1
    y = (x[:, 0] > 1) + (2 * (x[:, 1] > 1) if classes > 2 else 0)
    fitted = make_pipeline(StandardScaler(), MLPClassifier((12, 7), max_iter=200, random_state=0))
    fitted.fit(x, y)
    proto = skl2onnx.to_onnx(fitted, x[:1], options={"zipmap": zipmap})
    report = []
    with arcuate.from_onnx(proto, report=report) as model:
        own = model.compile().session().run(x)
        assert any("ArgMax" in sentence for sentence in report)
        np.testing.assert_allclose(own, fitted.predict_proba(x), atol=1e-5)
        if classes == 2:
            return  # Its sigmoid is followed by nodes that make two probabilities of one.
        spiking, _ = model.convert(x[:100], readout="mean")
        loss = model.conversion_loss(spiking, x[100:], steps=500)
        assert loss.agreement > 0.97 and loss.output_error < 0.05
    with pytest.warns(arcuate.OnnxWarning):
        arcuate.from_onnx(proto).close()


@pytest.mark.skipif(not DATA, reason="ARCUATE_DATA is not set")
@pytest.mark.parametrize("name", ["mnist-8-onnx-zoo", "mnist-winml", "mnist-wonnx-opt"])
def test_the_published_digit_networks(name):
    onnxruntime = pytest.importorskip("onnxruntime")

    def digits(kind, offset):
        path = Path(DATA) / "mnist" / f"t10k-{kind}-ubyte.gz"
        return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=offset)

    x = digits("images-idx3", 16).reshape(-1, 1, 28, 28)[:2000].astype(np.float32)
    y = digits("labels-idx1", 8)[:2000]
    path = Path(DATA) / "onnx" / f"{name}.onnx"
    theirs = onnxruntime.InferenceSession(path.read_bytes())
    wanted = np.concatenate([theirs.run(None, {"Input3": frame[None]})[0] for frame in x])
    with arcuate.from_onnx(path) as model:
        own = model.compile(threads=2).session().run(x)
        # Outputs reach 9,000: a sum of 256 products is near to a ten-thousandth of the largest.
        assert np.all(np.abs(own - wanted) <= 1e-4 * np.abs(wanted).max(axis=1, keepdims=True))
        assert (own.argmax(1) == y).mean() == 0.984
        np.testing.assert_array_equal(own.argmax(1), wanted.argmax(1))
        # Tuned on the first half, judged on the second.
        spiking, _ = model.convert(x[:500])
        loss = model.conversion_loss(spiking, x[1000:], y[1000:], steps=20)
        assert loss.artificial_accuracy - loss.accuracy <= 0.003
        with pytest.raises(arcuate.ModelError, match="Pooling66.*Pooling160"):
            model.convert(x[:500], max_pooling="refuse")


def test_damaged_files_are_refused_by_name(tmp_path: Path):
    path = tmp_path / "net.onnx"
    path.write_bytes(b"")
    with pytest.raises(arcuate.FormatError, match="net.onnx: cannot be a model: it has no output"):
        arcuate.from_onnx(path)
    weight = np.ones((3, 2), np.float32)
    content = graph([("MatMul", ["x", "w"], ["y"])], {"w": weight}, [3]).SerializeToString()
    assert arcuate.from_onnx(content).nodes
    draw = random(3)
    for _ in range(200):
        damaged = bytearray(content)
        for _ in range(draw.integers(1, 4)):
            damaged[draw.integers(len(damaged))] = draw.integers(256)
        path.write_bytes(bytes(damaged))
        try:
            arcuate.from_onnx(path, report=[])
        except arcuate.ArcuateError:
            pass


def test_networks_of_pytorch(tmp_path: Path):
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxscript")
    nn = torch.nn
    draw = random(11)
    torch.manual_seed(0)
    networks = [
        (
            nn.Sequential(
                nn.Linear(6, 9), nn.ReLU(), nn.Dropout(), nn.Linear(9, 4), nn.LogSoftmax(-1)
            ),
            (6,),
        ),
        (
            nn.Sequential(
                nn.Conv2d(2, 4, 3, padding=1),
                nn.BatchNorm2d(4),
                nn.ReLU(),
                nn.MaxPool2d(2),
                nn.Conv2d(4, 5, 3),
                nn.ReLU(),
                nn.AvgPool2d(2),
                nn.Flatten(),
                nn.Linear(5, 3),
            ),
            (2, 10, 8),
        ),
    ]
    for network, shape in networks:
        network.eval()
        x = draw.normal(size=(6, *shape)).astype(np.float32)
        path = tmp_path / "net.onnx"
        torch.onnx.export(network, (torch.tensor(x[:1]),), path, dynamo=True)
        with arcuate.from_onnx(path) as model:
            own = model.compile().session().run(x)
        with torch.no_grad():
            np.testing.assert_allclose(own, network(torch.tensor(x)).numpy(), atol=1e-5)


HUGE = 10**6
LEAST = -(2**63)


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        ("Conv", {"pads": [HUGE] * 4}),
        ("Conv", {"pads": [HUGE, HUGE, 0, 0]}),
        ("Conv", {"strides": [LEAST, 1]}),
        ("Conv", {"strides": [0, 1]}),
        ("Conv", {"dilations": [LEAST, 1]}),
        ("Conv", {"group": LEAST}),
        ("Conv", {"pads": [LEAST, 0, 0, 0]}),
        ("AveragePool", {"kernel_shape": [2, 2], "pads": [HUGE] * 4}),
        ("AveragePool", {"kernel_shape": [LEAST, 2]}),
        ("AveragePool", {"kernel_shape": [2, 2], "pads": [0, HUGE, 0, HUGE]}),
        ("MaxPool", {"kernel_shape": [2, 2], "pads": [0, HUGE, 0, 0]}),
    ],
)
def test_numbers_beyond_any_image_are_refused_before_anything_is_made(kind, attributes):
    """Pads of a million took half a minute of NumPy; 0 and the least integer ended elsewhere."""
    weight = np.ones((2, 1, 3, 3), np.float32)
    inputs = ["x", "w"] if kind == "Conv" else ["x"]
    proto = graph([(kind, inputs, ["y"], attributes)], {"w": weight}, [1, 8, 8])
    began = time.monotonic()
    with pytest.raises(arcuate.FormatError, match=f'node "{kind}_0"'):
        arcuate.from_onnx(proto)
    assert time.monotonic() - began < 2


def test_a_pad_of_a_million_is_refused():
    pads = np.array([0, 0, HUGE, HUGE, 0, 0, HUGE, HUGE])
    proto = graph([("Pad", ["x", "p"], ["y"])], {"p": pads}, [1, 8, 8])
    with pytest.raises(arcuate.FormatError, match="elements, above"):
        arcuate.from_onnx(proto)
