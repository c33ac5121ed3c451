from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass
class Site:
    """A directory on the path of imports, into which distributions can be put."""

    path: Path

    def install(
        self,
        name: str,
        modules: Mapping[str, str] | None = None,
        *,
        version: str = "1.0",
        points: Mapping[str, str] | str = "",
        metadata: bytes | None = None,
    ) -> None:
        """Unpack a distribution: modules by name, and the entry points of our group."""
        for module, source in (modules or {}).items():
            (self.path / f"{module}.py").write_text(source, encoding="utf-8")
        if not isinstance(points, str):
            rows = "".join(f"{point} = {value}\n" for point, value in points.items())
            points = f"[codeflow_engine]\n{rows}"
        info = self.path / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        if metadata is None:
            metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
        (info / "METADATA").write_bytes(metadata)
        (info / "entry_points.txt").write_text(points, encoding="utf-8")

    def beside(self, name: str) -> Site:
        """Make another directory, which is not on the path of imports yet."""
        path = self.path.parent / name
        path.mkdir()
        return Site(path)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Give a directory for distributions; their modules are forgotten after the test."""
    path = tmp_path / "site"
    path.mkdir()
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(path))
    yield Site(path)
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(path)):
            del sys.modules[name]
