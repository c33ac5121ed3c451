"""The pages of the forge: what stands in it is there to see, and nothing of it does anything."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import pytest
from forge_asking import Told, app_token, ask, graphql
from hypothesis import given, settings
from hypothesis import strategies as st

from codeflow_engine.testing.forge import FakeForge, PullRequest, Repository
from codeflow_engine.testing.forge.pages.links import link, outward, place
from codeflow_engine.testing.forge.pages.prose import prose

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>\"' onload=x &lt;b&gt; <!-- --> \u202e"
    " [a](javascript:alert(3)) ![b](https://evil.example/x.png) <details open ontoggle=x>"
)
ALLOWED = {
    *("a", "article", "blockquote", "body", "code", "details", "div", "em", "figcaption"),
    *("figure", "h1", "h2", "h3", "h4", "h5", "h6", "head", "header", "hr", "html", "li"),
    *("link", "main", "meta", "nav", "ol", "p", "pre", "section", "span", "strong", "style"),
    *("summary", "table", "tbody", "td", "th", "thead", "time", "title", "tr", "ul"),
}
VOID = {"hr", "link", "meta"}
ATTRIBUTES = {
    *("aria-current", "aria-label", "charset", "class", "colspan", "content", "datetime", "dir"),
    *("href", "id", "lang", "name", "open", "rel", "role", "title", "translate"),
}


class Reader(HTMLParser):
    """Reads a page as a browser would, and keeps what it holds."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.wrong: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data

    def handle_comment(self, data: str) -> None:
        self.wrong.append(f"comment {data}")

    @property
    def links(self) -> list[str]:
        """The addresses of all links."""
        return [str(told["href"]) for tag, told in self.tags if tag == "a"]

    def dangers(self) -> list[str]:
        """List what could do something, or is not closed."""
        found = self.wrong + self.open
        for tag, told in self.tags:
            found += [tag] if tag not in ALLOWED else []
            found += [f"{tag} {name}" for name in told if name not in ATTRIBUTES]
        safe = r"/(?!/)[\x21-\x7e]*|https?://[\x21-\x7e]+"
        return found + [one for one in self.links if not re.fullmatch(safe, one)]


class Site:
    """A forge with something of everything in it."""

    def __init__(self, forge: FakeForge, told: str = "plain") -> None:
        self.forge, self.told = forge, told
        self.repository: Repository = forge.repository("acme/shop")
        lines = [f"line {number}\n" for number in range(1, 31)]
        before = "".join(lines)
        lines[4], lines[19] = "FIVE\n", f"{told}\n"
        number = self.repository.open_pull_request(
            {"a.py": before, f"x/{told.replace('/', '-')}.py": "1\n"},
            {"a.py": "".join(lines), f"x/{told.replace('/', '-')}.py": "2\n"},
            title=f"T {told}",
            body=f"Body {told}",
            author="ann",
        )
        self.pull: PullRequest = self.repository.pull(number)
        forge.add_user("ben", permission="write")
        names = ("checks", "issues", "pull_requests", "statuses")
        self.token = app_token(forge, **dict.fromkeys(names, "write"))
        self.fill()

    def post(self, path: str, body: Mapping[str, Any], token: str | None = None) -> Any:
        """Write something into the repository."""
        told = ask(
            self.forge, "POST", f"/repos/acme/shop/{path}", token=token or self.token, body=body
        )
        assert told.status in {200, 201}, told
        return told.json

    def fill(self) -> None:
        """Write a bit of everything."""
        told, number, sha = self.told, self.pull.number, self.pull.head_sha
        suggestion = f"Name {told}\n\n```suggestion\nfive = 5  # {told}\n```"
        comments = [
            {"path": "a.py", "line": 5, "body": suggestion},
            {"path": "a.py", "start_line": 18, "line": 20, "body": f"Why {told}"},
        ]
        body = {"event": "REQUEST_CHANGES", "body": f"Review {told}", "comments": comments}
        self.post(f"pulls/{number}/reviews", body)
        self.post(f"issues/{number}/comments", {"body": f"Talk {told}"})
        self.post(f"issues/{number}/labels", {"labels": [told[:40]]})
        first = self.pull.review_comments[0].id
        self.post(f"pulls/comments/{first}/reactions", {"content": "-1"}, self.forge.token("ben"))
        note = {"path": "a.py", "start_line": 5, "end_line": 6, "annotation_level": "warning"}
        notes = [{**note, "message": f"Note {told}", "title": told, "raw_details": told}]
        output = {"title": told, "summary": told, "text": told, "annotations": notes}
        body = {"name": f"check {told}", "head_sha": sha, "conclusion": "failure", "output": output}
        self.run = self.post("check-runs", body)["id"]
        self.post(f"statuses/{sha}", {"state": "success", "context": told, "description": told})
        self.issue = self.post("issues", {"title": f"I {told}", "body": told})["number"]

    def get(self, path: str) -> Told:
        """Ask for a page."""
        return ask(self.forge, "GET", self.forge.web_url + path)

    def read(self, path: str = "") -> Reader:
        """Read a page under that of the pull request."""
        told = self.get(f"/acme/shop/pull/{self.pull.number}{path}")
        assert told.status == 200
        return Reader(told.body.decode())

    @property
    def pages(self) -> list[str]:
        """All pages that there are."""
        at = f"/acme/shop/pull/{self.pull.number}"
        runs, issues = f"/acme/shop/runs/{self.run}", f"/acme/shop/issues/{self.issue}"
        return ["/", "/acme/shop", at, f"{at}/files", runs, issues, "/acme/none"]


