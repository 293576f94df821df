"""Training steps of Arcuate beside other ways of learning the same networks on a processor.

    swift build -c release --product arcuate-c
    PYTHONPATH=bindings/python/src python bindings/python/benchmarks/learning.py --threads 1

Two networks, each with a batch of random spikes and labels of its own, learn by backpropagation
through time with Adam and a fast-sigmoid surrogate, slope 25: `forward` is 784-512-10 LIF over 25
steps, batch 128, `recurrent` 700-256-20 LIF with the 256 connected among themselves over 100 steps,
batch 64. A step is all of it: copying the batch in, forward, backward, update. Contenders take turns
in one process on the same processors: a rest, a step that is not counted and one that is. The table gives the fastest and the median step, the ratio of
the fastest to Arcuate's, and how far the losses of the first step differ. What is not installed is
left out. Every contender begins with the same weights.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple

import numpy as np

DECAY = 0.95
SLOPE = 25.0
RATE = 1e-3
Step = Callable[[np.ndarray, np.ndarray], float]


class Case(NamedTuple):
    name: str
    inputs: int
    hidden: int
    outputs: int
    steps: int
    batch: int
    density: float
    recurrent: bool


CASES = {
    "forward": Case("forward", 784, 512, 10, 25, 128, 0.13, False),
    "recurrent": Case("recurrent", 700, 256, 20, 100, 64, 0.03, True),
}


def weights(case: Case, seed: int) -> Dict[str, np.ndarray]:
    """[post, pre] each; the same for every contender."""
    random = np.random.default_rng(seed)

    def uniform(post: int, pre: int, gain: float = 1.0) -> np.ndarray:
        bound = gain / np.sqrt(pre)
        return random.uniform(-bound, bound, (post, pre)).astype(np.float32)

    made = {
        "into": uniform(case.hidden, case.inputs, 2),
        "out": uniform(case.outputs, case.hidden, 2),
    }
    if case.recurrent:
        made["among"] = uniform(case.hidden, case.hidden, 0.5)
    return made


def arcuate_step(case: Case, w: Dict[str, np.ndarray], threads: int) -> Step:
    import arcuate

    def neurons(size: int) -> Dict[str, object]:
        # v = 0.95 v + x: a decay of dt / tau = 0.05.
        return {
            "kind": "LIF",
            "tau": np.full(size, 20e-3),
            "r": np.full(size, 20.0),
            "v_leak": np.zeros(size),
            "v_threshold": np.ones(size),
            "v_reset": np.zeros(size),
        }

    nodes = {
        "in": {"kind": "Input", "shape": [case.inputs]},
        "into": {"kind": "Linear", "weight": w["into"]},
        "hidden": neurons(case.hidden),
        "out": {"kind": "Linear", "weight": w["out"]},
        "answers": neurons(case.outputs),
        "output": {"kind": "Output", "shape": [case.outputs]},
    }
    edges = [
        ("in", "into"),
        ("into", "hidden"),
        ("hidden", "out"),
        ("out", "answers"),
        ("answers", "output"),
    ]
    if case.recurrent:
        nodes["among"] = {"kind": "Linear", "weight": w["among"]}
        edges += [("hidden", "among"), ("among", "hidden")]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.safetensors"
        arcuate.save_network(path, nodes, edges, dt=1e-3)
        model = arcuate.Model.open(path)
    model.set_semantics("reset", "subtract")
    trainer = arcuate.Trainer(
        model,
        batch=case.batch,
        steps=case.steps,
        input="every",
        rate=RATE,
        threads=threads,
        surrogate=("fast_sigmoid", SLOPE),
        through_reset=False,
    )

    def step(x: np.ndarray, labels: np.ndarray) -> float:
        return trainer.train_step(x, labels).loss

    return step


def jax_step(case: Case, w: Dict[str, np.ndarray]) -> Step:
    import jax
    import jax.numpy as jnp
    import optax

    @jax.custom_jvp
    def spike(x):
        return (x > 0).astype(jnp.float32)

    @spike.defjvp
    def slope(primals, tangents):
        (x,), (dx,) = primals, tangents
        return spike(x), dx / (1 + SLOPE * jnp.abs(x)) ** 2

    stop = jax.lax.stop_gradient

    def loss(p, x, labels):
        drive = jnp.einsum("bti,hi->tbh", x, p["into"])

        def one(state, now):
            v, s, u, o = state
            now = now + (s @ p["among"].T if case.recurrent else 0)
            v = DECAY * (v - stop(s)) + now
            s = spike(v - 1)
            u = DECAY * (u - stop(o)) + s @ p["out"].T
            o = spike(u - 1)
            return (v, s, u, o), o

        hidden = jnp.zeros((case.batch, case.hidden))
        answers = jnp.zeros((case.batch, case.outputs))
        _, spikes = jax.lax.scan(one, (hidden, hidden, answers, answers), drive)
        logits = spikes.sum(0)
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    optimizer = optax.adam(RATE)
    params = {k: jnp.asarray(v) for k, v in w.items()}
    state = optimizer.init(params)

    @jax.jit
    def update(params, state, x, labels):
        value, gradient = jax.value_and_grad(loss)(params, x, labels)
        changes, state = optimizer.update(gradient, state)
        return optax.apply_updates(params, changes), state, value

    held = [params, state]

    def step(x: np.ndarray, labels: np.ndarray) -> float:
        held[0], held[1], value = update(held[0], held[1], x, labels)
        return float(value)

    return step


def torch_step(case: Case, w: Dict[str, np.ndarray], compiled: bool) -> Step:
    import torch

    class Spike(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return (x > 0).float()

        @staticmethod
        def backward(ctx, gradient):
            (x,) = ctx.saved_tensors
            return gradient / (1 + SLOPE * x.abs()) ** 2

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for name, value in w.items():
                setattr(self, name, torch.nn.Parameter(torch.from_numpy(value.copy())))

        def forward(self, x):
            drive = torch.matmul(x, self.into.T).transpose(0, 1)
            v = s = torch.zeros(case.batch, case.hidden)
            spikes = []
            for now in drive.unbind(0):
                if case.recurrent:
                    now = now + s @ self.among.T
                v = DECAY * (v - s.detach()) + now
                s = Spike.apply(v - 1)
                spikes.append(s)
            drive = torch.matmul(torch.stack(spikes), self.out.T)
            u = o = torch.zeros(case.batch, case.outputs)
            logits = 0
            for now in drive.unbind(0):
                u = DECAY * (u - o.detach()) + now
                o = Spike.apply(u - 1)
                logits = logits + o
            return logits

    network = Network()
    call = torch.compile(network) if compiled else network
    optimizer = torch.optim.Adam(network.parameters(), RATE)

    def step(x: np.ndarray, labels: np.ndarray) -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = torch.nn.functional.cross_entropy(
            call(torch.from_numpy(x)), torch.from_numpy(labels)
        )
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def spikingjelly_step(case: Case, w: Dict[str, np.ndarray]) -> Step:
    if case.recurrent:
        raise ImportError("only the forward network")
    import torch
    from spikingjelly.activation_based import functional, layer, neuron, surrogate

    def neurons():
        # tau 20 and input not divided: v = (1 - 1 / tau) v + x.
        return neuron.LIFNode(
            tau=1 / (1 - DECAY),
            decay_input=False,
            v_reset=None,
            detach_reset=True,
            step_mode="m",
            surrogate_function=surrogate.ATan(alpha=2.0),
        )

    network = torch.nn.Sequential(
        layer.Linear(case.inputs, case.hidden, bias=False, step_mode="m"),
        neurons(),
        layer.Linear(case.hidden, case.outputs, bias=False, step_mode="m"),
        neurons(),
    )
    network[0].weight.data = torch.from_numpy(w["into"].copy())
    network[2].weight.data = torch.from_numpy(w["out"].copy())
    optimizer = torch.optim.Adam(network.parameters(), RATE)

    def run(x):
        return network(x.transpose(0, 1)).sum(0)

    call = torch.compile(run)

    def step(x: np.ndarray, labels: np.ndarray) -> float:
        functional.reset_net(network)
        optimizer.zero_grad(set_to_none=True)
        loss = torch.nn.functional.cross_entropy(
            call(torch.from_numpy(x)), torch.from_numpy(labels)
        )
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def spyx_step(case: Case, w: Dict[str, np.ndarray]) -> Step:
    import jax.numpy as jnp
    import optax
    import spyx
    from flax import nnx

    rngs = nnx.Rngs(0)
    surrogate = spyx.axn.superspike(SLOPE)
    into = nnx.Linear(case.inputs, case.hidden, use_bias=False, rngs=rngs)
    out = nnx.Linear(case.hidden, case.outputs, use_bias=False, rngs=rngs)
    into.kernel[...] = jnp.asarray(w["into"].T)
    out.kernel[...] = jnp.asarray(w["out"].T)
    kind = spyx.nn.RLIF if case.recurrent else spyx.nn.LIF
    hidden = kind((case.hidden,), beta=DECAY, activation=surrogate, rngs=rngs)
    answers = spyx.nn.LIF((case.outputs,), beta=DECAY, activation=surrogate, rngs=rngs)
    network = spyx.nn.Sequential(into, hidden, out, answers)
    optimizer = nnx.Optimizer(network, optax.adam(RATE), wrt=nnx.Param)

    @nnx.jit
    def update(network, optimizer, x, labels):
        def loss(network):
            spikes, _ = spyx.nn.run(network, jnp.swapaxes(x, 0, 1))
            return optax.softmax_cross_entropy_with_integer_labels(spikes.sum(0), labels).mean()

        value, gradient = nnx.value_and_grad(loss)(network)
        optimizer.update(network, gradient)
        return value

    return lambda x, labels: float(update(network, optimizer, x, labels))


def snntorch_step(case: Case, w: Dict[str, np.ndarray]) -> Step:
    if case.recurrent:
        raise ImportError("only the forward network")
    import snntorch
    import torch
    from snntorch import surrogate

    into = torch.nn.Parameter(torch.from_numpy(w["into"].copy()))
    out = torch.nn.Parameter(torch.from_numpy(w["out"].copy()))
    layers = [
        snntorch.Leaky(beta=DECAY, spike_grad=surrogate.fast_sigmoid(SLOPE)) for _ in range(2)
    ]
    optimizer = torch.optim.Adam([into, out], RATE)

    def step(x: np.ndarray, labels: np.ndarray) -> float:
        optimizer.zero_grad(set_to_none=True)
        given = torch.from_numpy(x)
        states = [layer.init_leaky() for layer in layers]
        logits = 0
        for t in range(case.steps):
            s, states[0] = layers[0](given[:, t] @ into.T, states[0])
            s, states[1] = layers[1](s @ out.T, states[1])
            logits = logits + s
        loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels))
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="*", help=f"{', '.join(CASES)}; by default all")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--skip", nargs="+", default=[], metavar="CONTENDER")
    arguments = parser.parse_args()
    threads = arguments.threads
    # Before anything is imported that counts processors or starts threads.
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    print("| network | contender | fastest, ms | median, ms | ratio | first loss |")
    print("|---|---|---|---|---|---|")
    for name in arguments.cases or list(CASES):
        case = CASES[name]
        w = weights(case, arguments.seed)
        makers: Dict[str, Callable[[], Step]] = {
            "arcuate": lambda: arcuate_step(case, w, threads),
            "jax": lambda: jax_step(case, w),
            "torch": lambda: torch_step(case, w, compiled=False),
            "torch-compile": lambda: torch_step(case, w, compiled=True),
            "spikingjelly-compile": lambda: spikingjelly_step(case, w),
            "spyx": lambda: spyx_step(case, w),
            "snntorch": lambda: snntorch_step(case, w),
        }
        steps: Dict[str, Step] = {}
        for contender, maker in makers.items():
            if contender in arguments.skip:
                continue
            try:
                steps[contender] = maker()
            except Exception as error:  # what is not installed, or does not fit, is left out
                print(f"<!-- {name} {contender}: {type(error).__name__}: {error} -->", flush=True)
        measure(case, steps, arguments.rounds, arguments.seed)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\nThis process used up to {peak:.0f} MB with all contenders in it.")


def measure(case: Case, steps: Dict[str, Step], rounds: int, seed: int) -> None:
    random = np.random.default_rng(seed + 1)
    shape = (case.batch, case.steps, case.inputs)
    batches = [(random.random(shape) < case.density).astype(np.float32) for _ in range(4)]
    labels = np.arange(case.batch, dtype=np.int64) % case.outputs
    times: Dict[str, List[float]] = {name: [] for name in steps}
    first: Dict[str, float] = {}
    for name in list(steps):
        try:
            first[name] = steps[name](batches[0], labels)
            for k in range(2):
                steps[name](batches[k + 1], labels)
        except Exception as error:  # a compiler that fails on this network
            print(f"<!-- {case.name} {name}: {type(error).__name__}: {error} -->", flush=True)
            del steps[name]
    for k in range(rounds):
        for name, step in steps.items():
            # The threads of the contender before spin for a while, on processors that this one needs.
            time.sleep(0.3)
            step(batches[(k + 1) % len(batches)], labels)
            start = time.perf_counter()
            step(batches[k % len(batches)], labels)
            times[name].append(1e3 * (time.perf_counter() - start))
    ours = min(times["arcuate"]) if "arcuate" in steps else float("nan")
    for name in sorted(steps, key=lambda n: min(times[n])):
        fastest, median = min(times[name]), float(np.median(times[name]))
        print(
            f"| {case.name} | {name} | {fastest:.1f} | {median:.1f} | {fastest / ours:.2f} "
            f"| {first[name]:.4f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
