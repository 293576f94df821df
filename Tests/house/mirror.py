"""Tests mirror the rooms: a target for each room or a line in tables.py, and inside it the room's
folders."""

import os
import sys

from source import TOP, files
from tables import ROOMS, TESTED_BY

wrong = []
for room in ROOMS:
    tests = f"Tests/{room}Tests"
    has_tests = os.path.isdir(os.path.join(TOP, tests))
    if has_tests == (room in TESTED_BY):
        wrong.append(f"{room} needs {tests}, or a line in tables.py, not both")
    for path in files(".swift"):
        inside = os.path.dirname(path.removeprefix(tests + "/"))
        if path.startswith(tests + "/") and inside:
            if not os.path.isdir(os.path.join(TOP, "Sources", room, inside)):
                wrong.append(f"{path}: Sources/{room} has no folder {inside}")

print("\n".join(wrong) or f"{len(ROOMS)} rooms have their tests")
sys.exit(1 if wrong else 0)
