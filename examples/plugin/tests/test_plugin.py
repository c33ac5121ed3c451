"""The plugin registers, and an engine uses what it offers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import codeflow_engine as codeflow
import pytest
from codeflow_engine.errors import ConfigurationError


def write(folder: Path, files: dict[str, str]) -> None:
    """Write files under a directory."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_a_review_reads_trees_and_finds_sql(tmp_path: Path) -> None:
    """Both backends at work, as a user has them once the plugin is installed."""
    write(tmp_path, {"base/a.py": "x = 1\n", "head/a.py": "x = 1\ndb.execute(f'{x}')\n"})

    with codeflow.Engine(vcs="acme-trees") as engine:
        review = engine.review(tmp_path, analyzers=["acme-sql"])

    assert review.outcome is codeflow.Outcome.REVIEWED
    assert [(one.rule, one.path, one.line) for one in review.findings] == [
        ("acme-sql/built-sql", "a.py", 2)
    ]


def test_settings_are_checked(tmp_path: Path) -> None:
    """A key that no backend knows is refused, and its value is not shown."""
    settings = {"acme-trees": {"max_flies": 1}}

    with (
        codeflow.Engine(vcs="acme-trees", backend_settings=settings) as engine,
        pytest.raises(ConfigurationError, match="max_flies"),
    ):
        engine.review(tmp_path)


def test_registering_loads_no_backend() -> None:
    """Every engine pays for what a plugin imports when it registers."""
    code = (
        "import sys, codeflow_engine as codeflow\n"
        "with codeflow.Engine() as engine:\n"
        "    assert any(one.name == 'acme-sql' for one in engine.plugins.backends)\n"
        "print(sorted(name for name in sys.modules if name.startswith('codeflow_acme')))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)

    assert done.stdout == "['codeflow_acme', 'codeflow_acme.plugin']\n"
