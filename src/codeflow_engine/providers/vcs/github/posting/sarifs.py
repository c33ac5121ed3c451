"""Reports for code scanning: packed, uploaded, and waited for a little."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, override

from codeflow_engine.domain.effect import Effect, Receipt
from codeflow_engine.errors import AuthenticationError, ChangeUnavailableError, PublishError
from codeflow_engine.providers.vcs.github.posting.entries import field, moment, receipt
from codeflow_engine.providers.vcs.github.posting.payloads import SarifPayload, read
from codeflow_engine.providers.vcs.github.posting.poster import Poster
from codeflow_engine.providers.vcs.github.posting.pull import Pull

__all__ = ["Sarifs"]

_NEEDS: Final = "security_events: write"
_READS: Final = "security_events: read"
_RUNS: Final = 20
_RESULTS: Final = 25_000
_KEPT: Final = 5_000
"""Results of a run that GitHub keeps."""

_RULES: Final = 25_000
_PACKED: Final = 10 * 1024 * 1024
_LOOKS: Final = 8
_FIRST: Final = 0.25
_MOST: Final = 4.0
_SHOWN: Final = 200


class Sarifs(Poster):
    """Uploads reports. One for the same commit, tool and category replaces the one before."""

    prefixes: ClassVar[tuple[str, ...]] = ("sarif",)

    @override
    async def find(self, pull: Pull, effects: Sequence[Effect]) -> list[Receipt]:
        entries = await self._analyses(pull)
        found = []
        for effect in effects:
            ours = [one for one in entries if field(one, "commit_sha") == effect.head]
            wanted = _runs(read(SarifPayload, effect.payload).sarif)
            # The newest are listed first, and have replaced those behind them.
            latest = [next(filter(run.is_told_in, ours), None) for run in wanted]
            if latest and all(map(_Run.is_whole_in, wanted, latest)):
                told = f"sarif:{field(latest[0], 'sarif_id')}"
                at = moment(latest[0], "created_at")
                found.append(receipt(effect, told, at, found=True))
        return found

    @override
    async def write(self, pull: Pull, effect: Effect) -> Receipt:
        text = read(SarifPayload, effect.payload).sarif
        _check(text)
        packed = await asyncio.to_thread(gzip.compress, text.encode(), mtime=0)
        if len(packed) > _PACKED:
            raise PublishError(
                f"the report has {len(packed)} bytes packed, and GitHub takes {_PACKED}"
            )
        body = {
            "commit_sha": effect.head,
            "ref": f"refs/pull/{pull.target.number}/head",
            "sarif": base64.b64encode(packed).decode("ascii"),
        }
        path = f"{pull.repository}/code-scanning/sarifs"
        try:
            sent = await pull.send("POST", path, body, needs=_NEEDS)
        except AuthenticationError as error:
            raise AuthenticationError(
                f"{error.message}; code scanning has to be on for the repository, and the token "
                f"needs the permission {_NEEDS}"
            ) from None
        name = str(field(sent, "id"))
        await self._wait(pull, f"{path}/{name}")
        return receipt(effect, f"sarif:{name}", moment(None), found=False)

    async def _wait(self, pull: Pull, path: str) -> None:
        """Wait until GitHub has looked at a report; not for long, since it stands already.

        Raises:
            PublishError: GitHub does not take it.
        """
        pause = _FIRST
        for _ in range(_LOOKS):
            try:
                told = (await pull.client.request("GET", path, needs=_READS)).body
            except ChangeUnavailableError:  # the upload may be known a moment later
                told = None
            state = field(told, "processing_status")
            if state == "complete":
                return
            if state == "failed":
                why = "; ".join(map(str, field(told, "errors") or ()))[:_SHOWN]
                raise PublishError(f"GitHub does not take the report: {why!r}")
            await asyncio.sleep(pause)
            pause = min(pause * 2, _MOST)

    @override
    async def take_back(self, pull: Pull, receipt: Receipt, name: str) -> None:
        for entry in await self._analyses(pull):
            if field(entry, "sarif_id") == name and field(entry, "deletable") is not False:
                path = f"{pull.repository}/code-scanning/analyses/{field(entry, 'id')}"
                await pull.remove(f"{path}?confirm_delete=true", needs=_NEEDS)

    async def _analyses(self, pull: Pull) -> list[Any]:
        return await pull.list(
            f"{pull.repository}/code-scanning/analyses",
            parameters={"ref": f"refs/pull/{pull.target.number}/head"},
            needs=_READS,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    tool: str
    category: str
    """Empty where the report names none, and GitHub gives one of its own."""

    results: int

    def is_told_in(self, entry: Any) -> bool:
        """Tell whether an analysis was made of this run."""
        same = self.category in {"", field(entry, "category")}
        return same and field(entry, "tool", "name") == self.tool

    def is_whole_in(self, entry: Any) -> bool:
        """Tell whether it is there with as many results: one of an earlier review may have others.

        A list of analyses has no key of ours, and does not say which results they are.
        """
        count = field(entry, "results_count")
        return entry is not None and count in {self.results, min(self.results, _KEPT)}


def _document(text: str) -> list[Mapping[str, Any]]:
    """Give the runs of a report.

    Raises:
        PublishError: It is no SARIF.
    """
    try:
        runs = field(json.loads(text), "runs")
    except (ValueError, RecursionError):
        runs = None
    if not isinstance(runs, list) or not all(isinstance(one, Mapping) for one in runs):
        raise PublishError("the report is no SARIF: it has no runs")
    return runs


def _runs(text: str) -> list[_Run]:
    found = []
    for run in _document(text):
        name = str(field(run, "automationDetails", "id") or "")
        category = name.rpartition("/")[0] if "/" in name else name
        tool = str(field(run, "tool", "driver", "name"))
        results = len(run.get("results") or ())
        found.append(_Run(tool=tool, category=category, results=results))
    return found


def _check(text: str) -> None:
    """Refuse what GitHub would refuse, or shorten without a word to anybody.

    Raises:
        PublishError: There is more than GitHub takes.
    """
    runs = _document(text)
    sizes = [("runs", len(runs), _RUNS)]
    for run in runs:
        sizes.append(("results", len(run.get("results") or ()), _RESULTS))
        sizes.append(("rules", len(field(run, "tool", "driver", "rules") or ()), _RULES))
    for name, count, most in sizes:
        if count > most:
            raise PublishError(f"the report has {count} {name}, and GitHub takes {most}")
