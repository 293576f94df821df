"""Below the faces functions throw `ArcuateError` by type, and no error is cast by force."""

import re
import sys

from source import code, rooms
from tables import TYPED, UNTYPED

wrong = []
untyped: dict[str, int] = {}
for room, paths in rooms().items():
    for path in paths:
        for n, line in enumerate(code(path).split("\n")):
            if "as! ArcuateError" in line:
                wrong.append(f"{path}:{n + 1}: as! ArcuateError")
            if room in TYPED and re.search(r"\bthrows\b(?!\s*\()", line):
                untyped[room] = untyped.get(room, 0) + 1
                if "--all" in sys.argv:
                    wrong.append(f"{path}:{n + 1}: throws without a type")
for room in sorted(set(untyped) | set(UNTYPED)):
    count, most = untyped.get(room, 0), UNTYPED.get(room, 0)
    if count > most:
        wrong.append(
            f"{room}: {count} functions throw without a type (--all lists them), not {most}"
        )
    elif count < most:
        print(f"{room}: {count} functions throw without a type; tables.py may say so")
left = sum(untyped.values())
print("\n".join(wrong) or f"{len(TYPED)} rooms throw by type, but for {left} functions")
sys.exit(1 if wrong else 0)
