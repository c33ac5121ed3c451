"""Reads the fenced blocks of a markdown page, and does what a reader of it would do.

- A block with a `title` is a file: it is written under that name.
- `python` runs in one namespace per page; `await` may stand at its top level.
- `console` runs the lines that begin with `$ ` in one shell per block. What follows each of
  them is its output.
- `text` right after `python` is what that block printed.
- `toml` and `json` have to be well formed. Other languages are for the eye only.

In an expected output, `...` stands for any text, a duration such as `0.33 s` for any
duration, and a rung of isolation for any rung. A comment `<!-- not run: why -->` on the line
before a block leaves it out.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import json
import os
import re
import subprocess
import textwrap
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Block", "Reader", "blocks", "matches"]

_FENCE = re.compile(
    r"(?P<skip><!-- not run: [^\n]+ -->\n)?"
    r"^(?P<indent>[ ]*)(?P<ticks>```+)(?P<language>\w+)(?P<options>[^\n]*)\n"
    r"(?P<body>.*?)^(?P=indent)(?P=ticks)[ ]*$",
    re.MULTILINE | re.DOTALL,
)
_TITLE = re.compile(r'title="([^"]+)"')
_DIFFERS = (
    (re.compile(r"\b\d+(\.\d+)? s\b"), "0 s"),
    (re.compile(r"\bisolation:? (bwrap|unshare|none)\b"), "isolation"),
)
_END = "--- end of the command ---"
_PATIENCE = 300
"""Seconds that the commands of one block may take, on a busy machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block of a page."""

    language: str
    body: str
    title: str | None
    line: int
    skipped: bool


def blocks(text: str) -> Iterator[Block]:
    """Yield the blocks of a page in order."""
    for found in _FENCE.finditer(text):
        title = _TITLE.search(found["options"])
        yield Block(
            language=found["language"],
            body=textwrap.dedent(found["body"]),
            title=title[1] if title else None,
            line=text.count("\n", 0, found.start("ticks")) + 1,
            skipped=bool(found["skip"]),
        )


def matches(expected: str, printed: str) -> bool:
    """Say whether an output is the expected one, but for what differs between machines."""
    pattern = ".*?".join(re.escape(part) for part in _settled(expected).split("..."))
    return re.fullmatch(pattern, _settled(printed), re.DOTALL) is not None


def _settled(text: str) -> str:
    text = "\n".join(line.rstrip() for line in text.strip().splitlines())
    for pattern, settled in _DIFFERS:
        text = pattern.sub(settled, text)
    return text


@dataclass
class Reader:
    """Works through a page in a directory of its own."""

    directory: Path
    namespace: dict[str, Any] = field(default_factory=lambda: {"__name__": "__main__"})
    printed: str | None = None
    ran: int = 0
    """Number of blocks that were executed."""

    def read(self, text: str) -> None:
        """Do everything that a page says, and hold each output against what it shows."""
        for block in blocks(text):
            printed, self.printed = self.printed, None
            if block.skipped:
                continue
            if block.title:
                self._write(block)
            elif block.language == "python":
                self._python(block)
            elif block.language == "console":
                self._console(block)
            elif block.language == "text" and printed is not None:
                self._compare(block, block.body, printed)
            self._check_form(block)

    def _write(self, block: Block) -> None:
        path = self.directory / str(block.title)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.body, "utf-8")

    def _check_form(self, block: Block) -> None:
        if block.language == "toml":
            tomllib.loads(block.body)
        elif block.language == "json":
            json.loads(block.body)

    def _python(self, block: Block) -> None:
        output = io.StringIO()
        # Line numbers of a failure are those of the page.
        source = "\n" * block.line + block.body
        code = compile(source, "<page>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        os.chdir(self.directory)
        with contextlib.redirect_stdout(output):
            result = eval(code, self.namespace)  # noqa: S307 - our own page
            if inspect.iscoroutine(result):
                asyncio.run(result)
        self.printed = output.getvalue()
        self.ran += 1

    def _console(self, block: Block) -> None:
        steps = re.split(r"^\$ ", block.body, flags=re.MULTILINE)[1:]
        commands, outputs = [], []
        for step in steps:
            lines = step.split("\n")
            length = next(n for n, line in enumerate(lines, 1) if not line.endswith("\\"))
            commands.append("\n".join(lines[:length]))
            outputs.append("\n".join(lines[length:]))
        ending = f"__status=$?; printf '\\n{_END}\\n'; (exit $__status)\n"
        script = "".join(f"{command}\n{ending}" for command in commands) + "pwd\n"
        told = subprocess.run(
            ["bash", "-c", script],
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
            timeout=_PATIENCE,
        ).stdout
        *printed, directory = told.split(f"\n{_END}\n")
        for command, expected, output in zip(commands, outputs, printed, strict=True):
            self._compare(block, expected, output, f" of `{command}`")
        self.directory = Path(directory.strip())
        self.ran += 1

    def _compare(self, block: Block, expected: str, printed: str, what: str = "") -> None:
        if not matches(expected, printed):
            raise AssertionError(
                f"line {block.line}: the output{what} is\n{printed.strip()}\n"
                f"and not\n{expected.strip()}"
            )
