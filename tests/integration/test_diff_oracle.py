"""Git as the oracle: parsed hunks, applied to the old blob, give exactly the new one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from diff_histories import Raw, Repository, odd_history, random_history, read_raw

from codeflow_engine.domain.diff import Diff, DiffFile, FileStatus, apply
from codeflow_engine.errors import DiffError

ROOT = Path(__file__).parents[2]
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
NO_MODE, NO_ID = "0" * 6, "0" * 40
STATUSES = {
    "A": {FileStatus.ADDED},
    "D": {FileStatus.DELETED},
    "M": {FileStatus.MODIFIED, FileStatus.MODE_CHANGED},
    "R": {FileStatus.RENAMED},
    "C": {FileStatus.COPIED},
}
OPTIONS = [
    ("-U3",),
    ("-U0",),
    ("-U0", "--binary"),
    ("-U1", "-M", "-C"),
    ("-M", "-C", "--find-copies-harder", "--full-index"),
    ("--binary", "-M"),
    ("--no-prefix",),
    ("--no-prefix", "-M", "-U0"),
    ("--src-prefix=before/", "--dst-prefix=after/"),
    ("--full-index", "--minimal"),
    ("--patience", "--function-context"),
    ("--inter-hunk-context=5", "-U1"),
    ("-B", "-M"),
    ("-R",),
    ("-R", "-M", "--no-prefix"),
    ("--text", "-U2"),
]
PAIRING = {"-M", "-C", "--find-copies-harder", "-B", "-R", "--no-renames", "--text"}
"""The options that say which entries there are, and not how they are written."""
SETTINGS = [
    (),
    ("-c", "core.quotePath=false"),
    ("-c", "diff.mnemonicPrefix=true"),
    ("-c", "diff.suppressBlankEmpty=true"),
]


@dataclass(frozen=True)
class Oracle:
    """A repository and the content of all its blobs."""

    repository: Repository
    blobs: dict[str, bytes]

    def content(self, mode: str, name: str) -> bytes:
        """Give one side as a diff shows it."""
        if mode == "160000":
            return b"Subproject commit " + name.encode() + b"\n"
        return self.blobs[name]

    def pairs(self) -> list[tuple[str, str]]:
        """Pair each commit with the one before it, the first one with the empty tree."""
        names = self.repository.git("log", "--format=%H", "--first-parent").decode().split()
        return list(zip([*names[1:], EMPTY_TREE], names, strict=True))

    def raw(self, options: Sequence[str], pair: tuple[str, str]) -> list[Raw]:
        """Ask git for its own account of a diff; a change of type is two entries."""
        chosen = [option for option in options if option in PAIRING]
        account = ("diff", "--raw", "--numstat", "-z", "--no-abbrev", *chosen, *pair)
        output = self.repository.git(*account)
        entries = []
        for raw in read_raw(output):
            if raw.status == "T":
                entries += [
                    replace(raw, status="D", new_mode=NO_MODE, new_id=NO_ID, added=0),
                    replace(raw, status="A", old_mode=NO_MODE, old_id=NO_ID, deleted=0),
                ]
                entries[-2].deleted = self.lines(raw.old_mode, raw.old_id)
                entries[-1].added = self.lines(raw.new_mode, raw.new_id)
            else:
                entries.append(raw)
        return entries

    def lines(self, mode: str, name: str) -> int:
        """Count the lines of one side."""
        text = self.content(mode, name)
        return text.count(b"\n") + (not text.endswith(b"\n") and bool(text))

    def hold(self, file: DiffFile, raw: Raw) -> bool:
        """Hold one entry against git's account of it; tell whether its content was applied."""
        hold_facts(file, raw)
        if file.is_binary:
            assert raw.added is None
            with pytest.raises(DiffError):
                apply(file, b"")
            return False
        assert file.unsupported is None
        # With `--text` git shows lines where its numbers still say that there are none.
        assert raw.added is None or (file.added, file.deleted) == (raw.added, raw.deleted)
        old = self.content(raw.old_mode, raw.old_id)
        assert apply(file, old) == self.content(raw.new_mode, raw.new_id)
        return True


