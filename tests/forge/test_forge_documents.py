"""Each route of the forge answers with a document as GitHub describes it."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterator
from typing import Any

import github
import jwt
import pytest
from forge_asking import Told, ask
from route_models import CODE, HOOK, ISSUE, MODELS, PULL, REVIEW, TALK, R

from codeflow_engine.testing.forge import FakeForge, PullRequest, Repository
from codeflow_engine.testing.forge.assembly import API_ROUTES
from github_models import check_document, check_documents

PLACE = re.compile(r"\{(\w+)(?::[^{}]+)?\}")


class Walk:
    """Goes through the routes, and holds each answer to its model."""

    def __init__(self, forge: FakeForge) -> None:
        self.forge = forge
        self.app = forge.app(
            "codeflow-app",
            permissions=dict.fromkeys(
                ("checks", "contents", "issues", "pull_requests", "security_events", "statuses"),
                "write",
            ),
            on="acme",
        )
        self.repository: Repository = forge.repository("acme/shop")
        number = self.repository.open_pull_request(
            {"a.py": "x = 1\n", "d/b.py": "y = 1\n"}, {"a.py": "x = 2\n", "d/b.py": "y = 1\n"}
        )
        self.pull: PullRequest = self.repository.pull(number)
        self.ids: dict[str, Any] = {"owner": "acme", "repo": "shop", "number": number}
        self.ids |= {"account": "acme", "username": "acme", "sha": self.pull.head_sha}
        self.ids |= {"ref": self.pull.head_sha, "path": "a.py", "name": "bug"}
        self.ids |= {"basehead": f"main...{self.pull.head_ref}"}
        self.user = forge.token("acme")
        self.token = ""
        self.seen: set[str] = set()

    def signed(self) -> str:
        """Sign a web token of the app."""
        now = int(self.forge.clock.now())
        claims = {"iss": str(self.app.id), "iat": now - 60, "exp": now + 60}
        return jwt.encode(claims, self.app.private_key, "RS256")

    def go(self, route: str, body: object = None, *, token: str | None = None, **ids: Any) -> Any:
        """Ask a route, hold the answer to its model, and give its document."""
        method, _, form = route.partition(" ")
        values = {**self.ids, **ids}
        path = PLACE.sub(lambda match: str(values[match[1]]), form)
        told = ask(self.forge, method, path, token=token or self.token, body=body)
        self.seen.add(route)
        check(route, told)
        return told.json if told.body else None


def check(route: str, told: Told) -> None:
    """Hold an answer to the model of its route."""
    model = MODELS[route]
    assert told.status in range(200, 300), (route, told)
    if not model:
        assert told.body == b"", route
    elif model.startswith("["):
        check_documents(model.strip("[]"), told.json)
    else:
        check_document(model, told.json)


@pytest.fixture
def walk(forge: FakeForge) -> Walk:
    """Make a repository with a pull request, and an app for it."""
    return Walk(forge)


def go_through_apps(walk: Walk) -> None:
    """Ask as the app, and take a token of its installation."""
    signed = walk.signed()
    number = walk.go("GET /app/installations", token=signed)[0]["id"]
    walk.go("GET /app", token=signed)
    walk.go("GET /app/installations/{installation_id}", token=signed, installation_id=number)
    for at in (f"GET {R}", "GET /orgs/{account}", "GET /users/{account}"):
        walk.go(f"{at}/installation", token=signed)
    mint = "POST /app/installations/{installation_id}/access_tokens"
    told = walk.go(mint, {"repositories": ["shop"]}, token=signed, installation_id=number)
    walk.go("GET /installation/repositories", token=told["token"])
    walk.go("DELETE /installation/token", token=told["token"])
    walk.token = walk.go(mint, {}, token=signed, installation_id=number)["token"]
    walk.go("GET /rate_limit")


def go_through_checks(walk: Walk) -> None:
    """Write checks, statuses and analyses, and read them."""
    sha = walk.pull.head_sha
    note = {"path": "a.py", "start_line": 1, "end_line": 1, "message": "m"}
    output = {
        "title": "t",
        "summary": "s",
        "annotations": [{**note, "annotation_level": "notice", "start_column": 1}],
    }
    body = {"name": "review", "head_sha": sha, "conclusion": "neutral", "output": output}
    number = walk.go(f"POST {R}/check-runs", body)["id"]
    walk.go(f"GET {R}/check-runs/{{check_run_id}}", check_run_id=number)
    walk.go(f"PATCH {R}/check-runs/{{check_run_id}}", {"status": "queued"}, check_run_id=number)
    walk.go(f"GET {R}/check-runs/{{check_run_id}}/annotations", check_run_id=number)
    walk.go(f"POST {R}/statuses/{{sha}}", {"state": "success", "target_url": "https://x.example"})
    for what in ("check-runs", "check-suites", "statuses", "status"):
        walk.go(f"GET {R}/commits/{{ref:.+}}/{what}")
    report = {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "t"}}, "results": []}]}
    packed = base64.b64encode(gzip.compress(json.dumps(report).encode())).decode()
    wish = {"commit_sha": sha, "ref": "refs/heads/main", "sarif": packed}
    upload = walk.go(f"POST {R}/code-scanning/sarifs", wish)["id"]
    for _ in range(2):
        walk.go(f"GET {R}/code-scanning/sarifs/{{sarif_id}}", sarif_id=upload)
    walk.go(f"GET {R}/code-scanning/analyses")


def go_through_git(walk: Walk) -> None:
    """Write git's objects, and read them."""
    blob = walk.go(f"POST {R}/git/blobs", {"content": "x"})["sha"]
    entry = {"path": "n.py", "mode": "100644", "type": "blob", "sha": blob}
    base = walk.pull.head_sha
    tree = walk.go(f"POST {R}/git/trees", {"tree": [entry], "base_tree": base})["sha"]
    wish = {"message": "m", "tree": tree, "parents": [base]}
    made = walk.go(f"POST {R}/git/commits", wish)["sha"]
    walk.go(f"POST {R}/git/refs", {"ref": "refs/heads/fix", "sha": base})
    walk.go(f"PATCH {R}/git/refs/{{ref:.+}}", {"sha": made}, ref="heads/fix")
    walk.go(f"GET {R}/git/ref/{{ref:.+}}", ref="heads/fix")
    walk.go(f"GET {R}/git/matching-refs/{{ref:.*}}", ref="heads/")
    walk.go(f"GET {R}/git/trees/{{sha:.+}}", sha=tree)
    walk.go(f"GET {R}/git/blobs/{{sha}}", sha=blob)
    walk.go(f"GET {R}/git/commits/{{sha}}", sha=made)
    walk.go(f"DELETE {R}/git/refs/{{ref:.+}}", ref="heads/fix")
    for route in ("contents/{path:.*}", "contents", "commits", "commits/{ref:.+}"):
        walk.go(f"GET {R}/{route}")
    walk.go(f"GET {R}/compare/{{basehead:.+}}")


