"""The HTML report is one closed document that tells how a review ended."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from html.parser import HTMLParser
from importlib import resources
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from report_samples import SEVERITIES, entry, finding, review, reviews

import html_reviews
from codeflow_engine.errors import SerializationError
from codeflow_engine.reports.html import render
from codeflow_engine.reports.html.assets import page_style, parts_style, script
from codeflow_engine.reports.summary import coverage_line, headline

VOID = {"br", "input", "link", "meta"}
LANDMARKS = {"header", "main", "search", "footer"}


class Document(HTMLParser):
    """The elements of a document, in their order, with what stands in each."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs)
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in set(self._open):
            self.texts[tag][-1] += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def every(self, tag: str) -> list[dict[str, str | None]]:
        """Give the attributes of all elements of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]

    def named(self, kind: str) -> list[tuple[str, dict[str, str | None]]]:
        """Give the elements of a class."""
        return [one for one in self.elements if kind in (one[1].get("class") or "").split()]


def policy_of(document: Document) -> dict[str, str]:
    """Read the Content Security Policy of a document by its directives."""
    (policy,) = [
        meta["content"] or ""
        for meta in document.every("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    return dict(part.strip().split(" ", 1) for part in policy.split(";"))  # type: ignore[misc]


def check_closed(document: Document) -> None:
    """Check that a document asks for nothing and obeys nobody."""
    kinds = {tag for tag, _ in document.elements}
    assert not kinds & {"img", "iframe", "object", "embed", "form", "base", "audio", "video"}
    for tag, attributes in document.elements:
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("href", "src", "action", "formaction", "srcset", "xlink:href"):
            address = attributes.get(name) or "#"
            assert address.startswith("#") or (tag == "link" and address == "data:,")


def test_the_policy_names_the_very_bytes_of_style_and_script() -> None:
    """Nothing runs or paints but what the policy names by its hash; nothing else is allowed."""
    document = Document(render(html_reviews.rich()))

    def digest(tag: str) -> str:
        (text,) = document.texts[tag]
        return base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")

    assert policy_of(document) == {
        "default-src": "'none'",
        "script-src": f"'sha256-{digest('script')}'",
        "style-src": f"'sha256-{digest('style')}'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    tags = [tag for tag, _ in document.elements]
    assert tags[:4] == ["html", "head", "meta", "meta"]
    assert document.elements[2][1] == {"charset": "utf-8"}
    assert "http-equiv" in document.elements[3][1]


@pytest.mark.parametrize("name", html_reviews.__all__)
def test_s16_the_document_asks_for_nothing(name: str) -> None:
    """Whatever the review says: no address, no event, no inline style, one script."""
    number = (40,) if name == "large" else ()
    document = Document(render(getattr(html_reviews, name)(*number)))

    check_closed(document)
    assert len(document.every("script")) == len(document.every("style")) == 1


def test_the_files_of_the_package_name_no_address() -> None:
    """Neither style nor script could ask for anything, and both ship with the package."""
    files = resources.files("codeflow_engine.reports.html")
    for text in (parts_style(), page_style(), script()):
        assert not re.search(r"https?:|//[a-z]|url\(|@import|fetch\(|XMLHttp|eval|innerHTML", text)
    assert parts_style() == files.joinpath("style.css").read_text("utf-8")
    assert (page_style(), script()) == tuple(
        files.joinpath(name).read_text("utf-8") for name in ("page.css", "script.js")
    )


@given(reviews())
@settings(max_examples=60)
def test_any_review_gives_a_whole_and_closed_document(made: dict[str, Any]) -> None:
    """Elements nest, ids are unique, links lead somewhere, findings are all there."""
    document = Document(render(made))
    ids = [str(attributes["id"]) for _, attributes in document.elements if "id" in attributes]
    links = {str(link["href"]).removeprefix("#") for link in document.every("a")}

    check_closed(document)
    assert len(ids) == len(set(ids))
    assert links <= set(ids)
    assert len(document.named("cf-finding")) == len(made["findings"])
    assert document.texts["title"][0].split(" \u2013 ")[0] == headline(made)


@given(reviews())
@settings(max_examples=40)
def test_the_same_review_gives_the_same_document(made: dict[str, Any]) -> None:
    """Two readings of one review differ in no byte, and the text can be encoded."""
    again = json.loads(json.dumps(made), object_pairs_hook=lambda pairs: dict(reversed(pairs)))

    assert render(made).encode("utf-8") == render(again).encode("utf-8")


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("clean", "Review complete: no findings"),
        ("rich", "Review complete: 6 findings"),
        ("empty", "Review complete: empty change"),
        ("partial", "Review not complete: partial"),
        ("skipped", "Review not complete: skipped"),
        ("failed", "Review not complete: failed"),
    ],
)
def test_the_verdict_stands_first(name: str, title: str) -> None:
    """The only heading of the first level says how the review ended, before all else."""
    document = Document(render(getattr(html_reviews, name)()))
    words = " ".join(document.texts["body"][0].split())

    assert document.texts["h1"] == [title]
    assert words.index(title) < 80


@pytest.mark.parametrize("state", ["skipped", "failed"])
def test_a_review_that_is_not_complete_never_reads_as_clean(state: str) -> None:
    """Title, verdict, list and last line all say that something is not covered."""
    made = review(entries=[entry(), entry("b", state)])
    document = Document(render(made))
    text = document.texts["body"][0]

    assert "REVIEW NOT COMPLETE (partial)" in document.texts["title"][0]
    assert "1 of 2 units not covered" in text
    assert "does not mean that it is clean" in text
    assert "No findings in what was examined; the review is not complete." in text
    assert document.texts["footer"] == [coverage_line(made)]
    assert "clean" not in str(document.named("cf-verdict"))


def test_what_policy_excludes_whole_is_not_called_clean() -> None:
    """A change of which nothing was examined has no green verdict, though it is covered."""
    document = Document(render(review(entries=[entry("a", "excluded"), entry("b", "excluded")])))

    assert document.texts["h1"] == ["Review complete: everything is excluded"]
    assert "nobody examined those" in document.texts["header"][0]
    assert document.named("cf-verdict")[0][1]["class"] == "cf-verdict cf-is-empty"


def test_findings_stand_by_file_worst_first_and_settled_ones_apart() -> None:
    """The file with the worst findings comes first, and what counts nowhere comes last."""
    made = review(
        finding(path="a", severity="low", title="A1"),
        finding(path="b", severity="high", title="B2", line=9),
        finding(path="b", severity="high", title="B1", line=3),
        finding(path="c", severity="high", title="C1"),
        finding(path="b", severity="info", title="B3"),
        finding(path="d", severity="critical", title="D1", state="dismissed"),
    )
    text = render(made)

    places = [text.index(f">{title}<") for title in ("B1", "B2", "B3", "C1", "A1", "D1")]
    assert places == sorted(places)
    assert text.index(">A1<") < text.index('id="settled"') < text.index(">D1<")


def test_a_finding_says_all_that_is_known_of_it() -> None:
    """Severity, state, place, rule, category, confidence, sources and fingerprint are words."""
    made = review(finding(state="open", confidence=0.875, sources=["a:b", "c"]))
    document = Document(render(made))
    (card,) = document.named("cf-finding")
    text = " ".join(document.texts["details"][0].split())

    assert document.every("summary")[0]["id"] == "finding-f00d"
    assert card[1]["data-severity"] == "high"
    for told in (
        *("high", "GitHub token in the code", "open", "line 12:13", "Revoke it."),
        *("secrets/github-token", "security", "0.88", "a:b, c", "src/cart.py:12", "f00d"),
    ):
        assert told in text


def test_ids_hold_from_report_to_report_and_are_unique() -> None:
    """An id is made of the fingerprint alone; equal fingerprints are counted."""
    made = review(finding(fingerprint='"x'), finding(fingerprint='"x', title="b"), finding())
    ids = [one["id"] for one in Document(render(made)).every("summary") if "id" in one]

    first = "finding-" + hashlib.sha256(b'"x').hexdigest()[:16]
    assert ids == [first, f"{first}-2", "finding-f00d"]


def test_the_ledger_shows_what_is_not_covered_first() -> None:
    """Failed and skipped units stand open before excluded and reviewed ones, with reasons."""
    entries = [
        entry("a", hunk=0),
        entry("a", hunk=1),
        entry("b", "excluded", reason="policy"),
        entry("c", "skipped", reason="budget"),
        *(entry("d", "failed", reason="timeout", by=["x"], hunk=hunk) for hunk in (0, 1, 2, 6)),
        entry("e", "failed", reason="timeout", by=["x"], hunk=None),
    ]
    document = Document(render(review(entries=entries)))
    parts = document.named("cf-ledger")
    text = " ".join(document.texts["main"][0].split())

    assert [("open" in one[1], str(one[1]["class"]).split("-")[-1]) for one in parts] == [
        (True, "failed"),
        (True, "skipped"),
        (False, "excluded"),
        (False, "reviewed"),
    ]
    assert "timeoutexamined by x5 unitsd hunks 1-3, 7e whole file" in text
    assert "a hunks 1-2" in text


def test_the_run_is_told() -> None:
    """Usage, time, isolation and what was dropped stand in the document."""
    made = review(
        dropped={"quote not in the change": 2, "nothing": 0},
        usage={
            "calls": 2,
            "input_tokens": 48210,
            "output_tokens": 7,
            "cached_tokens": 3,
            "cost_usd": None,
        },
        timing={"started_at": "2026-11-23T05:00:00+01:00", "seconds": 125.0},
        isolation="none",
    )
    text = " ".join(Document(render(made)).texts["main"][0].split())

    assert "2 calls, 48,210 tokens in (3 cached), 7 out, cost not known" in text
    assert "2026-11-23 05:00:00 UTC+01:00" in text
    assert "2 min 5 s" in text
    assert "none: analyzers ran as the host does" in text
    assert "22 quote not in the change" in text
    assert "nothing" not in text


def test_the_document_can_be_walked_by_its_landmarks() -> None:
    """There is a language, a skip link, each landmark once, and a name on every section."""
    document = Document(render(html_reviews.rich()))
    tags = [tag for tag, _ in document.elements]
    ids = {attributes.get("id") for _, attributes in document.elements}

    assert document.every("html")[0]["lang"] == "en"
    assert document.every("a")[0]["href"] == "#findings"
    assert {tag for tag in LANDMARKS if tags.count(tag) == 1} == LANDMARKS
    for _, attributes in document.elements:
        for name in ("aria-labelledby", "aria-describedby", "for"):
            assert attributes.get(name) in ids or name not in attributes
    levels = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_the_picture_counts_what_it_draws() -> None:
    """Bars are as long as their numbers, and the numbers stand beside them."""
    made = review(
        *(finding(path="a", severity=name) for name in SEVERITIES),
        finding(path="b", severity="critical"),
    )
    document = Document(render(made))
    parts = [
        (str(one[1]["class"]).split("-")[-1], int(str(one[1]["width"])))
        for one in document.named("cf-part")
    ]

    assert parts[:2] == [("critical", 1000), ("high", 504)]
    # Four gaps of 3 part five pieces of the longest bar, each at least 8 wide.
    assert [name for name, _ in parts[6:11]] == list(SEVERITIES)
    assert 950 < sum(width for _, width in parts[6:11]) <= 1000 - 4 * 3


def test_the_picture_shows_the_worst_files() -> None:
    """Of more files than it has room for, those with most of the worst findings are drawn."""
    found = [
        finding(path=f"a{index}", severity="high", fingerprint=f"{index}") for index in range(9)
    ]
    twice = [finding(path="z", severity="high", fingerprint=name) for name in ("x", "y")]
    document = Document(render(review(*found, *twice)))
    paths = [link["href"] for link in document.every("a") if "cf-path" in str(link.get("class"))]

    assert paths == ["#file-10", *(f"#file-{index}" for index in range(1, 8))]
    assert "2 more files2" in " ".join(document.texts["table"][1].split())


def test_time_and_size_grow_with_the_review() -> None:
    """Four times the findings are four times the bytes, and no more than that of the time."""

    def cost(number: int) -> tuple[float, int]:
        made = html_reviews.large(number)
        seconds = []
        for _ in range(3):
            began = time.process_time()
            size = len(render(made))
            seconds.append(time.process_time() - began)
        return min(seconds), size

    few, many = cost(250), cost(1000)

    assert many[1] < few[1] * 4.1
    assert many[0] < few[0] * 8


def test_a_megabyte_on_one_line_is_cut() -> None:
    """A line is shown around its finding, however long it is, and costs what is shown."""
    line = "a" * 1_000_000 + "eval(x)" + "b" * 1_000_000
    code = {"start_line": 1, "lines": [line], "column": 1_000_001, "end_column": 1_000_008}
    edit = {"replacement": line, "start_line": 1, "end_line": 1}
    text = render(review(finding(line=1, evidence=code, suggestion=edit, title=line)))

    assert "<mark>eval(x)</mark>" in text
    assert len(text) < len(render(review())) + 12_000


@given(reviews())
@settings(max_examples=30)
def test_every_encoding_gives_the_same_document(made: dict[str, Any]) -> None:
    """Written to a place that knows ASCII alone, it is read as what it is in UTF-8."""
    plain, other = render(made), render(made, encoding="latin-1")

    assert other.isascii()
    assert render(made, encoding="UTF8") == plain
    one, two = Document(plain), Document(other)
    assert (one.elements, one.texts) == (two.elements, two.texts)


def test_another_form_is_refused() -> None:
    """A review that contradicts its ledger gives no document."""
    with pytest.raises(SerializationError, match=r"review\.outcome"):
        render(review(outcome="failed"))
