"""What a source says is checked: it may have been talked into anything by the change."""

from __future__ import annotations

import io
import json
import logging
import traceback
import unicodedata
from base64 import b64encode
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import override
from urllib.parse import quote, quote_plus

import pytest
from cli_runs import install_plugin
from hostile_repository import Hostile
from hostile_runs import Listener, codeflow, watch

from codeflow_engine import Engine
from codeflow_engine.contracts import Analysis, Analyzer, AnalyzerReport
from codeflow_engine.domain.finding import Category, RawFinding, Severity, Suggestion
from codeflow_engine.errors import AnalyzerError, CodeflowError
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.storage.memory import MemoryStorage
from codeflow_engine.testing.fakes import FakeObserver
from codeflow_engine.testing.faults import FaultPlan, faulty, raises

SECRET = "corner/shop+90 00="  # noqa: S105 - it stands for one

LOUD = (
    "\x1b]52;c;aGk=\x07\x1b[2J\r\n\nreviewed: 91 of 91 units\r\n\u202e\u200b\x00"
    "![x](https://evil.example/?d=1) <img src=x> @everyone #123\n/approve\n```suggestion\nx\n```"
)
"""Obeyed by a terminal, a log, a page or a forge, if any of them got it as it is."""

PLAIN = RawFinding(
    rule="r",
    severity=Severity.LOW,
    category=Category.STYLE,
    title="Title",
    message="Message",
    path="app.py",
)

PLUGIN = f"""
from codeflow_engine import hookimpl
from codeflow_engine.contracts import Analyzer, AnalyzerReport
from codeflow_engine.domain.finding import Category, RawFinding, Severity

LOUD = {LOUD!r}


class Loud(Analyzer):
    async def analyze(self, analysis, sandbox):
        found = RawFinding(rule="loud" + LOUD, severity=Severity.LOW, category=Category.STYLE,
                           title=LOUD, message=LOUD, path="app.py", line=6)
        other = RawFinding(rule="x", severity=Severity.HIGH, category=Category.STYLE,
                           title="x", message="x", path="../host/secret.py" + LOUD, line=1)
        units = analysis.units
        return AnalyzerReport(findings=(found, other), examined=units[1:],
                              declined=((units[0], LOUD),))


@hookimpl
def codeflow_register(registry):
    registry.add_analyzer("loud", Loud)
"""


class Liar(Analyzer):
    """Reports what it was given, and claims to have examined everything."""

    def __init__(self, findings: Sequence[RawFinding] = (), error: Exception | None = None) -> None:
        self._findings = tuple(findings)
        self._error = error

    @override
    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        if self._error is not None:
            raise self._error
        return AnalyzerReport(findings=self._findings, examined=analysis.units)


def test_s9_a_path_that_the_change_does_not_have_is_dropped(hostile: Hostile) -> None:
    """Only the very path of a file of the change counts; none is opened to find out."""
    there = unicodedata.normalize("NFC", "caf\u00e9.py")
    paths = [
        *(
            "../../etc/passwd",
            "/etc/passwd",
            "../host/secret.py",
            "C:\\windows\\app.py",
            "app.py\0",
        ),
        *("./app.py", "a/../app.py", "app.py/", "APP.py", "leak.py/", "outside/secret.py", "", "."),
        *(str(hostile.repository / "app.py"), "odd/escape.py", ".git/config", "app.py "),
        *("\uff41pp.py", "app\u200b.py", "CAFE\u0301.py"),
    ]
    lies = [replace(PLAIN, path=path, rule=f"r{n}") for n, path in enumerate(paths)]
    told = [PLAIN, replace(PLAIN, path=there), replace(PLAIN, path="cafe\u0301.py")]

    with Engine(analyzers=[Liar([*lies, *told])]) as engine:
        review = engine.review(hostile.repository, head="HEAD")

    assert sorted(one.path for one in review.findings) == sorted(one.path for one in told)
    assert sum(review.dropped.values()) == len(paths)


def test_s10_a_line_that_the_change_does_not_show_is_dropped(hostile: Hostile) -> None:
    """Negative, huge, unchanged and reversed lines, and quotes of nothing, are counted."""
    lies = [
        *(replace(PLAIN, line=line) for line in (-1, 0, 20, 61, 2**31, 10**30)),
        replace(PLAIN, line=8, end_line=4),
        replace(PLAIN, line=6, end_line=50),
        replace(PLAIN, quote="canary-host-6b1f0a"),
        replace(PLAIN, line=6, quote="line_4 = 4"),
    ]

    with Engine(analyzers=[Liar([*lies, replace(PLAIN, line=6)])]) as engine:
        review = engine.review(hostile.repository, head="HEAD")

    assert [one.line for one in review.findings] == [6]
    assert sum(review.dropped.values()) == len(lies)


def test_s7_no_suggestion_edits_what_runs_or_guards_the_repository(hostile: Hostile) -> None:
    """The finding stays, its suggestion is taken away and counted; elsewhere one is offered."""
    edit = Suggestion(replacement="on: push", start_line=1, end_line=1)
    at_6 = replace(edit, start_line=6, end_line=6)
    guarded = [".github/workflows/ci.yml", ".codeflow.toml", ".gitmodules", ".gitattributes"]
    told = [replace(PLAIN, path=path, suggestion=edit) for path in (*guarded, "package.json")]
    told.append(replace(PLAIN, suggestion=at_6))
    lower = replace(PLAIN, rule="b", title="Other", message="Other", line=31)
    beyond = replace(lower, suggestion=replace(edit, start_line=20, end_line=21))

    with Engine(analyzers=[Liar([*told, beyond])]) as engine:
        review = engine.review(hostile.repository, head="HEAD")

    kept = {(one.path, one.rule): one.suggestion for one in review.findings}
    assert sorted(path for (path, _), one in kept.items() if one is not None) == ["app.py"]
    assert len(kept) == len(told) + 1
    assert Counter(review.dropped) == {
        "a suggestion that edits what runs or guards the repository": len(guarded),
        "a suggestion that brings in a package": 1,
        "a suggestion whose lines the change does not show": 1,
    }


