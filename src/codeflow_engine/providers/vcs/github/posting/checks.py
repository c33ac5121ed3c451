"""The check of a head: a check run of our app, or a commit status where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final, override

from codeflow_engine.domain.effect import Effect, Receipt
from codeflow_engine.errors import AuthenticationError, PublishError
from codeflow_engine.providers.vcs.github.bodies import BUDGET, cut
from codeflow_engine.providers.vcs.github.posting import statuses
from codeflow_engine.providers.vcs.github.posting.entries import (
    field,
    is_by_app,
    moment,
    number,
    receipt,
)
from codeflow_engine.providers.vcs.github.posting.payloads import Annotation, CheckPayload, read
from codeflow_engine.providers.vcs.github.posting.poster import Poster
from codeflow_engine.providers.vcs.github.posting.pull import Pull

__all__ = ["Checks"]

_NEEDS: Final = "checks: write"
_BATCH: Final = 50
_TITLE: Final = 255
_MESSAGE: Final = 60_000
_CONCLUSIONS: Final = frozenset(
    {"success", "failure", "neutral", "cancelled", "timed_out", "action_required", "skipped"}
)
_LEVELS: Final = frozenset({"notice", "warning", "failure"})


class Checks(Poster):
    """Writes check runs, whose `external_id` is the key of their effect.

    GitHub takes 50 annotations in one request, and adds those of the next one to them. Until
    the last of them is there the run is in progress, so that a part never looks like the whole.

    The latest run of a name is the one that lets a head pass, or does not. So one that a later
    run of its name has replaced does not stand, whatever it says: it is written anew.
    """

    prefixes: ClassVar[tuple[str, ...]] = ("check", "status")

    @override
    async def find(self, pull: Pull, effects: Sequence[Effect]) -> list[Receipt]:
        found = []
        for effect in effects:
            payload = read(CheckPayload, effect.payload)
            if pull.settings.checks == "run":
                entry = await self._latest(pull, effect, payload)
                if entry is not None and _is_whole(entry, payload):
                    found.append(_receipt(effect, entry, found=True))
            elif pull.settings.checks == "status":
                found += await statuses.find(pull, effect, payload)
        return found

    @override
    async def write(self, pull: Pull, effect: Effect) -> Receipt:
        payload = read(CheckPayload, effect.payload)
        if payload.conclusion not in _CONCLUSIONS:
            raise PublishError(f"GitHub knows no conclusion {payload.conclusion!r} of a check")
        if pull.settings.checks == "none":
            return receipt(effect, "check:none", moment(None), found=True)
        if pull.settings.checks == "status":
            return await statuses.write(pull, effect, payload)
        try:
            return await self._run(pull, effect, payload)
        except AuthenticationError as error:
            raise AuthenticationError(
                f"{error.message}; only a GitHub App with the permission {_NEEDS} has check runs: "
                'set checks = "status" for a commit status instead, or checks = "none"'
            ) from None

    async def _run(self, pull: Pull, effect: Effect, payload: CheckPayload) -> Receipt:
        runs = f"{pull.repository}/check-runs"
        told = [_annotation(one) for one in payload.annotations]
        entry = await self._latest(pull, effect, payload)
        if entry is not None:
            done = _count(entry)
        else:
            first = {"name": payload.name, "head_sha": effect.head, "external_id": effect.key}
            body = {**first, **_part(payload, told, 0)}
            entry = await pull.send("POST", runs, body, needs=_NEEDS)
            done = min(len(told), _BATCH)
            if done == len(told):
                return _receipt(effect, entry, found=False)
        path = f"{runs}/{number(entry)}"
        while True:
            entry = await pull.send("PATCH", path, _part(payload, told, done), needs=_NEEDS)
            done += _BATCH
            if done >= len(told):
                return _receipt(effect, entry, found=False)

    @override
    async def take_back(self, pull: Pull, receipt: Receipt, name: str) -> None:
        if name == "none":
            return
        if receipt.external_id.startswith("status:"):
            await statuses.take_back(pull, receipt, name)
            return
        path = f"{pull.repository}/check-runs/{name}"
        entry = await pull.find(path, needs="checks: read")
        ours = is_by_app(await pull.whoami(), entry)
        if not ours or field(entry, "external_id") != receipt.key:
            return
        output = {"title": "Superseded", "summary": "This check is superseded."}
        over = {"external_id": "", "status": "completed", "conclusion": "neutral", "output": output}
        await pull.send("PATCH", path, over, needs=_NEEDS)

    async def _latest(self, pull: Pull, effect: Effect, payload: CheckPayload) -> Any:
        """Give the latest check run of ours of a name, where it is that of an effect."""
        author = await pull.whoami()
        entries = await pull.list(
            f"{pull.repository}/commits/{effect.head}/check-runs",
            key="check_runs",
            # What counts as the latest is decided here, and not by clocks.
            parameters={"check_name": payload.name, "filter": "all"},
            needs="checks: read",
        )
        latest = max((one for one in entries if is_by_app(author, one)), key=number, default=None)
        return latest if field(latest, "external_id") == effect.key else None


def _part(payload: CheckPayload, told: list[dict[str, Any]], start: int) -> dict[str, Any]:
    """Give what a request says: the next annotations, and with the last of them the end."""
    stop = start + _BATCH
    output = {
        "title": _line(payload.title, _TITLE),
        "summary": cut(payload.summary, BUDGET),
        "annotations": told[start:stop],
    }
    if stop < len(told):
        return {"status": "in_progress", "output": output}
    return {"status": "completed", "conclusion": payload.conclusion, "output": output}


def _annotation(one: Annotation) -> dict[str, Any]:
    if one.level not in _LEVELS:
        raise PublishError(f"GitHub knows no level {one.level!r} of an annotation")
    # GitHub counts its 64 KB in bytes.
    message = one.message.encode()[:_MESSAGE].decode("utf-8", "ignore")
    return {
        "path": one.path,
        "start_line": one.start_line,
        "end_line": one.end_line,
        "annotation_level": one.level,
        "title": _line(one.title, _TITLE),
        "message": message or one.title or one.level,
    }


def _line(text: str, most: int) -> str:
    """Give a text as one line of so many characters at most."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}\u2026"


def _count(entry: Any) -> int:
    return number(field(entry, "output"), "annotations_count")


def _is_whole(entry: Any, payload: CheckPayload) -> bool:
    done = field(entry, "status") == "completed"
    return done and _count(entry) >= len(payload.annotations)


def _receipt(effect: Effect, entry: Any, *, found: bool) -> Receipt:
    at = moment(entry, "started_at", "completed_at")
    return receipt(effect, f"check:{number(entry)}", at, found=found)
