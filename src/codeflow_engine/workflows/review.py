"""The review: from a change to a verdict, step by step."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from functools import partial
from itertools import batched
from typing import Any, Final

from codeflow_engine.contracts import Analysis, Analyzer, AnalyzerCapability
from codeflow_engine.domain.change import Change, Scope
from codeflow_engine.domain.diff import Side, Unit
from codeflow_engine.domain.encoding import to_plain
from codeflow_engine.domain.finding import Finding, FindingState
from codeflow_engine.domain.identity import KnownFinding
from codeflow_engine.domain.review import Review, Timing
from codeflow_engine.domain.run import AnalyzerFinished, ChangeFetched, ReviewJudged
from codeflow_engine.domain.source import MODEL, SourceReport
from codeflow_engine.errors import (
    ConfigurationError,
    MissingDependencyError,
    PluginError,
    SandboxError,
    UnknownBackendError,
)
from codeflow_engine.plugins.dispatch import Modified
from codeflow_engine.plugins.registry import Kind
from codeflow_engine.review.analyze import analyze, failed_source
from codeflow_engine.review.anchor import Anchored, anchor
from codeflow_engine.review.files import SharedFiles
from codeflow_engine.review.fuse import fuse
from codeflow_engine.review.identify import Identified, Memory, Seen, identify
from codeflow_engine.review.judge import Verdict, judge
from codeflow_engine.review.overhear import Discussion, speakers
from codeflow_engine.review.partition import partition
from codeflow_engine.review.prove import edited, prove
from codeflow_engine.review.settle import Account, settle
from codeflow_engine.review.verify import Verified, verify
from codeflow_engine.runs.context import RunContext
from codeflow_engine.runs.scoped_cache import ScopedCache
from codeflow_engine.runs.workflow import Workflow
from codeflow_engine.sandbox import Isolation
from codeflow_engine.workflows.discussing import discuss, take_up
from codeflow_engine.workflows.fetching import AGAIN, fetch, read_again, read_files, read_policy_of
from codeflow_engine.workflows.inspecting import inspect_change
from codeflow_engine.workflows.review_input import ReviewInput
from codeflow_engine.workflows.showing import look_for_unshown

__all__ = ["REVIEW", "review"]

_GATHERED: Final = 256 * 1024 * 1024
"""Bytes of files that are held for the wide scope; findings in others are dropped, counted."""

_TOGETHER: Final = 64


async def review(run: RunContext, given: ReviewInput) -> Review:
    """Review a change, step by step; each step is a verb and has a file of its own."""
    names = _names(run, given)
    analyzers = await run.compute("prepare", _prepare, run, given, names)
    models = run.tools.models.select(given.llm)
    change = await run.step("fetch", fetch, run, given, retry=AGAIN)
    discussion = await discuss(run, given, change)
    policy = await run.step("policy", read_policy_of, run, change, retry=AGAIN)
    unshown: dict[str, str] = {}
    if models.names:
        unshown = await run.step("exclude", look_for_unshown, run, change, models, retry=AGAIN)
    parts = await run.compute("partition", partition, change, policy, unshown)
    await run.emit(
        ChangeFetched,
        title=run.tools.redactor.redact(change.title),
        files=len(parts.paths),
        units=len(parts.to_review) + len(parts.decided),
    )
    sources = [*_analyzing(run, given, analyzers, change, parts.to_review)]
    if models.names:
        sources.append(inspect_change(run, given, change, parts, policy))
    reports = await run.together(sources) + await take_up(run, discussion, parts.to_review)
    whole = await run.step("gather", _gather, run, given, change, reports, retry=AGAIN)
    anchored = await run.compute(
        "anchor", anchor, change, parts.to_review, reports, run.tools.redactor, whole
    )
    verified = await run.compute("verify", verify, change, anchored.findings)
    if edited(verified.findings):
        verified = await run.step("prove", _prove, run, change, verified)
    fused = await run.compute("fuse", fuse, verified.findings)
    modified = await run.step("modify", run.tools.hooks.modify_findings, run.run_id, fused, change)
    left = {finding.fingerprint for finding in modified.findings}
    seen = Seen(
        findings=modified.findings,
        removed=tuple(finding for finding in fused if finding.fingerprint not in left),
        unheard=anchored.unheard,
        traits=anchored.traits,
        partition=parts,
        reports=reports,
        loose=frozenset((MODEL,)),
        whole=whole is not None,
    )
    memory = await run.step("recall", _recall, run, change, modified.findings)
    identified = await run.compute("identify", _identify, run, change, seen, memory)
    isolation, timing = await run.step("measure", _measure, run)
    verdict = Verdict(
        findings=identified.findings,
        dropped=_add_up(*reports, discussion, anchored, verified, modified),
        isolation=isolation,
        timing=timing,
    )
    judged = await run.compute(
        "judge", judge, run.run_id, change, (parts, reports), verdict, run.tools.redactor
    )
    account = Account(
        change=change,
        asked=(
            *(name for name in names if analyzers.get(name, "") is not None),
            *([MODEL] if models.names else []),
            *speakers(discussion.remarks),
        ),
        discussion=discussion,
        partition=parts,
        reports=reports,
        anchored=anchored,
        verified=verified,
        fused=fused,
        modified=modified,
        identified=identified.findings,
    )
    await run.compute("settle", settle, account, judged)
    await run.step("save", run.tools.storage.put_reviews, run.tenant, [judged], identified.known)
    await run.emit(
        ReviewJudged,
        outcome=judged.outcome,
        reason=judged.reason,
        findings=len(judged.findings),
    )
    return judged


def _add_up(*stages: SourceReport | Discussion | Anchored | Verified | Modified) -> dict[str, int]:
    """Count what was dropped, by reason, whoever dropped it."""
    dropped: Counter[str] = Counter()
    for stage in stages:
        dropped.update(stage.dropped)
    return dict(dropped)


def _summarise(review: Review) -> dict[str, object]:
    alive = {FindingState.NEW, FindingState.OPEN}
    return {
        "title": review.change.title,
        "outcome": review.outcome.value,
        "findings": sum(finding.state in alive for finding in review.findings),
        "usage": to_plain(review.usage),
    }


REVIEW = Workflow(
    name="review",
    version=4,
    run=review,
    read_input=ReviewInput.read,
    write_input=ReviewInput.write,
    summarise=_summarise,
    partition=ReviewInput.repository,
)


def _named(run: RunContext, given: ReviewInput) -> tuple[str, ...] | None:
    return given.analyzers if given.analyzers is not None else run.tools.settings.analyzers


def _names(run: RunContext, given: ReviewInput) -> tuple[str, ...]:
    """Give the names of all analyzers that may be asked."""
    named = _named(run, given)
    names = run.tools.backends.names(Kind.ANALYZER) if named is None else named
    if MODEL in names:
        raise ConfigurationError(
            f"no analyzer is called {MODEL!r}: that is how reviews name what models find"
        )
    return names


def _prepare(
    run: RunContext, given: ReviewInput, names: tuple[str, ...]
) -> dict[str, Analyzer | str | None]:
    """Create the backends that are needed; an analyzer that cannot be had is its reason.

    Analyzers that somebody named have to exist, and count as failed where a package is missing.
    Without names, those whose package is missing are None, and not asked. A broken plugin harms
    no run: what it should have examined counts as failed.
    """
    backends, named = run.tools.backends, _named(run, given)
    if not isinstance(given.change, Change):
        run.tools.host()
    chosen: dict[str, Analyzer | str | None] = {}
    for name in names:
        try:
            chosen[name] = backends.get(Analyzer, name)
        except UnknownBackendError:
            raise
        except MissingDependencyError as error:
            chosen[name] = None if named is None else error.message
        except PluginError as error:
            chosen[name] = error.message
    if given.reports and not any(map(_imports, chosen.values())):
        reader = AnalyzerCapability.IMPORTS_REPORTS
        raise ConfigurationError(
            f"the review has reports of other tools, and no analyzer that it asks is able to "
            f"{reader}: ask `imported`, too"
        )
    return chosen


def _imports(analyzer: Analyzer | str | None) -> bool:
    """Say whether it takes over reports."""
    if analyzer is None or isinstance(analyzer, str):
        return False
    return AnalyzerCapability.IMPORTS_REPORTS in analyzer.capabilities


def _analyzing(
    run: RunContext,
    given: ReviewInput,
    analyzers: Mapping[str, Analyzer | str | None],
    change: Change,
    units: tuple[Unit, ...],
) -> Iterator[Coroutine[Any, Any, SourceReport]]:
    """Give a step for each analyzer, in the order of their names."""
    analysis = Analysis(
        change=change,
        units=units,
        read_files=SharedFiles(partial(read_again, run, change)).read,
        cache=ScopedCache(run.tools.cache, run.tenant),
        reports=given.reports,
    )
    for name, one in sorted(analyzers.items()):
        if one is not None:
            yield run.step("analyze", _analyze_one, run, name, one, analysis, key=name)


def _log_crash(run: RunContext, name: str, error: BaseException) -> None:
    """Say where an analyzer crashed, in its author's words and not in those of the change."""
    *_, last = traceback.extract_tb(error.__traceback__)
    place = f"{last.filename}:{last.lineno} in {last.name}"
    kind = type(error).__name__
    run.tools.log.warning("analyzer crashed", analyzer=name, error=kind, place=place)


