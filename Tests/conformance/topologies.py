"""Networks of the conformance suite, and their forms."""

from __future__ import annotations

import dataclasses
import random
from typing import Any, Callable, List, Tuple

import numpy as np


@dataclasses.dataclass
class Network:
    framework: str
    name: str
    build: Callable[[], Any]
    shape: Tuple[int, ...]
    preset: str
    """The preset that says how the library computes the file that its exporter writes."""
    dt: float
    scale: float = 1.0
    """Of the inputs."""
    steps: int = 80
    tolerance: float = 0.0
    """Of outputs that are no spikes: sums of them depend on the order."""
    unsaid: str = ""
    """An option that the library has and its files do not: a finding must name it."""

    def inputs(self) -> np.ndarray:
        rs = np.random.RandomState(1)
        # Multiples of 1/32, so that sums are exact in every order.
        return (np.round((rs.randn(self.steps, *self.shape) + 0.3) * 32 * self.scale) / 32).astype(
            np.float32
        )


ALL: List[Network] = []
WIDE = False
"""Whether layers get parameters of their own shape where they could have one number: most exporters
write nothing that nir accepts for one number."""


def full(value: Any, n: Any) -> Any:
    import torch

    return torch.full((n,) if isinstance(n, int) else tuple(n), float(value))


def add(
    framework: str,
    name: str,
    build: Callable[[], Any],
    shape: Any,
    preset: str,
    dt: float,
    **more: Any,
) -> None:
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    ALL.append(Network(framework, name, build, shape, preset, dt, **more))


def seeded(build: Callable[[], Any]) -> Callable[[], Any]:
    """The module with weights that are multiples of 1/64, the same in every run."""

    def built() -> Any:
        import torch

        torch.manual_seed(7)
        random.seed(7)
        module = build()
        for part in (m for _, m in module.named_modules()):
            weighted = isinstance(part, (torch.nn.Linear, torch.nn.Conv1d, torch.nn.Conv2d))
            weighted |= type(part).__name__ in ("LinearTorch", "RecurrentOneToOne")
            for name in ("weight", "bias", "input_weights", "recurrent_weights", "w_rec"):
                value = getattr(part, name, None)
                if isinstance(value, torch.Tensor) and (
                    weighted or "weights" in name or name == "w_rec"
                ):
                    value.data = torch.round(value.data * 64 * 1.5) / 64
        return module.eval()

    return built


def dense(
    make: Callable[[int], Any], *, bias: bool = True, container: Any = None
) -> Callable[[], Any]:
    def build() -> Any:
        from torch import nn

        layers = [nn.Linear(12, 24, bias=bias), make(24), nn.Linear(24, 8, bias=bias), make(8)]
        return (container or nn.Sequential)(*layers)

    return seeded(build)


def nested(make: Callable[[int], Any], *, container: Any = None) -> Callable[[], Any]:
    def build() -> Any:
        from torch import nn

        box = container or nn.Sequential
        return box(
            box(nn.Linear(12, 24), make(24)),
            box(box(nn.Linear(24, 16), make(16)), nn.Linear(16, 8)),
            make(8),
        )

    return seeded(build)


def conv(
    make: Callable[[Any], Any],
    *,
    pool: str = "average",
    groups: int = 1,
    container: Any = None,
    bias: bool = True,
) -> Callable[[], Any]:
    """[2, 8, 8] inputs."""

    def build() -> Any:
        from torch import nn

        if pool == "sum":
            import sinabs.layers

            pooling: Any = sinabs.layers.SumPool2d(2)
        else:
            pooling = nn.AvgPool2d(2) if pool == "average" else nn.MaxPool2d(2)
        return (container or nn.Sequential)(
            nn.Conv2d(2, 4, 3, padding=1, groups=groups, bias=bias),
            make((4, 8, 8)),
            pooling,
            nn.Conv2d(4, 6, 3, bias=bias),
            make((6, 2, 2)),
            nn.Flatten(),
            nn.Linear(24, 8),
            make(8),
        )

    return seeded(build)


def skip(make: Callable[[int], Any]) -> Callable[[], Any]:
    """A module of one's own: a branch that is added again."""

    def build() -> Any:
        from torch import nn

        class Skip(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.first, self.a = nn.Linear(12, 16), make(16)
                self.second, self.b = nn.Linear(16, 16), make(16)
                self.last, self.c = nn.Linear(16, 8), make(8)

            def forward(self, x: Any) -> Any:
                x = self.a(self.first(x))
                y = self.b(self.second(x))
                return self.c(self.last(y + x))

        return Skip()

    return seeded(build)
