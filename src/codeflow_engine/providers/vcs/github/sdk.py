"""PyGithub's own objects: copies of a client, none of them of two threads at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from codeflow_engine.providers.vcs.github.line import Line
from codeflow_engine.providers.vcs.github.wire import Carrier

if TYPE_CHECKING:
    import github
    from github.Requester import Requester

__all__ = ["SDK"]

_SPARE: Final = 4
"""Copies that are kept for later."""


class SDK:
    """Makes copies of the host's client, or clients of our own. Called in threads.

    Args:
        line: Knows the host's client.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._requester: Requester | None = None
        self._spare: list[tuple[github.Github, _Held]] = []

    def send(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        sent: tuple[dict[str, Any], object],
        carrier: Carrier,
    ) -> tuple[int, Mapping[str, Any], str]:
        """Send one request through PyGithub's requester, which all threads may share.

        It keeps nothing of a call but numbers, since the carrier is of this call alone.
        """
        if self._requester is None:
            self._requester = self._line.copy(_held()).requester
        parameters, body = sent
        connection: Any = carrier  # PyGithub names two classes, and uses their form
        return self._requester.requestJson(method, url, parameters, headers, body, connection)

    def lend[T](self, work: Callable[[github.Github], T], header: str) -> T:
        """Call with a client that is nobody else's meanwhile."""
        try:
            client, held = self._spare.pop()
        except IndexError:
            held = _held()
            client = self._line.copy(held)
        held.header = header
        try:
            return work(client)
        finally:
            held.header = ""
            if len(self._spare) < _SPARE:
                self._spare.append((client, held))
            else:
                client.close()

    def close(self) -> None:
        """Close the connections of all copies."""
        while self._spare:
            self._spare.pop()[0].close()


def _held() -> _Held:
    from github.Auth import Auth

    class Ours(_Held, Auth):
        """What PyGithub asks for credentials, and masks in its log."""

    return Ours()


class _Held:
    """Credentials of one call; a header that is there already stays."""

    header = ""

    @property
    def token_type(self) -> str:
        return self.header.partition(" ")[0]

    @property
    def token(self) -> str:
        return self.header.partition(" ")[2]

    def authentication(self, headers: dict[str, Any]) -> None:
        if "Authorization" not in headers:
            headers["Authorization"] = self.header

    def mask_authentication(self, headers: dict[str, Any]) -> None:
        headers["Authorization"] = "(removed)"
