"""A cassette as a file: one line of JSON for the recording, and one for each entry."""

from __future__ import annotations

import base64
import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from codeflow_engine.cassette.entry import KINDS, Call, Entry
from codeflow_engine.errors import CassetteError

if TYPE_CHECKING:
    from codeflow_engine.cassette.compare import Divergence

__all__ = ["FORMAT", "Cassette"]

FORMAT: Final = 1
"""Version of the form; raised when an older version of this package could not read it."""

_TEXTS: Final = ("kind", "name", "method", "about")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cassette:
    """A recording: what an engine asked its backends, and what they answered.

    ```python
    cassette = Cassette.load("run.cassette")
    for entry in cassette.entries:
        print(entry.call)
    ```
    """

    path: str
    """The file, as it was named."""

    started_at: datetime
    """When the recording began."""

    engine: str = field(default_factory=lambda: version("codeflow-engine"))
    """Version of this package that wrote it."""

    settings: dict[str, Any] = field(default_factory=dict)
    """The settings that have a say in results, as plain JSON data."""

    entries: tuple[Entry, ...] = ()
    """Sorted by kind, backend, method and content, so that equal runs give equal files."""

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a cassette.

        Raises:
            CassetteError: There is none, or it is damaged, cut off, or of a newer version;
                the message says where.
        """
        name = os.fspath(path)
        try:
            rows = Path(path).read_bytes().split(b"\n")
        except OSError as error:
            raise CassetteError(f"it cannot be read: {error.strerror}", path=name) from None
        head = _head(rows[0], name)
        entries = tuple(
            _entry(row, name, line) for line, row in enumerate(rows[1:], start=2) if row
        )
        if len(entries) != head["entries"] or rows[-1]:
            told = f"it is cut off: {len(entries)} of {head['entries']} entries"
            raise CassetteError(told, path=name, line=len(rows))
        seen: set[Any] = set()
        for entry in entries:
            if entry.place in seen:
                raise CassetteError("the entry is there twice", path=name, line=entry.line)
            seen.add(entry.place)
        return cls(
            path=name,
            started_at=head["started_at"],
            engine=head["engine"],
            settings=head["settings"],
            entries=tuple(sorted(entries, key=lambda entry: entry.place)),
        )

    def save(self) -> None:
        """Write the file whole, for its owner alone, or leave what was there as it was.

        Raises:
            CassetteError: It cannot be written.
        """
        place = Path(self.path)
        try:
            handle, made = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.writelines(self._lines())
                    file.flush()
                    os.fsync(file.fileno())
                Path(made).replace(place)
            except BaseException:
                Path(made).unlink(missing_ok=True)
                raise
        except OSError as error:
            told = f"it cannot be written: {error.strerror}"
            raise CassetteError(told, path=self.path) from error

    def first_divergence(self, other: Cassette) -> Divergence | None:
        """Compare with another recording; see `first_divergence` of this package."""
        from codeflow_engine.cassette.compare import first_divergence

        return first_divergence(self, other)

    def _lines(self) -> Iterable[bytes]:
        head = {
            "cassette": FORMAT,
            "engine": self.engine,
            "started_at": self.started_at.isoformat(),
            "settings": self.settings,
            "entries": len(self.entries),
        }
        yield _line(head)
        for entry in sorted(self.entries, key=lambda entry: entry.place):
            yield _line(_plain(entry))


def _line(plain: Any) -> bytes:
    return json.dumps(plain, allow_nan=False, separators=(",", ":")).encode("ascii") + b"\n"


def _plain(entry: Entry) -> dict[str, Any]:
    call = entry.call
    told: dict[str, Any] = {
        "kind": call.kind,
        "name": call.name,
        "method": call.method,
        "about": call.about,
        "asked": call.asked,
        "number": entry.number,
    }
    if entry.failure is not None:
        return {**told, "failure": json.loads(entry.failure)}
    told["value"] = entry.value
    if entry.parts:
        told["parts"] = [_part(one) for one in entry.parts]
    return told


def _part(data: bytes) -> dict[str, str]:
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def _parse(row: bytes, path: str, line: int) -> dict[str, Any]:
    try:
        plain = json.loads(row)
    except (ValueError, RecursionError):
        raise CassetteError("it is damaged: no JSON", path=path, line=line) from None
    if not isinstance(plain, dict):
        raise CassetteError("it is damaged: no object", path=path, line=line)
    return plain


def _head(row: bytes, path: str) -> dict[str, Any]:
    plain = _parse(row, path, 1)
    form = plain.get("cassette")
    if not isinstance(form, int) or isinstance(form, bool):
        raise CassetteError("it is no cassette", path=path, line=1)
    if form != FORMAT:
        told = f"it is of form {form}, and this version of the package reads form {FORMAT}"
        raise CassetteError(told, path=path, line=1)
    try:
        plain["started_at"] = datetime.fromisoformat(plain["started_at"])
        sound = (
            plain["started_at"].utcoffset() is not None
            and type(plain["entries"]) is int
            and isinstance(plain["settings"], dict)
            and isinstance(plain["engine"], str)
        )
    except (LookupError, ValueError, TypeError):
        sound = False
    if not sound:
        raise CassetteError("it is damaged: no head of a cassette", path=path, line=1)
    return plain


def _entry(row: bytes, path: str, line: int) -> Entry:
    plain = _parse(row, path, line)
    if not _is_entry(plain):
        raise CassetteError("it is damaged: no entry", path=path, line=line)
    try:
        parts = tuple(map(_bytes, plain.get("parts", ())))
    except (ValueError, TypeError, AttributeError):
        raise CassetteError("it is damaged: no bytes", path=path, line=line) from None
    return Entry(
        call=Call(**{name: plain[name] for name in (*_TEXTS, "asked")}),
        number=plain["number"],
        value=plain.get("value"),
        parts=parts,
        failure=json.dumps(plain["failure"]) if "failure" in plain else None,
        line=line,
    )


def _is_entry(plain: dict[str, Any]) -> bool:
    return (
        all(isinstance(plain.get(name), str) for name in _TEXTS)
        and plain["kind"] in KINDS
        and type(plain.get("number")) is int
        and "asked" in plain
        and ("failure" in plain) != ("value" in plain)
    )


def _bytes(part: dict[str, str]) -> bytes:
    ((form, told),) = part.items()
    if form == "text":
        return told.encode()
    if form == "base64":
        return base64.b64decode(told, validate=True)
    raise ValueError
