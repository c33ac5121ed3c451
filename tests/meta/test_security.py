"""What holds for every module and every file of a release, whatever it does.

Cases by the numbers of `docs/security.md`: S36 (supply chain and import), S37 (nothing read
is run), S38 (comparisons, random values, files).
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "codeflow_engine"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCK = tomllib.loads((ROOT / "poetry.lock").read_text("utf-8"))
SOURCES = {
    str(path.relative_to(PACKAGE)): path.read_text("utf-8") for path in PACKAGE.glob("**/*.py")
}

# Every dependency of a bare installation is somebody whom all users have to trust.
REQUIRED = {
    *("aiosqlite", "alembic", "genai-prices", "gitpython", "jsonschema", "opentelemetry-api"),
    *("platformdirs", "pluggy"),
    *("pydantic", "pydantic-settings", "sqlalchemy", "structlog", "tenacity"),
}

RUNS_DATA = {
    *("pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle"),
    *("joblib", "code", "codeop", "runpy", "xmlrpc", "dbm"),
}
CALLS = {"eval", "exec", "compile", "__import__", "breakpoint", "execfile"}
ATTRIBUTES = re.compile(
    r"^(?:\w+\.)*(?:yaml\.(?:load|load_all|full_load|full_load_all|unsafe_load|unsafe_load_all)"
    r"|(?:read|to)_pickle|numpy\.load|np\.load|Unpickler|builtins\.(?:eval|exec))$"
)
MEANT: dict[str, set[str]] = {
    # The inner step of the sandbox takes on the task of a module of the installation, as
    # `python -m` does, inside of the isolation; the name comes from the engine.
    "sandbox/inside/main.py": {"runpy", "__import__"},
    # Runs one fixed module of the installation, in the sandbox.
    "providers/analyzer/bandit_child.py": {"runpy"},
    # Makes a tree of a file and no code of it, as `ast.parse` does, in the sandbox.
    "review/parsing/python.py": {"compile"},
}
"""What a module may use of it, each with the reason."""

OPEN = {
    # A report goes where the user says, with the mode that any program would give it.
    "hosts/cli/destination.py": ["os.open: 666"],
}
"""Files that others may read where the user's umask lets them, each with the reason."""

# Runs in a bare interpreter; the hook sees what even a library's C code does.
PROBE = """
import logging, os, signal, sys, threading
seen = []
watched = ("socket.connect", "socket.bind", "socket.getaddrinfo", "subprocess.Popen", "os.system",
           "os.exec", "os.fork", "os.posix_spawn", "os.putenv", "os.unsetenv", "os.remove",
           "os.rename", "os.mkdir", "os.rmdir", "os.chmod", "signal.pthread_kill",
           "site.addsitedir", "urllib.Request", "sqlite3.connect", "shutil.copyfile",
           "tempfile.mkstemp", "tempfile.mkdtemp", "sys.addaudithook")
def hook(name, words):
    if name in watched:
        seen.append([name, repr(words)[:200]])
    elif name == "open" and isinstance(words[1], str) and set(words[1]) & set("wax+"):
        seen.append([name, repr(words)[:200]])
sys.dont_write_bytecode = True
def state():
    return [dict(os.environ), [repr(signal.getsignal(n)) for n in signal.valid_signals()],
            logging.getLogger().handlers, logging.getLogger().level, threading.active_count(),
            os.getcwd(), os.umask(os.umask(0o077)), sys.path, sys.excepthook]
import importlib, json, pkgutil
sys.addaudithook(hook)
import codeflow_engine
names = [m.name for m in pkgutil.walk_packages(codeflow_engine.__path__, "codeflow_engine.")
         if not m.name.endswith("__main__")]
before, failed = state(), []
seen.clear()
for name in names:
    try:
        importlib.import_module(name)
    except ImportError as error:
        failed.append([name, str(error)])
after = state()
{act}
print(json.dumps({"names": names, "seen": seen, "failed": failed, "same": before == state()}))
"""


