"""Issues: one for each finding, however often it is found, and whether it was closed or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final, override

from codeflow_engine.domain.effect import Effect, Receipt
from codeflow_engine.domain.marker import Marker
from codeflow_engine.providers.vcs.github.bodies import ROOM, cut, mark, unmarked
from codeflow_engine.providers.vcs.github.posting.entries import (
    field,
    moment,
    number,
    our_marker,
    receipt,
)
from codeflow_engine.providers.vcs.github.posting.payloads import IssuePayload, read
from codeflow_engine.providers.vcs.github.posting.poster import Poster
from codeflow_engine.providers.vcs.github.posting.pull import Pull

__all__ = ["Issues"]

_KIND: Final = "issue"
_NEEDS: Final = "issues: write"
_TITLE: Final = 256
_GONE: Final = "*This issue is superseded.*"


class Issues(Poster):
    """Opens issues. One that a person has closed stays closed, and counts."""

    prefixes: ClassVar[tuple[str, ...]] = ("issue",)

    @override
    async def find(self, pull: Pull, effects: Sequence[Effect]) -> list[Receipt]:
        ours = await self._ours(pull)
        found = []
        for effect in effects:
            finding = read(IssuePayload, effect.payload).fingerprint
            same = [entry for entry, marker in ours if marker.key == effect.key]
            # Another effect may have been about the same finding; the first of them is enough.
            same = same or [entry for entry, marker in ours if marker.finding == finding][:1]
            found += [_receipt(effect, entry, found=True) for entry in same]
        return found

    @override
    async def write(self, pull: Pull, effect: Effect) -> Receipt:
        payload = read(IssuePayload, effect.payload)
        marker = Marker(kind=_KIND, key=effect.key, finding=payload.fingerprint)
        title = " ".join(payload.title.split())[:_TITLE]
        body = {
            "title": title or "A finding",
            "body": mark(cut(payload.body, ROOM), marker),
            "labels": list(payload.labels),
        }
        entry = await pull.send("POST", f"{pull.repository}/issues", body, needs=_NEEDS)
        return _receipt(effect, entry, found=False)

    @override
    async def take_back(self, pull: Pull, receipt: Receipt, name: str) -> None:
        path = f"{pull.repository}/issues/{name}"
        entry = await pull.find(path, needs="issues: read")
        marker = our_marker(await pull.whoami(), entry, _KIND)
        if marker is None or marker.key != receipt.key:
            return
        body = f"{_GONE}\n\n{unmarked(str(field(entry, 'body')))}"
        closed = {"state": "closed", "state_reason": "not_planned", "body": body}
        await pull.send("PATCH", path, closed, needs=_NEEDS)

    async def _ours(self, pull: Pull) -> list[tuple[Any, Marker]]:
        """List the issues of ours, open and closed, the oldest first."""
        author = await pull.whoami()
        entries = await pull.list(
            f"{pull.repository}/issues",
            parameters={"state": "all", "creator": author.login},
            needs="issues: read",
        )
        found = [
            (entry, marker)
            for entry in entries
            if (marker := our_marker(author, entry, _KIND)) is not None
            and field(entry, "pull_request") is None
        ]
        return sorted(found, key=lambda one: number(one[0], "number"))


def _receipt(effect: Effect, entry: Any, *, found: bool) -> Receipt:
    at = moment(entry, "created_at")
    return receipt(effect, f"issue:{number(entry, 'number')}", at, found=found)