@pytest.fixture
def site(forge: FakeForge) -> Site:
    """Fill a forge."""
    return Site(forge)


@pytest.fixture
def hostile(forge: FakeForge) -> Site:
    """Fill a forge with text that would like to do something."""
    return Site(forge, HOSTILE)


def test_hostile_text_is_text_on_every_page(hostile: Site) -> None:
    """Whatever field it comes in, it makes no tag, no attribute and no address."""
    found = {path: Reader(hostile.get(path).body.decode()) for path in hostile.pages}

    assert {path: page.dangers() for path, page in found.items() if page.dangers()} == {}
    for path in hostile.pages[1:6]:
        assert "<script>alert(1)</script>" in found[path].text
        assert "\u202e" not in found[path].text


def test_a_page_can_do_nothing(site: Site) -> None:
    """Its policy allows one style and no more, and nothing guesses its type or frames it."""
    for path in site.pages:
        told = site.get(path)
        policy = told.headers["content-security-policy"]

        assert told.headers["content-type"] == "text/html; charset=utf-8"
        assert told.headers["x-content-type-options"] == "nosniff"
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        style = re.search(rb"<style>(.*?)</style>", told.body, re.DOTALL)
        assert style is not None
        digest = base64.b64encode(hashlib.sha256(style[1]).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_all_pages_are_linked_and_there(site: Site) -> None:
    """From the first page each other one is reached, and no link is broken."""
    waiting, seen = ["/"], set[str]()
    while waiting:
        path = waiting.pop().partition("#")[0]
        if path in seen:
            continue
        seen.add(path)
        told = site.get(path)
        assert told.status == 200, path
        waiting += Reader(told.body.decode()).links

    assert seen == set(site.pages[:-1])
    assert site.get(site.pages[-1]).status == 404


def test_the_conversation_shows_all_that_was_said(site: Site) -> None:
    """Description, reviews, threads, comments, labels and checks are there."""
    page = site.read()

    for told in (
        *("T plain", "Body plain", "asked for changes", "Review plain", "Talk plain", "a.py:5"),
        *("a.py:18-20", "Suggested change", "five = 5  # plain", "check plain", "failure"),
        *("success", "codeflow-app[bot]"),
    ):
        assert told in page.text, told
    assert "Resolved by" not in page.text
    assert "Outdated" not in page.text


def test_a_suggestion_is_shown_as_the_change_it_makes(site: Site) -> None:
    """The lines it stands on are taken away, and its own come in their place."""
    page = site.get(f"/acme/shop/pull/{site.pull.number}").body.decode()
    figure = page[page.index("<figure") : page.index("</figure>")]
    cells = re.findall(r'<td class="(?:mark|text)">([^<]*)</td>', figure)

    assert cells == ["-", "FIVE", "+", "five = 5  # plain"]


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("```suggestion\n```", ["-", "FIVE"]),
        ("```suggestion\n\n```", ["-", "FIVE", "+", ""]),
        ("````suggestion\n```\n````", ["-", "FIVE", "+", "```"]),
    ],
)
def test_a_suggestion_of_nothing_is_no_empty_line(site: Site, body: str, shown: list[str]) -> None:
    """To take lines away, to empty one and to write a fence are three suggestions."""
    site.pull.review_comments[0].body = body
    page = site.get(f"/acme/shop/pull/{site.pull.number}").body.decode()
    figure = page[page.index("<figure") : page.index("</figure>")]

    assert re.findall(r'<td class="(?:mark|text)">([^<]*)</td>', figure) == shown