def probe(act: str = "") -> dict[str, list[list[str]]]:
    """Import every module in a fresh interpreter; tell what happened."""
    ran = subprocess.run(
        [sys.executable, "-I", "-c", PROBE.replace("{act}", act)],
        capture_output=True,
        check=False,
        text=True,
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    told: dict[str, list[list[str]]] = json.loads(ran.stdout)
    return told


def runs(source: str) -> set[str]:
    """List the ways by which a module could run what it reads."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names} & RUNS_DATA
        elif isinstance(node, ast.ImportFrom):
            found |= {(node.module or "").partition(".")[0]} & RUNS_DATA
        elif isinstance(node, ast.Name) and node.id in CALLS:
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and ATTRIBUTES.match(ast.unparse(node)):
            found.add(ast.unparse(node))
    return found


def weak(source: str) -> list[str]:
    """List what is random but can be foretold, and digests that are compared in the open."""
    found = []
    for node in ast.walk(ast.parse(source)):
        names = [n.name for n in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{n.name}" for n in node.names)]
        found += [name for name in names if name == "random" or re.match(r"uuid\.uuid[1357]", name)]
        if isinstance(node, ast.Attribute) and re.fullmatch(
            r"uuid\.uuid[1357]|tempfile\.mktemp|hashlib\.md5", ast.unparse(node)
        ):
            found.append(ast.unparse(node))
        if isinstance(node, ast.Compare) and any(
            isinstance(one, ast.Eq | ast.NotEq) for one in node.ops
        ):
            sides = [ast.unparse(one) for one in (node.left, *node.comparators)]
            if any(re.search(r"(?:signature|mac|token|secret|password)$", one) for one in sides):
                found.append(ast.unparse(node))
    return found


def open_modes(source: str) -> list[str]:
    """List files and directories that are made for others to read or write."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        if name.rpartition(".")[2] not in {
            "chmod",
            "fchmod",
            "mkdir",
            "makedirs",
            "open",
            "mkfifo",
        }:
            continue
        modes = [one.value for one in ast.walk(node) if isinstance(one, ast.Constant)]
        found += [
            f"{name}: {mode:o}"
            for mode in modes
            if isinstance(mode, int) and not isinstance(mode, bool) and 0o600 <= mode <= 0o7777
            if mode & 0o077
        ]
    return found


def test_s36_no_module_does_anything_when_it_is_imported() -> None:
    """No connection, process, written file, signal, thread, variable or logging of any module."""
    told = probe()

    assert len(told["names"]) > 150
    assert told["failed"] == []
    assert told["seen"] == []
    assert told["same"]


def test_s36_the_probe_sees_what_an_import_could_do() -> None:
    """The control: a connection, a process, a variable and a file are noticed."""
    acts = {
        "socket.connect": "import socket; socket.socket().connect_ex(('127.0.0.1', 9))",
        "subprocess.Popen": "import subprocess; subprocess.run(['true'])",
        "os.putenv": "os.environ['A'] = 'b'",
        "open": "open(os.devnull, 'w')",
    }

    told = probe("\n".join(acts.values()))

    assert acts.keys() <= {event for event, _ in told["seen"]}
    assert not told["same"]


def test_s36_a_bare_installation_trusts_no_more_than_it_has_to() -> None:
    """The required dependencies are those of the design, with floors and without caps."""
    dependencies = PYPROJECT["tool"]["poetry"]["dependencies"]
    required = {
        name: value if isinstance(value, str) else value["version"]
        for name, value in dependencies.items()
        if name != "python" and not (isinstance(value, dict) and value.get("optional"))
    }

    assert required.keys() == REQUIRED
    assert [name for name, floor in required.items() if not re.fullmatch(r">=[\d.]+", floor)] == []
    assert not {"litellm", "langchain"} & {package["name"] for package in LOCK["package"]}


def test_s36_every_file_of_the_lock_has_a_hash_and_no_source_of_its_own() -> None:
    """What is installed from the lock is what was locked, from the index and nowhere else."""
    bare = [
        file["file"]
        for package in LOCK["package"]
        for file in package["files"]
        if not re.fullmatch(r"sha256:[0-9a-f]{64}", file["hash"])
    ]

    assert [package["name"] for package in LOCK["package"] if not package["files"]] == []
    assert bare == []
    assert [package["name"] for package in LOCK["package"] if "source" in package] == []


