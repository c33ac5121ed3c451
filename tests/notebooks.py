"""Executes notebooks in a real kernel, and refreshes the outputs of those that are shown.

The outputs of `examples/notebooks` are kept, since that is what a reader sees who does not
execute them. `python tests/notebooks.py` writes them anew.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

__all__ = ["cells_of", "execute", "outputs"]

EXAMPLES = Path(__file__).parents[1] / "examples" / "notebooks"


def execute(notebook: dict[str, Any], directory: Path) -> dict[str, Any]:
    """Execute a notebook from beginning to end, and return it with its outputs.

    A cell that raises ends nothing, unless nobody expects it: its output is the error. The
    kernel is a process that a program of its own drives, and that is gone afterwards.
    """
    path = directory / "notebook.ipynb"
    path.write_text(json.dumps(notebook), "utf-8")
    subprocess.run(
        [sys.executable, __file__, str(path)],
        cwd=directory,
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        timeout=240,
    )
    executed: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return executed


def cells_of(*sources: str) -> dict[str, Any]:
    """Make a notebook of cells of code."""
    cells = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"cell-{index}",
            "metadata": {"tags": ["raises-exception"]},
            "outputs": [],
            "source": source,
        }
        for index, source in enumerate(sources)
    ]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def outputs(notebook: dict[str, Any], kind: str = "text/plain") -> list[str]:
    """List what the cells of a notebook have put out in one form, in order."""
    return [
        "".join(output["data"][kind])
        for cell in notebook["cells"]
        for output in cell.get("outputs", ())
        if kind in output.get("data", {})
    ]


def _execute(path: Path) -> None:
    import nbformat
    from nbclient import NotebookClient
    from traitlets.config import Config

    notebook = nbformat.read(path, as_version=4)
    if any("matplotlib" in cell.source for cell in notebook.cells):
        # Where its first import takes long, the kernel would say that a cache is built.
        importlib.import_module("matplotlib.font_manager")
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    config = Config()
    with tempfile.TemporaryDirectory() as sockets:
        # Sockets in the file system: nothing goes over a network.
        config.AsyncKernelManager.transport = "ipc"
        config.AsyncKernelManager.ip = str(Path(sockets, "kernel"))
        client = NotebookClient(notebook, config=config, timeout=120, record_timing=False)
        client.execute(cwd=str(path.parent))
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {"name": "python"}
    nbformat.write(notebook, path)


if __name__ == "__main__":
    for _path in map(Path, sys.argv[1:]) if sys.argv[1:] else sorted(EXAMPLES.glob("*.ipynb")):
        _execute(_path)
