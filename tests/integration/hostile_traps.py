"""Traps: whatever runs one of them leaves a witness, a file of the trap's name."""

from __future__ import annotations

import os
import socket
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from git_trees import run_git

if TYPE_CHECKING:
    from git_trees import Tree

__all__ = ["RAN", "TRAPS", "Traps", "arm", "disk_traps"]

RAN = "a trap has run: "
"""What a trap prints: where it cannot write a witness, its words may come out.

No trap holds it in one piece, so that code that is quoted does not count."""

_HOOKS = ("pre-commit", "post-index-change", "reference-transaction", "post-checkout")


@dataclass(frozen=True)
class Traps:
    """Makes traps of each kind."""

    place: Path
    port: int
    token: str
    """Stands in the address of the remote."""

    @property
    def fired(self) -> Path:
        """Where witnesses appear."""
        return self.place / "fired"

    def program(self, name: str) -> Path:
        """Give the path of a trap that is a program."""
        return self.place / "programs" / name

    def shell(self, name: str) -> bytes:
        """Write a trap for the shell."""
        said = f"'{RAN[:5]}''{RAN[5:]}{name}'"
        return f"#!/bin/sh\n: > {self.fired}/{name}\necho {said}\n".encode()

    def line(self, name: str) -> str:
        """Write a trap as one line of Python."""
        return f"open({str(self.fired / name)!r}, 'w').close()"

    def python(self, name: str) -> bytes:
        """Write a trap as a module."""
        return f"{self.line(name)}\nprint({RAN[:5]!r} {RAN[5:] + name!r})\n".encode()

    def write_programs(self) -> None:
        """Write every trap that the configuration names."""
        self.program("").mkdir()
        for name in (*TRAPS, "submodule", "npm"):
            self.program(name).write_bytes(self.shell(name))
            self.program(name).chmod(0o755)


TRAPS: dict[str, tuple[str, ...]] = {
    "fsmonitor": ("status", "-uno"),
    "diff-external": ("diff", "HEAD~1", "HEAD"),
    "diff-driver": ("diff", "HEAD~1", "HEAD", "--", "a.drv"),
    "textconv": ("diff", "--no-ext-diff", "HEAD~1", "HEAD", "--", "c.tc"),
    "clean": ("hash-object", "--path=b.flt", "app.py"),
    "smudge": ("cat-file", "--filters", "HEAD:b.flt"),
    "process": ("hash-object", "--path=b.proc", "app.py"),
    "hooks-path": ("update-index", "--refresh"),
    "signature": ("log", "-1"),
    "ssh-command": ("ls-remote", "ssh://127.0.0.1/x"),
    "proxy-command": ("ls-remote", "git://127.0.0.1/x"),
    "editor": ("commit", "--amend", "--no-verify", "-uno"),
    "ask-pass": ("-c", "credential.helper=", "ls-remote", "http://127.0.0.1:{port}/x"),
    "credential-helper": ("ls-remote", "http://127.0.0.1:{port}/x"),
    "alias": ("st",),
    "include": ("included",),
    "upload-pack": ("cat-file", "-p", "{missing}"),
    "embedded": ("-C", "embedded", "status", "-uno"),
}
"""Traps of git, each with the words by which plain git walks into it."""


def arm(traps: Traps, tree: Tree) -> None:
    """Set every trap in the configuration, the hooks, and the objects."""
    _sign(tree)
    blob = tree.git("hash-object", "-w", "--stdin", stdin=b"fetched when it is asked for\n")
    tree_id = tree.git("mktree", stdin=f"100644 blob {blob}\tmissing.py\n".encode())
    commit = tree.git("commit-tree", tree_id, "-p", "HEAD~1", "-m", "Partial")
    tree.git("update-ref", "refs/heads/partial", commit)
    (tree.path / ".git/objects" / blob[:2] / blob[2:]).unlink()
    (tree.path / ".git/missing").write_text(blob)
    _embed(traps, tree)
    for folder in (tree.path / ".git/hooks", traps.place / "hooks"):
        folder.mkdir(exist_ok=True)
        for name in _HOOKS:
            (folder / name).write_bytes(traps.shell("hooks-path"))
            (folder / name).chmod(0o755)
    included = traps.place / "included.ini"
    included.write_text(f"[alias]\n\tincluded = !{traps.program('include')}\n")
    values = {**_programs(traps), **_addresses(traps), "include.path": str(included)}
    for key, value in values.items():
        run_git(traps.place, "config", "--file", str(tree.path / ".git/config"), key, value)


