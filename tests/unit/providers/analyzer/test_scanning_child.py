"""The program that a scan runs in, in this process."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from analyzer_patches import change

from codeflow_engine.domain.diff import Diff, Side, Unit
from codeflow_engine.domain.finding import Category, RawFinding, Severity, Suggestion
from codeflow_engine.providers.analyzer.scanning import Scanned
from codeflow_engine.providers.analyzer.scanning.child import TOO_MANY, answer, main
from codeflow_engine.providers.analyzer.scanning.wire import pack_units, write_head

TWO_FILES = change("a.py", ["+a"], ["+b"], ["+c"]) + change("b.py", ["+d"], old_path="old.py")
FINDING = RawFinding(
    rule="x",
    severity=Severity.LOW,
    category=Category.STYLE,
    title="t",
    message="m",
    path="a.py",
)

Body = Callable[[Diff, Sequence[Unit], Mapping[str, Any]], Any]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, list[Any]]]:
    """Give a way to answer a request with a scan of the test's own."""

    def run(
        body: Body, text: str = TWO_FILES, *, caps: tuple[int, int] = (100, 1000)
    ) -> tuple[int, list[Any]]:
        monkeypatch.setattr(sys.modules[__name__], "wanted", body, raising=False)
        diff = Diff.parse(text)
        runs = pack_units(diff.units).tobytes()
        head = write_head(
            scan=f"{__name__}:wanted",
            roots=[],
            settings={"a": [1]},
            caps=caps,
            sizes=(len(runs), len(diff.data)),
        )
        out = io.BytesIO()
        status = answer(io.BytesIO(head + runs + diff.data), out)
        return status, [json.loads(line) for line in out.getvalue().splitlines()]

    return run


Run = Callable[..., tuple[int, list[Any]]]


def examine(_: Diff, units: Sequence[Unit], __: Mapping[str, Any]) -> Iterator[Scanned]:
    """Find nothing anywhere."""
    return (Scanned(unit=unit) for unit in units)


def finding_in(place: int, *findings: RawFinding) -> Body:
    """Make a scan that finds these in one unit."""
    return lambda _, units, __: (
        Scanned(unit=unit, findings=findings if at == place else ())
        for at, unit in enumerate(units)
    )


def test_units_without_findings_are_one_row(run: Run) -> None:
    """An answer about a clean change is short."""
    assert run(examine) == (0, [["examined", 0, 4], ["end", 1]])


def test_a_scan_gets_the_diff_the_units_and_the_settings(run: Run) -> None:
    """What was sent is what the function is called with."""
    seen: list[Any] = []

    def scan(diff: Diff, units: Sequence[Unit], settings: Mapping[str, Any]) -> Iterator[Scanned]:
        seen.extend((diff, units, settings))
        return examine(diff, units, settings)

    run(scan)

    diff = Diff.parse(TWO_FILES)
    assert seen == [diff, diff.units, {"a": [1]}]


def test_a_finding_is_written_with_its_unit_and_without_its_path(run: Run) -> None:
    """Only fields that differ from their defaults are written."""
    status, rows = run(finding_in(1, replace(FINDING, line=7)))

    assert status == 0
    assert rows == [
        [
            "finding",
            1,
            False,
            {
                "rule": "x",
                "severity": "low",
                "category": "style",
                "title": "t",
                "message": "m",
                "line": 7,
            },
        ],
        ["examined", 0, 4],
        ["end", 2],
    ]


def test_a_finding_on_the_old_side_may_name_the_old_path(run: Run) -> None:
    """A renamed file has two names."""
    finding = replace(FINDING, path="old.py", side=Side.OLD)

    _, rows = run(finding_in(3, finding))

    assert rows[0][:3] == ["finding", 3, True]
    assert rows[0][3]["side"] == "old"


def test_a_suggestion_is_written_whole(run: Run) -> None:
    """Its fields have no defaults."""
    suggestion = Suggestion(replacement="", start_line=1, end_line=2)

    _, rows = run(finding_in(0, replace(FINDING, suggestion=suggestion)))

    assert rows[0][3]["suggestion"] == {"replacement": "", "start_line": 1, "end_line": 2}


