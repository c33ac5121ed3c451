"""The child process of a check: finds the target, runs its suite, tells line by line.

What the target prints goes nowhere; the report has a descriptor of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codeflow_engine.errors import CodeflowError
from codeflow_engine.plugins.containment import tell
from codeflow_engine.testing.checking.values import CheckOptions

if TYPE_CHECKING:
    from codeflow_engine.testing.checking.subjects import Subject

__all__ = ["Tell", "main"]

type Tell = Callable[..., None]
"""Sends one event to the parent: its name, and values that JSON knows."""

_LONGEST = 1000
"""Characters of a message or a reason; what a broken backend says may be megabytes."""


def main(order: dict[str, Any]) -> None:
    """Do what the parent asks, and leave the interpreter whatever threads still run.

    Args:
        order: `do`, which is `survey`, `offer` or `import`; `target`; `options`, those of
            `CheckOptions`; `cwd`; and for an offer `distribution`.
    """
    say = _take_output()
    room = Path.cwd()
    with contextlib.suppress(OSError):  # it may be gone, or forbidden
        os.chdir(order["cwd"])
    # The author's package gets no bytecode that assertions were rewritten in.
    sys.dont_write_bytecode = True
    try:
        _obey(order, room, say)
    except CodeflowError as error:
        say("refused", message=error.message)
    except BaseException as error:  # noqa: BLE001 - the child has no other user than the target
        say("refused", message=f"{order['target']} cannot be checked: {tell(error)}")
    say("done")
    os._exit(0)


def _obey(order: dict[str, Any], room: Path, say: Tell) -> None:
    options = CheckOptions(**order["options"])
    target = order["target"]
    if order["do"] == "survey":
        from codeflow_engine.testing.checking.offers import survey

        say("survey", **survey(target, options))
        return
    if order["do"] == "offer":
        # Before anything else is imported: what the plugin brings along is looked at.
        from codeflow_engine.testing.checking.offers import register

        for result in register(order["distribution"], options):
            say("result", **asdict(result))

    def resolve(directory: Path) -> Subject:
        # Imported within pytest, which rewrites the assertions of the suites.
        if order["do"] == "offer":
            from codeflow_engine.testing.checking.offers import offered as find
        else:
            from codeflow_engine.testing.checking.imports import imported as find
        return find(target, options, directory)

    from codeflow_engine.testing.checking.conductor import conduct

    conduct(resolve, room, say)


def _take_output() -> Tell:
    """Keep standard output for the report; whoever else writes there writes to nowhere."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)

    def say(event: str, **values: Any) -> None:
        for name in ("message", "reason"):
            if len(values.get(name) or "") > _LONGEST:
                values[name] = f"{values[name][:_LONGEST]} ..."
        channel.write(json.dumps({"event": event, **values}) + "\n")
        channel.flush()

    return say
