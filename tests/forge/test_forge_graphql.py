"""The GraphQL API of the forge: threads, who resolved them, and what is no document of it."""

from __future__ import annotations

from typing import Any

import pytest
from forge_asking import Told, app_token, ask, graphql

from codeflow_engine.testing.forge import FakeForge, PullRequest

THREADS = """
query($owner: String!, $name: String!, $number: Int!, $first: Int = 100, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      id
      reviewThreads(first: $first, after: $after) {
        totalCount
        pageInfo { hasNextPage endCursor }
        nodes { ...Thread }
      }
    }
  }
}
fragment Thread on PullRequestReviewThread {
  id isResolved isOutdated path line startLine diffSide
  resolvedBy { login __typename }
  comments(first: 50) {
    nodes {
      id databaseId body authorAssociation
      author { login __typename ... on Bot { databaseId } }
      reactionGroups { content reactors(first: 1) { totalCount } }
      reactions(first: 10, content: THUMBS_DOWN) { nodes { content user { login } } }
    }
  }
}
"""


_CHANGED = ("4", "5", "17")


class Talk:
    """A pull request with comments of an app on its lines."""

    def __init__(self, forge: FakeForge) -> None:
        self.forge = forge
        lines = [f"line {number}\n" for number in range(1, 21)]
        changed = [
            line.upper() if number in {3, 4, 16} else line for number, line in enumerate(lines)
        ]
        self.before, self.after = "".join(lines), "".join(changed)
        self.repository = forge.repository("acme/shop")
        self.number = self.repository.open_pull_request(
            {"a.py": self.before}, {"a.py": self.after}, author="ann"
        )
        self.token = app_token(forge, pull_requests="write", contents="read")
        forge.add_user("ben", permission="write")

    @property
    def pull(self) -> PullRequest:
        """The pull request."""
        return self.repository.pull(self.number)

    def review(self, *lines: int) -> None:
        """Write a review with a comment on each of the lines."""
        comments = [{"path": "a.py", "line": line, "body": f"at {line}"} for line in lines]
        body = {"event": "COMMENT", "body": "r", "comments": comments}
        path = f"/repos/acme/shop/pulls/{self.number}/reviews"
        assert ask(self.forge, "POST", path, token=self.token, body=body).status == 200

    def threads(self, **more: Any) -> Any:
        """Ask for the threads."""
        told = graphql(
            *(self.forge, THREADS),
            token=self.token,
            owner="acme",
            name="shop",
            number=self.number,
            **more,
        )
        assert "errors" not in told.json, told.json
        return told.json["data"]["repository"]["pullRequest"]["reviewThreads"]

    def change(self, name: str, token: str | None = None, **values: Any) -> Told:
        """Run a mutation of a thread."""
        kind = name[0].upper() + name[1:]
        wanted = "thread { id isResolved } clientMutationId"
        query = f"mutation($input: {kind}Input!) {{ it: {name}(input: $input) {{ {wanted} }} }}"
        return graphql(self.forge, query, token=token or self.token, input=values)


@pytest.fixture
def talk(forge: FakeForge) -> Talk:
    """Open a pull request to talk about."""
    return Talk(forge)


def test_threads_tell_where_they_stand_and_who_wrote_them(talk: Talk) -> None:
    """A thread has its line, its first comment, and a bot under its name without `[bot]`."""
    talk.review(4, 17)
    ben = talk.forge.token("ben")
    number = talk.pull.review_comments[0].id
    path = f"/repos/acme/shop/pulls/comments/{number}/reactions"
    ask(talk.forge, "POST", path, token=ben, body={"content": "-1"})

    told = talk.threads()
    first = told["nodes"][0]
    comment = first["comments"]["nodes"][0]
    groups = {one["content"]: one["reactors"]["totalCount"] for one in comment["reactionGroups"]}

    assert (told["totalCount"], first["path"], first["line"]) == (2, "a.py", 4)
    assert (first["isResolved"], first["isOutdated"], first["diffSide"]) == (False, False, "RIGHT")
    assert (first["resolvedBy"], comment["body"], comment["databaseId"]) == (None, "at 4", number)
    assert comment["author"]["login"] == "codeflow-app"
    assert comment["author"]["__typename"] == "Bot"
    assert comment["reactions"]["nodes"] == [{"content": "THUMBS_DOWN", "user": {"login": "ben"}}]
    assert (groups["THUMBS_DOWN"], groups["HEART"]) == (1, 0)


