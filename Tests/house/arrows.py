"""Arrows between rooms and between the folders of a room: arrows.py [--all]

A file has an arrow to another one whose type, top-level function or member it names. A member
counts where its name is declared in one file only and is not a common word of the standard
library. No arrow may run up the order of tables.py, and none may close a circle of folders.
--all also prints the files behind each arrow.
"""

import collections
import re
import sys

from source import code, rooms
from tables import ARROWS, FOLDERS, ROOMS

SCOPE = re.compile(
    r"\b(?P<kind>struct|class|enum|protocol|actor|extension)\s+(?P<name>[A-Z][\w.]*)"
    r"|\b(?P<member>func|var|let|case|typealias|associatedtype)\s+(?P<what>`?[A-Za-z_]\w*`?)"
    r"|(?P<brace>[{}])"
)
HIDDEN = re.compile(r"\b(?:private|fileprivate)\b(?!\()[^\n{};]*$")
# Members with these names are the standard library's more often than ours.
COMMON = set(
    """description name count first last isEmpty indices map append index value values start end
    shape run reset bytes text message code path size width height kind type at all contains min max
    sum add load store read write next pointer baseAddress bitPattern rawValue hashValue debugDescription
    allCases init""".split()
)


class File:
    """What a file declares and names."""

    def __init__(self, path: str):
        self.path = path
        self.room = path.split("/")[1]
        inside = path.split("/")[2:-1]
        self.folder = inside[0] if inside else "."
        self.top: set[str] = set()  # types and functions at the top
        self.members: dict[str, set[str]] = {}  # name -> types that it belongs to
        self.scopes: set[str] = set()  # types declared or extended here
        self.read(code(path))

    def read(self, source: str) -> None:
        stack: list[str | None] = []  # the type of each open brace; None inside a function
        waiting: str | None = None
        for match in SCOPE.finditer(source):
            line = source[source.rfind("\n", 0, match.start()) + 1 : match.start()]
            hidden = HIDDEN.search(line)
            in_body = None in stack
            owner = stack[-1] if stack else None
            if match["brace"] == "{":
                stack.append(waiting)
                waiting = None
            elif match["brace"] == "}":
                if stack:
                    stack.pop()
                waiting = None
            elif match["kind"]:
                if match["kind"] == "class" and re.match(
                    r"\s+(?:func|var)\b", source[match.end("kind") :]
                ):
                    continue
                name = match["name"].split(".")[-1]
                waiting = name
                self.scopes.add(match["name"].split(".")[0])
                self.scopes.add(name)
                if match["kind"] != "extension" and not hidden and not in_body:
                    if stack:
                        self.members.setdefault(name, set()).add(owner or "")
                    else:
                        self.top.add(name)
            elif not in_body and not hidden:
                name = match["what"].strip("`")
                if not stack:
                    self.top.add(name)
                elif owner:
                    self.members.setdefault(name, set()).add(owner)


def visible(room: str) -> set[str]:
    """A room and all below it."""
    found, waiting = {room}, list(ROOMS.get(room, []))
    while waiting:
        other = waiting.pop()
        if other not in found:
            found.add(other)
            waiting += ROOMS.get(other, [])
    return found


