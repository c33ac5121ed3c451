"""Verify: a suggestion is offered only where it applies, and never where it gives power."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from codeflow_engine.domain.change import Change
from codeflow_engine.domain.diff import Hunk, Side
from codeflow_engine.domain.finding import Finding, Suggestion
from codeflow_engine.domain.patterns import PathPatterns

__all__ = ["PROTECTED", "Verified", "refusals", "verify"]

PROTECTED = (
    # What runs with a repository's keys when somebody takes the suggestion.
    *(".github/", ".gitea/", ".forgejo/", ".gitlab/", ".circleci/", ".buildkite/", ".tekton/"),
    *(".azure-pipelines/", ".woodpecker/", ".semaphore/", ".teamcity/", ".ci/"),
    *(".gitlab-ci*", "azure-pipelines*", "bitbucket-pipelines*", "cloudbuild*", "buildspec*"),
    *(".travis.y*ml", ".drone.*", ".woodpecker.*", ".cirrus.*", "appveyor.y*ml", ".appveyor.y*ml"),
    *("jenkinsfile*", "*.jenkinsfile"),
    # What runs on the machine of whoever checks the suggestion out.
    *(".husky/", ".githooks/", ".pre-commit-config.yaml", ".gitmodules", ".gitattributes"),
    *(".devcontainer/", ".devcontainer.json", ".vscode/", ".envrc"),
    # What says who has to agree, and what is reviewed.
    *("codeowners", ".codeflow.toml"),
)
"""Files that no suggestion edits: patterns as in `.gitignore`, in lower case."""


_LINES = 400
_CHARACTERS = 20_000
"""Most of a replacement that anybody can check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The findings, without the suggestions that may not be offered; those are counted."""

    findings: tuple[Finding, ...]
    dropped: dict[str, int]


def verify(
    change: Change, findings: tuple[Finding, ...], *, protected: tuple[str, ...] = PROTECTED
) -> Verified:
    """Take away suggestions that do not apply, do nothing, are too long, or give power.

    A host accepts an edit only inside of the diff, and one hunk is all that a source was
    shown in one piece. Those that stay are not verified yet, whatever their source says:
    see `prove`.

    Args:
        change: The change.
        findings: What was found in it.
        protected: Patterns of files that no suggestion edits; they meet paths in lower case,
            since some file systems tell no case apart.
    """
    refused = refusals(change, findings, protected=protected)
    kept = [
        finding
        if (edit := finding.suggestion) is None
        else replace(
            finding, suggestion=None if place in refused else replace(edit, verified=False)
        )
        for place, finding in enumerate(findings)
    ]
    return Verified(findings=tuple(kept), dropped=dict(Counter(refused.values())))


def refusals(
    change: Change, findings: Sequence[Finding], *, protected: tuple[str, ...] = PROTECTED
) -> dict[int, str]:
    """Say which suggestions may not be offered, by their place, and why; as for `verify`."""
    wanted = {finding.path for finding in findings if finding.suggestion}
    hunks: dict[str, list[Hunk]] = {path: [] for path in wanted}
    for file in change.diff.files if hunks else ():
        if file.new_path in hunks:
            hunks[file.new_path].extend(file.hunks)
    guarded = PathPatterns(protected)
    denied = {path for path in wanted if guarded.find(path.lower()) is not None}
    refused: dict[int, str] = {}
    for place, finding in enumerate(findings):
        edit = finding.suggestion
        if edit is None:
            continue
        reason = (
            "a suggestion that edits what runs or guards the repository"
            if finding.path in denied
            else _refusal(edit, hunks[finding.path])
        )
        if reason is not None:
            refused[place] = reason
    return refused


def _refusal(edit: Suggestion, hunks: list[Hunk]) -> str | None:
    """Say why a suggestion cannot be offered; None where it can."""
    around = [hunk for hunk in hunks if _shows(hunk, edit)]
    if edit.start_line > edit.end_line or not around:
        return "a suggestion whose lines the change does not show"
    new = edit.replacement.split("\n") if edit.replacement else []
    if len(new) > _LINES or len(edit.replacement) > _CHARACTERS:
        return "a suggestion that is too long to be checked"
    numbers = around[0].numbers(Side.NEW)
    first, last = edit.start_line - numbers.start, edit.end_line - numbers.start
    old = [line.text for line in around[0].side(Side.NEW)[first : last + 1]]
    if [line.removesuffix("\r") for line in new] == [line.removesuffix("\r") for line in old]:
        return "a suggestion that changes nothing"
    return None


def _shows(hunk: Hunk, edit: Suggestion) -> bool:
    numbers = hunk.numbers(Side.NEW)
    return edit.start_line in numbers and edit.end_line in numbers
