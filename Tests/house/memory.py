"""Raw pointers stay in the files of tables.py, and each use of them says why it is safe.

Lending the memory of an array for the time of a closure (`withUnsafeBytes`) needs no reason. A line
that makes a pointer, retypes it or shares it between threads has a line "// SAFETY:" within the twenty lines above it, in the same
declaration, or within the five below.
"""

import re
import sys

from source import code, rooms, text
from tables import POINTER_ROOMS, POINTERS

NAMED = re.compile(
    r"Unsafe(?:Mutable)?(?:Raw)?(?:Buffer)?Pointer|\bOpaquePointer\b|\bUnmanaged\b|\bunsafeBitCast\b"
    r"|\bwithUnsafe\w+|\bwithMemoryRebound\b|\bassumingMemoryBound\b|\bnonisolated\(unsafe\)"
)
USED = re.compile(
    r"Unsafe(?:Mutable)?(?:Raw)?(?:Buffer)?Pointer(?:<[^<>]*>)?\(|\bUnmanaged[.<]|\bunsafeBitCast\("
    r"|\bwithUnsafeTemporaryAllocation|\bwithMemoryRebound|\bassumingMemoryBound"
    r"|\bnonisolated\(unsafe\)|@unchecked Sendable"
)
DECLARATION = re.compile(r"^\s*(?:@\S+\s+)*(?:\w+\s+)*(?:func|init|deinit|subscript)\b")

wrong = []
uses = 0
needed = set()
for paths in rooms().values():
    for path in paths:
        inside = path.removeprefix("Sources/")
        if inside.startswith(tuple(POINTER_ROOMS)):
            continue
        lines = code(path).split("\n")
        original = text(path).split("\n")
        allowed = inside.startswith(tuple(POINTERS))
        for n, line in enumerate(lines):
            if NAMED.search(line):
                needed |= {p for p in POINTERS if inside.startswith(p)}
            if NAMED.search(line) and not allowed:
                wrong.append(f"{path}:{n + 1}: a pointer outside the files of tables.py")
            if not USED.search(line):
                continue
            uses += 1
            if re.search(r"\bfunc withUnsafe", line) or any(
                "SAFETY:" in below for below in original[n + 1 : n + 6]
            ):
                continue
            for above in range(n, max(-1, n - 21), -1):
                if "SAFETY:" in original[above]:
                    break
                # The comment may stand above the declaration in which the use is.
                if DECLARATION.match(lines[above]) and above < n:
                    start = above
                    while start > 0 and original[start - 1].lstrip().startswith(("//", "@")):
                        start -= 1
                    if not any("SAFETY:" in original[i] for i in range(start, above)):
                        wrong.append(f"{path}:{n + 1}: no // SAFETY: above {line.strip()[:60]}")
                    break
            else:
                wrong.append(f"{path}:{n + 1}: no // SAFETY: above {line.strip()[:60]}")

wrong += [f"tables.py: {p} has no pointers" for p in POINTERS if p not in needed]
print("\n".join(wrong) or f"{uses} unsafe uses, each with its reason")
sys.exit(1 if wrong else 0)