def test_s36_a_release_holds_nothing_that_runs_by_itself() -> None:
    """The package has no `.pth`, no binary and no code of a build; see `test_distribution` too."""
    odd = {".pth", ".so", ".pyd", ".dll", ".exe", ".pyc", ".pkl"}
    ours = [
        path for path in PACKAGE.glob("**/*") if path.is_file() and "__pycache__" not in path.parts
    ]

    assert [path for path in ours if path.suffix in odd] == []
    assert [path for path in ours if path.name in {"setup.py", "sitecustomize.py"}] == []
    assert PYPROJECT["build-system"]["build-backend"] == "poetry.core.masonry.api"
    assert "build" not in PYPROJECT["tool"]["poetry"]


def test_s37_no_module_runs_what_it_reads() -> None:
    """Nothing is unpickled, evaluated, or loaded as YAML with constructors."""
    found = {name: ways for name, source in SOURCES.items() if (ways := runs(source))}

    assert {name: ways - MEANT.get(name, set()) for name, ways in found.items()} == {
        name: set() for name in found
    }
    assert {name: found.get(name, set()) for name in MEANT} == MEANT, "what is meant is not used"


@pytest.mark.parametrize(
    "source",
    [
        *("import pickle", "from marshal import loads", "def f():\n    import shelve", "eval('1')"),
        *("f = exec", "import yaml\nyaml.unsafe_load(x)", "compile(x, '', 'exec')", "import runpy"),
        *(
            "import pandas as p\np.read_pickle(f)",
            "__import__(name)",
            "import builtins\nbuiltins.eval",
        ),
    ],
)
def test_s37_the_check_of_what_is_run_can_fail(source: str) -> None:
    """The control: each usual way to run data is found."""
    assert runs(source)
    assert not runs("import json, yaml, re\nyaml.safe_load(f)\nre.compile(x)\nmodel.eval()")


def test_s37_stored_values_are_json_with_the_name_of_their_type() -> None:
    """An event names its kind, an unknown kind is refused, and so is an unknown field."""
    from codeflow_engine.domain.encoding import from_plain, to_plain
    from codeflow_engine.domain.run import RunFinished, RunStatus
    from codeflow_engine.domain.source import SourceReport
    from codeflow_engine.errors import SerializationError

    plain = to_plain(RunStatus.FAILED)
    assert json.loads(json.dumps(plain)) == "failed"
    for kind, value in (
        (RunStatus, "__import__('os')"),
        (RunFinished, {"kind": "os.system"}),
        (SourceReport, {"source": "a", "__class__": "Evil"}),
    ):
        with pytest.raises(SerializationError):
            from_plain(kind, value)


def test_s38_random_values_and_comparisons_tell_nothing() -> None:
    """Ids come from the system's generator; a secret is never compared with `==`."""
    found = {name: ways for name, source in SOURCES.items() if (ways := weak(source))}

    assert found == {}
    clock = SOURCES["pace/clock.py"]
    assert "secrets.token_" in clock or "os.urandom" in clock


@pytest.mark.parametrize(
    "source",
    [
        *("import random", "from random import choice", "import uuid\nuuid.uuid1()"),
        *("from uuid import uuid1", "if signature == wanted: pass", "given.token != self.token"),
        *("import tempfile\ntempfile.mktemp()", "import hashlib\nhashlib.md5(x)"),
    ],
)
def test_s38_the_check_of_random_values_can_fail(source: str) -> None:
    """The control: a generator that can be foretold, and an open comparison, are found."""
    assert weak(source)
    assert not weak("import secrets\nsecrets.token_hex()\nhmac.compare_digest(signature, other)")


def test_s38_no_file_is_made_for_others() -> None:
    """No mode in the package lets another user read or write."""
    found = {name: modes for name, source in SOURCES.items() if (modes := open_modes(source))}

    assert found == OPEN
    assert open_modes("os.open(p, flags, 0o644)") == ["os.open: 644"]
    assert open_modes("path.mkdir(mode=0o755)") == ["path.mkdir: 755"]
    assert not open_modes("path.chmod(0o600); path.mkdir(0o700); f.open('w')")
