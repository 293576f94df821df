"""Numbers from outside reach no operation that can end the process at the edge of a type.

In the rooms that read files and callers' numbers an integer is converted by a labeled initializer:
one that cannot fail (`widening:`, `truncatingIfNeeded:`, `bitPattern:`), keeps within a range
(`clamping:`, `bounding:`) or answers nil (`exactly:`, `text:`). The magnitude of a number is
`.magnitude`, since `abs` of the least Int traps, as does its negation. Shifts by a variable and
negations that stay are in RAW_NUMBERS of tables.py, each with the reason why its numbers are bounded.

Sums and products are not listed: readers bound each number that they let in, and `Shape` the
products of extents.
"""

import re
import sys

from source import code, rooms
from tables import RAW_NUMBERS

ROOMS = [
    "ArcuateFormats",
    "ArcuateData",
    "ArcuateModel",
    "ArcuateC",
    "ArcuateCommand",
    "ArcuateConsole",
]
LABELS = "exactly|text|widening|truncatingIfNeeded|bitPattern|clamping|bounding|ascii|littleEndian|bigEndian"
NEVER = {
    rf"(?<![\w.])U?Int(?:8|16|32|64)?\((?!\s*(?:{LABELS}):|\))": "a conversion without a label",
    r"(?<![\w.])(?:Swift\.)?abs\(": "abs: use .magnitude",
}
LISTED = {
    r"(?:[(,=:?\[]|\breturn|\.\.\.)\s*-\(?[a-z]\w*": "a negation",
    r"<<=?\s*[A-Za-z(]": "a shift by a variable",
}

wrong = []
found = dict.fromkeys(RAW_NUMBERS, 0)
for room in ROOMS:
    for path in rooms()[room]:
        inside = path.removeprefix("Sources/")
        for pattern, what in NEVER.items():
            for match in re.finditer(pattern, code(path)):
                n = code(path)[: match.start()].count("\n")
                line = code(path).split("\n")[n].strip()
                wrong.append(f"{path}:{n + 1}: {what}: {line[:80]}")
        for n, line in enumerate(code(path).split("\n")):
            for pattern, what in LISTED.items():
                if not re.search(pattern, line):
                    continue
                known = [k for k in RAW_NUMBERS if k[0] == inside and k[1] in line]
                for key in known:
                    found[key] += 1
                if not known:
                    wrong.append(f"{path}:{n + 1}: {what} without a reason: {line.strip()[:80]}")
wrong += [f"tables.py: {file} has no {what!r}" for (file, what), n in found.items() if n == 0]
print("\n".join(wrong) or f"{len(RAW_NUMBERS)} negations and shifts, each with its reason")
sys.exit(1 if wrong else 0)