def test_ids_are_those_of_the_rest_api(talk: Talk) -> None:
    """A comment and a pull request have the same global id in both APIs."""
    talk.review(4)
    rest = ask(talk.forge, "GET", f"/repos/acme/shop/pulls/{talk.number}/comments").json[0]
    comment = talk.threads()["nodes"][0]["comments"]["nodes"][0]
    query = "query($id: ID!) { node(id: $id) { id ... on PullRequestReviewComment { body } } }"

    found = graphql(talk.forge, query, token=talk.token, id=rest["node_id"]).json

    assert comment["id"] == rest["node_id"]
    assert found["data"]["node"] == {"id": rest["node_id"], "body": "at 4"}


def test_threads_are_paged(talk: Talk) -> None:
    """Pages follow each other by the cursor, without gap or repetition."""
    talk.review(3, 4, 5, 16, 17)
    seen: list[int] = []
    after: str | None = None
    for _ in range(3):
        page = talk.threads(first=2, after=after)
        seen += [one["line"] for one in page["nodes"]]
        after = page["pageInfo"]["endCursor"]

    assert seen == [3, 4, 5, 16, 17]
    assert page["pageInfo"]["hasNextPage"] is False


def test_a_thread_is_resolved_and_opened_again(talk: Talk) -> None:
    """Who resolved it is told, and a second time changes nothing."""
    talk.review(4)
    thread = talk.threads()["nodes"][0]["id"]

    done = talk.change("resolveReviewThread", threadId=thread, clientMutationId="m").json
    talk.change("resolveReviewThread", talk.forge.token("ben"), threadId=thread)
    resolved = talk.threads()["nodes"][0]
    talk.change("unresolveReviewThread", talk.forge.token("ann"), threadId=thread)
    again = talk.threads()["nodes"][0]

    assert done["data"]["it"]["thread"]["isResolved"] is True
    assert done["data"]["it"]["clientMutationId"] == "m"
    assert resolved["resolvedBy"] == {"login": "codeflow-app[bot]", "__typename": "User"}
    assert (again["isResolved"], again["resolvedBy"]) == (False, None)


def test_g30_not_everybody_resolves(talk: Talk) -> None:
    """A reader, and a token without the permission, are refused in the answer's errors."""
    talk.review(4)
    thread = talk.threads()["nodes"][0]["id"]
    reading = app_token(talk.forge, "reading", pull_requests="read")

    told = [
        talk.change("resolveReviewThread", token, threadId=thread)
        for token in (talk.forge.token("stranger"), reading)
    ]

    assert [one.status for one in told] == [200, 200]
    assert [one.json["errors"][0]["type"] for one in told] == ["FORBIDDEN"] * 2
    assert [one.json["data"]["it"] for one in told] == [None, None]
    assert not talk.pull.threads[0].is_resolved


def test_g18_a_changed_line_makes_a_thread_outdated(talk: Talk) -> None:
    """A push that changes the line outdates its thread, and no other."""
    talk.review(4, 17)
    talk.repository.push(talk.number, {"a.py": talk.after.replace("LINE 4", "line four")})

    told = [(one["isOutdated"], one["line"]) for one in talk.threads()["nodes"]]

    assert told == [(True, None), (False, 17)]


