"""Signals end long calls within a second, by what their handler raises, and leave everything as it was."""

from __future__ import annotations

import signal
import threading
import time
from typing import Callable, Iterator

import arcuate
import numpy as np
import pytest
from arcuate import nn
from conftest import DIGITS

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs signals")


class Alarm(Exception):
    """What the handler of these tests raises."""


@pytest.fixture(autouse=True)
def alarm() -> Iterator[None]:
    def handler(number: int, frame: object) -> None:
        raise Alarm

    before = signal.signal(signal.SIGPROF, handler)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.signal(signal.SIGPROF, before)


def ends(call: Callable[[], object], after: float = 0.3) -> None:
    """Whether the call ends within a second after an alarm, of the process's own time, which on a busy machine
    passes more slowly than the clock's. Calls that are too fast are repeated."""
    start = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, after)
    with pytest.raises(Alarm):
        while time.process_time() < start + after + 5:
            call()
    took = time.process_time() - start - after
    print(f"{took:.3f} s")
    assert took < 1


LARGE = [nn.linear(3000), nn.batch_norm(), nn.relu(), nn.linear(3000), nn.relu(), nn.linear(10)]


def test_initial_weights():
    ends(lambda: nn.sequential(10_000, [nn.linear(10_000), nn.linear(10_000)], seed=1))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("after", [0.05, 0.4, 0.9])
def test_a_training_step_changes_nothing(threads, after):
    model = nn.sequential(3000, LARGE, seed=1)
    x = np.random.default_rng(1).random((1500, 3000), np.float32)
    y = np.arange(len(x)) % 10
    trainer = arcuate.Trainer(model, batch=len(x), threads=threads)
    wanted = {name: trainer.parameter(name) for name in trainer.parameters}
    start = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, after)
    try:
        with pytest.raises(Alarm):
            while trainer.step < 1:
                trainer.train_step(x, y)
            pytest.skip("a machine that takes less for a step")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    assert time.process_time() - start - after < 1
    if trainer.step == 0:
        for name, values in wanted.items():
            assert np.array_equal(trainer.parameter(name), values), name
    ends(lambda: trainer.gradients(x, y))
    ends(lambda: trainer.evaluate(x, y))
    ends(lambda: trainer.predict(x))
    # What comes later is not canceled.
    arcuate.Model.open(DIGITS)


def test_conversion_and_quantization(tmp_path):
    model = nn.sequential(3000, LARGE, seed=1)
    model.fold_batch_norm()
    x = np.random.default_rng(1).random((10_000, 3000), np.float32)
    ends(lambda: model.convert(x))
    ends(lambda: model.quantize("int8", x))
    ends(lambda: model.quantize("int8"))
    ends(lambda: model.save(tmp_path / "model.safetensors"))
    ends(lambda: arcuate.Model.open(tmp_path / "model.safetensors"))
    ends(lambda: model.compile())


@pytest.mark.parametrize("threads", [1, 2])
def test_a_session_in_the_middle_of_a_frame_is_reset(threads):
    """A frame of a million steps takes longer than a call may."""
    plan = arcuate.Model.open(DIGITS).compile(steps_per_frame=1_000_000, batch=4, threads=threads)
    session = plan.session()
    x = np.random.default_rng(1).random((1, 4, 143), np.float32)
    rest = session.save()
    ends(lambda: session.run(x))
    assert session.save() == rest
    ends(lambda: session.run_events([], 2**31))
    session.step(x[0])
    assert session.save() != rest


def test_a_handler_that_raises_nothing_ends_nothing():
    seen = []
    signal.signal(signal.SIGPROF, lambda number, frame: seen.append(threading.get_ident()))
    signal.setitimer(signal.ITIMER_PROF, 0.3, 0.1)
    model = nn.sequential(4000, [nn.linear(4000), nn.relu()], seed=1)
    x = np.random.default_rng(1).random((2000, 4000), np.float32)
    trainer = arcuate.Trainer(model, batch=2000, loss="mean_square")
    start = time.process_time()
    while time.process_time() < start + 0.8:
        trainer.train_step(x, x)
    assert seen and set(seen) == {threading.get_ident()}


def test_fit_undoes_a_long_batch(tmp_path):
    """Ctrl-C waits a second at most for a batch, and for the checkpoint of the state before it."""
    model = nn.sequential(3000, LARGE, seed=1)
    x = np.random.default_rng(1).random((3000, 3000), np.float32)
    y = np.arange(len(x)) % 10

    def trainer() -> arcuate.Trainer:
        return arcuate.Trainer(model, batch=1500, rate=1e-3)

    wanted = trainer()
    arcuate.fit(wanted, x, y, epochs=1, quiet=True)
    path = tmp_path / "run.checkpoint"
    # What fit writes once the batch has ended.
    start = time.process_time()
    wanted.save(path)
    saving = time.process_time() - start
    main = threading.get_ident()
    for after in (0.1, 0.7, 1.5):
        path.unlink(missing_ok=True)
        sent = []

        def interrupt() -> None:
            sent.append(time.process_time())
            signal.pthread_kill(main, signal.SIGINT)

        threading.Timer(after, interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            while True:
                arcuate.fit(trainer(), x, y, epochs=1, checkpoint=path, quiet=True)
        assert time.process_time() - sent[0] < 1 + 2 * saving
        resumed = trainer()
        arcuate.fit(resumed, x, y, epochs=1, checkpoint=path, resume=True, quiet=True)
        for name in wanted.parameters:
            assert np.array_equal(resumed.parameter(name), wanted.parameter(name)), name
