from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine.domain.discussion import Comment, Person, Thread
from codeflow_engine.domain.dismissal import Dismissal, DismissalScope
from codeflow_engine.redaction import Redactor
from codeflow_engine.review.heed import PHRASES, Said, Weighed, Word, heed, weigh
from talks import ANN, BEGAN, BOT, OURS, STRANGER, answer, minutes, thread

TOKEN = "ghp_" + "Zx8vQ2kLmN4pRs7tUw1yAb3cDe5fGh6JkMn9"
NOT_HEEDED = (STRANGER, BOT, OURS, replace(OURS, login="CodeFlow[Bot]", is_bot=False), None)


def heard(*threads: Thread) -> tuple[Word, ...]:
    return heed(threads, Redactor())


def one(*answers: Comment, **more: Any) -> tuple[Said, str, str]:
    """Give what counts of the answers in one thread."""
    (word,) = heard(thread("f1", *answers, **more))
    return word.said, word.author, word.reason


def kept(word: Word, *, key: str = "k", **more: Any) -> Dismissal:
    (made,) = weigh([word], (), key).put
    return replace(made, **more)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("/codeflow dismiss the input is ours", "the input is ours"),
        ("/CodeFlow   Dismiss: the input is ours", "the input is ours"),
        ("/codeflow dismiss", "dismissed in an answer"),
        ("/codeflow dismiss --scope=tenant", "scope=tenant"),
        ("False positive", "false positive"),
        ("false  positive.", "false  positive"),
        (
            "False positive: it is ours\n\nMore about it.",
            "false positive: it is ours",
        ),
        ("won't fix, it goes away next week", "won't fix: it goes away next week"),
        ("Won\u2019t fix", "won\u2019t fix"),
        ("WONTFIX", "wontfix"),
        ("Not a bug - see ADR 4", "not a bug: see ADR 4"),
        ("by design, for embedded hosts", "by design: for embedded hosts"),
        ("as intended!", "as intended"),
        ("\n\n  Intended because tests need it", "intended: because tests need it"),
    ],
)
def test_an_answer_of_the_closed_set_dismisses(body: str, reason: str) -> None:
    """A command or a phrase at the start of the first line, in any case; the rest is the reason."""
    assert one(answer(body)) == (Said.DISMISSED, "Ann", " ".join(reason.split()))


@pytest.mark.parametrize(
    "body",
    [
        "",
        " \n ",
        "This is a false positive",
        "> false positive",
        "false positives are a pity",
        "false positive?",
        "Not a bug, is it?",
        "intended to be gone next week",
        "Intended for tests, was it not",
        "intentional",
        "by designers",
        "Fixed\nfalse positive",
        "codeflow dismiss",
        "/codeflow dismissed",
        "/codeflow review --base_url=http://evil",
        "/codeflowdismiss",
        "/codeflow dismiss-all",
        "Not a bug in itself, but still please fix",
        "Intended behaviour is the opposite, please fix this",
        "Won't fix itself, so I will do it now",
        "By design we must never do this: good catch",
        "<!-- codeflow:v1 kind=comment key=0 finding=f1 --> false positive",
    ],
)
def test_any_other_answer_says_nothing(body: str) -> None:
    """Neither the words elsewhere in a text, nor a question, nor another command dismisses."""
    assert one(answer(body)) == (Said.NOTHING, "", "")


@pytest.mark.parametrize("phrase", PHRASES)
def test_each_phrase_is_understood(phrase: str) -> None:
    """The list that is documented is the one that counts."""
    assert one(answer(phrase.title())) == (Said.DISMISSED, "Ann", phrase)


def test_a_thumb_down_dismisses() -> None:
    """Of several people the first one in order of their logins is named, whoever came first."""
    down = (replace(ANN, login="Zoe"), STRANGER, BOT, ANN)

    found = one(disliked_by=down)

    assert found == (Said.DISMISSED, "Ann", "a thumb down on the comment")


def test_resolving_the_thread_dismisses_while_the_code_stands() -> None:
    """Where the code has changed since, whoever resolves says that it is mended: no dismissal."""
    resolved = thread("f1", is_resolved=True, resolved_by=ANN)

    (word,) = heard(resolved)

    assert (word.said, word.author, word.at) == (Said.DISMISSED, "Ann", BEGAN)
    assert heard(replace(resolved, is_outdated=True)) == ()


@pytest.mark.parametrize("who", NOT_HEEDED)
def test_s12_only_people_who_may_write_dismiss(who: Person | None) -> None:
    """Strangers, bots, the engine's own account and those who are gone are not heeded."""
    down = () if who is None else (who,)

    words = heard(
        thread("f1", answer("/codeflow dismiss", author=who)),
        thread("f2", disliked_by=down),
        thread("f3", is_resolved=True, resolved_by=who),
    )

    assert all(word.said is Said.NOTHING for word in words)


@pytest.mark.parametrize("who", NOT_HEEDED)
def test_s12_only_people_who_may_write_take_back(who: Person | None) -> None:
    """Nobody else opens again what one of them has dismissed."""
    answers = (answer("wontfix"), answer("/codeflow reopen", author=who, at=minutes(2)))

    assert one(*answers) == (Said.DISMISSED, "Ann", "wontfix")


