"""Generated and vendored files: what models are not shown, and why.

Nobody wrote them by hand here, they are long, and a model that reads them is paid for nothing.
What a repository says in `.gitattributes` of the base comes first, in the words that forges
know (`linguist-generated`, `linguist-vendored`); where it says nothing, a list decides that goes
by names alone.

The author of a change chooses its names, so a name is no proof: code can be put into
`vendor/` to keep it from a model. That is why analyzers see all of these files as any other,
why the ledger names each with the reason, and why the list is short. A project that keeps
code of its own under such a name says `-linguist-vendored` there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

from codeflow_engine.domain.diff.paths import decode, unquote
from codeflow_engine.domain.patterns import PathGlob, PathPatterns

__all__ = ["ATTRIBUTES_NAME", "generated"]

ATTRIBUTES_NAME: Final = ".gitattributes"
_MOST_FILES: Final = 200
_MOST_BYTES: Final = 256 * 1024
_MOST_RULES: Final = 500
"""Lines of one file that speak of these attributes: each is held against each path."""

_MOST_LINE: Final = 2048
"""Bytes; git passes over a line that is as long (`ATTR_MAX_LINE_LENGTH`)."""


class _Kind(StrEnum):
    GENERATED = "generated"
    VENDORED = "vendored"

    @property
    def attribute(self) -> str:
        return f"linguist-{self.value}"


_NAMES: Final[dict[_Kind, tuple[str, ...]]] = {
    _Kind.GENERATED: (
        # Lock files: resolved by a tool from a manifest, which is shown. What may hide in one,
        # such as another registry, is found by its form and not by reading it.
        *("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock"),
        *("bun.lockb", "deno.lock", "poetry.lock", "Pipfile.lock", "pdm.lock", "uv.lock"),
        *("pixi.lock", "Cargo.lock", "Gemfile.lock", "composer.lock", "go.sum", "go.work.sum"),
        *("mix.lock", "pubspec.lock", "Podfile.lock", "Package.resolved", "packages.lock.json"),
        *("gradle.lockfile", "flake.lock", ".terraform.lock.hcl", "conan.lock"),
        # Minified and bundled: one line of a megabyte, made of sources that are elsewhere.
        *("*.min.js", "*.min.mjs", "*.min.cjs", "*.min.css", "*.bundle.js", "*-min.js"),
        # Source maps: tables of numbers for debuggers.
        *("*.js.map", "*.mjs.map", "*.cjs.map", "*.ts.map", "*.css.map"),
        # Interfaces that a compiler wrote from a schema, which is shown (protobuf, gRPC, Thrift,
        # FlatBuffers, Dart's and Go's generators, designers of forms).
        *("*.pb.go", "*.pb.gw.go", "*.pb.cc", "*.pb.h", "*.pb.swift", "*_pb2.py", "*_pb2.pyi"),
        *("*_pb2_grpc.py", "*_pb.js", "*_pb.d.ts", "*_grpc_pb.js", "*_grpc_pb.d.ts", "*_pb.rb"),
        *("*_generated.h", "*.g.dart", "*.freezed.dart", "*.pb.dart", "zz_generated.*.go"),
        *("*.Designer.cs", "*.designer.cs", "*.g.cs", "*.g.i.cs", "gen-py/", "gen-go/"),
        # Snapshots: what a test printed last time; the test is shown.
        *("__snapshots__/", "*.snap"),
    ),
    _Kind.VENDORED: (
        # Copies of other projects, under the names that package managers and people use for
        # them; their own projects review them. Small programs that a tool installs and that a
        # person runs, such as `gradlew`, are not among them.
        *("node_modules/", "bower_components/", "jspm_packages/", "vendor/", "_vendor/"),
        *("third_party/", "third-party/", "thirdparty/", "3rdparty/", "site-packages/"),
        *("**/Godeps/_workspace/", "Pods/", "**/Carthage/Checkouts/", "**/.yarn/releases/"),
        *("**/.yarn/plugins/", "**/.yarn/cache/", ".pnp.cjs", ".pnp.loader.mjs"),
    ),
}
"""Patterns as in `.gitignore`: files of these names are not shown, unless the base says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    glob: PathGlob
    says: dict[_Kind, bool | None]
    """True for one that is set, False for `-`, None for `!`: the list decides again."""


