"""Files and functions stay small enough to be read in one go."""

from __future__ import annotations

import ast
import statistics
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = [
    path
    for folder in ("src", "tests", "benchmarks", "docs", "examples")
    for path in sorted((ROOT / folder).glob("**/*.py"))
] + [ROOT / "noxfile.py"]

LONG_FILES: dict[str, str] = {
    "tests/unit/test_redaction_corpus.py": "one list of secrets",
    "tests/faults/test_sql_faults.py": "one list of faults that a database may have",
    "tests/integration/test_sql_hosts.py": "one list of handles that a host may bring",
    "tests/contracts/test_vcs_mutants.py": "one list of mutants",
    "tests/unit/plugins/test_backends.py": "one list of what a backend may be",
    "tests/unit/testing/test_faults.py": "one list of faults",
    "tests/unit/test_settings.py": "one list of places that settings come from",
}
"""Files over 400 lines, each with the reason why it is not split."""

USUAL_FILE = 250
USUAL_FUNCTION = 35

POSITIONAL = 5
FUNCTION_LINES = 80


def oversized_files(lines: dict[str, int], listed: dict[str, str]) -> list[str]:
    """Say which files are too long, given their number of lines."""
    return [
        f"{name}: {count} lines"
        for name, count in lines.items()
        if count > 600 or (count > 400 and name not in listed)
    ]


def oversized_functions(source: str) -> list[str]:
    """Say which functions are too long, or take too many positional parameters."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
        positional = len([name for name in names if name not in {"self", "cls"}])
        if lines > FUNCTION_LINES:
            found.append(f"{node.name}: {lines} lines")
        if positional > POSITIONAL and not node.name.startswith("test_"):
            found.append(f"{node.name}: {positional} positional parameters")
    return found


def function_lengths(source: str) -> list[int]:
    """Count the lines of each function."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)]
    return [(node.end_lineno or node.lineno) - node.lineno + 1 for node in nodes]


def initializer_content(source: str) -> list[str]:
    """List what an `__init__.py` holds besides docstrings, imports, `__all__` and laziness."""
    allowed = (ast.Import, ast.ImportFrom, ast.If)
    lazy = {"__getattr__", "__dir__"}
    found = []
    for node in ast.parse(source).body:
        if isinstance(node, allowed):
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.FunctionDef) and node.name in lazy:
            continue
        if isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if ast.unparse(target).lstrip("_").rstrip("_").lower() in {"all", "version", "homes"}:
                continue
        found.append(ast.unparse(node).splitlines()[0])
    return found


def test_no_file_is_too_long() -> None:
    """A file has at most 600 lines; one over 400 that is no list of cases is listed above."""
    lines = {
        str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in SOURCES
    }

    assert not oversized_files(lines, LONG_FILES)
    assert all(lines.get(name, 401) > 400 for name in LONG_FILES), "the list names a short file"


def test_no_function_is_too_long() -> None:
    """A function has at most 80 lines and five positional parameters."""
    found = {
        str(path.relative_to(ROOT)): oversized
        for path in SOURCES
        if (oversized := oversized_functions(path.read_text("utf-8")))
    }

    assert not found


def test_the_usual_file_and_function_are_small() -> None:
    """Half of the package's files have 250 lines at most, and 19 of 20 functions 35."""
    sources = [path.read_text("utf-8") for path in SOURCES if path.is_relative_to(ROOT / "src")]
    files = [len(source.splitlines()) for source in sources]
    functions = [length for source in sources for length in function_lengths(source)]

    assert statistics.median(files) <= USUAL_FILE
    assert statistics.quantiles(functions, n=20)[-1] <= USUAL_FUNCTION
    assert function_lengths("def f():\n    async def g():\n        pass") == [3, 2]


def test_an_initializer_only_exports() -> None:
    """An `__init__.py` of the package holds a docstring and re-exports."""
    found = {
        str(path.relative_to(ROOT)): content
        for path in SOURCES
        if path.name == "__init__.py" and (content := initializer_content(path.read_text("utf-8")))
    }

    assert not found


def test_the_checks_of_size_can_fail() -> None:
    """A file, a function, a signature and an initializer beyond their bounds are found."""
    body = "    pass\n" * 80
    short = "    pass\n" * 79

    assert oversized_files({"a": 401, "b": 400, "c": 450, "d": 601}, {"c": "why", "d": "why"}) == [
        "a: 401 lines",
        "d: 601 lines",
    ]
    assert oversized_functions(f"def f():\n{body}") == ["f: 81 lines"]
    assert not oversized_functions(f"def f():\n{short}")
    assert oversized_functions("def f(a, b, c, d, e, g): ...") == ["f: 6 positional parameters"]
    assert not oversized_functions("class A:\n  def f(self, a, b, c, d, e, *, g): ...")
    assert initializer_content('"""Doc."""\nfrom a import b\n__all__ = ["b"]\nx = {}') == ["x = {}"]
    assert initializer_content("def make(): ...") == ["def make():"]
