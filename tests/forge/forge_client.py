"""A client of the fake forge that adds nothing of its own: what was asked, and what came."""

from __future__ import annotations

from typing import Any

import requests

from codeflow_engine.testing.forge import FakeForge, PullRequest, Repository

__all__ = ["Client", "numbered", "of_pull", "open_numbered"]


class Client:
    """Asks the API as one account, or as nobody."""

    def __init__(self, forge: FakeForge, login: str | None) -> None:
        self._url = forge.url
        self._session = requests.Session()
        self._session.trust_env = False
        if login is not None:
            self._session.headers["Authorization"] = f"Bearer {forge.token(login)}"

    def ask(
        self,
        path: str,
        method: str = "GET",
        /,
        *,
        accept: str = "application/vnd.github+json",
        **body: Any,
    ) -> requests.Response:
        """Ask for a path under the API's root, or for a whole URL."""
        url = path if path.startswith("http") else self._url + path
        headers = {"Accept": accept}
        return self._session.request(method, url, json=body or None, headers=headers, timeout=60)

    def get(self, path: str, /, **options: Any) -> Any:
        """Give the document at a path."""
        answer = self.ask(path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, /, **body: Any) -> requests.Response:
        """Post a document."""
        return self.ask(path, "POST", **body)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


def of_pull(pull: PullRequest) -> str:
    """Give the path of a pull request."""
    return f"/repos/{pull.repository.full_name}/pulls/{pull.number}"


def numbered(count: int, *, changed: dict[int, str] | None = None) -> bytes:
    """Write a file of numbered lines, from 1, some of which have another text, or none."""
    lines = {number: f"line {number}\n" for number in range(1, count + 1)} | (changed or {})
    return "".join(lines.values()).encode()


def open_numbered(repository: Repository, **options: Any) -> PullRequest:
    """Open a pull request that changes lines 5 and 40 of 50, and takes line 20 away."""
    number = repository.open_pull_request(
        {"a.py": numbered(50)},
        {"a.py": numbered(50, changed={5: "FIVE\n", 20: "", 40: "FORTY\n"})},
        **{"author": "ann", **options},
    )
    return repository.pull(number)
