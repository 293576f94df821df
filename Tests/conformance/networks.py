"""The networks of the conformance suite: what each library lets its user build."""

from __future__ import annotations

from typing import Any, Callable, List, Optional

import numpy as np
import topologies
from networks_steps import rockpool_networks, spikingjelly_networks
from topologies import ALL, Network, add, conv, dense, full, nested, skip

# ---- snnTorch ------------------------------------------------------------------------------------


def snntorch_networks() -> None:
    def layer(kind: str, *first: Any, **options: Any) -> Callable[[Any], Any]:
        def make(n: Any) -> Any:
            import snntorch
            import torch

            more = {
                k: torch.from_numpy(np.linspace(*v, n).astype(np.float32))
                if isinstance(v, tuple)
                else v
                for k, v in options.items()
            }
            if topologies.WIDE:
                for key in ("alpha", "beta", "threshold"):
                    if key not in more and key == "threshold" or isinstance(more.get(key), float):
                        more[key] = full(more.get(key, 1.0), n)
            if kind in ("RLeaky", "RSynaptic"):
                if more.pop("dense", True):
                    more["linear_features"] = n
                else:
                    more.update(all_to_all=False, V=torch.linspace(-1, 1, n))
                    more["V"] = torch.round(more["V"] * 64) / 64
            return getattr(snntorch, kind)(*first, init_hidden=True, **more)

        return make

    for reset in ("subtract", "zero", "none"):
        for delay in (True, False):
            said = f"reset={reset},delay={int(delay)}"
            preset, options = f"snntorch:{said}", {"reset_mechanism": reset, "reset_delay": delay}

            def put(name: str, build: Any, shape: Any = 12, **more: Any) -> None:
                add("snnTorch", f"{name}, {said}", build, shape, preset, 1e-4, **more)

            leaky = layer("Leaky", beta=0.9, **options)
            put("Leaky, dense", dense(leaky))
            put("Leaky, convolution", conv(leaky), (2, 8, 8))
            put("Leaky, nested", nested(leaky))
            put("Leaky, branch", skip(leaky))
            put(
                "Leaky, beta and threshold of each neuron",
                dense(layer("Leaky", beta=(0.5, 0.95), threshold=(0.7, 1.4), **options)),
            )
            synaptic = layer("Synaptic", alpha=0.6, beta=0.8, **options)
            put("Synaptic, dense", dense(synaptic), scale=0.7)
            put("Synaptic, convolution", conv(synaptic), (2, 8, 8), scale=0.7)
            put("RLeaky, all to all", dense(layer("RLeaky", beta=0.85, **options)))
            put("RLeaky, one to one", dense(layer("RLeaky", beta=0.85, dense=False, **options)))
            recurrent = dense(layer("RSynaptic", alpha=0.5, beta=0.8, **options))
            if delay:
                put("RSynaptic, all to all", recurrent, scale=0.7)
                put(
                    "RSynaptic, one to one",
                    dense(layer("RSynaptic", alpha=0.5, beta=0.8, dense=False, **options)),
                    scale=0.7,
                )
        preset = f"snntorch:reset={reset},delay=1"
        for kind, given in (
            ("Alpha", {"alpha": 0.9, "beta": 0.7}),
            ("Lapicque", {"R": 2.0, "C": 5.0}),
        ):
            add(
                "snnTorch",
                f"{kind}, dense, reset={reset}",
                dense(layer(kind, reset_mechanism=reset, **given)),
                12,
                preset,
                1e-4,
                scale=3,
            )
    for name, options in (
        ("Leaky, graded spikes", {"graded_spikes_factor": 2.0}),
        ("Leaky, inhibition", {"inhibition": True}),
        ("Leaky, beta above 1", {"beta": 1.25}),
        ("Leaky, no bias", {}),
    ):
        made = layer("Leaky", **{"beta": 0.9, **options})
        unsaid = next((k for k in options if k != "beta"), "")
        add(
            "snnTorch",
            name,
            dense(made, bias=name != "Leaky, no bias"),
            12,
            "snntorch:reset=subtract,delay=1",
            1e-4,
            unsaid=unsaid,
        )
    add(
        "snnTorch",
        "Leaky, max pooling",
        conv(layer("Leaky", beta=0.8), pool="maximum"),
        (2, 8, 8),
        "snntorch:reset=subtract,delay=1",
        1e-4,
    )
    add(
        "snnTorch",
        "Leaky, convolution in groups",
        conv(layer("Leaky", beta=0.8), groups=2, bias=False),
        (2, 8, 8),
        "snntorch:reset=subtract,delay=1",
        1e-4,
    )


