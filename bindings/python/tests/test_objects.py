"""Objects' lives, errors, and what is said about them."""

from __future__ import annotations

import copy
import ctypes
import gc
import inspect
import pickle
import re
import threading
import weakref

import arcuate
import h5py
import nir
import numpy as np
import pytest
from arcuate import _native
from conftest import DIGITS, DT, ROOT


def test_version_is_the_librarys():
    assert arcuate.library_version() == arcuate.__version__


def test_model_says_what_it_is(model):
    assert sorted(model.nodes) == [
        ("input", "Input"),
        ("neurons", "IF"),
        ("output", "Output"),
        ("weights", "Affine"),
    ]
    assert model.dt == DT
    assert all(finding.severity != "error" for finding in model.findings)


def test_plan_says_what_it_is(model):
    plan = model.compile(steps_per_frame=3, batch=2)
    assert plan.inputs == (arcuate.Port("input", (6,)),)
    assert plan.outputs == (arcuate.Port("output", (4,)),)
    assert plan.nodes.index("input") < plan.nodes.index("weights") < plan.nodes.index("neurons")
    assert plan.dt == DT and plan.steps_per_frame == 3 and plan.batch == 2
    assert model.compile(dt=2e-3).dt == 2e-3
    assert "neurons" in plan.explain()
    assert "input [6] -> output [4]" in repr(plan)


def test_kernels_and_counters(model, frames):
    plan = model.compile(batch=2)
    session = plan.session()
    assert session.kernels == () and session.counters().rows == 0
    x = np.stack([frames, 0 * frames], axis=1)
    result = session.run(x)
    assert session.kernels and all(session.kernels)
    assert session.counters("neurons").spikes == result.sum()
    for stream in range(2):
        assert session.counters("neurons", stream).spikes == result[:, stream].sum()
    assert session.counters(plan.nodes.index("weights"), 0) == session.counters("weights", 0)
    assert session.counters("weights", 0).macs > 0
    assert session.counters("weights", 1).macs == session.counters("weights", 1).acs == 0
    assert session.counters("neurons").neuron_updates > 0
    session.clear_counters()
    assert session.counters() == arcuate.Counters(*[0] * 8)


def test_probes(model, frames):
    session = model.compile().session()
    with session.probe("neurons", capacity=30) as probe:
        result = session.run(frames)
        assert (probe.steps, probe.missed) == (30, 10)
        assert np.array_equal(probe.read()[:, 0], result[:30])
        probe.clear()
        assert probe.read().shape == (0, 1, 4)
        result = session.run(frames[:5])
        session.close()
        assert np.array_equal(probe.read()[:, 0], result)
    with pytest.raises(arcuate.StateError, match="probe is closed"):
        probe.read()
    session = model.compile().session()
    for node, quantity in [("nothing", "output"), ("weights", "membrane"), ("neurons", "current")]:
        with pytest.raises(arcuate.NotFoundError) as caught:
            session.probe(node, quantity, capacity=1)
        assert isinstance(caught.value, LookupError)
    with pytest.raises(arcuate.ArgumentError, match="output, membrane, current"):
        session.probe("neurons", "voltage", capacity=1)
    with pytest.raises(arcuate.ArgumentError):
        session.probe("neurons", capacity=-1)
    with pytest.raises((arcuate.LimitError, arcuate.OutOfMemoryError)):
        session.probe("neurons", capacity=2**60)