def test_declined_units_tell_their_reason(run: Run) -> None:
    """Neighbours with the same reason are one row."""
    reasons = ["x", "x", None, "y"]

    _, rows = run(
        lambda _, units, __: (
            Scanned(unit=unit, declined=why) for unit, why in zip(units, reasons, strict=True)
        )
    )

    assert rows == [
        ["declined", 0, 2, "x"],
        ["examined", 2, 3],
        ["declined", 3, 4, "y"],
        ["end", 3],
    ]


def test_findings_beyond_the_cap_of_a_file_are_told_of_and_their_units_left_out(run: Run) -> None:
    """Nothing is cut in silence: the units are in no row, and one finding says so."""
    findings = [replace(FINDING, line=line) for line in range(1, 4)]

    def scan(_: Diff, units: Sequence[Unit], __: Mapping[str, Any]) -> Iterator[Scanned]:
        for at, unit in enumerate(units):
            yield Scanned(unit=unit, findings=findings if at in {1, 2} else ())

    status, rows = run(scan, caps=(2, 100))

    assert status == 0
    assert [row[0] for row in rows] == ["finding"] * 3 + ["examined", "examined", "end"]
    assert [row[3].get("line") for row in rows[:3]] == [1, 2, None]
    assert rows[2][3]["rule"] == TOO_MANY
    assert rows[3:5] == [["examined", 0, 1], ["examined", 3, 4]]


def test_as_many_findings_as_the_cap_are_no_cut(run: Run) -> None:
    """The cap is the number that is shown."""
    _, rows = run(finding_in(0, FINDING, FINDING), caps=(2, 2))

    assert rows[-2:] == [["examined", 0, 4], ["end", 3]]


def test_the_cap_of_the_whole_change_is_told_of_once(run: Run) -> None:
    """Files behind the cap that have findings count as not examined; clean ones don't."""

    def scan(diff: Diff, units: Sequence[Unit], _: Mapping[str, Any]) -> Iterator[Scanned]:
        for unit in units:
            path = diff.files[unit.file].path
            findings = [replace(FINDING, path=path)] if unit != units[2] else []
            yield Scanned(unit=unit, findings=findings)

    _, rows = run(scan, caps=(100, 1))

    told = [row for row in rows if row[0] == "finding" and row[3]["rule"] == TOO_MANY]
    assert len(told) == 1
    assert "change" in told[0][3]["title"]
    assert [row for row in rows if row[0] == "examined"] == [["examined", 0, 1], ["examined", 2, 3]]


def test_a_scan_that_makes_findings_for_ever_is_cut(run: Run) -> None:
    """Findings are read one by one, so that the cap ends them."""

    def scan(_: Diff, units: Sequence[Unit], __: Mapping[str, Any]) -> Iterator[Scanned]:
        return (Scanned(unit=unit, findings=iter(lambda: FINDING, None)) for unit in units[:3])

    status, rows = run(scan, change("a.py", ["+a"], ["+b"], ["+c"]), caps=(5, 100))

    assert status == 0
    assert len(rows) == 7


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (lambda *_: 1 / 0, "ZeroDivisionError"),
        (lambda *_: None, "TypeError"),
        (lambda *_: [], "it does not give one result for each unit in turn"),
        (
            lambda _, units, __: [Scanned(unit=unit) for unit in reversed(units)],
            "it does not give one result for each unit in turn",
        ),
        (
            lambda _, units, __: [Scanned(unit=unit) for unit in (*units, units[0])],
            "it gives more results than there are units",
        ),
        (lambda _, units, __: list(units), "it does not give one result for each unit in turn"),
        (finding_in(0, replace(FINDING, path="b.py")), "a finding names another file"),
        (finding_in(0, "a finding"), "it gives findings of another type"),  # type: ignore[arg-type] - on purpose
        (finding_in(0, replace(FINDING, line=float("nan"))), "ValueError"),
        (finding_in(0, replace(FINDING, title=b"t")), "TypeError"),  # type: ignore[arg-type] - on purpose
    ],
)
def test_a_scan_that_fails_or_breaks_its_form_says_so(run: Run, body: Body, what: str) -> None:
    """The last row names the failure, and the status is not 0."""
    status, rows = run(body)

    assert status == 1
    assert rows[-1][0] == "failed"
    assert rows[-1][1].startswith(what)
    assert ["end"] not in [row[:1] for row in rows]


