"""Every error stands in the tree, is documented, and survives pickling and copying."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from pathlib import Path
from typing import Any

import pytest

import codeflow_engine as codeflow
from codeflow_engine import errors
from codeflow_engine.runs.context import RunContext

ROOT = Path(__file__).parents[2]
CLASSES = [
    member
    for _, member in inspect.getmembers(errors, inspect.isclass)
    if issubclass(member, BaseException)
]
KEYWORDS = {
    "requires": "package[extra]",
    "path": "run.cassette",
    "asked": "vcs git fetch_change",
    "nearest": "vcs git read_files",
    "scope": "run:1",
    "kind": "odd",
    "charged": True,
    "line": 7,
    "known": ("a", "b"),
    "retry_after": 1.5,
}


INNER = {
    "BadAnchorError": "becomes an answer of the fake forge, with status 422",
    "BrokenScanError": "ends the scan's own process, whose parent raises AnalyzerError",
    "MisfitError": "says why an answer does not follow its form, and never leaves the gateway",
    "GraphQLSyntaxError": "becomes an answer of the fake forge, with status 200",
    "InvalidValueError": "the same",
    "BadReportError": "ends the process that reads a report, whose parent raises AnalyzerError",
    "NoAnchorError": "says why a finding is dropped, and never leaves the stage",
    "OutOfScopeError": "the same",
    "Refusal": "is an answer of the fake forge, and never leaves its server",
    "Stop": "ends a field of an answer of the fake forge, and never leaves its server",
    "UnreadableError": "says why the units of a file failed, and never leaves the analyzer",
}
"""Public exceptions outside of the tree, each with the reason why no caller meets it."""


def drawn_tree(text: str) -> dict[str, str | None]:
    """Read the tree of a docstring: the name of every error, and of its parent."""
    parents: dict[str, str | None] = {}
    path: list[str] = []
    for line in text.splitlines():
        drawn = re.match(r"^((?:│   |    )*(?:├── |└── )?)(\w+Error)\b", line)
        if drawn:
            depth = len(drawn[1]) // 4
            path[depth:] = [drawn[2]]
            parents[drawn[2]] = path[depth - 1] if depth else None
    return parents


def example(kind: type[errors.CodeflowError]) -> errors.CodeflowError:
    """Make an error of a class, with a value for every keyword that it takes."""
    taken = inspect.signature(kind).parameters
    return kind("what happened", **{k: v for k, v in KEYWORDS.items() if k in taken})


def rows(page: str) -> dict[str, tuple[str, str]]:
    """Read the table of a page: the meaning of each error, and what to do about it."""
    cells = [line.strip("|").split("|") for line in page.splitlines() if line.startswith("| `")]
    return {row[0].strip(" `"): (row[1].strip(), row[2].strip()) for row in cells}


def wrong_rows(page: str, kinds: list[type[errors.CodeflowError]]) -> set[str]:
    """Say which errors a page does not explain, explains wrongly, or makes up."""
    told = rows(page)
    names = {kind.__name__ for kind in kinds}
    found = names ^ told.keys()
    for kind in kinds:
        meaning, advice = told.get(kind.__name__, ("", ""))
        if not (meaning and advice and kind.retryable == ("(`retryable`)" in meaning)):
            found.add(kind.__name__)
    return found


def test_the_drawn_tree_is_the_true_one() -> None:
    """The docstring of `errors` shows every class under its parent, and nothing else."""
    true = {
        kind.__name__: None if kind is errors.CodeflowError else kind.__bases__[0].__name__
        for kind in CLASSES
    }

    assert drawn_tree(errors.__doc__ or "") == true


def test_the_exports_of_errors_are_the_tree() -> None:
    """`errors.__all__` is sorted and names every class of the module."""
    assert errors.__all__ == sorted(kind.__name__ for kind in CLASSES)


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_is_named_and_documented(kind: type[errors.CodeflowError]) -> None:
    """A class derives from the root, ends in `Error`, and says when it is raised."""
    assert issubclass(kind, errors.CodeflowError)
    assert kind.__name__.endswith("Error")
    assert kind.__doc__
    assert kind.__doc__ != kind.__bases__[0].__doc__


def test_the_error_list_of_the_docs_is_whole() -> None:
    """The page of errors gives meaning, advice and `retryable` of every class, and no other."""
    text = (ROOT / "docs" / "errors.md").read_text("utf-8")

    assert wrong_rows(text, CLASSES) == set()


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("way", ["pickle", "copy", "deepcopy"])
def test_an_error_survives_with_its_attributes(kind: type[errors.CodeflowError], way: str) -> None:
    """Type, message and attributes are the same after pickling and after copying."""
    error = example(kind)

    again = {
        "pickle": lambda: pickle.loads(pickle.dumps(error)),  # noqa: S301 - made one line above
        "copy": lambda: copy.copy(error),
        "deepcopy": lambda: copy.deepcopy(error),
    }[way]()

    assert type(again) is kind
    assert again.args == error.args
    assert again.message == error.message
    assert vars(again) == vars(error)
    assert (again.retryable, again.retry_after) == (error.retryable, error.retry_after)


@pytest.mark.parametrize("kind", CLASSES)
async def test_an_error_is_the_same_in_a_record_of_the_database(
    kind: type[errors.CodeflowError], tmp_path: Path
) -> None:
    """The record of a run that an error has ended names its type and message, also from disk."""
    error = example(kind)

    async def broken(_: RunContext, given: dict[str, Any]) -> None:
        raise error

    url = f"sqlite:///{tmp_path}/runs.db"
    async with codeflow.AsyncEngine(storage=url) as engine:
        engine.workflow("broken")(broken)
        run = await engine.submit("broken", {})
        with pytest.raises(errors.CodeflowError) as raised:
            await run.result()
    async with codeflow.AsyncEngine(storage=url) as engine:
        record = (await engine.run(run.id)).record

    assert raised.value is error
    assert record.error == f"{kind.__name__}: {error.message}"


def test_every_error_of_the_package_is_in_the_tree() -> None:
    """No other module of the package defines an exception that could leave it."""
    defined = re.compile(r"^\s*class ([^\W_]\w*)\([^)]*(?:Error|Exception)\b[^)]*\):", re.MULTILINE)
    found = {
        name: str(path.relative_to(ROOT))
        for path in (ROOT / "src").glob("**/*.py")
        for name in defined.findall(path.read_text("utf-8"))
        if path.name != "errors.py"
    }

    assert found.keys() == INNER.keys(), found


def test_the_checks_of_errors_can_fail() -> None:
    """A missing branch of the tree, and an error that no page names, are found."""
    tree = "CodeflowError\n├── AError\n│   └── BError   text\n└── CError"

    assert drawn_tree(tree) == {
        "CodeflowError": None,
        "AError": "CodeflowError",
        "BError": "AError",
        "CError": "CodeflowError",
    }
    page = (
        "| `A` | why | do |\n| `StorageError` | it is odd | |\n| `RateLimitError` | slow | wait |"
    )
    odd = [errors.StorageError, errors.RateLimitError, errors.DiffError]
    assert wrong_rows(page, odd) == {"A", "StorageError", "RateLimitError", "DiffError"}
    assert wrong_rows("| `StorageError` | it is odd | look |", [errors.StorageError]) == set()
