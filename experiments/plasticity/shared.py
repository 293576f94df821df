"""The modules of ../systems, which the files of this folder share: once this is imported, so may they be."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "systems"))
