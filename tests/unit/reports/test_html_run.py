"""The page of a run is one closed document that shows where its time went."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_samples import texts

from codeflow_engine.reports.html import assets, fragment
from codeflow_engine.reports.html.run import render
from codeflow_engine.reports.timeline import Timeline
from codeflow_engine.reports.visible import is_hidden
from run_journal import read, run, step, step_event

MARKUP = (
    "<script>alert(1)</script>",
    "</style></title></table><h1>clean</h1>",
    '" onmouseover="alert(1)',
    "<!--",
    "<a href='javascript:alert(1)'>",
    "&lt;b&gt;\x1b[2J\u202e",
)
hostile = st.sampled_from(MARKUP) | texts
VOID = {"meta", "link"}
PARTS = {
    *("html", "head", "meta", "link", "title", "style", "body", "main", "section", "div", "span"),
    *("h1", "h2", "p", "dl", "dt", "dd", "table", "tbody", "tr", "th", "td", "svg", "rect", "path"),
}


class Page(HTMLParser):
    """Reads a document as a browser would."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in {"th", "td"}:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        self.text += data
        if "tr" in self._open and self.rows[-1]:
            self.rows[-1][-1] += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def bars(self) -> list[tuple[int, int]]:
        """Give begin and width of each bar."""
        parts = [one for tag, one in self.elements if tag == "rect" and one["class"] == "cf-part"]
        return [(int(part["x"] or 0), int(part["width"] or 0)) for part in parts]

    def looks(self) -> list[str]:
        """Give the look of each row."""
        rows = [one["class"] or "" for tag, one in self.elements if tag == "tr"]
        return [name.removeprefix("cf-step cf-is-") for name in rows]


def page(timeline: Timeline, **fields: Any) -> Page:
    return Page(render(run(**fields), timeline))


def test_the_policy_allows_the_style_of_the_document_and_nothing_else() -> None:
    """There is no script, and the only style is the one whose hash the policy names."""
    html = render(run(), read(step("a")))

    styles = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(styles[0].encode()).digest()).decode()
    policies = [
        one["content"]
        for tag, one in Page(html).elements
        if tag == "meta" and one.get("http-equiv") == "Content-Security-Policy"
    ]

    assert styles == [assets.parts_style() + assets.run_style()]
    (policy,) = policies
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )
    assert "<script" not in html


def test_bars_stand_where_the_steps_did() -> None:
    """Begin and width of a bar are those of its step on the time of the whole run."""
    made = page(
        read(
            step("a", begun=10, ended=20),
            step("b", begun=20, ended=60, kind="receive"),
            step("c", begun=60, ended=110, attempts=2, state="failed", error="E"),
        )
    )

    assert made.bars() == [(0, 100), (100, 400), (500, 500)]
    assert made.looks() == ["done", "waiting", "failed"]
    assert [row[0] for row in made.rows] == ["a", "b", "c"]
    assert [row[2:] for row in made.rows] == [
        ["10.00 s", "done"],
        ["40.00 s", "waited"],
        ["50.00 s", "E, 2 attempts"],
    ]


def test_what_waits_now_reaches_to_the_end() -> None:
    """A step that waits has a bar that is open at the end, and says until when."""
    made = page(
        read(
            step("a", begun=0, ended=10),
            step("b", begun=5, ended=5, kind="receive", state="waiting"),
        )
    )

    assert made.bars() == [(0, 1000), (500, 500)]
    assert made.looks() == ["done", "waiting"]
    assert made.rows[1][2:] == ["", "waits for a signal"]


def test_a_step_of_no_time_is_seen() -> None:
    """The shortest bar has a width, also at the end and in a run that took no time at all."""
    made = page(read(step("a", begun=0, ended=1000), step("b", begun=1000, ended=1000)))

    assert made.bars() == [(0, 1000), (996, 4)]
    assert page(read(step("a", begun=0, ended=0))).bars() == [(0, 4)]


def test_what_goes_on_has_no_bar_yet() -> None:
    """A step that was begun and is in no record has taken no time that is known."""
    events = (step_event("StepStarted", "b", seconds=2),)

    made = page(read(step("a"), events=events), status="running")

    assert made.looks() == ["done", "running"]
    assert len(made.bars()) == 1


def test_the_facts_of_the_run_are_told() -> None:
    """Status, waiting, recoveries and cost stand above the steps."""
    made = page(
        read(step("a", kind="sleep", begun=2, ended=32)),
        status="failed",
        error="E: no",
        recoveries=1,
    )

    for told in (
        "RUN OF TRIAGE NOT COMPLETE (run failed): E: no",
        "Waited30.00 s",
        "Recovered1 time since its last finished step",
        "Costnot known",
    ):
        assert told in made.text


def test_a_run_without_steps_says_so() -> None:
    """An empty journal is no empty page."""
    assert "No step is known." in page(read()).text


def test_many_steps_are_bounded() -> None:
    """Of thousands of steps the last ones are drawn, and the others are counted."""
    made = page(read(*(step("a", f"={number}", begun=number) for number in range(2100))))

    assert len(made.rows) == 2000
    assert "100 earlier steps left out of this view." in made.text
    assert made.rows[-1][0] == "a 2099"


@given(st.lists(hostile, min_size=5, max_size=5))
@settings(max_examples=60)
def test_whatever_a_run_tells_is_text(said: list[str]) -> None:
    """Names, keys, errors and signals are shown in their letters, and do nothing."""
    timeline = read(
        step(said[0], f"={said[1]}", state="failed", error=said[2]),
        step(said[3], kind="receive", state="waiting"),
    )
    given = run(
        workflow=said[3],
        run_id=said[4],
        status="waiting",
        waits_for=[said[0]],
        summary={"usage": {"calls": said[1]}},
    )

    for html in (render(given, timeline), fragment.run(given, timeline)):
        looked = Page(html)
        assert {tag for tag, _ in looked.elements} <= PARTS | {"details", "summary"}
        for name in (name for _, attributes in looked.elements for name in attributes):
            assert not name.startswith("on")
            assert name not in {"src", "style", "action", "srcset"}
        assert not any(is_hidden(one) for one in looked.text if one not in "\n\t")


@pytest.mark.parametrize("text", MARKUP[:5])
def test_markup_in_a_name_is_read_as_it_was_written(text: str) -> None:
    """What looks like HTML stands there in its own letters."""
    assert page(read(step(text))).rows[0][0] == text


def test_the_style_fetches_nothing() -> None:
    """No rule names an address, and none ends the element that it stands in."""
    css = assets.run_style()

    assert ".cf-steps" in css
    assert not re.search(r"url\(|@import|@font-face|expression\(|https?:", css)
    assert "</" not in css


def test_the_page_is_the_same_in_every_encoding() -> None:
    """Characters that an encoding lacks are written by their numbers."""
    html = render(run(), read(step("caf\xe9")), encoding="latin-1")

    assert html.isascii()
    assert Page(html).rows[0][0] == "caf\xe9"
