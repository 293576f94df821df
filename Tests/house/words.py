"""Reports words of public text that the vocabulary does not have: words.py [--all]

Public text is the header, READMEs, help and messages of the commands, docstrings and comments of
the Python package and the comments `///` of Swift. A report: it never fails.
"""

import collections
import re
import sys

from source import files, text

WORDS = {
    r"\b(?:recipes?)\b": "options",
    r"\b(?:twins?)\b": "reference kernel, or spiking/artificial counterpart",
    r"\b(?:crews?)\b": "thread pool",
    r"\b(?:doors?)\b": "dispatch",
    r"\b(?:learn(?:s|ing|ed|t)?|teach(?:es|ing)?)\b": "train, or adapt",
    r"\b(?:drawn|draws?)\b": "sampled, randomly initialized",
    r"\b(?:sentences?)\b": "message",
    r"\b(?:answers?|answered|answering)\b": "prediction, output, readout",
    r"\b(?:rooms?)\b": "buffer, scratch, storage",
    r"\b(?:anew|whoever|vouch\w*)\b": "",
    r"\b(?:what it is told|those that|so often|as well|once more)\b": "",
    r"\b(?:ifire)\b": "integrateAndFire",
    r"\b(?:bare rows?)\b": "list-only row",
    r"\b\w*(?:normalis|quantis|initialis|optimis|organis|recognis|serialis|minimis|maximis|summaris|"
    r"synchronis|generalis|specialis|vectoris|utilis)\w*\b": "-iz-",
    r"\b\w*(?:colour|behaviour|neighbour|favour)\w*\b": "-or",
    r"\b(?:centre\w*|labell\w+|modell\w+|cancell(?:ed|ing)|travell\w+)\b": "American spelling",
}
PATTERN = re.compile("|".join(f"(?P<w{n}>{w})" for n, w in enumerate(WORDS)), re.IGNORECASE)
BETTER = list(WORDS.values())


def public(path: str) -> list[tuple[int, str]]:
    lines = list(enumerate(text(path).split("\n"), 1))
    if path.endswith(".md") or path.startswith("include/"):
        return lines
    if path.startswith("bindings/python/src/"):
        return [(n, t) for n, t in lines if re.search(r"#|\"\"\"|^\s+[A-Z].*[a-z]|\"", t)]
    if path.startswith(
        ("Sources/ArcuateCommand/", "Sources/ArcuateConsole/", "Sources/ArcuateBench/")
    ):
        return [(n, t) for n, t in lines if '"' in t or t.lstrip().startswith("///")]
    if (
        path.startswith("Sources/")
        and path.endswith(".swift")
        and "AVX512" not in path
        and "Baseline" not in path
    ):
        return [
            (n, t) for n, t in lines if t.lstrip().startswith("///") or re.search(r'Error\(.*"', t)
        ]
    return []


found = collections.Counter()
count = collections.Counter()
for path in files(".swift", ".md", ".h", ".py"):
    for n, line in public(path):
        for match in PATTERN.finditer(line):
            better = BETTER[int(match.lastgroup[1:])]
            found[path.split("/")[1] if path.startswith("Sources/") else path.split("/")[0]] += 1
            count[match.group(0).lower()] += 1
            if "--all" in sys.argv:
                print(f"{path}:{n}: {match.group(0)}{' -> ' + better if better else ''}")
print(
    f"{sum(found.values())} words to look at (--all lists them): "
    + ", ".join(f"{w} {n}" for w, n in count.most_common(12))
)
print("where: " + ", ".join(f"{w} {n}" for w, n in found.most_common(12)))
