"""Importing the engine costs little and changes nothing in the host's process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

MODULES = {
    "gitpython": {"git", "gitdb"},
    "ipywidgets": {"ipywidgets", "IPython", "traitlets"},
    "mistralai": {"mistralai", "httpx"},
    "opentelemetry-api": {"opentelemetry"},
    "pandas": {"pandas", "numpy"},
    "psycopg2-binary": {"psycopg2"},
    "pyautogen": {"autogen_core", "autogen_agentchat"},
    "pydantic": {"pydantic", "pydantic_core"},
    "pygithub": {"github", "requests", "urllib3"},
    "fastapi": {"fastapi", "starlette"},
    "flask-socketio": {"flask", "flask_socketio", "socketio"},
    "typer": {"typer", "click"},
}
"""What a dependency is imported as, and brings along, where that is not its own name."""

SHARED = {"pluggy", "platformdirs"}
"""Light dependencies that are no backend's own."""

WITH_VALUES = {"pydantic", "pydantic-settings", "structlog", "tenacity", "opentelemetry-api"}
"""Dependencies that belong to no single backend, though the engine loads them late."""


def imported_as(names: set[str]) -> set[str]:
    """Give the modules of some dependencies."""
    return {one for name in names for one in MODULES.get(name, {name.replace("-", "_")})}


DEPENDENCIES = set(PYPROJECT["tool"]["poetry"]["dependencies"]) - {"python"} - SHARED
VENDORS = imported_as(DEPENDENCIES - WITH_VALUES)
"""What belongs to one backend, or to one host."""

HEAVY = imported_as(DEPENDENCIES) | {"yaml", "jsonschema", "multiprocessing", "sqlite3"}
"""What the import of the engine alone does not load either."""

EVERY_NAME = """
import codeflow_engine
for place in (codeflow_engine, codeflow_engine.contracts, codeflow_engine.errors):
    for name in place.__all__:
        getattr(place, name)
"""

# Runs in a bare interpreter. `-I` keeps the caller's environment and `.pth` surprises out.
PROBE = """
import gc, json, logging, os, signal, sys, threading, warnings

def state():
    loggers = [logging.getLogger(), *(
        item for item in logging.Logger.manager.loggerDict.values()
        if isinstance(item, logging.Logger)
    )]
    return {
        "handlers": sorted((log.name, repr(log.handlers), log.level) for log in loggers
                           if log.handlers or log.level),
        "disabled": logging.root.manager.disable,
        "signals": [repr(signal.getsignal(number)) for number in signal.valid_signals()],
        "filters": repr(warnings.filters),
        "showwarning": repr(warnings.showwarning),
        "environment": dict(os.environ),
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "descriptors": sorted(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self") else [],
        "directory": os.getcwd(),
        "path": sys.path,
        "hooks": repr([sys.excepthook, sys.displayhook, threading.excepthook, sys.breakpointhook,
                       sys.unraisablehook, sys.meta_path, sys.path_hooks]),
        "trace": repr([sys.gettrace(), sys.getprofile(), sys.getrecursionlimit(),
                       sys.getswitchinterval(), gc.isenabled(), gc.get_threshold()]),
        "streams": repr([sys.stdin, sys.stdout, sys.stderr]),
    }

before, loaded = state(), set(sys.modules)
{act}
after = state()
print(json.dumps({
    "changed": {key: [old, after[key]] for key, old in before.items() if old != after[key]},
    "loaded": sorted(set(sys.modules) - loaded),
}))
"""


def probe(act: str) -> dict[str, object]:
    """Run code in a bare interpreter; tell what it changed, and what it loaded."""
    ran = subprocess.run(
        [sys.executable, "-I", "-c", PROBE.replace("{act}", act)],
        capture_output=True,
        check=False,
        text=True,
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    told: dict[str, object] = json.loads(ran.stdout)
    return told


def packages(told: dict[str, object]) -> set[str]:
    """Name the packages that were loaded."""
    loaded = told["loaded"]
    assert isinstance(loaded, list)
    return {name.partition(".")[0] for name in loaded}


@pytest.mark.parametrize(
    "act",
    ["import codeflow_engine", "from codeflow_engine import AsyncEngine, Engine", EVERY_NAME],
)
def test_the_import_changes_nothing_in_the_process(act: str) -> None:
    """Logging, signals, warnings, environment, threads, files and hooks stay as they were."""
    assert probe(act)["changed"] == {}


def test_the_import_loads_no_heavy_package() -> None:
    """The public classes come without vendor SDKs, Pydantic, SQLAlchemy, typer or git."""
    loaded = packages(probe("from codeflow_engine import AsyncEngine, Engine"))

    assert "codeflow_engine" in loaded
    assert not loaded & HEAVY


def test_every_public_name_comes_without_a_vendor_sdk() -> None:
    """Even all public names together load nothing that belongs to one backend."""
    assert not packages(probe(EVERY_NAME)) & VENDORS


@pytest.mark.parametrize(
    ("act", "changed"),
    [
        ("logging.basicConfig()", "handlers"),
        ("signal.signal(signal.SIGUSR1, signal.SIG_IGN)", "signals"),
        ("warnings.simplefilter('error')", "filters"),
        ("os.environ['A'] = 'b'", "environment"),
        ("threading.Thread(target=threading.Event().wait, daemon=True).start()", "threads"),
        ("kept = open('/dev/null')", "descriptors"),
        ("sys.excepthook = print", "hooks"),
        ("gc.disable()", "trace"),
    ],
)
def test_the_probe_sees_changes(act: str, changed: str) -> None:
    """Each kind of change that a library could make at import is noticed."""
    assert changed in probe(act)["changed"]  # type: ignore[operator]  # a mapping


def test_the_probe_sees_heavy_packages() -> None:
    """A heavy package that was loaded is named, also one that an extra brings."""
    assert "pydantic" in packages(probe("import pydantic")) & HEAVY
    assert {"pandas", "numpy", "git", "openai", "sqlalchemy", "flask_socketio"} <= VENDORS
