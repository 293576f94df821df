"""The language of neuron programs in PyTorch, for its gradients; and random programs.

Reads the text on its own, from docs/neuron-programs.md. Constants are computed in float64 and rounded
to float32 where a step uses them, as the library does; the step itself is computed in float64, or in
float32 to see what rounding alone changes. Integers, random numbers and winners, which have no
gradient, are missing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np
import torch

Tensor = torch.Tensor
# ("literal", 1.5), ("name", "v"), ("?", c, a, b), or an operator or function and its operands.
Tree = Tuple[Any, ...]

LEVELS = [["||"], ["&&"], [">", ">=", "<", "<=", "==", "!="], ["+", "-"], ["*", "/"]]
TOKEN = re.compile(
    r"\s*((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[A-Za-z_]\w*"
    r"|\*\*|[><=!]=|&&|\|\||[+\-*/]=|[-+*/(),?:=><!])"
)
EMISSIONS = ("spike", "count", "value")


class Reader:
    """Reads expressions of one line."""

    def __init__(self, line: str) -> None:
        self.tokens: List[str] = []
        at = 0
        while at < len(line):
            match = TOKEN.match(line, at)
            assert match, f"cannot read {line[at:]!r}"
            self.tokens.append(match[1])
            at = match.end()

    def next(self) -> str:
        return self.tokens.pop(0)

    def takes(self, token: str) -> bool:
        if self.tokens[:1] != [token]:
            return False
        self.next()
        return True

    def require(self, token: str) -> None:
        assert self.takes(token), f"{token!r} is missing before {self.tokens}"

    def expression(self) -> Tree:
        condition = self.binary(0)
        if not self.takes("?"):
            return condition
        first = self.expression()
        self.require(":")
        return ("?", condition, first, self.expression())

    def binary(self, level: int) -> Tree:
        if level == len(LEVELS):
            return self.unary()
        left = self.binary(level + 1)
        while self.tokens and self.tokens[0] in LEVELS[level]:
            left = (self.next(), left, self.binary(level + 1))
        return left

    def unary(self) -> Tree:
        if self.takes("-"):
            return ("negative", self.unary())
        if self.takes("!"):
            return ("!", self.unary())
        if self.takes("+"):
            return self.unary()
        base = self.primary()
        return ("**", base, self.unary()) if self.takes("**") else base

    def primary(self) -> Tree:
        token = self.next()
        if token == "(":
            inner = self.expression()
            self.require(")")
            return inner
        if token[0].isdigit() or token[0] == ".":
            return ("literal", float(token))
        if not self.takes("("):
            return ("name", token)
        arguments = [self.expression()]
        while self.takes(","):
            arguments.append(self.expression())
        self.require(")")
        return (token, *arguments)


class Program:
    """A text, read."""

    def __init__(self, text: str) -> None:
        self.inputs: List[str] = []
        self.states: Dict[str, Tree] = {}
        self.defaults: Dict[str, float] = {}
        self.statements: List[Tuple[str, Tree]] = []
        self.surrogate: Optional[Tuple[str, Tree]] = None
        for line in text.splitlines():
            reader = Reader(line.split("#")[0].strip())
            if not reader.tokens:
                continue
            name = reader.next()
            if name == "surrogate" and reader.takes("("):
                variable = reader.next()
                reader.require(")")
                reader.require("=")
                self.surrogate = (variable, reader.expression())
            elif name in ("state", "parameter", "input") and reader.tokens[0][0] not in "=+-*/":
                self.declare(name, reader)
                while reader.takes(","):
                    self.declare(name, reader)
            elif reader.tokens[0] != "=":
                symbol = reader.next()[0]
                self.statements.append((name, (symbol, ("name", name), reader.expression())))
            else:
                reader.require("=")
                self.statements.append((name, reader.expression()))
            assert not reader.tokens, f"{line!r}: cannot read {reader.tokens}"
        self.inputs = self.inputs or ["x"]
        (self.emission,) = {name for name, _ in self.statements if name in EMISSIONS}

    def declare(self, kind: str, reader: Reader) -> None:
        name = reader.next()
        if kind == "input":
            self.inputs.append(name)
        elif kind == "state":
            self.states[name] = reader.expression() if reader.takes("=") else ("literal", 0.0)
        else:
            reader.require("=")
            value = Evaluation(self, {}).tree(reader.expression(), {})
            self.defaults[name] = float(np.float32(value.tensor.item()))


class Carried(torch.autograd.Function):
    """A value whose gradient goes to another tensor."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, to: Tensor) -> Tensor:
        ctx.dtype = to.dtype
        return value.expand_as(to).clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tuple[None, Tensor]:
        return None, gradient.to(ctx.dtype)