def test_s12_a_forged_marker_makes_no_thread_the_engines() -> None:
    """A thread that somebody else began is about no finding, whatever stands in it."""
    forged = thread(
        None, answer("false positive <!-- codeflow:v1 kind=comment key=0 finding=f1 -->")
    )

    assert heard(forged, Thread(id="t", path="a.py", fingerprint="f1")) == ()


def test_s12_the_reason_of_a_dismissal_is_one_short_line_without_secrets() -> None:
    """It is data of its author: redacted before it is cut, also where the cut meets a secret."""
    text = f"/codeflow dismiss {'x' * 470}\t {TOKEN} and more, {'y' * 500}"

    (word,) = heard(thread("f1", answer(text)))

    assert len(word.reason) <= 500
    assert word.reason.endswith("...")
    assert "ghp" not in word.reason
    assert len(word.reason.splitlines()) == 1


def test_the_last_answer_counts() -> None:
    """Dismissing and taking back follow each other as often as people like."""
    off, on = "/codeflow dismiss no", "/codeflow reopen after all"
    said = [
        one(*(answer(body, at=minutes(at)) for at, body in enumerate(bodies)))[0]
        for bodies in ([off], [off, on], [off, on, off], [on, off], [off, "thanks"])
    ]

    assert said == [
        Said.DISMISSED,
        Said.REOPENED,
        Said.DISMISSED,
        Said.DISMISSED,
        Said.DISMISSED,
    ]


def test_an_answer_counts_more_than_a_mark() -> None:
    """When a thumb was given or a thread resolved nobody knows: an answer is later."""
    marks: dict[str, Any] = {"disliked_by": (ANN,), "is_resolved": True, "resolved_by": ANN}

    assert one(answer("/codeflow reopen"), **marks)[0] is Said.REOPENED
    assert one(answer("by design"), **marks) == (Said.DISMISSED, "Ann", "by design")


def test_two_threads_about_one_finding_are_one_talk() -> None:
    """The last word of both counts, and silence in one of them says nothing."""
    first = thread("f1", answer("wontfix", at=minutes(1)), id="t1")
    second = thread("f1", answer("/codeflow reopen", at=minutes(2)), id="t2")

    assert [(word.said, word.thread) for word in heard(first, second, thread("f1", id="t3"))] == [
        (Said.REOPENED, "t2")
    ]


def test_weighing_the_same_words_again_changes_nothing() -> None:
    """What is kept is as old as the word."""
    (word,) = heard(thread("f1", answer("wontfix")))
    made = kept(word)

    assert weigh([word], [made], "k") == Weighed()
    assert (made.scope, made.where, made.thread) == (DismissalScope.CHANGE, "k", "t-f1")
    assert (made.created_at, made.expires_at) == (minutes(1), None)


def test_a_word_of_another_change_or_scope_is_not_weighed_against() -> None:
    """There is one dismissal for each scope and place."""
    (word,) = heard(thread("f1", answer("wontfix")))
    made = kept(word)
    others = [replace(made, where="other"), replace(made, scope=DismissalScope.TENANT, where=None)]

    assert weigh([word], others, "k").put == (made,)


def test_what_a_host_took_back_later_stays_so_until_somebody_says_it_again() -> None:
    """The thread still says it, and only a later word counts again."""
    (word,) = heard(thread("f1", answer("wontfix")))
    gone = kept(word).taken_back(minutes(5))
    (again,) = heard(thread("f1", answer("wontfix"), answer("wontfix", at=minutes(6))))

    assert weigh([word], [gone], "k") == Weighed()
    assert [made.created_at for made in weigh([again], [gone], "k").put] == [minutes(6)]
    assert not gone.holds(at=minutes(5), change="k", repository=None)


def test_what_a_host_dismissed_later_stays_as_it_is() -> None:
    """Neither an older dismissal nor an older word that takes back touches it."""
    words = heard(thread("f1", answer("wontfix")), thread("f2", answer("/codeflow reopen")))
    own = [
        replace(kept(words[0]), fingerprint=word.fingerprint, created_at=minutes(9), thread="")
        for word in words
    ]

    assert weigh(words, own, "k") == Weighed()


def test_a_later_answer_takes_back_what_was_dismissed_anywhere() -> None:
    """What remains is that it was taken back, so that who leaves does not bring it back."""
    (word,) = heard(thread("f1", answer("wontfix")))
    made = replace(kept(word), thread="")
    (back,) = heard(thread("f1", answer("wontfix"), answer("/codeflow reopen", at=minutes(3))))

    weighed = weigh([back], [made], "k")

    assert weighed == Weighed(put=(made.taken_back(minutes(3)),))
    assert weigh([back], weighed.put, "k") == Weighed()
    assert weigh([word], weighed.put, "k") == Weighed()
    assert weigh([back], (), "k") == Weighed()


