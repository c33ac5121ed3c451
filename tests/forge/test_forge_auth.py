"""Who asks the forge: web tokens of apps, tokens of installations, and what each may do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import jwt
import pytest
from forge_asking import app_token, ask

from codeflow_engine.testing.forge import FakeForge
from codeflow_engine.testing.forge.apps import App

BASE: Mapping[str, Any] = {"a.py": "x = 1\n"}
HEAD: Mapping[str, Any] = {"a.py": "x = 2\n"}


def signed(forge: FakeForge, app: App, *, iat: float = -60, exp: float = 540, **more: Any) -> str:
    """Sign a web token of an app, as a client does that has the right time."""
    now = int(forge.clock.now())
    claims = {"iss": str(app.id), "iat": now + int(iat), "exp": now + int(exp), **more}
    return jwt.encode(claims, app.private_key, "RS256")


@pytest.fixture
def app(forge: FakeForge) -> App:
    """Install an app on `acme`, for one of its two repositories."""
    forge.repository("acme/secret", private=True)
    return forge.app(
        "codeflow-app",
        permissions={"checks": "write", "pull_requests": "write"},
        on="acme",
        repositories=["acme/shop"],
    )


def mint(forge: FakeForge, app: App, header: str | None = None, **wish: Any) -> Any:
    """Ask for a token of the app's installation."""
    number = forge.tokens.apps.installations(app.id)[0].id
    headers = {} if header is None else {"X-GitHub-Stateless-S2S-Token": header}
    return ask(
        forge,
        "POST",
        f"/app/installations/{number}/access_tokens",
        token=signed(forge, app),
        body=wish,
        headers=headers,
    )


def test_g12_a_web_token_names_its_app(forge: FakeForge, app: App) -> None:
    """A web token that is signed with the app's key and good now is the app's."""
    by_id = ask(forge, "GET", "/app", token=signed(forge, app))
    by_client = ask(forge, "GET", "/app", token=signed(forge, app, iss=app.client_id))

    assert (by_id.status, by_client.status) == (200, 200)
    assert by_id.json["slug"] == "codeflow-app"


@pytest.mark.parametrize(
    ("times", "skew", "status", "told"),
    [
        ({}, 0, 200, ""),
        ({"exp": 600}, 1, 200, ""),
        ({"exp": 660}, 0, 401, "too far in the future"),
        ({"exp": -1}, 0, 401, "must be a numeric value representing the future time"),
        ({"iat": 30}, 0, 401, "'Issued at' claim ('iat')"),
        ({}, 120, 200, ""),
        ({}, -120, 401, "'Issued at' claim ('iat')"),
        ({"iat": -60, "exp": 600}, -30, 401, "too far in the future"),
        ({"exp": 100}, 120, 401, "must be a numeric value representing the future time"),
    ],
)
def test_g12_a_web_token_is_good_for_ten_minutes_of_the_forges_clock(
    forge: FakeForge,
    app: App,
    *,
    times: Mapping[str, float],
    skew: float,
    status: int,
    told: str,
) -> None:
    """The forge's own clock decides whether a web token begins in the past and ends soon."""
    token = signed(forge, app, **times)
    forge.clock.advance(skew)

    answer = ask(forge, "GET", "/app", token=token)

    assert answer.status == status
    assert told in answer.json.get("message", "")


@pytest.mark.parametrize("algorithm", ["HS256", "RS384"])
def test_g12_a_web_token_is_signed_with_rs256_alone(
    forge: FakeForge, app: App, algorithm: str
) -> None:
    """Another algorithm, and another app's key, are refused."""
    key = "k" * 40 if algorithm == "HS256" else app.private_key
    now = int(forge.clock.now())
    claims = {"iss": str(app.id), "iat": now - 60, "exp": now + 60}
    other = forge.app("other", permissions={})

    wrong = ask(forge, "GET", "/app", token=jwt.encode(claims, key, algorithm))
    foreign = ask(forge, "GET", "/app", token=jwt.encode(claims, other.private_key, "RS256"))

    assert (wrong.status, foreign.status) == (401, 401)
    assert wrong.json["message"] == "A JSON web token could not be decoded"


