"""What no file of the project may do or say."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "codeflow_engine"

STARTS_PROCESSES = {"multiprocessing", "pty", "subprocess", "_posixsubprocess"}
STARTS_PROCESS = re.compile(
    r"\bos\.(system|popen|fork|forkpty|exec\w+|spawn\w+|posix_spawnp?)\b"
    r"|\bcreate_subprocess_(exec|shell)\b|\bProcessPoolExecutor\b|\bsubprocess_(exec|shell)\b"
)
RUNS_DATA = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle"}
RUNS_DATA_CALL = re.compile(
    r"^(eval|exec|yaml\.(load|load_all|full_load|full_load_all|unsafe_load|unsafe_load_all))$"
)
FORBIDDEN_NAMES = {
    *("manager", "helper", "util", "common", "core", "base", "service", "handler", "job"),
}
MEANT: dict[str, str] = {}
"""Modules where one of these words says something, each with what it says."""

CATCHES = {
    "hosts/cli/program.py": "tells a defect, and ends with the status of an incomplete review",
    "plugins/containment.py": "an exception of a plugin that cannot say its own message",
    "plugins/installed.py": "metadata of other distributions, which break in many ways",
    "providers/analyzer/scanning/child.py": "a scan of a plugin, told to the parent process",
    "testing/checking/inside.py": "a check of a plugin, told to the parent process",
    "testing/checking/subjects.py": "the end of a backend that was made to see whether it can be",
}
"""Modules that catch everything and go on, each with what it isolates."""

KEPT = {
    "testing/contracts/auditing.py": "an audit hook is one for the process, and never goes away",
}
"""Modules that keep something between calls, each with the reason."""

STATEFUL = {
    *("ContextVar", "Counter", "Lock", "RLock", "WeakKeyDictionary", "WeakSet", "count"),
    *("WeakValueDictionary", "defaultdict", "deque", "dict", "list", "local", "set"),
}
MUTATES = {
    *("add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove"),
    *("setdefault", "update"),
}

# Put together here, so that this file does not say what no file may say.
HOSTS = [
    ".".join(parts)
    for parts in (
        *(("pypi", "org"), ("pythonhosted", "org"), ("registry", "npmjs", "org")),
        *(("deb", "debian", "org"), ("proxy", "golang", "org")),
    )
]
MACHINE_PATH = re.compile("(?<![\\w.])/(?:work|root/\\.pyenv|tmp/dev|home/\\w+/src)/")


def imported(tree: ast.AST) -> set[str]:
    """List every module that a tree imports, anywhere, by its first name."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names


def process_starts(source: str) -> set[str]:
    """List the ways by which a module could start a process."""
    tree = ast.parse(source)
    found = imported(tree) & STARTS_PROCESSES
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            found.update(match.group() for match in STARTS_PROCESS.finditer(ast.unparse(node)))
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found.update(name for name in names if STARTS_PROCESS.search(name))
    return found


def data_runs(source: str) -> set[str]:
    """List the ways by which a module could run what it only ought to read."""
    tree = ast.parse(source)
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return imported(tree) & RUNS_DATA | {call for call in calls if RUNS_DATA_CALL.match(call)}


def catches_everything(source: str) -> list[str]:
    """List the handlers that let neither a bug nor a cancellation through."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ExceptHandler):
            continue
        kinds = ast.unparse(node.type) if node.type else "BaseException"
        first = ast.unparse(node.body[0]).replace("\n", " ")
        isolates = re.fullmatch(r"if not is_foreign\(\w+\): +raise", first)
        raises = any(isinstance(each, ast.Raise) for each in node.body)
        if re.search(r"\b(Base)?Exception\b", kinds) and not isolates and not raises:
            found.append(f"{node.lineno}: {kinds}")
    return found


def module_state(source: str) -> set[str]:
    """List what a module keeps between calls: names that are filled or bound later on."""
    tree = ast.parse(source)
    held: set[str] = set()
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and is_holder(node.value):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            held.update(ast.unparse(each) for each in targets)
            found.update(map(ast.unparse, targets if is_empty(node.value) else ()))
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            found.update(node.names)
            held.update(node.names)
        elif (isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load)) or (
            isinstance(node, ast.Attribute) and node.attr in MUTATES
        ):
            found.add(ast.unparse(node.value))
        elif isinstance(node, ast.AugAssign):
            found.add(ast.unparse(node.target))
    return found & held


def is_holder(value: ast.expr | None) -> bool:
    """Tell whether a value can be changed in place, or holds something for each context."""
    shown = (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp)
    named = ast.unparse(value.func).rpartition(".")[2] if isinstance(value, ast.Call) else ""
    return isinstance(value, shown) or named in STATEFUL


def is_empty(value: ast.expr | None) -> bool:
    """Tell whether a value that can be changed waits for content."""
    return not any(getattr(value, part, None) for part in ("elts", "keys", "args", "generators"))


def forbidden_name(path: str) -> str | None:
    """Find the first part of a module's path that is one of the words not used here."""
    for part in re.split(r"[/_.]", path.lower()):
        if part.removesuffix("s") in FORBIDDEN_NAMES:
            return part
    return None


def spoken_places(text: str) -> list[str]:
    """Find paths of a machine and hosts of package registries in a text."""
    hosts = [host for host in HOSTS if host in text]
    return hosts + [match.group() for match in MACHINE_PATH.finditer(text)]


