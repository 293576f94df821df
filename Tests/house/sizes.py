"""READMEs and files stay short: ten lines of text in a room's README, 150 in the top one, 600 in a
source file, 400 without a reason in tables.py."""

import os
import sys

from source import TOP, files, text
from tables import LONG_FILES

wrong = []
for path in files("README.md"):
    # A line of text is at most 120 columns; a longer one counts as several.
    lines = [line for line in text(path).split("\n")[1:] if line.strip()]
    if path == "README.md":
        if text(path).count("\n") > 150:
            wrong.append(f"{path}: {text(path).count(chr(10))} lines, at most 150")
    elif path.startswith("Sources/"):
        count = sum((len(line) + 119) // 120 for line in lines)
        if count > 10:
            wrong.append(f"{path}: {count} lines of text, at most 10")

sources = files(".swift", ".c", ".h", ".cpp", ".py", ".sh", ".awk", ".cmake")
long = {}
for path in sources:
    if "ArcuateMicrokernelsAVX512" not in path and "ArcuateMicrokernelsBaseline" not in path:
        count = text(path).count("\n")
        if count > 600:
            wrong.append(f"{path}: {count} lines, at most 600")
        elif count > 400:
            long[path] = count
            if path not in LONG_FILES:
                wrong.append(f"{path}: {count} lines, above 400 without a reason in tables.py")
wrong += [f"no longer above 400 lines: {p}" for p in LONG_FILES if p not in long]

for folder in sorted({p.split("/")[1] for p in files(".swift", ".c") if p.startswith("Sources/")}):
    if not os.path.exists(os.path.join(TOP, "Sources", folder, "README.md")):
        wrong.append(f"Sources/{folder} has no README.md")

print("\n".join(wrong) or f"{len(sources)} files within their budgets")
sys.exit(1 if wrong else 0)
