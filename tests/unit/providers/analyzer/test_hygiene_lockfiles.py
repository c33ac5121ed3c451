"""Manifests and lock files: what a diff says of them, and what the tree adds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from analyzer_patches import change, new_file, rules, scanned

from codeflow_engine.contracts.analyzer import Analysis
from codeflow_engine.domain.change import Change, FileContent
from codeflow_engine.domain.diff import Diff, Side
from codeflow_engine.domain.finding import RawFinding
from codeflow_engine.providers.analyzer.checks.hygiene import scan
from codeflow_engine.providers.analyzer.checks.lockfiles import is_locked, lock_paths
from codeflow_engine.providers.analyzer.locks_in_tree import confirmed
from codeflow_engine.storage.memory import MemoryCache

NPM = ' "dependencies": {'
LOCK = change("package-lock.json", ["-x", "+y"])
CODE = change("a.js", ["-x", "+y"])


@pytest.mark.parametrize(
    ("path", "rows"),
    [
        ("package.json", [NPM, '-  "left-pad": "1.0.0",', '+  "left-pad": "1.3.0",']),
        ("web/package.json", ['-  "vite": "^4.0.0"', '+  "vite": "^5.0.0"']),
        ("package.json", [' "devDependencies": {', '+  "x": "latest",']),
        ("package.json", ['+  "@acme/x": "workspace:*",']),
        ("pyproject.toml", [" [project]", " dependencies = [", '+  "httpx",', " ]"]),
        ("pyproject.toml", [" dependencies = [", '-  "a>=1",', '+  "a>=2",  # why', " ]"]),
        ("pyproject.toml", [" [project]", '-dependencies = ["a"]', '+dependencies = ["a", "b"]']),
        ("pyproject.toml", [" [dependency-groups]", '-dev = ["a"]', '+dev = ["a", "b"]']),
        ("pyproject.toml", [" [project.optional-dependencies]", " x = [", '+ "c",']),
        ("pyproject.toml", [" [tool.poetry.dependencies]", '-a = "1"', '+a = "2"']),
        ("pyproject.toml", ['-a = "^1.0"', '+a = "^2.0"']),
        ("pyproject.toml", ['+a = {version = "^1.0", optional = true}']),
        ("pyproject.toml", ["+  'a[x] >=1 ; python_version < \"3.9\"',"]),
        ("Pipfile", [" [packages]", '+requests = "*"']),
        ("Cargo.toml", [" [dependencies]", '+serde = "1"']),
        ("Cargo.toml", [" [target.'cfg(unix)'.dev-dependencies]", "+serde.workspace = true"]),
        ("Cargo.toml", ['+serde = { version = "1", features = ["derive"] }']),
        ("go.mod", ["-\tgolang.org/x/net v0.1.0", "+\tgolang.org/x/net v0.2.0 // indirect"]),
        ("go.mod", ["+require example.com/x v1.0.0"]),
        ("Gemfile", ["-gem 'rails', '~> 7.0'", "+gem 'rails', '~> 7.1', require: false"]),
        ("composer.json", ['+  "acme/x": "^1.0",']),
    ],
)
def test_a_changed_dependency_without_its_lock_file_is_told_of(path: str, rows: list[str]) -> None:
    """A line that states a dependency differs between the sides."""
    (finding,) = scanned(scan, change(path, rows))

    assert (finding.rule, finding.path, finding.line) == ("manifest-without-lock", path, None)


@pytest.mark.parametrize(
    ("path", "rows"),
    [
        ("package.json", ['-  "version": "1.0.0",', '+  "version": "1.0.1",']),
        ("package.json", [NPM, '   "a": "1.0.0",', "-  },", "+  }"]),
        ("package.json", [NPM, '-  "a": "1.0.0"', '+  "a": "1.0.0",']),
        ("package.json", [' "engines": {', '-  "x": "^18.0.0"', '+  "x": "^20.0.0"']),
        ("package.json", [' "peerDependencies": {', '-  "x": "^18.0.0"', '+  "x": "^20.0.0"']),
        ("package.json", ['-  "node": "^18.0.0"', '+  "node": "^20.0.0"']),
        ("package.json", [' "scripts": {', '-  "a": "b"', '+  "a": "c"']),
        ("package.json", [NPM, " },", '+ "license": "MIT"']),
        ("package.json", [NPM, '+  "x": "' + "9" * 600 + '"']),
        ("pyproject.toml", [" [tool.ruff]", "-line-length = 88", "+line-length = 100"]),
        ("pyproject.toml", ['-version = "1.0"', '+version = "1.1"']),
        ("pyproject.toml", [" authors = [", '+  "Ada <ada@example.org>",', " ]"]),
        ("pyproject.toml", [" [build-system]", '-requires = ["a>=1"]', '+requires = ["a>=2"]']),
        ("pyproject.toml", [" [tool.x]", " select = [", '+  "E>1",']),
        ("Cargo.toml", [" [package]", '-version = "1"', '+version = "2"']),
        ("Cargo.toml", ['-regex = "1.8"', '+regex = { version = "1.9", features = ["std"] }']),
        ("Cargo.toml", [" [dependencies]", '-regex = "1.8"', '+regex = "1.9"']),
        ("Cargo.toml", [" [profile.release]", '+lto = "fat"']),
        ("go.mod", ["-go 1.21", "+go 1.22"]),
        ("Gemfile", ["-gem 'a', require: false", "+gem 'a'"]),
        ("composer.json", ['+  "description": "a/b",']),
        ("tests/fixtures/package.json", [NPM, '+  "x": "1"']),
        ("node_modules/x/package.json", [NPM, '+  "x": "1"']),
        ("package.json.tmpl", [NPM, '+  "x": "1"']),
    ],
)
def test_what_changes_no_dependency_is_left_alone(path: str, rows: list[str]) -> None:
    """A version, a tool's settings, order, style and other people's files lock nothing."""
    assert scanned(scan, change(path, rows)) == []


def test_a_manifest_with_its_lock_file_is_left_alone() -> None:
    """The lock file may lie beside the manifest or above it."""
    rows = [NPM, '+  "x": "1"']

    assert scanned(scan, LOCK + change("package.json", rows)) == []
    assert scanned(scan, LOCK + change("packages/a/package.json", rows)) == []
    assert rules(
        scanned(scan, change("sub/package-lock.json", ["+x"]) + change("a.js", ["+x"]))
    ) == ["lock-without-manifest"]


def test_a_new_manifest_is_left_alone() -> None:
    """What was not there before has no lock file that could be stale."""
    assert scanned(scan, new_file("package.json", '"dependencies": {', '  "x": "1"', "}")) == []


def test_a_lock_file_beside_other_work_is_told_of() -> None:
    """Nobody asked for an update in a change of something else."""
    (finding,) = scanned(scan, LOCK + CODE)

    assert (finding.rule, finding.path) == ("lock-without-manifest", "package-lock.json")


@pytest.mark.parametrize(
    "text",
    [
        LOCK,
        LOCK + change("yarn.lock", ["+x"]),
        LOCK + CODE + change("package.json", ["+x"]),
        LOCK + CODE + change("packages/a/package.json", ["+x"]),
        change("Gemfile.lock", ["+x"]) + change("acme.gemspec", ["+x"]),
        change("Gemfile.lock", ["+x"]) + change("lib/acme/version.rb", ["+x"]),
        new_file("package-lock.json", "x") + CODE,
        change("tests/data/yarn.lock", ["+x"]) + CODE,
    ],
)
def test_a_lock_file_with_a_reason_is_left_alone(text: str) -> None:
    """An update on its own, one with its manifest, and a new lock file explain themselves."""
    assert scanned(scan, text) == []


def test_checks_of_lock_files_can_be_turned_off() -> None:
    """The switch `lockfiles` closes the room."""
    assert scanned(scan, LOCK + CODE, {"lockfiles": False}) == []


def test_a_lock_file_may_lie_above_a_manifest_only_where_tools_share_them() -> None:
    """Only some tools have one lock file for several manifests."""
    assert lock_paths("a/b/go.mod") == ["a/b/go.sum"]
    assert lock_paths("a/Cargo.toml") == ["a/Cargo.lock", "Cargo.lock"]


@pytest.mark.parametrize(
    ("manifest", "lock", "content", "locked"),
    [
        ("package.json", "yarn.lock", None, True),
        ("a/package.json", "a/yarn.lock", b"", True),
        ("packages/a/package.json", "pnpm-lock.yaml", b"  packages/a:\n", True),
        ("packages/a/package.json", "pnpm-lock.yaml", b"  packages/ab:\n  x/packages/a:\n", False),
        ("packages/a/package.json", "packages/yarn.lock", b'"a@workspace:a"', True),
        ("packages/a/package.json", "yarn.lock", None, False),
        ("crates/x/Cargo.toml", "Cargo.lock", b'name = "x"\nversion', True),
        ("crates/x/Cargo.toml", "Cargo.lock", b'name = "xy"\n', False),
        ("libs/x/pyproject.toml", "uv.lock", b'source = { editable = "libs/x" }', True),
        ("a/go.mod", "go.sum", b"a", False),
        ("a\udcff/package.json", "yarn.lock", b'"a\xff"', True),
    ],
)
def test_a_lock_file_above_a_manifest_is_its_own_where_it_names_it(
    *, manifest: str, lock: str, content: bytes | None, locked: bool
) -> None:
    """A template in a locked project is no part of the project."""
    assert is_locked(manifest, lock, content) is locked


@dataclass
class Tree:
    """Files of both sides, and which of them were asked for."""

    new: dict[str, bytes] = field(default_factory=dict)
    old: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    large: tuple[str, ...] = ()

    async def read(self, paths: Sequence[str], side: Side) -> tuple[FileContent, ...]:
        """Read files as a provider does."""
        self.asked.extend(paths)
        files = self.new if side is Side.NEW else self.old
        return tuple(
            FileContent(path=path, content=files[path], mode="100644")
            if path in files
            else FileContent(path=path, reason="too large")
            if path in self.large
            else FileContent(path=path, exists=False, reason="absent")
            for path in paths
        )

    def analysis(self, text: str, *, provider: str | None = "git") -> Analysis:
        """Ask about a diff of this tree."""
        diff = Diff.parse(text)
        change = Change(provider=provider, target=".", diff=diff)
        return Analysis(change=change, units=diff.units, read_files=self.read, cache=MemoryCache())


STALE = change("package.json", [NPM, '-  "x": "1"', '+  "x": "2"'])


def manifest(**sections: dict[str, str]) -> bytes:
    return json.dumps(sections).encode()


async def told(tree: Tree, text: str = STALE, *, provider: str | None = "git") -> list[str]:
    """Run the scan and ask the tree; give the rules that remain."""
    found: tuple[RawFinding, ...] = tuple(scanned(scan, text))
    assert found
    return rules(list(await confirmed(found, tree.analysis(text, provider=provider))))


async def test_a_manifest_is_told_of_where_the_tree_has_its_lock_file() -> None:
    """A lock file that exists and is not part of the change is stale."""
    old, new = (manifest(dependencies={"x": version}) for version in "12")
    tree = Tree(new={"yarn.lock": b"", "package.json": new}, old={"package.json": old})

    assert await told(tree) == ["manifest-without-lock"]


async def test_a_manifest_is_not_told_of_where_nothing_is_locked() -> None:
    """Most libraries have no lock file."""
    assert await told(Tree()) == []


async def test_a_bare_patch_has_no_tree_to_ask() -> None:
    """Without a tree nobody knows, and nothing is read."""
    tree = Tree(new={"yarn.lock": b""})

    assert await told(tree, provider=None) == []
    assert tree.asked == []


async def test_a_lock_file_that_is_too_large_to_read_exists_all_the_same() -> None:
    """A host knows that it is there, and that is enough beside the manifest."""
    assert await told(Tree(large=("package-lock.json",))) == ["manifest-without-lock"]


@pytest.mark.parametrize(
    ("old", "new", "stale"),
    [
        (manifest(dependencies={"x": "1"}), manifest(dependencies={"x": "2"}), True),
        (manifest(pnpm={"x": "1"}), manifest(pnpm={"x": "2"}), True),
        (manifest(peerDependencies={"x": "1"}), manifest(peerDependencies={"x": "2"}), False),
        (manifest(dependencies={"x": "1"}), manifest(dependencies={"x": "1"}, a={}), False),
        (manifest(), manifest(dependencies={}), False),
        (b"{", manifest(), True),
        (b"[]", b"[]", True),
        (b"[" * 100_000, b"{}", True),
        (b'{"a": "' + b"x" * 300_000 + b'"}', b"{}", True),
    ],
)
async def test_a_manifest_in_json_is_compared_as_a_whole(
    *, old: bytes, new: bytes, stale: bool
) -> None:
    """The sections that are locked decide; what cannot be read leaves it to the diff."""
    tree = Tree(new={"yarn.lock": b"", "package.json": new}, old={"package.json": old})

    assert await told(tree) == (["manifest-without-lock"] if stale else [])


async def test_other_manifests_are_taken_at_the_word_of_the_diff() -> None:
    """Only JSON is cheap enough to read here."""
    text = change("go.mod", ["+require example.com/x v1.0.0"])
    tree = Tree(new={"go.sum": b""})

    assert await told(tree, text) == ["manifest-without-lock"]
    assert tree.asked == ["go.sum"]


async def test_findings_of_other_rules_pass_and_ask_for_nothing() -> None:
    """Without a manifest in question no file is read."""
    tree = Tree()

    assert await told(tree, new_file("a.py", "breakpoint()")) == ["debugger-breakpoint"]
    assert tree.asked == []
