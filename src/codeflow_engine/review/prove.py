"""Prove: a suggestion is called verified only where its file was seen to parse with it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from codeflow_engine.domain.change import Change
from codeflow_engine.domain.finding import Finding
from codeflow_engine.reports.places import is_exact
from codeflow_engine.review.packages import Known, brought_in
from codeflow_engine.review.verify import Verified
from codeflow_engine.review.wellformed import Edit, wellformed
from codeflow_engine.sandbox import Sandbox

__all__ = ["Proof", "edited", "prove", "try_out"]


def edited(findings: Sequence[Finding]) -> tuple[str, ...]:
    """List the files that suggestions edit, each once: `prove` wants to see them."""
    return tuple(dict.fromkeys(one.path for one in findings if one.suggestion is not None))


async def prove(
    change: Change, verified: Verified, files: Mapping[str, bytes], sandbox: Sandbox
) -> Verified:
    """Take away suggestions that break their file or bring in a package; mark what was proved.

    Args:
        change: The change.
        verified: What `verify` has left, and what it has dropped.
        files: Content on the new side of the files that suggestions edit, as far as it is
            to be had.
        sandbox: Where they are parsed.
    """
    proof = await try_out(change, verified.findings, files, sandbox)
    kept = [
        replace(finding, suggestion=None)
        if place in proof.refused
        else _marked(finding, proved=place in proof.parsed)
        for place, finding in enumerate(verified.findings)
    ]
    dropped = Counter(verified.dropped)
    dropped.update(proof.refused.values())
    return Verified(findings=tuple(kept), dropped=dict(dropped))


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What came of trying suggestions out, by the places of their findings."""

    refused: dict[int, str]
    """Those that break their file or bring in a package, with the reason."""

    parsed: frozenset[int]
    """Those with which the file was seen to parse; of the others nobody can tell."""


async def try_out(
    change: Change, findings: Sequence[Finding], files: Mapping[str, bytes], sandbox: Sandbox
) -> Proof:
    """Try each suggestion by itself; as for `prove`."""
    refused = await asyncio.to_thread(_news, change, findings, files)
    edits = {
        place: Edit(
            path=one.path,
            content=files[one.path],
            replacement=edit.replacement,
            start_line=edit.start_line,
            end_line=edit.end_line,
        )
        for place, one in enumerate(findings)
        if (edit := one.suggestion) is not None and place not in refused and one.path in files
    }
    judged = dict(zip(edits, await wellformed([*edits.values()], sandbox), strict=True))
    broken = [place for place, judgement in judged.items() if judgement is False]
    refused |= dict.fromkeys(broken, "a suggestion after which the file does not parse")
    return Proof(
        refused=refused,
        parsed=frozenset(place for place, judgement in judged.items() if judgement is True),
    )


def _news(
    change: Change, findings: Sequence[Finding], files: Mapping[str, bytes]
) -> dict[int, str]:
    """Find the suggestions that bring in a package, each by its place."""
    known = Known(change.diff, files)
    return {
        place: "a suggestion that brings in a package"
        for place, one in enumerate(findings)
        if one.suggestion is not None
        and brought_in(one.path, one.suggestion.replacement, known) is not None
    }


def _marked(finding: Finding, *, proved: bool) -> Finding:
    edit = finding.suggestion
    # What was taken out of a prompt may come back as its placeholder, which parses in a text.
    if edit is None or not proved or not is_exact(edit.replacement):
        return finding
    return replace(finding, suggestion=replace(edit, verified=True))
