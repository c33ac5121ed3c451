"""The fix: from findings to a verified patch, which is written nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import batched
from typing import Final

from codeflow_engine.domain.change import Change, FileContent
from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.encoding import to_plain
from codeflow_engine.domain.finding import Finding
from codeflow_engine.domain.patch import Patch
from codeflow_engine.reports.prose import count
from codeflow_engine.review.aim import Aimed, aim
from codeflow_engine.review.build import Built, build
from codeflow_engine.runs.context import RunContext
from codeflow_engine.runs.workflow import Workflow
from codeflow_engine.workflows.fetching import AGAIN, fetch, read_files
from codeflow_engine.workflows.fix_input import FixInput
from codeflow_engine.workflows.mending import offer

__all__ = ["FIX", "fix"]

_TOGETHER: Final = 64
_UNKNOWN: Final = "nobody offered an edit for it"


async def fix(run: RunContext, given: FixInput) -> Patch:
    """Mend findings, step by step; each of them is in the patch or has a reason why not."""
    change = await run.step("fetch", fetch, run, given.asked, retry=AGAIN)
    aimed = await run.compute("aim", _aim, run, change, given.findings)
    own = [one.finding for one in aimed.targets if one.finding.suggestion is not None]
    asked = [one for one in aimed.targets if one.finding.suggestion is None]
    offered = await offer(run, given, change, asked)
    suggested = _in_order(given.findings, (*own, *offered.findings))
    built = await run.step("build", _build, run, change, suggested)
    mended = {name for edit in built.edits for name in edit.fingerprints}
    left = aimed.left | offered.left | built.left
    redact = run.tools.redactor.redact
    return Patch(
        run_id=run.run_id,
        target=change.target,
        revision=change.head,
        diff=built.diff,
        edits=built.edits,
        files=built.files,
        fixed=tuple(one.fingerprint for one in given.findings if one.fingerprint in mended),
        left={
            one.fingerprint: redact(left.get(one.fingerprint, _UNKNOWN))
            for one in given.findings
            if one.fingerprint not in mended
        },
        usage=offered.usage,
    )


def _aim(run: RunContext, change: Change, findings: tuple[Finding, ...]) -> Aimed:
    return aim(change, findings, run.tools.redactor)


def _in_order(findings: Sequence[Finding], some: Sequence[Finding]) -> tuple[Finding, ...]:
    places = {one.fingerprint: place for place, one in enumerate(findings)}
    return tuple(sorted(some, key=lambda one: places[one.fingerprint]))


async def _build(run: RunContext, change: Change, findings: tuple[Finding, ...]) -> Built:
    """Read the files that are edited, and try the edits out on copies of them."""
    files: dict[str, FileContent] = {}
    for paths in batched(dict.fromkeys(one.path for one in findings), _TOGETHER):
        for file in await read_files(run, change, paths, Side.NEW):
            files[file.path] = file
    return await build(change, findings, files, run.tools.sandbox)


def _summarise(patch: Patch) -> dict[str, object]:
    mended = count(len(patch.fixed), "finding")
    return {"title": f"{mended} mended, {len(patch.left)} left", "usage": to_plain(patch.usage)}


FIX = Workflow(
    name="fix",
    version=1,
    run=fix,
    read_input=FixInput.read,
    write_input=FixInput.write,
    summarise=_summarise,
    partition=lambda given: given.asked.repository(),
)
