"""The rules of snnTorch, Norse, sinabs, SpikingJelly and Rockpool, which compute on torch tensors."""

import numpy as np
from program_rules import DT, rule, stepped, tensors

# ---- snnTorch -----------------------------------------------------------------------------------


def snntorch_rules() -> None:
    beta, alpha, threshold = (0.5, 0.99), (0.3, 0.9), (0.7, 1.5)

    def leaky(mode, late):
        def compute(p, x):
            import snntorch

            t = tensors(p)
            cell = snntorch.Leaky(
                t["beta"], t["threshold"], reset_mechanism=mode, reset_delay=late, init_hidden=False
            )
            state = [cell.reset_mem()]

            def step(row):
                y, state[0] = cell(row, state[0])
                return y, state[0]

            return stepped(x, step)

        return compute

    def synaptic(mode, late):
        def compute(p, x):
            import snntorch

            t = tensors(p)
            cell = snntorch.Synaptic(
                t["alpha"], t["beta"], t["threshold"], reset_mechanism=mode, reset_delay=late
            )
            state = list(cell.reset_mem())

            def step(row):
                y, *state[:] = cell(row, *state)
                return y, state[1]

            return stepped(x, step)

        return compute

    def alpha_cell(mode):
        def compute(p, x):
            import snntorch
            import torch

            t = tensors(p)
            cell = snntorch.Alpha(t["alpha"], t["beta"], t["threshold"], reset_mechanism=mode)
            a, b = torch.log(t["alpha"]), torch.log(t["beta"])
            p["tau_alpha"] = (a / (b - a) + 1).numpy()
            state = list(cell.reset_mem())

            def step(row):
                y, *state[:] = cell(row, *state)
                return y, state[2]

            return stepped(x, step)

        return compute

    def lapicque(mode):
        def compute(p, x):
            import snntorch

            t = tensors(p)
            cell = snntorch.Lapicque(
                R=t["R"],
                C=t["C"],
                time_step=float(p["time_step"][0]),
                threshold=t["threshold"],
                reset_mechanism=mode,
            )
            state = [cell.reset_mem()]

            def step(row):
                y, state[0] = cell(row, state[0])
                return y, state[0]

            return stepped(x, step)

        return compute

    def recurrent(name, mode, **options):
        def compute(p, x):
            import snntorch
            import torch

            t = tensors(p)
            first = [t["alpha"]] if name == "RSynaptic" else []
            weights = torch.linspace(-1, 1, x.shape[1])
            cell = getattr(snntorch, name)(
                *first,
                t["beta"],
                V=weights,
                all_to_all=False,
                threshold=t["threshold"],
                reset_mechanism=mode,
                **options,
            )
            state = list(cell.reset_mem())
            state[0] = torch.zeros(1, x.shape[1])
            fed_back = []

            def step(row):
                fed_back.append((state[0] * weights)[0].numpy())
                out = cell(row, *state)
                state[:] = out
                return out[0], out[-1]

            y, v, _ = stepped(x, step)
            return y, v, [x, np.stack(fed_back)]

        return compute

    for mode in ("subtract", "zero", "none"):
        leaky_ranges = {"beta": beta, "threshold": threshold}
        rule(f"snntorch-leaky-{mode}", leaky_ranges)(leaky(mode, True))
        rule(f"snntorch-synaptic-{mode}", {"alpha": alpha, **leaky_ranges})(synaptic(mode, True))
        if mode != "none":
            rule(f"snntorch-leaky-{mode}-no-delay", leaky_ranges)(leaky(mode, False))
            rule(f"snntorch-rleaky-{mode}-no-delay", leaky_ranges)(
                recurrent("RLeaky", mode, reset_delay=False)
            )
            rule(f"snntorch-synaptic-{mode}-no-delay", {"alpha": alpha, **leaky_ranges})(
                synaptic(mode, False)
            )
        rule(
            f"snntorch-alpha-{mode}",
            {"alpha": (0.8, 0.95), "beta": (0.4, 0.75), "threshold": threshold},
        )(alpha_cell(mode))
        rule(
            f"snntorch-lapicque-{mode}",
            {"R": (0.5, 3), "C": (2, 9), "time_step": (0.5, 1.5), "threshold": threshold},
            single=True,
            scale=2,
        )(lapicque(mode))
        rule(f"snntorch-rleaky-{mode}", leaky_ranges)(recurrent("RLeaky", mode))
        rule(f"snntorch-rsynaptic-{mode}", {"alpha": alpha, **leaky_ranges})(
            recurrent("RSynaptic", mode)
        )