# ---- Norse ---------------------------------------------------------------------------------------


def norse_networks() -> None:
    def layer(kind: str, dt: float = 1e-3, **parameters: Any) -> Callable[[Any], Any]:
        def make(n: Any) -> Any:
            import norse.torch as norse
            import torch
            from norse.torch.functional.reset import reset_subtract

            base = kind.replace("Recurrent", "").replace("Cell", "")
            more = {
                k: v if k == "method" else torch.as_tensor(float(v))
                for k, v in parameters.items()
                if k != "subtract"
            }
            if parameters.get("subtract"):
                more["reset_method"] = reset_subtract
            if topologies.WIDE and kind in ("LIFBoxCell", "LIFCell"):
                fields = getattr(norse, f"{base}Parameters", norse.LIFBoxParameters)._field_defaults
                given = {
                    **{
                        k: v
                        for k, v in fields.items()
                        if k in ("v_th", "v_leak", "v_reset", "tau_mem_inv", "tau_syn_inv")
                    },
                    **more,
                }
                more = {
                    k: full(v, n) if isinstance(v, torch.Tensor) and k != "alpha" else v
                    for k, v in given.items()
                }
            owner = norse
            if not hasattr(norse, f"{base}Parameters"):
                import norse.torch.functional.iaf as owner
            p = getattr(owner, f"{base}Parameters")(**more)
            made: Any = getattr(norse, kind, None)
            if made is None:
                import norse.torch.module.iaf as module

                made = getattr(module, kind)
            size = (n, n) if "Recurrent" in kind else ()
            return made(*size, p=p, dt=dt)

        return make

    def container(*layers: Any) -> Any:
        import norse.torch as norse

        return norse.SequentialState(*layers)

    def put(
        name: str,
        kind: str,
        preset: str = "norse",
        shape: Any = None,
        topology: Any = dense,
        scale: float = 3.0,
        dt: float = 1e-3,
        **parameters: Any,
    ) -> None:
        shape = shape or ((2, 8, 8) if topology is conv else 12)
        add(
            "Norse",
            f"{kind}{name}",
            topology(layer(kind, dt, **parameters), container=container),
            shape,
            preset,
            dt,
            scale=scale,
            tolerance=1e-5 if kind.startswith("LI") and "F" not in kind else 0,
            unsaid="v_reset" if "v_reset" in parameters else "",
        )

    subtract = {"subtract": True}
    for topology, name in ((dense, "dense"), (conv, "convolution"), (nested, "nested")):
        put(f", {name}", "LIFBoxCell", topology=topology)
        put(
            f", {name}, subtract",
            "LIFBoxCell",
            "norse:reset=subtract",
            topology=topology,
            **subtract,
        )
        put(f", {name}", "LIFCell", topology=topology)
        put(f", {name}", "LSNNCell", topology=topology)
    put(", leak, threshold and reset", "LIFBoxCell", v_leak=0.1, v_th=0.8, v_reset=-0.2)
    put(", leak, threshold and reset", "LIFCell", v_leak=0.1, v_th=0.8, v_reset=-0.2)
    put(", threshold alone", "LIFCell", v_th=0.5, tau_mem_inv=200)
    put(", time constants", "LIFCell", tau_mem_inv=50, tau_syn_inv=400)
    put(", time constants", "LIFBoxCell", tau_mem_inv=333)
    put(", dt of 2 ms", "LIFBoxCell", dt=2e-3)
    put(", dt of 2 ms", "LIFCell", dt=2e-3)
    put(", method heaviside", "LIFBoxCell", method="heaviside")
    put(", recurrent", "LIFRecurrentCell")
    put(", recurrent", "LSNNRecurrentCell")
    put(", dense", "IAFCell", scale=0.5)
    put(", dense", "LIBoxCell")
    put(", dense", "LICell")
    put(", time in the layer", "LIF")
    put(", time in the layer", "LSNN")
    put(", time in the layer", "LIFRecurrent")


# ---- sinabs --------------------------------------------------------------------------------------


