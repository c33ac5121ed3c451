"""What the READMEs of the examples say runs as it is shown."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from pages import Reader, blocks

pytestmark = pytest.mark.docs

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("name", ["embed"])
def test_the_readme_of_an_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """As somebody follows it, in a copy of the directory."""
    here = tmp_path / name
    shutil.copytree(EXAMPLES / name, here, ignore=shutil.ignore_patterns("__pycache__", "*.db*"))
    monkeypatch.chdir(here)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    text = (here / "README.md").read_text("utf-8")
    reader = Reader(here)

    reader.read(text)

    assert reader.ran == sum(block.language == "console" for block in blocks(text))
