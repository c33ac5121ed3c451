from __future__ import annotations

import random
import time
from dataclasses import replace
from typing import Any

import pytest
from identity_rounds import Files, Rounds, todo

from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.finding import Category, RawFinding
from codeflow_engine.review.identify import Identified
from codeflow_engine.review.likely import Trace
from codeflow_engine.review.matching import match

BODY = """import os


def pay(cart, user):
    limit = user.limit
    total = BADa(cart, limit)
    log(user.name)
    return total


def refund(order):
    check(order.paid)
    BADb(order)
    order.close()
"""


def names(result: Identified) -> dict[int, str]:
    """Give the fingerprints of what is there, by line."""
    return {one.line: one.fingerprint for one in result.findings if one.line is not None}


def states(result: Identified) -> list[str]:
    return sorted(finding.state.value for finding in result.findings)


SURVIVED = {
    "lines above": (lambda text: "# one\n# two\n" + text),
    "edits around": (
        lambda text: text.replace("limit = user.limit", "limit = 3").replace(
            "log(user.name)", "pass"
        )
    ),
    "another indentation": (lambda text: text.replace("\n    ", "\n\t")),
    "blank lines": (lambda text: text.replace("\n    BAD", "\n\n\n    BAD")),
    "another argument": (lambda text: text.replace("limit)", "limit, retry=3)")),
    "another name on the left": (lambda text: text.replace("total = BAD", "result = BAD")),
    "blocks swapped": (
        lambda text: text[text.index("def refund") :] + "\n\n" + text[: text.index("def refund")]
    ),
}


@pytest.mark.parametrize("edit", SURVIVED)
@pytest.mark.parametrize("base", ["new file", "changed file"])
def test_findings_survive(edit: str, base: str) -> None:
    """Both findings are open and none is new, whatever happens around them."""
    old: Files = {} if base == "new file" else {"a.py": "import os\n\n\ndef pay(cart): ...\n"}
    rounds = Rounds(base=old)
    before = rounds.push({"a.py": BODY})
    after = rounds.push({"a.py": SURVIVED[edit](BODY)})
    assert states(after) == ["open", "open"]
    assert set(names(after).values()) == set(names(before).values())


def test_findings_survive_a_rename_within_the_change() -> None:
    """The fingerprint is made of the path at the base: a review without storage keeps it."""
    base = {"a.py": BODY.replace("BAD", "GOOD")}
    before = Rounds(base=base).push({"a.py": BODY})
    after = Rounds(base=base).push({"b.py": BODY}, renamed={"b.py": "a.py"})
    assert names(before) == names(after)


def test_findings_survive_a_rename_of_a_new_file_between_two_versions() -> None:
    """Nothing but the content says that it is the same file."""
    rounds = Rounds()
    before = rounds.push({"a.py": BODY})
    after = rounds.push({"sub/b.py": "# moved\n" + BODY.replace("BADb(order)", "BADb(order, 1)")})
    assert states(after) == ["open", "open"]
    assert set(names(after).values()) == set(names(before).values())


def test_findings_survive_a_rebase() -> None:
    """The base has changed above and within the hunk; the finding's lines are the author's."""
    filler = "".join(f"step_{number}()\n" for number in range(30))
    rounds = Rounds(base={"a.py": filler})
    before = rounds.push({"a.py": filler.replace("step_20()\n", "step_20()\nBADa(cart)\n")})
    rounds.base = {"a.py": "top()\n" * 9 + filler.replace("step_19()", "step_19(now)")}
    moved = rounds.base["a.py"].replace("step_20()\n", "step_20()\nBADa(cart)\n")
    after = rounds.push({"a.py": moved})
    assert (states(after), set(names(after).values())) == (["open"], set(names(before).values()))


def test_findings_survive_other_words_and_other_names_of_rules() -> None:
    """A model says the same in another way each time; its rules have no fixed names."""
    rng = random.Random(7)  # noqa: S311 - words, no secret

    def say(path: str, number: int, text: str) -> list[RawFinding]:
        words = [f"{rng.random():.5f}" for _ in range(3)]
        return [
            replace(raw, rule=words[0], title=words[1], message=words[2])
            for raw in todo(path, number, text)
        ]

    rounds = Rounds(marks={"model": say}, loose=frozenset({"model"}))
    before = rounds.push({"a.py": BODY})
    for number in range(5):
        after = rounds.push({"a.py": "# a line\n" * number + BODY})
        assert states(after) == ["open", "open"]
        assert list(names(after).values()) == list(names(before).values())


def test_a_finding_of_two_sources_survives_the_silence_of_one() -> None:
    """Its rule is then another one, for it is that of the source that is left."""
    text = "Mend this before anybody calls it."

    def one(*place: Any) -> list[RawFinding]:
        return [replace(raw, message=text) for raw in todo(*place)]

    def other(*place: Any) -> list[RawFinding]:
        return [replace(raw, rule=f"B-{raw.rule}", title="Told") for raw in one(*place)]

    rounds = Rounds(marks={"lint": one, "scan": other})
    before = rounds.push({"a.py": BODY})
    rounds.marks = {"scan": other}
    after = rounds.push({"a.py": BODY})
    assert (states(after), names(after)) == (["open", "open"], names(before))
    assert {one.rule for one in after.findings} == {"scan/B-bad-a", "scan/B-bad-b"}


