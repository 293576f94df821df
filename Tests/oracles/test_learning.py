"""Learning against PyTorch and snnTorch, and the same bits from Python, C and the command line.

Needs ARCUATE_CLI, and the package with its library."""

import os
import shutil
import subprocess
from pathlib import Path

import arcuate
import numpy as np
import pytest
from arcuate import nn
from command import CLI
from command import arcuate as command

torch = pytest.importorskip("torch")
ROOT = Path(__file__).resolve().parents[2]


def draw(seed=11):
    print(f"seed {seed}")
    r = np.random.default_rng(seed)
    x = (r.random((24, 20)) * (r.random((24, 20)) < 0.6) * 1.5).astype(np.float32)
    return x, r.integers(0, 5, 24)


def test_snntorch_network_has_the_same_outputs_loss_and_gradients():
    """linear -> Leaky -> linear -> Leaky, reset by subtraction at the next step, fast sigmoid; summed
    spikes, cross-entropy."""
    snntorch = pytest.importorskip("snntorch")
    x, y = draw()
    steps, beta = 12, 0.85
    model = nn.sequential(
        20,
        [
            nn.linear(32, name="a"),
            nn.lif(beta=beta, threshold=0.25, name="n"),
            nn.linear(5, name="b"),
            nn.lif(beta=beta, threshold=0.25, name="m"),
        ],
        seed=5,
        semantics={"reset_timing": "next_step"},
    )
    t = arcuate.Trainer(
        model, batch=24, steps=steps, surrogate=("fast_sigmoid", 10.0), through_reset=False
    )
    result = t.gradients(x, y)

    gradient = snntorch.surrogate.fast_sigmoid(slope=10.0)
    parts = {
        name: torch.tensor(t.parameter(name), requires_grad=True)
        for name in ("a.weight", "a.bias", "b.weight", "b.bias")
    }
    first, second = (
        snntorch.Leaky(beta=beta, threshold=0.25, spike_grad=gradient, reset_mechanism="subtract")
        for _ in range(2)
    )
    membrane, deeper = first.init_leaky(), second.init_leaky()
    spikes = []
    for _ in range(steps):
        current = torch.nn.functional.linear(torch.tensor(x), parts["a.weight"], parts["a.bias"])
        out, membrane = first(current, membrane)
        out, deeper = second(
            torch.nn.functional.linear(out, parts["b.weight"], parts["b.bias"]), deeper
        )
        spikes.append(out)
    recorded = torch.stack(spikes, 1)
    assert recorded.sum() > 100
    assert np.abs(t.predict(x) - recorded.detach().numpy()).max() < 1e-4
    loss = torch.nn.functional.cross_entropy(recorded.sum(1), torch.tensor(y))
    assert result.loss == pytest.approx(loss.item(), abs=1e-4)
    loss.backward()
    for name, part in parts.items():
        wanted = part.grad.numpy()
        assert np.abs(wanted).max() > 1e-3
        assert np.abs(t.gradient(name) - wanted).max() < 1e-4, name


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamax", "adamw"])
def test_steps_are_those_of_torch(optimizer):
    x, y = draw()
    # A bias before a batch-norm has no gradient but rounding, which Adam would make large.
    model = nn.sequential(
        (2, 10),
        [
            nn.flatten(),
            nn.linear(16, bias=False, name="a"),
            nn.batch_norm(name="n"),
            nn.relu(),
            nn.linear(5, name="b"),
        ],
        seed=6,
    )
    momentum = 0.9 if optimizer == "sgd" else 0.0
    t = arcuate.Trainer(
        model,
        batch=24,
        optimizer=optimizer,
        rate=0.01,
        momentum=momentum,
        weight_decay=0.01,
        clip_norm=0.5,
    )
    network = torch.nn.Sequential(
        torch.nn.Linear(20, 16, bias=False),
        torch.nn.BatchNorm1d(16),
        torch.nn.ReLU(),
        torch.nn.Linear(16, 5),
    )
    names = ["a.weight", "n.gamma", "n.beta", "b.weight", "b.bias"]
    with torch.no_grad():
        for name, part in zip(names, network.parameters()):
            part.copy_(torch.tensor(t.parameter(name)))
    kind = dict(
        sgd=torch.optim.SGD,
        adam=torch.optim.Adam,
        adamax=torch.optim.Adamax,
        adamw=torch.optim.AdamW,
    )
    more = dict(momentum=momentum) if optimizer == "sgd" else {}
    descent = kind[optimizer](network.parameters(), lr=0.01, weight_decay=0.01, **more)
    for _ in range(8):
        descent.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(torch.tensor(x)), torch.tensor(y))
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(network.parameters(), 0.5)
        descent.step()
        result = t.train_step(x.reshape(24, 2, 10), y)
        assert result.loss == pytest.approx(loss.item(), abs=1e-4)
        assert result.gradient_norm == pytest.approx(norm.item(), abs=1e-4)
    for name, part in zip(names, network.parameters()):
        assert np.abs(t.parameter(name) - part.detach().numpy()).max() < 1e-3, name
    network.eval()
    assert np.abs(t.predict(x)[:, 0] - network(torch.tensor(x)).detach().numpy()).max() < 1e-3


