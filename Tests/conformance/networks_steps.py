"""The networks of SpikingJelly and Rockpool."""

from __future__ import annotations

from typing import Any, Callable

from topologies import add, conv, dense, nested, seeded, skip

# ---- SpikingJelly --------------------------------------------------------------------------------


def spikingjelly_networks() -> None:
    def layer(kind: str, **options: Any) -> Callable[[Any], Any]:
        def make(n: Any) -> Any:
            from spikingjelly.activation_based import neuron

            return getattr(neuron, kind)(**options)

        return make

    def put(
        name: str, kind: str, topology: Any = dense, scale: float = 1.0, **options: Any
    ) -> None:
        shape = (2, 8, 8) if topology is conv else 12
        add(
            "SpikingJelly",
            f"{kind}{name}",
            topology(layer(kind, **options)),
            shape,
            "spikingjelly",
            1e-4,
            scale=scale,
        )

    for reset in (0.0, None, -0.25):
        said = ", soft" if reset is None else f", v_reset={reset:g}"
        for topology, name in ((dense, ""), (conv, ", convolution")):
            put(said + name, "IFNode", topology, v_reset=reset)
            for decayed in (True, False):
                end = "" if decayed else ", decay_input=False"
                options = {"v_reset": reset, "decay_input": decayed}
                scale = 3.0 if decayed else 1.0
                put(said + name + end, "LIFNode", topology, scale, tau=3.0, **options)
                if topology is dense:
                    put(said + end, "ParametricLIFNode", topology, scale, init_tau=2.5, **options)
            put(said + name, "CUBALIFNode", topology, 0.7, v_reset=reset, v_decay=0.625)
        put(said + ", nested", "LIFNode", nested, 3.0, tau=2.0, v_reset=reset)
        put(said + ", branch", "LIFNode", skip, 3.0, tau=2.0, v_reset=reset)
    put(", threshold", "LIFNode", tau=4.0, v_threshold=0.6, scale=3.0)


# ---- Rockpool ------------------------------------------------------------------------------------


def rockpool_networks() -> None:
    def net(make: Callable[[int], Any], has_bias: bool = False) -> Callable[[], Any]:
        def build() -> Any:
            from rockpool.nn.combinators import Sequential
            from rockpool.nn.modules.torch import LinearTorch

            return Sequential(
                LinearTorch((12, 24), has_bias=has_bias),
                make(24),
                LinearTorch((24, 8), has_bias=has_bias),
                make(8),
            )

        return seeded(build)

    def layer(kind: str, **options: Any) -> Callable[[int], Any]:
        def make(n: int) -> Any:
            import torch
            from rockpool.nn.modules import torch as modules

            more = {
                k: torch.linspace(*v, n)
                if isinstance(v, tuple)
                else torch.tensor(v)
                if isinstance(v, list)
                else v
                for k, v in options.items()
            }
            return getattr(modules, kind)(n, dt=1e-3, **more)

        return make

    def put(
        name: str, kind: str, scale: float = 0.5, has_bias: bool = False, **options: Any
    ) -> None:
        unsaid = next(
            (
                k
                for k in ("bias", "max_spikes_per_dt", "has_rec", "leak_mode", "noise_std")
                if k in options
            ),
            "",
        )
        add(
            "Rockpool",
            f"{kind}{name}",
            net(layer(kind, **options), has_bias),
            12,
            "rockpool",
            1e-3,
            scale=scale,
            unsaid=unsaid,
        )

    for bias, said in ((False, ""), (True, ", linear bias")):
        put(said, "LIFTorch", has_bias=bias)
        put(said, "LIFNeuronTorch", has_bias=bias, scale=1)
    put(", time constants of each neuron", "LIFTorch", tau_mem=(0.005, 0.05))
    put(", thresholds of each neuron", "LIFTorch", threshold=(0.5, 2.0))
    put(", thresholds of each neuron", "LIFNeuronTorch", threshold=(0.5, 2.0), scale=1)
    put(", bias", "LIFTorch", bias=(-0.1, 0.1))
    put(", bias", "LIFNeuronTorch", bias=(-0.1, 0.1), scale=1)
    put(", at most 2 spikes", "LIFTorch", max_spikes_per_dt=[2.0], scale=2)
    put(", recurrent", "LIFTorch", has_rec=True, scale=0.25)
    put(", decays", "LIFTorch", leak_mode="decays")
    put(", bit shifts", "LIFTorch", leak_mode="bitshifts")
    put(", noise", "LIFTorch", noise_std=0.1)
