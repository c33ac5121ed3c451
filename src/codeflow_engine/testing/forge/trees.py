"""Trees as tests write them down, and the stream by which git takes them in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.testing.examples import LINK, PROGRAM, REGULAR, SUBMODULE, ExampleFile

__all__ = ["Signature", "Tree", "TreeFiles", "import_stream", "whole"]

type TreeFiles = Mapping[str, tuple[str, bytes] | ExampleFile | bytes | str]
"""Files by path: `(mode, content)`, a file of an example, or the content of a plain file.

A path that is no UTF-8 is written with surrogates, as `os.fsdecode` gives it. The content of a
link is its target, that of a submodule the id of its commit.
"""

type Tree = Mapping[bytes, tuple[str, bytes]]

_MODES: Final = frozenset({REGULAR, PROGRAM, LINK, SUBMODULE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Who writes a commit, and when."""

    name: str
    email: str
    at: int
    """Seconds since the epoch."""

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which git is told."""
        return {
            f"GIT_{role}_{what}": value
            for role in ("AUTHOR", "COMMITTER")
            for what, value in (
                *(("NAME", self.name), ("EMAIL", self.email)),
                ("DATE", f"{self.at} +0000"),
            )
        }


def whole(files: TreeFiles) -> Tree:
    """Give files in one form.

    Raises:
        ConfigurationError: A mode is none of git's.
    """
    tree = {}
    for path, file in files.items():
        mode, content = _stored(file)
        if mode not in _MODES:
            raise ConfigurationError(f"{path!r} has the mode {mode!r}, which git does not have")
        tree[path.encode("utf-8", "surrogateescape")] = (mode, content)
    return tree


def _stored(file: tuple[str, bytes] | ExampleFile | bytes | str) -> tuple[str, bytes]:
    if isinstance(file, ExampleFile):
        return file.mode, file.content
    if isinstance(file, tuple):
        return file
    return REGULAR, file.encode("utf-8") if isinstance(file, str) else file


def import_stream(
    ref: str, tree: Tree, parents: Sequence[str], *, message: str, signature: Signature
) -> bytes:
    """Write a commit of a whole tree for `git fast-import`, which then answers with its id."""
    return b"".join(_stream(ref, tree, parents, message, signature))


def _stream(
    ref: str, tree: Tree, parents: Sequence[str], message: str, signature: Signature
) -> Iterator[bytes]:
    who = f"{signature.name} <{signature.email}> {signature.at} +0000"
    yield f"commit {ref}\nmark :1\nauthor {who}\ncommitter {who}\n".encode()
    yield _data(message.encode())
    for word, parent in zip(("from", *["merge"] * len(parents)), parents, strict=False):
        yield f"{word} {parent}\n".encode()
    yield b"deleteall\n"
    for path, (mode, content) in tree.items():
        if mode == SUBMODULE:
            yield b"M 160000 %s %s\n" % (content, _quoted(path))
        else:
            yield b"M %s inline %s\n" % (mode.encode(), _quoted(path))
            yield _data(content)
    yield b"\nget-mark :1\n"


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)


def _quoted(path: bytes) -> bytes:
    safe = (chr(byte) if _plain(byte) else f"\\{byte:03o}" for byte in path)
    return b'"%s"' % "".join(safe).encode("ascii")


def _plain(byte: int) -> bool:
    return 0x20 <= byte < 0x7F and byte not in b'"\\'  # noqa: PLR2004 - the printable ones of ASCII
