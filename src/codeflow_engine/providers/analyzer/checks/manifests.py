"""Which lines of a manifest state a dependency."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from codeflow_engine.domain.diff import DiffFile, Side
from codeflow_engine.providers.analyzer.checks.sides import SideText

__all__ = ["ECOSYSTEMS", "Ecosystem", "restates"]

_LINE_LIMIT: Final = 500
"""Characters of the longest line that is taken for a statement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ecosystem:
    """A tool's manifest, its lock files, and what the lock files depend on.

    The patterns are matched against a whole line without the blanks around it. Where
    `statement` and `sure` have a group `state`, only that decides whether a statement
    changes, else the whole line does.
    """

    manifest: str
    locks: tuple[str, ...]

    besides: str = r"(?!)"
    """Names of further files that a lock file depends on."""

    shared: str | None = None
    """How a lock file above the manifest names the manifest's directory, `{}`; None where a
    lock file belongs to its own directory alone."""

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

ECOSYSTEMS: Final = (
    Ecosystem(
        manifest="package.json",
        locks=(
            "package-lock.json",
            "npm-shrinkwrap.json",
            "yarn.lock",
            "pnpm-lock.yaml",
            "bun.lock",
            "bun.lockb",
        ),
        shared=r"(?<![\w./-]){}(?![\w./-])",
        statement=rf'(?P<state>{_NPM_NAME}"[^"]*"),?',
        sure=rf'(?P<state>(?!"(?:version|node|npm|yarn|pnpm|vscode)"){_NPM_NAME}'
        r'"(?:[~^][0-9]|(?:workspace|npm|file|link|github):|git\+)[^"]*"),?',
        opens=r'"(?P<name>[\w-]+)"[ ]*:[ ]*\{',
        closes=r"\},?",
        holds=r"(?:dev|optional)?[dD]ependencies|resolutions|overrides",
    ),
    Ecosystem(
        manifest="pyproject.toml",
        locks=("poetry.lock", "uv.lock", "pdm.lock"),
        shared=r'= "{}"',
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
    Ecosystem(
        manifest="Pipfile",
        locks=("Pipfile.lock",),
        statement=rf"(?P<state>[\w.\"-]+[ ]*=[ ]*(?:{_TEXT}|\{{.*\}})){_COMMENT}",
        sure=r"(?!)",
        opens=_TABLE,
        holds=r"(?:dev-)?packages|requires",
    ),
    # The lock file already has the newest versions that fit, so that another requirement
    # of the same package often leaves it as it is: only names count.
    Ecosystem(
        manifest="Cargo.toml",
        locks=("Cargo.lock",),
        shared=r'(?m:^name = "{name}"\r?$)',
        statement=rf"(?P<state>[\w-]+)(?:\.workspace[ ]*=[ ]*true|[ ]*=[ ]*(?:{_TEXT}|\{{.*\}}))"
        rf"{_COMMENT}",
        sure=r"(?P<state>[\w-]+)[ ]*=[ ]*\{.*\b(?:version|git|path|workspace)[ ]*=.*\}"
        rf"{_COMMENT}",
        opens=_TABLE,
        holds=r"(?:workspace\.|target\..+\.)?(?:dev-|build-)?dependencies",
    ),
    Ecosystem(
        manifest="go.mod",
        locks=("go.sum",),
        statement=r"(?!)",
        sure=r"(?:require[ ]+)?(?P<state>[\w.-]+\.[\w.~/-]+[ ]+v[0-9][^ ]*)(?:[ ]*//.*)?",
    ),
    Ecosystem(
        manifest="Gemfile",
        locks=("Gemfile.lock",),
        besides=r".+\.gemspec|version\.rb",
        statement=r"(?!)",
        sure=r"""gem[ ]*\(?[ ]*(?P<state>["'][\w.-]+["'](?:[ ]*,[ ]*["'][^"']*["'])*)"""
        r"(?:[ ]*[,)].*)?",
    ),
    Ecosystem(
        manifest="composer.json",
        locks=("composer.lock",),
        statement=r"(?!)",
        sure=r'(?P<state>"[\w.-]+/[\w.-]+"[ ]*:[ ]*"[^"]*"),?',
    ),
)


def restates(file: DiffFile, ecosystem: Ecosystem) -> bool:
    """Tell whether a change states other dependencies in a manifest than before.

    Where a hunk does not show its section, a line that may be a statement proves nothing,
    but it takes away what the other side proves: that a package is stated in another form.
    """
    removed: dict[str, bool] = {}
    added: dict[str, bool] = {}
    for side, states in ((Side.OLD, removed), (Side.NEW, added)):
        for hunk in file.hunks:
            for state, is_sure in _states(SideText.of(hunk, side), ecosystem):
                states[state] = states.get(state, False) or is_sure
    return any(
        is_sure and state not in there
        for here, there in ((removed, added), (added, removed))
        for state, is_sure in here.items()
    )


def _states(side: SideText, ecosystem: Ecosystem) -> Iterator[tuple[str, bool]]:
    section = _UNKNOWN
    for raw, touched in side.lines():
        if len(raw) > _LINE_LIMIT:
            continue
        line = " ".join(raw.split())
        entered = _entered(section, line, ecosystem)
        if entered is not None:
            section = entered
        elif touched and (match := _sure(section, line, ecosystem)):
            yield match["state"], True
        elif touched and (match := re.fullmatch(ecosystem.statement, line)):
            yield match["state"], False


_UNKNOWN: Final = "?"


def _entered(section: str, line: str, ecosystem: Ecosystem) -> str | None:
    """Give the section that begins or goes on behind a line; None where none ends there."""
    table, _, array = section.partition(":")
    opened = re.fullmatch(ecosystem.opens, line)
    if opened is None:
        return (table if array else "") if re.fullmatch(ecosystem.closes, line) else None
    names = opened.groupdict()
    return names["name"] or f"{table}:{names['array']}"


def _sure(section: str, line: str, ecosystem: Ecosystem) -> re.Match[str] | None:
    """Match a line that states a dependency for certain, given the section it stands in."""
    if re.fullmatch(ecosystem.holds, section) and (m := re.fullmatch(ecosystem.statement, line)):
        return m
    if section == _UNKNOWN and (m := re.fullmatch(ecosystem.sure, line)):
        return m
    return re.fullmatch(ecosystem.always, line)
