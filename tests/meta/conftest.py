"""What several tests of the project itself stand on."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def noxfile(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Load the noxfile without nox, which no test environment has."""
    nox = ModuleType("nox")
    nox.options = SimpleNamespace()  # type: ignore[attr-defined]  # a stand-in
    nox.session = lambda function, **_: function  # type: ignore[attr-defined]  # the same
    nox.Session = object  # type: ignore[attr-defined]  # the same
    monkeypatch.setitem(sys.modules, "nox", nox)
    return runpy.run_path(str(ROOT / "noxfile.py"))