def generated(paths: Iterable[str], attributes: Sequence[tuple[str, bytes]] = ()) -> dict[str, str]:
    """Find the files that are generated or vendored, with the reason.

    Args:
        paths: Of the change.
        attributes: Directory (empty for the top) and content of each `.gitattributes` at the
            base revision, in any order. Where there are over 200 of them, the deepest are passed
            over, and so is one of over 256 KiB or with over 500 lines that matter; a line that
            git does not understand is passed over, too, and so is a macro (`[attr]`).

    Returns:
        The reason by path, such as `generated: '*.pb.go'`; other paths are not in it.
    """
    upper = sorted(attributes, key=lambda one: (one[0].count("/") + bool(one[0]), one[0]))
    files = {directory: _rules(content) for directory, content in upper[:_MOST_FILES]}
    found: dict[str, str] = {}
    for path in dict.fromkeys(paths):
        if (reason := _reason(path, files)) is not None:
            found[path] = reason
    return found


def _reason(path: str, files: dict[str, list[_Rule]]) -> str | None:
    for kind in _Kind:
        said, where = _look_up(path, kind, files)
        if said:
            return f"{kind}: {kind.attribute} in {where} of the base"
        if said is None and (pattern := _shipped(kind).find(path)) is not None:
            return f"{kind}: {pattern!r}"
    return None


def _look_up(
    path: str, kind: _Kind, files: dict[str, list[_Rule]]
) -> tuple[bool | None, str | None]:
    """Find what is said of a file, and in which file: the nearest one, and its last line, win."""
    for directory in _upwards(path):
        below = path[len(directory) + 1 :] if directory else path
        for rule in files.get(directory, ()):
            if kind in rule.says and rule.glob.matches(below):
                where = f"{directory}/{ATTRIBUTES_NAME}" if directory else ATTRIBUTES_NAME
                return rule.says[kind], where
    return None, None


def _upwards(path: str) -> Iterator[str]:
    while path:
        path = path.rpartition("/")[0]
        yield path


@cache
def _shipped(kind: _Kind) -> PathPatterns:
    return PathPatterns(_NAMES[kind])


_BLANKS: Final = b" \t\r"
_WORD: Final = re.compile(rb"[^ \t\r]+")
_QUOTED: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"')
_ATTRIBUTE: Final = re.compile(rb"([-!]?)([A-Za-z0-9_.][-A-Za-z0-9_.]*)(=.*)?", re.DOTALL)
_KINDS: Final = {kind.attribute.encode(): kind for kind in _Kind}


def _rules(content: bytes) -> list[_Rule]:
    """Read the lines that speak of these attributes, the last one first."""
    if len(content) > _MOST_BYTES:
        return []
    lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    rules = [rule for line in reversed(lines) if (rule := _read(line)) is not None]
    return rules if len(rules) <= _MOST_RULES else []


def _read(line: bytes) -> _Rule | None:
    """Read one line; None where it is of no concern here, or git would pass over it."""
    if len(line) >= _MOST_LINE or b"linguist-" not in line:
        return None
    if (line := line.strip(_BLANKS)).startswith(b"#"):
        return None
    name, words = _split(line)
    says: dict[_Kind, bool | None] = {}
    for word in words:
        attribute = _ATTRIBUTE.fullmatch(word)
        if attribute is None:
            return None
        mark, known, value = attribute.groups()
        if known in _KINDS:
            says[_KINDS[known]] = _meaning(mark, value)
    if not says or name.startswith((b"!", b"[attr]")):
        return None
    try:
        glob = PathGlob(decode(name))
    except ValueError:
        return None
    return _Rule(glob=glob, says=says)


def _split(line: bytes) -> tuple[bytes, list[bytes]]:
    """Split a line into its pattern, which may be quoted as in C, and its attributes."""
    quoted = _QUOTED.match(line)
    if quoted is not None and (name := unquote(quoted[0])) is not None:
        return name, _WORD.findall(line, quoted.end())
    name, *words = _WORD.findall(line)
    return name, words


def _meaning(mark: bytes, value: bytes | None) -> bool | None:
    """Read a boolean as forges do: every value but `false` sets it."""
    if mark:
        return False if mark == b"-" else None
    return value != b"=false"
