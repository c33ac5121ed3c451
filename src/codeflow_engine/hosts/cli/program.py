"""The program `codeflow`: from arguments to an exit status."""

from __future__ import annotations

import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from codeflow_engine.errors import CodeflowError
from codeflow_engine.hosts.cli.exits import Exit, exit_of
from codeflow_engine.hosts.cli.signals import is_ignored
from codeflow_engine.hosts.cli.terminal import prepare_streams, say, say_error
from codeflow_engine.reports.visible import escape

if TYPE_CHECKING:
    import typer

__all__ = ["main"]

_EXTRA = {"click", "rich", "shellingham", "typer"}
"""Packages whose absence means that the extra is not installed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    Args:
        arguments: The words after the program's name; None takes those of the process.
    """
    prepare_streams()
    try:
        import typer  # noqa: F401 - the extra may be missing

        from codeflow_engine.hosts.cli.commands import app
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        say_error('the command line is an extra: pip install "codeflow-engine[cli]"')
        return Exit.USAGE
    with _ended_by_signals() as heard:
        status = _guarded(app, arguments)
    if heard:
        # The host may have a way of its own to end.
        raise SystemExit(128 + heard[0])
    if status == Exit.INTERRUPTED:
        say_error("interrupted")
    return status


def _guarded(app: Callable[[], typer.Typer], arguments: Sequence[str] | None) -> int:
    """Run the program, and tell by its exit status whatever it raises."""
    import typer

    try:
        return _run(app(), arguments)
    except typer.TyperException as error:
        say_error(f"{error.format_message()} (codeflow --help tells more)")
        return Exit.USAGE
    except CodeflowError as error:
        say_error(error.message)
        return exit_of(error)
    except (KeyboardInterrupt, typer.Abort):
        return Exit.INTERRUPTED
    except Exception:  # noqa: BLE001 - Python's own status for a bug is 1, which means findings
        for line in traceback.format_exc().splitlines():
            say(escape(line))
        say_error("this is a defect of codeflow-engine; the lines above say where")
        return Exit.INCOMPLETE


def _run(app: typer.Typer, arguments: Sequence[str] | None) -> int:
    from typer.main import get_command

    words = sys.argv[1:] if arguments is None else list(arguments)
    status = get_command(app).main(words, prog_name="codeflow", standalone_mode=False)
    return int(status or Exit.OK)


@contextmanager
def _ended_by_signals() -> Iterator[list[int]]:
    """Let SIGTERM and SIGHUP unwind the program, so that no process is left behind.

    Gives a list that holds the signals which came. One that is ignored stays so, as under
    `nohup`.
    """
    heard: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield heard
        return

    def leave(number: int, frame: FrameType | None) -> NoReturn:
        del frame
        heard.append(number)
        # Not `SystemExit`, which would count as a failure of the plugin that runs just now.
        raise KeyboardInterrupt

    numbers = [one for one in (signal.SIGTERM, signal.SIGHUP) if not is_ignored(one)]
    before = {number: signal.signal(number, leave) for number in numbers}
    try:
        yield heard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
