"""What tests of fixes share: a shop with defects, findings of them, and models that mend."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from codeflow_engine import Engine, Finding, Patch, Severity
from codeflow_engine.domain.chat import ChatRequest
from codeflow_engine.domain.finding import Category, Evidence, Suggestion
from codeflow_engine.testing.fakes import FakeLLM

if TYPE_CHECKING:
    from git_repository import GitRepository

__all__ = [
    "NAME",
    "SHOP",
    "SUM",
    "USERS",
    "finding",
    "fixed",
    "mend_sum",
    "mender",
    "rows_of",
]

SHOP = """\
def total(items):
    result = 0
    for item in items:
        result = item
    return result
"""
USERS = "def name(user):\n    return user['nmae']\n"

type Mends = Callable[[dict[str, Any]], dict[str, Any]]


def rows_of(request: ChatRequest) -> list[dict[str, Any]]:
    """Read the findings of a question."""
    listed = request.messages[-1].text.rpartition("\nfindings:\n")[2]
    return [json.loads(line) for line in listed.splitlines()[:-1]]


def mender(mend: Mends) -> FakeLLM:
    """Make a model that answers each finding by a function."""

    def script(request: ChatRequest) -> str:
        plain = {"part": 1, "quote": "", "replacement": None, "why": "so"}
        return json.dumps(
            {"edits": [{"number": row["number"], **plain, **mend(row)} for row in rows_of(request)]}
        )

    return FakeLLM(script)


def finding(
    name: str,
    path: str,
    line: int,
    shown: str,
    *,
    suggestion: str | None = None,
    severity: Severity = Severity.MEDIUM,
) -> Finding:
    """Make a finding in one line, with that line as its evidence."""
    edit = None
    if suggestion is not None:
        edit = Suggestion(replacement=suggestion, start_line=line, end_line=line)
    return Finding(
        fingerprint=name,
        path=path,
        line=line,
        end_line=line,
        severity=severity,
        category=Category.CORRECTNESS,
        rule="model/wrong",
        title=f"Wrong: {name}",
        message="It is wrong.",
        evidence=Evidence(start_line=line, lines=(shown,)),
        suggestion=edit,
    )


SUM = finding("sum", "shop.py", 4, "        result = item")
NAME = finding(
    "name", "users.py", 2, "    return user['nmae']", suggestion="    return user['name']"
)


def mend_sum(row: dict[str, Any]) -> dict[str, Any]:
    """Mend what is wrong in the shop."""
    return {"quote": "        result = item", "replacement": "        result += item"}


def fixed(
    shop: GitRepository, findings: Sequence[Finding], llm: FakeLLM | None = None, **options: Any
) -> Patch:
    """Fix findings of the last commit."""
    with Engine(llm=llm or [], **options) as engine:
        return engine.fix(findings, shop.path, head="HEAD")
