"""Finds cbor2 and cryptography: those of this interpreter, else those of the interoperability tests.

Without them the tests that need them are skipped, and say so; where CI decides they fail instead.
"""

import importlib.util
import os
import site
import sys
import unittest
from pathlib import Path

NAMES = ("cbor2", "cryptography")


def missing():
    return [name for name in NAMES if importlib.util.find_spec(name) is None]


if missing():
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site.addsitedir(
        str(Path(__file__).resolve().parents[2] / ".build/venv/lib" / version / "site-packages"))
    importlib.invalidate_caches()
if missing() and os.environ.get("CI") != "true":
    raise unittest.SkipTest(f"not installed: {', '.join(missing())}")
