"""`codeflow plugins check`: whether a backend keeps the contract of its kind."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from codeflow_engine.hosts.cli.exits import Exit
from codeflow_engine.hosts.cli.table import table
from codeflow_engine.hosts.cli.terminal import say, style_of, write_out
from codeflow_engine.reports.prose import count, item
from codeflow_engine.reports.visible import escape

if TYPE_CHECKING:
    from codeflow_engine.reports.style import Style
    from codeflow_engine.testing.checking import Checkup, RuleResult

__all__ = ["check"]

_WRITES = "the suite writes into what --url names, and leaves it there"


class _Format(StrEnum):
    TEXT = "text"
    JSON = "json"


def check(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET",
            help="package.module:Class, the kind:name of a backend, or an installed plugin.",
        ),
    ],
    *,
    url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="What a storage or cache is made with; the suite WRITES into it. It has to hold "
            "{tmp}, a new directory for each test, or {name}, a new name.",
        ),
    ] = None,
    change: Annotated[
        str | None, typer.Option(metavar="CHANGE", help="A change that a VCS host can read.")
    ] = None,
    base: Annotated[str | None, typer.Option(metavar="REV", help="Its base revision.")] = None,
    head: Annotated[str | None, typer.Option(metavar="REV", help="Its head revision.")] = None,
    settings: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Read settings from this TOML file.")
    ] = None,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="For each backend as a whole.")
    ] = 120.0,
    form: Annotated[_Format, typer.Option("--format", help="How to write it.")] = _Format.TEXT,
) -> int:
    """Run the contract suite of a backend, in a process of its own.

    A test class that derives from a suite is a target too, and brings its own fixtures. The
    working directory is looked into last for modules.

    Exit status: 0 where every rule that its capabilities ask for holds; 1 where one does not;
    2 where there is no such target or it cannot be made; 3 where nothing is known to be
    broken and something could not be tested.
    """
    from codeflow_engine.testing.checking import CheckOptions
    from codeflow_engine.testing.checking import check as run

    if url is not None and "{tmp}" not in url:
        say(f"note: {_WRITES}")
    options = CheckOptions(
        url=url,
        change=change,
        base=base,
        head=head,
        settings=None if settings is None else str(settings),
        timeout=timeout,
    )
    checkups = asyncio.run(run(target, options, environment=os.environ))
    write_out(_json(target, checkups) if form is _Format.JSON else _text(checkups))
    return _status(checkups)


def _status(checkups: Sequence[Checkup]) -> Exit:
    """Give the exit status of all together: what is broken counts first."""
    verdicts = {checkup.verdict.value for checkup in checkups}
    for verdict, status in (("broken", Exit.FINDINGS), ("unusable", Exit.USAGE)):
        if verdict in verdicts:
            return status
    return Exit.OK if verdicts == {"kept"} else Exit.INCOMPLETE


def _json(target: str, checkups: Sequence[Checkup]) -> str:
    checks = [
        {
            "subject": checkup.subject,
            "suite": checkup.suite,
            "verdict": checkup.verdict,
            "error": checkup.error,
            "counts": dict(checkup.counts),
            "results": [
                {
                    "name": result.name,
                    "rule": result.rule,
                    "outcome": result.outcome,
                    "reason": result.reason,
                    "seconds": round(result.seconds, 3),
                }
                for result in checkup.results
            ],
        }
        for checkup in checkups
    ]
    told = {"schema": 1, "target": target, "kept": _status(checkups) is Exit.OK, "checks": checks}
    return json.dumps(told, indent=2) + "\n"


def _text(checkups: Iterable[Checkup]) -> str:
    style = style_of(sys.stdout, os.environ)
    return "\n".join("".join(_lines(checkup, style)) for checkup in checkups)


def _lines(checkup: Checkup, style: Style) -> Iterator[str]:
    suite = "" if checkup.suite is None else f": {checkup.suite}"
    yield f"{escape(checkup.subject + suite, style.encoding)}\n\n"
    if checkup.results:
        rows = [(result.name.removeprefix("test_"), _result(result)) for result in checkup.results]
        yield table([("CHECK", "RESULT"), *rows], style) + "\n"
    for result in checkup.results:
        if result.outcome == "failed":
            yield "\n".join(_failure(result, style)) + "\n\n"
    if checkup.results:
        counted = ", ".join(f"{number} {word}" for word, number in checkup.counts.items() if number)
        yield f"{count(len(checkup.results), 'check')}: {counted}\n"
    yield "\n".join(item(f"{checkup.verdict}: ", _sentence(checkup), style)) + "\n"


def _result(result: RuleResult) -> str:
    if result.outcome == "failed":
        return "FAILED"
    return result.outcome if result.reason is None else f"{result.outcome}: {result.reason}"


def _failure(result: RuleResult, style: Style) -> Iterator[str]:
    yield f"FAILED {escape(result.name, style.encoding)}"
    yield from item("rule: ", " ".join(result.rule.split()), style, "  ")
    yield from item("reason: ", " ".join((result.reason or "").split()), style, "  ")


def _sentence(checkup: Checkup) -> str:
    counts = {str(outcome): number for outcome, number in checkup.counts.items()}
    if checkup.verdict == "broken":
        number = counts["failed"]
        told = f"{count(number, 'rule')} of its contract {'does' if number == 1 else 'do'} not hold"
        # Few rules are broken where the backend could not even be made.
        why = "" if checkup.error is None else f", and no other was tested: {checkup.error}"
        return told + why
    if checkup.verdict == "unusable":
        return checkup.error or ""
    if checkup.verdict == "incomplete":
        return f"{count(counts['unchecked'], 'rule')} could not be tested"
    return "every rule of its contract that its capabilities ask for holds"
