"""Commits on a branch of the repository: made whole, then the branch moves forward to them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar, Final, override
from urllib.parse import quote

from codeflow_engine.domain.effect import Effect, Receipt
from codeflow_engine.errors import CodeflowError, InvalidResponseError, PublishError
from codeflow_engine.providers.vcs.github.posting.entries import field, is_by, moment, receipt
from codeflow_engine.providers.vcs.github.posting.payloads import CommitPayload, FileWrite, read
from codeflow_engine.providers.vcs.github.posting.poster import Poster
from codeflow_engine.providers.vcs.github.posting.pull import Pull, is_refused
from codeflow_engine.providers.vcs.github.target import FULL_ID, check_revision

__all__ = ["Commits"]

_NEEDS: Final = "contents: write"
_READS: Final = "contents: read"
_TRAILER: Final = "Codeflow-Effect"
_A_TRAILER: Final = re.compile(r"[A-Za-z0-9-]+: \S.*")
_MODES: Final = frozenset({"100644", "100755", "120000"})
_FAR: Final = 10
"""Pages of 100 commits that are looked through for ours, from the tip of the branch down."""


class Commits(Poster):
    """Makes commits, each of which has the key of its effect as a trailer of its message.

    A branch is made, or moved forward from the commit that the files were made for; it is
    never moved in any other way, so that nobody's work is lost.
    """

    prefixes: ClassVar[tuple[str, ...]] = ("commit",)

    @override
    async def find(self, pull: Pull, effects: Sequence[Effect]) -> list[Receipt]:
        found = []
        for effect in effects:
            payload = read(CommitPayload, effect.payload)
            entry = await self._look(pull, effect, payload)
            if entry is not None:
                found.append(_receipt(effect, entry, found=True))
        return found

    @override
    async def write(self, pull: Pull, effect: Effect) -> Receipt:
        payload = read(CommitPayload, effect.payload)
        _check(payload)
        tip = await self._tip(pull, payload.branch)
        if tip is not None and tip != payload.base:
            raise _moved(payload, tip)
        entry = await self._make(pull, effect, payload)
        sha = str(field(entry, "sha"))
        refs = f"{pull.repository}/git/refs"
        try:
            if tip is None:
                body: dict[str, object] = {"ref": f"refs/heads/{payload.branch}", "sha": sha}
                await pull.send("POST", refs, body, needs=_NEEDS)
            else:
                body = {"sha": sha, "force": False}
                path = f"{refs}/heads/{quote(payload.branch)}"
                await pull.send("PATCH", path, body, needs=_NEEDS)
        except CodeflowError as error:
            if not is_refused(error):
                raise
            standing = await self._look(pull, effect, payload)
            if standing is None:
                raise _moved(payload, await self._tip(pull, payload.branch)) from None
            return _receipt(effect, standing, found=True)
        return _receipt(effect, entry, found=False)

    @override
    async def take_back(self, pull: Pull, receipt: Receipt, name: str) -> None:
        raise PublishError(
            f"the commit {name} stays: others may stand on it; a commit that reverts it is an "
            "effect of its own"
        )

    async def _make(self, pull: Pull, effect: Effect, payload: CommitPayload) -> Any:
        """Write blobs, tree and commit; nobody sees them before the branch moves."""
        git = f"{pull.repository}/git"
        base = (
            await pull.client.request("GET", f"{git}/commits/{payload.base}", needs=_READS)
        ).body
        entries = []
        for file in payload.files:
            sha = None
            if file.content is not None:
                blob = {"content": file.content, "encoding": "base64"}
                sha = field(await pull.send("POST", f"{git}/blobs", blob, needs=_NEEDS), "sha")
            entries.append({"path": file.path, "mode": file.mode, "type": "blob", "sha": sha})
        tree = {"base_tree": field(base, "tree", "sha"), "tree": entries}
        made = await pull.send("POST", f"{git}/trees", tree, needs=_NEEDS)
        commit = {
            "message": _signed(payload.message, effect),
            "tree": field(made, "sha"),
            "parents": [payload.base],
        }
        entry = await pull.send("POST", f"{git}/commits", commit, needs=_NEEDS)
        if FULL_ID.fullmatch(str(field(entry, "sha"))) is None:
            raise InvalidResponseError("GitHub gave a commit without its id")
        return entry

    async def _tip(self, pull: Pull, branch: str) -> str | None:
        path = f"{pull.repository}/git/ref/heads/{quote(check_revision(branch))}"
        entry = await pull.find(path, needs=_READS)
        return None if entry is None else str(field(entry, "object", "sha"))

    async def _look(self, pull: Pull, effect: Effect, payload: CommitPayload) -> Any:
        """Walk the branch down to the base, and give the commit of ours with the trailer."""
        tip = await self._tip(pull, payload.branch)
        if tip is None:
            return None
        author = await pull.whoami()
        for page in range(1, _FAR + 1):
            parameters = {"sha": tip, "per_page": 100, "page": page}
            path = f"{pull.repository}/commits"
            answer = await pull.client.request("GET", path, parameters=parameters, needs=_READS)
            entries = answer.body
            if not isinstance(entries, list):
                raise InvalidResponseError("GitHub gave no list of commits")
            for entry in entries:
                if field(entry, "sha") == payload.base:
                    return None
                last = str(field(entry, "commit", "message")).rstrip().rpartition("\n")[2]
                if last == _trailer(effect) and is_by(author, entry, "author"):
                    return entry
            if len(entries) < 100:  # noqa: PLR2004 - the size of a page
                return None
        return None


def _trailer(effect: Effect) -> str:
    return f"{_TRAILER}: {effect.key}"


def _signed(message: str, effect: Effect) -> str:
    """Put the trailer behind a message, beside those that it has."""
    text = message.rstrip()
    title, _, last = text.rpartition("\n\n")
    beside = title and all(_A_TRAILER.fullmatch(line) for line in last.splitlines())
    return f"{text}\n{'' if beside else chr(10)}{_trailer(effect)}\n"


def _moved(payload: CommitPayload, tip: str | None) -> PublishError:
    return PublishError(
        f"the branch {payload.branch} is at {tip}, and not at {payload.base}, for which the "
        "files were made; it is left as it is"
    )


def _check(payload: CommitPayload) -> None:
    """Refuse what could write where nothing of a change stands.

    Raises:
        PublishError: A value is none that a plan has.
    """
    if FULL_ID.fullmatch(payload.base) is None:
        raise PublishError("the base of a commit has to be a full id")
    if not payload.files:
        raise PublishError("a commit has to change a file")
    for file in payload.files:
        if file.mode not in _MODES or not _is_inside(file):
            raise PublishError(f"a commit cannot write {file.path!r} with the mode {file.mode!r}")


def _is_inside(file: FileWrite) -> bool:
    parts = file.path.split("/")
    return "\0" not in file.path and not {"", ".", "..", ".git"} & {one.lower() for one in parts}


def _receipt(effect: Effect, entry: Any, *, found: bool) -> Receipt:
    author = field(entry, "commit", "committer") or field(entry, "committer")
    return receipt(effect, f"commit:{field(entry, 'sha')}", moment(author, "date"), found=found)
