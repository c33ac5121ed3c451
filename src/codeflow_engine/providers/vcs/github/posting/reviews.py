"""The review: everything that is said of one head, in one request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final, override

from codeflow_engine.domain.effect import Effect, Receipt
from codeflow_engine.domain.marker import Marker
from codeflow_engine.errors import CodeflowError, PublishError
from codeflow_engine.providers.vcs.github.bodies import end_marker, unmarked
from codeflow_engine.providers.vcs.github.errors import words_of
from codeflow_engine.providers.vcs.github.posting.drafts import Draft, draft
from codeflow_engine.providers.vcs.github.posting.entries import (
    field,
    is_by,
    moment,
    number,
    oldest,
    our_marker,
    receipt,
)
from codeflow_engine.providers.vcs.github.posting.payloads import Inline, ReviewPayload, read
from codeflow_engine.providers.vcs.github.posting.poster import Poster
from codeflow_engine.providers.vcs.github.posting.pull import Pull, is_refused
from codeflow_engine.providers.vcs.github.posting.threads import read_threads

__all__ = ["Reviews"]

_NEEDS: Final = "pull_requests: write"
_SUPERSEDED: Final = "*This review is superseded.*"


class Reviews(Poster):
    """Writes reviews, each in one request, which GitHub takes whole or not at all."""

    prefixes: ClassVar[tuple[str, ...]] = ("review",)

    @override
    async def find(self, pull: Pull, effects: Sequence[Effect]) -> list[Receipt]:
        ours = [one for one in await self._ours(pull) if not _is_pending(one[0])]
        return [
            _receipt(effect, entry, found=True)
            for effect in effects
            for entry, marker in ours
            if marker.key == effect.key
        ]

    @override
    async def write(self, pull: Pull, effect: Effect) -> Receipt:
        payload = read(ReviewPayload, effect.payload)
        ours = await self._ours(pull)
        pending = [one for one in ours if _is_pending(one[0])]
        standing = await self._standing(pull)
        fresh = [one for one in payload.comments if one.fingerprint not in standing]
        made = draft(payload, fresh, effect.key, await pull.anchors())
        if payload.comments and not fresh:
            for entry, _ in ours:
                if not _is_pending(entry) and _says(entry, made):
                    return _receipt(effect, entry, found=True)
        for entry, marker in pending:
            submitted = await self._settle(pull, effect, made, (entry, marker))
            if submitted is not None:
                return submitted
        try:
            return await self._post(pull, effect, made)
        except PublishError as error:
            if not is_refused(error):
                raise
            return await self._again(pull, effect, (payload, fresh), (made, error))

    async def _again(
        self,
        pull: Pull,
        effect: Effect,
        wanted: tuple[ReviewPayload, list[Inline]],
        refused: tuple[Draft, CodeflowError],
    ) -> Receipt:
        """Find out why a review was refused, and write it without what caused that.

        GitHub does not say which comment it is. So the diff is asked for once more; and where
        all of them should have a place, all of them go into the body: one review it stays.
        """
        before, error = refused
        found = oldest(await self.find(pull, [effect]))
        if found is not None:
            return found
        await pull.check_head(effect.head)
        if "pending review" in words_of(error).lower():
            raise PublishError(
                f"the account that writes to {pull.target.text} has begun a review there by hand; "
                "submit or discard it, or let another account write"
            ) from None
        payload, fresh = wanted
        after = draft(payload, fresh, effect.key, await pull.anchors())
        if after.comments and after.comments != before.comments:
            try:
                return await self._post(pull, effect, after)
            except PublishError as again:
                if not is_refused(again):
                    raise
        if not before.comments:
            raise error
        return await self._post(pull, effect, draft(payload, fresh, effect.key, None))

    async def _post(self, pull: Pull, effect: Effect, made: Draft) -> Receipt:
        body = {
            "commit_id": effect.head,
            "event": "COMMENT",
            "body": made.body,
            "comments": list(made.comments),
        }
        entry = await pull.send("POST", f"{pull.path}/reviews", body, needs=_NEEDS)
        return _receipt(effect, entry, found=False)

    async def _settle(
        self, pull: Pull, effect: Effect, made: Draft, pending: tuple[Any, Marker]
    ) -> Receipt | None:
        """Submit a review of ours that was never submitted, or delete it.

        An account has one such review at most; as long as it is there, there is no other one.
        """
        entry, marker = pending
        path = f"{pull.path}/reviews/{number(entry)}"
        if marker.key == effect.key and field(entry, "commit_id") == effect.head:
            comments = await pull.list(f"{path}/comments")
            ends = [end_marker(str(field(one, "body"))) for one in comments]
            found = {one.finding for one in ends if one is not None}
            whole = len(comments) == len(made.comments) and found == made.fingerprints
            if whole and _says(entry, made):
                told = await pull.send("POST", f"{path}/events", {"event": "COMMENT"}, needs=_NEEDS)
                return _receipt(effect, told, found=False)
        await pull.remove(path, needs=_NEEDS)
        return None

    @override
    async def take_back(self, pull: Pull, receipt: Receipt, name: str) -> None:
        path = f"{pull.path}/reviews/{name}"
        author = await pull.whoami()
        entry = await pull.find(path, needs="pull_requests: read")
        marker = our_marker(author, entry, "review")
        if marker is None or marker.key != receipt.key:
            return
        if _is_pending(entry):
            await pull.remove(path, needs=_NEEDS)
            return
        # The comments go first: while the marker stands, a second try finds what is left.
        for comment in await pull.list(f"{path}/comments"):
            if is_by(author, comment):
                at = f"{pull.repository}/pulls/comments/{number(comment)}"
                await pull.remove(at, needs=_NEEDS)
        await pull.send("PUT", path, {"body": _SUPERSEDED}, needs=_NEEDS)

    async def _ours(self, pull: Pull) -> list[tuple[Any, Marker]]:
        author = await pull.whoami()
        return [
            (entry, marker)
            for entry in await pull.list(f"{pull.path}/reviews")
            if (marker := our_marker(author, entry, "review")) is not None
        ]

    async def _standing(self, pull: Pull) -> set[str | None]:
        """Give the findings that are told in a thread of ours: they are not told again.

        A thread that we have resolved ourselves does not count: what it was about was mended.
        """
        author = await pull.whoami()
        return {
            thread.fingerprint
            for thread in await read_threads(pull, ask_rights=False)
            if thread.resolved_by is None
            or thread.resolved_by.login.lower() != author.login.lower()
        }


def _is_pending(entry: Any) -> bool:
    return str(field(entry, "state")) == "PENDING"


def _says(entry: Any, made: Draft) -> bool:
    """Tell whether a review has the same body, whoever planned it."""
    return unmarked(str(field(entry, "body"))) == unmarked(made.body)


def _receipt(effect: Effect, entry: Any, *, found: bool) -> Receipt:
    at = moment(entry, "submitted_at")
    return receipt(effect, f"review:{number(entry)}", at, found=found)
