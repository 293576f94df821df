"""Child processes: by fork, where threads are left behind, and by the other ways of multiprocessing."""

from __future__ import annotations

import multiprocessing
import os
import threading
from typing import Any, Callable, Tuple

import arcuate
import numpy as np
import pytest
from conftest import DIGITS

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
LAYERS = [arcuate.nn.linear(5), arcuate.nn.lif(beta=0.9), arcuate.nn.linear(4)]


def in_child(body: Callable[[], object]) -> None:
    """Runs `body` in a child of fork, which may neither hang, die nor fail."""
    pid = os.fork()
    if pid == 0:
        threading.Timer(20, os._exit, [3]).start()
        try:
            body()
            os._exit(0)
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0


def frames(batch: int) -> Tuple[arcuate.Model, np.ndarray]:
    x = np.random.default_rng(3).standard_normal((10, batch, 143)).astype(np.float32)
    return arcuate.Model.open(DIGITS), x


@needs_fork
@pytest.mark.parametrize("threads,batch", [(1, 1), (1, 4), (2, 4), (4, 1)])
@pytest.mark.parametrize("has_run", [False, True])
def test_a_session_after_fork(threads, batch, has_run):
    model, x = frames(batch)
    plan = model.compile(steps_per_frame=10, threads=threads, batch=batch)
    session = plan.session()
    wanted = plan.session().run(x)
    if has_run:
        session.run(x)
        session.reset()

    def body() -> None:
        if threads > 1:
            for call in (
                lambda: session.run(x),
                lambda: session.step(x[0]),
                lambda: session.run_events([], 5),
            ):
                with pytest.raises(arcuate.StateError, match=r"made before fork\(\)"):
                    call()
        assert np.array_equal(session.clone().run(x), wanted)
        restored = plan.session()
        restored.restore(session.save())
        assert np.array_equal(restored.run(x), wanted)
        session.close()
        assert np.array_equal(
            model.compile(steps_per_frame=10, batch=batch).session().run(x), wanted
        )

    in_child(body)
    assert np.array_equal(session.run(x), wanted)


@needs_fork
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_a_trainer_after_fork(threads):
    model = arcuate.nn.sequential(20, LAYERS, seed=1)
    x, y = np.random.default_rng(1).random((8, 20), np.float32), np.arange(8) % 4
    trainer = arcuate.Trainer(model, batch=8, steps=3, threads=threads)
    trainer.train_step(x, y)

    def body() -> None:
        if threads > 1:
            for call in (trainer.train_step, trainer.gradients, trainer.evaluate):
                with pytest.raises(arcuate.StateError, match=r"made before fork\(\)"):
                    call(x, y)
            with pytest.raises(arcuate.StateError, match=r"made before fork\(\)"):
                trainer.predict(x)
        trained = trainer.model()
        trainer.close()
        arcuate.Trainer(trained, batch=8, steps=3, threads=threads).train_step(x, y)

    in_child(body)
    trainer.train_step(x, y)


@needs_fork
def test_what_another_thread_used_at_fork_can_be_closed():
    model, _ = frames(1)
    plan = model.compile(steps_per_frame=1)
    session, other = plan.session(), plan.session()
    x = np.zeros((300_000, 143), np.float32)
    thread = threading.Thread(target=lambda: session.run(x))
    thread.start()
    while not session._lock.locked():
        pass

    def body() -> None:
        with pytest.raises(arcuate.StateError, match="in use by another thread"):
            session.run(x[:1])
        session.close()
        other.run(x[:1])

    in_child(body)
    thread.join()
    session.run(x[:1])


def classify(x: np.ndarray) -> np.ndarray:
    plan = arcuate.Model.open(DIGITS).compile(steps_per_frame=10, threads=2)
    return plan.session().run(x)


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_workers_of_multiprocessing(method):
    model, x = frames(1)
    plan = model.compile(steps_per_frame=10, threads=2)
    wanted = plan.session().run(x[:, 0])
    context: Any = multiprocessing.get_context(method)
    with context.Pool(2) as pool:
        for found in pool.map_async(classify, [x[:, 0]] * 4).get(60):
            assert np.array_equal(found, wanted)