@pytest.mark.parametrize(("line", "stands"), [(4, True), (11, False), (99, False)])
def test_g17_a_thread_out_of_the_diff_is_accepted_and_never_shown(
    talk: Talk, *, line: int, stands: bool
) -> None:
    """There is no error for a line that the diff does not show, and no thread either."""
    told = talk.change(
        "addPullRequestReviewThread",
        pullRequestId=ask(talk.forge, "GET", f"/repos/acme/shop/pulls/{talk.number}").json[
            "node_id"
        ],
        path="a.py",
        line=line,
        body="b",
    ).json

    assert "errors" not in told
    assert (told["data"]["it"]["thread"] is not None) is stands
    assert len(talk.threads()["nodes"]) == int(stands)
    assert [one.state.value for one in talk.pull.reviews] == ["PENDING"] * int(stands)


def test_g19_a_pending_thread_is_seen_by_its_author_alone(talk: Talk) -> None:
    """Others see it when the review is submitted."""
    node = ask(talk.forge, "GET", f"/repos/acme/shop/pulls/{talk.number}").json["node_id"]
    ben = talk.forge.token("ben")
    talk.change(
        "addPullRequestReviewThread", ben, pullRequestId=node, path="a.py", line=4, body="b"
    )
    mine = talk.token
    talk.token = ben

    seen = talk.threads()["totalCount"]
    talk.token = mine

    assert (seen, talk.threads()["totalCount"]) == (1, 0)


def test_a_reply_stands_in_its_thread(talk: Talk) -> None:
    """A reply comes after the first comment, and names it."""
    talk.review(4)
    thread = talk.threads()["nodes"][0]["id"]
    query = """mutation($input: AddPullRequestReviewThreadReplyInput!) {
      addPullRequestReviewThreadReply(input: $input) { comment { body replyTo { databaseId } } }
    }"""
    told = graphql(
        *(talk.forge, query),
        token=talk.forge.token("ben"),
        input={"pullRequestReviewThreadId": thread, "body": "no"},
    ).json["data"]["addPullRequestReviewThreadReply"]["comment"]

    assert told == {"body": "no", "replyTo": {"databaseId": talk.pull.review_comments[0].id}}
    assert [one.body for one in talk.pull.threads[0].comments] == ["at 4", "no"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ viewer { name nothing } }", "undefinedField"),
        ("{ viewer }", "selectionMismatch"),
        ("{ viewer { login { x } } }", "selectionMismatch"),
        ('{ repository(owner: "acme") { id } }', "missingRequiredArguments"),
        ('{ repository(owner: "acme", name: "shop", size: 1) { id } }', "argumentNotAccepted"),
        ('{ repository(owner: 1, name: "shop") { id } }', "argumentLiteralsIncompatible"),
        ("query($a: Int) { viewer { login } }", "variableNotUsed"),
        ("{ node(id: $id) { id } }", "variableNotDefined"),
        ("query($id: Int!) { node(id: $id) { id } }", "variableMismatch"),
        ("query($id: Nothing) { node(id: $id) { id } }", "variableRequiresValidType"),
        ("{ viewer { ...None } }", "useAndDefineFragment"),
        ("{ viewer { ... on Nothing { id } } }", "undefinedType"),
        ("{ viewer { ... on PullRequest { id } } }", "cannotSpreadFragment"),
        ("{ viewer { ...F } } fragment F on User { ...F }", "infiniteLoop"),
    ],
)
def test_a_wrong_document_is_an_error_with_status_200(talk: Talk, query: str, code: str) -> None:
    """What the schema does not have is told by its code, and nothing runs."""
    told = graphql(talk.forge, query, token=talk.token)

    assert told.status == 200
    assert "data" not in told.json
    assert code in [one["extensions"]["code"] for one in told.json["errors"]]
    assert all(one["message"] and one["locations"][0]["line"] == 1 for one in told.json["errors"])


