"""A network of ReLUs without biases, trained in NumPy."""

from __future__ import annotations

from typing import Callable, List

import numpy as np


def train(
    images: np.ndarray,
    labels: np.ndarray,
    sizes: List[int],
    seed: int,
    epochs: int,
    say: Callable[[str], None],
) -> List[np.ndarray]:
    """The weights [out, in] of each layer: cross-entropy, Adam at 1e-3 in batches of 128, a fifth of
    the hidden units left out at random."""
    draw = np.random.default_rng(seed)
    weights = [
        draw.normal(0, np.sqrt(2 / a), (b, a)).astype(np.float32) for a, b in zip(sizes, sizes[1:])
    ]
    first = [np.zeros_like(w) for w in weights]
    second = [np.zeros_like(w) for w in weights]
    step = 0
    for epoch in range(epochs):
        rate = 1e-3 if epoch < epochs - 1 else 3e-4
        order = draw.permutation(len(images))
        loss = 0.0
        for start in range(0, len(order), 128):
            batch = order[start : start + 128]
            values, masks = [images[batch]], []
            for w in weights[:-1]:
                hidden = np.maximum(values[-1] @ w.T, 0)
                masks.append((draw.random(hidden.shape, np.float32) < 0.8).astype(np.float32) / 0.8)
                values.append(hidden * masks[-1])
            logits = values[-1] @ weights[-1].T
            logits -= logits.max(axis=1, keepdims=True)
            chance = np.exp(logits)
            chance /= chance.sum(axis=1, keepdims=True)
            rows = np.arange(len(batch))
            loss -= np.log(chance[rows, labels[batch]] + 1e-20).sum()
            slope = chance
            slope[rows, labels[batch]] -= 1
            slope /= len(batch)
            step += 1
            for i in reversed(range(len(weights))):
                gradient = slope.T @ values[i]
                if i > 0:
                    slope = (slope @ weights[i]) * (values[i] > 0) * masks[i - 1]
                first[i] += 0.1 * (gradient - first[i])
                second[i] += 0.001 * (gradient * gradient - second[i])
                near = first[i] / (1 - 0.9**step)
                weights[i] -= rate * near / (np.sqrt(second[i] / (1 - 0.999**step)) + 1e-8)
        say(f"seed {seed}: epoch {epoch + 1} of {epochs}, loss {loss / len(order):.4f}")
    return weights
