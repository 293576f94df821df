"""Models from PyTorch modules: the same spikes as the modules. Tests/conformance has many more."""

from __future__ import annotations

from typing import Any, Callable

import arcuate
import numpy as np
import pytest

torch = pytest.importorskip("torch")
nn = torch.nn


def inputs(*shape: int, scale: float = 1.0) -> np.ndarray:
    # Multiples of 1/32, and weights of 1/64: sums are exact in every order.
    values = np.random.RandomState(1).randn(60, *shape) + 0.3
    return (np.round(values * 32 * scale) / 32).astype(np.float32)


def rounded(module: Any) -> Any:
    torch.manual_seed(3)
    for part in module.modules():
        if isinstance(part, (nn.Linear, nn.Conv2d)):
            part.reset_parameters()
            for value in part.parameters():
                value.data = torch.round(value.data * 64) / 64
    return module.eval()


def dense(make: Callable[[int], Any]) -> Any:
    return rounded(nn.Sequential(nn.Linear(12, 24), make(24), nn.Linear(24, 8), make(8)))


def check(module: Any, shape: tuple[int, ...] = (12,), scale: float = 1.0) -> arcuate.Model:
    lead = arcuate.torch_reader.leading_axes(module)
    model = arcuate.from_torch(module, torch.zeros((2,) * lead + shape))
    found = arcuate.compare(model, module, inputs(*shape, scale=scale))
    assert found, str(found)
    assert found.spikes > 20
    return model


@pytest.mark.parametrize("reset", ["subtract", "zero", "none"])
@pytest.mark.parametrize("delay", [True, False])
@pytest.mark.parametrize("kind", ["Leaky", "Synaptic", "RLeaky"])
def test_snntorch(kind, reset, delay):
    snn = pytest.importorskip("snntorch")
    first = {"alpha": 0.6} if kind == "Synaptic" else {}

    def make(n: int) -> Any:
        more = {"linear_features": n} if kind == "RLeaky" else {}
        options = {"reset_mechanism": reset, "reset_delay": delay, "init_hidden": True}
        return getattr(snn, kind)(beta=0.9, **first, **options, **more)

    check(dense(make))


def test_norse():
    norse = pytest.importorskip("norse.torch")
    layers = (nn.Linear(12, 24), norse.LIFCell(), nn.Linear(24, 8), norse.LIFBoxCell(dt=1e-3))
    check(rounded(norse.SequentialState(*layers)), scale=3)


@pytest.mark.parametrize("normed", [True, False])
def test_sinabs(normed):
    layers = pytest.importorskip("sinabs.layers")
    scale = 5.0 if normed else 1.0
    check(dense(lambda n: layers.LIF(tau_mem=8.0, norm_input=normed)), scale=scale)
    image = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, groups=2),
        layers.IAFSqueeze(batch_size=1),
        layers.SumPool2d(2),
        nn.Flatten(),
        nn.Linear(64, 8),
        layers.IAFSqueeze(batch_size=1),
    )
    check(rounded(image), (2, 8, 8))


def test_spikingjelly():
    neuron = pytest.importorskip("spikingjelly.activation_based.neuron")
    check(dense(lambda n: neuron.LIFNode(tau=3.0, v_reset=-0.25)), scale=3)
    check(dense(lambda n: neuron.ParametricLIFNode(v_reset=None)), scale=3)


class Own(nn.Module):
    """Keeps its own spikes, and feeds them back."""

    def __init__(self, snn: Any) -> None:
        super().__init__()
        self.up, self.back, self.down = nn.Linear(12, 16), nn.Linear(16, 16), nn.Linear(32, 8)
        self.a, self.b = snn.Leaky(beta=0.8), snn.Leaky(beta=0.9, init_hidden=True)
        self.kept: Any = None

    def forward(self, x: Any) -> Any:
        state, spikes = self.kept or (None, torch.zeros(1, 16))
        spikes, state = self.a(torch.relu(self.up(x)) + 0.25 * self.back(spikes), state)
        self.kept = (state, spikes)
        return self.b(self.down(torch.cat([spikes, spikes * 2], 1)))


def test_a_module_of_ones_own_that_keeps_spikes():
    module = rounded(Own(pytest.importorskip("snntorch")))
    model = arcuate.from_torch(module, torch.zeros(1, 12))
    assert module.kept is None and "forward" not in module.__dict__
    assert sum(node.kind == "Delay" for node in model.nodes) == 1
    found = arcuate.compare(model, module, inputs(12, scale=2))
    assert found and found.spikes > 20, str(found)


def test_compare_says_where_the_first_spike_differs():
    snn = pytest.importorskip("snntorch")
    module = dense(lambda n: snn.Leaky(beta=0.9, init_hidden=True))
    model = arcuate.from_torch(module, torch.zeros(1, 12))
    module[1].threshold.fill_(1.125)
    found = arcuate.compare(model, module, inputs(12))
    assert not found and found.node == "1" and found.emitted == (1.0, 0.0)
    assert 1 < found.membranes[1] <= 1.125 and found.membranes[0] == found.membranes[1]
    assert "step" in str(found) and "neuron" in str(found)


def test_everything_that_cannot_be_read_is_named():
    snn = pytest.importorskip("snntorch")

    class Wrong(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = snn.Leaky(beta=0.9, init_hidden=True, inhibition=True)
            self.second = snn.Leaky(beta=0.9, init_hidden=True, state_quant=lambda v: v)
            self.rnn = nn.RNN(12, 12)
            self.drop = nn.Dropout(0.5)

        def forward(self, x: Any) -> Any:
            x = self.drop(self.second(self.first(x)))
            return torch.softmax(self.rnn(x)[0], 1)

    with pytest.raises(arcuate.FormatError) as caught:
        arcuate.from_torch(Wrong(), torch.zeros(1, 12))
    for text in ('"first" (snntorch.Leaky): inhibition', '"second"', '"rnn" (torch.RNN)', '"drop"'):
        assert text in str(caught.value)


def test_a_loop_over_time_is_refused():
    snn = pytest.importorskip("snntorch")

    class Loop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lif = snn.Leaky(beta=0.9)

        def forward(self, x: Any) -> Any:
            mem = self.lif.reset_mem()
            for _ in range(3):
                spikes, mem = self.lif(x, mem)
            return spikes

    with pytest.raises(arcuate.FormatError, match="one time step"):
        arcuate.from_torch(Loop(), torch.zeros(1, 12))


def test_what_depends_on_values_is_refused():
    class Branch(nn.Module):
        def forward(self, x: Any) -> Any:
            return x * 2 if x.sum() > 0 else x

    with pytest.raises(arcuate.FormatError, match="sum"):
        arcuate.from_torch(Branch(), torch.zeros(1, 12))
