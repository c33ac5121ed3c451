"""Reviews and comments on code: where they may stand, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from forge_client import Client, numbered, of_pull, open_numbered

from codeflow_engine.testing.forge import FakeForge, Repository, ReviewState


def review(client: Client, at: str, *comments: dict[str, Any], **fields: Any) -> Any:
    """Post a review."""
    told = {"event": "COMMENT", "body": "Looked.", "comments": list(comments), **fields}
    return client.post(f"{at}/reviews", **told)


@pytest.mark.parametrize(
    ("anchor", "position"),
    [
        ({"line": 5}, 5),
        ({"line": 5, "side": "LEFT"}, 4),
        ({"line": 2}, 1),
        ({"line": 5, "start_line": 3}, 5),
        ({"line": 5, "start_line": 5, "start_side": "LEFT"}, 5),
        ({"line": 20, "side": "LEFT"}, 13),
        ({"position": 13}, 13),
    ],
)
def test_g15_a_comment_stands_on_a_line_that_the_diff_shows(
    shop: Repository, bot: Client, anchor: dict[str, Any], position: int
) -> None:
    """Added, removed and context lines take comments, alone or as a range within one hunk."""
    pull = open_numbered(shop)

    answer = review(bot, of_pull(pull), {"path": "a.py", "body": "Why?", **anchor})

    assert answer.status_code == 200, answer.text
    (comment,) = pull.review_comments
    assert comment.position == comment.original_position == position
    assert comment.diff_hunk.startswith("@@ -")
    assert comment.diff_hunk.splitlines()[-1][1:] in {
        *("line 2", "line 5", "FIVE", "line 20"),
    }


@pytest.mark.parametrize(
    ("anchor", "problem"),
    [
        ({"line": 10}, "line must be part of the diff"),
        ({"line": 40, "start_line": 5}, "start line must be part of the same hunk"),
        ({"line": 5, "start_line": 10}, "start line must be part of the same hunk"),
        ({"line": 3, "start_line": 5}, "start line must precede the end line"),
        ({"line": 5, "start_line": 5}, "start line must precede the end line"),
        ({"line": 5, "path": "b.py"}, "path is invalid"),
        ({"line": 999}, "diff hunk can't be blank"),
        ({"line": "5"}, "line must be part of the diff"),
        ({}, "line must be part of the diff"),
        ({"position": 1000}, "position is invalid"),
        ({"line": 5, "side": "BOTH"}, "line must be part of the diff"),
    ],
)
def test_g16_one_bad_anchor_refuses_the_whole_review(
    shop: Repository, bot: Client, anchor: dict[str, Any], problem: str
) -> None:
    """Nothing of it is written, and the answer does not say which comment is at fault."""
    pull = open_numbered(shop)
    good = {"path": "a.py", "line": 40, "body": "This is fine."}

    answer = review(bot, of_pull(pull), good, {"path": "a.py", "body": "No.", **anchor})

    assert answer.status_code == 422
    told = answer.json()
    assert told["message"] == "Unprocessable Entity"
    assert problem in told["errors"][0]
    assert "a.py" not in answer.text
    assert (pull.reviews, pull.threads) == ([], [])


def test_g15_a_file_as_a_whole_takes_single_comments_only(shop: Repository, bot: Client) -> None:
    """The endpoint of comments has a subject type of file, that of reviews has none."""
    pull = open_numbered(shop)
    wish = {"path": "a.py", "subject_type": "file", "body": "All of it."}

    refused = review(bot, of_pull(pull), wish)
    taken = bot.post(f"{of_pull(pull)}/comments", commit_id=pull.head_sha, **wish)

    assert refused.status_code == 422
    assert taken.status_code == 201
    (comment,) = pull.review_comments
    assert (comment.subject, comment.line, comment.is_outdated) == ("file", None, False)


def test_g15_a_single_comment_is_refused_in_a_form_of_its_own(
    shop: Repository, bot: Client
) -> None:
    """The errors of the comments endpoint are objects with fields."""
    pull = open_numbered(shop)

    answer = bot.post(
        f"{of_pull(pull)}/comments", commit_id=pull.head_sha, path="a.py", line=10, body="No."
    )

    assert answer.status_code == 422
    assert answer.json()["errors"][0] == {
        "resource": "PullRequestReviewComment",
        "code": "custom",
        "field": "pull_request_review_thread.line",
        "message": "pull_request_review_thread.line must be part of the diff",
    }


def test_g18_a_push_moves_comments_with_their_lines(shop: Repository, bot: Client) -> None:
    """A line that another pushes down keeps its comment, at its new number and the new head."""
    pull = open_numbered(shop)
    review(bot, of_pull(pull), {"path": "a.py", "line": 40, "start_line": 38, "body": "?"})
    first = pull.head_sha

    second = shop.push(
        pull.number, {"a.py": b"top\n" + numbered(50, changed={5: "FIVE\n", 40: "FORTY\n"})}
    )

    (comment,) = bot.get(f"{of_pull(pull)}/comments")
    # Line 20 is back, and there is a new first one: what was 40 (of 49 lines) is 42.
    assert (comment["line"], comment["start_line"]) == (41 + 1, 39 + 1)
    assert (comment["original_line"], comment["original_start_line"]) == (40, 38)
    assert (comment["commit_id"], comment["original_commit_id"]) == (second, first)


def test_g18_a_push_that_changes_the_line_outdates_its_comment(
    shop: Repository, bot: Client
) -> None:
    """Its line and position are null from then on, and the old ones are kept."""
    pull = open_numbered(shop)
    review(bot, of_pull(pull), {"path": "a.py", "line": 5, "body": "?"})
    first = pull.head_sha

    shop.push(pull.number, {"a.py": numbered(50, changed={5: "V\n"})})

    (comment,) = bot.get(f"{of_pull(pull)}/comments")
    assert (comment["line"], comment["position"]) == (None, None)
    assert (comment["original_line"], comment["original_position"]) == (5, 5)
    assert comment["commit_id"] == comment["original_commit_id"] == first


def test_g18_a_comment_is_outdated_once_its_line_leaves_the_diff(
    shop: Repository, bot: Client
) -> None:
    """A change that is taken back takes its comments out of the diff."""
    pull = open_numbered(shop)
    review(bot, of_pull(pull), {"path": "a.py", "line": 40, "body": "?", "side": "LEFT"})

    shop.push(pull.number, {"a.py": numbered(50, changed={5: "FIVE\n"})}, force=True)

    assert [one.is_outdated for one in pull.review_comments] == [True]


def test_g18_a_review_of_an_earlier_commit_is_outdated_at_once(
    shop: Repository, bot: Client
) -> None:
    """What was reviewed before the head moved stands, but not on the present lines."""
    pull = open_numbered(shop)
    first = pull.head_sha
    shop.push(pull.number, {"a.py": numbered(50, changed={5: "V\n"})})

    answer = review(bot, of_pull(pull), {"path": "a.py", "line": 5, "body": "?"}, commit_id=first)

    assert (answer.status_code, answer.json()["commit_id"]) == (200, first)
    assert [one.is_outdated for one in pull.review_comments] == [True]


def test_g18_a_commit_of_another_history_is_refused(shop: Repository, bot: Client) -> None:
    """Only the commits of the pull request can be commented on."""
    pull = open_numbered(shop)

    answer = review(bot, of_pull(pull), commit_id=pull.base_sha)

    assert answer.status_code == 422
    assert "not part of the pull request" in answer.text
    assert pull.reviews == []


def test_g19_a_review_without_an_event_is_pending(
    forge: FakeForge,
    shop: Repository,
    bot: Client,
    client_of: Callable[[FakeForge, str | None], Client],
) -> None:
    """Its author alone sees it, has one at most, and submits it later."""
    pull = open_numbered(shop)
    at, other = of_pull(pull), client_of(forge, "ben")
    made = bot.post(f"{at}/reviews", comments=[{"path": "a.py", "line": 5, "body": "?"}]).json()

    second = review(bot, at)
    single = bot.post(f"{at}/comments", commit_id=pull.head_sha, path="a.py", line=5, body="Again.")

    assert (made["state"], "submitted_at" in made) == ("PENDING", False)
    assert second.status_code == single.status_code == 422
    assert "one pending review per pull request" in second.text
    assert "one pending review per pull request" in single.text
    assert (len(bot.get(f"{at}/reviews")), other.get(f"{at}/reviews")) == (1, [])
    assert bot.get(f"{at}/comments") == []
    done = bot.post(f"{at}/reviews/{made['id']}/events", event="COMMENT", body="Done.").json()
    assert (done["state"], done["body"]) == ("COMMENTED", "Done.")
    assert len(other.get(f"{at}/comments")) == 1
    assert bot.ask(f"{at}/reviews/{made['id']}", "DELETE").status_code == 422


def test_g19_a_pending_review_can_be_taken_back(shop: Repository, bot: Client) -> None:
    """It goes with all its comments."""
    pull = open_numbered(shop)
    at = of_pull(pull)
    made = bot.post(f"{at}/reviews", comments=[{"path": "a.py", "line": 5, "body": "?"}]).json()

    assert bot.ask(f"{at}/reviews/{made['id']}", "DELETE").status_code == 200

    assert (pull.reviews, pull.threads) == ([], [])


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"who": "ann", "event": "APPROVE"}, "Can not approve your own pull request"),
        (
            {"who": "ann", "event": "REQUEST_CHANGES"},
            "Can not request changes on your own pull request",
        ),
        ({"who": "ben", "event": "COMMENT", "body": ""}, "Body can't be blank"),
        ({"who": "ben", "event": "REQUEST_CHANGES", "body": None}, "Body can't be blank"),
        ({"who": "ben", "event": "SHRUG"}, "event"),
    ],
)
def test_g19_events_ask_for_what_they_need(
    forge: FakeForge,
    shop: Repository,
    client_of: Callable[[FakeForge, str | None], Client],
    fields: dict[str, Any],
    problem: str,
) -> None:
    """Nobody approves their own change, and a comment or a request says something."""
    pull = open_numbered(shop)

    who, event = fields["who"], {key: fields[key] for key in fields if key != "who"}
    answer = review(client_of(forge, who), of_pull(pull), **event)

    assert answer.status_code == 422
    assert problem in answer.text
    assert pull.reviews == []


def test_g19_an_approval_needs_no_text_and_can_be_dismissed(
    forge: FakeForge, shop: Repository, bot: Client
) -> None:
    """A dismissed review keeps its place and says so."""
    pull = open_numbered(shop)
    at = of_pull(pull)
    made = bot.post(f"{at}/reviews", event="APPROVE").json()

    told = bot.ask(f"{at}/reviews/{made['id']}/dismissals", "PUT", message="The head moved.")

    assert (made["state"], told.json()["state"]) == ("APPROVED", "DISMISSED")
    assert [one.state for one in pull.reviews] == [ReviewState.DISMISSED]


@pytest.mark.parametrize(("characters", "status"), [(65_536, 200), (65_537, 422)])
def test_g20_a_text_has_65536_characters_at_most(
    shop: Repository, bot: Client, characters: int, status: int
) -> None:
    """The limit counts characters, not bytes, of the review as of each comment."""
    pull = open_numbered(shop)
    long = "é" * characters

    body = review(bot, of_pull(pull), body=long)
    comment = review(bot, of_pull(pull), {"path": "a.py", "line": 5, "body": long})

    assert (body.status_code, comment.status_code) == (status, status)
    if status == 422:
        error = body.json()["errors"][0]
        assert error["message"] == "body is too long (maximum is 65536 characters)"
        assert pull.reviews == []


def test_replies_stay_in_the_thread_and_become_reviews(shop: Repository, bot: Client) -> None:
    """A reply has the place of what it answers, and cannot be answered by its own id alone."""
    pull = open_numbered(shop)
    at = of_pull(pull)
    review(bot, at, {"path": "a.py", "line": 5, "body": "?"})
    first = pull.review_comments[0].id

    one = bot.post(f"{at}/comments/{first}/replies", body="Because.").json()
    other = bot.post(f"{at}/comments", in_reply_to=first, body="I see.").json()

    assert one["in_reply_to_id"] == other["in_reply_to_id"] == first
    assert (one["line"], one["path"]) == (5, "a.py")
    assert [len(thread.comments) for thread in pull.threads] == [3]
    assert len(pull.reviews) == 3
    assert bot.post(f"{at}/comments/999/replies", body="?").status_code == 404


def test_a_review_and_its_comments_can_be_changed_and_comments_deleted(
    forge: FakeForge,
    shop: Repository,
    bot: Client,
    client_of: Callable[[FakeForge, str | None], Client],
) -> None:
    """Authors do so, and for comments those who may write; nobody else."""
    pull = open_numbered(shop)
    at, home = of_pull(pull), "/repos/acme/shop/pulls/comments"
    made = review(bot, at, {"path": "a.py", "line": 5, "body": "?"}).json()
    comment = pull.review_comments[0].id
    stranger = client_of(forge, "ben")

    refused = [
        stranger.ask(f"{home}/{comment}", "PATCH", body="Hm."),
        stranger.ask(f"{home}/{comment}", "DELETE"),
        stranger.ask(f"{at}/reviews/{made['id']}", "PUT", body="Hm."),
    ]
    bot.ask(f"{at}/reviews/{made['id']}", "PUT", body="Looked again.")
    bot.ask(f"{home}/{comment}", "PATCH", body="Why so?")

    assert [one.status_code for one in refused] == [403] * 3
    assert pull.reviews[0].body == "Looked again."
    assert pull.review_comments[0].body == "Why so?"
    assert bot.ask(f"{home}/{comment}", "DELETE").status_code == 204
    assert (pull.review_comments, pull.reviews[0].comments) == ((), [])
    assert bot.ask(f"{home}/{comment}").status_code == 404
