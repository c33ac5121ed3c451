"""The analyzer `ruff`: errors and likely ones in whole Python files, by the linter ruff.

The files that the change adds or touches are looked at whole, as private copies; no
configuration of the change is read. What ruff says is taken over in its own words.

| rules | severity | category |
|---|---|---|
| `invalid-syntax`, `E9`, `F7`, `F82`, `PLE` | high | correctness |
| `F5`, `F6`, `F811`, `B`, `PLW`, `DTZ` | medium | correctness |
| `ASYNC` | medium | performance |
| `S` | medium | security |
| `E722`, `BLE` | medium | reliability |
| others of `F`, `RUF`, `PLR`, `SIM`, `UP` and such | low | maintainability |
| the rest | low | style |

Not asked are rules about the name, the place or the mode of a file, since a copy has
neither (`INP001`, `N999`, `A005`, `EXE`). Declined: what is not Python source, notebooks
among it (their lines are those of JSON), links, submodules, deleted files. Failed: a file
that is binary, too large, gone, or in an encoding that is not read.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, ClassVar, Final, override

from codeflow_engine.domain.finding import RawFinding, Suggestion
from codeflow_engine.errors import AnalyzerError, ConfigurationError
from codeflow_engine.providers.analyzer.ruff_rules import SELECT, meaning
from codeflow_engine.providers.analyzer.tools import Copies, Edit, FileTool, Source, ToolLimits
from codeflow_engine.reports.visible import escape
from codeflow_engine.sandbox import Limits, Sandbox

__all__ = ["RuffAnalyzer", "RuffSettings"]

if find_spec("ruff") is None:  # the tool runs in processes of its own, and is never imported
    raise ModuleNotFoundError("No module named 'ruff'", name="ruff")

_PATTERN: Final = re.compile(r"[A-Z]+[0-9]*|ALL")
_TARGET: Final = re.compile(r"py3[0-9]{1,2}")
_CODE: Final = re.compile(r"[A-Z]+[0-9]+|invalid-syntax")
_PLACED: Final = ("INP001", "N999", "A005", "EXE")
_CHECKING: Final = re.compile(r"^\[.*\]\[DEBUG\] Checking: (.+)$", re.MULTILINE)
_CHECKED: Final = re.compile(r"^\[.*\]\[DEBUG\] Checked ([0-9]+) files? in: ", re.MULTILINE)
_ROWS_AT_ONCE: Final = 500
_MOST_WORDS: Final = 2_000
"""Characters of a message; ruff quotes names of the code, which may have any length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuffSettings:
    """What ruff looks for."""

    select: tuple[str, ...] = SELECT
    """Rules, or beginnings of their codes, as `--select` takes them."""

    ignore: tuple[str, ...] = ()
    """Rules, or beginnings of their codes, to leave out."""

    target_version: str = "py314"
    """The Python whose grammar is expected."""

    line_length: int = 88
    """Longest line, for rules that look at it."""

    honour_suppressions: bool = True
    """Whether `# noqa` and the like silence a finding. They are the author's word about
    style; rules about security belong to bandit, which does not listen."""

    def __post_init__(self) -> None:
        wrong = [rule for rule in (*self.select, *self.ignore) if not _PATTERN.fullmatch(rule)]
        if wrong or not self.select:
            raise ConfigurationError(f"ruff: not rules: {', '.join(wrong) or 'none selected'}")
        if not _TARGET.fullmatch(self.target_version):
            raise ConfigurationError(f"ruff: no Python is named {self.target_version!r}")
        if not 1 <= self.line_length <= 320:  # noqa: PLR2004 - ruff's own bounds
            raise ConfigurationError(f"ruff: no line length of {self.line_length}")


_DEFAULT: Final = RuffSettings()
_LIMITS: Final = ToolLimits()