def test_closed_objects(small, frames):
    model = arcuate.Model.open(small)
    plan = model.compile()
    session = plan.session()
    for thing in (model, plan):
        assert not thing.closed
        thing.close()
        thing.close()
        assert thing.closed and "closed" in repr(thing)
    # What was made before goes on.
    assert session.run(frames).shape == (40, 4)
    assert session.clone().counters("neurons").rows == 0
    session.close()
    calls = [
        lambda: model.nodes,
        lambda: model.findings,
        lambda: model.dt,
        model.compile,
        model.copy,
        model.fold_batch_norm,
        lambda: model.save("x.nir"),
        lambda: model.set_semantics("reset", "none"),
        lambda: model.semantics(reset="none"),
        model.quantize,
        model.dequantize,
        model.__enter__().compile,
        plan.session,
        plan.explain,
        lambda: plan.inputs,
        lambda: plan.outputs,
        lambda: plan.nodes,
        lambda: plan.dt,
        lambda: plan.batch,
        lambda: plan.steps_per_frame,
        lambda: session.run(frames),
        lambda: session.step(frames[0]),
        lambda: session.run_events([], 1),
        session.reset,
        lambda: session.reset(0),
        session.save,
        lambda: session.restore(b""),
        session.clone,
        session.counters,
        session.clear_counters,
        lambda: session.kernels,
        lambda: session.probe("neurons", capacity=1),
    ]
    for call in calls:
        with pytest.raises(arcuate.StateError, match="is closed") as caught:
            call()
        assert caught.value.name == "invalid state"


def test_a_session_keeps_its_plan(small, frames):
    plan = arcuate.Model.open(small).compile()
    session = plan.session()
    alive = weakref.ref(plan)
    del plan
    gc.collect()
    assert alive() is session.plan
    session.run(frames)
    del session
    gc.collect()
    assert alive() is None


def test_collected_objects_are_freed_once(small, monkeypatch):
    freed = []
    free = _native.library.arcuate_model_free
    monkeypatch.setattr(
        _native.library,
        "arcuate_model_free",
        lambda pointer: (freed.append(pointer), free(pointer)),
    )
    model = arcuate.Model.open(small)
    pointer = model._pointer
    del model
    gc.collect()
    assert freed == [pointer]
    with arcuate.Model.open(small) as model:
        pointer = model._pointer
    del model
    gc.collect()
    assert freed[1:] == [pointer]


def test_closing_while_another_thread_runs(model, frames):
    session = model.compile(steps_per_frame=200).session()
    x = np.tile(frames, (50, 1))
    started, errors = threading.Event(), []

    def work():
        try:
            while True:
                started.set()
                session.run(x)
        except arcuate.ArcuateError as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    started.wait()
    session.close()
    thread.join(60)
    assert [type(error) for error in errors] == [arcuate.StateError]


def test_handles_are_not_duplicated(model):
    plan = model.compile()
    session = plan.session()
    for thing in (model, plan, session):
        with pytest.raises(TypeError):
            pickle.dumps(thing)
    with pytest.raises(TypeError):
        copy.copy(plan)
    assert copy.copy(model)._pointer != model._pointer
    assert copy.copy(session)._pointer != session._pointer