def _sign(tree: Tree) -> None:
    raw = run_git(tree.path, "cat-file", "commit", "HEAD")
    head, _, message = raw.partition(b"\n\n")
    signature = b"\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----"
    signed = head + signature + b"\n\n" + message
    commit = tree.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=signed)
    tree.git("update-ref", "refs/heads/main", commit)


def _embed(traps: Traps, tree: Tree) -> None:
    bare = tree.path / "embedded"
    tree.git("init", "--quiet", "--bare", "embedded")
    for path in (bare / "hooks", bare / "info"):
        for one in path.iterdir():
            one.unlink()
    program = traps.program("embedded")
    (bare / "config").write_text(
        f"[core]\n\trepositoryFormatVersion = 0\n\tworktree = ..\n\tfsmonitor = {program}\n"
    )


def _programs(traps: Traps) -> dict[str, str]:
    program = {name: str(traps.program(name)) for name in TRAPS}
    return {
        "core.fsmonitor": program["fsmonitor"],
        "core.hooksPath": str(traps.place / "hooks"),
        "core.sshCommand": program["ssh-command"],
        "core.gitProxy": program["proxy-command"],
        "core.editor": program["editor"],
        "core.askPass": program["ask-pass"],
        "core.pager": program["editor"],
        "sequence.editor": program["editor"],
        "credential.helper": program["credential-helper"],
        "diff.external": program["diff-external"],
        "diff.evil.command": program["diff-driver"],
        "diff.conv.textconv": program["textconv"],
        "filter.evil.clean": program["clean"],
        "filter.evil.smudge": program["smudge"],
        "filter.proc.process": program["process"],
        "filter.evil.required": "true",
        "log.showSignature": "true",
        "gpg.program": program["signature"],
        "alias.st": f"!{program['alias']}",
    }


def _addresses(traps: Traps) -> dict[str, str]:
    """Give what leads elsewhere: on the disk, and to the listener."""
    away = f"http://u:{traps.token}@127.0.0.1:{traps.port}/x"
    return {
        "core.worktree": str(traps.place / "host"),
        "core.attributesFile": str(traps.place / "attributes"),
        "core.alternateRefsCommand": str(traps.program("fsmonitor")),
        "core.repositoryFormatVersion": "1",
        "core.fileMode": "true",
        "core.quotePath": "true",
        "color.ui": "always",
        "diff.noprefix": "true",
        "extensions.partialClone": "promised",
        "remote.promised.url": str(traps.place / "repository"),
        "remote.promised.promisor": "true",
        "remote.promised.uploadpack": str(traps.program("upload-pack")),
        "remote.origin.url": away,
        f"url.{away}.insteadOf": "https://example.org/",
        "protocol.allow": "always",
        "protocol.ext.allow": "always",
        "http.proxy": f"http://127.0.0.1:{traps.port}",
        "lfs.url": away,
        "fetch.recurseSubmodules": "true",
    }


def disk_traps(traps: Traps) -> list[socket.socket]:
    """Put into the working tree what no commit can bring; give what has to be closed."""
    tree = traps.place / "repository"
    odd = tree / "odd"
    odd.mkdir()
    for name in ("pipe", "pipe.py", ".gitignore"):
        os.mkfifo(odd / name)
    (traps.place / "attributes").write_text("*.proc filter=proc\n")
    listening = socket.socket(socket.AF_UNIX)
    here = os.open(odd, os.O_RDONLY)
    listening.bind(f"/proc/self/fd/{here}/socket")
    os.close(here)
    if os.geteuid() == 0:
        os.mknod(odd / "zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
        os.mknod(odd / "kernel", stat.S_IFBLK | 0o666, os.makedev(7, 0))
    with (odd / "sparse.bin").open("wb") as sparse:
        sparse.truncate(1 << 40)
    (odd / "untracked.py").symlink_to(traps.place / "host/secret.py")
    (odd / "there").symlink_to(traps.place / "host")
    (odd / "round").symlink_to("..")
    (odd / "proc").symlink_to("/proc/self/environ")
    (odd / "\x1b[31m\n").write_text("")
    (odd / "escape.py").write_text("import os\n")
    return [listening]