def project_files() -> list[Path]:
    """List the files that are in the repository, or are about to be."""
    told = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    paths = [ROOT / name for name in told.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def test_only_the_sandbox_starts_processes() -> None:
    """No other module of the package has a way to start a process."""
    found = {
        str(path.relative_to(PACKAGE)): starts
        for path in PACKAGE.glob("**/*.py")
        if path.relative_to(PACKAGE).parts[0] != "sandbox"
        and (starts := process_starts(path.read_text("utf-8")))
    }

    assert not found


def test_s37_no_module_runs_what_it_reads() -> None:
    """Nothing is unpickled, evaluated, or loaded as YAML with constructors."""
    found = {
        str(path.relative_to(PACKAGE)): runs
        for path in PACKAGE.glob("**/*.py")
        if (runs := data_runs(path.read_text("utf-8")))
    }

    assert not found


def test_only_the_isolation_of_plugins_catches_everything() -> None:
    """Wherever all exceptions are caught, they are raised again or isolate foreign code."""
    found = {
        name: handlers
        for path in PACKAGE.glob("**/*.py")
        if (handlers := catches_everything(path.read_text("utf-8")))
        # A suite makes a failure of its own of whatever the backend under test raises.
        and not (name := str(path.relative_to(PACKAGE))).startswith("testing/contracts/")
    }

    assert found.keys() == CATCHES.keys(), found


def test_no_module_keeps_anything_between_calls() -> None:
    """There is no registry, cache or variable of a module: all state belongs to an engine."""
    found = {
        str(path.relative_to(PACKAGE)): state
        for path in PACKAGE.glob("**/*.py")
        if (state := module_state(path.read_text("utf-8")))
    }

    assert found.keys() == {name for name in KEPT if (PACKAGE / name).exists()}, found


def test_modules_are_named_by_what_they_do() -> None:
    """No module's name is one of the words that say nothing."""
    paths = [str(path.relative_to(PACKAGE)) for path in PACKAGE.glob("**/*.py")]

    found = {path: word for path in paths if (word := forbidden_name(path))}
    assert found.keys() == MEANT.keys(), found


def test_no_file_names_a_machine_or_a_registry() -> None:
    """No file of the repository holds a path of the machine it was written on."""
    found = {}
    for path in project_files():
        spoken = spoken_places(path.read_bytes().decode("utf-8", "replace"))
        if spoken:
            found[str(path.relative_to(ROOT))] = spoken

    assert not found


@pytest.mark.parametrize(
    "source",
    [
        "import subprocess",
        "def f():\n    from multiprocessing import Pool",
        "import os\nos.system('true')",
        "from os import execvp",
        "import asyncio\nasyncio.create_subprocess_exec('true')",
        "from concurrent.futures import ProcessPoolExecutor",
    ],
)
def test_the_check_of_processes_can_fail(source: str) -> None:
    """Each usual way to start a process is found."""
    assert process_starts(source)


@pytest.mark.parametrize(
    "source",
    ["import pickle", "eval('1')", "import yaml\nyaml.load(f)", "from marshal import loads"],
)
def test_the_check_of_deserialization_can_fail(source: str) -> None:
    """Each usual way to run data is found."""
    assert data_runs(source)


def test_the_checks_of_words_can_fail() -> None:
    """A forbidden word, a machine's path and a registry's host are found."""
    assert forbidden_name("llm/retry_helpers.py") == "helpers"
    assert forbidden_name("database.py") is None
    assert spoken_places("see /work" + "/main/x and https://" + HOSTS[0])
    assert not spoken_places("a/work/b, src/codeflow_engine, https://example.org")
    assert not process_starts("import os\nos.path.join('a')\nsystem = 1")
    assert not data_runs("import json, yaml\nyaml.safe_load(f)\nmodel.eval()")


@pytest.mark.parametrize(
    ("handler", "found"),
    [
        ("except Exception: pass", True),
        ("except (OSError, BaseException): return None", True),
        ("except: pass", True),
        ("except Exception as e:\n    if odd(e): raise\n    return", True),
        ("except Exception: raise Other() from None", False),
        ("except BaseException as e:\n    if not is_foreign(e): raise\n    return", False),
        ("except OSError: pass", False),
    ],
)
def test_the_check_of_handlers_can_fail(handler: str, found: bool) -> None:  # noqa: FBT001 - a case
    """A handler that swallows everything is found, and one that lets it through is not."""
    body = f"try: f()\n{handler}".replace("\n", "\n    ")

    assert bool(catches_everything(f"def g():\n    {body}")) is found


@pytest.mark.parametrize(
    ("source", "state"),
    [
        ("X = {}", {"X"}),
        ("X: dict[str, int] = dict()", {"X"}),
        ("from contextvars import ContextVar\nX = threading.local()\nY = [1]", {"X"}),
        ("X = {1: 2}\ndef f(): X[3] = 4", {"X"}),
        ("X = [1]\ndef f(): X.append(2)", {"X"}),
        ("X = None\ndef f():\n    global X\n    X = 1", {"X"}),
        ("X = {1: 2}\ndef f(): return X[1]", set()),
        ("X = Context(prec=60)\ndef f(): return X.add(1, 2)", set()),
        ("X = frozenset()\ndef f():\n    y = {}\n    y[1] = 2", set()),
    ],
)
def test_the_check_of_state_can_fail(source: str, state: set[str]) -> None:
    """A container that is empty or filled later, and a variable that is set later, are found."""
    assert module_state(source) == state