def train_c(folder: Path) -> Path:
    """examples/train/train.c with the library that the package uses."""
    library = os.path.realpath(arcuate._native.library._name)
    program = folder / "train"
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler or not os.path.exists(library):
        pytest.skip("needs a C compiler and the library as a file")
    subprocess.run(
        [
            compiler,
            "-std=c99",
            "-Wall",
            "-Werror",
            "-I",
            ROOT / "include",
            ROOT / "examples" / "train" / "train.c",
            library,
            f"-Wl,-rpath,{os.path.dirname(library)}",
            "-o",
            program,
        ],
        check=True,
    )
    return program


@pytest.mark.skipif(not CLI, reason="needs ARCUATE_CLI")
@pytest.mark.parametrize("mode", ["direct", "tandem"])
def test_python_c_and_the_command_line_give_the_same_bits(tmp_path, mode):
    r = np.random.default_rng(3)
    x = r.random((100, 12)).astype(np.float32)
    y = r.integers(0, 4, 100)
    layers = (
        [nn.linear(16), nn.lif(beta=0.9), nn.linear(4), nn.li(beta=0.8)]
        if mode == "direct"
        else [nn.linear(16), nn.batch_norm(), nn.relu(), nn.linear(4)]
    )
    (tmp_path / "net.json").write_text(nn.description(12, layers, seed=9))
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y.astype(np.int32))
    x.tofile(tmp_path / "x.raw")
    y.astype(np.int32).tofile(tmp_path / "y.raw")

    t = arcuate.Trainer(
        arcuate.Model.open(tmp_path / "net.json"),
        mode=mode,
        batch=16,
        steps=6,
        surrogate="fast_sigmoid",
    )
    arcuate.fit(t, x, y, epochs=3, log=tmp_path / "python.jsonl", quiet=True)
    t.model().save(tmp_path / "python.safetensors")
    command(
        "train",
        "--inputs",
        tmp_path / "x.npy",
        "--labels",
        tmp_path / "y.npy",
        "--mode",
        mode,
        "--batch",
        16,
        "--steps",
        6,
        "--epochs",
        3,
        "--surrogate",
        "fast_sigmoid:25",
        "--quiet",
        "--log",
        tmp_path / "cli.jsonl",
        tmp_path / "net.json",
        tmp_path / "cli.safetensors",
    )
    subprocess.run(
        [
            train_c(tmp_path),
            tmp_path / "net.json",
            tmp_path / "x.raw",
            tmp_path / "y.raw",
            tmp_path / "c.safetensors",
            "3",
            "16",
            "6",
            mode,
        ],
        check=True,
    )
    python, cli, c = (
        (tmp_path / f"{name}.safetensors").read_bytes() for name in ("python", "cli", "c")
    )
    assert python == c and python == cli


@pytest.mark.skipif(not CLI, reason="needs ARCUATE_CLI")
def test_the_command_line_stops_goes_on_and_keeps_the_best(tmp_path):
    r = np.random.default_rng(4)
    y = r.integers(0, 3, 200)
    x = (r.random((200, 6)) * 0.5).astype(np.float32)
    x[np.arange(200), y] += 0.8
    np.savez(tmp_path / "data.npz", x=x, y=y.astype(np.int32))
    (tmp_path / "net.json").write_text(nn.description(6, [nn.linear(12), nn.relu(), nn.linear(3)]))
    (tmp_path / "config.json").write_text(
        '{"batch": 20, "mode": "tandem", "steps": 5, "rate": 0.01}'
    )
    common = [
        "train",
        "--inputs",
        f"{tmp_path}/data.npz:x",
        "--labels",
        f"{tmp_path}/data.npz:y",
        "--config",
        tmp_path / "config.json",
        "--validation",
        0.2,
        "--quiet",
    ]
    command(*common, "--epochs", 25, tmp_path / "net.json", tmp_path / "whole.safetensors")
    for epochs in (2, 25):
        command(
            *common,
            "--epochs",
            epochs,
            "--checkpoint",
            tmp_path / "c",
            "--resume",
            "--log",
            tmp_path / "log",
            "--best",
            tmp_path / "best.safetensors",
            "--spiking",
            tmp_path / "spiking.safetensors",
            tmp_path / "net.json",
            tmp_path / "parts.safetensors",
            code=0,
        )
    assert (tmp_path / "whole.safetensors").read_bytes() == (
        tmp_path / "parts.safetensors"
    ).read_bytes()
    assert len((tmp_path / "log").read_text().splitlines()) == 25
    command(
        "run",
        tmp_path / "spiking.safetensors",
        tmp_path / "x.npy",
        "-o",
        tmp_path / "out.npy",
        code=1,
    )  # not there yet
    np.save(tmp_path / "x.npy", x)
    command("run", tmp_path / "spiking.safetensors", tmp_path / "x.npy", "-o", tmp_path / "out.npy")
    assert np.mean(np.load(tmp_path / "out.npy").argmax(1) == y) > 0.9
    done = command(
        *common, "--epochs", 2, "--rate", "-3", tmp_path / "net.json", tmp_path / "z.nir", code=64
    )
    assert "--rate " in done.stderr and "-3" in done.stderr
    (tmp_path / "config.json").write_text('{"batches": 20}')
    done = command(*common, tmp_path / "net.json", tmp_path / "z.nir", code=1)
    assert "batches" in done.stderr