class RuffAnalyzer(FileTool):
    """Finds errors in Python files with ruff.

    Args:
        settings: What to look for.
        limits: What its processes may use.
    """

    name: ClassVar[str] = "ruff"
    transcodes: ClassVar[bool] = True  # ruff reads UTF-8 and nothing else

    def __init__(self, settings: RuffSettings = _DEFAULT, *, limits: ToolLimits = _LIMITS) -> None:
        super().__init__(limits)
        self._settings = settings

    @override
    def identity(self) -> Any:
        return [version("ruff"), asdict(self._settings), _PLACED]

    @override
    async def run(
        self, copies: Copies, sandbox: Sandbox, limits: Limits
    ) -> Mapping[str, Sequence[Any] | str]:
        done = await sandbox.run_python(
            "ruff",
            *self._words(),
            *copies.sources,
            limits=limits,
            env={"RAYON_NUM_THREADS": "1"},  # the files are spread over processes already
            readable=[copies.directory],
        )
        if done.returncode:
            raise AnalyzerError(f"ruff ended with {done.signal or f'status {done.returncode}'}")
        await asyncio.to_thread(_account, done.stderr, copies)
        told: dict[str, list[Any] | str] = {copy: [] for copy in copies.sources}
        rows = done.stdout.split(b"\n")
        if rows.pop():
            raise AnalyzerError("the answer of ruff is cut off")
        for at in range(0, len(rows), _ROWS_AT_ONCE):
            for row in rows[at : at + _ROWS_AT_ONCE]:
                _sort_in(row, copies, told)
            await asyncio.sleep(0)
        return told

    def _words(self) -> Iterator[str]:
        settings = self._settings
        yield from ("check", "--isolated", "--no-cache", "--exit-zero", "--verbose")
        yield from ("--no-fix", "--no-force-exclude", "--output-format", "json-lines")
        yield from ("--select", ",".join(settings.select))
        yield from ("--ignore", ",".join((*settings.ignore, *_PLACED)))
        yield from ("--target-version", settings.target_version)
        yield from ("--line-length", str(settings.line_length))
        if not settings.honour_suppressions:
            yield "--ignore-noqa"
        yield "--"

    @override
    def finding(self, row: Any, source: Source) -> RawFinding:
        code, name, message, start, end, edits = row
        if not _CODE.fullmatch(code):
            raise ValueError("not a rule")
        line, column = source.place(*start)
        stop = (end[0] - 1, None) if end[1] == 1 and end[0] > start[0] else tuple(end)
        last, end_column = (
            source.place(*end) if stop[1] is not None else (source.place(stop[0])[0], None)
        )
        severity, category = meaning(code)
        return RawFinding(
            rule=code,
            severity=severity,
            category=category,
            title=escape(str(name).replace("-", " ").capitalize()),
            message=escape(message[:_MOST_WORDS]),
            path=source.path,
            line=line,
            end_line=max(last, line),
            column=column,
            end_column=end_column if column is not None and last == line else None,
            suggestion=_suggestion(edits, source),
        )


def _suggestion(edits: Any, source: Source) -> Suggestion | None:
    if not edits:
        return None
    return source.suggestion(
        [Edit(start=tuple(start), end=tuple(end), content=text) for start, end, text in edits]
    )


def _account(stderr: bytes, copies: Copies) -> None:
    """Hold ruff to its log: it names each file that it looks at, and counts them."""
    log = stderr.decode("utf-8", "replace")
    named = _CHECKING.findall(log)
    counted = _CHECKED.findall(log)
    whole = sorted(named) == sorted(copies.sources) and counted == [str(len(copies))]
    if not whole:
        raise AnalyzerError("ruff did not account for all files that it was given")


def _sort_in(data: bytes, copies: Copies, told: dict[str, list[Any] | str]) -> None:
    """Add a row of ruff to those of its file."""
    try:
        row = json.loads(data)
        copy, code = row["filename"], row["code"]
        rows = told[copy]
        if not isinstance(code, str) or not _CODE.fullmatch(code) or code == "E902":
            told[copy] = f"ruff gave up on it: {escape(str(row['message']))[:200]}"
        elif not isinstance(rows, str):
            rows.append(_kept(row, copy, copies))
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        message = f"the answer of ruff holds a row of an unknown form ({type(error).__name__})"
        raise AnalyzerError(message) from error


def _kept(row: Any, copy: str, copies: Copies) -> list[Any]:
    """Keep of a row what speaks of the file, and nothing of where its copy was."""
    fix = row["fix"] or {}
    safe = fix.get("applicability") == "safe"
    edits = [
        [_pair(edit["location"]), _pair(edit["end_location"]), str(edit["content"])]
        for edit in (fix["edits"] if safe else ())
    ]
    message = row["message"].replace(copy, copies.sources[copy].path)
    return [
        row["code"],
        row["name"],
        message.replace(str(copies.directory), ""),
        _pair(row["location"]),
        _pair(row["end_location"]),
        edits,
    ]


def _pair(location: Any) -> list[int]:
    row, column = location["row"], location["column"]
    if type(row) is not int or type(column) is not int:
        raise ValueError("a place is two numbers")
    return [row, column]