async def _analyze_one(
    run: RunContext, name: str, analyzer: Analyzer | str, analysis: Analysis
) -> SourceReport:
    if not analysis.units:
        return SourceReport(source=name)
    if isinstance(analyzer, str):
        report = failed_source(name, analysis.units, analyzer)
    else:
        timeout = run.tools.settings.analyzer_timeout
        crashed = partial(_log_crash, run, name)
        with run.tools.eyes.analyzer(name) as seen:
            report = await analyze(
                name, analyzer, analysis, run.tools.sandbox, timeout, crashed=crashed
            )
            seen.report(report)
    await run.emit(
        AnalyzerFinished,
        analyzer=name,
        findings=len(report.findings),
        examined=len(report.examined),
        failure=None if report.failure is None else run.tools.redactor.redact(report.failure),
    )
    return report


async def _gather(
    run: RunContext, given: ReviewInput, change: Change, reports: Sequence[SourceReport]
) -> dict[str, bytes] | None:
    """Read the files whose findings may stand outside of the hunks, in the wide scope."""
    if (given.scope or run.tools.settings.scope) is not Scope.FILE:
        return None
    told = {raw.path for report in reports if report.reads_files for raw in report.findings}
    known = {file.new_path for file in change.diff.files}
    files: dict[str, bytes] = {}
    left = _GATHERED
    for paths in batched(sorted(told & known), _TOGETHER):
        for file in await read_files(run, change, paths, Side.NEW):
            if file.content is not None and len(file.content) <= left:
                files[file.path] = file.content
                left -= len(file.content)
    return files


