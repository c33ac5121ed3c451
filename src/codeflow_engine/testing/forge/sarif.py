"""Uploads of SARIF: taken in at once, looked at later, and told as analyses.

The state is that of one repository. The callers hold the forge's lock.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import re
import zlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from codeflow_engine.testing.forge.refusal import Refusal, not_found

__all__ = ["Analysis", "Scans", "Upload"]

_MOST_PACKED = 10 * 1024 * 1024
_MOST_UNPACKED = 256 * 1024 * 1024
_SHA = re.compile(r"[0-9a-fA-F]{40}([0-9a-fA-F]{24})?")
_REF = re.compile(r"refs/(heads/.+|tags/.+|pull/\d+/(merge|head))")
_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """One run of an upload, as the API lists it."""

    id: int
    sarif_id: str
    ref: str
    commit_sha: str
    tool: str
    version: str | None
    category: str
    results: int
    rules: int
    warning: str
    created_at: float


@dataclass(slots=True, kw_only=True)
class Upload:
    """What was uploaded."""

    id: str
    ref: str
    commit_sha: str
    document: Any
    """The report; None where it is no JSON."""
    created_at: float
    polls: int = 0
    errors: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Scans:
    """The uploads and analyses of a repository.

    Args:
        polls: How often the status of an upload is `pending` before it is done.
    """

    polls: int = 1
    enabled: bool = True
    """Whether code scanning is on; it is not for each private repository."""
    most_runs: int = 20
    most_results: int = 25_000
    kept_results: int = 5_000
    most_rules: int = 25_000
    an_hour: int = 1_000
    uploads: dict[str, Upload] = field(default_factory=dict)
    analyses: list[Analysis] = field(default_factory=list)
    _recent: deque[float] = field(default_factory=deque)

    def upload(self, body: Mapping[str, Any], *, now: float) -> Upload:
        """Take in a report, to be looked at later.

        Source: "Upload an analysis as SARIF data", /rest/code-scanning/code-scanning
        #upload-an-analysis-as-sarif-data (G26).

        Raises:
            Refusal: 400 for what is no packed report, 403 where scanning is off or too much is
                uploaded, 413 for a report that is too large.
        """
        self.check_enabled()
        while self._recent and self._recent[0] <= now - _HOUR:
            self._recent.popleft()
        if len(self._recent) >= self.an_hour:
            raise Refusal(
                403,
                "API rate limit exceeded for code scanning uploads. Please retry your request"
                " again later.",
                headers={"retry-after": str(int(self._recent[0] + _HOUR - now) + 1)},
            )
        sha, ref, packed = body.get("commit_sha"), body.get("ref"), body.get("sarif")
        if not isinstance(sha, str) or not _SHA.fullmatch(sha):
            raise Refusal(422, "Invalid request.\n\ncommit_sha is not a full object id.")
        if not isinstance(ref, str) or not _REF.fullmatch(ref):
            raise Refusal(400, f"ref '{ref}' is not a fully qualified reference.")
        if not isinstance(packed, str) or not packed:
            raise Refusal(422, 'Invalid request.\n\n"sarif" wasn\'t supplied.')
        made = Upload(
            id=str(uuid4()),
            ref=ref,
            commit_sha=sha,
            document=_read(_unpack(packed)),
            created_at=now,
        )
        self._recent.append(now)
        self.uploads[made.id] = made
        return made

    def status(self, identifier: str, *, next_id: Any) -> tuple[str, list[str]]:
        """Tell how far an upload is: `pending`, `complete` or `failed`, and why.

        Source: "Get information about a SARIF upload", /rest/code-scanning/code-scanning
        #get-information-about-a-sarif-upload.
        """
        self.check_enabled()
        upload = self.uploads.get(identifier)
        if upload is None:
            raise not_found()
        if upload.polls < self.polls:
            upload.polls += 1
            return "pending", []
        done = any(one.sarif_id == identifier for one in self.analyses)
        if not done and not upload.errors:
            self._process(upload, next_id)
        return ("failed", upload.errors) if upload.errors else ("complete", [])

    def listed(self, *, ref: str | None = None, sarif_id: str | None = None) -> list[Analysis]:
        """List analyses, the newest first."""
        self.check_enabled()
        return [
            one
            for one in reversed(self.analyses)
            if ref in {None, one.ref} and sarif_id in {None, one.sarif_id}
        ]

    def check_enabled(self) -> None:
        """Refuse where code scanning is off."""
        if not self.enabled:
            raise Refusal(
                403,
                "Code Security must be enabled for this repository to use code scanning.",
                documentation="/rest/code-scanning/code-scanning",
            )

    def _process(self, upload: Upload, next_id: Any) -> None:
        """Look at a report, and make its analyses or its errors.

        Source: "SARIF support for code scanning", section "SARIF file size limits and
        categories", /code-security/reference/code-scanning/sarif-support-for-code-scanning:
        20 runs, 25,000 results a run of which 5,000 are kept, 25,000 rules; two runs of one
        tool and category are refused.
        """
        document = upload.document
        runs = document.get("runs") if isinstance(document, dict) else None
        if not isinstance(runs, list) or document.get("version") != "2.1.0":
            upload.errors.append("Could not process the file: it is no SARIF of version 2.1.0")
            return
        if len(runs) > self.most_runs:
            upload.errors.append(f"rejecting SARIF, as there are more runs than {self.most_runs}")
            return
        made: list[Analysis] = []
        for run in runs:
            told = self._analysis(upload, run, next_id())
            if isinstance(told, str):
                upload.errors.append(told)
            elif any((one.tool, one.category) == (told.tool, told.category) for one in made):
                upload.errors.append("rejecting SARIF, as there are multiple runs with the same")
            else:
                made.append(told)
        if not upload.errors:
            self.analyses.extend(made)

    def _analysis(self, upload: Upload, run: Any, number: int) -> Analysis | str:
        try:
            driver = run["tool"]["driver"]
            name, rules = str(driver["name"]), driver.get("rules") or []
            results = run.get("results") or []
            category = (run.get("automationDetails") or {}).get("id", "")
            counts = len(results), len(rules)
        except (AttributeError, KeyError, TypeError):
            return "Could not process the file: a run has no tool.driver.name"
        if counts[0] > self.most_results:
            return f"rejecting SARIF, as there are more results than {self.most_results}"
        if counts[1] > self.most_rules:
            return f"rejecting SARIF, as there are more rules than {self.most_rules}"
        kept = min(counts[0], self.kept_results)
        left_out = f"Only the top {kept} of {counts[0]} results were kept"
        return Analysis(
            id=number,
            sarif_id=upload.id,
            ref=upload.ref,
            commit_sha=upload.commit_sha,
            tool=name,
            version=driver.get("semanticVersion") or driver.get("version"),
            category=str(category).rpartition("/")[0] or str(category),
            results=kept,
            rules=counts[1],
            warning=left_out if kept < counts[0] else "",
            created_at=upload.created_at,
        )


def _unpack(packed: str) -> bytes:
    """Undo base64 and gzip, up to a size.

    Source: "Upload an analysis as SARIF data", the parameter `sarif`; 10 MB of gzip.
    """
    try:
        raw = base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        raise Refusal(400, "The SARIF is not valid base64.") from None
    if len(raw) > _MOST_PACKED:
        raise Refusal(413, "Payload Too Large")
    reader = zlib.decompressobj(wbits=31)
    whole = io.BytesIO()
    try:
        whole.write(reader.decompress(raw, _MOST_UNPACKED))
    except zlib.error:
        raise Refusal(400, "The SARIF is not compressed with gzip.") from None
    if reader.unconsumed_tail:
        raise Refusal(413, "Payload Too Large")
    if not reader.eof:
        raise Refusal(400, "The SARIF is not compressed with gzip.")
    return whole.getvalue()


def _read(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
