"""The parent's side of a check: starts the child, bounds it, and reads what it tells."""

from __future__ import annotations

import importlib.util
import json
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from codeflow_engine.errors import (
    ConfigurationError,
    MissingDependencyError,
    SandboxTimeoutError,
)
from codeflow_engine.plugins.registry import Kind
from codeflow_engine.sandbox import Limits, Sandbox, Session
from codeflow_engine.testing.checking.values import (
    CheckOptions,
    Checkup,
    RuleOutcome,
    RuleResult,
)

__all__ = ["check"]

_LOAD = (
    "import json,sys;order=json.load(sys.stdin);sys.path[:]=order['path'];"
    "from codeflow_engine.testing.checking.inside import main;main(order)"
)
_UNBOUNDED = Limits(
    cpu_seconds=None,
    memory_bytes=None,
    file_bytes=None,
    processes=None,
    open_files=None,
    output_bytes=None,
)
_LONGEST = 24 * 3600.0
_EXTRA = "codeflow-engine[testing]"
_PLACES = ("{tmp}", "{name}")
_NOT_INHERITED = ("PYTEST_", "PYTHON", "COV_", "TMPDIR")
"""Variables of the user's that would change how pytest or the interpreter behave."""


async def check(
    target: str,
    options: CheckOptions | None = None,
    *,
    environment: Mapping[str, str] | None = None,
) -> tuple[Checkup, ...]:
    """Check a backend, or every backend of an installed plugin, against its contract.

    The target's code runs in a child process that has this process's import path and can
    do whatever its user can: it is as trusted as an installed plugin.

    Args:
        target: `package.module:Class`, where the class derives from a contract, or is a test
            class derived from a suite, or stands for any function that makes a backend;
            `kind:name` or a `name` that an installed plugin offers; or the name of an
            installed plugin, for everything that it offers.
        options: What else the suite may need.
        environment: Variables that the target can see, without those that steer Python or
            pytest; `os.environ` where it is to see those of this process. None gives none.

    Returns:
        One checkup for each backend.

    Raises:
        ConfigurationError: There is no such target, it is no backend, or cannot be made.
        MissingDependencyError: pytest or pytest-asyncio is not installed.
        SandboxError: No process can be started.
    """
    options = options or CheckOptions()
    _verify(options)
    given = _given(environment or {})
    module, colon, attribute = target.partition(":")
    if colon and module not in list(Kind):
        if not module or not attribute:
            raise ConfigurationError(f"{target!r} is not of the form package.module:Class")
        return (await _sole({"do": "import", "target": target}, options, given),)
    return await _offers(target, options, given)


def _verify(options: CheckOptions) -> None:
    """Refuse what no check can work with, before anything is started."""
    if not 0 < options.timeout <= _LONGEST:
        raise ConfigurationError(
            f"a check needs a timeout above 0 s and not above {_LONGEST:g} s, "
            f"not {options.timeout:g} s"
        )
    if options.url is not None and not any(place in options.url for place in _PLACES):
        raise ConfigurationError(
            "each test begins with an empty storage or cache, so the URL has to hold {tmp}, a new "
            "directory, or {name}, a new name; what neither can be put into is checked by a test "
            "class whose fixture empties it"
        )
    for package in ("pytest", "pytest_asyncio"):
        if importlib.util.find_spec(package) is None:
            raise MissingDependencyError(
                f"checking a plugin needs {package}; install it with: pip install '{_EXTRA}'",
                requires=_EXTRA,
            )


async def _offers(
    target: str, options: CheckOptions, given: Mapping[str, str]
) -> tuple[Checkup, ...]:
    asked = await _Run({"do": "survey", "target": target}, options, given).done()
    offers: list[dict[str, Any]] = asked.found["offers"]
    failures: list[str] = asked.found["failures"]
    if not offers and not failures:
        raise ConfigurationError(f"{target} offers no backend")
    checkups = [_registration(target, failures)] if failures else []
    for offer in offers:
        if len(offers) == 1 and not failures:
            checkups.append(await _sole({"do": "offer", **offer}, options, given))
        else:
            fitting = _fitting(offer["target"], options)
            run = _Run({"do": "offer", **offer}, fitting, given)
            checkups.append((await run.done()).checkup())
    return tuple(checkups)


def _fitting(target: str, options: CheckOptions) -> CheckOptions:
    """Leave out what is for the other backends of a plugin."""
    kind = target.partition(":")[0]
    if kind not in {Kind.STORAGE, Kind.CACHE}:
        options = replace(options, url=None)
    if kind != Kind.VCS:
        options = replace(options, change=None, base=None, head=None)
    return options


async def _sole(order: dict[str, Any], options: CheckOptions, given: Mapping[str, str]) -> Checkup:
    checkup = (await _Run(order, options, given).done()).checkup()
    if checkup.error is not None:
        raise ConfigurationError(checkup.error)
    return checkup


