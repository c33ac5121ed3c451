"""Prove: a suggestion is called verified only where its file was seen to parse with it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from codeflow_engine.domain.change import Change
from codeflow_engine.domain.finding import Finding
from codeflow_engine.reports.places import is_exact
from codeflow_engine.review.packages import Known, brought_in
from codeflow_engine.review.verify import Verified
from codeflow_engine.review.wellformed import Edit, wellformed
from codeflow_engine.sandbox import Sandbox

__all__ = ["edited", "prove"]


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
    left = await asyncio.to_thread(_news, change, verified.findings, files)
    edits = {
        place: Edit(
            path=one.path,
            content=files[one.path],
            replacement=edit.replacement,
            start_line=edit.start_line,
            end_line=edit.end_line,
        )
        for place, one in enumerate(verified.findings)
        if (edit := one.suggestion) is not None and place not in left and one.path in files
    }
    judged = dict(zip(edits, await wellformed([*edits.values()], sandbox), strict=True))
    dropped = Counter(verified.dropped)
    kept: list[Finding] = []
    for place, finding in enumerate(verified.findings):
        reason = left.get(place)
        if judged.get(place) is False:
            reason = "a suggestion after which the file does not parse"
        if reason is not None:
            dropped[reason] += 1
            kept.append(replace(finding, suggestion=None))
        else:
            kept.append(_marked(finding, proved=judged.get(place) is True))
    return Verified(findings=tuple(kept), dropped=dict(dropped))


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