async def _prove(run: RunContext, change: Change, verified: Verified) -> Verified:
    """Look whether files parse with the suggestions, where the files can be had."""
    paths = edited(verified.findings)
    files = {
        file.path: file.content
        for batch in batched(paths, _TOGETHER)
        for file in await read_files(run, change, batch, Side.NEW)
        if file.content is not None
    }
    return await prove(change, verified, files, run.tools.sandbox)


async def _recall(run: RunContext, change: Change, findings: tuple[Finding, ...]) -> Memory:
    """Read what is known of earlier versions, and what people have said about it."""
    storage = run.tools.storage
    known: tuple[KnownFinding, ...] = ()
    if change.key is not None:
        known = await storage.find_findings(run.tenant, change=change.key)
    named = {one.fingerprint for one in known} | {one.fingerprint for one in findings}
    return Memory(known=known, dismissals=await storage.find_dismissals(run.tenant, named))


def _identify(run: RunContext, change: Change, seen: Seen, memory: Memory) -> Identified:
    return identify(change, seen, memory, run.tools.redactor, run_id=run.run_id, now=run.started_at)


async def _measure(run: RunContext) -> tuple[str, Timing]:
    """Tell the isolation that analyzers had here, and how long it took."""
    timing = Timing(started_at=run.started_at, seconds=round(run.seconds, 3))
    try:
        return (await run.tools.sandbox.isolation()).value, timing
    except SandboxError:
        # Without an interpreter no analyzer could run either, which the ledger tells.
        return Isolation.NONE.value, timing