def _registration(target: str, failures: list[str]) -> Checkup:
    failed = RuleResult(
        name="registration",
        rule="What a plugin offers can be taken in.",
        outcome=RuleOutcome.FAILED,
        reason="; ".join(failures),
    )
    return Checkup(subject=target, results=(failed,))


class _Run:
    """One child process, and what it has told so far."""

    def __init__(
        self, order: dict[str, Any], options: CheckOptions, given: Mapping[str, str]
    ) -> None:
        self._order = order
        self._given = given
        self._options = options
        self.found: dict[str, Any] = {}
        self._suite: str | None = None
        self._refusal: str | None = None
        self._rules: dict[str, str] = {}
        self._results: dict[str, RuleResult] = {}
        self._running: str | None = None
        self._crash: str | None = None
        self._done = False

    async def done(self) -> _Run:
        """Run the child to its end, or to the end of its time.

        Raises:
            ConfigurationError: It could not find out what the target means.
        """
        ended = "nothing was told of it"
        try:
            async with (
                Sandbox() as sandbox,
                sandbox.session(
                    [sys.executable, "-I", "-c", _LOAD],
                    limits=replace(_UNBOUNDED, timeout=self._options.timeout),
                    env=self._given,
                    isolate=False,
                ) as session,
            ):
                await session.write(self._letter())
                session.write_eof()
                async for event in _events(session):
                    self._note(**event)
                    if self._done:
                        break
                else:
                    ended = _ending(await session.wait(), session.stderr)
        except SandboxTimeoutError:
            ended = f"it was not done within {self._options.timeout:g} s"
        self._break_off(self._crash or ended)
        if self._order["do"] == "survey" and self._refusal is not None:
            raise ConfigurationError(self._refusal)
        return self

    def _letter(self) -> bytes:
        order = {"path": sys.path, "cwd": str(Path.cwd()), "options": asdict(self._options)}
        return json.dumps(order | self._order).encode()

    def _note(self, *, event: str, **told: Any) -> None:
        """Take in one event of the child."""
        if event == "survey":
            self.found = told
        elif event == "suite":
            self._suite = told["name"]
        elif event in {"refused", "broken"}:
            # Once there are rules, it is a test that has ended everything.
            if self._rules:
                self._crash = told["message"]
            else:
                self._refusal = told["message"]
        elif event == "rules":
            self._rules = dict(told["rules"])
        elif event == "left_out":
            self._results[told["name"]] = RuleResult(
                name=told["name"],
                rule=told["rule"],
                outcome=RuleOutcome.UNCHECKED,
                reason=f"{told['suite']} leaves it out, or has another test in its place",
            )
        elif event == "start":
            self._running = told["name"]
        elif event in {"end", "result"}:
            self._running = None
            self._keep(told)
        elif event == "done":
            self._done = True

    def _keep(self, told: dict[str, Any]) -> None:
        rule = told.get("rule") or self._rules.get(told["name"], "")
        told |= {"rule": rule, "outcome": RuleOutcome(told["outcome"])}
        # What stands there already says that the test is none of the suite's.
        self._results.setdefault(told["name"], RuleResult(**told))

    def _break_off(self, ended: str) -> None:
        """Judge what the child did not: the test that it ended in, and those after it."""
        if self._order["do"] == "survey" and self.found:
            return
        if not self._rules and self._refusal is None:
            where = "while it was looked for" if self._suite is None else "before its tests"
            self._refusal = f"{self._order['target']} cannot be checked: {ended} {where}"
            return
        if self._running is not None:
            self._keep({"name": self._running, "outcome": RuleOutcome.FAILED, "reason": ended})
        for name in self._rules:
            reason = f"the check ended before it: {ended}"
            self._keep({"name": name, "outcome": RuleOutcome.UNCHECKED, "reason": reason})

    def checkup(self) -> Checkup:
        """Sum up, in the order in which the suite has its rules."""
        order = {name: number for number, name in enumerate(self._rules)}
        results = sorted(self._results.values(), key=lambda one: order.get(one.name, -1))
        return Checkup(
            subject=self._order["target"],
            suite=self._suite,
            results=tuple(results),
            error=self._refusal,
        )


def _given(environment: Mapping[str, str]) -> Mapping[str, str]:
    kept = {
        name: value for name, value in environment.items() if not name.startswith(_NOT_INHERITED)
    }
    return kept | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


async def _events(session: Session) -> AsyncIterator[dict[str, Any]]:
    rest = b""
    while data := await session.read(65536):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            yield json.loads(line)


def _ending(status: int, stderr: bytes) -> str:
    if status < 0:
        return f"its process was ended by {signal.Signals(-status).name}"
    last = stderr.decode(errors="replace").strip().rpartition("\n")[2]
    return f"its process ended with exit status {status}" + (f" ({last})" if last else "")
