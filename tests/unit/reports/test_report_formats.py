"""All formats are reached by name, cost as much as they hold, and agree on what they tell."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from report_samples import SEVERITIES, entry, finding, review

from codeflow_engine.domain.coverage import Coverage, CoverageEntry, UnitState
from codeflow_engine.domain.review import ChangeSummary, Review, Timing
from codeflow_engine.errors import ConfigurationError, SerializationError
from codeflow_engine.reports import html, json, markdown, rdjson, sarif, text
from codeflow_engine.reports.formats import FORMATS, render
from codeflow_engine.reports.style import Style

SHIPPED = {
    "text": text.render,
    "json": json.render,
    "sarif": sarif.render,
    "rdjson": rdjson.render,
    "markdown": markdown.render,
    "html": html.render,
}


def made_review() -> Review:
    entries = (CoverageEntry(path="a.py", hunk=0, state=UnitState.REVIEWED, by=("quiet",)),)
    return Review(
        run_id="run-1",
        change=ChangeSummary(title="Schl\u00fcssel", files=1),
        coverage=Coverage(entries=entries),
        isolation="none",
        timing=Timing(started_at=datetime(2026, 11, 23, tzinfo=UTC), seconds=0.5),
    )


@pytest.mark.parametrize("name", SHIPPED)
def test_a_format_is_chosen_by_its_name(name: str) -> None:
    """A review renders itself the way its module does."""
    made = made_review()

    assert made.render(name) == SHIPPED[name](made.to_json())
    assert made.render(name).endswith("\n")


def test_text_is_the_default() -> None:
    """It is what `str` gives, too."""
    made = made_review()

    assert made.render() == f"{made}\n"


@pytest.mark.parametrize("name", ["pdf", "", "TEXT", "form", "../text"])
def test_an_unknown_format_is_refused(name: str) -> None:
    """The message names those that there are; no other module is loaded."""
    with pytest.raises(ConfigurationError) as caught:
        made_review().render(name)

    assert str(caught.value) == f"no format is named {name!r}; known: {', '.join(FORMATS)}"


@pytest.mark.parametrize("name", SHIPPED)
def test_the_encoding_of_a_style_holds_for_every_format(name: str) -> None:
    """Standard output may be ASCII."""
    render(made_review().to_json(), name, style=Style(encoding="ascii")).encode("ascii")


@pytest.mark.parametrize("name", SHIPPED)
def test_what_is_no_review_is_refused_in_every_format(name: str) -> None:
    """A review that contradicts its own ledger is not rendered as complete."""
    broken = review(entries=[entry(state="failed")]) | {"outcome": "reviewed"}

    with pytest.raises(SerializationError):
        render(broken, name)


def many(number: int) -> dict[str, Any]:
    found = [
        finding(
            path=f"src/f{n % 500}.py",
            severity=SEVERITIES[n % 5],
            rule=f"rule/{n % 300}",
            fingerprint=f"{n:08x}",
        )
        for n in range(number)
    ]
    units = [entry(f"src/f{n}.py", "failed", reason=f"reason {n % 200}") for n in range(number)]
    return review(*found, entries=units)


@pytest.mark.fault
@pytest.mark.parametrize("name", ["sarif", "rdjson", "markdown", "html"])
def test_the_time_grows_with_the_findings_alone(name: str) -> None:
    """Eight times as many findings and units take about eight times as long."""

    def seconds(number: int) -> float:
        made = many(number)
        start = time.process_time()
        render(made, name)
        return time.process_time() - start

    seconds(100)
    few = min(seconds(625) for _ in range(3))

    assert seconds(5_000) < 8 * 3 * few
