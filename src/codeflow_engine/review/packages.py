"""Packages that a piece of code brings in, as far as its text tells.

A model may name a package that does not exist, and somebody may have registered it since.
So what counts here is not whether a package is good: it is whether the project has it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatch
from functools import cache, partial
from typing import Final

from codeflow_engine.domain.diff import Diff, DiffFile
from codeflow_engine.review.parsing.languages import PYTHON, language_of

__all__ = ["Known", "brought_in"]

_IMPORT: Final = re.compile(
    r"^[ \t]*import[ \t]+([^\n#;]+)|;[ \t]*import[ \t]+([^\n#;]+)", re.MULTILINE
)
_FROM: Final = re.compile(r"(?:^|;)[ \t]*from[ \t]+([A-Za-z_]\w*)", re.MULTILINE)
_CALLED: Final = re.compile(r"\b(?:__import__|import_module)\([ \t]*[\"']([A-Za-z_]\w*)")
_SCRIPT: Final = re.compile(
    r"(?:\bfrom|\bimport|\brequire[ \t]*\(|\bimport[ \t]*\()[ \t\n]*[\"']([^\"'\n]+)[\"']"
)
_GO: Final = re.compile(
    r"^[ \t]*(?:import[ \t]+)?(?:[\w.]+[ \t]+)?\"([^\"\n]+)\"[ \t]*(?://|$)", re.MULTILINE
)
_RUST: Final = re.compile(
    r"^[ \t]*(?:pub[ \t]+)?(?:use|extern[ \t]+crate)[ \t]+(?:::)?([A-Za-z_]\w*)", re.MULTILINE
)
_JVM: Final = re.compile(
    r"^[ \t]*(?:import|package)[ \t]+(?:static[ \t]+)?(\w+(?:\.\w+)?)", re.MULTILINE
)
_WORD: Final = re.compile(r"@?[A-Za-z][\w./-]*")
_BLANK: Final = re.compile(r"[\s;|&\"'`()\[\],]+")
_FILE: Final = re.compile(r"[-./$<]|.*\.(?:txt|toml|lock|whl|zip|gz)$")
_NODE: Final = frozenset(
    "assert async_hooks buffer child_process cluster console constants crypto dgram dns domain "  # noqa: SIM905 - a list of words
    "events fs http http2 https inspector module net os path perf_hooks process punycode "
    "querystring readline repl stream string_decoder sys timers tls tty url util v8 vm wasi "
    "worker_threads zlib".split()
)
_MANIFEST: Final = "manifest"
_MANIFESTS: Final = (
    *("requirements*.txt", "*requirements.txt", "constraints*.txt", "requirements/*.txt"),
    *("pyproject.toml", "setup.py", "setup.cfg", "pipfile", "environment.y*ml"),
    *("package.json", "deno.json*", "cargo.toml", "go.mod", "gemfile", "*.gemspec", "pom.xml"),
    *("build.gradle*", "*.versions.toml", "build.sbt", "composer.json", "package.swift"),
    *("*.csproj", "*.fsproj", "directory.packages.props", "pubspec.yaml", "mix.exs"),
)
_TOOLS: Final = frozenset[str]().union(
    ("apt", "apt-get", "brew", "bun", "cargo", "composer", "conda", "gem", "go", "npm", "pdm"),
    ("pip", "pip3", "pipx", "pnpm", "poetry", "uv", "yarn"),
)
_VERBS: Final = frozenset(["add", "get", "i", "install", "require"])
_RUNNERS: Final = frozenset(["bunx", "npx", "uvx"])
_FAMILIES: Final = {
    "tsx": "javascript",
    "typescript": "javascript",
    "kotlin": "java",
    "scala": "java",
}


class Known:
    """Names that a change, and the files around it, have already.

    Args:
        diff: The change.
        files: Content of its files on the new side, as far as it is known.
    """

    def __init__(self, diff: Diff, files: Mapping[str, bytes]) -> None:
        self._diff = diff
        self._files = files
        self._names = cache(self._gather)

    def has(self, path: str, name: str) -> bool:
        """Tell whether a package is no news to the project that a file belongs to."""
        return name in self._names(_kind(path))

    def _gather(self, kind: str) -> frozenset[str]:
        names: set[str] = set()
        for path, text in self._texts():
            # What lies beside a file, and the file itself, may be imported by name.
            *folders, name = path.split("/")
            names.update(folders, (name.partition(".")[0],))
            own = _kind(path)
            if own == kind:
                names.update(_named(kind, text()))
            elif own == _MANIFEST:
                told = set(_named(_MANIFEST, text()))
                names.update(told, (name.replace("-", "_") for name in told))
        return frozenset(names)

    def _texts(self) -> Iterator[tuple[str, Callable[[], str]]]:
        """Give paths, and what makes the text that is known of each."""
        for path, content in self._files.items():
            yield path, partial(content.decode, "utf-8", "replace")
        for file in self._diff.files:
            for path in filter(None, (file.old_path, file.new_path)):
                yield path, partial(_text, file)


def _text(file: DiffFile) -> str:
    return "\n".join(line.text for hunk in file.hunks for line in hunk.lines)


def brought_in(path: str, replacement: str, known: Known) -> str | None:
    """Give a package that a replacement names and that its project does not; else None.

    In a file that names the packages of a project, each name that is new to it counts.
    """
    names = _named(_kind(path), replacement)
    return next((name for name in names if not known.has(path, name)), None)


def _kind(path: str) -> str:
    """Give what decides how a file names packages: a language, `manifest`, or `text`."""
    name = path.lower()
    tail = name.rpartition("/")[2]
    if any(fnmatch(tail, pattern) or fnmatch(name, pattern) for pattern in _MANIFESTS):
        return _MANIFEST
    language = language_of(path) or "text"
    language = _FAMILIES.get(language, language)
    return language if language in {PYTHON, "javascript", "go", "rust", "java"} else "text"


def _named(kind: str, text: str) -> Iterator[str]:
    if kind == PYTHON:
        yield from (name for name in _python(text) if name not in sys.stdlib_module_names)
    elif kind == "javascript":
        yield from filter(None, map(_script, _SCRIPT.findall(text)))
    elif kind == "go":
        # Packages that come with Go have no host in their name.
        found = (name.split("/") for name in _GO.findall(text))
        yield from ("/".join(parts[:3]) for parts in found if "." in parts[0])
    elif kind == "rust":
        ours = {"alloc", "core", "crate", "self", "std", "super"}
        yield from (name for name in _RUST.findall(text) if name not in ours)
    elif kind == "java":
        own = {"android", "java", "javax", "jdk", "kotlin", "scala"}
        yield from (name for name in _JVM.findall(text) if name.partition(".")[0] not in own)
    elif kind == _MANIFEST:
        yield from (word.lower() for word in _WORD.findall(text))
    else:
        for line in text.split("\n"):
            yield from _installed(line)


def _python(text: str) -> Iterator[str]:
    yield from _FROM.findall(text)
    yield from _CALLED.findall(text)
    for names in _IMPORT.findall(text):
        for part in "".join(names).split(","):
            if (found := re.match(r"\s*([A-Za-z_]\w*)", part)) is not None:
                yield found[1]


def _script(name: str) -> str | None:
    """Give the package of a module of JavaScript; None for a file, an alias, or Node's own."""
    if name.startswith((".", "/", "#", "~", "@/", "node:", "bun:")):
        return None
    parts = name.split("/")
    return None if parts[0] in _NODE else "/".join(parts[: 2 if name.startswith("@") else 1])


def _installed(line: str) -> Iterator[str]:
    """Give what a line has a package tool fetch."""
    takes = False
    before = ""
    for word in _BLANK.split(line):
        if takes and not _FILE.match(word) and (found := _WORD.match(word)) is not None:
            yield found[0].lower()
        takes = takes or word in _RUNNERS or (before in _TOOLS and word in _VERBS)
        before = word
