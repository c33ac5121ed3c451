"""Which lines of a manifest state a dependency."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from codeflow_engine.domain.diff import DiffFile, Side
from codeflow_engine.providers.analyzer.checks.sides import SideText

__all__ = ["Grammar", "restates"]

_LINE_LIMIT: Final = 500
"""Characters of the longest line that is taken for a statement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """How a manifest states its dependencies.

    The patterns are matched against a whole line without the blanks around it. Their group
    `state` is what decides whether a statement changes.
    """

    statement: str
    """A line that states a dependency, in a section that holds such lines."""

    sure: str
    """A line that does so wherever it stands: a hunk often does not show the section."""

    always: str = r"(?!)"
    """A line that does so even in a section that otherwise holds none."""

    opens: str = r"(?!)"
    """A line that opens a section, called `name`, or an `array` in one."""

    closes: str = r"(?!)"
    """A line that ends a section or an array."""

    holds: str = r"(?!)"
    """Names of sections, or `section:array`, that hold statements; `?` is not shown."""


_NPM_NAME: Final = r'"(?:@[\w.-]+/)?[\w.-]+"[ ]*:[ ]*'
_TEXT: Final = r"""(?:"[^"]*"|'[^']*')"""
_COMMENT: Final = r"[ ]*(?:#.*)?"
_SPECIFIED: Final = r"[A-Za-z0-9][\w.-]*(?:\[[\w, .-]*\])?[ ]*(?:(?:[<>=!~]=|[<>])[ ]*[0-9]|@[ ]|;)"
_TABLE: Final = rf"\[(?P<name>[^\[\]]+)\]{_COMMENT}"

_GRAMMARS: Final = {
    "package.json": Grammar(
        statement=rf'(?P<state>{_NPM_NAME}"[^"]*"),?',
        sure=rf'(?P<state>(?!"(?:version|node|npm|yarn|pnpm|vscode)"){_NPM_NAME}'
        r'"(?:[~^][0-9]|(?:workspace|npm|file|link|github):|git\+)[^"]*"),?',
        opens=r'"(?P<name>[\w-]+)"[ ]*:[ ]*\{',
        closes=r"\},?",
        holds=r"(?:dev|optional)?[dD]ependencies|resolutions|overrides",
    ),
    "pyproject.toml": Grammar(
        statement=rf"(?P<state>{_TEXT}|[\w.-]+[ ]*=[ ]*(?:{_TEXT}|\{{.*\}}|\[.*\])),?{_COMMENT}",
        sure=rf"(?P<state>(?=[\"']{_SPECIFIED}){_TEXT}|(?!version|python)[\w.-]+[ ]*=[ ]*"
        rf"(?:[\"'][~^][0-9][^\"']*[\"']|\{{.*\bversion[ ]*=.*\}})),?{_COMMENT}",
        always=rf"(?P<state>dependencies[ ]*=[ ]*\[.+\]){_COMMENT}",
        opens=rf"{_TABLE}|(?P<array>[\w-]+)[ ]*=[ ]*\[{_COMMENT}",
        closes=rf"\],?{_COMMENT}",
        holds=r"tool\.poetry\.(?:group\.[\w-]+\.)?(?:dev-)?dependencies"
        r"|(?:project|\?):dependencies"
        r"|(?:project\.optional-dependencies|dependency-groups|tool\.pdm\.dev-dependencies)(?::.*)?"
        r"|tool\.uv:(?:dev|override|constraint)-dependencies",
    ),
    "Pipfile": Grammar(
        statement=rf"(?P<state>[\w.\"-]+[ ]*=[ ]*(?:{_TEXT}|\{{.*\}})){_COMMENT}",
        sure=r"(?!)",
        opens=_TABLE,
        holds=r"(?:dev-)?packages|requires",
    ),
    # The lock file already has the newest versions that fit, so that another requirement
    # of the same package often leaves it as it is: only names count.
    "Cargo.toml": Grammar(
        statement=rf"(?P<state>[\w-]+)(?:\.workspace[ ]*=[ ]*true|[ ]*=[ ]*(?:{_TEXT}|\{{.*\}}))"
        rf"{_COMMENT}",
        sure=r"(?P<state>[\w-]+)[ ]*=[ ]*\{.*\b(?:version|git|path|workspace)[ ]*=.*\}"
        rf"{_COMMENT}",
        opens=_TABLE,
        holds=r"(?:workspace\.|target\..+\.)?(?:dev-|build-)?dependencies",
    ),
    "go.mod": Grammar(
        statement=r"(?!)",
        sure=r"(?:require[ ]+)?(?P<state>[\w.-]+\.[\w.~/-]+[ ]+v[0-9][^ ]*)(?:[ ]*//.*)?",
    ),
    "Gemfile": Grammar(
        statement=r"(?!)",
        sure=r"""gem[ ]*\(?[ ]*(?P<state>["'][\w.-]+["'](?:[ ]*,[ ]*["'][^"']*["'])*)"""
        r"(?:[ ]*[,)].*)?",
    ),
    "composer.json": Grammar(
        statement=r"(?!)",
        sure=r'(?P<state>"[\w.-]+/[\w.-]+"[ ]*:[ ]*"[^"]*"),?',
    ),
}


def restates(file: DiffFile, manifest: str) -> bool:
    """Tell whether a change states other dependencies in a manifest than before.

    Where a hunk does not show its section, a line that may be a statement proves nothing,
    but it takes away what the other side proves: that a package is stated in another form.
    """
    removed: dict[str, bool] = {}
    added: dict[str, bool] = {}
    for side, states in ((Side.OLD, removed), (Side.NEW, added)):
        for hunk in file.hunks:
            for state, is_sure in _states(SideText.of(hunk, side), _GRAMMARS[manifest]):
                states[state] = states.get(state, False) or is_sure
    return any(
        is_sure and state not in there
        for here, there in ((removed, added), (added, removed))
        for state, is_sure in here.items()
    )


def _states(side: SideText, grammar: Grammar) -> Iterator[tuple[str, bool]]:
    section = _UNKNOWN
    for raw, touched in side.lines():
        if len(raw) > _LINE_LIMIT:
            continue
        line = " ".join(raw.split())
        entered = _entered(section, line, grammar)
        if entered is not None:
            section = entered
        elif touched and (match := _sure(section, line, grammar)):
            yield match["state"], True
        elif touched and (match := re.fullmatch(grammar.statement, line)):
            yield match["state"], False


_UNKNOWN: Final = "?"


def _entered(section: str, line: str, grammar: Grammar) -> str | None:
    """Give the section that begins or goes on behind a line; None where none ends there."""
    table, _, array = section.partition(":")
    opened = re.fullmatch(grammar.opens, line)
    if opened is None:
        return (table if array else "") if re.fullmatch(grammar.closes, line) else None
    names = opened.groupdict()
    return names["name"] or f"{table}:{names['array']}"


def _sure(section: str, line: str, grammar: Grammar) -> re.Match[str] | None:
    """Match a line that states a dependency for certain, given the section it stands in."""
    if re.fullmatch(grammar.holds, section) and (m := re.fullmatch(grammar.statement, line)):
        return m
    if section == _UNKNOWN and (m := re.fullmatch(grammar.sure, line)):
        return m
    return re.fullmatch(grammar.always, line)
