"""URLs of GitHub, and what a change of it is called."""

# ruff: noqa: RUF005 - lists in rows read better than one a line

from __future__ import annotations

import pytest

from codeflow_engine.errors import ChangeUnavailableError, ConfigurationError
from codeflow_engine.providers.vcs.github.place import HOME, Place
from codeflow_engine.providers.vcs.github.target import Target, check_revision

GHES = Place.at("https://code.example.org/api/v3/")


@pytest.mark.parametrize(
    ("url", "graphql", "web"),
    [
        (HOME, "https://api.github.com/graphql", "https://github.com"),
        ("https://h.example/api/v3", "https://h.example/api/graphql", "https://h.example"),
        ("https://H.example/api/v3/", "https://h.example/api/graphql", "https://h.example"),
        ("https://api.acme.ghe.com", "https://api.acme.ghe.com/graphql", "https://acme.ghe.com"),
        ("http://127.0.0.1:81/api/v3", "http://127.0.0.1:81/api/graphql", "http://127.0.0.1:81"),
        (
            "https://h.example/git/api/v3",
            "https://h.example/git/api/graphql",
            "https://h.example/git",
        ),
    ],
)
def test_g32_places_of_enterprise_servers_follow_from_one_url(
    url: str, graphql: str, web: str
) -> None:
    """REST, GraphQL and the pages lie at three places."""
    place = Place.at(url)

    assert (place.graphql, place.web) == (graphql, web)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "h.example",
        "ftp://h/api",
        "file:///etc/passwd",
        "https://u:p4ssw0rd@h/api/v3",
        "https://",
    ]
    + ["https://h/api?x=1", "https://h/a b", "https://h:port/", "https://h/\n", "https://h/#x"],
)
def test_s25_what_is_no_plain_url_is_refused_and_not_shown(url: str) -> None:
    """It may hold a password."""
    with pytest.raises(ConfigurationError) as refused:
        Place.at(url)

    assert "p4ssw0rd" not in refused.value.message


@pytest.mark.parametrize(
    "path",
    ["https://evil.example/api/v3/x", "http://code.example.org/x", "https://code.example.org:444/x"]
    + ["/a/../../b", "/a b", "/a\r\nHost: evil", "https://x@code.example.org/"],
)
def test_s25_no_path_leads_off_the_server(path: str) -> None:
    """The credentials go where it leads."""
    with pytest.raises(ConfigurationError):
        GHES.url(path)


@pytest.mark.parametrize(
    ("location", "to"),
    [
        ("/api/v3/repositories/1", "https://code.example.org/api/v3/repositories/1"),
        ("https://code.example.org/x?y=1", "https://code.example.org/x?y=1"),
        ("https://CODE.example.org/x", "https://CODE.example.org/x"),
        ("http://code.example.org/x", None),
        ("https://169.254.169.254/latest", None),
        ("//evil.example/x", None),
        ("https://code.example.org.evil.example/", None),
        ("https://code.example.org@evil.example/", None),
        ("file:///etc/passwd", None),
        ("https://[", None),
    ],
)
def test_s25_redirects_stay_on_the_server(location: str, to: str | None) -> None:
    """Neither the protocol, the host nor the port may change."""
    assert GHES.redirected("https://code.example.org/api/v3/repos/a/b", location) == to


@pytest.mark.parametrize(
    "text",
    [
        "acme/shop#12",
        "https://code.example.org/acme/shop/pull/12",
        "https://code.example.org/acme/shop/pull/12/files",
        "https://CODE.example.org/acme/shop/pull/12/commits/abc?x#y",
    ],
)
def test_every_form_of_a_target_is_one_name(text: str) -> None:
    """The same change has one key, whatever it was called."""
    target = Target.parse(text, GHES)

    assert (target.text, target.repository, target.number) == ("acme/shop#12", "acme/shop", 12)


@pytest.mark.parametrize(
    "text",
    ["", "acme/shop", "acme/shop#0", "acme/shop#01", "acme/shop#1x", "acme/shop#-1", "acme/..#1"]
    + ["acme/.#1", "-acme/shop#1", "../shop#1", "acme/shop/x#1", "acme/sh op#1", "acme/shop#1\n"]
    + ["--upload-pack=x/y#1", "acme/shop#99999999999", "acme/$(x)#1", "a\0b", "ext::sh -c x"]
    + ["https://github.com/acme/shop/pull/1", "http://code.example.org/acme/shop/pull/1"]
    + ["https://code.example.org/acme/shop/issues/1", "https://u@code.example.org/acme/shop/pull/1"]
    + ["https://code.example.org/acme/../x/pull/1", "\u0430cme/shop#1", "acme/shop#\u0661"],
)
def test_s21_what_is_no_target_is_refused(text: str) -> None:
    """Nothing of it gets into a path, a URL or an argument; the message is one line."""
    with pytest.raises(ChangeUnavailableError) as refused:
        Target.parse(text, GHES)

    assert refused.value.message.isprintable()


@pytest.mark.parametrize("text", ["main", "v1.0", "feature/x-1", "a" * 40, "dependabot/npm_and+x"])
def test_a_revision_may_be_what_git_calls_one(text: str) -> None:
    """Branches, tags and ids."""
    assert check_revision(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "-x", "--output=x", "a..b", "a b", "a\0b", "a\n--all", "@{u}", "a~1", "a^", ":x", "/a"]
    + ["a/", "a//b", "a/.b", "x.lock", "$(x)", "; x", "--", "?x=1", "a%2fb", "\u202e"],
)
def test_s21_what_is_no_revision_is_refused(text: str) -> None:
    """It could be an option, a range, or another path of the interface."""
    with pytest.raises(ChangeUnavailableError):
        check_revision(text)
