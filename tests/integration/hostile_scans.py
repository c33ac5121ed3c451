"""Scans that crash, hang, lie, or reach for what is not theirs.

They stand in a module of their own, because the process of a scan imports them by name.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from codeflow_engine.domain.diff import Diff, Unit
from codeflow_engine.domain.finding import Category, RawFinding, Severity
from codeflow_engine.providers.analyzer.scanning import Scanned

type Units = Sequence[Unit]
type Settings = Mapping[str, Any]


def honest(_: Diff, units: Units, __: Settings) -> Iterator[Scanned]:
    """Examine everything and find nothing."""
    return (Scanned(unit=unit) for unit in units)


def tells(diff: Diff, units: Units, settings: Settings) -> Iterator[Scanned]:
    """Tell in findings what the process sees of the machine; decline the last unit."""
    seen = {
        "environment": sorted(os.environ),
        "modules": sorted(name for name in settings["modules"] if name in sys.modules),
        "readable": sorted(path for path in settings["paths"] if Path(path).exists()),
    }
    for unit in units[:-1]:
        finding = _finding(diff.files[unit.file].path, message=repr(seen))
        yield Scanned(unit=unit, findings=[finding])
    yield Scanned(unit=units[-1], declined="another language")


def _finding(path: str, *, message: str = "m", title: str = "t") -> RawFinding:
    return RawFinding(
        rule="seen",
        severity=Severity.INFO,
        category=Category.SECURITY,
        title=title,
        message=message,
        path=path,
    )


def alternates(_: Diff, units: Units, __: Settings) -> Iterator[Scanned]:
    """Decline every second unit."""
    return (Scanned(unit=unit, declined=["no", None][at % 2]) for at, unit in enumerate(units))


def raises(diff: Diff, *_: Any) -> Any:
    """Raise an error that quotes the change."""
    raise ValueError(diff.data.decode())


def raises_late(_: Diff, units: Units, __: Settings) -> Iterator[Scanned]:
    """Examine a unit, then raise."""
    yield Scanned(unit=units[0])
    raise KeyError(units)


def leaves(_: Diff, units: Units, __: Settings) -> Iterator[Scanned]:
    """End the process in good order, before the end."""
    yield Scanned(unit=units[0])
    sys.exit(0)


def leaves_at_once(*_: Any) -> Any:
    """End the process without any order."""
    os._exit(0)


def leaves_badly(_: Diff, units: Units, __: Settings) -> Iterator[Scanned]:
    """Give a whole answer, and then a bad status."""
    atexit.register(os._exit, 3)
    yield from honest(_, units, __)


def dies(*_: Any) -> Any:
    """Die of a signal."""
    os.kill(os.getpid(), signal.SIGSEGV)
    time.sleep(60)


def hangs(*_: Any) -> Any:
    """Sleep longer than anybody waits."""
    time.sleep(600)


def spins(*_: Any) -> Any:
    """Burn CPU time for ever, and ask not to be interrupted."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGXCPU):
        signal.signal(number, signal.SIG_IGN)
    while True:
        pass


def eats(*_: Any) -> Any:
    """Eat memory."""
    held = []
    while True:
        held.append(bytearray(64 * 1024 * 1024))


def floods(diff: Diff, units: Units, _: Settings) -> Iterator[Scanned]:
    """Write more than anybody reads."""
    finding = _finding(diff.files[0].path, message="x" * 50_000)
    return (Scanned(unit=unit, findings=[finding] * 1_000) for unit in units)


def prints(diff: Diff, units: Units, _: Settings) -> Iterator[Scanned]:
    """Print a forged answer and the change."""
    sys.stdout.write('["examined",0,99]\n["end",1]\n')
    sys.stdout.flush()
    os.write(1, b'["end",0]\n')
    sys.stderr.write(diff.data.decode())
    return honest(diff, units, _)


def forges(_: Diff, units: Units, __: Settings) -> Any:
    """Write a forged answer into every open descriptor, and end."""
    for number in range(3, 64):
        try:
            os.write(number, b'["examined",0,%d]\n["end",1]\n["end",2]\n' % len(units))
        except OSError:
            continue
    os._exit(0)


def skips(_: Diff, units: Units, __: Settings) -> list[Scanned]:
    """Leave a unit out."""
    return [Scanned(unit=unit) for unit in units[:-1]]


def repeats(_: Diff, units: Units, __: Settings) -> list[Scanned]:
    """Examine a unit that nobody asked about."""
    return [Scanned(unit=unit) for unit in (*units, Unit(file=99, hunk=None))]


def strays(_: Diff, units: Units, __: Settings) -> Iterator[Scanned]:
    """Find something in a file of the host."""
    return (Scanned(unit=unit, findings=[_finding("/etc/passwd")]) for unit in units)


def lies_about_types(diff: Diff, units: Units, _: Settings) -> Iterator[Scanned]:
    """Give a finding whose fields have other types than they say."""
    finding = _finding(diff.files[0].path)
    object.__setattr__(finding, "line", diff.data.decode())
    return (Scanned(unit=unit, findings=[finding]) for unit in units)