@pytest.mark.parametrize(
    "query",
    [
        *("", "{", "{ viewer { } }", "{ viewer { login }", "subscription { x }", "{ a(b: ) }"),
        *('{ a(b: "\n") }', "{ a(b: 1, b: 2) }", "{ a @skip(if: true) }", "{ \u00e9 }", "fragment"),
    ],
)
def test_what_is_no_document_is_told_with_its_place(talk: Talk, query: str) -> None:
    """A document that cannot be read is one error with line and column."""
    told = graphql(talk.forge, query, token=talk.token).json

    assert len(told["errors"]) == 1
    assert set(told["errors"][0]["locations"][0]) == {"line", "column"}


@pytest.mark.parametrize(
    "query", ["{ a" * 200 + " }" * 200, "{ a(b: " + "[" * 200 + "]" * 200 + ") }"]
)
def test_a_document_is_not_too_deep(talk: Talk, query: str) -> None:
    """Selections and values of more levels than a hundred are not read."""
    told = graphql(talk.forge, query, token=talk.token).json

    assert "expected fewer levels" in told["errors"][0]["message"]


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ("", "MISSING_PAGINATION_BOUNDARIES"),
        ("(first: 101)", "EXCESSIVE_PAGINATION"),
        ("(first: -1)", "INVALID_PAGINATION"),
        ('(first: 1, after: "x")', "INVALID_CURSOR_ARGUMENTS"),
    ],
)
def test_a_connection_has_bounds(talk: Talk, arguments: str, kind: str) -> None:
    """It needs a number of items from 1 to 100, and a cursor of its own."""
    query = (
        '{ repository(owner: "acme", name: "shop") { pullRequest(number: 1) {'
        f" reviewThreads{arguments} {{ totalCount }} }} }} }}"
    )

    told = graphql(talk.forge, query, token=talk.token).json

    assert [one["type"] for one in told["errors"]] == [kind]
    assert told["errors"][0]["path"] == ["repository", "pullRequest", "reviewThreads"]


@pytest.mark.parametrize(
    ("name", "number", "said"),
    [
        ("none", 1, "Could not resolve to a Repository with the name 'acme/none'."),
        ("shop", 99, "Could not resolve to a PullRequest with the number of 99."),
        ("secret", 1, "Could not resolve to a Repository with the name 'acme/secret'."),
    ],
)
def test_g30_what_is_not_there_is_null_with_an_error(
    talk: Talk, name: str, number: int, said: str
) -> None:
    """A repository that may not be seen is told as one that is not there."""
    talk.forge.repository("acme/secret", private=True)
    query = """query($n: String!, $i: Int!) {
      repository(owner: "acme", name: $n) { pullRequest(number: $i) { id } }
    }"""

    told = graphql(talk.forge, query, token=talk.forge.token("stranger"), n=name, i=number).json

    assert told["errors"][0]["message"] == said
    assert told["errors"][0]["type"] == "NOT_FOUND"


def test_a_token_is_needed(talk: Talk) -> None:
    """Without one nothing can be asked; with one the viewer is told by the whole login."""
    bare = graphql(talk.forge, "{ viewer { login } }")
    told = graphql(
        talk.forge, "{ me: viewer { login } rateLimit { cost remaining } }", token=talk.token
    )

    assert bare.status == 401
    assert told.json["data"]["me"] == {"login": "codeflow-app[bot]"}
    assert told.json["data"]["rateLimit"]["cost"] == 1


@pytest.mark.parametrize("value", [None, "x", 1.5, True, 2**31])
def test_a_variable_is_of_its_type(talk: Talk, value: object) -> None:
    """A value that is no number of 32 bits is refused before anything runs."""
    query = """query($n: Int!) {
      repository(owner: "acme", name: "shop") { pullRequest(number: $n) { id } }
    }"""

    told = graphql(talk.forge, query, token=talk.token, n=value).json

    assert "Variable $n of type Int! was provided invalid value" in told["errors"][0]["message"]
