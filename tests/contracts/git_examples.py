"""Puts example changes into git repositories, by git itself."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from codeflow_engine.domain.change import ChangeRequest
from codeflow_engine.testing.contracts import Published
from codeflow_engine.testing.examples import LINK, PROGRAM, SUBMODULE, Example, ExampleFile

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


def publish_bare(example: Example, directory: Path) -> Published:
    """Put an example into a bare repository of its name."""
    place = directory / example.name
    commit_example(example, place)

    def push(later: Example) -> None:
        stream = _commit("topic", "A later state", later.head, parent="main")
        run_git(place, "fast-import", "--quiet", "--force", stdin=b"".join(stream))

    request = ChangeRequest(target=str(place), base="main", head="topic")
    return Published(request=request, example=example, push=push)


def without_submodules(example: Example) -> Example:
    """Leave out what a working tree can only have by a repository in it."""
    base, head = (
        {path: file for path, file in tree.items() if file.mode != SUBMODULE}
        for tree in (example.base, example.head)
    )
    return Example(name=example.name, base=base, head=head, renames=example.renames)


def check_out(example: Example, place: Path) -> None:
    """Make a repository whose HEAD is the base, and whose working tree is the head."""
    place.mkdir(parents=True)
    run_git(place, "init", "--quiet", "--initial-branch=main")
    stream = b"".join(_commit("main", "Begin", example.base))
    run_git(place, "fast-import", "--quiet", "--force", stdin=stream)
    run_git(place, "read-tree", "-u", "--reset", "main")
    edit(example, place)


def edit(example: Example, place: Path) -> None:
    """Write the head of an example into a working tree."""
    for path in example.base.keys() - example.head.keys():
        (place / path).unlink(missing_ok=True)
        for parent in PurePosixPath(path).parents[:-1]:
            with suppress(OSError):  # something else is in it, or it has gone
                (place / parent).rmdir()
    for path, file in example.head.items():
        at = place / path
        at.unlink(missing_ok=True)
        at.parent.mkdir(parents=True, exist_ok=True)
        if file.mode == LINK:
            at.symlink_to(file.content.decode())
        else:
            at.write_bytes(file.content)
            at.chmod(0o755 if file.mode == PROGRAM else 0o644)


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