def test_g13_a_token_of_an_installation_ends_after_an_hour(forge: FakeForge, app: App) -> None:
    """It works for an hour, and is bad after it."""
    token = mint(forge, app).json["token"]

    before = ask(forge, "GET", "/repos/acme/shop", token=token)
    forge.clock.advance(3_599)
    late = ask(forge, "GET", "/repos/acme/shop", token=token)
    forge.clock.advance(1)
    after = ask(forge, "GET", "/repos/acme/shop", token=token)

    assert (before.status, late.status, after.status) == (200, 200, 401)
    assert after.json["message"] == "Bad credentials"


def test_g13_a_token_is_narrowed_to_what_was_asked_for(forge: FakeForge, app: App) -> None:
    """It has the permissions and repositories of the wish, and never more than was granted."""
    forge.repository("acme/other")
    shop = forge.repository("acme/shop")

    narrow = mint(forge, app, permissions={"pull_requests": "read"}, repository_ids=[shop.id]).json
    more = mint(forge, app, permissions={"contents": "write"})
    raised = mint(forge, app, permissions={"pull_requests": "admin"})
    elsewhere = mint(forge, app, repositories=["other"])

    assert narrow["permissions"] == {"metadata": "read", "pull_requests": "read"}
    assert [one["full_name"] for one in narrow["repositories"]] == ["acme/shop"]
    assert (more.status, raised.status, elsewhere.status) == (422, 422, 422)


@pytest.mark.parametrize(
    ("header", "default", "stateless"),
    [
        ("enabled", False, True),
        ("disabled", True, False),
        (None, True, True),
        (None, False, False),
        ("true", False, False),
    ],
)
def test_g14_either_format_of_a_token_can_be_asked_for(
    forge: FakeForge, app: App, header: str | None, *, default: bool, stateless: bool
) -> None:
    """The header forces the long format or the short one, and both of them work."""
    forge.tokens.stateless = default

    token = mint(forge, app, header).json["token"]
    used = ask(forge, "GET", "/installation/repositories", token=token)

    assert re.fullmatch(r"ghs_[A-Za-z0-9\._-]{36,}", token)
    assert (token.count("."), len(token) > 400) == ((2, True) if stateless else (0, False))
    assert stateless or len(token) == 40
    assert used.json["total_count"] == 1


def test_g30_a_missing_permission_is_named(forge: FakeForge, app: App) -> None:
    """A token without a permission is told which one it lacks."""
    repository = forge.repository("acme/shop")
    number = repository.open_pull_request(BASE, HEAD)
    token = mint(forge, app, permissions={"checks": "write"}).json["token"]

    answer = ask(
        forge,
        "POST",
        f"/repos/acme/shop/issues/{number}/comments",
        token=token,
        body={"body": "x"},
    )

    assert answer.status == 403
    assert answer.json["message"] == "Resource not accessible by integration"
    assert answer.headers["x-accepted-github-permissions"] == "issues=write; pull_requests=write"
    assert not repository.pull(number).comments


def test_g30_a_private_repository_out_of_reach_is_not_found(forge: FakeForge, app: App) -> None:
    """Who may not see a private repository is not told that there is one."""
    token = mint(forge, app).json["token"]
    narrow = forge.tokens.personal("acme", fine_grained=True, repositories=frozenset({"acme/shop"}))

    answers = [
        ask(forge, "GET", "/repos/acme/secret", token=each)
        for each in (token, narrow, None, signed(forge, app), forge.token("stranger"))
    ]

    assert [one.status for one in answers] == [404] * 5
    assert ask(forge, "GET", "/repos/acme/secret", token=forge.token("acme")).status == 200


