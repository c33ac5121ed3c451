"""A plan and its receipts as text: what would be written where, and what became of it.

Both come in their JSON form. Whatever they hold was found in a change, so nothing of it is
obeyed by a terminal, and no effect takes more lines than it has parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from codeflow_engine.reports.prose import count
from codeflow_engine.reports.visible import escape, escape_path

__all__ = ["link", "receipts", "render"]

_LONGEST: Final = 100
"""Characters of a text that a line shows."""

_MANY: Final = 50
"""Parts of an effect that are shown one by one."""

_SHORT: Final = 12
"""Characters of a revision."""

_MARKED: Final = re.compile(r"\*\*(\w+)\*\*\s*")
"""How a comment begins: with the severity, which stands in a column of its own here."""

_ANCHORS: Final = {
    "comment": "pull/{number}#issuecomment-{id}",
    "review": "pull/{number}#pullrequestreview-{id}",
    "check": "runs/{id}",
    "issue": "issues/{id}",
    "commit": "commit/{id}",
}
"""Where GitHub shows what it has written, below the address of the repository."""

_TARGET: Final = re.compile(r"([\w.-]+/[\w.-]+)#([0-9]+)", re.ASCII)
_ID: Final = re.compile(r"(\w+):([0-9a-f]+)", re.ASCII)


def render(plan: Mapping[str, Any], *, encoding: str = "utf-8") -> str:
    """Say what a plan would write, as lines that end with a line feed.

    Args:
        plan: What `Plan.to_json` gives.
        encoding: Characters that it does not have are escaped.
    """
    effects = plan["effects"]
    where = f"{_text(plan['target'], encoding)} at {plan['head'][:_SHORT]}"
    lines = [f"plan: {count(len(effects), 'effect')} on {where}"]
    for effect in effects:
        head, *parts = _told(effect, encoding)
        lines.append(f"  {effect['kind']}: {head}")
        lines += [f"    {part}" for part in parts[:_MANY]]
        if len(parts) > _MANY:
            lines.append(f"    and {len(parts) - _MANY} more")
    return "".join(f"{line}\n" for line in lines)


def receipts(
    plan: Mapping[str, Any],
    given: Sequence[Mapping[str, Any]],
    *,
    web: str | None = None,
    encoding: str = "utf-8",
) -> str:
    """Say of each effect whether it was written or stood there already, and where it stands.

    Args:
        plan: What `Plan.to_json` gives.
        given: The receipts of its effects, each as plain JSON data.
        web: Address of the host's pages, such as `https://github.com`; None where it is not
            known, or has no such pages.
        encoding: Characters that it does not have are escaped.
    """
    kinds = {effect["key"]: effect["kind"] for effect in plan["effects"]}
    lines = []
    for receipt in given:
        state = "found" if receipt["found"] else "written"
        kind = kinds.get(receipt["key"], "effect")
        named = _text(receipt["external_id"], encoding)
        at = None if web is None else link(plan["target"], receipt["external_id"], web=web)
        lines.append(f"{state}: {kind} {named}" + (f" {at}" if at else ""))
    return "".join(f"{line}\n" for line in lines)


def link(target: str, external_id: str, *, web: str) -> str | None:
    """Give the address of the page that shows an effect; None where it has none.

    Args:
        target: The change, as `owner/repo#number`.
        external_id: As a receipt has it, such as `comment:123`.
        web: Address of the host's pages.
    """
    place, named = _TARGET.fullmatch(target), _ID.fullmatch(external_id)
    if place is None or named is None or named[1] not in _ANCHORS:
        return None
    anchor = _ANCHORS[named[1]].format(number=place[2], id=named[2])
    return f"{web.rstrip('/')}/{place[1]}/{anchor}"


def _told(effect: Mapping[str, Any], encoding: str) -> Iterator[str]:
    """Give the head line of an effect, and then its parts."""
    teller = _TELLERS.get(effect["kind"])
    if teller is not None:
        yield from teller(effect["payload"], encoding)
    else:
        yield f"with {', '.join(sorted(_text(name, encoding) for name in effect['payload']))}"


def _review(payload: Mapping[str, Any], encoding: str) -> Iterator[str]:
    comments = payload.get("comments", ())
    yield count(len(comments), "comment")
    for comment in comments:
        first = next((line for line in comment["body"].splitlines() if line.strip()), "")
        marked = _MARKED.match(first)
        severity = comment.get("severity") or (marked[1] if marked else "")
        title = _text(first[marked.end() :] if marked else first, encoding)
        edit = " (with a suggestion)" if comment.get("suggestion") is not None else ""
        parts = (_place(comment, encoding), _text(severity.lower(), encoding), title)
        yield " ".join(part for part in parts if part) + edit


def _place(comment: Mapping[str, Any], encoding: str) -> str:
    line, last = comment["line"], comment.get("end_line")
    lines = f"{line}-{last}" if last is not None and last != line else f"{line}"
    side = " before the change" if comment.get("side") == "old" else ""
    return f"{escape_path(comment['path'], encoding)}:{lines}{side}"


def _summary(payload: Mapping[str, Any], encoding: str) -> Iterator[str]:
    del encoding
    yield f"{len(payload.get('body', '')):,} characters"


def _check(payload: Mapping[str, Any], encoding: str) -> Iterator[str]:
    name, conclusion, title = (
        _text(payload.get(key, ""), encoding) for key in ("name", "conclusion", "title")
    )
    notes = payload.get("annotations", ())
    yield f"{name}, {conclusion}: {title}" + (
        f" ({count(len(notes), 'annotation')})" if notes else ""
    )


def _label(payload: Mapping[str, Any], encoding: str) -> Iterator[str]:
    parts = [
        f"{verb} {', '.join(_text(name, encoding) for name in payload[verb])}"
        for verb in ("add", "remove")
        if payload.get(verb)
    ]
    yield "; ".join(parts) or "none"


def _issue(payload: Mapping[str, Any], encoding: str) -> Iterator[str]:
    labels = ", ".join(_text(name, encoding) for name in payload.get("labels", ()))
    yield _text(payload.get("title", ""), encoding) + (f" ({labels})" if labels else "")


def _sarif(payload: Mapping[str, Any], encoding: str) -> Iterator[str]:
    del encoding
    yield f"a report of {len(payload.get('sarif', '')):,} characters"


def _commit(payload: Mapping[str, Any], encoding: str) -> Iterator[str]:
    files = payload.get("files", ())
    message = _text(payload.get("message", ""), encoding)
    branch = _text(payload.get("branch", ""), encoding)
    yield f"{count(len(files), 'file')} on {branch}: {message}"
    for file in files:
        verb = "remove" if file.get("content") is None else "write"
        yield f"{verb} {escape_path(file['path'], encoding)}"


def _resolution(payload: Mapping[str, Any], encoding: str) -> Iterator[str]:
    del encoding
    yield count(len(payload.get("threads", ())), "thread")


_TELLERS: Final[Mapping[str, Callable[[Mapping[str, Any], str], Iterator[str]]]] = {
    "review": _review,
    "summary": _summary,
    "check": _check,
    "label": _label,
    "issue": _issue,
    "sarif": _sarif,
    "commit": _commit,
    "resolution": _resolution,
}


def _text(text: str, encoding: str) -> str:
    """Write a text of others in one line, cut where it is long."""
    line = " ".join(text.split())
    shown = line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."
    return escape(shown, encoding)
