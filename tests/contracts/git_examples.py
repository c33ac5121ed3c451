"""Puts example changes into git repositories, by git itself."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from codeflow_engine.testing.examples import SUBMODULE, Example, ExampleFile

_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "LC_ALL": "C",
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
}


def run_git(place: Path, *words: str, stdin: bytes = b"") -> bytes:
    """Run plain git, with nothing of the machine's configuration."""
    ran = subprocess.run(
        ["git", *words], cwd=place, env=_ENVIRONMENT, input=stdin, capture_output=True, check=False
    )
    assert ran.returncode == 0, ran.stderr.decode("utf-8", "replace")
    return ran.stdout


def commit_example(example: Example, place: Path) -> None:
    """Make a bare repository whose branch `main` is at the base, and `topic` at the head."""
    place.mkdir(parents=True)
    run_git(place, "init", "--quiet", "--bare", "--initial-branch=main")
    stream = [
        *_commit("main", "Begin", example.base),
        *_commit("topic", example.title, example.head, example.description, parent="main"),
    ]
    run_git(place, "fast-import", "--quiet", "--force", stdin=b"".join(stream))


def commit_other(place: Path, example: Example) -> None:
    """Put another state in the place of `topic`."""
    files = {path: ExampleFile.of("other\n") for path in example.head}
    stream = _commit("topic", "Another state", files, parent="main")
    run_git(place, "fast-import", "--quiet", "--force", stdin=b"".join(stream))


def _commit(
    branch: str,
    title: str,
    tree: Mapping[str, ExampleFile],
    description: str = "",
    *,
    parent: str | None = None,
) -> Iterator[bytes]:
    message = f"{title}\n\n{description}".encode()
    yield b"commit refs/heads/%s\n" % branch.encode()
    yield b"committer Ada <ada@example.org> 1767225600 +0000\n"
    yield b"data %d\n%s\n" % (len(message), message)
    if parent is not None:
        yield b"from refs/heads/%s\n" % parent.encode()
    yield b"deleteall\n"
    for path, file in tree.items():
        name = b'"%s"' % b"".join(b"\\%03o" % byte for byte in path.encode())
        if file.mode == SUBMODULE:
            yield b"M %s %s %s\n" % (file.mode.encode(), file.content, name)
        else:
            yield b"M %s inline %s\n" % (file.mode.encode(), name)
            yield b"data %d\n%s\n" % (len(file.content), file.content)