def test_s33_the_text_of_an_exception_is_not_passed_on(run: Run) -> None:
    """It may quote the change; type, module and line tell enough."""

    def scan(*_: Any) -> Any:
        raise ValueError("hunter2")

    _, rows = run(scan)

    assert rows == [["failed", "ValueError", f"{__name__}:{scan.__code__.co_firstlineno + 1}"]]


@pytest.mark.parametrize(
    "cut",
    [b"", b"{}", b"[]", b'{"form":0}\n', b"\xff\n"],
    ids=["empty", "keys", "list", "form", "utf"],
)
def test_a_request_of_another_form_fails(cut: bytes) -> None:
    """A process that was not asked properly examined nothing."""
    out = io.BytesIO()

    assert answer(io.BytesIO(cut), out) == 1
    assert json.loads(out.getvalue())[0] == "failed"


@pytest.mark.parametrize("missing", [1, 40])
def test_a_request_that_is_cut_off_fails(missing: int) -> None:
    """Sizes stand first, so that a part is never taken for the whole."""
    diff = Diff.parse(TWO_FILES)
    runs = pack_units(diff.units).tobytes()
    head = write_head(
        scan="x:y", roots=[], settings={}, caps=(1, 1), sizes=(len(runs), len(diff.data))
    )
    out = io.BytesIO()

    assert answer(io.BytesIO((head + runs + diff.data)[:-missing]), out) == 1
    assert json.loads(out.getvalue())[:2] == ["failed", "EOFError"]


def test_a_scan_is_found_in_the_directories_that_were_named(tmp_path: Path) -> None:
    """A plugin's package may lie outside of the interpreter's directories."""
    name = "plugin_for_this_test"
    source = "from codeflow_engine.providers.analyzer.scanning import Scanned\n"
    source += "def scan(diff, units, settings):\n    return [Scanned(unit=u) for u in units]\n"
    (tmp_path / f"{name}.py").write_text(source)
    diff = Diff.parse(TWO_FILES)
    runs = pack_units(diff.units).tobytes()
    head = write_head(
        scan=f"{name}:scan",
        roots=[str(tmp_path)],
        settings={},
        caps=(1, 1),
        sizes=(len(runs), len(diff.data)),
    )
    out = io.BytesIO()
    before = list(sys.path)

    try:
        assert answer(io.BytesIO(head + runs + diff.data), out) == 0
        assert sys.path == [*before, str(tmp_path)]
    finally:
        sys.path[:] = before
        sys.modules.pop(name, None)


def test_units_are_written_as_runs() -> None:
    """A hundred thousand hunks of a file are three numbers."""
    units = [Unit(file=0, hunk=hunk) for hunk in range(100_000)]
    others = [Unit(file=1, hunk=None), Unit(file=2, hunk=3), Unit(file=2, hunk=5)]

    assert list(pack_units([*units, *others])) == [0, 0, 100_000, 1, -1, 0, 2, 3, 4, 2, 5, 6]


def test_what_a_scan_prints_goes_to_the_error_output(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The answer has a descriptor of its own; the usual one becomes that for errors."""
    moved: list[tuple[int, int]] = []
    answered = tmp_path / "answer"
    kept = os.open(answered, os.O_CREAT | os.O_WRONLY)
    monkeypatch.setattr(os, "dup", lambda _: kept)
    monkeypatch.setattr(os, "dup2", lambda one, other: moved.append((one, other)))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))

    assert main() == 1

    assert moved == [(2, 1)]
    assert answered.read_bytes().startswith(b'["failed",')