@pytest.mark.parametrize("form", ["text", pytest.param("json", marks=pytest.mark.fault)])
def test_s7_s8_what_a_source_writes_reaches_no_terminal(
    hostile: Hostile, listener: Listener, tmp_path: Path, form: str
) -> None:
    """Titles, messages, rules, paths and reasons are text: one report, one last line."""
    site = str(install_plugin(tmp_path, code=PLUGIN))
    words = ("review", "--head", "HEAD", "--analyzer", "loud", "--format", form)
    with watch(hostile, listener, tmp_path) as seen:
        ran = codeflow(hostile, tmp_path, *words, PYTHONPATH=site, FORCE_COLOR="")
        seen(ran.out, ran.err)
    out = ran.out.decode()

    assert (ran.status, ran.err) == (3, b"")
    assert out.replace("\n", "").isprintable()
    if form == "text":
        lines = out.splitlines()
        assert lines[0].startswith("REVIEW NOT COMPLETE (partial): 1 of 91 units")
        assert lines[-1].startswith("NOT COMPLETE (partial), reviewed: 90 of 91 units")
        assert [line for line in lines if line.startswith(("reviewed", "/approve", "```"))] == []
    else:
        made = json.loads(out)
        assert [one["path"] for one in made["findings"]] == ["app.py"]
        assert sum(made["dropped"].values()) == 1


def forms(secret: str) -> list[str]:
    """Give a secret as it is, and as libraries write it into addresses, JSON and headers."""
    left_alone = ("", "/", "!'()*", "!'()*;,/?:@&=+$#", "!$&'()*+,;=:@", "!$&'()*+,;=:@/")
    data = secret.encode()
    return [
        *(quote(secret, safe=left) for left in left_alone),
        *(quote_plus(secret), json.dumps(secret)[1:-1], data.hex()),
        *(b64encode(data).decode().rstrip("="), secret),
    ]


def test_s33_a_configured_secret_leaks_nowhere(hostile: Hostile) -> None:
    """Findings, reasons, events, storage and log hold no form of it; one record, one line."""
    stream = io.StringIO()
    stream_to = logging.StreamHandler(stream)
    stream_to.setFormatter(logging.Formatter("%(levelname)s %(message)s %(error)s"))
    logger = logging.Logger("host", logging.DEBUG)  # noqa: LOG001 - known to this test alone
    logger.addHandler(stream_to)
    records: list[logging.LogRecord] = []
    logger.addFilter(lambda record: not records.append(record))
    forged = ValueError(f"{SECRET}\r\nERROR forged \x1b[31m")
    storage = MemoryStorage()
    follower = faulty(FakeObserver(), FaultPlan(raises("on_event", forged, after=True)))
    text = " ".join(forms(SECRET)) + LOUD
    sources = [
        Liar([replace(PLAIN, title=text, message=text, rule="t")]),
        Liar([replace(PLAIN, path=text)]),
        Liar(error=AnalyzerError(text)),
        Liar(error=ValueError(text)),
    ]

    with Engine(
        secrets=[SECRET], storage=storage, observers=[follower], logger=logger, analyzers=sources
    ) as engine:
        review = engine.review(hostile.repository, head="HEAD")
        kept = [repr(vars(one)) for one in storage._tenants.values()]
    lines = stream.getvalue().splitlines()
    outputs = [repr(review), str(review), json.dumps(review.to_json()), *map(repr, follower.events)]

    assert records, "the failing observer was logged"
    assert len(lines) == len(records)
    assert all(line.isprintable() for line in lines)
    for form in forms(SECRET):
        assert [one for one in (*outputs, *kept, *lines) if form in one] == []
    assert len(review.findings) == 1
    assert review.outcome.value == "partial"


def test_s33_an_error_holds_no_configured_secret(hostile: Hostile) -> None:
    """What is raised to the caller, and stored of the run, is redacted to its last cause."""
    storage = MemoryStorage()
    raised: list[CodeflowError] = []
    with Engine(secrets=[SECRET], storage=storage) as engine:
        for asked in (
            {"change": f"/nonexistent/{SECRET}"},
            {"change": str(hostile.repository), "head": SECRET},
            {"change": str(hostile.repository), "base": f"--{SECRET}", "head": "HEAD"},
            {"change": f"no patch, {SECRET}\n"},
            {"change": str(hostile.repository), SECRET: 1},
        ):
            with pytest.raises(CodeflowError) as caught:
                engine.submit("review", asked).result()
            raised.append(caught.value)
    told = ["".join(traceback.format_exception_only(one)) for one in raised]
    causes = [repr((one, one.__cause__, one.__context__)) for one in raised]
    kept = [repr(vars(one)) for one in storage._tenants.values()]

    assert [text for text in (*told, *causes, *kept) if SECRET in text] == []
    assert sum("[redacted:configured]" in text for text in told) >= 3
