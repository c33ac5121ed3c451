"""Verify: a suggestion is offered only where it applies, and never where it gives power."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from codeflow_engine.domain.change import Change
from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.finding import Finding, Suggestion
from codeflow_engine.domain.patterns import PathPatterns

__all__ = ["PROTECTED", "Verified", "verify"]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The findings, without the suggestions that may not be offered; those are counted."""

    findings: tuple[Finding, ...]
    dropped: dict[str, int]


def verify(
    change: Change, findings: tuple[Finding, ...], *, protected: tuple[str, ...] = PROTECTED
) -> Verified:
    """Take away suggestions whose lines one hunk does not show, and those to protected files.

    A host accepts an edit only inside of the diff, and one hunk is all that a source was
    shown in one piece.

    Args:
        change: The change.
        findings: What was found in it.
        protected: Patterns of files that no suggestion edits; they meet paths in lower case,
            since some file systems tell no case apart.
    """
    wanted = {finding.path for finding in findings if finding.suggestion}
    hunks: dict[str, list[range]] = {path: [] for path in wanted}
    for file in change.diff.files if hunks else ():
        if file.new_path in hunks:
            hunks[file.new_path].extend(hunk.numbers(Side.NEW) for hunk in file.hunks)
    guarded = PathPatterns(protected)
    denied = {path for path in wanted if guarded.find(path.lower()) is not None}
    kept: list[Finding] = []
    dropped: Counter[str] = Counter()
    for finding in findings:
        reason = None
        if finding.suggestion and finding.path in denied:
            reason = "a suggestion that edits what runs or guards the repository"
        elif finding.suggestion and not _applies(finding.suggestion, hunks[finding.path]):
            reason = "a suggestion whose lines the change does not show"
        if reason is not None:
            dropped[reason] += 1
        kept.append(finding if reason is None else replace(finding, suggestion=None))
    return Verified(findings=tuple(kept), dropped=dict(dropped))


def _applies(suggestion: Suggestion, hunks: list[range]) -> bool:
    return suggestion.start_line <= suggestion.end_line and any(
        suggestion.start_line in hunk and suggestion.end_line in hunk for hunk in hunks
    )
