"""No two paths differ only in case, at any depth, so that a clone on a case-insensitive file
system keeps every file; and no file names a folder of one machine."""

import re
import sys
import unicodedata

from source import files, text

wrong = []
spelled: dict[str, str] = {}
for path in files():
    parts = path.split("/")
    for depth in range(1, len(parts) + 1):
        prefix = "/".join(parts[:depth])
        key = unicodedata.normalize("NFC", prefix).casefold()
        if spelled.setdefault(key, prefix) != prefix:
            wrong.append(f"{prefix} and {spelled[key]} differ only in case")
    if re.search(r'[<>:"|?*\\]|[ .](?:/|$)', path):
        wrong.append(f"{path} cannot be checked out on Windows")

ABSOLUTE = re.compile(r"(?<![\w.$}~*/:-])/(?:work|root|home|Users|tmp/[\w-]+\.)[/\w]")
for path in files(
    ".swift",
    ".c",
    ".h",
    ".cpp",
    ".py",
    ".sh",
    ".md",
    ".txt",
    ".cmake",
    ".toml",
    ".yml",
    ".json",
    ".map",
):
    for n, line in enumerate(text(path).split("\n")):
        if ABSOLUTE.search(line) and not path.startswith("Tests/house/"):
            wrong.append(f"{path}:{n + 1}: a path of one machine: {line.strip()[:80]}")

print("\n".join(sorted(set(wrong))) or f"{len(files())} paths, each spelled in one way")
sys.exit(1 if wrong else 0)
