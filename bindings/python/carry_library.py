"""Adds the library and the guides to the wheel and the source distribution, and tags the wheel."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FILE_NAME = "libarcuate.so.0.2"


class CarryLibrary(BuildHookInterface):
    """The library is the file named by ARCUATE_LIBRARY, or the one that a source distribution carries,
    or the one that `swift build` made in the repository around this folder."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        library = self.find()
        texts = self.texts()
        if self.target_name == "sdist":
            for text in texts:
                build_data["force_include"][str(text)] = (
                    f"src/arcuate/{text.parent.name}/{text.name}"
                )
            if library:
                build_data["force_include"][str(library)] = f"src/arcuate/{FILE_NAME}"
            return
        if version == "editable":
            return
        if not library:
            raise SystemExit(
                "There is no Arcuate library to put into the wheel. In the repository, run\n"
                "    swift build -c release --product arcuate-c\n"
                "or set ARCUATE_LIBRARY to the path of a library that was built elsewhere."
            )
        self.check_version(library)
        build_data["force_include"][str(library)] = f"arcuate/{FILE_NAME}"
        for text in texts:
            build_data["force_include"][str(text)] = f"arcuate/{text.parent.name}/{text.name}"
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform_tag(library)}"

    def find(self) -> Path | None:
        named = os.environ.get("ARCUATE_LIBRARY")
        if named:
            if not Path(named).is_file():
                raise SystemExit(f"ARCUATE_LIBRARY names {named}, which is not a file.")
            return Path(named).resolve()
        root = Path(self.root)
        carried = root / "src" / "arcuate" / FILE_NAME
        built = root.parent.parent / ".build" / "release" / "libarcuate-c.so"
        places = [carried] if (root / "PKG-INFO").exists() else [built]
        return next((place.resolve() for place in places if place.is_file()), None)

    def texts(self) -> list[Path]:
        """The documents of the repository, which a source distribution already carries."""
        root = Path(self.root)
        if (root / "PKG-INFO").exists():
            return []
        repository = root.parent.parent
        return sorted((repository / "docs").glob("*.md"))

    def check_version(self, library: Path) -> None:
        try:
            number = ctypes.CDLL(str(library)).arcuate_version()
        except (OSError, AttributeError) as error:
            raise SystemExit(f"{library} is not an Arcuate library: {error}") from None
        has = f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"
        if has != self.metadata.version:
            raise SystemExit(f"{library} has version {has}, this package {self.metadata.version}.")


def platform_tag(library: Path) -> str:
    """The tag that says which glibc the library needs: the newest of the versions that it names."""
    if sys.platform != "linux":
        raise SystemExit("Wheels are built on Linux only.")
    needs = re.findall(rb"\0GLIBC_2\.(\d+)(?=[\0.])", library.read_bytes())
    return f"manylinux_2_{max(map(int, needs))}_{platform.machine()}"
