"""Words from log-likelihoods: Kaldi's decoder over a decoding graph."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Tuple

import jiwer
import kaldi_decoder
import kaldifst
import numpy as np


class Graph:
    """A graph whose input labels are transition-ids, with the words on its output labels."""

    def __init__(self, folder: Path) -> None:
        path = str(folder / "HCLG.fst")
        with open(path, "rb") as file:
            constant = b"const" in file.read(16)
        kind = kaldifst.StdConstFst if constant else kaldifst.StdVectorFst
        self.fst = kind.read(path)
        lines = [line.split() for line in (folder / "words.txt").read_text().splitlines()]
        self.words = {int(number): word for word, number in lines}
        pairs = np.loadtxt(folder / "tid2pdf.txt", dtype=int)
        self.pdfs = np.zeros(pairs[:, 0].max(), int)
        self.pdfs[pairs[:, 0] - 1] = pairs[:, 1]

    def decode(self, likelihoods: np.ndarray, scale: float, beam: float = 16.0) -> str:
        """The words of the best path.

        likelihoods: [frames, pdfs], as natural logarithms. scale: they are multiplied with.
        """
        # The decoder asks for the label less one.
        expanded = np.ascontiguousarray((scale * likelihoods)[:, self.pdfs], np.float32)
        decoder = kaldi_decoder.FasterDecoder(
            self.fst, kaldi_decoder.FasterDecoderOptions(beam=beam)
        )
        decoder.decode(kaldi_decoder.DecodableCtc(expanded))
        found, path = decoder.get_best_path(use_final_probs=decoder.reached_final())
        if not found:
            return ""
        _, _, labels, _ = kaldifst.get_linear_symbol_sequence(path)
        words = [self.words[label] for label in labels]
        return " ".join(word for word in words if not word.startswith("<"))


def word_errors(truth: Dict[str, str], heard: Dict[str, str]) -> Tuple[int, int]:
    """Words that were put in, left out or mistaken, and the words spoken."""
    keys: List[str] = sorted(truth)
    found = jiwer.process_words([truth[k] for k in keys], [heard[k] for k in keys])
    return (
        found.substitutions + found.deletions + found.insertions,
        found.hits + found.substitutions + found.deletions,
    )
