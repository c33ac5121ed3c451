"""Importing the engine costs little and changes nothing in the host's process."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

VENDORS = {
    *("openai", "anthropic", "mistralai", "groq", "autogen_core", "autogen_agentchat", "httpx"),
    *("github", "aiohttp", "requests", "urllib3", "psycopg", "psycopg2", "asyncpg", "redis"),
    *("celery", "dbos", "fastapi", "starlette", "uvicorn", "websockets", "flask", "socketio"),
    *("prometheus_client", "sentry_sdk", "ddtrace", "bandit", "ruff", "pandas", "IPython"),
    *("typer", "click", "rich", "git", "gitdb", "sqlalchemy", "alembic", "aiosqlite"),
}
"""What belongs to one backend, or to one host."""

HEAVY = VENDORS | {
    *("pydantic", "pydantic_core", "pydantic_settings", "structlog", "tenacity", "opentelemetry"),
    *("numpy", "yaml", "jsonschema", "multiprocessing", "sqlite3"),
}
"""What the import of the engine alone does not load either."""

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
    "act", ["import codeflow_engine", "from codeflow_engine import AsyncEngine, Engine"]
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
    act = "import codeflow_engine as c\nfor name in c.__all__: getattr(c, name)"

    assert not packages(probe(act)) & VENDORS


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
    """A heavy package that was loaded is named."""
    assert "pydantic" in packages(probe("import pydantic")) & HEAVY
