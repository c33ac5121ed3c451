"""Asks the fake forge without a library of GitHub's, to see what is on the wire."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from codeflow_engine.testing.forge import FakeForge

__all__ = ["Told", "app_token", "ask", "graphql"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The document in it."""
        return json.loads(self.body)


def ask(
    forge: FakeForge,
    method: str,
    path: str,
    *,
    token: str | None = None,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = 30.0,
) -> Told:
    """Send one request to the REST API, or to a whole URL, over a connection of its own."""
    url = urlsplit(path if path.startswith("http") else forge.url + path)
    connection = http.client.HTTPConnection(str(url.hostname), url.port, timeout=timeout)
    told = {"User-Agent": "test", **(headers or {})}
    if token is not None:
        told["Authorization"] = f"Bearer {token}"
    sent = None if body is None else json.dumps(body).encode()
    try:
        target = url.path + (f"?{url.query}" if url.query else "")
        connection.request(method, target, body=sent, headers=told)
        answer = connection.getresponse()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return Told(status=answer.status, headers=names, body=answer.read())
    finally:
        connection.close()


def graphql(forge: FakeForge, query: str, *, token: str | None = None, **variables: Any) -> Told:
    """Send one document to the GraphQL API."""
    body = {"query": query, "variables": variables}
    return ask(forge, "POST", forge.graphql_url, token=token, body=body)


def app_token(forge: FakeForge, slug: str = "codeflow-app", **permissions: str) -> str:
    """Give a token of an installation on `acme`, for all its repositories."""
    app = forge.app(slug, permissions=permissions or {"checks": "write"}, on="acme")
    with forge.lock:
        installation = forge.tokens.apps.installations(app.id)[0]
        return forge.tokens.mint(installation.id, {}, None)[0]
