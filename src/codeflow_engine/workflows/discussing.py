"""How a review hears what is said about its change on the host."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from codeflow_engine.contracts import VCS, VCSCapability
from codeflow_engine.domain.change import Change
from codeflow_engine.domain.diff import Unit
from codeflow_engine.domain.discussion import Thread
from codeflow_engine.domain.dismissal import Dismissal
from codeflow_engine.domain.finding import Finding
from codeflow_engine.domain.shape import is_sound
from codeflow_engine.domain.source import SourceReport
from codeflow_engine.errors import InvalidResponseError, ProviderError
from codeflow_engine.redaction import Redactor
from codeflow_engine.review.heed import Word, heed, weigh
from codeflow_engine.review.overhear import Discussion, overhear, remarks
from codeflow_engine.runs.context import RunContext
from codeflow_engine.workflows.fetching import AGAIN
from codeflow_engine.workflows.review_input import ReviewInput

__all__ = ["discuss", "take_up"]

_TOLD: Final = 200
"""Characters of an error that a review tells."""


async def discuss(run: RunContext, given: ReviewInput, change: Change) -> Discussion:
    """Hear what is said about a change, where its host knows that.

    What people have dismissed there is kept before this returns. Where the host gives no
    answer the review goes on without, and tells so among what was dropped: dismissals that
    were kept earlier hold all the same.
    """
    if change.provider is None:
        return Discussion()
    vcs = run.tools.host(change.provider)
    if VCSCapability.DISCUSS not in vcs.capabilities:
        return Discussion()
    bots = run.tools.settings.heed_bots if given.heed_bots is None else given.heed_bots
    try:
        chosen = await run.step("discuss", _discuss, run, vcs, change, bots, retry=AGAIN)
    except ProviderError as error:
        told = " ".join(run.tools.redactor.redact(error.message).split())[:_TOLD]
        run.tools.log.warning("discussion not read", error=type(error).__name__)
        reason = f"discussion that could not be read, so that nothing new in it counts: {told}"
        return Discussion(dropped={reason: 1})
    return Discussion(remarks=chosen)


async def take_up(
    run: RunContext, discussion: Discussion, units: tuple[Unit, ...]
) -> tuple[SourceReport, ...]:
    """Make reports of what the bots say that are heard; none where none says anything."""
    if not discussion.remarks:
        return ()
    return await run.compute("overhear", overhear, discussion.remarks, units)


async def _discuss(
    run: RunContext, vcs: VCS, change: Change, bots: tuple[str, ...]
) -> tuple[Thread, ...]:
    """Read the threads of a change; keep what is dismissed there, and give what bots say."""
    threads = await vcs.read_threads(change.target)
    if threads == ():
        return ()
    words, chosen = await run.compute("heed", _understand, threads, bots, run.tools.redactor)
    if words and change.key is not None:
        await _keep(run, change.key, words)
    return chosen


def _understand(
    threads: tuple[Thread, ...], bots: tuple[str, ...], redactor: Redactor
) -> tuple[tuple[Word, ...], tuple[Thread, ...]]:
    """Find what people say of findings, and what bots say that are heard."""
    if not is_sound(Discussion(remarks=threads)):
        raise InvalidResponseError("the host gave threads of a wrong form")
    return heed(threads, redactor), remarks(threads, bots)


async def _keep(run: RunContext, change: str, words: tuple[Word, ...]) -> None:
    storage = run.tools.storage
    held = await storage.find_dismissals(run.tenant, {word.fingerprint for word in words})
    weighed = weigh(words, held, change)
    if weighed.removed:
        await storage.remove_dismissals(run.tenant, weighed.removed)
    if weighed.put:
        known = await storage.find_findings(run.tenant, change=change)
        findings = {one.fingerprint: one.finding for one in known}
        put = [_described(one, findings.get(one.fingerprint)) for one in weighed.put]
        await storage.put_dismissals(run.tenant, put)


def _described(dismissal: Dismissal, finding: Finding | None) -> Dismissal:
    """Say what a dismissal is about, for those who read a list."""
    if finding is None:
        return dismissal
    return replace(dismissal, rule=finding.rule, path=finding.path, title=finding.title)