def sinabs_networks() -> None:
    def layer(kind: str, **options: Any) -> Callable[[Any], Any]:
        def make(n: Any) -> Any:
            import sinabs.activation
            import sinabs.layers
            import torch

            more = dict(options)
            for key, value in more.items():
                if isinstance(value, str):
                    more[key] = eval(value, {"a": sinabs.activation})  # of this file alone
            if topologies.WIDE:
                for key in ("tau_mem", "spike_threshold"):
                    if key in more or key == "spike_threshold" and kind != "ExpLeak":
                        more[key] = full(more.get(key, 1.0), n)
            if kind.endswith("Squeeze"):
                more["batch_size"] = 1
            if "Recurrent" in kind:
                linear = torch.nn.Linear(n, n, bias=False)
                linear.weight.data *= 0.7
                more["rec_connect"] = linear
            return getattr(sinabs.layers, kind)(**more)

        return make

    def put(
        name: str,
        kind: str,
        preset: str = "sinabs",
        topology: Any = dense,
        scale: float = 5,
        **options: Any,
    ) -> None:
        shape = (2, 8, 8) if topology is conv else 12
        more = {"pool": "sum"} if topology is conv else {}
        unsaid = next(
            (
                k
                for k in ("spike_fn", "reset_fn", "min_v_mem", "tau_syn", "norm_input")
                if k in options
            ),
            "",
        )
        tolerance = 1e-5 if kind == "ExpLeak" else 0
        add(
            "sinabs",
            f"{kind}{name}",
            topology(layer(kind, **options), **more),
            shape,
            preset,
            1.0,
            scale=scale,
            tolerance=tolerance,
            unsaid=unsaid,
        )

    for topology, name in ((dense, ""), (nested, ", nested"), (skip, ", branch")):
        put(name, "LIF", tau_mem=8.0, topology=topology)
        put(
            f"{name}, norm_input=False",
            "LIF",
            "sinabs:norm_input=0",
            tau_mem=8.0,
            norm_input=False,
            scale=1,
            topology=topology,
        )
        put(name, "IAF", topology=topology, scale=1)
    put(", convolution", "LIFSqueeze", tau_mem=8.0, topology=conv)
    put(
        ", convolution, norm_input=False",
        "LIFSqueeze",
        "sinabs:norm_input=0",
        tau_mem=8.0,
        norm_input=False,
        topology=conv,
        scale=1,
    )
    put(", convolution", "IAFSqueeze", topology=conv, scale=1)
    put(", convolution, one spike", "IAFSqueeze", topology=conv, scale=1, spike_fn="a.SingleSpike")
    put(", dense", "LIFSqueeze", tau_mem=8.0)
    put(", dense", "IAFSqueeze", scale=1)
    put(", tau_syn", "LIF", tau_mem=8.0, tau_syn=4.0, scale=2)
    put(
        ", tau_syn, norm_input=False",
        "LIF",
        "sinabs:norm_input=0",
        tau_mem=8.0,
        tau_syn=4.0,
        norm_input=False,
        scale=0.5,
    )
    put(
        ", one spike, reset",
        "LIF",
        tau_mem=8.0,
        spike_fn="a.SingleSpike",
        reset_fn="a.MembraneReset()",
    )
    put(", one spike, subtract", "LIF", tau_mem=8.0, spike_fn="a.SingleSpike")
    put(", at most 2 spikes", "IAF", spike_fn="a.MaxSpike(2)", scale=2)
    put(", reset to 0.25", "LIF", tau_mem=8.0, reset_fn="a.MembraneReset(0.25)")
    put(", subtracts 0.5", "IAF", reset_fn="a.MembraneSubtract(0.5)", scale=1)
    put(", bounded", "IAF", min_v_mem=-0.5, scale=1)
    put(", bounded, threshold", "LIF", tau_mem=5.0, min_v_mem=-1.0, spike_threshold=0.75)
    put(", alphas are trained", "LIF", tau_mem=8.0, train_alphas=True)
    put("", "ALIF", tau_mem=8.0, tau_adapt=20.0)
    put(", norm_input=False", "ALIF", tau_mem=8.0, tau_adapt=20.0, norm_input=False, scale=1)
    put(", tau_syn", "ALIF", tau_mem=8.0, tau_adapt=20.0, tau_syn=3.0)
    put(", bounded", "ALIF", tau_mem=8.0, tau_adapt=20.0, min_v_mem=-0.5)
    put("", "ExpLeak", tau_mem=6.0, scale=1)
    put(
        ", norm_input=True", "ExpLeak", "sinabs:norm_input=1", tau_mem=6.0, norm_input=True, scale=1
    )
    put("", "LIFRecurrent", tau_mem=8.0)
    put("", "IAFRecurrent", scale=1)
    put("", "ALIFRecurrent", tau_mem=8.0, tau_adapt=20.0)


def networks(only: Optional[str] = None) -> List[Network]:
    if not ALL:
        for add_all in (
            snntorch_networks,
            norse_networks,
            sinabs_networks,
            spikingjelly_networks,
            rockpool_networks,
        ):
            add_all()
    return [n for n in ALL if not only or only.lower() in f"{n.framework} {n.name}".lower()]