class Compared(torch.autograd.Function):
    """1 where left is above right, with a surrogate at left - right as derivative."""

    @staticmethod
    def forward(
        ctx: Any, left: Tensor, right: Tensor, surrogate: Callable, is_equal_enough: bool
    ) -> Tensor:
        left, right = torch.broadcast_tensors(left, right)
        ctx.save_for_backward(left - right)
        ctx.surrogate = surrogate
        return (left >= right if is_equal_enough else left > right).to(left.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tuple[Tensor, Tensor, None, None]:
        (u,) = ctx.saved_tensors
        product = gradient * ctx.surrogate(u)
        return product, -product, None, None


@dataclass
class Term:
    kind: str
    """"constant", "number" or "condition", which is 0 or 1."""
    tensor: Tensor


@dataclass
class Evaluation:
    """Computes steps of a layer of neurons."""

    program: Program
    parameters: Dict[str, Tensor]
    """[] or [neurons]"""
    slope: float = 0.0
    """Of the fast sigmoid, where the program has no surrogate."""
    through_reset: bool = True
    dt: float = 1e-3
    dtype: torch.dtype = torch.float64
    """Of a step; constants have float64 until a step uses them."""
    margin: float = float("inf")
    """How close to equality a comparison was, or a number to where floor jumps, without being there,
    relative to what is compared if that is above 1."""
    largest: float = 0.0
    """The largest magnitude of a number; infinite or NaN if one is."""
    names: Dict[str, Term] = field(default_factory=dict)

    def start(self, shape: Tuple[int, int]) -> Dict[str, Tensor]:
        return {
            name: self.number(self.tree(tree, {})).expand(shape)
            for name, tree in self.program.states.items()
        }

    def step(
        self, inputs: List[Tensor], states: Dict[str, Tensor], before: Tensor
    ) -> Tuple[Tensor, Dict[str, Tensor]]:
        """What is emitted, and the states after the step. before: what was emitted a step ago."""
        known = {name: Term("number", tensor) for name, tensor in states.items()}
        known.update(zip(self.program.inputs, (Term("number", tensor) for tensor in inputs)))
        if self.program.emission == "value":
            before = torch.zeros_like(before)
        known["spikes_before"] = Term("number", before.detach().sum(1, keepdim=True))
        for name, tree in self.program.statements:
            term = self.tree(tree, known)
            known[name] = Term("number", self.number(term)) if name in states else term
        emitted = known[self.program.emission]
        tensor = emitted.tensor if self.program.emission == "spike" else self.number(emitted)
        after = {name: known[name].tensor.expand_as(states[name]) for name in states}
        return tensor.expand_as(inputs[0]), after

    def number(self, term: Term) -> Tensor:
        if term.kind == "constant":
            return Carried.apply(term.tensor.detach().float().to(self.dtype), term.tensor)
        if term.kind == "condition":
            one = torch.ones_like(term.tensor)
            return self.select(term.tensor, one, 0 * one)
        return term.tensor

    def select(self, condition: Tensor, a: Tensor, b: Tensor) -> Tensor:
        chosen = torch.where(condition > 0.5, a, b)
        if not self.through_reset:
            return chosen
        # Nothing, with the gradient of condition * (a - b).
        slope = condition * (a - b).detach()
        return chosen + Carried.apply(torch.zeros_like(slope), slope)

    def surrogate(self, u: Tensor) -> Tensor:
        if self.program.surrogate is None:
            return (1 + self.slope * u.abs()) ** -2
        name, tree = self.program.surrogate
        margin = self.margin
        with torch.no_grad():
            result = self.number(self.tree(tree, {name: Term("number", u)}))
        self.margin = margin
        return result

    def near(self, left: Tensor, right: Tensor) -> None:
        distance = (left - right).detach().abs()
        scale = torch.maximum(left.detach().abs(), right.detach().abs()).clamp(min=1)
        relative = (distance / scale)[distance > 0]
        if relative.numel():
            self.margin = min(self.margin, relative.min().item())

    def tree(self, tree: Tree, known: Dict[str, Term]) -> Term:
        kind = tree[0]
        if kind == "literal":
            return Term("constant", torch.tensor(tree[1], dtype=torch.float64))
        if kind == "name":
            if tree[1] == "dt":
                return Term("constant", torch.tensor(self.dt, dtype=torch.float64))
            known_term = known.get(tree[1])
            return known_term or Term("constant", self.parameters[tree[1]])
        terms = [self.tree(inner, known) for inner in tree[1:]]
        if kind in ("&&", "||", "!"):
            assert all(term.kind == "condition" for term in terms)
            c = [term.tensor for term in terms]
            made = c[0] * c[1] if kind == "&&" else 1 - c[0]
            return Term("condition", c[0] + c[1] - c[0] * c[1] if kind == "||" else made)
        if kind == "?":
            assert terms[0].kind == "condition"
            a, b = self.number(terms[1]), self.number(terms[2])
            return Term("number", self.select(terms[0].tensor, a, b))
        if all(term.kind == "constant" for term in terms):
            x = [term.tensor for term in terms]
            if kind == "number":
                value = Carried.apply(x[0].detach().float().double(), x[0])
                return Term("constant", value)
            if kind == "floor":
                return Term("constant", x[0].detach().floor())
            if kind == "**":
                return Term("constant", x[0] ** x[1])
            return Term("constant", self.operation(kind, x))
        if kind == "**":
            base, exponent = self.number(terms[0]), tree[2][1]
            assert exponent in (2, 3, 4)
            product = base
            for _ in range(1, int(exponent)):
                product = product * base
            return Term("number", self.seen(product))
        x = [self.number(term) for term in terms]
        if kind in LEVELS[2]:
            self.near(*x)
            if kind in ("==", "!="):
                return Term("condition", (x[0].eq(x[1]) == (kind == "==")).to(self.dtype))
            if kind[0] == "<":
                x.reverse()
            return Term("condition", Compared.apply(*x, self.surrogate, kind[1:] == "="))
        if kind == "number":
            return Term("number", x[0])
        if kind in ("min", "max"):
            self.near(*x)
        elif kind == "abs":
            self.near(x[0], torch.zeros_like(x[0]))
        elif kind == "floor":
            self.near(x[0], x[0].detach().round())
            return Term("number", Carried.apply(x[0].detach().floor(), x[0]))
        return Term("number", self.seen(self.operation(kind, x)))

    def seen(self, tensor: Tensor) -> Tensor:
        largest = tensor.detach().abs().max().item()
        self.largest = largest if not largest <= self.largest else self.largest
        return tensor

    @staticmethod
    def operation(kind: str, x: List[Tensor]) -> Tensor:
        a, b = x[0], x[-1]
        if kind == "+":
            return a + b
        if kind == "-":
            return a - b
        if kind == "*":
            return a * b
        if kind == "/":
            return a / b
        if kind == "negative":
            return -a
        if kind == "abs":
            return torch.where(a < 0, -a, a)
        if kind == "min":
            return torch.where(a < b, a, b)
        if kind == "max":
            return torch.where(a > b, a, b)
        return {"sqrt": torch.sqrt, "exp": torch.exp, "log": torch.log, "tanh": torch.tanh}[kind](a)


class RandomProgram:
    """Texts with parameters p and q, the input x and up to three states, of numbers alone; the twin
    of Tests/ArcuateTestSupport/RandomProgram.swift."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.numbers = ["x", "p", "q", "0.5", "1.25", "2 * p", "exp(-q)", "0.1 * spikes_before"]
        self.conditions: List[str] = []

    def pick(self, count: int) -> int:
        return int(self.random.integers(count))

    def one(self, of: List[str]) -> str:
        return of[self.pick(len(of))]

    def number(self, depth: int) -> str:
        if depth <= 0:
            return self.one(self.numbers)
        kind = self.pick(20)

        def inner() -> str:
            return self.number(depth - 1)

        if kind < 9:
            return f"({inner()} {'+++--****'[kind]} {inner()})"
        if kind == 18:
            return f"({self.condition(depth - 1)} ? {inner()} : {inner()})"
        return {
            9: lambda: f"({inner()} / (1.5 + abs({inner()})))",
            10: lambda: f"-{inner()}",
            11: lambda: f"max({inner()}, {inner()})",
            12: lambda: f"min({inner()}, {inner()})",
            13: lambda: f"floor({inner()})",
            14: lambda: f"exp(min({inner()}, 2))",
            15: lambda: f"log(1 + abs({inner()}))",
            16: lambda: f"tanh({inner()})",
            17: lambda: f"sqrt(0.25 + abs({inner()}))",
            19: lambda: f"tanh({inner()}) ** {2 + self.pick(3)}",
        }[kind]()

    def condition(self, depth: int) -> str:
        if depth > 0 and self.pick(3) == 0:
            kind = self.pick(3)
            if kind == 2:
                return f"!{self.condition(depth - 1)}"
            return f"({self.condition(depth - 1)} {['&&', '||'][kind]} {self.condition(depth - 1)})"
        if self.conditions and self.pick(3) == 0:
            return self.one(self.conditions)
        symbol = self.one([">", ">=", "<", "<=", ">", "<", "!="])
        return f"({self.number(depth)} + x {symbol} {self.number(depth)})"

    def text(self) -> str:
        lines = ["parameter p = 0.4, q = 0.8", "state v = 0.25 * q"]
        self.numbers += ["v", "v"]
        has_more = self.pick(2) == 0
        if has_more:
            lines.append("state w = p, u = -1")
            self.numbers += ["w", "u"]
        for n in range(1 + self.pick(4)):
            kind = self.pick(5)
            if kind == 0:
                lines.append(f"c{n} = {self.condition(1)}")
                self.conditions.append(f"c{n}")
            elif kind == 1 and has_more:
                lines.append(f"w = 0.5 * w + tanh({self.number(2)})")
            elif kind == 2 and has_more:
                lines.append(f"u = 0.5 * u + {self.number(1)}")
            else:
                lines.append(f"a{n} = {self.number(2)} + x")
                self.numbers.append(f"a{n}")
        lines += [
            lambda: [f"v = 0.5 * v + {self.number(1)}", "value = v"],
            lambda: [f"v = 0.5 * v + {self.number(1)}", "count = floor(min(abs(v), 9))"],
            lambda: [f"spike = {self.condition(1)}", f"v = {self.number(2)}"],
            lambda: [f"v = tanh({self.number(2)})", "spike = v >= 0.3", "v = spike ? v - 0.3 : v"],
            lambda: [f"v = 0.5 * v + {self.number(1)}", "spike = v > q", "v = spike ? p : v"],
            lambda: [f"v = 0.5 * v + {self.number(1)}", "spike = v > q", "v -= q * spike"],
        ][self.pick(6)]()
        if has_more and lines[-2].startswith("spike"):
            lines.append("w = 0.9 * w + 0.1 * spike")
        return "\n".join(lines) + "\n"
