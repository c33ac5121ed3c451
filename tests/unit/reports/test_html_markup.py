"""Elements escape by construction: text is text wherever it is given."""

from __future__ import annotations

import ast
import re
import unicodedata
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_samples import texts

from codeflow_engine.reports import html
from codeflow_engine.reports.html.markup import document, element, embed, fragment, visible
from codeflow_engine.reports.visible import escape

PACKAGE = Path(html.__file__).parent
breaks = st.lists(
    st.sampled_from(["<", ">", "&", "'", '"', "</p>", "<!--", "]]>", "&lt;", "\x00", "=", "`"])
    | texts,
    max_size=6,
).map("".join)


class Read(HTMLParser):
    """What a parser of HTML makes of a text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.tags.append("!--")


def shown(text: str) -> str:
    """Say how a text is shown: tabs and line feeds stay, other hidden characters do not."""
    return "".join(c if c in "\t\n" else escape(c) for c in text)


@given(breaks, breaks)
@settings(max_examples=150)
def test_any_text_is_read_back_as_text(content: str, value: str) -> None:
    """No text opens, closes or adds anything, as content or as an attribute."""
    read = Read(str(element("p", content, title=value)))

    assert read.tags == ["p"]
    assert read.attributes == [("title", shown(value))]
    assert read.text == shown(content)


@given(breaks)
@settings(max_examples=100)
def test_hidden_characters_are_marked_and_never_written(text: str) -> None:
    """What is shown in place of a hidden character stands in an element of its own."""
    written = str(visible(text))
    read = Read(written)

    assert read.text == shown(text)
    assert set(read.tags) <= {"span"}
    assert not {unicodedata.category(c) for c in written.replace("\n", "").replace("\t", "")} & {
        *("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    }


def test_a_line_feed_inside_a_line_is_shown() -> None:
    """What is to be one line shows what would break it."""
    assert str(visible("a\n\tb", keep="\t")) == 'a<span class="cf-hidden">\\n</span>\tb'


def test_an_element_reads_like_this() -> None:
    """Attributes are written in the order given, flags by name, and nothing for None."""
    made = element(
        "input", type="checkbox", checked=True, hidden=False, data_state="a<b", for_=None, size=3
    )

    assert str(made) == '<input type="checkbox" checked data-state="a&lt;b" size="3">'
    assert str(element("p", "a", 1, None, ["b", [element("b", "&")]])) == "<p>a1b<b>&amp;</b></p>"
    assert str(fragment("<", element("br"))) == "&lt;<br>"
    assert document(element("html")) == "<!doctype html>\n<html></html>\n"


@pytest.mark.parametrize(
    "attributes",
    [
        {"style": "color:red"},
        {"onclick": "x"},
        {"ONclick": "x"},
        {"onload_": "x"},
        {"href": "javascript:x"},
        {"href": "https://example.invalid"},
        {"href": "//example.invalid"},
        {"href": "data:text/html,x"},
        {"href": "#a b"},
        {"src": "x"},
        {"action": "x"},
        {"xlink_href": "x"},
        {"a b": "x"},
        {"a>": "x"},
    ],
)
def test_what_a_browser_would_obey_is_refused(attributes: dict[str, str]) -> None:
    """No event, no style, no address out of the document, no name that is none."""
    with pytest.raises(ValueError, match=r"attribute|address"):
        element("a", **attributes)


@pytest.mark.parametrize("name", ["script", "style", "p>", "", "1"])
def test_a_tag_that_is_none_or_holds_code_is_refused(name: str) -> None:
    """Script and style are embedded from files alone, and a tag is a name."""
    with pytest.raises(ValueError, match="not a tag"):
        element(name)


def test_an_empty_element_holds_nothing() -> None:
    """What has no end tag takes no content."""
    with pytest.raises(ValueError, match="holds nothing"):
        element("br", "x")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("script", "</script>"),
        ("style", "a</b"),
        ("script", "<!--"),
        ("p", "a"),
        ("style", "\u2192"),
    ],
)
def test_code_that_would_end_its_element_is_refused(name: str, text: str) -> None:
    """What is embedded stands in the document byte for byte, so it cannot hold an end."""
    with pytest.raises(ValueError, match="cannot hold"):
        embed(name, text)


def raw_html(source: str) -> list[str]:
    """List what in a module could make HTML around the builder."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if re.search(r"<[/!a-zA-Z]|&[a-z#]", node.value):
                found.append(node.value)
        elif isinstance(node, ast.Name) and node.id == "embed":
            found.append("embed")
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "Markup":
            found.append("Markup")
    return found


def test_no_other_module_writes_html() -> None:
    """Only the builder makes markup; only the page and the fragment embed files of ours."""
    found = {
        path.name: raw
        for path in sorted(PACKAGE.glob("*.py"))
        if path.name != "markup.py" and (raw := raw_html(path.read_text("utf-8")))
    }

    assert found == {"fragment.py": ["embed"], "head.py": ["embed"], "page.py": ["embed"]}
    assert sorted(raw_html("Markup(a); f'<b{a}'; '&amp;'")) == ["&amp;", "<b", "Markup"]