def test_threads_are_marked_as_resolved_outdated_and_pending(site: Site) -> None:
    """What became of a thread is told beside it, on both tabs."""
    thread = site.pull.threads[1].id
    query = '{ repository(owner: "acme", name: "shop") { pullRequest(number: 1) { id'
    query += " reviewThreads(first: 5) { nodes { id } } } } }"
    told = graphql(site.forge, query, token=site.token).json["data"]["repository"]["pullRequest"]
    ids = [one["id"] for one in told["reviewThreads"]["nodes"]]
    graphql(
        *(
            site.forge,
            "mutation($t: ID!) { resolveReviewThread(input: {threadId: $t}) { clientMutationId } }",
        ),
        token=site.forge.token("ben"),
        t=ids[1],
    )
    body = {"comments": [{"path": "a.py", "line": 21, "body": "Later"}]}
    site.post(f"pulls/{site.pull.number}/reviews", body, site.forge.token("ben"))
    lines = [f"line {number}\n" for number in range(1, 31)]
    lines[4], lines[19] = "Five\n", "plain\n"
    site.repository.push(site.pull.number, {"a.py": "".join(lines), "x/plain.py": "2\n"})

    pages = [site.read().text, site.read("/files").text]

    assert site.pull.thread_of(site.pull.threads[1].comments[0].id) is site.pull.threads[1]
    assert thread == site.pull.threads[1].id
    for text in pages:
        assert text.count("Resolved by ben") == 1
        assert text.count("Outdated") == 1
        assert text.count("Pending") == 1


def test_the_diff_has_its_threads_under_their_lines(site: Site) -> None:
    """A thread stands after the line that it is on, and before the next one."""
    text = site.read("/files").text

    assert text.index("FIVE") < text.index("Name plain") < text.index("line 6")
    assert text.index("plain", text.index("line 19")) < text.index("Why plain")


def test_a_check_run_shows_its_annotations(site: Site) -> None:
    """Each is there with its place, level, title, message and details."""
    text = Reader(site.get(f"/acme/shop/runs/{site.run}").body.decode()).text

    for told in ("check plain", "failure", "a.py:5-6", "warning", "Note plain"):
        assert told in text


def test_a_deleted_issue_has_no_page(site: Site) -> None:
    """What was deleted is not found, and nor is an issue as the files of a pull request."""
    files = site.get(f"/acme/shop/pull/{site.issue}/files").status
    site.repository.issue(site.issue).deleted = True

    assert files == 404
    assert site.get(f"/acme/shop/issues/{site.issue}").status == 404


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a **b** `c` *d* _e_", "<p>a <strong>b</strong> <code>c</code> <em>d</em> <em>e</em></p>"),
        ("snake_case_name 2*3*4", "<p>snake_case_name 2*3*4</p>"),
        ("# One\n###### Six", "<h3>One</h3><h6>Six</h6>"),
        ("- a\n- b\n  c", "<ul><li>a</li><li>b\nc</li></ul>"),
        ("1. a\n2. b", "<ol><li>a</li><li>b</li></ol>"),
        ("> q\n> r", "<blockquote><p>q\nr</p></blockquote>"),
        ("a\n\n---\n\nb", "<p>a</p><hr><p>b</p>"),
        ("x <!-- y --> z", "<p>x  z</p>"),
        ("x <!-- y", "<p>x</p>"),
        ("`a\\|b` | c", "<p><code>a\\|b</code> | c</p>"),
    ],
)
def test_a_small_part_of_markdown_is_shown(text: str, html: str) -> None:
    """Paragraphs, headings, lists, quotes, rules and marks inside a line become tags."""
    assert str(prose(text)) == f'<div class="prose" dir="auto">{html}</div>'


@given(st.text(alphabet="ab `*_[]()<>!-|#\n~=:/\\&\"'\u202ehtps.details", max_size=200))
@settings(max_examples=200)
def test_any_text_is_shown_without_danger(text: str) -> None:
    """No mixture of marks makes a tag that was not made on purpose, or leaves one open."""
    assert Reader(str(prose(text))).dangers() == []


@pytest.mark.parametrize(
    "text",
    [
        *("`" * 60_000, "**" * 30_000, "[" * 60_000, "[a](" * 15_000, "<!--" * 15_000),
        *("> " * 30_000, "<details>\n" * 6_000, "_" * 60_000, "|-" * 30_000, "- " * 30_000),
        "http://" + "a." * 30_000,
    ],
)
def test_a_long_text_is_shown_at_once(text: str) -> None:
    """No mark that is repeated for long takes more than its time."""
    begun = time.process_time()
    prose(text)

    assert time.process_time() - begun < 5


def test_a_link_leads_where_it_may() -> None:
    """Inside the site only to paths of it, outside only to the web."""
    for wrong in ("//evil.example", "javascript:x", "/a b", '/a"', "https://x", "/a\n"):
        with pytest.raises(ValueError, match="no path of the site"):
            link(wrong, "x")
    assert place("a/b", 'c"', "\udcff") == "/a%2Fb/c%22/%FF"
    assert "href" not in str(outward("javascript:alert(1)", "x"))
    assert "href" not in str(outward('https://a/"onclick=x', "x"))
    assert 'rel="noopener noreferrer nofollow"' in str(outward("https://a.example/b", "x"))
