"""Whatever a server of models does, no review is complete whose parts no model has read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from clean_models import HastyClock

from codeflow_engine import AsyncEngine, Outcome, Review
from codeflow_engine.domain.chat import FinishReason
from codeflow_engine.domain.coverage import UnitState
from codeflow_engine.errors import CodeflowError
from fault_server import Ending, FaultServer, Received, Reply, Script
from model_replies import JSON
from wires import WIRES, Wire

PATCH = """\
diff --git a/app.py b/app.py
--- a/app.py
+++ b/app.py
@@ -1,2 +1,3 @@
 a = 1
+exec(b)
 b = 2
@@ -20,2 +21,3 @@
 c = 3
+d = 4
 e = 5
"""
SETTINGS = "llm_attempts = {}\nllm_timeout = {}\nrun_timeout = 30\n"

FINDING = {
    "part": 1,
    "path": "app.py",
    "quote": "exec(b)",
    "side": "new",
    "severity": "high",
    "category": "security",
    "rule": "exec",
    "title": "Runs a text",
    "message": "Whoever writes it runs anything.",
    "confidence": 0.9,
    "replacement": None,
}


def _said(**words: object) -> str:
    return json.dumps({"findings": [FINDING], "examined": [1, 2], **words})


GOOD = _said()
"""What a model says that has read both parts, and found what is wrong in one."""

TEXTS: dict[str, str] = {
    "empty": "",
    "blanks": " \n ",
    "prose": "The change looks good to me.",
    "half": GOOD[: len(GOOD) // 2],
    "nothing-found-nothing-read": _said(findings=[], examined=[]),
    "nothing-found-no-word": json.dumps({"findings": []}),
    "nothing-found-half-read": _said(findings=[], examined=[1]),
    "other-parts-read": _said(findings=[], examined=[3, 4, -1]),
    "read-in-words": _said(findings=[], examined=["1", "2"]),
    "read-is-true": _said(findings=[], examined=True),
    "findings-null": _said(findings=None),
    "another-key": _said(approved=True),
    "another-form": json.dumps({"issues": [], "verdict": "approve"}),
    "a-list": "[]",
    "null": "null",
    "two-answers": f"{GOOD}\n{_said(findings=[])}",
    "wrong-types": _said(findings=[{**FINDING, "part": "one"}]),
}
"""Words that are no answer, or not about all parts, though the server says that all is well."""


def _reply(body: object, status: int = 200, **more: object) -> Reply:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status=status, headers=JSON, body=data, **more)  # type: ignore[arg-type]


def _finishing(reason: FinishReason) -> Callable[[Wire], Reply | None]:
    def reply(wire: Wire) -> Reply | None:
        word = wire.reasons.get(reason)
        return None if word is None else _reply(wire.answer(GOOD, finish=word))

    return reply


def _declining(wire: Wire) -> Reply | None:
    declined = wire.declined()
    return _reply(declined[-1][1]) if declined else None


def _error(status: int) -> Callable[[Wire], Reply]:
    def reply(wire: Wire) -> Reply:
        told, body = wire.status(status)
        return _reply(body, told)

    return reply


def _cut(ending: Ending) -> Callable[[Wire], Reply]:
    def reply(wire: Wire) -> Reply:
        body = wire.answer(GOOD)
        return _reply(body[: len(body) * 2 // 3], ending=ending)

    return reply


FAULTS: dict[str, Callable[[Wire], Reply | None]] = {
    **{
        f"says-{name}": lambda wire, text=text: _reply(wire.answer(text))
        for name, text in TEXTS.items()
    },  # type: ignore[misc]
    **{
        f"ends-{reason.value}": _finishing(reason)
        for reason in FinishReason
        if reason not in {FinishReason.STOP, FinishReason.UNKNOWN}
    },
    "ends-for-an-unknown-reason": lambda wire: _reply(wire.answer(GOOD, finish="bored")),
    "declines": _declining,
    "no-text": lambda wire: _reply(wire.document(None)),
    "nothing-in-it": lambda wire: _reply(wire.empty()[-1]),
    "status-400": _error(400),
    "status-401": _error(401),
    "status-404": _error(404),
    "status-429": _error(429),
    "status-500": _error(500),
    "status-503": _error(503),
    "no-content": lambda _: Reply(status=204),
    "a-page": lambda _: Reply(
        headers=(("content-type", "text/html"),), body=b"<html>Sign in</html>"
    ),
    "no-json": lambda _: _reply(b"{"),
    "json-null": lambda _: _reply(b"null"),
    "an-error-with-200": lambda wire: _reply(wire.error(kind="server_error")),
    "cut": _cut(Ending.CUT),
    "reset": _cut(Ending.RESET),
    "stalls": _cut(Ending.STALL),
    "late": lambda wire: _reply(wire.answer(GOOD), after=5.0),
    "closed": lambda _: Reply(head=b"", ending=Ending.CUT),
    "with-tools": lambda wire: _reply(wire.with_tools([("call_1", "approve", "{}")])),
    "an-answer-of-another-wire": lambda wire: _reply(
        next(
            one for one in reversed(WIRES) if type(one).document is not type(wire).document
        ).answer(GOOD)
    ),
}
"""What each question gets; None where a wire has no such thing."""

WAITS = {"late", "stalls"}

QUICK = {
    *("says-empty", "says-nothing-found-no-word", "says-nothing-found-half-read", "says-half"),
    *("ends-length", "ends-refused", "ends-for-an-unknown-reason", "no-text", "status-429"),
    *("status-500", "cut", "an-error-with-200", "with-tools"),
}

CELLS = [(wire, name) for wire in WIRES for name, make in FAULTS.items() if make(wire) is not None]


async def _review(
    wire: Wire, script: Script, place: Path, *, attempts: int = 1, patience: int = 10
) -> tuple[Review | CodeflowError, int]:
    """Review with one model, of a server; give the review, or the error, and its questions."""
    settings = place / "settings.toml"
    settings.write_text(SETTINGS.format(attempts, patience))
    async with FaultServer(script) as server, wire.connect(server.url) as provider:
        engine = AsyncEngine(
            llm=provider, analyzers=[], plugins_allow=[], settings_file=settings, clock=HastyClock()
        )
        try:
            async with engine:
                review: Review = await engine.review(PATCH)
        except CodeflowError as error:
            return error, len(server.requests)
        return review, len(server.requests)


def _assert_not_clean(told: Review | CodeflowError) -> None:
    if isinstance(told, Review):
        assert told.outcome is not Outcome.REVIEWED
        assert (told.reason or "").strip()
        failed = [one for one in told.coverage.entries if one.state is UnitState.FAILED]
        assert failed
        assert not [one for one in failed if one.by]


def test_the_matrix_of_the_wires_is_whole() -> None:
    """Five wires, each with what it can do wrong."""
    print(f"cells: {len(CELLS)}")  # noqa: T201 - shown with `pytest -rP`

    assert len(CELLS) >= 200
    assert {name for _, name in CELLS} == {*FAULTS}


@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.name)
async def test_a_good_answer_is_a_review_on_every_wire(wire: Wire, tmp_path: Path) -> None:
    """What the faults are struck from is a complete review with a finding."""
    told, _ = await _review(wire, _reply(wire.answer(GOOD)), tmp_path)

    assert isinstance(told, Review)
    assert told.outcome is Outcome.REVIEWED
    assert [(one.line, one.rule) for one in told.findings] == [(2, "model/exec")]


@pytest.mark.parametrize(
    ("wire", "name"),
    [
        pytest.param(
            wire,
            name,
            id=f"{wire.name}-{name}",
            marks=() if wire.name == "chat" and name in QUICK else pytest.mark.fault,
        )
        for wire, name in CELLS
    ],
)
async def test_no_fault_of_a_wire_reads_as_clean(wire: Wire, name: str, tmp_path: Path) -> None:
    """It is an error, or a review that names the parts that no model has read."""
    reply = FAULTS[name](wire)
    assert reply is not None

    told, asked = await _review(wire, reply, tmp_path, patience=1 if name in WAITS else 10)

    assert asked >= 1
    _assert_not_clean(told)


@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.name)
async def test_an_answer_of_another_model_names_it(wire: Wire, tmp_path: Path) -> None:
    """A server that gives another model than was asked is no reason to lose what it found."""
    told, _ = await _review(wire, _reply(wire.answer(GOOD, model="other-1")), tmp_path)

    assert isinstance(told, Review)
    assert len(told.findings) == 1


@pytest.mark.fault
@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.name)
async def test_a_fault_that_passes_leaves_nothing_out(wire: Wire, tmp_path: Path) -> None:
    """Asked again, the model has read everything, and the review is complete and whole."""
    count = 0

    def script(_: Received) -> Reply:
        nonlocal count
        count += 1
        return _error(503)(wire) if count == 1 else _reply(wire.answer(GOOD))

    told, asked = await _review(wire, script, tmp_path, attempts=2)

    assert asked == 2
    assert isinstance(told, Review)
    assert told.outcome is Outcome.REVIEWED
    assert len(told.findings) == 1
