"""The rules of XyloSim, Spyx, Nengo and Lava."""

import numpy as np
from program_rules import DT, rule

# ---- XyloSim ------------------------------------------------------------------------------------


def xylosim_rules() -> None:
    @rule(
        "xylosim-iaf",
        {
            "dash_mem": (1, 7),
            "dash_syn": (1, 7),
            "bias": (-50, 50),
            "threshold": (50, 3000),
            "max_spikes": (31, 31),
        },
        whole=True,
        scale=900,
    )
    def xylo(p, x):
        from xylosim.v2 import XyloLayer, XyloSynapse

        # The chip's weights have 8 bits: an input is several spikes over two shifted weights.
        count = x.shape[1]
        x = np.clip(np.rint(x / 16), -127, 127)
        values, index = np.unique(x, return_inverse=True)
        index = index.reshape(x.shape)
        y, v = np.zeros_like(x), np.zeros_like(x)
        for n in range(count):
            # One neuron, with an input line for each weight. The layer does not own its synapses.
            synapses = [[XyloSynapse(0, 0, int(w))] for w in values]
            layer = XyloLayer(
                synapses_in=synapses,
                synapses_rec=[[]],
                synapses_out=[[]],
                aliases=[[]],
                threshold=[int(p["threshold"][n])],
                threshold_out=[],
                has_bias=True,
                bias=[int(p["bias"][n])],
                bias_out=[],
                weight_shift_inp=4,
                weight_shift_rec=0,
                weight_shift_out=0,
                dash_mem=[int(p["dash_mem"][n])],
                dash_mem_out=[],
                dash_syns=[[int(p["dash_syn"][n])]],
                dash_syns_out=[],
                name="",
            )
            layer.evolve(np.eye(len(values), dtype=int)[index[:, n]].tolist())
            y[:, n] = np.array(layer.rec_recurrent_spikes)[:, 0]
            v[:, n] = layer.rec_v_mem[0]
        return y, v, [(16 * x).astype(np.float32)]


# ---- Spyx ---------------------------------------------------------------------------------------


def spyx_rules() -> None:
    beta, threshold = {"beta": (0.5, 0.99)}, {"threshold": (1, 1)}

    def cell(name, recurrent=False):
        def compute(p, x):
            import jax.numpy as jnp
            import spyx.nn
            from flax import nnx

            shape = (x.shape[1],)
            module = getattr(spyx.nn, name)(shape, threshold=1, rngs=nnx.Rngs(0))
            for key in ("alpha", "beta", "gamma"):
                if key in p:
                    getattr(module, key)[...] = jnp.asarray(p[key])
            weights = np.diag(np.linspace(-1, 1, x.shape[1])).astype(np.float32)
            if recurrent:
                module.recurrent_w[...] = jnp.asarray(weights)
            state = module.initial_state(1)
            y, v, fed_back = [], [], []
            for row in x:
                out, state = module(jnp.asarray(row)[None], state)
                y.append(np.asarray(out)[0])
                v.append(np.asarray(state)[0, : x.shape[1]])
                fed_back.append(np.asarray(out @ jnp.asarray(weights))[0])
            inputs = [x, np.stack(fed_back)] if recurrent else [x]
            return np.stack(y), np.stack(v), inputs

        return compute

    rule("spyx-if", threshold)(cell("IF"))
    rule("spyx-lif", {**beta, **threshold})(cell("LIF"))
    rule("spyx-cubalif", {"alpha": (0.3, 0.9), **beta, **threshold})(cell("CuBaLIF"))
    rule("spyx-alif", {**beta, "gamma": (0.5, 0.99), **threshold})(cell("ALIF"))
    rule("spyx-rif", threshold)(cell("RIF", recurrent=True))


# ---- Nengo --------------------------------------------------------------------------------------


def nengo_rules() -> None:
    times = {"tau_rc": (0.02, 0.02), "tau_ref": (0.002, 0.002), "min_voltage": (0, 0)}

    def neuron(name, **more):
        def compute(p, x):
            import nengo

            kind = getattr(nengo, name)(**{key: float(value[0]) for key, value in p.items()})
            zero = lambda: np.zeros(x.shape[1], np.float32)
            state = {"voltage": zero(), "refractory_time": zero()}
            if name == "AdaptiveLIF":
                state["adaptation"] = zero()
            y, v = np.zeros_like(x), np.zeros_like(x)
            with np.errstate(all="ignore"):
                for t, row in enumerate(x):
                    output = zero()
                    kind.step(DT, row.copy(), output, **state)
                    y[t], v[t] = output > 0, state["voltage"]
            return y, v, [x]

        return compute

    rule("nengo-lif", times, single=True, scale=6, ulps=128)(neuron("LIF"))
    rule(
        "nengo-adaptivelif",
        {**times, "tau_n": (0.1, 0.1), "inc_n": (0.02, 0.02)},
        single=True,
        scale=6,
        ulps=128,
    )(neuron("AdaptiveLIF"))


# ---- Lava ---------------------------------------------------------------------------------------


def lava_rules() -> None:
    @rule(
        "lava-lif-bitacc",
        {
            "du": (0, 600),
            "dv": (0, 4095),
            "vth": (1000, 130000),
            "bias_mant": (-200, 200),
            "bias_exp": (0, 7),
        },
        whole=True,
        scale=3000,
    )
    def bit_accurate(p, x):
        from lava.proc.lif.models import PyLifModelBitAcc

        model = PyLifModelBitAcc({})
        count = x.shape[1]
        model.u, model.v = np.zeros(count, np.int32), np.zeros(count, np.int32)
        model.du, model.dv = p["du"].astype(np.int32), p["dv"].astype(np.int32)
        model.vth = p["vth"].astype(np.int32)
        model.bias_mant = p["bias_mant"].astype(np.int16)
        model.bias_exp = p["bias_exp"].astype(np.int16)
        # As run_spk does, without the ports of a process.
        model.scale_bias()
        model.scale_threshold()
        y, v = np.zeros_like(x), np.zeros_like(x)
        for t, row in enumerate(x):
            model.subthr_dynamics(row.astype(np.int32))
            spikes = model.spiking_activation()
            model.reset_voltage(spikes)
            y[t], v[t] = spikes, model.v
        return y, v, [x]


for add in (xylosim_rules, spyx_rules, nengo_rules, lava_rules):
    add()