# ---- Norse --------------------------------------------------------------------------------------


def norse_rules() -> None:
    common = {"tau_mem_inv": (50, 400), "v_th": (0.7, 1.5), "v_reset": (-0.5, 0.3)}
    leak = {"v_leak": (-0.2, 0.2)}

    def cell(name, subtract=False, **start):
        """`start` names the parameters that states start from, where they do not start from 0."""

        def compute(p, x):
            import norse.torch as norse
            import torch
            from norse.torch.functional.reset import reset_subtract

            t = tensors(p)
            more = {"reset_method": reset_subtract} if subtract else {}
            module = getattr(norse, f"{name}Cell")(
                getattr(norse, f"{name}Parameters")(**t, **more), dt=DT
            )
            # The library makes these states itself where parameters are single numbers.
            zero = torch.zeros(1, x.shape[1])
            kind = getattr(norse, f"{name}FeedForwardState")
            state = [kind(**{k: zero + (t[start[k]] if start[k] else 0) for k in start})]

            def step(row):
                y, state[0] = module(row, state[0])
                return y, state[0].v

            return stepped(x, step)

        return compute

    rule("norse-lifbox", {**common, **leak}, scale=3)(cell("LIFBox", v="v_leak"))
    unreset = {key: common[key] for key in ("tau_mem_inv", "v_th")}
    rule("norse-lifbox-subtract", {**unreset, **leak}, scale=3)(
        cell("LIFBox", subtract=True, v="v_leak")
    )
    synapse = {"tau_syn_inv": (80, 500)}
    rule("norse-lif", {**common, **leak, **synapse}, scale=1.5)(cell("LIF", v="v_leak", i=None))
    rule(
        "norse-lsnn",
        {**common, **leak, **synapse, "tau_adapt_inv": (1, 100), "beta": (0.2, 2)},
        scale=2,
    )(cell("LSNN", v="v_leak", i=None, b="v_th"))


# ---- sinabs -------------------------------------------------------------------------------------


def sinabs_rules() -> None:
    threshold = {"spike_threshold": (0.7, 1.5)}
    taus = {"tau_mem": (3, 40), "tau_syn": (2, 15), "tau_adapt": (10, 100)}

    def layer(name, *times, **options):
        def compute(p, x):
            import sinabs.activation
            import sinabs.layers
            import torch

            more = dict(options)
            if more.pop("single", False):
                more["spike_fn"] = sinabs.activation.SingleSpike
                more["reset_fn"] = sinabs.activation.MembraneReset()
            if more.pop("clipped", False):
                more["min_v_mem"] = torch.from_numpy(p["min_v_mem"])
            t = tensors(p)
            for key in ("spike_threshold", "adapt_scale"):
                if key in p:
                    more[key] = t[key]
            module = getattr(sinabs.layers, name)(**{k: t[k] for k in times}, **more)
            for key in times:
                # The program takes the decay that the library computes from the time constant.
                p["alpha_" + key[4:]] = (
                    getattr(module, f"alpha_{key[4:]}_calculated").detach().numpy()
                )
                del p[key]

            def step(row):
                y = module(row[None])[0]
                return y, module.v_mem

            return stepped(x, step)

        return compute

    def of(*names):
        return {name: taus[name] for name in names}

    mem = of("tau_mem")
    rule("sinabs-lif", {**mem, **threshold}, scale=4)(layer("LIF", "tau_mem"))
    rule("sinabs-lif-unnormalized", {**mem, **threshold})(layer("LIF", "tau_mem", norm_input=False))
    rule("sinabs-lif-single", {**mem, **threshold}, scale=4)(layer("LIF", "tau_mem", single=True))
    rule("sinabs-lif-synapse", {**of("tau_mem", "tau_syn"), **threshold}, scale=2)(
        layer("LIF", "tau_mem", "tau_syn")
    )
    adaptive = {**of("tau_mem", "tau_adapt"), "adapt_scale": (0.5, 2), **threshold}
    rule("sinabs-alif", adaptive, scale=4)(layer("ALIF", "tau_mem", "tau_adapt"))
    rule("sinabs-alif-unnormalized", adaptive)(
        layer("ALIF", "tau_mem", "tau_adapt", norm_input=False)
    )
    rule("sinabs-expleak", mem)(layer("ExpLeak", "tau_mem"))
    rule("sinabs-iaf", threshold)(layer("IAF"))
    rule("sinabs-iaf-clipped", {**threshold, "min_v_mem": (-1, -0.1)})(layer("IAF", clipped=True))


