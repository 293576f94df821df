"""Tracked files, and the code of a Swift file without its comments and strings."""

import functools
import os
import re
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@functools.cache
def files(*suffixes: str) -> list[str]:
    """Paths of the files in git, and of new ones that are not ignored, each once."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=TOP,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    return sorted(
        {
            f
            for f in listed
            if f.endswith(suffixes or "") and os.path.isfile(os.path.join(TOP, f)) and f
        }
    )


@functools.cache
def text(path: str) -> str:
    with open(os.path.join(TOP, path), encoding="utf-8", errors="replace") as file:
        return file.read()


TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|"""(?:\\.|.)*?"""|"(?:\\\((?:[^()]|\([^()]*\))*\)|\\.|[^"\\\n])*"',
    re.DOTALL,
)


@functools.cache
def code(path: str) -> str:
    """A Swift file with comments and strings blanked; expressions inside strings stay, and so do
    line numbers."""

    def blank(match: re.Match) -> str:
        token = match.group(0)
        kept = ""
        if token.startswith('"'):
            kept = " ".join(re.findall(r"\\\(((?:[^()]|\([^()]*\))*)\)", token))
        return f' "{kept}" ' + "\n" * (token.count("\n") - kept.count("\n"))

    return TOKEN.sub(blank, text(path))


def rooms() -> dict[str, list[str]]:
    """Swift files of each room."""
    found: dict[str, list[str]] = {}
    for path in files(".swift"):
        parts = path.split("/")
        if parts[0] == "Sources":
            found.setdefault(parts[1], []).append(path)
    return found
