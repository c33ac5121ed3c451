"""What an analyzer says: of which units, and where its findings stand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence

import pytest

from codeflow_engine.contracts import Analyzer, AnalyzerCapability
from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.finding import RawFinding
from codeflow_engine.domain.shape import is_sound
from codeflow_engine.review.place import Locator, NoAnchorError
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.testing.contracts.analyzer.asking import Expected, account, ask, substance
from codeflow_engine.testing.examples import Example, named

__all__ = ["ReportTests"]

_BARREN = ("nothing", "deletion", "mode", "binary", "submodule", "empty-file")
"""Examples that leave little to look at: alone, each is a case of its own."""


class ReportTests:
    """Tests of what is in a report."""

    async def test_it_accounts_for_every_unit(
        self, backend: Analyzer, sandbox: Sandbox, everything: Example
    ) -> None:
        """Every unit is examined, declined or failed, in large changes and in barren ones."""
        asked = [everything, *map(named, _BARREN)]
        reports = await asyncio.gather(*(ask(backend, one.analysis(), sandbox) for one in asked))

        for example, report in zip(asked, reports, strict=True):
            silent = set(example.diff.units) - account(report).keys()
            files = example.diff.files
            paths = sorted({files[unit.file].path for unit in silent})
            assert not silent, f"the report on {example.name!r} is silent about {paths}"

    async def test_it_speaks_of_nothing_that_it_was_not_asked_about(
        self, backend: Analyzer, sandbox: Sandbox, everything: Example
    ) -> None:
        """Asked about some files of a change, it reports on their units alone, and on them all."""
        diff = everything.diff
        asked = [unit for unit in diff.units if unit.file % 2]
        paths = {
            path
            for unit in asked
            for path in (diff.files[unit.file].old_path, diff.files[unit.file].new_path)
        }

        report = await ask(backend, everything.analysis(units=asked), sandbox)

        assert account(report).keys() == set(asked)
        assert {finding.path for finding in report.findings} <= paths

    async def test_its_report_is_sound(
        self, backend: Analyzer, sandbox: Sandbox, everything: Example
    ) -> None:
        """Every value has its declared type, and every reason says something."""
        report = await ask(backend, everything.analysis(), sandbox)

        assert is_sound(report), "a value in the report has another type than is declared"
        for unit, reason in (*report.declined, *report.failed):
            path = everything.diff.files[unit.file].path
            assert reason.strip(), f"no reason is given for {path}"

    async def test_its_findings_stand_in_the_change(
        self, backend: Analyzer, sandbox: Sandbox, everything: Example
    ) -> None:
        """The engine finds the place of each: path, lines, columns, quote, suggestion."""
        reads_files = AnalyzerCapability.READS_FILES in backend.capabilities
        whole = {path: _lines(file.content) for path, file in everything.head.items()}
        diff = everything.diff
        locator = Locator(diff, frozenset(diff.units), whole if reads_files else None)

        report = await ask(backend, everything.analysis(), sandbox)

        for finding in report.findings:
            told = f"{finding.rule} at {finding.path!r}:{finding.line}"
            try:
                locator.find(finding, reads_files=reads_files)
            except NoAnchorError as reason:
                pytest.fail(f"{told} would be dropped: {reason}")
            for problem in _misplaced(finding, everything):
                pytest.fail(f"{told}: {problem}")

    async def test_its_findings_have_a_name_and_a_title(
        self, backend: Analyzer, sandbox: Sandbox, everything: Example
    ) -> None:
        """A rule is a name, a title is one line, and neither shows a secret of the change."""
        report = await ask(backend, everything.analysis(), sandbox)

        for finding in report.findings:
            assert finding.rule.strip(), f"a finding in {finding.path} has no rule"
            assert finding.title.strip(), f"{finding.rule} has no title"
            assert len(finding.title.splitlines()) == 1, f"the title of {finding.rule} has lines"
            shown = finding.rule + finding.title
            leaks = [value for value in everything.secrets if value in shown]
            assert not leaks, f"the title of {finding.rule} shows a secret of the change"

    async def test_it_finds_what_its_author_says(
        self, backend: Analyzer, sandbox: Sandbox, finds: Sequence[Expected]
    ) -> None:
        """What is certainly there is found, and its unit examined."""
        if not finds:
            pytest.skip(
                "the fixture `finds` is not defined, so nobody can tell whether the analyzer "
                "finds anything"
            )
        asked = list(dict.fromkeys(one.example for one in finds))
        reports = await asyncio.gather(*(ask(backend, one.analysis(), sandbox) for one in asked))

        found = dict(zip(asked, reports, strict=True))
        for one in finds:
            places = [(each.path, each.rule, each.line) for each in found[one.example].findings]
            assert (one.path, one.rule, one.line) in places, f"in {one.example.name!r}"

    async def test_the_same_change_gives_the_same_report(
        self, backend: Analyzer, sandbox: Sandbox, small: Example
    ) -> None:
        """Once more, with nothing in a cache."""
        first = await ask(backend, small.analysis(), sandbox)

        second = await ask(backend, small.analysis(), sandbox)

        assert substance(second) == substance(first)

    async def test_calls_at_once_do_not_mix(
        self,
        create: Callable[[], Analyzer],
        backend: Analyzer,
        sandbox: Sandbox,
        telling: Sequence[Example],
    ) -> None:
        """Changes that are examined at once give the reports that each of them gives alone."""
        asked = telling[:3]
        alone = [await ask(create(), one.analysis(), sandbox) for one in asked]

        reports = await asyncio.gather(*(ask(backend, one.analysis(), sandbox) for one in asked))

        for one, report, expected in zip(asked, reports, alone, strict=True):
            assert substance(report) == substance(expected), f"on {one.name!r}"


def _lines(content: bytes) -> list[str]:
    lines = content.decode("utf-8", "surrogateescape").split("\n")
    return lines if lines[-1] else lines[:-1]


def _misplaced(finding: RawFinding, example: Example) -> Iterator[str]:
    """Say what is wrong with the columns and the suggestion of a finding."""
    tree = example.head if finding.side is Side.NEW and finding.path in example.head else None
    lines = _lines((tree or example.base)[finding.path].content)
    for column in (finding.column, finding.end_column):
        if column is None:
            continue
        if finding.line is None:
            yield "a column without a line"
        elif not 1 <= column <= max(map(len, lines), default=0) + 1:
            yield f"no line of the file has a column {column}"
    if finding.column and finding.line and finding.column > len(lines[finding.line - 1]) + 1:
        yield f"the line has no column {finding.column}"
    edit = finding.suggestion
    if edit is not None and not 1 <= edit.start_line <= edit.end_line <= len(lines):
        yield f"a suggestion for lines {edit.start_line} to {edit.end_line} of {len(lines)}"