def hold_facts(file: DiffFile, raw: Raw) -> None:
    """Hold what the header of an entry says against git's account of it."""
    assert file.status in STATUSES[raw.status]
    old, new = raw.old_path, raw.new_path
    assert file.old_path == (None if raw.status == "A" else old.decode("utf-8", "surrogateescape"))
    assert file.new_path == (None if raw.status == "D" else new.decode("utf-8", "surrogateescape"))
    assert file.is_symlink == ("120000" in {raw.old_mode, raw.new_mode})
    assert file.is_submodule == ("160000" in {raw.old_mode, raw.new_mode})
    if raw.status in "RC":
        assert file.similarity == raw.score
    if raw.old_mode != raw.new_mode:
        modes = [None if mode == NO_MODE else mode for mode in (raw.old_mode, raw.new_mode)]
        assert [file.old_mode, file.new_mode] == modes
    for ours, theirs in ((file.old_id, raw.old_id), (file.new_id, raw.new_id)):
        assert ours is None or theirs.startswith(ours)


def oracle(repository: Repository) -> Oracle:
    """Read a repository's blobs."""
    return Oracle(repository, repository.blobs())


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    """Make the history of every kind of change once."""
    return oracle(odd_history(tmp_path_factory.mktemp("odd")))


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        *((options, ()) for options in OPTIONS),
        *((OPTIONS[number], settings) for number in (0, 1, 3) for settings in SETTINGS),
    ],
    ids=" ".join,
)
def test_every_entry_of_every_commit_applies(
    odd: Oracle, options: tuple[str, ...], settings: tuple[str, ...]
) -> None:
    """Whatever the options, each entry is what git says, and makes the new blob exactly."""
    applied = 0

    for pair in odd.pairs():
        diff = Diff.parse(odd.repository.git(*settings, "diff", *options, *pair))
        accounts = odd.raw(options, pair)
        assert len(diff.files) == len(accounts)
        applied += sum(map(odd.hold, diff.files, accounts))

    assert applied > 50


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("options", [("-U0",), ("-U1",), ("-U3", "--no-prefix")])
def test_random_edits_apply(tmp_path: Path, seed: int, options: tuple[str, ...]) -> None:
    """Random edits of lines that look like parts of a diff apply exactly."""
    random = oracle(random_history(tmp_path, seed))

    for pair in random.pairs():
        output = random.repository.git("diff", "--text", *options, *pair)
        diff = Diff.parse(output)
        accounts = random.raw(("--text", *options), pair)
        assert all(map(random.hold, diff.files, accounts))
        assert len(diff.files) == len(accounts)


@pytest.mark.parametrize(
    "command",
    [
        ("log", "-p", "--root"),
        ("log", "-p", "--root", "--format=%H"),
        ("log", "-p", "--root", "--format=email", "--stat"),
        ("log", "-p", "--root", "--raw", "--format=fuller"),
        ("format-patch", "--stdout", "--root", "HEAD"),
        ("format-patch", "--stdout", "--root", "--attach", "HEAD"),
        ("format-patch", "--stdout", "--root", "--inline", "--no-signature", "HEAD"),
        ("format-patch", "--stdout", "--root", "--no-stat", "--signature=-- x", "HEAD"),
    ],
    ids=" ".join,
)
def test_patches_of_many_commits_have_every_entry(odd: Oracle, command: tuple[str, ...]) -> None:
    """Logs and mails of a whole history hold the entries of all its commits, in order."""
    pairs = odd.pairs()
    if command[0] == "format-patch":
        pairs.reverse()

    diff = Diff.parse(odd.repository.git("-c", "diff.renames=false", *command))

    accounts = [raw for pair in pairs for raw in odd.raw(("--no-renames",), pair)]
    assert len(diff.files) == len(accounts)
    for file, raw in zip(diff.files, accounts, strict=True):
        hold_facts(file, raw)
        assert raw.added is None or (file.added, file.deleted) == (raw.added, raw.deleted)


def test_a_deletion_without_its_content_is_told(odd: Oracle) -> None:
    """With `--irreversible-delete` the deleted lines are not shown, which is no empty change."""
    _, newest = odd.pairs()[0]

    files = Diff.parse(odd.repository.git("diff", "-D", newest, EMPTY_TREE)).files

    texts = [file for file in files if not file.is_binary and "empt" not in file.path]
    assert len(texts) > 20
    assert all(file.unsupported for file in texts)


def test_a_merge_with_conflicts_is_an_unread_entry(tmp_path: Path) -> None:
    """A combined diff is an entry without hunks, also among others in a log."""
    repository = merged_history(tmp_path)

    diff = Diff.parse(repository.git("log", "-p", "--cc", "--root"))

    combined = [file for file in diff.files if file.unsupported]
    assert [file.path for file in combined] == ["same"]
    assert combined[0].render().startswith(b"diff --cc same\n")
    assert len(diff.files) == 4