# ---- SpikingJelly -------------------------------------------------------------------------------


def spikingjelly_rules() -> None:
    def node(name, hard, **options):
        def compute(p, x):
            from spikingjelly.activation_based import neuron

            numbers = {key: float(value[0]) for key, value in p.items()}
            w = numbers.pop("w", None)
            numbers.setdefault("v_reset", None)
            module = getattr(neuron, name)(**numbers, **options)
            if w is not None:
                module.w.data.fill_(w)
            return stepped(x, lambda row: (module(row), module.v))

        return compute

    for hard in (True, False):
        kind = "hard" if hard else "soft"
        ranges = {"v_threshold": (0.7, 1.5), **({"v_reset": (-0.5, 0.3)} if hard else {})}
        rule(f"spikingjelly-if-{kind}", ranges, single=True)(node("IFNode", hard))
        rule(
            f"spikingjelly-cubalif-{kind}",
            {"c_decay": (0.2, 0.8), "v_decay": (0.3, 0.9), **ranges},
            single=True,
        )(node("CUBALIFNode", hard))
        for decayed in (True, False):
            name = kind if decayed else f"{kind}-undecayed"
            scale = 3 if decayed else 1
            rule(f"spikingjelly-lif-{name}", {"tau": (1.5, 9), **ranges}, single=True, scale=scale)(
                node("LIFNode", hard, decay_input=decayed)
            )
            rule(
                f"spikingjelly-parametriclif-{name}",
                {"w": (-1.5, 1.5), **ranges},
                single=True,
                scale=scale,
                ulps=8,
            )(node("ParametricLIFNode", hard, decay_input=decayed))


# ---- Rockpool -----------------------------------------------------------------------


def rockpool_rules() -> None:
    common = {"bias": (-0.1, 0.1), "threshold": (0.7, 1.5), "max_spikes_per_dt": (2, 2)}

    def module(name, *times):
        def compute(p, x):
            import torch
            from rockpool.nn.modules import torch as modules
            from rockpool.nn.modules.torch.lif_torch import tau_to_decay

            t = tensors(p)
            cell = getattr(modules, name)(
                x.shape[1],
                bias=t["bias"],
                threshold=t["threshold"],
                max_spikes_per_dt=torch.tensor(2.0),
                dt=DT,
                **{key: t[key] for key in times},
            )
            for key, decay in zip(times, ("alpha", "beta")):
                # The program takes the decay that the library computes from the time constant.
                p[decay] = tau_to_decay(DT, t[key])[0].numpy()
                del p[key]

            def step(row):
                y, _, _ = cell(row[None])
                return y[0], cell.vmem[None]

            return stepped(x, step)

        return compute

    times = {"tau_mem": (0.005, 0.05), "tau_syn": (0.002, 0.02)}
    rule("rockpool-lif", {**times, **common})(module("LIFTorch", "tau_mem", "tau_syn"))
    rule("rockpool-lifneuron", {"tau_mem": times["tau_mem"], **common}, scale=1)(
        module("LIFNeuronTorch", "tau_mem")
    )


for add in (snntorch_rules, norse_rules, sinabs_rules, spikingjelly_rules, rockpool_rules):
    add()