def arrows(files: list[File]) -> dict[tuple[File, File], set[str]]:
    top, members = collections.defaultdict(list), collections.defaultdict(list)
    for file in files:
        for name in file.top:
            top[name].append(file)
        for name in file.members:
            members[name].append(file)
    below = {room: visible(room) for room in {file.room for file in files}}
    found: dict[tuple[File, File], set[str]] = collections.defaultdict(set)
    for file in files:
        source = code(file.path)
        local = set(re.findall(r"\b(?:let|var|func|for|case)\s+`?(\w+)", source))
        for name in set(re.findall(r"(?<![\w.#@])[A-Za-z_]\w*", source)):
            if file in top.get(name, []) or file in members.get(name, []):
                continue
            targets = [f for f in top.get(name, []) if f.room == file.room] or [
                f for f in top.get(name, []) if f.room in below[file.room]
            ]
            if len(targets) == 1 and (name[0].isupper() or name not in local):
                if name[0].isupper() or re.search(rf"(?<![\w.#@]){name}\s*\(", source):
                    found[(file, targets[0])].add(name)
            elif not targets and len(members.get(name, [])) == 1:
                # Inside an extension of the type that has it, a member needs no dot.
                other = members[name][0]
                shared = other.members[name] & file.scopes
                if other.room == file.room and shared and name not in local:
                    if name[0].isupper() or re.search(rf"(?<![\w.#@]){name}\s*\(", source):
                        found[(file, other)].add(name)
        for name in set(re.findall(r"\.\s*`?([A-Za-z_]\w*)", source)) - COMMON:
            targets = members.get(name, [])
            if len(targets) == 1 and targets[0] is not file:
                if targets[0].room in below[file.room] and (
                    name[0].isupper() or re.search(r"[A-Z]", name)
                ):
                    found[(file, targets[0])].add(name)
    return found


def circles(edges: set[tuple[str, str]]) -> list[list[str]]:
    """Groups of nodes that reach each other."""
    nodes = sorted({n for edge in edges for n in edge})
    reach = {n: {b for a, b in edges if a == n} for n in nodes}
    for middle in nodes:
        for n in nodes:
            if middle in reach[n]:
                reach[n] = reach[n] | reach[middle]
    groups = []
    for n in nodes:
        group = [m for m in nodes if m in reach[n] and n in reach[m]]
        if len(group) > 1 and group[0] == n:
            groups.append(group)
    return groups


def main() -> int:
    files = [File(p) for paths in rooms().values() for p in paths]
    edges = arrows(files)
    wrong: list[str] = []
    kept: set[str] = set()

    print("between rooms")
    pairs = collections.Counter((a.room, b.room) for a, b in edges if a.room != b.room)
    for room in ROOMS:
        below = [f"{b} {n}" for (a, b), n in sorted(pairs.items()) if a == room]
        if below:
            print(f"  {room} -> {', '.join(below)}")
    for group in circles(set(pairs)):
        wrong.append(f"rooms in a circle: {', '.join(group)}")

    for room, levels in FOLDERS.items():
        level = {folder: n for n, names in enumerate(levels) for folder in names}
        print(f"inside {room}: {' > '.join('{' + ', '.join(n) + '}' for n in levels)}")
        for file in files:
            if file.room == room and file.folder not in level:
                wrong.append(f"{file.path}: its folder has no place in tables.py")
        inner = {
            (a, b): names
            for (a, b), names in edges.items()
            if a.room == b.room == room and a.folder != b.folder
        }
        counts = collections.Counter((a.folder, b.folder) for a, b in inner)
        for folder in level:
            below = [f"{b} {n}" for (a, b), n in sorted(counts.items()) if a == folder]
            if below:
                print(f"  {folder} -> {', '.join(below)}")
        remaining = set()
        for (a, b), names in sorted(inner.items(), key=lambda e: (e[0][0].path, e[0][1].path)):
            arrow = f"{a.path[8:]} -> {b.path[8:]}"
            what = f"{arrow} ({', '.join(sorted(names)[:4])})"
            if arrow in ARROWS:
                kept.add(arrow)
            elif level.get(a.folder, 0) > level.get(b.folder, 0):
                wrong.append(f"up: {what}")
            else:
                remaining.add((a.folder, b.folder))
            if "--all" in sys.argv:
                print(f"    {what}")
        for group in circles(remaining):
            wrong.append(f"folders of {room} in a circle: {', '.join(group)}")
    wrong += [
        f"no longer an arrow, take its line out of tables.py: {a}" for a in set(ARROWS) - kept
    ]
    print("\n".join(wrong) or f"{len(edges)} arrows between files, none up, no circle of folders")
    if ARROWS:
        print(f"{len(ARROWS)} exceptions, with their reasons in tables.py")
    return 1 if wrong else 0


sys.exit(main())