def merged_history(path: Path) -> Repository:
    """Make two branches that change the same lines, and their merge."""
    repository = Repository(path)
    repository.git("init", "--quiet", "--initial-branch", "main")
    lines = b"- a/x\n\n@@ -1 +1 @@\n+ b/x\n"
    for branch, content in (("main", lines), ("one", b"1\n" + lines), ("two", lines + b"2")):
        repository.git("checkout", "--quiet", "-B", branch)
        (path / "same").write_bytes(content)
        repository.git("add", "same")
        repository.git("commit", "--quiet", "--message", branch)
        repository.git("checkout", "--quiet", "main")
    repository.git("merge", "--quiet", "--no-commit", "-s", "ours", "--no-ff", "one", "two")
    (path / "same").write_bytes(b"merged\n" + lines[:12])
    repository.git("commit", "--quiet", "--all", "--message", "merge")
    return repository


@pytest.mark.skipif(shutil.which("diff") is None, reason="there is no diff command")
@pytest.mark.parametrize("options", ["-ruN", "-rN -U0", "-ruN --suppress-blank-empty"])
def test_the_output_of_diff_applies(odd: Oracle, tmp_path: Path, options: str) -> None:
    """The output of `diff -rN` over two trees makes the new files from the old ones."""
    older, newer = odd.pairs()[1]
    before, after = (
        write_tree(odd, tmp_path / name, commit)
        for name, commit in (("old tree", older), ("new", newer))
    )

    output = subprocess.run(
        ["diff", *options.split(), "old tree", "new"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "America/Lima"},
        check=False,
        capture_output=True,
    )

    assert output.returncode == 1, output.stderr
    shown, binary = {}, set()
    for file in Diff.parse(output.stdout).files:
        name = file.path.encode("utf-8", "surrogateescape")
        if file.is_binary:
            binary.add(name)
        else:
            shown[name] = apply(file, before.get(name, b""))
    changed = {
        name
        for name in before.keys() | after.keys()
        if before.get(name, b"") != after.get(name, b"")
    }
    assert changed == shown.keys() | binary
    assert binary == {name for name in changed if b"\0" in before.get(name, after.get(name, b""))}
    assert all(content == after.get(name, b"") for name, content in shown.items())


def write_tree(odd: Oracle, folder: Path, commit: str) -> dict[bytes, bytes]:
    """Write the regular files of a commit; give their content."""
    listing = odd.repository.git("ls-tree", "-r", "-z", "--full-tree", commit)
    files = {}
    for row in listing.split(b"\0")[:-1]:
        facts, _, path = row.partition(b"\t")
        mode, _, name = facts.decode().split(" ")
        if mode.startswith("100"):
            files[path] = odd.blobs[name]
            place = Path(os.fsdecode(os.fsencode(folder) + b"/" + path))
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(files[path])
    return files


@pytest.mark.fault
@pytest.mark.parametrize("options", [("-U3", "-M", "-C"), ("-U0", "--no-renames")])
def test_the_history_of_this_repository_applies(options: tuple[str, ...]) -> None:
    """Every entry of every commit of this project makes its new blob from its old one."""
    own = own_repository()
    log = ("log", "--first-parent", "-m", "--root", "--format=commit %H")
    diff = Diff.parse(own.git(*log, "-p", "--full-index", *options))
    pairing = [option for option in options if option in PAIRING]
    listing = own.git(*log, "--raw", *pairing).split(b"\n")
    rows = [row for row in listing if row.startswith(b":")]
    blobs = own.blobs()

    applied = 0
    for file in diff.files:
        old, new = (name or "0" * 40 for name in (file.old_id, file.new_id))
        if not (file.is_binary or file.is_submodule):
            assert file.unsupported is None
            assert apply(file, blobs[old]) == blobs[new]
            applied += 1

    assert len(diff.files) == len(rows) + sum(b" T\t" in row for row in rows)
    assert applied > 0


def own_repository() -> Repository:
    """Find this project's history, or skip the test."""
    repository = Repository(ROOT)
    try:
        top = repository.git("rev-parse", "--show-toplevel").decode().strip()
    except subprocess.CalledProcessError:
        pytest.skip("this is no git checkout")
    if Path(top) != ROOT:
        pytest.skip("this is no git checkout of its own")
    if repository.git("rev-parse", "--is-shallow-repository").strip() == b"true":
        pytest.skip("the checkout is shallow: it has no history")
    return repository
