"""Every error stands in the tree, is documented, and survives pickling and copying."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from pathlib import Path

import pytest

from codeflow_engine import errors

ROOT = Path(__file__).parents[2]
CLASSES = [
    member
    for _, member in inspect.getmembers(errors, inspect.isclass)
    if issubclass(member, BaseException)
]
KEYWORDS = {"requires": "package[extra]", "line": 7, "known": ("a", "b"), "retry_after": 1.5}


INNER = {
    "BrokenScanError": "ends the scan's own process, whose parent raises AnalyzerError",
    "BadReportError": "ends the process that reads a report, whose parent raises AnalyzerError",
    "NoAnchorError": "says why a finding is dropped, and never leaves the stage",
    "OutOfScopeError": "the same",
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


def undocumented(text: str, names: set[str]) -> set[str]:
    """Say which names a page of the documentation does not speak of."""
    return {name for name in names if f"`{name}`" not in text}


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
    """The documentation's page of errors speaks of every class."""
    text = (ROOT / "docs" / "errors.md").read_text("utf-8")

    assert not undocumented(text, set(errors.__all__))


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
    assert undocumented("`AError` and BError", {"AError", "BError"}) == {"BError"}
