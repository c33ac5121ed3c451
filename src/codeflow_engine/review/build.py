"""Build: suggestions become a patch that was tried out as a whole, or a reason each."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from codeflow_engine.domain.change import Change, FileContent
from codeflow_engine.domain.diff import Diff, DiffFile, Side, apply
from codeflow_engine.domain.finding import Finding, Suggestion
from codeflow_engine.domain.patch import PatchedFile, PatchEdit
from codeflow_engine.domain.working_tree import is_safe
from codeflow_engine.review.packages import Known, brought_in
from codeflow_engine.review.prove import try_out
from codeflow_engine.review.unified import unified
from codeflow_engine.review.verify import refusals
from codeflow_engine.review.wellformed import Edit, wellformed
from codeflow_engine.sandbox import Sandbox

__all__ = ["Built", "build"]

_REGULAR: Final = frozenset(["100644", "100755"])
_MOST: Final = 64 * 1024 * 1024
"""Bytes of all files of a patch."""

_TOGETHER: Final = "its edit breaks the file together with the others there"
_BROKEN: Final = "the file does not parse with its edit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What a patch is made of."""

    diff: str = ""
    edits: tuple[PatchEdit, ...] = ()
    files: tuple[PatchedFile, ...] = ()
    left: dict[str, str]
    """Findings whose suggestion is not in it, by fingerprint, each with the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """A file with the edits that it gets."""

    path: str
    content: bytes
    mode: str
    edits: tuple[PatchEdit, ...]

    @property
    def diff(self) -> str:
        return unified(self.path, self.content.decode(), [_suggestion(one) for one in self.edits])

    @property
    def edited(self) -> bytes:
        """The content that the diff makes: that alone is what somebody else would get."""
        [entry] = Diff.parse(self.diff).files
        return apply(entry, self.content)


async def build(
    change: Change,
    findings: Sequence[Finding],
    files: Mapping[str, FileContent],
    sandbox: Sandbox,
) -> Built:
    """Build a patch of the suggestions of some findings.

    Each has to apply, to edit nothing that is protected, to bring in no package, and to
    leave a file that parses. Of those that overlap the one for the worst finding stays. All
    edits of a file are then tried together; where that breaks it, only the one for the worst
    finding stays.

    Args:
        change: The change.
        findings: Each with a suggestion, and with the path of a file on the new side.
        files: These files on the new side, as far as they are to be had.
        sandbox: Where they are parsed.
    """
    left = await asyncio.to_thread(_unfit, change, findings, files)
    fit = [one for one in findings if one.fingerprint not in left]
    contents = {one.path: files[one.path].content or b"" for one in fit}
    if sum(map(len, contents.values())) > _MOST:
        too_large = f"the files that would be edited have over {_MOST:,} bytes"
        return Built(left=left | dict.fromkeys((one.fingerprint for one in fit), too_large))
    proof = await try_out(change, fit, contents, sandbox)
    left |= {fit[place].fingerprint: why for place, why in proof.refused.items()}
    parsed = frozenset(fit[place].fingerprint for place in proof.parsed)
    fit = [one for one in fit if one.fingerprint not in left]
    made = [
        _File(
            path=path,
            content=contents[path],
            mode=files[path].mode or "100644",
            edits=_chosen([one for one in fit if one.path == path], parsed, left),
        )
        for path in sorted({one.path for one in fit})
    ]
    known = Known(change.diff, contents)
    whole = await _proved(await _reduced(made, fit, known, sandbox, left), known, sandbox, left)
    return await asyncio.to_thread(_built, whole, left)


def _unfit(
    change: Change, findings: Sequence[Finding], files: Mapping[str, FileContent]
) -> dict[str, str]:
    """Say of suggestions why they may not be tried, by the fingerprint of their finding."""
    wanted = {one.path for one in findings}
    entries: dict[str, list[DiffFile]] = {path: [] for path in wanted}
    for file in change.diff.files:
        if file.new_path in wanted:
            entries[file.new_path].append(file)
    left = {
        one.fingerprint: why
        for one in findings
        if (why := _reason(one, files[one.path], entries[one.path])) is not None
    }
    refused = refusals(change, findings)
    return left | {findings[place].fingerprint: why for place, why in refused.items()}


def _reason(finding: Finding, file: FileContent, entries: Sequence[DiffFile]) -> str | None:
    """Say why a file cannot be edited, or is not the one that the finding was made for."""
    edit = finding.suggestion
    if file.content is None:
        return f"its file cannot be read: {file.reason or 'it is not there'}"
    if not is_safe(finding.path) or (file.mode or "100644") not in _REGULAR:
        return "its file is no regular file of the tree"
    try:
        text = file.content.decode()
    except UnicodeDecodeError:
        return "its file is not written in UTF-8"
    if edit is None or "[redacted:" in edit.replacement or not _is_writable(edit.replacement):
        return "its suggestion cannot be written as it stands"
    if not all(_agrees(entry, edit, text) for entry in entries):
        return "its file is not the one that was reviewed"
    return None


def _is_writable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _agrees(entry: DiffFile, edit: Suggestion, text: str) -> bool:
    """Tell whether the file has the lines around an edit as the change shows them."""
    place = entry.find_hunk(Side.NEW, edit.start_line)
    if place is None:  # which is refused for that
        return True
    hunk = entry.hunks[place]
    numbers = hunk.numbers(Side.NEW)
    told = [line.text for line in hunk.side(Side.NEW)]
    return text.split("\n")[numbers.start - 1 : numbers.stop - 1] == told


def _chosen(
    findings: Sequence[Finding], parsed: frozenset[str], left: dict[str, str]
) -> tuple[PatchEdit, ...]:
    """Choose edits of one file that do not overlap, and say of the others that they do."""
    chosen: list[tuple[Suggestion, list[Finding]]] = []
    for one in sorted(findings, key=lambda one: one.severity.rank):
        edit = one.suggestion
        if edit is None:  # each has one
            continue
        for other, mended in chosen:
            if _key(other) == _key(edit):
                mended.append(one)
                break
            if edit.start_line <= other.end_line and other.start_line <= edit.end_line:
                rival = mended[0].fingerprint
                left[one.fingerprint] = f"its edit overlaps with that for {rival}"
                break
        else:
            chosen.append((edit, [one]))
    return tuple(
        PatchEdit(
            path=mended[0].path,
            start_line=edit.start_line,
            end_line=edit.end_line,
            replacement=edit.replacement,
            fingerprints=tuple(sorted(one.fingerprint for one in mended)),
            verified=mended[0].fingerprint in parsed,
        )
        for edit, mended in sorted(chosen, key=lambda one: one[0].start_line)
    )


def _key(edit: Suggestion) -> tuple[int, int, str]:
    return (edit.start_line, edit.end_line, edit.replacement)


def _suggestion(edit: PatchEdit) -> Suggestion:
    return Suggestion(
        replacement=edit.replacement, start_line=edit.start_line, end_line=edit.end_line
    )


async def _reduced(
    made: Sequence[_File],
    findings: Sequence[Finding],
    known: Known,
    sandbox: Sandbox,
    left: dict[str, str],
) -> list[_File]:
    """Leave one edit alone where those of a file break it together."""
    ranks = {one.fingerprint: one.severity.rank for one in findings}
    kept: list[_File] = []
    for file, judgement in zip(made, await _judge(made, known, sandbox), strict=True):
        if judgement is not False or len(file.edits) == 1:
            kept.append(file)
            continue
        worst = min(file.edits, key=lambda edit: min(ranks[one] for one in edit.fingerprints))
        others = [one for one in file.edits if one is not worst]
        left |= {name: _TOGETHER for one in others for name in one.fingerprints}
        kept.append(_with(file, (worst,)))
    return kept


async def _proved(
    made: Sequence[_File], known: Known, sandbox: Sandbox, left: dict[str, str]
) -> list[_File]:
    """Keep the files that parse as a whole, or of which nobody can tell."""
    kept: list[_File] = []
    for file, judgement in zip(made, await _judge(made, known, sandbox), strict=True):
        if judgement is False:
            left |= {name: _BROKEN for one in file.edits for name in one.fingerprints}
            continue
        marked = [_marked(one, sure=judgement is True) for one in file.edits]
        kept.append(_with(file, tuple(marked)))
    return kept


async def _judge(files: Sequence[_File], known: Known, sandbox: Sandbox) -> list[bool | None]:
    """Tell of each file whether it parses with all of its edits, and brings in no package."""
    copies = await asyncio.to_thread(lambda: [file.edited.decode() for file in files])
    tried = [
        Edit(
            path=file.path,
            content=file.content,
            replacement=copy,
            start_line=1,
            end_line=file.content.count(b"\n") + 1,
        )
        for file, copy in zip(files, copies, strict=True)
    ]
    judged = await wellformed(tried, sandbox)
    return [
        False if brought_in(file.path, copy, known) is not None else judgement
        for file, copy, judgement in zip(files, copies, judged, strict=True)
    ]


def _with(file: _File, edits: tuple[PatchEdit, ...]) -> _File:
    return _File(path=file.path, content=file.content, mode=file.mode, edits=edits)


def _marked(edit: PatchEdit, *, sure: bool) -> PatchEdit:
    return PatchEdit(
        path=edit.path,
        start_line=edit.start_line,
        end_line=edit.end_line,
        replacement=edit.replacement,
        fingerprints=edit.fingerprints,
        verified=edit.verified and sure,
    )


def _built(files: Sequence[_File], left: dict[str, str]) -> Built:
    return Built(
        diff="".join(file.diff for file in files),
        edits=tuple(edit for file in files for edit in file.edits),
        files=tuple(
            PatchedFile(
                path=file.path,
                mode=file.mode,
                before=sha256(file.content).hexdigest(),
                content=file.edited,
            )
            for file in files
        ),
        left=left,
    )
