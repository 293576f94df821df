"""Long calls are made in pieces: the same bits, and Ctrl-C is noticed between them."""

from __future__ import annotations

import signal
import threading
import time

import arcuate
import numpy as np
import pytest


@pytest.mark.parametrize("pace", [1, 7, 64, 10**9])
@pytest.mark.parametrize("steps", [1, 5])
def test_pieces_give_the_same_bits(model, frames, pace, steps, monkeypatch):
    plan = model.compile(steps_per_frame=steps, frame_output="every")
    x = np.tile(frames, (20, 1))
    wanted = plan.session()
    wanted._pace = 10**9
    session = plan.session()
    monkeypatch.setattr(session, "_adjust_pace", lambda steps, start: None)
    session._pace = pace
    assert np.array_equal(session.run(x), wanted.run(x))
    events = np.zeros(len(x), arcuate.event_dtype)
    events["step"], events["index"], events["value"] = np.arange(len(x)), np.arange(len(x)) % 6, 1
    assert np.array_equal(session.run_events(events, 900), wanted.run_events(events, 900))
    assert session.save() == wanted.save()
    # What is to be refused is refused before any of it has run.
    state = session.save()
    x[700, 3] = np.nan
    with pytest.raises(arcuate.ArgumentError, match="number 4203 is not finite"):
        session.run(x)
    events["index"][700] = 6
    with pytest.raises(arcuate.ArgumentError, match="event 700: index 6"):
        session.run_events(events, 900)
    assert session.save() == state


@pytest.mark.skipif(not hasattr(signal, "raise_signal"), reason="needs signals")
@pytest.mark.parametrize("events", [False, True])
def test_an_interrupt_is_noticed(model, events):
    session = model.compile(steps_per_frame=1 if events else 1000).session()
    main = threading.get_ident()
    interrupt = threading.Timer(0.3, lambda: signal.pthread_kill(main, signal.SIGINT))
    x = np.zeros((1_000_000, 6), np.float32)
    start = time.perf_counter()
    interrupt.start()
    with pytest.raises(KeyboardInterrupt):
        if events:
            session.run_events([], 2**31)
        else:
            session.run(x)
    assert time.perf_counter() - start < 5
    session.reset()
    assert session.run(x[:2]).shape == (2, 4)