def test_files_that_cannot_be_used(tmp_path, small):
    with pytest.raises(arcuate.FileError, match="missing.nir") as caught:
        arcuate.Model.open(tmp_path / "missing.nir")
    assert isinstance(caught.value, OSError)
    assert caught.value.name == "cannot open" and caught.value.status == -200
    content = small.read_bytes()
    for data, kinds in [
        (b"", arcuate.FormatError),
        (b"nothing that is known", arcuate.FormatError),
        (content[: len(content) // 2], (arcuate.FormatError, arcuate.LimitError)),
    ]:
        with pytest.raises(kinds):
            arcuate.Model.from_bytes(data)
        (tmp_path / "bad.nir").write_bytes(data)
        with pytest.raises(kinds, match="bad.nir"):
            arcuate.Model.open(tmp_path / "bad.nir")
    with arcuate.Model.open(small) as model:
        with pytest.raises(arcuate.FileError):
            model.save(tmp_path / "no" / "folder.nir")
        with pytest.raises(arcuate.ArcuateError):
            model.save(tmp_path / "model.unknown")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.nir", "graph.nir"]


@pytest.mark.parametrize(
    "options",
    [
        {"preset": "brian"},
        {"preset": "snn\0torch"},
        {"preset": 3},
        {"dt": 0},
        {"dt": -1e-3},
        {"dt": float("nan")},
        {"dt": "1"},
        {"dt": True},
        {"dt": 1e-13},
        {"dt": 2e6},
    ],
)
def test_bad_options_of_open(small, options):
    with pytest.raises(arcuate.ArgumentError):
        arcuate.Model.open(small, **options)
    with pytest.raises(arcuate.ArgumentError):
        arcuate.Model.from_bytes(small.read_bytes(), **options)


@pytest.mark.parametrize(
    "options",
    [
        {"steps_per_frame": 0},
        {"steps_per_frame": 2**32 + 1},
        {"steps_per_frame": 1.5},
        {"steps_per_frame": 1_000_001},
        {"frame_state": "kept"},
        {"frame_input": ""},
        {"frame_output": "first"},
        {"batch": 0},
        {"batch": 65536},
        {"threads": 0},
        {"threads": 257},
        {"numerics": "precise"},
        {"dt": 0},
        {"dt": float("inf")},
        {"batch": "2"},
        {"dt": "1"},
        {"dt": 1e-13},
        {"threads": True},
    ],
)
def test_bad_options_of_compile(model, options):
    with pytest.raises(arcuate.ArgumentError) as caught:
        model.compile(**options)
    assert next(iter(options)) in str(caught.value).replace(" ", "_")


def test_bad_arguments(model, tmp_path):
    with pytest.raises(arcuate.ArgumentError):
        arcuate.Model.open("zero\0byte.nir")
    with pytest.raises(TypeError):
        arcuate.Model.from_bytes(5)
    for field, value in [("threshold", "1"), ("reset", "zero"), ("multi_spike", 2), ("reset", 1.5)]:
        with pytest.raises(arcuate.ArgumentError):
            model.set_semantics(field, value)
    session = model.compile().session()
    for call in [
        lambda: session.run(),
        lambda: session.reset(1),
        lambda: session.reset(-1),
        lambda: session.counters(-1),
        lambda: session.counters(99),
        lambda: session.counters(0, 1),
        lambda: session.run_events([], -1),
        lambda: session.run_events([(0, 0)], 1),
        lambda: session.run_events([(-1, 0, 0, 0, 1.0)], 1),
        lambda: session.run_events(np.zeros(3), 1),
        lambda: session.run_events([(1, 0, 0, 0, 1.0), (0, 0, 0, 0, 1.0)], 2),
        lambda: session.run_events([(1, 0, 0, 0, 1.0)], 1),
        lambda: session.run_events([(0, 1, 0, 0, 1.0)], 1),
        lambda: session.run_events([(0, 0, 1, 0, 1.0)], 1),
        lambda: session.run_events([(0, 0, 0, 6, 1.0)], 1),
        lambda: session.run_events([(0, 0, 0, 0, float("nan"))], 1),
    ]:
        state = session.save()
        with pytest.raises(arcuate.ArgumentError) as caught:
            call()
        assert isinstance(caught.value, ValueError) and str(caught.value)
        assert session.save() == state
    with pytest.raises(arcuate.NotFoundError):
        session.counters("nothing")


def test_a_model_that_is_not_sound(small):
    # The nir package writes no such file: the port's shape is changed afterwards.
    with h5py.File(small, "r+") as file:
        file["node/nodes/input/shape"][...] = 5
    with arcuate.Model.open(small) as model:
        worst = [finding for finding in model.findings if finding.severity == "error"]
        assert worst and "weights" in worst[0].location
        with pytest.raises(arcuate.ModelError, match="weights") as caught:
            model.compile()
        assert isinstance(caught.value, ValueError)


def test_a_step_of_unknown_length(tmp_path):
    leaky = nir.LI(np.full(2, 0.02, np.float32), np.ones(2, np.float32), np.zeros(2, np.float32))
    nir.write(tmp_path / "leaky.nir", nir.NIRGraph.from_list(leaky))
    with arcuate.Model.open(tmp_path / "leaky.nir") as model:
        (note,) = [finding for finding in model.findings if "dt=" in finding.message]
        assert note.severity == "note" and "li" in note.location
        with pytest.raises(arcuate.CompileError, match="dt="):
            model.compile()
        model.compile(dt=1e-3)


def test_damaged_snapshots(model, frames):
    session = model.compile().session()
    session.run(frames)
    state = session.save()
    damaged = bytearray(state)
    damaged[-3] ^= 1
    for block, word in [(damaged, "checksum"), (state[:-8], "length"), (b"x" * 99, "ARCSTATE")]:
        with pytest.raises(arcuate.StateError, match=word):
            session.restore(block)
    assert session.save() == state


def test_errors_can_be_pickled():
    error = arcuate.FileError(-200, "a file: it is not there")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is arcuate.FileError and again.status == -200 and str(again) == str(error)


def public():
    """Every public name, and every public member of the classes, with the object behind it."""
    for name in arcuate.__all__:
        value = getattr(arcuate, name)
        yield name, value
        if inspect.isclass(value):
            for member, inner in vars(value).items():
                if not member.startswith("_") and (
                    callable(inner) or isinstance(inner, (property, classmethod))
                ):
                    yield f"{name}.{member}", getattr(value, member)


@pytest.mark.parametrize(
    "name, value", [p for p in public() if p[0] not in ("__version__", "event_dtype")]
)
def test_every_public_name_is_documented(name, value):
    text = inspect.getdoc(value)
    assert text and len(text) > 10
    if inspect.isclass(value):
        # Not the docstring of a base class, nor the one that dataclasses and NamedTuple make up.
        assert value.__doc__ and not value.__doc__.startswith(f"{value.__name__}(")
    if inspect.isfunction(value):
        assert "return" in value.__annotations__


HEADERS = sorted((ROOT / "include" / "arcuate").glob("*.h"))
STRUCTS = [
    value
    for value in vars(_native).values()
    if inspect.isclass(value)
    and issubclass(value, ctypes.Structure)
    and value is not ctypes.Structure
]
TYPES = {
    "void": None,
    "int32_t": ctypes.c_int32,
    "int64_t": ctypes.c_int64,
    "uint64_t": ctypes.c_uint64,
    "size_t": ctypes.c_size_t,
    "float": ctypes.c_float,
    "double": ctypes.c_double,
    "double *": ctypes.POINTER(ctypes.c_double),
    "const char *": ctypes.c_char_p,
    "arcuate_log": ctypes.c_void_p,
    "arcuate_cancel_poll": _native.POLL,
    **{
        name: ctypes.c_int32
        for name in re.findall(r"typedef int32_t (\w+);", "".join(h.read_text() for h in HEADERS))
    },
    "size_t *": ctypes.POINTER(ctypes.c_size_t),
    "const size_t *": ctypes.POINTER(ctypes.c_size_t),
    **{
        f"{const}{struct.__doc__} *": ctypes.POINTER(struct)
        for struct in STRUCTS
        for const in ("", "const ")
    },
}


def as_ctypes(declaration):
    """The ctypes type for `const char *name`."""
    kind = (
        re.sub(r"\w+$", "", declaration).strip()
        if "*" in declaration or " " in declaration
        else declaration
    )
    kind = re.sub(r"\s+", " ", kind)
    if kind in TYPES:
        return TYPES[kind]
    assert "*" in kind, declaration
    # Opaque objects and data; what functions hand out; arrays of addresses.
    return ctypes.POINTER(ctypes.c_void_p) if kind.count("*") == 2 else ctypes.c_void_p


@pytest.mark.skipif(not HEADERS, reason="needs the headers of the repository")
def test_prototypes_are_the_headers():
    text = re.sub(r"/\*.*?\*/", "", "".join(h.read_text() for h in HEADERS), flags=re.S)
    declared = {}
    for result, name, arguments in re.findall(
        r"ARCUATE_API\s+([\w\s*]+?)(arcuate_\w+)\(([^)]*)\)\s*(?:ARCUATE_NONNULL\([\d, ]*\))?\s*;",
        text,
    ):
        parts = [] if arguments.strip() == "void" else arguments.split(",")
        kind = result.strip()
        declared[name] = (
            ctypes.c_void_p if kind == "arcuate_model *" else TYPES[kind],
            [as_ctypes(part.strip()) for part in parts],
        )
    assert len(declared) > 60
    assert declared == _native.PROTOTYPES
    for name, value in re.findall(
        r"#define ARCUATE_(?:ERROR_)?(\w+) \(\(arcuate_status\)(-?\d+)\)", text
    ):
        assert getattr(_native, name) == int(value)
    constants = re.findall(r"#define ARCUATE_(\w+) \(\((arcuate_\w+)\)(-?\d+)\)", text)
    groups = {
        prefix: getattr(_native, prefix)
        for prefix in (
            "SEVERITY",
            "FRAME_STATE",
            "FRAME_INPUT",
            "FRAME_OUTPUT",
            "NUMERICS",
            "PROBE",
            "ELEMENT",
            "BALANCING",
            "CONVERSION_INPUT",
            "CONVERSION_BIAS",
            "CONVERSION_MAX_POOLING",
            "CONVERSION_READOUT",
            "TRAINING",
            "SAMPLE_INPUT",
            "SURROGATE",
            "OPTIMIZER",
            "SCHEDULE",
            "WEIGHT_NOISE",
            "LOSS",
            "READOUT",
        )
    }
    for prefix, names in groups.items():
        found = [
            (name[len(prefix) + 1 :].lower(), int(value))
            for name, kind, value in constants
            if name.startswith(prefix + "_")
        ]
        if prefix.startswith("FRAME_"):
            names = ("default", *names)
        assert found == [(name, i) for i, name in enumerate(names)]
    assert len(STRUCTS) > 10
    for struct in STRUCTS:
        (body,) = re.findall(
            rf"struct {struct.__doc__} {{(.*?)}} {struct.__doc__};", text, flags=re.S
        )
        fields = re.findall(r"(\w+);|\(\*(\w+)\)", body)
        assert [a or b for a, b in fields] == [field[0] for field in struct._fields_]


def test_status_names():
    names = [_native.text(_native.library.arcuate_status_name(s)) for s in (0, -102, -600, 7)]
    assert names == ["success", "not found", "out of memory", "unknown status"]


def test_digits_opens():
    with arcuate.Model.open(DIGITS) as model:
        assert {node.kind for node in model.nodes} >= {"Affine", "IF", "I"}


def test_metadata_of_a_network_with_latency():
    path = ROOT / "examples" / "kaldi" / "test" / "tdnn-lstm.txt"
    with arcuate.Model.open(path) as model:
        assert model.metadata_number("latency") == 3
        assert model.metadata_number("left_context") == 2
        assert model.metadata_number("nothing") is None


def test_plans_follow_their_models():
    frame = np.fromfile(ROOT / "Tests" / "c" / "frame.f32", np.float32)
    with arcuate.Model.open(DIGITS) as model:
        plan = model.compile()
        assert (plan.steps_per_frame, plan.frame_state) == (10, "reset")
        assert (plan.frame_input, plan.frame_output) == ("hold", "last")
        assert "steps per frame  10 (model metadata)" in plan.explain()
        scores = plan.session().run(frame[None])[0]
        assert scores.argmax() == 3 and abs(scores[3] - 12.5434) < 1e-4
        given = model.compile(steps_per_frame=10, frame_state="reset")
        assert np.array_equal(given.session().run(frame[None])[0], scores)
        assert "steps per frame  10 (given)" in given.explain()
        one = model.compile(steps_per_frame=1)
        assert (one.steps_per_frame, one.frame_state) == (1, "reset")
        every = model.compile(frame_output="every")
        assert every.session().run(frame[None]).shape == (1, 10, 10)
