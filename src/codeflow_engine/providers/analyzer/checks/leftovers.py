"""Breakpoints, debug output and focused tests that somebody forgot.

Only whole statements at the beginning of a line count, in the language that the file's
name tells. Plain output (`console.log`, `print`) is what many programs are for, and is
left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from codeflow_engine.domain.diff import Hunk
from codeflow_engine.providers.analyzer.checks.kinds import is_foreign, is_test, language
from codeflow_engine.providers.analyzer.checks.sides import SideText, Walk, is_long_line
from codeflow_engine.providers.analyzer.checks.telling import CategoryName, SeverityName, tell

if TYPE_CHECKING:
    from codeflow_engine.domain.finding import RawFinding

__all__ = ["BREAKPOINT", "DUMP", "FOCUS", "find_leftovers"]

BREAKPOINT: Final = "debugger-breakpoint"
DUMP: Final = "debug-output"
FOCUS: Final = "focused-test"


class _Leftover(NamedTuple):
    rule: str
    statement: str
    """A pattern for the statement, after the line's indentation."""

    keyword: bytes
    """What every match holds; looked for first."""


_JAVASCRIPT: Final = (
    _Leftover(BREAKPOINT, r"debugger[ \t]*;?[ \t]*(?://.*)?$", b"debugger"),
    _Leftover(
        FOCUS,
        r"(?:it|test|describe|context|suite|specify)\.only[ \t]*(?:\.each[ \t]*)?[(`]",
        b".only",
    ),
    _Leftover(FOCUS, r"(?:fdescribe|fit|fcontext)[ \t]*\([ \t]*[\"'`]", b"f"),
)
_LEFTOVERS: Final = {
    "python": (
        _Leftover(BREAKPOINT, r"breakpoint\(\)[ \t]*(?:#.*)?$", b"breakpoint"),
        _Leftover(
            BREAKPOINT,
            r"(?:(?:import|from)[ \t]+[\w.]+[^\n;]*;[ \t]*)?"
            r"(?:i?pdb|pudb|wdb|rpdb|web_pdb|epdb|debugpy|rdb)\.(?:set_trace|breakpoint)\(",
            b"db",
        ),
        _Leftover(BREAKPOINT, r"debugpy\.(?:breakpoint|wait_for_client)\(\)", b"debugpy"),
        _Leftover(
            BREAKPOINT,
            r"(?:import[ \t]+(?:ipdb|pudb|wdb|rpdb|web_pdb)|from[ \t]+ipdb[ \t]+import)\b",
            b"db",
        ),
        _Leftover(FOCUS, r"@pytest\.mark\.only\b", b"mark.only"),
    ),
    "javascript": _JAVASCRIPT,
    "ruby": (
        _Leftover(
            BREAKPOINT,
            r"(?:binding\.(?:pry|irb|break|remote_pry|b)|byebug|debugger)[ \t]*(?:#.*)?$",
            b"b",
        ),
        _Leftover(FOCUS, r"(?:fdescribe|fit|fcontext)[ \t]*\(?[ \t]*[\"']", b"f"),
    ),
    "php": (
        _Leftover(DUMP, r"(?:var_dump|dd|ddd)[ \t]*\(", b"d"),
        _Leftover(BREAKPOINT, r"xdebug_break[ \t]*\(", b"xdebug_break"),
    ),
    "go": (
        _Leftover(BREAKPOINT, r"runtime\.Breakpoint\(\)", b"Breakpoint"),
        _Leftover(DUMP, r"spew\.(?:Dump|Printf)\(", b"spew."),
        _Leftover(
            DUMP,
            r"(?:fmt\.Print(?:ln|f)?|println|print)\(\"(?i:debug|xxx|here\b|=====|>>>>)",
            b"rint",
        ),
        _Leftover(FOCUS, r"(?:FDescribe|FIt|FContext|FWhen|FEntry|FDescribeTable)\([ \t]*\"", b"F"),
    ),
    "rust": (_Leftover(DUMP, r"(?:let[ \t][^=\n]*=[ \t]*)?dbg!\(", b"dbg!"),),
    "java": (
        _Leftover(DUMP, r"\w+\.printStackTrace\(\)[ \t]*;?[ \t]*(?://.*)?$", b"printStackTrace"),
    ),
    "csharp": (
        _Leftover(
            BREAKPOINT,
            r"(?:System\.Diagnostics\.)?Debugger\.(?:Break|Launch)\(\)",
            b"Debugger.",
        ),
    ),
    "elixir": (
        _Leftover(BREAKPOINT, r"(?:require[ \t]+IEx[ \t]*;[ \t]*)?IEx\.pry\b", b"IEx"),
        _Leftover(DUMP, r"\|>[ \t]*dbg\(\)", b"dbg"),
    ),
    "dart": (_Leftover(BREAKPOINT, r"debugger\(\)[ \t]*;", b"debugger"),),
    "perl": (_Leftover(BREAKPOINT, r"\$DB::single[ \t]*=[ \t]*1", b"DB::single"),),
    "r": (_Leftover(BREAKPOINT, r"browser\(\)[ \t]*$", b"browser"),),
}


@cache
def _compiled(statement: str) -> re.Pattern[str]:
    # Possessive: so that a line of blanks is read once.
    return re.compile(rf"^[ \t]{{0,200}}+{statement}", re.MULTILINE)


def find_leftovers(path: str, hunk: Hunk, new: Callable[[], SideText]) -> Iterator[RawFinding]:
    """Look at the statements in the added lines of a hunk; `new` reads them when needed."""
    if is_foreign(path):
        return
    span = hunk.span
    for leftover in _LEFTOVERS.get(language(path) or "", ()):
        if leftover.rule == DUMP and is_test(path):
            continue
        if span.data.find(leftover.keyword, span.low, span.high) >= 0:
            yield from _statements(path, leftover, new())


def _statements(path: str, leftover: _Leftover, side: SideText) -> Iterator[RawFinding]:
    walk = Walk(side)
    for match in _compiled(leftover.statement).finditer(side.text):
        indent = len(match[0]) - len(match[0].lstrip())
        place = walk.to(match.start() + indent)
        if place.touched and not is_long_line(side.text, match.start()):
            severity, category, title, message = _WORDS[leftover.rule]
            yield tell(
                rule=leftover.rule,
                severity=severity,
                category=category,
                title=title,
                message=message,
                path=path,
                line=place.line,
                column=place.column,
                end_column=place.column + len(match[0]) - indent,
                confidence=0.6 if leftover.rule == DUMP else 0.9,
            )


_WORDS: Final[dict[str, tuple[SeverityName, CategoryName, str, str]]] = {
    BREAKPOINT: (
        "medium",
        "reliability",
        "A breakpoint is left in the code",
        "The program stops here and waits for a debugger, or fails without one. Remove it.",
    ),
    DUMP: (
        "low",
        "maintainability",
        "Debug output is left in the code",
        "It prints what nobody asked for, past the logging of the program. Remove it, or log.",
    ),
    FOCUS: (
        "medium",
        "testing",
        "Only this test runs",
        (
            "It is marked to run alone, so that the others of its suite are left out and the "
            "suite still passes. Remove the mark."
        ),
    ),
}