def go_through_reviews(walk: Walk) -> None:
    """Write reviews and comments on code in all the ways there are."""
    wish = {"path": "a.py", "line": 1, "body": "?"}
    whole = {"event": "COMMENT", "body": "r", "comments": [wish]}
    review = walk.go(f"POST {PULL}/reviews", whole)["id"]
    walk.go(f"GET {REVIEW}", review_id=review)
    walk.go(f"GET {REVIEW}/comments", review_id=review)
    walk.go(f"PUT {REVIEW}", {"body": "R"}, review_id=review)
    pending = walk.go(f"POST {PULL}/reviews", {"comments": [wish]})["id"]
    walk.go(f"DELETE {REVIEW}", review_id=pending)
    pending = walk.go(f"POST {PULL}/reviews", {"body": "r"})["id"]
    walk.go(f"POST {REVIEW}/events", {"event": "APPROVE"}, review_id=pending)
    walk.go(f"PUT {REVIEW}/dismissals", {"message": "no"}, review_id=pending, token=walk.user)
    walk.go(f"GET {PULL}/reviews")
    single = {**wish, "commit_id": walk.pull.head_sha, "side": "RIGHT"}
    number = walk.go(f"POST {PULL}/comments", single)["id"]
    walk.go(f"POST {PULL}/comments/{{comment_id}}/replies", {"body": "!"}, comment_id=number)
    walk.go(f"GET {PULL}/comments")
    walk.go(f"GET {R}/pulls/comments")
    go_through_comment(walk, CODE, number)


def go_through_comment(walk: Walk, at: str, number: int) -> None:
    """Read, change, react to and take away a comment."""
    walk.go(f"GET {at}", comment_id=number)
    walk.go(f"PATCH {at}", {"body": "changed"}, comment_id=number)
    made = walk.go(f"POST {at}/reactions", {"content": "-1"}, comment_id=number)["id"]
    walk.go(f"GET {at}/reactions", comment_id=number)
    walk.go(f"DELETE {at}/reactions/{{reaction_id}}", comment_id=number, reaction_id=made)
    walk.go(f"DELETE {at}", comment_id=number)


