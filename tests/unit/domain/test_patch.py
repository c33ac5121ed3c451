"""A patch is written to exactly the files it was made for: all of them, or none."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from codeflow_engine.domain.patch import Patch, PatchedFile
from codeflow_engine.errors import PatchError

OLD, NEW = b"old\nline\n", b"new\nline\n"
KILLED = """
import os, sys
from hashlib import sha256
from codeflow_engine.domain.patch import Patch, PatchedFile

left = int(sys.argv[2])

def end(event, arguments):
    global left
    if event == "os.rename":
        left -= 1
        if left < 0:
            os._exit(9)

files = tuple(
    PatchedFile(
        path=path,
        mode="100644",
        before=sha256(b"old\\nline\\n").hexdigest(),
        content=b"new\\nline\\n",
    )
    for path in sys.argv[3:]
)
sys.addaudithook(end)
Patch(run_id="r", target="t", files=files).apply(sys.argv[1])
"""


def patch(*paths: str, before: bytes = OLD, content: bytes = NEW, mode: str = "100644") -> Patch:
    """Make a patch of files that are all alike."""
    digest = sha256(before).hexdigest()
    return Patch(
        run_id="r",
        target="t",
        files=tuple(
            PatchedFile(path=path, mode=mode, before=digest, content=content) for path in paths
        ),
    )


def tree(root: Path, **contents: bytes) -> Path:
    """Write files into a directory; two underscores stand for a slash."""
    for name, content in contents.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def held(root: Path) -> dict[str, bytes]:
    """Read all files below a directory."""
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def test_apply_writes_every_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    """Mode and neighbours stay as they were."""
    root = tree(tmp_path, a=OLD, dir__b=OLD, c=b"other")
    (root / "a").chmod(0o751)

    patch("a", "dir/b").apply(root)

    assert held(root) == {"a": NEW, "dir/b": NEW, "c": b"other"}
    assert stat.S_IMODE((root / "a").stat().st_mode) == 0o751


def test_ends_of_lines_of_the_working_tree_stay(tmp_path: Path) -> None:
    """A checkout with CR LF of what the repository stores with LF keeps its CR LF."""
    root = tree(tmp_path, a=OLD.replace(b"\n", b"\r\n"), b=OLD)

    patch("a", "b").apply(root)

    assert held(root) == {"a": NEW.replace(b"\n", b"\r\n"), "b": NEW}


@pytest.mark.parametrize("content", [b"", b"old\nline", b"old\r\nline\n", b"other\nline\n"])
def test_a_file_that_is_another_one_keeps_all_as_they_are(tmp_path: Path, content: bytes) -> None:
    """One byte of difference is enough, and no other file is written either."""
    root = tree(tmp_path, a=OLD, b=content, c=OLD)

    with pytest.raises(PatchError, match="b: it is not what the patch was made for"):
        patch("a", "b", "c").apply(root)

    assert held(root) == {"a": OLD, "b": content, "c": OLD}


def test_a_patch_applied_again_changes_nothing(tmp_path: Path) -> None:
    """A file that has the edits is one that the patch is done with."""
    root = tree(tmp_path, a=OLD)
    patch("a").apply(root)
    before = (root / "a").stat()

    patch("a").apply(root)

    assert (root / "a").stat() == before


@pytest.mark.parametrize(
    "path",
    [
        "../out",
        "/etc/passwd",
        "dir/../../out",
        "",
        "a/",
        ".",
        "x\0y",
        ".git/config",
        "sub/.GIT/hooks/x",
    ],
)
def test_s9_no_path_leads_out_of_the_tree(tmp_path: Path, path: str) -> None:
    """Whatever a path says, what is written stands below the directory, and is no part of git."""
    (tmp_path / "out").write_bytes(OLD)
    root = tree(tmp_path / "root", a=OLD, **{".git__config": OLD, "sub__.GIT__hooks__x": OLD})
    before = held(tmp_path)

    with pytest.raises(PatchError):
        patch("a", path).apply(root)

    assert held(tmp_path) == before


@pytest.mark.parametrize("kind", ["file", "directory", "fifo", "directory itself"])
def test_s18_no_link_is_followed_and_nothing_special_opened(tmp_path: Path, kind: str) -> None:
    """A link to a file that fits is no file that fits."""
    outside = tree(tmp_path / "outside", a=OLD)
    root = tree(tmp_path / "root", b=OLD)
    path = "a"
    if kind == "file":
        (root / "a").symlink_to(outside / "a")
    elif kind == "directory":
        (root / "dir").symlink_to(outside)
        path = "dir/a"
    elif kind == "fifo":
        os.mkfifo(root / "a")
    else:
        (root / "a").mkdir()

    with pytest.raises(PatchError):
        patch("b", path).apply(root)

    assert (outside / "a").read_bytes() == OLD
    assert (root / "b").read_bytes() == OLD


def test_a_hard_link_keeps_its_other_name_as_it_is(tmp_path: Path) -> None:
    """The file is replaced and not written into: who else has it keeps what they have."""
    outside = tree(tmp_path / "outside", a=OLD)
    root = tree(tmp_path / "root")
    root.mkdir()
    os.link(outside / "a", root / "a")

    patch("a").apply(root)

    assert ((root / "a").read_bytes(), (outside / "a").read_bytes()) == (NEW, OLD)


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_where_one_file_cannot_be_put_in_place_the_others_go_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    """The disk refuses one of three: all three are as before, and nothing lies around."""
    root = tree(tmp_path, a=OLD, b=OLD, c=OLD)
    rename, calls = os.rename, []

    def refuse(*given: Any, **named: Any) -> None:
        calls.append(given)
        if len(calls) == failing:
            raise OSError(28, "No space left on device", given[0])
        rename(*given, **named)

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(PatchError, match="No space left on device"):
        patch("a", "b", "c").apply(root)

    assert held(root) == {"a": OLD, "b": OLD, "c": OLD}


@pytest.mark.parametrize("renames", [0, 1, 2])
def test_a_kill_leaves_whole_files_and_applying_again_finishes(
    tmp_path: Path, renames: int
) -> None:
    """Each file is the old one or the new one; of a single file that is all or nothing."""
    root = tree(tmp_path, a=OLD, dir__b=OLD, c=OLD)
    names = ["a", "dir/b", "c"]
    source = str(Path(__file__).parents[3] / "src")

    done = subprocess.run(
        [sys.executable, "-B", "-c", KILLED, str(root), str(renames), *names],
        env={"PYTHONPATH": source},
        check=False,
        timeout=60,
    )
    between = [(root / name).read_bytes() for name in names]
    patch(*names).apply(root)

    assert done.returncode == 9
    assert between == [NEW] * renames + [OLD] * (3 - renames)
    assert [(root / name).read_bytes() for name in names] == [NEW] * 3


def test_write_fills_an_empty_directory_with_the_files_alone(tmp_path: Path) -> None:
    """A private tree holds what the patch makes of the files, with their mode."""
    patch("a", "dir/sub/b", mode="100755").write(tmp_path)

    assert held(tmp_path) == {"a": NEW, "dir/sub/b": NEW}
    assert (tmp_path / "a").stat().st_mode & 0o100


@pytest.mark.parametrize("path", ["../out", ".git/config", "/out"])
def test_write_keeps_to_its_directory(tmp_path: Path, path: str) -> None:
    """What leads elsewhere is refused, and so is a directory that holds something."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(PatchError, match="no path of a file of the tree"):
        patch(path).write(tmp_path / "empty")
    with pytest.raises(PatchError, match="not empty"):
        patch("a").write(tmp_path)
    with pytest.raises(PatchError, match="No such file"):
        patch("a").write(tmp_path / "absent")

    assert held(tmp_path) == {}


def test_a_patch_shows_itself_without_obeying_what_is_in_it() -> None:
    """The diff is exact as a text; for a notebook and a terminal what is hidden is escaped."""
    told = Patch(
        run_id="r",
        target="t",
        diff="--- a/a\n+++ b/a\n@@ -1,1 +1,1 @@\n-x\n+<b>\x1b]52;c;aGk=\x07\u202e\n",
        fixed=("f",),
        left={"g": "<i>because\x1b"},
    )

    assert str(told) == told.diff
    for form in told._repr_mimebundle_().values():
        assert "\x1b" not in form
        assert "\u202e" not in form
    assert "<b>" not in told._repr_html_()
    assert "&lt;b&gt;" in told._repr_html_()
    assert json.loads(json.dumps(told.to_json()))["left"] == {"g": "<i>because\x1b"}
    assert repr(told) == "<Patch of 0 files: 1 finding mended, 1 left>"