def test_a_mark_that_is_gone_dismisses_no_more() -> None:
    """A thread that is open again, a thumb that was taken away, an answer that was deleted."""
    (word,) = heard(thread("f1", is_resolved=True, resolved_by=ANN))
    made = kept(word)
    silent = heard(thread("f1"))

    assert weigh(silent, [made], "k") == Weighed(removed=(made,))
    assert weigh(silent, [replace(made, thread="")], "k") == Weighed()
    assert weigh(silent, [made.taken_back(minutes(1))], "k") == Weighed()


@pytest.mark.parametrize(
    "left",
    [
        thread("f1", answer("wontfix", author=replace(ANN, may_write=False))),
        thread("f1", answer("wontfix", author=None)),
        thread("f1", is_resolved=True, resolved_by=None),
        thread("f1", is_resolved=True, resolved_by=OURS),
        thread("f1", is_resolved=True, resolved_by=ANN, is_outdated=True),
        thread("f1", disliked_by=(replace(ANN, may_write=False),)),
    ],
)
def test_a_dismissal_outlives_the_rights_of_who_said_it(left: Thread) -> None:
    """What still stands there, though it would not count anew, takes nothing back."""
    (word,) = heard(thread("f1", answer("wontfix")))

    assert weigh(heard(left), [kept(word)], "k") == Weighed()


PEOPLE = st.builds(
    Person,
    login=st.sampled_from(["ann", "ben", "codeflow[bot]", "Codeflow[bot]", "", "  ", "\u200b"]),
    is_bot=st.booleans(),
    may_write=st.booleans(),
)
SAID = st.sampled_from(["false positive", "/codeflow dismiss x", "/codeflow reopen", "hm"])
COMMENTS = st.builds(
    Comment,
    id=st.text(max_size=3),
    author=st.none() | PEOPLE,
    body=SAID | st.text(max_size=60) | st.builds("{} {}".format, SAID, st.text(max_size=60)),
    at=st.integers(0, 5).map(minutes),
    disliked_by=st.lists(PEOPLE, max_size=2).map(tuple),
)
THREADS = st.builds(
    Thread,
    id=st.sampled_from(["t1", "t2"]),
    path=st.just("a.py"),
    is_resolved=st.booleans(),
    resolved_by=st.none() | PEOPLE,
    is_outdated=st.booleans(),
    fingerprint=st.none() | st.sampled_from(["", "f1", "f2"]),
    comments=st.lists(COMMENTS, max_size=4).map(tuple),
)


@given(threads=st.lists(THREADS, max_size=4))
def test_whatever_is_said_only_people_who_may_write_are_heard(threads: list[Thread]) -> None:
    """Each word that does something has a living person behind it; each word can be kept."""
    words = heard(*threads)
    writers = {
        (thread.fingerprint, person.login.strip())
        for thread in threads
        for person in (
            thread.resolved_by,
            *(comment.author for comment in thread.comments[1:]),
            *(down for comment in thread.comments[:1] for down in comment.disliked_by),
        )
        if person and person.may_write and not person.is_bot
        if thread.comments and person.login.casefold() != _own(thread)
    }

    assert {
        (word.fingerprint, word.author) for word in words if word.said is not Said.NOTHING
    } <= writers
    weighed = weigh(words, (), "k")
    assert all(made.author.strip() and made.reason.strip() for made in weighed.put)
    assert weigh(words, weighed.put, "k").put == ()


@given(threads=st.lists(THREADS, max_size=4))
def test_whoever_may_not_write_changes_nothing(threads: list[Thread]) -> None:
    """Without the answers and marks of all others the same dismissals are made and taken back."""
    heeded = [word for word in heard(*threads) if word.said is not Said.NOTHING]
    alone = [word for word in heard(*map(_of_writers, threads)) if word.said is not Said.NOTHING]

    assert alone == heeded


@given(
    answers=st.lists(
        st.tuples(st.booleans(), st.integers(0, 3), st.sampled_from([ANN, STRANGER, BOT])),
        min_size=1,
    )
)
def test_the_order_of_answers_decides(
    answers: list[tuple[bool, int, Person]],
) -> None:
    """The last answer of somebody who counts says what holds, however many there are."""
    at = BEGAN
    made: list[Comment] = []
    for is_back, later, who in answers:
        at += timedelta(seconds=later)
        made.append(answer("/codeflow reopen" if is_back else "not a bug", author=who, at=at))
    counting = [Said.REOPENED if back else Said.DISMISSED for back, _, who in answers if who is ANN]

    words = [word.said for word in heard(thread("f1", *made))]

    assert [said for said in words if said is not Said.NOTHING] == counting[-1:]


def _own(thread: Thread) -> str:
    author = thread.comments[0].author
    return author.login.casefold() if author else ""


def _of_writers(thread: Thread) -> Thread:
    def counts(person: Person | None) -> bool:
        return bool(person and person.may_write and not person.is_bot)

    ours, *answers = thread.comments or (None,)
    if ours is None:
        return thread
    ours = replace(ours, disliked_by=tuple(filter(counts, ours.disliked_by)))
    kept = (ours, *(one for one in answers if counts(one.author)))
    is_resolved = thread.is_resolved and counts(thread.resolved_by)
    return replace(thread, comments=kept, is_resolved=is_resolved)
