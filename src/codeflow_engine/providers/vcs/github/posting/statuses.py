"""A commit status in place of a check run, for tokens that belong to no app.

It has no room for a hidden key, so that its description ends with the key's first digits.
"""

from __future__ import annotations

from typing import Any, Final

from codeflow_engine.domain.effect import Effect, Receipt
from codeflow_engine.providers.vcs.github.posting.entries import (
    field,
    is_by,
    moment,
    number,
    receipt,
)
from codeflow_engine.providers.vcs.github.posting.payloads import CheckPayload
from codeflow_engine.providers.vcs.github.posting.pull import Pull

__all__ = ["find", "take_back", "write"]

_NEEDS: Final = "statuses: write"
_DESCRIPTION: Final = 140
_DIGITS: Final = 12
_STATES: Final = {"success": "success", "neutral": "success"}
_FAILED: Final = frozenset({"failure", "action_required"})


async def find(pull: Pull, effect: Effect, payload: CheckPayload) -> list[Receipt]:
    """Find the status of an effect; one that a later one of its name has replaced is none."""
    latest = await _latest(pull, effect.head, payload.name)
    if latest is None or not _is_of(latest, effect.key):
        return []
    return [_receipt(effect, latest, found=True)]


async def write(pull: Pull, effect: Effect, payload: CheckPayload) -> Receipt:
    """Write a status: a success only for what is one, or says nothing against."""
    failed = "failure" if payload.conclusion in _FAILED else "error"
    mark = _mark(effect.key)
    title = " ".join(payload.title.split())[: _DESCRIPTION - len(mark)]
    body = {
        "state": _STATES.get(payload.conclusion, failed),
        "context": payload.name,
        "description": f"{title}{mark}",
    }
    path = f"{pull.repository}/statuses/{effect.head}"
    return _receipt(effect, await pull.send("POST", path, body, needs=_NEEDS), found=False)


async def take_back(pull: Pull, receipt: Receipt, name: str) -> None:
    """Replace a status of ours by one that is no success: none can be deleted."""
    head, _, id_ = name.partition(".")
    author = await pull.whoami()
    entries = await pull.list(f"{pull.repository}/commits/{head}/statuses", needs="statuses: read")
    for entry in entries:
        ours = is_by(author, entry, "creator") and _is_of(entry, receipt.key)
        if ours and str(number(entry)) == id_:
            context = str(field(entry, "context"))
            latest = await _latest(pull, head, context)
            if latest is not None and number(latest) == number(entry):
                body = {"state": "error", "context": context, "description": "Superseded"}
                path = f"{pull.repository}/statuses/{head}"
                await pull.send("POST", path, body, needs=_NEEDS)
            return


async def _latest(pull: Pull, head: str, context: str) -> Any:
    """Give the status of a name that counts, where it is ours."""
    author = await pull.whoami()
    path = f"{pull.repository}/commits/{head}/statuses"
    entries = await pull.list(path, needs="statuses: read")
    named = [one for one in entries if field(one, "context") == context]
    latest = max(named, key=number, default=None)
    return latest if latest is not None and is_by(author, latest, "creator") else None


def _mark(key: str) -> str:
    return f" [{key[:_DIGITS]}]"


def _is_of(entry: Any, key: str) -> bool:
    return str(field(entry, "description")).endswith(_mark(key))


def _receipt(effect: Effect, entry: Any, *, found: bool) -> Receipt:
    at = moment(entry, "created_at")
    return receipt(effect, f"status:{effect.head}.{number(entry)}", at, found=found)
