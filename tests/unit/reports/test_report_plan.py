"""A plan and its receipts as text: what would be written where, and what became of it."""

from __future__ import annotations

from typing import Any

import pytest

from codeflow_engine.domain.effect import Effect, EffectKind, Plan
from codeflow_engine.reports.plan import link, receipts, render

HEAD = "a" * 40
TARGET = "acme/shop#42"
COMMENT = {
    "path": "settings.py",
    "side": "new",
    "line": 2,
    "end_line": 2,
    "body": "**CRITICAL** `secrets/github-token`, line 2: A token\n\nMore of it.\n",
}
PAYLOADS: dict[str, dict[str, Any]] = {
    "review": {
        "body": "Review complete\n",
        "comments": [
            COMMENT,
            {
                **COMMENT,
                "side": "old",
                "line": 3,
                "end_line": 5,
                "severity": "low",
                "body": "\nPlain",
                "suggestion": "x = 1",
            },
        ],
    },
    "summary": {"body": "x" * 1234},
    "check": {
        "name": "codeflow",
        "conclusion": "failure",
        "title": "Review complete: 1 finding",
        "summary": "",
        "annotations": [{}],
    },
    "label": {"add": ["review: done", "b"], "remove": ["c"]},
    "issue": {"fingerprint": "f", "title": "A token", "body": "", "labels": ["security"]},
    "commit": {
        "branch": "codeflow/fix",
        "base": HEAD,
        "message": "Mend it\n\nAll of it.",
        "files": [
            {"path": "a.py", "mode": "100644", "content": "eA=="},
            {"path": "b.py", "mode": "100644", "content": None},
        ],
    },
    "sarif": {"sarif": "x" * 20_000},
    "resolution": {"threads": [{"id": "1", "fingerprint": "f"}]},
}


def plan_of(**payloads: dict[str, Any]) -> dict[str, Any]:
    """Make a plan in its JSON form, with kinds that later versions may have, too."""
    effects = [
        {"key": f"{number:064x}", "kind": kind, "target": TARGET, "head": HEAD, "payload": payload}
        for number, (kind, payload) in enumerate(payloads.items())
    ]
    return {"target": TARGET, "head": HEAD, "provider": "github", "effects": effects}


def test_each_effect_says_what_it_writes_and_where() -> None:
    """One line for an effect, and one for each place that it stands at."""
    assert render(plan_of(**PAYLOADS)) == (
        "plan: 8 effects on acme/shop#42 at aaaaaaaaaaaa\n"
        "  review: 2 comments\n"
        "    settings.py:2 critical `secrets/github-token`, line 2: A token\n"
        "    settings.py:3-5 before the change low Plain (with a suggestion)\n"
        "  summary: 1,234 characters\n"
        "  check: codeflow, failure: Review complete: 1 finding (1 annotation)\n"
        "  label: add review: done, b; remove c\n"
        "  issue: A token (security)\n"
        "  commit: 2 files on codeflow/fix: Mend it All of it.\n"
        "    write a.py\n"
        "    remove b.py\n"
        "  sarif: a report of 20,000 characters\n"
        "  resolution: 1 thread\n"
    )


def test_every_kind_of_effect_is_told_in_words_of_its_own() -> None:
    """A kind that nobody has words for is told by what it holds; none ships without words."""
    unknown = render(plan_of(rumour={"text": "a", "b": 1}))

    assert unknown.endswith("  rumour: with b, text\n")
    for kind in EffectKind:
        assert ": with " not in render(plan_of(**{kind.value: PAYLOADS[kind.value]}))


def test_a_plan_of_nothing_says_so() -> None:
    """The head line stands alone."""
    assert render(plan_of()) == "plan: 0 effects on acme/shop#42 at aaaaaaaaaaaa\n"


def test_what_an_engine_plans_has_this_form() -> None:
    """The JSON form of a plan is what is rendered."""
    effect = Effect(
        key="k", kind=EffectKind.SUMMARY, target=TARGET, head=HEAD, payload={"body": "12345"}
    )
    made = Plan(provider="github", target=TARGET, head=HEAD, run_id="1", effects=(effect,))

    assert "  summary: 5 characters\n" in render(made.to_json())


def test_many_comments_are_counted() -> None:
    """The first fifty are shown, and how many there are beside them."""
    told = render(plan_of(review={"comments": [{**COMMENT, "line": n} for n in range(1, 61)]}))

    lines = told.splitlines()
    assert (len(lines), lines[1], lines[-1]) == (53, "  review: 60 comments", "    and 10 more")


def test_text_of_a_change_is_obeyed_by_no_terminal() -> None:
    """Escapes, breaks and bidi controls are shown; nothing looks like another effect."""
    evil = "x\x1b]52;c;aGk=\x07\u202e\r\n  check: codeflow, success" + "y" * 10_000
    payloads = {
        "review": {"comments": [{**COMMENT, "path": evil, "body": evil, "severity": evil}]},
        "check": {"name": evil, "conclusion": evil, "title": evil},
        "label": {"add": [evil]},
        "issue": {"title": evil, "labels": [evil]},
        "commit": {"branch": evil, "message": evil, "files": [{"path": evil, "content": None}]},
        "rumour": {evil: 1},
    }

    told = render({**plan_of(**payloads), "target": evil})
    told += receipts(plan_of(), [{"key": "k", "external_id": evil, "found": False}])

    assert len(told.splitlines()) == 10
    assert all(line.isprintable() for line in told.splitlines())


def test_receipts_say_what_stood_there_and_what_is_new() -> None:
    """The kind is that of the effect, the id is the host's, and a page is named where known."""
    plain = plan_of(review=PAYLOADS["review"], summary=PAYLOADS["summary"])
    given = [
        {"key": f"{0:064x}", "external_id": "review:5", "found": False},
        {"key": f"{1:064x}", "external_id": "comment:7", "found": True},
    ]

    assert receipts(plain, given) == "written: review review:5\nfound: summary comment:7\n"
    assert receipts(plain, given, web="https://github.com/").splitlines() == [
        "written: review review:5 https://github.com/acme/shop/pull/42#pullrequestreview-5",
        "found: summary comment:7 https://github.com/acme/shop/pull/42#issuecomment-7",
    ]


@pytest.mark.parametrize(
    ("named", "path"),
    [
        ("check:9", "runs/9"),
        ("issue:7", "issues/7"),
        (f"commit:{HEAD}", f"commit/{HEAD}"),
        ("labels", None),
        ("threads", None),
        ("sarif:ab-cd", None),
        ("comment:7/../../evil", None),
        ("comment:7 x", None),
        ("17", None),
    ],
)
def test_only_what_has_a_page_has_an_address(named: str, path: str | None) -> None:
    """An id that is none of ours makes no address, nor does a change of another host."""
    expected = path and f"https://github.com/acme/shop/{path}"

    assert link(TARGET, named, web="https://github.com") == expected
    assert link("merge-requests/42", named, web="https://github.com") is None
