"""Curricula of `fit`."""

from __future__ import annotations

import arcuate
import numpy as np
import pytest
from arcuate import nn

CURRICULUM = arcuate.Curriculum(share=0.3, selective=2)


def samples():
    random = np.random.default_rng(0)
    x = random.standard_normal((96, 6)).astype(np.float32)
    return x, (x[:, 0] > 0).astype(int) + (x[:, 1] > 0)


def trainer():
    model = nn.sequential(6, [nn.linear(8), nn.relu(), nn.linear(3)], seed=1)
    return arcuate.Trainer(model, batch=8, rate=1e-2)


def weights(t):
    return [t.parameter(name) for name in t.parameters]


def test_novel_samples_have_epochs_of_their_own():
    x, y = samples()
    run = arcuate.fit(trainer(), x, y, epochs=8, quiet=True, curriculum=CURRICULUM)
    assert [entry["samples"] for entry in run.history] == [96, 24, 24, 96, 24, 24, 96, 96]


def test_novelty_is_the_loss_of_the_step_itself():
    x, y = samples()
    t, shown, losses = trainer(), [], {}
    step = t.train_step

    def noted(inputs, targets):
        result = step(inputs, targets)
        places = [int(np.flatnonzero((x == row).all(1))[0]) for row in inputs[0]]
        shown.append(places)
        losses.update(zip(places, t.sample_losses))
        assert t.sample_losses.mean() == pytest.approx(result.loss, rel=1e-5)
        return result

    t.train_step = noted
    arcuate.fit(t, x, y, epochs=1, quiet=True)
    first = dict(losses)
    shown.clear()
    t = trainer()
    step = t.train_step
    t.train_step = noted
    arcuate.fit(t, x, y, epochs=3, quiet=True, curriculum=arcuate.Curriculum(0.25, 1))
    novel = {place for places in shown[12:15] for place in places}
    assert novel == set(sorted(range(96), key=lambda place: -first[place])[:24])


def test_a_run_with_a_curriculum_goes_on_with_the_same_bits(tmp_path):
    x, y = samples()
    options = {"epochs": 6, "quiet": True, "curriculum": CURRICULUM, "validation": 0.1}
    whole = trainer()
    arcuate.fit(whole, x, y, **options)
    path = tmp_path / "checkpoint"

    class Stopped(Exception):
        pass

    for stop in (5, 13, 20):
        path.unlink(missing_ok=True)
        t = trainer()
        step, done = t.train_step, []

        def until(inputs, targets, step=step, done=done, stop=stop):
            if len(done) == stop:
                raise Stopped
            done.append(1)
            return step(inputs, targets)

        t.train_step = until
        with pytest.raises(Stopped):
            arcuate.fit(t, x, y, checkpoint=path, checkpoint_steps=1, **options)
        t = trainer()
        arcuate.fit(t, x, y, checkpoint=path, resume=True, **options)
        assert all((a == b).all() for a, b in zip(weights(t), weights(whole)))
    with pytest.raises(arcuate.StateError):
        arcuate.fit(trainer(), x, y, epochs=6, checkpoint=path, resume=True, quiet=True)


def test_what_a_curriculum_cannot_be():
    x, y = samples()
    for wrong in ({"share": 0}, {"share": 1.5}, {"selective": 0}):
        with pytest.raises(arcuate.ArgumentError):
            arcuate.Curriculum(**wrong)
    with pytest.raises(arcuate.ArgumentError, match="as arrays"):
        arcuate.fit(trainer(), [(x[:8], y[:8])], epochs=1, curriculum=CURRICULUM, quiet=True)
    with pytest.raises(arcuate.ArgumentError, match="less than a batch"):
        arcuate.fit(trainer(), x, y, epochs=3, curriculum=arcuate.Curriculum(0.05), quiet=True)
