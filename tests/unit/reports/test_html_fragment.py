"""Fragments of HTML are inert wherever they stand, bounded, and never read as clean wrongly."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser
from importlib import resources
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_samples import SEVERITIES, entry, finding, review, reviews, texts

from codeflow_engine.errors import SerializationError
from codeflow_engine.reports.html import assets, fragment
from codeflow_engine.reports.timeline import Timeline
from codeflow_engine.reports.visible import is_hidden

MARKUP = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</style></div></details><h1>clean</h1>",
    '" onmouseover="alert(1)',
    "<!--",
    "<a href='javascript:alert(1)'>",
    "&lt;b&gt;",
    "\x1b[2J\u202e",
)
hostile = st.sampled_from(MARKUP) | texts
PARTS = {
    *("b", "div", "p", "span", "style", "details", "summary", "code", "pre", "mark", "ins", "del"),
    *("dl", "dt", "dd", "ul", "li", "figure", "figcaption"),
    *("table", "tbody", "tr", "th", "td", "svg", "rect", "path"),
}


class Looked(HTMLParser):
    """Reads a fragment as a browser would, and notes what it holds."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.parts: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1] != "style":
            self.text += data
            self.parts.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data!r}")


def check(html: str) -> Looked:
    """Hold a fragment against what it promises: known parts, no script, no address, no id."""
    looked = Looked(html)
    assert not looked.open
    assert set(looked.tags) <= PARTS
    assert looked.tags[0] == "div"
    assert looked.tags.count("style") == 1
    for name, _ in looked.attributes:
        assert not name.startswith("on")
        assert name not in {"href", "src", "style", "id", "srcset", "action", "xlink:href"}
    assert not any(is_hidden(character) for character in looked.text if character not in "\n\t")
    return looked


def words(looked: Looked) -> str:
    return " ".join(" ".join(looked.parts).split())


@given(reviews(), st.lists(hostile, min_size=3, max_size=3))
@settings(max_examples=60)
def test_whatever_a_review_holds_is_text(plain: dict[str, Any], said: list[str]) -> None:
    """Markup, quotes, controls and bidi in any place of a review are shown, and nothing else."""
    evil = finding(title=said[0], message=said[1], path=said[2], rule=said[0], sources=[said[1]])
    plain["findings"].append(evil)

    check(fragment.review(plain))
    check(fragment.coverage(plain["coverage"]))
    check(fragment.finding(evil))


@given(st.lists(hostile, min_size=4, max_size=4))
@settings(max_examples=60)
def test_whatever_the_events_of_a_run_tell_is_text(said: list[str]) -> None:
    """Names of steps, keys, failures and errors come from plugins, and are shown as text."""
    timeline = heard(
        {"event": "StepStarted", "step": "analyze", "key": said[0]},
        {"event": "StepFinished", "step": "analyze", "key": said[0], "seconds": 1.5, "error": None},
        analyzed(said[0], failure=said[1]),
        {"event": "StepStarted", "step": said[2], "key": None},
    )
    given = record(workflow=said[3], status="failed", error=said[1])

    looked = check(fragment.run(given, timeline))

    assert "NOT COMPLETE" in looked.text


@pytest.mark.parametrize("text", MARKUP[:5])
def test_markup_of_a_finding_is_read_as_it_was_written(text: str) -> None:
    """What looks like HTML in a title stands there in its own letters."""
    assert text in check(fragment.finding(finding(title=text))).text


def test_an_incomplete_review_without_findings_does_not_look_clean() -> None:
    """The verdict, the reason and the units that are missing come before everything else."""
    looked = check(fragment.review(review(entries=[entry(), entry("b.py", "failed")])))

    told = words(looked)
    assert told.lower().startswith("review not complete: partial")
    assert "1 of 2 units not covered" in told
    assert "does not mean that it is clean" in told
    assert told.index("b.py") > told.index("not covered")


def test_many_findings_are_counted_and_the_first_shown() -> None:
    """5,000 findings in 5,000 units take no more room and time than a notebook bears."""
    found = [
        finding(
            path=f"src/{number % 700}.py",
            fingerprint=f"{number:032x}",
            severity=SEVERITIES[number % 5],
            message="Revoke it. " * 20,
        )
        for number in range(5_000)
    ]
    units = [entry(f"src/{number}.py", "failed") for number in range(5_000)]
    plain = review(*found, entries=units)
    began = time.process_time()
    html = fragment.review(plain)
    took = time.process_time() - began

    told = words(check(html))
    assert len(html) < 400_000
    assert took < 5
    assert "review not complete: failed" in told.lower()
    assert "5,000 findings" in told
    assert "4,950 more findings left out of this view; review.to_dataframe() has them all." in told
    assert "4,800 more units left out of this list" in told


