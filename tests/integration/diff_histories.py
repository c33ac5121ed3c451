"""Git histories that hold every kind of change, and what git itself says of them."""

from __future__ import annotations

import os
import random
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

CLEAN = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "LC_ALL": "C",
}


@dataclass(frozen=True)
class Repository:
    """A repository that is only read and written through git's own commands."""

    path: Path

    def git(self, *arguments: str | bytes, given: bytes | None = None) -> bytes:
        """Run git with nothing of the machine's configuration; give its output."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.path), **CLEAN}
        # The checkout may belong to somebody else, as in a container.
        command = ["git", "-c", "safe.directory=*", *arguments]
        return subprocess.run(
            command, cwd=self.path, env=environment, check=True, input=given, capture_output=True
        ).stdout

    def blobs(self) -> dict[str, bytes]:
        """Read every blob in two processes; the blob of a side that is missing is empty."""
        listing = self.git(
            *("cat-file", "--batch-all-objects", "--batch-check=%(objecttype) %(objectname)")
        )
        names = [line.split()[1] for line in listing.splitlines() if line.startswith(b"blob ")]
        output = self.git("cat-file", "--batch", given=b"\n".join(names) + b"\n")
        blobs, place = {"0" * 40: b""}, 0
        for name in names:
            end = output.index(b"\n", place)
            size = int(output[place:end].rsplit(b" ", 1)[1])
            blobs[name.decode()] = output[end + 1 : end + 1 + size]
            place = end + size + 2
        return blobs


@dataclass
class Raw:
    """What `git diff --raw --numstat -z` says of one entry."""

    old_mode: str
    new_mode: str
    old_id: str
    new_id: str
    status: str
    score: int | None
    old_path: bytes
    new_path: bytes
    added: int | None = None
    """Number of added lines; None for a binary file."""
    deleted: int | None = None


def read_raw(output: bytes) -> list[Raw]:
    """Read the output of `git diff --raw --numstat -z --no-abbrev` for one pair of trees."""
    fields = output.split(b"\0")[:-1]
    entries: list[Raw] = []
    place = 0
    while place < len(fields) and fields[place].startswith(b":"):
        old_mode, new_mode, old_id, new_id, status = fields[place][1:].decode().split(" ")
        moved = status[0] in "RC"
        old_path, new_path = fields[place + 1], fields[place + 1 + moved]
        score = int(status[1:]) if status[1:] else None
        entries.append(
            Raw(old_mode, new_mode, old_id, new_id, status[0], score, old_path, new_path)
        )
        place += 2 + moved
    for entry in entries:
        added, deleted, path = fields[place].split(b"\t", 2)
        if path:
            place += 1
            assert path == entry.new_path
        else:
            assert (fields[place + 1], fields[place + 2]) == (entry.old_path, entry.new_path)
            place += 3
        entry.added = None if added == b"-" else int(added)
        entry.deleted = None if deleted == b"-" else int(deleted)
    assert place == len(fields)
    return entries


@dataclass
class Tree:
    """The content of a commit: paths to mode and bytes."""

    files: dict[bytes, tuple[str, bytes]] = field(default_factory=dict)


def commit(repository: Repository, tree: Tree, message: str) -> None:
    """Record a tree as the next commit, whatever its names; no working tree is used."""
    repository.git("read-tree", "--empty")
    entries = []
    for path, (mode, content) in sorted(tree.files.items()):
        name = (
            content.decode()
            if mode == "160000"
            else repository.git("hash-object", "-w", "--stdin", given=content).decode().strip()
        )
        entries.append(f"{mode} {name}\t".encode() + path)
    repository.git("update-index", "-z", "--index-info", given=b"\0".join(entries) + b"\0")
    repository.git("commit", "--quiet", "--allow-empty", "--message", message)


def odd_history(path: Path) -> Repository:
    """Make a history of every kind of change that a diff can show."""
    repository = Repository(path)
    repository.git("init", "--quiet", "--initial-branch", "main")
    text = b"".join(b"line %d\n" % number for number in range(60))
    tree = Tree(dict(_first_files(text)))
    commit(repository, tree, "First\n\n- one\n\n@@ -1 +1 @@\n-a\n+b")
    for number, change in enumerate((_edit_lines, _edit_ends, _edit_entries, _edit_back)):
        change(tree, text)
        commit(repository, tree, f"Change {number}\n\n--- a/x\n@@ -1 +1 @@\n-a\n+b")
    return repository


def _first_files(text: bytes) -> dict[bytes, tuple[str, bytes]]:
    names = {
        b"plain": text,
        b"with space": text,
        b"sub dir/a b/b c": text,
        b"a/x b/x": text,
        b"b/b": text,
        b'quote"d\\\t\n\x01': text,
        "umläut/\u2028".encode(): text,
        b"latin-\xe9": text,
        b"-- x": text,
        b"moved": text,
        b"moved and edited": text,
        b"copied": text,
        b"headers": b"- a/x\n+ b/x\n@@ -1 +1 @@\ndiff --git a/x b/x\n-- \n2.39.5\n" + text,
        b"crlf": text.replace(b"\n", b"\r\n"),
        b"returns": b"a\rb\r\nc\r",
        b"feeds": b"a\fb\x0bc\x1c\x85\xe2\x80\xa8\xe2\x80\xa9d\n" * 8,
        b"bytes": b"\xff\xfe \xc3\n" * 8,
        b"blank": b"\n\n \n\n\t\n" * 6,
        b"no end": b"one\ntwo",
        b"end": b"one\ntwo\n",
        b"empty": b"",
        b"filled": b"",
        b"emptied": text,
        b"gone": text,
        b"binary": bytes(range(256)) * 20,
        b"binary gone": b"\0\1\2",
        b"long": b"x" * 100_000 + b"\n" + text,
    }
    files = {name: ("100644", content) for name, content in names.items()}
    files[b"script"] = ("100755", text)
    files[b"mode only"] = ("100644", text)
    files[b"link"] = ("120000", b"target/one")
    files[b"submodule"] = ("160000", b"1" * 40)
    return files


def _edit_lines(tree: Tree, text: bytes) -> None:
    """Change, add and delete lines everywhere, those that look like headers among them."""
    for name, (mode, content) in list(tree.files.items()):
        if b"line 30\n" in content and not name.startswith(b"moved"):
            changed = content.replace(b"line 30\n", b"++ b/x\n-- a/x\n").replace(b"line 50\n", b"")
            tree.files[name] = (mode, b"top\n" + changed + b"bottom\n")
    for name in (b"crlf", b"returns", b"feeds", b"bytes", b"blank", b"binary"):
        mode, content = tree.files[name]
        half = len(content) // 2
        tree.files[name] = (mode, content[:half] + b"\r\n new \xe9 \n" + content[half:])
    tree.files[b"headers"] = ("100644", text)
    tree.files[b"moved to/here"] = tree.files.pop(b"moved")
    mode, content = tree.files.pop(b"moved and edited")
    tree.files[b"moved to/a b/with edits"] = (mode, content.replace(b"line 7\n", b"seven\n"))
    tree.files[b"copy of it"] = tree.files[b"copied"]


def _edit_ends(tree: Tree, text: bytes) -> None:
    """Add and take newlines at the end, fill and empty files, change modes."""
    tree.files[b"no end"] = ("100644", b"one\ntwo\n")
    tree.files[b"end"] = ("100644", b"one\ntwo")
    tree.files[b"plain"] = ("100644", text + b"last")
    tree.files[b"filled"] = ("100644", b"no newline")
    tree.files[b"emptied"] = ("100644", b"")
    tree.files[b"mode only"] = ("100755", tree.files[b"mode only"][1])
    tree.files[b"script"] = ("100644", tree.files[b"script"][1] + b"more\n")
    tree.files[b"link"] = ("120000", b"target/two")
    tree.files[b"submodule"] = ("160000", b"2" * 40)


def _edit_entries(tree: Tree, text: bytes) -> None:
    """Delete files of every kind, add others, and change a file into a link."""
    for name in (b"gone", b"empty", b"binary gone", b"link", b"submodule", b"latin-\xe9"):
        del tree.files[name]
    tree.files[b"no end"] = ("100644", b"one\ntwo\nthree")
    tree.files[b"end"] = ("120000", b"one\ntwo")
    tree.files[b"new empty"] = ("100644", b"")
    tree.files[b"new\ttab"] = ("100755", text)
    tree.files[b"new binary"] = ("100644", b"\0" * 5_000)
    tree.files[b"new link"] = ("120000", b"plain")
    tree.files[b"new submodule"] = ("160000", b"3" * 40)


def _edit_back(tree: Tree, text: bytes) -> None:
    """Rewrite whole files, and put deleted ones back."""
    tree.files[b"plain"] = ("100644", bytes(reversed(text)))
    tree.files[b"gone"] = ("100644", text)
    tree.files[b"end"] = ("100644", b"one\n")
    tree.files[b"binary"] = ("100644", b"text now\n")
    tree.files[b"long"] = ("100644", b"y" * 100_000)


def random_history(path: Path, seed: int) -> Repository:
    """Make a history of random edits of a few files of random lines."""
    repository = Repository(path)
    repository.git("init", "--quiet", "--initial-branch", "main")
    rng = random.Random(seed)  # noqa: S311  # places of edits, no secret
    tree = Tree()
    for number in range(6):
        for name in (b"one", b"two words", b"three\xff"):
            _, content = tree.files.get(name, ("100644", b""))
            tree.files[name] = ("100644", _random_edit(content, rng))
        commit(repository, tree, f"Random {number}")
    return repository


def _random_edit(content: bytes, rng: random.Random) -> bytes:
    lines = content.split(b"\n")
    for _ in range(rng.randint(0, 6)):
        low = rng.randint(0, len(lines))
        pieces = (b"", b" ", b"-- a", b"++ b", b"@@ -1 +1 @@", b"\\ x", b"a", b"b", b"\r", b"\xe9")
        new = [rng.choice(pieces) for _ in range(rng.randint(0, 8))]
        lines[low : low + rng.randint(0, 5)] = new
    return b"\n".join(lines)
