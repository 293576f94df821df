"""Networks of Spyx, which runs on JAX: exported by its own exporter, and run step by step."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from typing import Any, Callable, Dict, Tuple

import numpy as np


def _layers() -> Dict[str, Callable[[Any, int], Any]]:
    import jax.numpy as jnp
    import spyx.nn as snn

    def each(low: float, high: float) -> Callable[[int], Any]:
        return lambda n: jnp.linspace(low, high, n)

    def named(kind: str, **options: Any) -> Callable[[Any, int], Any]:
        def make(rngs: Any, n: int) -> Any:
            layer = getattr(snn, kind)((n,), rngs=rngs, **options)
            for name in ("alpha", "beta"):
                if hasattr(layer, name) and name not in options:
                    getattr(layer, name)[...] = each(0.5, 0.9)(n)
            if hasattr(layer, "recurrent_w"):
                w = layer.recurrent_w
                w[...] = jnp.round(w[...] * 64) / 64
            return layer

        return make

    found = {}
    for kind in ("IF", "LIF", "CuBaLIF", "ALIF", "RIF", "RLIF", "RCuBaLIF"):
        found[f"{kind}, dense"] = named(kind)
        found[f"{kind}, threshold"] = named(kind, threshold=1.5)
        if "LIF" in kind and kind not in ("ALIF", "CuBaLIF", "RCuBaLIF"):
            found[f"{kind}, one beta"] = named(kind, beta=0.75)
    return found


def results(inputs: np.ndarray) -> Dict[str, Tuple[str, str]]:
    """For each network, an outcome of run.py. `inputs` are [steps, 12]."""
    import arcuate
    import jax.numpy as jnp
    import nir
    import spyx.nn as snn
    from flax import nnx
    from spyx.nir import to_nir

    outcomes = {}
    for name, make in _layers().items():
        rngs = nnx.Rngs(0)
        a, b = nnx.Linear(12, 24, rngs=rngs), nnx.Linear(24, 8, rngs=rngs)
        for layer in (a, b):
            layer.kernel[...] = jnp.round(layer.kernel[...] * 96) / 64
        model = snn.Sequential(a, make(rngs, 24), b, make(rngs, 8))
        state, right = model.initial_state(1), []
        for row in inputs:
            y, state = model(jnp.asarray(row)[None], state)
            right.append(np.asarray(y)[0])
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a.nir")
            try:
                ports = {"input": np.array([12])}, {"output": np.array([8])}
                said = io.StringIO()
                with contextlib.redirect_stdout(said):
                    nir.write(path, to_nir(model, *ports))
                if "not recognized" in said.getvalue():
                    raise ValueError("the layer is left out, with a warning")
            except Exception as error:
                outcomes[name] = "exporter fails", f"{type(error).__name__}: {error}"
                continue
            try:
                read = arcuate.Model.open(path, preset="spyx", dt=1.0)
                ours = np.asarray(read.compile().session().run(inputs))
            except arcuate.ArcuateError as error:
                outcomes[name] = "refused", str(error)
                continue
        wrong = np.argwhere(ours != np.stack(right))
        total = float(np.sum(right))
        outcomes[name] = (
            ("equal", f"{total:g} spikes")
            if not len(wrong) and total
            else ("differs", f"{len(wrong)} of {ours.size} from step {wrong[:1].tolist()}")
        )
    return outcomes
