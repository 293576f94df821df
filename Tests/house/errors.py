"""Below the faces functions throw `ArcuateError` by type, and no error is cast by force."""

import re
import sys

from source import code, rooms
from tables import TYPED

wrong = []
for room, paths in rooms().items():
    for path in paths:
        for n, line in enumerate(code(path).split("\n")):
            if "as! ArcuateError" in line:
                wrong.append(f"{path}:{n + 1}: as! ArcuateError")
            if room in TYPED and re.search(r"\bthrows\b(?!\s*\()", line):
                wrong.append(f"{path}:{n + 1}: throws without a type")
print("\n".join(wrong) or f"{len(TYPED)} rooms throw by type")
sys.exit(1 if wrong else 0)
