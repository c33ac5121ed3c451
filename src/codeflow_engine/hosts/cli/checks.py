"""What `codeflow doctor` looks at."""

from __future__ import annotations

import asyncio
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path

from codeflow_engine.errors import CodeflowError, SandboxError
from codeflow_engine.sandbox import Isolation, Sandbox
from codeflow_engine.settings import Settings, load_settings, settings_path

__all__ = ["Check", "State", "check_git", "check_isolation", "examine"]

_DISTRIBUTION = "codeflow-engine"
_PREFIX = "CODEFLOW_"
_OWN_VARIABLES = {"CODEFLOW_SETTINGS_FILE"}
_GIT_NEEDED = (2, 33)
"""What `providers/vcs/git` needs."""

_MEANING = {
    Isolation.BWRAP: "analyzers run in namespaces made by bubblewrap",
    Isolation.UNSHARE: "analyzers run in namespaces made by the kernel alone",
    Isolation.NONE: (
        "analyzers run as the same user on the same files; "
        "those that can execute code of a change are refused"
    ),
}


class State(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    state: State
    topic: str
    told: str


def examine(
    settings_file: Path | None, environment: Mapping[str, str], llm: Sequence[str] | None = None
) -> list[Check]:
    """Look at everything, also where something before it is wrong."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    settings, found = _check_settings(settings_file)
    prefer = None if settings is None else settings.isolation
    return [
        Check(state=State.OK, topic="version", told=f"{_DISTRIBUTION} {version(_DISTRIBUTION)}"),
        Check(state=State.OK, topic="python", told=python),
        *asyncio.run(_check_processes(prefer)),
        found,
        *_check_variables(environment),
        *_check_plugins(settings_file, settings),
        *_check_models(settings_file, settings, llm),
        _check_extras(),
    ]


async def _check_processes(prefer: Isolation | None) -> list[Check]:
    async with Sandbox(prefer=prefer) as sandbox:
        return [await check_git(sandbox), await check_isolation(sandbox)]


async def check_git(sandbox: Sandbox) -> Check:
    """Ask git for its version."""
    try:
        done = await sandbox.run(["git", "--version"], isolate=False, check=True)
    except SandboxError as error:
        told = f"{error.message}; patches can be reviewed, repositories cannot"
        return Check(state=State.PROBLEM, topic="git", told=told)
    said = done.stdout.decode("utf-8", "replace").strip()
    number = re.search(r"(\d+)\.(\d+)", said)
    if number is None or (int(number[1]), int(number[2])) < _GIT_NEEDED:
        needed = ".".join(map(str, _GIT_NEEDED))
        return Check(state=State.PROBLEM, topic="git", told=f"{said}; {needed} or newer is needed")
    return Check(state=State.OK, topic="git", told=said)


async def check_isolation(sandbox: Sandbox) -> Check:
    """Find how far analyzers are kept from the host, and why no further."""
    try:
        rung = await sandbox.isolation()
    except SandboxError as error:
        return Check(state=State.PROBLEM, topic="isolation", told=error.message)
    refused = [f"not {name}: {reason}" for name, reason in sandbox.refusals.items()]
    told = "; ".join([f"{rung}: {_MEANING[rung]}", *refused])
    state = State.WARNING if rung is Isolation.NONE else State.OK
    return Check(state=state, topic="isolation", told=told)


def _check_settings(named: Path | None) -> tuple[Settings | None, Check]:
    try:
        path = settings_path(named)
        settings = load_settings(named)
    except CodeflowError as error:
        return None, Check(state=State.PROBLEM, topic="settings", told=error.message)
    told = "no settings file" if path is None else str(path)
    return settings, Check(state=State.OK, topic="settings", told=told)


def _check_variables(environment: Mapping[str, str]) -> list[Check]:
    """List the variables that are set; a name that nobody reads is likely a slip."""
    known = {f"{_PREFIX}{one.name}".upper() for one in fields(Settings)} | _OWN_VARIABLES
    ours = sorted(name for name in environment if name.upper().startswith(_PREFIX))
    read = [name for name in ours if name.upper().partition("__")[0] in known]
    unread = [name for name in ours if name not in read]
    told = ", ".join(read) or f"no {_PREFIX}* variable is set"
    checks = [Check(state=State.OK, topic="environment", told=told)]
    if unread:
        told = f"nobody reads {', '.join(unread)}"
        checks.append(Check(state=State.WARNING, topic="environment", told=told))
    return checks


def _check_plugins(settings_file: Path | None, settings: Settings | None) -> list[Check]:
    from codeflow_engine.hosts.cli.plugins import states
    from codeflow_engine.sync import Engine

    if settings is None:
        told = "not looked at, since the settings are wrong"
        return [Check(state=State.WARNING, topic="plugins", told=told)]
    try:
        with Engine(settings_file=settings_file, executes="none") as engine:
            rows, _ = states(engine.plugins)
            failures = [failure.error.message for failure in engine.plugins.failures]
    except CodeflowError as error:
        return [Check(state=State.PROBLEM, topic="plugins", told=error.message)]
    usable = [name for _, name, _, state in rows if state == "available"]
    failed = [f"{kind} {name} {state}" for kind, name, _, state in rows if "failed: " in state]
    told = f"{len(usable)} of {len(rows)} backends are available"
    return [
        Check(state=State.OK, topic="plugins", told=told),
        *(Check(state=State.PROBLEM, topic="plugins", told=one) for one in failures + failed),
    ]


def _check_models(
    settings_file: Path | None, settings: Settings | None, llm: Sequence[str] | None
) -> list[Check]:
    """Ask each model something short: only an answer proves key, place and model."""
    from codeflow_engine.hosts.cli.models import told
    from codeflow_engine.sync import Engine

    if settings is None:
        return []
    if not (llm or settings.llm):
        return [Check(state=State.OK, topic="models", told="no model is configured")]
    try:
        with Engine(settings_file=settings_file, executes="none", llm=llm) as engine:
            trials = engine.try_models()
    except CodeflowError as error:
        return [Check(state=State.PROBLEM, topic="models", told=error.message)]
    return [
        Check(
            state=State.OK if trial.error is None else State.PROBLEM,
            topic="models",
            told=told(trial),
        )
        for trial in trials
    ]


def _check_extras() -> Check:
    """Tell the extras whose packages are all there from the others."""
    needed: dict[str, set[str]] = {
        name: set() for name in metadata(_DISTRIBUTION).get_all("Provides-Extra") or ()
    }
    for requirement in requires(_DISTRIBUTION) or ():
        package = re.match(r"[\w.-]+", requirement)
        for extra in re.findall(r"""extra == ["']([^"']+)["']""", requirement):
            if package is not None:
                needed.setdefault(extra, set()).add(package[0])
    installed = [name for name, packages in sorted(needed.items()) if all(map(_has, packages))]
    absent = [name for name in sorted(needed) if name not in installed]
    told = f"installed: {', '.join(installed) or 'none'}; not installed: {', '.join(absent)}"
    return Check(state=State.OK, topic="extras", told=told)


def _has(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
