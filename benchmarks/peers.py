"""Environments of their own for the peers that a benchmark measures beside this package."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["Peers", "peers"]


class Peers:
    """An environment into which the peers are installed, and nothing of this project."""

    def __init__(self, folder: Path) -> None:
        """Give one that exists."""
        self.folder = folder
        self.python = str(folder / "bin" / "python")

    def versions(self, *packages: str) -> dict[str, str]:
        """Give the versions of packages."""
        code = (
            "import json, sys; from importlib.metadata import version; "
            "print(json.dumps({name: version(name) for name in sys.argv[1:]}))"
        )
        command = [self.python, "-I", "-c", code, *packages]
        ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        return dict(json.loads(ran.stdout))

    def package(self, name: str) -> Path:
        """Give the folder of an installed package."""
        (found,) = self.folder.glob(f"lib/python*/site-packages/{name}")
        return found


def peers(name: str, packages: Sequence[str]) -> Peers:
    """Give the environment of that name, made anew where it was made for other packages.

    It lies in the environment that runs the benchmark, and goes with it.
    """
    folder = Path(sys.prefix, "peers", name)
    stamp, wanted = folder / "installed.json", json.dumps([sys.version, *packages])
    if not stamp.exists() or stamp.read_text("utf-8") != wanted:
        print(f"installing {', '.join(packages)} into an environment of their own")
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        install = ["-m", "pip", "install", "-qq", "--disable-pip-version-check", *packages]
        subprocess.run([Peers(folder).python, *install], check=True)
        stamp.write_text(wanted, "utf-8")
    return Peers(folder)
