"""The analyzer `bandit`: likely security problems in whole Python files, by bandit.

The files that the change adds or touches are looked at whole, as private copies; no
configuration of the change is read. What bandit says is taken over in its own words,
without the passwords that it quotes. Severities are bandit's own (high, medium, low); its
confidence (high, medium, low) becomes 1, 0.7 and 0.4.

Comments that silence it (`# nosec`) are not obeyed unless the settings say so: whoever
writes the change writes them.

Declined: what is not Python source, stubs (nothing in them runs), notebooks, links,
submodules, deleted files. Failed: a file that is binary, too large, gone, in an encoding
that is not read, or that the Python of this installation cannot parse.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import entry_points, version
from importlib.util import find_spec
from typing import Any, ClassVar, Final, override

from codeflow_engine.domain.finding import Category, RawFinding, Severity
from codeflow_engine.errors import AnalyzerError, ConfigurationError
from codeflow_engine.providers.analyzer.tools import Copies, FileTool, Source, ToolLimits, is_stub
from codeflow_engine.reports.visible import escape
from codeflow_engine.sandbox import Limits, Sandbox

__all__ = ["BanditAnalyzer", "BanditSettings"]

if find_spec("bandit") is None:  # the tool runs in processes of its own, and is never imported
    raise ModuleNotFoundError("No module named 'bandit'", name="bandit")

_PROGRAM: Final = "codeflow_engine.providers.analyzer.bandit_child"
_TEST: Final = re.compile(r"[A-Z]{1,4}[0-9]{1,5}")
_TOPIC: Final = re.compile(r"#b[0-9]+-([a-z0-9-]{1,60})\Z")
_SEVERITIES: Final = {"HIGH": Severity.HIGH, "MEDIUM": Severity.MEDIUM, "LOW": Severity.LOW}
_CONFIDENCES: Final = {"HIGH": 1.0, "MEDIUM": 0.7, "LOW": 0.4}
_QUOTING: Final = frozenset({"B105", "B106", "B107"})
"""Tests whose message ends with the password that was found."""

_GROUPS: Final = ("bandit.plugins", "bandit.blacklists")
_MOST_WORDS: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BanditSettings:
    """What bandit looks for."""

    select: tuple[str, ...] = ()
    """Ids of the only tests to run, such as `B602`; empty for all."""

    ignore: tuple[str, ...] = ("B101", "B105", "B106", "B107")
    """Ids of tests to leave out. `assert` (B101) is how tests are written, and passwords in
    the code (B105 to B107) are the business of the analyzer `secrets`, which tells more."""

    honour_suppressions: bool = False
    """Whether `# nosec` silences a finding. The author of the change writes it."""

    def __post_init__(self) -> None:
        wrong = [test for test in (*self.select, *self.ignore) if not _TEST.fullmatch(test)]
        if wrong:
            raise ConfigurationError(f"bandit: not ids of tests: {', '.join(wrong)}")
        if both := sorted({*self.select} & {*self.ignore}):
            raise ConfigurationError(f"bandit: selected and ignored: {', '.join(both)}")


_DEFAULT: Final = BanditSettings()
_LIMITS: Final = ToolLimits()


class BanditAnalyzer(FileTool):
    """Finds likely security problems in Python files with bandit.

    Args:
        settings: What to look for.
        limits: What its processes may use.
    """

    name: ClassVar[str] = "bandit"

    def __init__(
        self, settings: BanditSettings = _DEFAULT, *, limits: ToolLimits = _LIMITS
    ) -> None:
        super().__init__(limits)
        self._settings = settings

    @override
    def identity(self) -> Any:
        # Bandit loads every plugin that is installed beside it, and its grammar is Python's.
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        plugins = sorted(
            {
                f"{point.dist.name} {point.dist.version}"
                for group in _GROUPS
                for point in entry_points(group=group)
                if point.dist is not None
            }
        )
        return [version("bandit"), python, plugins, asdict(self._settings)]

    @override
    def declines(self, path: str) -> str | None:
        return "a stub, in which nothing runs" if is_stub(path) else None

    @override
    async def run(
        self, copies: Copies, sandbox: Sandbox, limits: Limits
    ) -> Mapping[str, Sequence[Any] | str]:
        done = await sandbox.run_python(
            _PROGRAM, *self._words(), *copies.sources, limits=limits, readable=[copies.directory]
        )
        if done.returncode:
            raise AnalyzerError(f"bandit ended with {done.signal or f'status {done.returncode}'}")
        return await asyncio.to_thread(_read, done.stdout, copies)

    def _words(self) -> Iterator[str]:
        settings = self._settings
        yield from ("--format", "json", "--quiet", "--exit-zero", "--number", "1")
        if settings.select:
            yield from ("--tests", ",".join(settings.select))
        if settings.ignore:
            yield from ("--skip", ",".join(settings.ignore))
        if not settings.honour_suppressions:
            yield "--ignore-nosec"
        yield "--"

    @override
    def finding(self, row: Any, source: Source) -> RawFinding:
        test, title, message, severity, confidence, rows, columns = row
        if not _TEST.fullmatch(test):
            raise ValueError("not a test")
        start = source.column_of_byte(rows[0], columns[0])
        line, column = source.place(rows[0], start)
        last, end_column = source.place(rows[1])[0], None
        if rows[0] == rows[1] and columns[1] > columns[0]:
            end_column = source.place(rows[1], source.column_of_byte(rows[1], columns[1]))[1]
        return RawFinding(
            rule=test,
            severity=_SEVERITIES[severity],
            category=Category.SECURITY,
            title=escape(title),
            message=escape(message[:_MOST_WORDS]),
            path=source.path,
            line=line,
            end_line=max(last, line),
            column=column,
            end_column=end_column if column is not None and last == line else None,
            confidence=_CONFIDENCES[confidence],
        )


def _read(stdout: bytes, copies: Copies) -> dict[str, list[Any] | str]:
    """Read a whole answer; each file is in its figures, and in its errors if it gave up."""
    try:
        answer = json.loads(stdout)
        looked_at = answer["metrics"].keys() - {"_totals"}
        if looked_at != copies.sources.keys():
            raise AnalyzerError("bandit did not account for all files that it was given")
        told: dict[str, list[Any] | str] = {copy: [] for copy in copies.sources}
        for row in answer["results"]:
            rows = told[row["filename"]]
            if not isinstance(rows, str):
                rows.append(_kept(row, copies))
        for row in answer["errors"]:
            reason = escape(str(row["reason"]))[:200]
            told[row["filename"]] = f"bandit gave up on it: {reason}"
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        message = f"the answer of bandit has an unknown form ({type(error).__name__})"
        raise AnalyzerError(message) from error
    return told


def _kept(row: Any, copies: Copies) -> list[Any]:
    """Keep of a row what speaks of the file, and nothing of where its copy was."""
    test, text = row["test_id"], row["issue_text"]
    if test in _QUOTING:
        text = text.partition(":")[0]
    copy = row["filename"]
    text = text.replace(copy, copies.sources[copy].path).replace(str(copies.directory), "")
    first, lines = row["line_number"], row["line_range"]
    # The range is that of the statement. It is the finding's own only from its first line on.
    last = lines[-1] if lines and lines[0] == first and lines[-1] >= first else first
    # The end column is that of the last line of the node, the other one that of the first.
    columns = [row["col_offset"], row.get("end_col_offset", 0)]
    if any(type(number) is not int for number in (first, last, *columns)):
        raise ValueError("a place is made of numbers")
    return [
        test,
        _title(row),
        text,
        row["issue_severity"],
        row["issue_confidence"],
        [first, last],
        columns,
    ]


def _title(row: Any) -> str:
    """Name the test; of those that look for names in a list, the page tells which."""
    name = str(row["test_name"])
    if name == "blacklist" and (topic := _TOPIC.search(str(row["more_info"]))):
        name = topic[1]
    return name.replace("_", " ").replace("-", " ").capitalize()