def go_through_talk(walk: Walk) -> None:
    """Write issues, comments and labels, and read them."""
    walk.go(f"POST {R}/labels", {"name": "bug"})
    walk.go(f"POST {R}/issues", {"title": "t", "body": "b", "labels": ["bug"]})
    for route in (f"GET {R}/issues", f"GET {ISSUE}", f"GET {R}/labels", f"GET {R}/labels/{{name}}"):
        walk.go(route)
    walk.go(f"PATCH {ISSUE}", {"title": "T"})
    walk.go(f"POST {ISSUE}/labels", {"labels": ["bug"]})
    walk.go(f"GET {ISSUE}/labels")
    walk.go(f"PUT {ISSUE}/labels", {"labels": ["bug", "later"]})
    walk.go(f"DELETE {ISSUE}/labels/{{name}}")
    number = walk.go(f"POST {ISSUE}/comments", {"body": "b"})["id"]
    walk.go(f"GET {ISSUE}/comments")
    walk.go(f"GET {R}/issues/comments")
    go_through_comment(walk, TALK, number)
    for method in ("PUT", "DELETE"):
        walk.go(f"{method} {ISSUE}/lock", token=walk.user)


def go_through_the_rest(walk: Walk) -> None:
    """Ask for pull requests, accounts and deliveries."""
    for route in (f"GET {R}/pulls", f"GET {PULL}", f"GET {PULL}/files", f"GET {PULL}/commits"):
        walk.go(route)
    walk.go(f"PATCH {PULL}", {"title": "T"})
    walk.go(f"GET {R}")
    walk.go("GET /users/{username}")
    walk.go("GET /user", token=walk.user)
    walk.go(f"GET {R}/collaborators/{{username}}/permission")
    hook = walk.forge.webhooks.add("http://127.0.0.1:9/", secret="x")  # noqa: S106 - of nothing
    sent = walk.forge.webhooks.send(hook, "ping", {})
    go_through_deliveries(walk, HOOK, hook_id=hook.id, delivery_id=sent.id, token=walk.user)
    hook = walk.forge.webhooks.add("http://127.0.0.1:9/", secret="x", app_id=walk.app.id)  # noqa: S106 - of nothing
    sent = walk.forge.webhooks.send(hook, "ping", {})
    at = "/app/hook/deliveries"
    go_through_deliveries(walk, at, delivery_id=sent.id, token=walk.signed())


def go_through_deliveries(walk: Walk, at: str, **ids: Any) -> None:
    """Ask for deliveries, and for one again."""
    walk.go(f"GET {at}", **ids)
    walk.go(f"GET {at}/{{delivery_id}}", **ids)
    walk.go(f"POST {at}/{{delivery_id}}/attempts", **ids)


def test_each_route_answers_as_github_describes_it(walk: Walk) -> None:
    """Whatever route there is, its answer has all fields of GitHub's description."""
    go_through_apps(walk)
    go_through_checks(walk)
    go_through_git(walk)
    go_through_reviews(walk)
    go_through_talk(walk)
    go_through_the_rest(walk)
    routes = {f"{route.method} {route.path}" for table in API_ROUTES for route in table}  # type: ignore[attr-defined]

    assert walk.seen == routes == MODELS.keys()


def test_refusals_are_as_github_describes_them(walk: Walk) -> None:
    """An error has its message, the page that tells more, and its status."""
    home, token = "/repos/acme/shop", walk.user
    body = {"name": "x", "head_sha": walk.pull.head_sha}
    asks = {
        401: ask(walk.forge, "GET", home, token="bad"),  # noqa: S106 - it is none
        403: ask(walk.forge, "POST", f"{home}/check-runs", token=token, body=body),
        404: ask(walk.forge, "GET", "/repos/acme/none"),
        422: ask(walk.forge, "POST", f"{home}/issues", token=token, body={"title": ""}),
    }

    for status, told in asks.items():
        assert told.status == status
        check_document("ValidationError" if status == 422 else "BasicError", told.json)
        assert told.json["status"] == str(status)
        assert told.json["documentation_url"].startswith("https://docs.github.com/")


