"""Changes of Python files for the tests of the tools that read them whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codeflow_engine.contracts.analyzer import Analysis, AnalyzerReport
from codeflow_engine.contracts.cache import Cache
from codeflow_engine.domain.change import Change, FileContent
from codeflow_engine.domain.diff import Diff, Side
from codeflow_engine.sandbox import Completed, Sandbox
from codeflow_engine.storage.memory import MemoryCache

REGULAR, LINK, SUBMODULE = "100644", "120000", "160000"


def quoted(path: str) -> bytes:
    """Write a name as git does where it holds something unusual."""
    raw = path.encode("utf-8", "surrogateescape")
    odd = any(byte < 0x20 or byte > 0x7E or byte in b'"\\' for byte in raw)
    if not odd:
        return raw
    shown = b"".join(
        bytes([byte]) if 0x20 <= byte <= 0x7E and byte not in b'"\\' else b"\\%03o" % byte
        for byte in raw
    )
    return b'"' + shown + b'"'


def added(path: str, content: bytes, mode: str = REGULAR) -> bytes:
    """Write the diff of a file that is added."""
    whole = content.endswith(b"\n") or not content
    rows = content.removesuffix(b"\n").split(b"\n") if content else []
    one, other = quoted(f"a/{path}"), quoted(f"b/{path}")
    head = b"diff --git %s %s\nnew file mode %s\nindex 0000000..1111111\n" % (
        one,
        other,
        mode.encode(),
    )
    if not rows:
        return head
    body = b"".join(b"+" + row + b"\n" for row in rows)
    end = b"" if whole else b"\\ No newline at end of file\n"
    return head + b"--- /dev/null\n+++ %s\n@@ -0,0 +1,%d @@\n" % (other, len(rows)) + body + end


@dataclass
class Tree:
    """What a host would give: files by path; a text stands for the reason why there is none."""

    files: Mapping[str, bytes | str]
    modes: Mapping[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def read(self, paths: Sequence[str], side: Side) -> tuple[FileContent, ...]:
        assert side is Side.NEW
        self.asked += paths
        return tuple(self._one(path) for path in paths)

    def _one(self, path: str) -> FileContent:
        held = self.files[path]
        if isinstance(held, str):
            return FileContent(path=path, reason=held)
        return FileContent(path=path, content=held, mode=self.modes.get(path, REGULAR))


def analysis_of(
    files: Mapping[str, bytes | str],
    *,
    diff: bytes | None = None,
    cache: Cache | None = None,
    provider: str | None = "git",
    modes: Mapping[str, str] | None = None,
) -> Analysis:
    """Make the request for a change that adds files, or for another diff of them."""
    tree = Tree(files, modes or {})
    text = diff
    if text is None:
        text = b"".join(
            added(
                path, data if isinstance(data, bytes) else b"x = 1\n", tree.modes.get(path, REGULAR)
            )
            for path, data in files.items()
        )
    parsed = Diff.parse(text)
    change = Change(provider=provider, target="/srv", diff=parsed)
    return Analysis(
        change=change, units=parsed.units, read_files=tree.read, cache=cache or MemoryCache()
    )


def rules(report: AnalyzerReport) -> list[tuple[str, str, int | None]]:
    """Give path, rule and line of each finding."""
    return [(one.path, one.rule, one.line) for one in report.findings]


def fates(asked: Analysis, report: AnalyzerReport) -> dict[str, str]:
    """Say what became of each path: `examined`, or the reason why not."""
    files = asked.change.diff.files
    told = {files[unit.file].path: "examined" for unit in report.examined}
    for what, rows in (("declined", report.declined), ("failed", report.failed)):
        told |= {files[unit.file].path: f"{what}: {reason}" for unit, reason in rows}
    return told


class WatchedSandbox(Sandbox):
    """A sandbox that keeps what programs were started with, and may answer in their place."""

    def __init__(self, answer: Any = None, **options: Any) -> None:
        super().__init__(**options)
        self.runs: list[tuple[str, ...]] = []
        self.copies: list[dict[str, bytes]] = []
        self._answer = answer

    async def run_python(self, module: str, *args: str, **options: Any) -> Completed:
        self.runs.append((module, *args))
        self.copies.append(
            {
                str(path.relative_to(root)): path.read_bytes()
                for root in options.get("readable", ())
                for path in sorted(root.rglob("*"))
                if path.is_file()
            }
        )
        if self._answer is None:
            return await super().run_python(module, *args, **options)
        paths = [arg for arg in args if arg.endswith((".py", ".pyi")) and Path(arg).is_absolute()]
        given = self._answer(paths)
        if isinstance(given, BaseException):
            raise given
        if isinstance(given, Completed):
            return given
        done = await super().run_python(module, *args, **options)
        return given(done)
