"""The model of a host that reviews pull requests, `examples/embed/github_review.py`."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from codeflow_engine.testing.forge import FakeForge

EXAMPLE = Path(__file__).parents[2] / "examples" / "embed" / "github_review.py"
"""Absent where the tests run against a wheel, away from the checkout."""

pytestmark = pytest.mark.skipif(not EXAMPLE.exists(), reason="the checkout is not here")

RIGHTS = {"contents": "read", "pull_requests": "write", "checks": "write"}
"""Those of `codeflow-review.yml`."""

SETTINGS = {"settings.py": b"DEBUG = False\n"}
TOKEN = "ghp_" + "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("github_review", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def forge(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeForge]:
    with FakeForge() as made:
        app = made.app("github-actions", permissions=RIGHTS, on="acme")
        made.repository("acme/shop")
        monkeypatch.setenv("GITHUB_API_URL", made.url)
        monkeypatch.setenv("GITHUB_TOKEN", made.tokens.of_job(app, "acme/shop"))
        yield made


def test_a_pull_request_is_reviewed_and_told_so(
    forge: FakeForge, example: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """The review with its comment and the summary stand there, and stand there once."""
    shop = forge.repository("acme/shop")
    leak = f"DEBUG = False\nTOKEN = '{TOKEN}'\n".encode()
    number = shop.open_pull_request(SETTINGS, {"settings.py": leak}, title="Add a token")

    assert example.main([f"acme/shop#{number}", "--dry-run"]) == 0
    pull = shop.pull(number)
    assert (pull.reviews, pull.comments) == ([], [])
    assert example.main([f"acme/shop#{number}"]) == 0
    first = capsys.readouterr().out
    assert example.main([f"acme/shop#{number}"]) == 0

    again = capsys.readouterr().out
    assert "written: review:" in first
    assert "written: " not in again
    assert len(pull.reviews) == 1
    (comment,) = pull.review_comments
    assert (comment.path, comment.line) == ("settings.py", 2)
    assert TOKEN not in comment.body
    assert len(pull.comments) == 1


def test_a_change_that_is_not_there_is_an_error(
    forge: FakeForge, example: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says what is wrong, and is no success."""
    assert example.main(["acme/shop#7"]) == 2
    assert capsys.readouterr().out.startswith("error: ")
