"""Comments, reactions, labels and issues, and who may write them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from forge_client import Client, of_pull, open_numbered

from codeflow_engine.testing.forge import FakeForge, ForgeClock, Repository

HOME = "/repos/acme/shop"
type ClientOf = Callable[[FakeForge, str | None], Client]


def talk_of(number: int) -> str:
    """Give the path of a conversation."""
    return f"{HOME}/issues/{number}/comments"


def test_a_comment_lives_from_post_to_delete(shop: Repository, bot: Client) -> None:
    """It is listed, changed and deleted, on an issue as on a pull request."""
    pull = open_numbered(shop)
    issue = bot.post(f"{HOME}/issues", title="Later").json()

    for number in (pull.number, issue["number"]):
        made = bot.post(talk_of(number), body="Hello.")
        at = f"{HOME}/issues/comments/{made.json()['id']}"
        assert (made.status_code, made.headers["Location"]) == (201, made.json()["url"])
        assert bot.ask(at, "PATCH", body="Hello!").json()["body"] == "Hello!"
        assert [one["body"] for one in bot.get(talk_of(number))] == ["Hello!"]
        assert bot.get(at)["user"]["login"] == "codeflow-app[bot]"
        assert bot.ask(at, "DELETE").status_code == 204
        assert bot.ask(at).status_code == 404
    assert pull.comments == []


def test_comments_are_listed_since_a_time(client_of: ClientOf) -> None:
    """What changed at it or after it is there, and all pages lead to the last one."""
    clock = ForgeClock(1_780_000_000.0)
    with FakeForge(clock=clock) as forge:
        pull = open_numbered(forge.repository("acme/shop"))
        client = client_of(forge, "ben")
        for number in range(5):
            client.post(talk_of(pull.number), body=str(number))
            clock.advance(60)
        third = pull.comments[2].id
        client.ask(f"{HOME}/issues/comments/{third}", "PATCH", body="2, again")

        later = client.get(f"{talk_of(pull.number)}?since=2026-05-28T20:30:40Z")
        newest = client.get(f"{HOME}/issues/comments?sort=updated&direction=desc&per_page=1")
        second = client.ask(f"{talk_of(pull.number)}?per_page=2&page=2")

        assert [one["body"] for one in later] == ["2, again", "4"]
        assert [one["body"] for one in newest] == ["2, again"]
        assert [one["body"] for one in second.json()] == ["2, again", "3"]
        assert second.links.keys() == {"prev", "next", "first", "last"}
        assert client.ask(f"{talk_of(pull.number)}?since=noon").status_code == 422


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"body": "x" * 65_537}, "body is too long (maximum is 65536 characters)"),
        ({"body": " \n"}, "missing_field"),
        ({"text": "x"}, '"body" wasn\'t supplied.'),
        ({"body": 5}, "is not a string"),
    ],
)
def test_g20_a_comment_that_cannot_be_is_refused(
    shop: Repository, bot: Client, body: dict[str, Any], problem: str
) -> None:
    """Too long, blank, missing and wrong are a 422, and nothing is written."""
    pull = open_numbered(shop)

    answer = bot.post(talk_of(pull.number), **body)

    assert answer.status_code == 422
    assert problem in answer.json()["message"] + str(answer.json().get("errors"))
    assert pull.comments == []


def test_g30_an_archived_repository_can_only_be_read(shop: Repository, bot: Client) -> None:
    """Every write is a 403 that says why."""
    pull = open_numbered(shop)
    shop.archived = True

    answers = [
        bot.post(talk_of(pull.number), body="Hello."),
        bot.post(f"{of_pull(pull)}/reviews", event="COMMENT", body="Looked."),
        bot.post(f"{HOME}/issues", title="Later"),
        bot.post(f"{HOME}/issues/{pull.number}/labels", labels=["bug"]),
    ]

    assert [one.status_code for one in answers] == [403] * 4
    assert "archived so is read-only" in answers[0].text
    assert bot.get(of_pull(pull))["base"]["repo"]["archived"] is True


def test_g30_a_locked_conversation_is_for_those_who_write(
    forge: FakeForge, shop: Repository, bot: Client, client_of: ClientOf
) -> None:
    """Others are refused: with 403 for comments, with 422 for reviews."""
    pull = open_numbered(shop)
    stranger = client_of(forge, "ben")
    assert stranger.ask(f"{HOME}/issues/{pull.number}/lock", "PUT").status_code == 403
    assert bot.ask(f"{HOME}/issues/{pull.number}/lock", "PUT").status_code == 204

    refused = stranger.post(talk_of(pull.number), body="Me too.")
    review = stranger.post(f"{of_pull(pull)}/reviews", event="COMMENT", body="Looked.")
    taken = bot.post(talk_of(pull.number), body="Closed.")

    assert (refused.status_code, review.status_code, taken.status_code) == (403, 422, 201)
    assert "locked" in refused.json()["message"]
    assert review.json()["errors"] == ["lock prevents review"]


def test_g30_what_may_not_be_seen_is_not_found(forge: FakeForge, client_of: ClientOf) -> None:
    """A private repository does not exist to strangers, and to nobody in particular."""
    forge.repository("acme/secret", private=True)
    forge.add_user("ann", permission="write")

    told = {
        who: client_of(forge, who).ask("/repos/acme/secret").status_code
        for who in ("ann", "acme", "ben", None)
    }

    assert told == {"ann": 200, "acme": 200, "ben": 404, None: 404}
    assert client_of(forge, "ben").ask("/repos/acme/none").json() == {
        "message": "Not Found",
        "documentation_url": "https://docs.github.com/rest",
        "status": "404",
    }


def test_g30_a_deleted_issue_is_gone(shop: Repository, bot: Client) -> None:
    """It is a 410, as are all issues where they are turned off."""
    number = bot.post(f"{HOME}/issues", title="Later").json()["number"]
    shop.issue(number).deleted = True

    gone = [bot.ask(f"{HOME}/issues/{number}"), bot.post(talk_of(number), body="?")]
    shop.has_issues = False
    off = bot.post(f"{HOME}/issues", title="Later")

    assert [one.status_code for one in (*gone, off)] == [410] * 3
    assert bot.get(f"{HOME}/issues") == []


def test_a_request_without_a_token_can_read_but_not_write(
    forge: FakeForge, shop: Repository, client_of: ClientOf
) -> None:
    """It is a 401, as is a token that the forge does not know."""
    pull = open_numbered(shop)
    nobody = client_of(forge, None)

    assert nobody.get(of_pull(pull))["number"] == pull.number
    assert nobody.post(talk_of(pull.number), body="Hello.").status_code == 401
    assert nobody.ask("/user").status_code == 401


def test_reactions_are_one_of_a_kind_from_each(
    forge: FakeForge, shop: Repository, bot: Client, client_of: ClientOf
) -> None:
    """The same one again is a 200 with the first; others may not take it back."""
    pull = open_numbered(shop)
    bot.post(f"{of_pull(pull)}/reviews", comments=[], event="COMMENT", body="Looked.")
    bot.post(f"{of_pull(pull)}/comments", commit_id=pull.head_sha, path="a.py", line=5, body="?")
    bot.post(talk_of(pull.number), body="Hello.")
    ben = client_of(forge, "ben")
    for at in (
        f"{HOME}/issues/comments/{pull.comments[0].id}",
        f"{HOME}/pulls/comments/{pull.review_comments[0].id}",
    ):
        first = bot.post(f"{at}/reactions", content="-1")
        again = bot.post(f"{at}/reactions", content="-1")
        ben.post(f"{at}/reactions", content="-1")
        ben.post(f"{at}/reactions", content="heart")

        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json()
        assert bot.post(f"{at}/reactions", content="shrug").status_code == 422
        counts = bot.get(at)["reactions"]
        assert (counts["total_count"], counts["-1"], counts["heart"]) == (3, 2, 1)
        down = bot.get(f"{at}/reactions?content=-1")
        assert [one["user"]["login"] for one in down] == ["codeflow-app[bot]", "ben"]
        one = f"{at}/reactions/{first.json()['id']}"
        assert ben.ask(one, "DELETE").status_code == 403
        assert bot.ask(one, "DELETE").status_code == 204
        assert bot.ask(one, "DELETE").status_code == 404


def test_labels_are_made_added_and_taken_off(
    forge: FakeForge, shop: Repository, bot: Client, client_of: ClientOf
) -> None:
    """A name is one whatever its case, and strangers set none."""
    pull = open_numbered(shop)
    on = f"{HOME}/issues/{pull.number}/labels"
    stranger = client_of(forge, "ben")

    made = bot.post(f"{HOME}/labels", name="area/api", color="FF0000", description="The API")
    again = bot.post(f"{HOME}/labels", name="Area/API")
    bot.post(on, labels=["area/api", "size: S"])
    bot.post(on, labels=["AREA/API"])
    refused = stranger.post(on, labels=["spam"])

    assert (made.status_code, made.json()["color"]) == (201, "ff0000")
    assert again.json()["errors"][0]["code"] == "already_exists"
    assert (refused.status_code, pull.label_names) == (403, ("area/api", "size: S"))
    assert bot.get(f"{HOME}/labels/area%2Fapi")["description"] == "The API"
    assert bot.ask(f"{on}/area%2Fapi", "DELETE").status_code == 200
    assert bot.ask(f"{on}/area%2Fapi", "DELETE").json()["message"] == "Label does not exist"
    bot.ask(on, "PUT", labels=["done"])
    assert [one["name"] for one in bot.get(on)] == ["done"]
    assert bot.post(f"{HOME}/labels", name="x", color="red").status_code == 422
    assert bot.post(f"{HOME}/labels", name="x" * 51).status_code == 422


def test_issues_are_listed_by_who_made_them_and_how_they_are_marked(
    forge: FakeForge, shop: Repository, bot: Client, client_of: ClientOf
) -> None:
    """Pull requests are among them; labels by strangers are dropped without a word."""
    pull = open_numbered(shop)
    stranger = client_of(forge, "ben")

    one = bot.post(f"{HOME}/issues", title="One", body="So.", labels=["bug", "api"]).json()
    two = stranger.post(f"{HOME}/issues", title="Two", labels=["bug"]).json()
    bot.ask(f"{HOME}/issues/{one['number']}", "PATCH", state="closed", body="Done.")

    def numbers(query: str) -> list[int]:
        return [each["number"] for each in bot.get(f"{HOME}/issues?{query}")]

    assert numbers("") == [two["number"], pull.number]
    assert numbers("state=all&creator=codeflow-app[bot]&labels=api,bug") == [one["number"]]
    assert numbers("state=all&labels=bug") == [one["number"]]
    assert numbers("state=closed") == [one["number"]]
    assert numbers("state=all&sort=created&direction=asc")[0] == pull.number
    assert (two["labels"], two["body"]) == ([], None)
    closed = bot.get(f"{HOME}/issues/{one['number']}")
    assert (closed["state"], closed["state_reason"], closed["body"]) == (
        *("closed", "completed"),
        "Done.",
    )
    refused = stranger.ask(f"{HOME}/issues/{one['number']}", "PATCH", state="open")
    assert refused.status_code == 403
    assert "pull_request" in bot.get(f"{HOME}/issues/{pull.number}")


@pytest.mark.parametrize(
    ("role", "told"),
    [
        ("admin", "admin"),
        ("maintain", "write"),
        ("write", "write"),
        ("triage", "read"),
        ("read", "read"),
        ("none", "none"),
    ],
)
def test_the_permission_of_a_user_has_four_words(
    shop: Repository, bot: Client, forge: FakeForge, role: str, told: str
) -> None:
    """The finer roles stand in a field of their own."""
    forge.add_user("ann")
    shop.permissions["Ann"] = role

    answer = bot.get(f"{HOME}/collaborators/ann/permission")

    assert (answer["permission"], answer["role_name"]) == (told, role)
    assert bot.ask(f"{HOME}/collaborators/zoe/permission").status_code == 404


def test_g11_a_renamed_repository_redirects(
    forge: FakeForge, shop: Repository, bot: Client
) -> None:
    """Reads move for good, writes for this once; the place they lead to is by id."""
    pull = open_numbered(shop)
    forge.rename(shop, "store")

    read = bot.ask(f"{of_pull(pull).replace('store', 'shop')}/files?per_page=5")
    written = bot.post(talk_of(pull.number), body="Hello.")

    assert [one.status_code for one in (*read.history, read)] == [301, 200]
    assert read.url.endswith(f"/repositories/{shop.id}/pulls/{pull.number}/files?per_page=5")
    assert [one.status_code for one in (*written.history, written)] == [307, 201]
    assert [one.body for one in pull.comments] == ["Hello."]
    assert bot.get("/repos/acme/store")["name"] == "store"
    assert [one.name for one in forge.repositories] == ["store"]


def test_g20_half_a_surrogate_is_no_json(shop: Repository, bot: Client) -> None:
    """It is refused before anything is written."""
    pull = open_numbered(shop)

    answer = bot.post(talk_of(pull.number), body="cut \ud83d")

    assert (answer.status_code, answer.json()["message"]) == (400, "Problems parsing JSON")
    assert pull.comments == []


def test_a_document_can_be_asked_for_by_its_head_alone(shop: Repository, bot: Client) -> None:
    """There is no body, and all that stands before it."""
    pull = open_numbered(shop)

    answer = bot.ask(f"{of_pull(pull)}/files", "HEAD")

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
