"""Every kind of entry that a change of GitHub can have, by each way to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from github_forges import fetch, github

from codeflow_engine.domain.diff import FileStatus, Side
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.testing.examples import LINK, PROGRAM, REGULAR, SUBMODULE
from codeflow_engine.testing.forge import FakeForge, ForgeRules

LIMIT = 1024 * 1024


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as made:
        yield made


CORPUS_BASE: dict[str, Any] = {
    "moved/from.py": "".join(f"line_{n} = {n}\n" for n in range(20)),
    "same.py": "SAME = 'as it was'\n" * 3,
    "run.sh": "#!/bin/sh\necho 1\n",
    "mode.sh": "#!/bin/sh\necho only the mode\n",
    "sub": (SUBMODULE, b"1" * 40),
    "pic.bin": bytes(range(256)) * 4,
    "gone.bin": b"\0gone" * 50,
    "noend.py": "a = 1\nb = 2",
    "crlf.py": "a = 1\r\nb = 2\r\n",
    "latin.py": b"n = 'caf\xe9'\n",
    "link": (LINK, b"run.sh"),
    "becomes": "A = 'a file'\n",
    "emptied.py": "x = 1\n",
    "name \xe9 \u202e.py": "u = 1\n",
    "bytes-\udcff\udce9.py": "raw = 1\n",
    'quo"ted\\.py': "q = 1\n",
    "tab\there.py": "t = 1\n",
}
CORPUS_HEAD: dict[str, Any] = {
    "moved/to here.py": "".join(f"line_{n} = {n if n != 7 else 70}\n" for n in range(20)),
    "other/same.py": "SAME = 'as it was'\n" * 3,
    "run.sh": (PROGRAM, b"#!/bin/sh\necho 2\n"),
    "mode.sh": (PROGRAM, b"#!/bin/sh\necho only the mode\n"),
    "sub": (SUBMODULE, b"2" * 40),
    "pic.bin": bytes(range(255, -1, -1)) * 4,
    "new.bin": b"\0new" * 50,
    "noend.py": "a = 1\nb = 3",
    "crlf.py": "a = 1\r\nb = 3\r\n",
    "latin.py": b"n = 'th\xe9'\n",
    "link": (LINK, b"noend.py"),
    "becomes": (LINK, b"run.sh"),
    "emptied.py": "",
    "package/__init__.py": "",
    "name \xe9 \u202e.py": "u = 2\n",
    "bytes-\udcff\udce9.py": "raw = 2\n",
    'quo"ted\\.py': "q = 2\n",
    "tab\there.py": "t = 2\n",
}


@pytest.mark.parametrize("way", ["diff", "listing-or-clone", "clone"])
async def test_g24_every_kind_of_entry_comes_through(sandbox: Sandbox, way: str) -> None:
    """Moves, modes, submodules, binaries, ends of lines, names in bytes, by each way."""
    rules = {
        "diff": ForgeRules(),
        "listing-or-clone": ForgeRules(diff_files=0),
        "clone": ForgeRules(diff_files=0, tree_entries=0),
    }[way]
    with FakeForge(rules=rules) as forge:
        forge.repository("acme/shop").open_pull_request(CORPUS_BASE, CORPUS_HEAD)

        change = await fetch(forge, sandbox)

    files = {(file.path, file.status): file for file in change.diff.files}
    modes = {path: (file.old_mode, file.new_mode) for (path, _), file in files.items()}
    statuses = dict(files.keys())
    assert statuses["moved/to here.py"] is FileStatus.RENAMED
    assert statuses["other/same.py"] is FileStatus.RENAMED
    assert modes["mode.sh"] == modes["run.sh"] == (REGULAR, PROGRAM)
    assert modes["sub"] == (SUBMODULE, SUBMODULE)
    assert {path for (path, _), file in files.items() if file.is_binary} == {
        *("pic.bin", "new.bin", "gone.bin")
    }
    assert ("becomes", FileStatus.DELETED) in files
    assert ("becomes", FileStatus.ADDED) in files
    assert "bytes-\udcff\udce9.py" in statuses
    assert {'quo"ted\\.py', "tab\there.py", "name \xe9 \u202e.py"} <= statuses.keys()
    assert not any(file.unsupported for file in change.diff.files)


@pytest.mark.parametrize("tree_entries", [100_000, 0], ids=["interface", "clone"])
async def test_g24_files_of_every_kind_are_read(sandbox: Sandbox, tree_entries: int) -> None:
    """By trees and blobs, or by git: the bytes and modes that the repository stores."""
    with FakeForge(rules=ForgeRules(tree_entries=tree_entries)) as forge:
        forge.repository("acme/shop").open_pull_request(CORPUS_BASE, CORPUS_HEAD)
        change = await fetch(forge, sandbox)
        backend = github(forge)
        asked = [*CORPUS_HEAD, "moved", "gone.bin", "../x", "becomes/of"]

        found = await backend.read_files(change, asked, side=Side.NEW, limit=LIMIT, sandbox=sandbox)
        await backend.aclose()

    by_path = {file.path: file for file in found}
    for path, stored in CORPUS_HEAD.items():
        mode, content = stored if isinstance(stored, tuple) else (REGULAR, stored)
        expected = content.encode() if isinstance(content, str) else content
        assert by_path[path].mode == mode
        if mode == SUBMODULE:
            assert by_path[path].reason == "a submodule"
        else:
            assert by_path[path].content == expected, path
    assert by_path["moved"].reason == "a directory"
    assert (by_path["gone.bin"].exists, by_path["becomes/of"].exists) == (False, False)
    assert by_path["../x"].reason == "not a path of a repository"
