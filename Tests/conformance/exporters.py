"""The libraries' own exporters to NIR, called in the way that works best."""

from __future__ import annotations

import contextlib
from typing import Any, Callable, Dict, Iterator


@contextlib.contextmanager
def unchecked() -> Iterator[None]:
    """Without nir's check of types: most exporters were written before there was one, and
    write the batch as an axis, or parameters of one number for a layer."""
    import nir

    make = nir.NIRGraph.__init__
    infer = nir.NIRGraph.infer_types
    kept = make.__defaults__
    make.__defaults__ = (*kept[:-1], False)
    nir.NIRGraph.infer_types = lambda graph: None
    try:
        yield
    finally:
        make.__defaults__ = kept
        nir.NIRGraph.infer_types = infer


def snntorch(module: Any, sample: Any) -> Any:
    from snntorch.export_nir import export_to_nir

    return export_to_nir(module, sample, ignore_dims=[0])


def norse(module: Any, sample: Any) -> Any:
    # With its default dt=1e-3 it writes time constants multiplied by 1e-3; with 1 they are in seconds.
    from norse.torch.utils.export_nir import to_nir

    return to_nir(module, sample, dt=1.0)


def sinabs(module: Any, sample: Any) -> Any:
    from sinabs.nir import to_nir

    return to_nir(module, sample)


def spikingjelly(module: Any, sample: Any) -> Any:
    from spikingjelly.activation_based.nir_exchange import export_to_nir

    return export_to_nir(module, sample, dt=1e-4)


def rockpool(module: Any, sample: Any) -> Any:
    from rockpool.nn.modules.torch.nir import to_nir

    # As documented, [time, neurons]; a batch axis would be written, too.
    return to_nir(module, sample[0])


EXPORTERS: Dict[str, Callable[[Any, Any], Any]] = {
    "snnTorch": snntorch,
    "Norse": norse,
    "sinabs": sinabs,
    "SpikingJelly": spikingjelly,
    "Rockpool": rockpool,
}