def test_g30_an_installation_reaches_its_account_alone(forge: FakeForge) -> None:
    """An app that may use all repositories of an account sees no private one of another."""
    token = app_token(forge, "all-of-acme", checks="write")
    for name in ("acme/open", "acme/hidden", "other/open", "other/hidden"):
        forge.repository(name, private=name.endswith("hidden"))

    listed = ask(forge, "GET", "/installation/repositories", token=token).json
    hidden = [
        ask(forge, "GET", f"/repos/{owner}/hidden", token=token).status
        for owner in ("acme", "other")
    ]

    assert {one["full_name"] for one in listed["repositories"]} == {"acme/open", "acme/hidden"}
    assert hidden == [200, 404]


def test_g30_single_sign_on_is_asked_for(forge: FakeForge) -> None:
    """A token that has not passed an organization's sign-on is told where to."""
    forge.repository("acme/shop")
    forge.add_user("ann")
    token = forge.tokens.personal("ann", sso="acme")

    answer = ask(forge, "GET", "/repos/acme/shop", token=token)

    assert answer.status == 403
    assert answer.headers["x-github-sso"].startswith("required; url=")


def test_g29_a_job_of_a_fork_only_reads(forge: FakeForge, app: App) -> None:
    """The token of a job that a fork's pull request started may read, and write nothing."""
    number = forge.repository("acme/shop").open_pull_request(BASE, HEAD, author="ann", fork=True)
    tokens = [
        forge.tokens.of_job(app, "acme/shop", from_fork=True),
        forge.tokens.of_job(app, "acme/shop"),
    ]
    path = f"/repos/acme/shop/issues/{number}/comments"

    read = [ask(forge, "GET", path, token=each).status for each in tokens]
    written = [ask(forge, "POST", path, token=each, body={"body": "x"}).status for each in tokens]

    assert read == [200, 200]
    assert written == [403, 201]


def test_the_installation_for_a_repository_is_found(forge: FakeForge, app: App) -> None:
    """An app finds where it was installed by a repository and by an account."""
    forge.repository("acme/other")
    number = forge.tokens.apps.installations(app.id)[0].id
    paths = ("/repos/acme/shop", "/orgs/acme", "/users/acme", "/repos/acme/other", "/orgs/none")

    answers = [
        ask(forge, "GET", f"{path}/installation", token=signed(forge, app)) for path in paths
    ]

    assert [one.status for one in answers] == [200, 200, 200, 404, 404]
    assert {one.json["id"] for one in answers[:3]} == {number}


def test_a_suspended_installation_mints_nothing(forge: FakeForge, app: App) -> None:
    """While it is suspended, there are no tokens for it."""
    forge.tokens.apps.installations(app.id)[0].suspended = True

    assert mint(forge, app).status == 403


@pytest.mark.parametrize(
    "header", ["Bearer ghp_none", "token ghs_none", "Basic !!", "Basic bm9uZQ==", "Digest x", ""]
)
def test_a_bad_token_is_refused(forge: FakeForge, header: str) -> None:
    """What is no token of the forge is never taken for anonymous."""
    forge.repository("acme/shop")

    answer = ask(forge, "GET", "/repos/acme/shop", headers={"Authorization": header})

    assert answer.status == 401
    assert answer.json["message"] == "Bad credentials"


def test_a_revoked_token_is_bad(forge: FakeForge, app: App) -> None:
    """An installation's token can take itself away."""
    token = app_token(forge, "another")
    forge.repository("acme/shop")

    first = ask(forge, "DELETE", "/installation/token", token=token)

    assert first.status == 204
    assert ask(forge, "GET", "/repos/acme/shop", token=token).status == 401


def test_a_fine_grained_token_holds_its_permissions(forge: FakeForge) -> None:
    """A user who may write is held to the permissions of the token."""
    number = forge.repository("acme/shop").open_pull_request(BASE, HEAD)
    forge.add_user("ann", permission="write")
    token = forge.tokens.personal("ann", fine_grained=True, permissions={"pull_requests": "read"})

    answer = ask(
        forge, "POST", f"/repos/acme/shop/issues/{number}/comments", token=token, body={"body": "x"}
    )

    assert token.startswith("github_pat_")
    assert answer.status == 403
    assert answer.json["message"] == "Resource not accessible by personal access token"