def test_a_review_that_contradicts_its_ledger_is_refused() -> None:
    """Nothing is drawn that says something else than the ledger."""
    plain = review(entries=[entry(state="failed")]) | {"outcome": "reviewed"}

    with pytest.raises(SerializationError, match="outcome"):
        fragment.review(plain)


def test_settled_findings_are_shown_apart() -> None:
    """Resolved and dismissed findings count nowhere, and can be opened."""
    told = words(
        check(fragment.review(review(finding(state="dismissed"), finding(severity="low"))))
    )

    assert "1 finding resolved or dismissed, which count nowhere" in told
    assert told.startswith("Review complete: 1 finding 1 low.")


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"status": "running", "summary": None}, "running"),
        ({"status": "waiting", "summary": None}, "running"),
        ({"status": "dead", "summary": None}, "failed"),
        ({"status": "failed", "summary": None}, "failed"),
        ({"status": "cancelled", "summary": None}, "failed"),
        ({"summary": {"outcome": "partial", "findings": 0}}, "partial"),
        ({"summary": {"outcome": "reviewed", "findings": 2}}, "found"),
        ({"summary": {"outcome": "reviewed", "findings": 0}}, "clean"),
        ({"summary": None}, "empty"),
    ],
)
def test_a_run_looks_like_what_came_of_it(fields: dict[str, Any], kind: str) -> None:
    """Only a complete review in which somebody examined something looks clean."""
    html = fragment.run(record(**fields), heard(analyzed("secrets")))

    assert f"cf-verdict cf-is-{kind}" in html


def test_a_run_in_which_nobody_examined_anything_does_not_look_clean() -> None:
    """Without an analyzer that has looked at a unit the sign is a neutral one."""
    given = record(summary={"outcome": "reviewed", "findings": 0})

    html = fragment.run(given, Timeline())

    assert "cf-is-empty" in html
    assert "cf-is-clean" not in Looked(html).text + "".join(v for _, v in Looked(html).attributes)


def test_a_run_with_many_steps_shows_the_last_ones() -> None:
    """Thousands of steps are counted, and what is not shown is said."""
    timeline = heard(
        *({"event": "StepStarted", "step": "inspect", "key": str(number)} for number in range(3000))
    )

    html = fragment.run(record(status="running", summary=None), timeline)

    told = words(check(html))
    assert len(html) < 100_000
    assert "3,000 steps Earlier steps are not shown" in told
    assert "inspect 2999" in told
    assert "inspect 5 " not in told


@pytest.mark.parametrize("style", ["fragment.css", "steps.css", "style.css"])
def test_no_rule_reaches_out_of_the_fragment(style: str) -> None:
    """Every selector of the style names the fragment, and nothing is fetched."""
    package = resources.files(fragment.__name__.rpartition(".")[0])
    css = package.joinpath(style).read_text("utf-8")

    assert outside(css) == []
    assert not re.search(r"url\(|@import|@font-face|expression\(|https?:", css)
    assert "</" not in css
    assert css in fragment.coverage(review()["coverage"])


def test_a_rule_that_reaches_out_is_found() -> None:
    """The search for selectors sees one at the top, in a list, and behind a condition."""
    assert outside("p { color: red }") == ["p"]
    assert outside(".codeflow { & p { } } /* x */ .codeflow b, i { }") == ["i"]
    assert outside("@media print { .codeflow { } table { } }") == ["table"]
    assert assets.parts_style()


def outside(css: str) -> list[str]:
    """List the selectors that do not name the fragment's class; nested ones are inside."""
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    found: list[str] = []
    inside: list[bool] = []
    for prelude, sign in re.findall(r"([^{};]*)([{};])", css):
        selector = prelude.strip()
        if sign == "}":
            inside.pop()
        elif sign == "{":
            condition = selector.startswith("@")
            if not condition and not any(inside):
                parts = [part.strip() for part in selector.split(",")]
                found += [part for part in parts if ".codeflow" not in part]
            inside.append(not condition)
    return found


def record(**fields: Any) -> dict[str, Any]:
    """Make a run in its JSON form: a review that succeeded, with other fields as given."""
    return {
        "run_id": "run-1",
        "workflow": "review",
        "status": "succeeded",
        "error": None,
        "summary": {"outcome": "reviewed", "findings": 0},
    } | fields


def heard(*events: dict[str, Any]) -> Timeline:
    """Let a timeline hear events, which are numbered here."""
    timeline = Timeline()
    for number, event in enumerate(events, 1):
        timeline.hear({"sequence": number, **event})
    return timeline


def analyzed(name: str, *, failure: str | None = None) -> dict[str, Any]:
    """Make the event of an analyzer that has ended."""
    return {
        "event": "AnalyzerFinished",
        "analyzer": name,
        "findings": 1,
        "examined": 1,
        "failure": failure,
    }