def test_of_three_equal_lines_the_other_two_keep_their_names_when_the_middle_one_goes() -> None:
    """The lines around tell them apart."""
    text = "one()\nBADa()\ntwo()\ntri()\nBADa()\nfour()\nfive()\nBADa()\nsix()\n"
    rounds = Rounds()
    before = names(rounds.push({"a.py": text}))
    after = rounds.push({"a.py": text.replace("tri()\nBADa()\n", "tri()\n")})
    assert names(after) == {2: before[2], 7: before[8]}
    assert states(after) == ["open", "open", "resolved"]


def test_a_line_that_is_edited_around_is_not_taken_for_its_copy() -> None:
    """The copy has the lines around that it had before, but it stands in another order."""
    block = "one()\ntwo()\ntri()\nfour()\nBADa()\nfive()\nsix()\nseven()\neight()\n"
    rest = "p()\nBADb()\nq()\nBADc()\ns()\nt()\nu()\nv()\n"
    rounds = Rounds()
    before = names(rounds.push({"a.py": block + rest}))
    after = rounds.push({"a.py": block.replace("two", "zwei") + rest + block})
    assert names(after)[5] == before[5]
    assert states(after) == ["new", "open", "open", "open"]


def test_a_fingerprint_is_never_given_to_another_finding_of_the_change() -> None:
    """An equal line that comes later gets a name of its own, also after one was resolved."""
    rounds = Rounds()
    used: list[str] = []
    texts = ["BADa()\n", "mended()\n", "x()\ny()\n" * 9 + "z()\nBADa()\nw()\n"]
    for text in texts:
        result = rounds.push({"a.py": "head()\ntop()\nup()\n" + text})
        used += [one.fingerprint for one in result.findings if one.state.value == "new"]
    assert len(used) == len(set(used)) == 2


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a()\nb()\nBADa(x)\nc()\nd()\n", "p()\nq()\nr()\nBADa(y.items, key=None)\ns()\nt()\n"),
        (
            "a()\nb()\nBADa(x)\nc()\nd()\n" + "e()\nf()\n" * 9,
            "a()\nb()\nc()\nd()\n" + "e()\nf()\n" * 9 + "g()\nBADa(other_name + 1)\nh()\n",
        ),
    ],
    ids=["everything else", "another place"],
)
def test_a_line_that_goes_and_an_unrelated_one_with_its_rule_are_two_findings(
    before: str, after: str
) -> None:
    """The rule alone is no identity: one is resolved, the other one new."""
    rounds = Rounds()
    rounds.push({"a.py": before})
    assert states(rounds.push({"a.py": after})) == ["new", "resolved"]


FILLER = "".join(f"step_{number}()\n" for number in range(30))
EVAL = "    limit = 3\n    return BADa(values)\n"


@pytest.mark.parametrize("edited", ["values", "other_values"])
def test_a_line_that_goes_and_an_alike_one_elsewhere_in_its_file_are_two(edited: str) -> None:
    """Where nothing around is alike, and they are far apart: one was mended, the other is new."""
    mended = f"def pay(values):\n    return sum(values)\n\n\n{FILLER}"
    rounds = Rounds()
    rounds.push({"a.py": mended.replace("    return sum(values)\n", EVAL)})
    broken = f"\n\nclass Other:\n    x = 1\n\n    y = BADa({edited})\n    z = 2\n"
    assert states(rounds.push({"a.py": mended + broken})) == ["new", "resolved"]


def test_equal_code_at_two_places_is_two_findings() -> None:
    """In one file, and in two files."""
    rounds = Rounds()
    first = rounds.push({"a.py": "x()\nBADa()\ny()\n", "b.py": "x()\nBADa()\ny()\n"})
    assert len({one.fingerprint for one in first.findings}) == 2
    second = rounds.push({"a.py": "x()\nBADa()\ny()\nz()\nBADa()\n", "b.py": "x()\nBADa()\ny()\n"})
    assert states(second) == ["new", "open", "open"]


def test_two_checks_of_one_tool_on_one_line_are_never_one_finding() -> None:
    """Its rules have fixed names: when one is mended and another breaks, that is new."""
    rounds = Rounds()
    rounds.push({"a.py": "x()\nvalue = BADa\ny()\n"})
    rounds.marks = {
        "lint": lambda *place: [replace(raw, rule="other", title="Other") for raw in todo(*place)]
    }
    assert states(rounds.push({"a.py": "x()\nvalue = BADa\ny()\n"})) == ["new", "resolved"]


def _trace(line: int, code: str, around: str) -> Trace:
    return Trace(
        rule="r", path="a.py", side=Side.NEW, line=line, code=code,
        before=(around,), after=(around,), title="t", message="m",
        category=Category.STYLE, sources=frozenset({"s"}),
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["equal lines", "long lines that differ"])
def test_the_work_grows_with_the_number_of_findings(kind: str) -> None:
    """Four times as many findings of one rule in one file take about four times as long."""

    def seconds(count: int) -> float:
        rng = random.Random(count)  # noqa: S311 - a text, no secret
        text = "".join(rng.choices("abcdef", k=900))
        olds, news = (
            [
                _trace(at, "x" if kind == "equal lines" else f"{side}{at}{text}", f"{side}{at}")
                for at in range(1, count + shift)
            ]
            for side, shift in (("old", 1), ("new", 2))
        )
        began = time.thread_time()
        match(olds, news)
        return time.thread_time() - began

    seconds(50)
    size = 400 if kind == "equal lines" else 40
    assert seconds(4 * size) < 9 * max(seconds(size), 0.01)
