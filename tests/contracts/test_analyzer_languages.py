"""An analyzer of another language than Python is asked about files of its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from mutation import struck

from codeflow_engine.contracts import Analysis, Analyzer, AnalyzerReport
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.testing.contracts import AnalyzerContract
from codeflow_engine.testing.examples import named


class Shell(Analyzer):
    """Examines shell scripts, and finds nothing in them."""

    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        """Decline whatever is no shell script."""
        files = analysis.change.diff.files
        mine = [unit for unit in analysis.units if files[unit.file].path.endswith(".sh")]
        return AnalyzerReport(
            examined=tuple(mine),
            declined=tuple((unit, "no script") for unit in analysis.units if unit not in mine),
        )


class ShellSuite(AnalyzerContract):
    suffix = ".sh"


class TestShell(ShellSuite):
    @pytest.fixture
    def create(self) -> Callable[[], Analyzer]:
        return Shell


class Startled(Shell):
    """Has never met a script that moved."""

    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        for file in analysis.change.diff.files:
            moved = file.old_path and file.new_path and file.old_path != file.new_path
            assert not (moved and file.path.endswith(".sh"))
        return await super().analyze(analysis, sandbox)


TestStartled = struck(ShellSuite, Startled, "test_it_accounts_for_every_unit")


def test_an_example_keeps_all_but_the_ending_of_its_files() -> None:
    """Contents, renames and the number of units are those of the example."""
    rename = named("rename")

    spelt = rename.spelt(".py", ".sh")

    assert len(spelt.diff.units) == len(rename.diff.units)
    assert [file.path for file in spelt.diff.files] == [
        f"{file.path.removesuffix('.py')}.sh" if file.path.endswith(".py") else file.path
        for file in rename.diff.files
    ]
    assert [old[-3:] for old in spelt.renames.values()] == [".sh"] * len(rename.renames)
