"""Each room imports what its line of the table allows, and Package.swift declares it."""

import json
import re
import subprocess
import sys

from source import TOP, code, rooms
from tables import ROOMS, SYSTEM

IMPORT = re.compile(
    r"^\s*(?:@\w+\s+)*(?:public |package |internal |private |fileprivate )?import\s+"
    r"(?:struct |class |enum |protocol |func |var |let )?(\w+)",
    re.MULTILINE,
)
wrong = []
imported: dict[str, set[str]] = {}
for room, paths in rooms().items():
    for path in paths:
        for module in set(IMPORT.findall(code(path))) - SYSTEM:
            imported.setdefault(room, set()).add(module)
            if module not in ROOMS.get(room, []):
                wrong.append(f"{path} imports {module}")

described = json.loads(
    subprocess.run(
        ["swift", "package", "--scratch-path", "build/house", "dump-package"],
        cwd=TOP,
        check=True,
        capture_output=True,
    ).stdout
)


def name(dependency: dict) -> str:
    return next(iter(dependency.values()))[0]


umbrella = set(ROOMS["Arcuate"]) | {"ArcuateKernels"}
for target in described["targets"]:
    room = target["name"]
    if target["type"] == "test" or (target.get("path") or "").startswith("Tests/"):
        continue
    if room not in ROOMS:
        wrong.append(f"{room} has no line in Tests/house/tables.py")
        continue
    declared = {name(d) for d in target["dependencies"]}
    # What a room reaches through the umbrella is named as well, so that it is built again.
    above = room == "Arcuate" or "Arcuate" in ROOMS[room]
    allowed = set(ROOMS[room]) | (umbrella if above else set())
    wrong += [f"Package.swift: {room} may not depend on {d}" for d in sorted(declared - allowed)]
    missing = imported.get(room, set()) - declared
    wrong += [f"Package.swift: {room} imports {d} without declaring it" for d in sorted(missing)]

print("\n".join(wrong) or f"{len(imported)} rooms import what their lines allow")
sys.exit(1 if wrong else 0)