@pytest.fixture
def hub(walk: Walk) -> Iterator[github.Github]:
    """Give PyGithub as the app's installation."""
    number = walk.forge.tokens.apps.installations(walk.app.id)[0].id
    with walk.forge.lock:
        walk.token = walk.forge.tokens.mint(number, {}, "enabled")[0]
    made = github.Github(
        base_url=walk.forge.url,
        auth=github.Auth.Token(walk.token),
        retry=None,
        seconds_between_requests=0,
        seconds_between_writes=0,
    )
    yield made
    made.close()


def test_pygithub_and_a_plain_request_agree_on_checks(walk: Walk, hub: github.Github) -> None:
    """Check runs, statuses and git's objects are the same to both."""
    sha, theirs = walk.pull.head_sha, hub.get_repo("acme/shop")
    run = theirs.create_check_run(
        "review",
        sha,
        external_id="k",
        conclusion="failure",
        output={"title": "t", "summary": "s"},
    )
    note = {"path": "a.py", "start_line": 1, "end_line": 1, "annotation_level": "notice"}
    run.edit(output={"title": "t", "summary": "S", "annotations": [{**note, "message": "m"}]})
    theirs.get_commit(sha).create_status("success", context="c")
    blob = theirs.create_git_blob("x", "utf-8")
    element = github.InputGitTreeElement("n.py", "100644", "blob", sha=blob.sha)
    tree = theirs.create_git_tree([element], base_tree=theirs.get_git_tree(sha))
    commit = theirs.create_git_commit("m", tree, [theirs.get_git_commit(sha)])
    ref = theirs.create_git_ref("refs/heads/fix", commit.sha)

    plain = walk.go(f"GET {R}/check-runs/{{check_run_id}}", check_run_id=run.id)
    listed = [one.raw_data for one in theirs.get_commit(sha).get_check_runs()]
    combined = theirs.get_commit(sha).get_combined_status()

    # PyGithub adds the address of the suite to what came.
    assert [plain | {"check_suite": listed[0]["check_suite"]}] == listed
    assert plain["check_suite"]["id"] == listed[0]["check_suite"]["id"]
    assert [one.message for one in run.get_annotations()] == ["m"]
    assert combined.raw_data == walk.go(f"GET {R}/commits/{{ref:.+}}/status")
    assert ref.raw_data == walk.go(f"GET {R}/git/ref/{{ref:.+}}", ref="heads/fix")
    assert commit.raw_data == walk.go(f"GET {R}/git/commits/{{sha}}", sha=commit.sha)
    assert [one.path for one in tree.tree] == ["a.py", "d", "n.py"]


def test_pygithub_mints_and_asks_as_an_app(walk: Walk) -> None:
    """Its own way from an app's key to a token of an installation works."""
    own = github.Auth.AppAuth(walk.app.id, walk.app.private_key)
    with github.GithubIntegration(auth=own, base_url=walk.forge.url, retry=None) as integration:
        found = integration.get_repo_installation("acme", "shop")
        told = integration.get_access_token(found.id, {"checks": "write"})

    assert told.permissions == {"metadata": "read", "checks": "write"}
    assert ask(walk.forge, "GET", "/repos/acme/shop", token=told.token).status == 200


def test_pygithub_and_a_plain_request_agree_on_threads(walk: Walk, hub: github.Github) -> None:
    """A query of GraphQL through PyGithub gives the data of the answer."""
    headers, told = hub.requester.graphql_query(
        'query($n: Int!) { repository(owner: "acme", name: "shop") { pullRequest(number: $n)'
        " { id title } } }",
        {"n": walk.pull.number},
    )
    plain = walk.go(f"GET {PULL}")

    assert told["data"]["repository"]["pullRequest"] == {
        "id": plain["node_id"],
        "title": plain["title"],
    }
    assert headers["x-ratelimit-resource"] == "graphql"
    with pytest.raises(github.GithubException):
        hub.requester.graphql_query("{ nothing }", {})


@pytest.mark.parametrize(
    ("route", "wrong"),
    [
        (f"GET {PULL}", {"head": None}),
        (f"GET {R}/check-runs/{{check_run_id}}", {"conclusion": "passed"}),
        (f"GET {R}/git/commits/{{sha}}", {}),
    ],
)
def test_the_check_of_documents_can_fail(route: str, wrong: dict[str, Any]) -> None:
    """A document that lacks fields or has wrong ones is found."""
    with pytest.raises(ValueError, match="validation error"):
        check(route, Told(status=200, headers={}, body=json.dumps(wrong).encode()))
