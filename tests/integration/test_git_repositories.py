"""Where repositories lie and which forms they have."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from git_trees import Tree, fetch, paths, porcelain, read, run_git

from codeflow_engine.domain.change import INDEX, WORKTREE
from codeflow_engine.domain.diff import Side
from codeflow_engine.errors import ChangeUnavailableError


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Make a repository with three commits."""
    tree = Tree.make(tmp_path_factory.mktemp("made") / "repository")
    for number in range(3):
        tree.commit({"a.py": f"a = {number}\n", f"dir/f{number}.py": "x\n"}, f"Commit {number}")
    return tree


@pytest.fixture
def tree(made: Tree, tmp_path: Path) -> Tree:
    """Give the test a copy of its own."""
    return made.copy(tmp_path / "repository")


@pytest.mark.parametrize("where", [".", "dir", "a.link", ".git", ".git/refs"])
async def test_a_repository_is_found_upwards(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Any directory in it names the whole repository; a relative one comes back absolute."""
    tree.link("a.link", "dir")
    monkeypatch.chdir(tree.path)

    change = await fetch(where)

    assert change.target == str(tree.path)
    assert paths(change) == {"a.link": "added"}


@pytest.mark.parametrize("target", ["missing", "a.py", "a.py/x", "nul\0"])
async def test_a_target_that_is_no_directory(tree: Tree, target: str) -> None:
    """What is no directory is named in the error."""
    with pytest.raises(ChangeUnavailableError, match=r"does not exist|not a directory|not a path"):
        await fetch(f"{tree.path}/{target}")


async def test_a_directory_outside_of_any_repository(tmp_path: Path) -> None:
    """No repository is an error that says so."""
    with pytest.raises(ChangeUnavailableError, match="is not in a git repository"):
        await fetch(tmp_path)


async def test_a_git_directory_that_is_none_is_passed_over(tree: Tree) -> None:
    """As for git, an empty `.git` does not hide the repository around it."""
    (tree.path / "dir" / ".git").mkdir()

    assert (await fetch(tree.path / "dir")).target == str(tree.path)


@pytest.mark.parametrize("text", ["gitdir: nowhere\n", "something else\n", "", "gitdir: a\nb\n"])
async def test_a_git_file_that_leads_nowhere(tree: Tree, text: str) -> None:
    """A broken `.git` file ends the search with an error, as git's does."""
    (tree.path / "dir" / ".git").write_text(text)

    with pytest.raises(ChangeUnavailableError, match=r"\.git does not"):
        await fetch(tree.path / "dir")


async def test_a_bare_repository(tree: Tree, tmp_path: Path) -> None:
    """A bare repository has commits to review, and no working tree."""
    tree.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))

    change = await fetch(tmp_path / "bare.git", base="HEAD~2")

    assert change.diff.render() == porcelain(tree.path, "HEAD~2", "HEAD")
    assert (await read(change, "a.py"))["a.py"].content == b"a = 2\n"
    for head in (None, WORKTREE, INDEX):
        with pytest.raises(ChangeUnavailableError, match="the repository is bare; name a base"):
            await fetch(tmp_path / "bare.git", head=head)


async def test_a_bare_repository_beside_a_git_file(tree: Tree, tmp_path: Path) -> None:
    """A `.git` file may lead to a bare repository below it; then there is no working tree."""
    place = tmp_path / "project"
    place.mkdir()
    tree.git("clone", "--quiet", "--bare", ".", str(place / ".bare"))
    (place / ".git").write_text("gitdir: ./.bare\n")

    assert (await fetch(place, head="main")).title == "Commit 2"
    with pytest.raises(ChangeUnavailableError, match="the repository is bare"):
        await fetch(place)


async def test_a_linked_worktree(tree: Tree, tmp_path: Path) -> None:
    """It has a HEAD, an index and files of its own, and shares all the rest."""
    tree.git("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"), "main~1")
    side = Tree(tmp_path / "side")
    side.write({"a.py": "a = 'side'\n"})
    side.git("update-ref", "refs/worktree/mine", "main~2")
    tree.write({"a.py": "a = 'main'\n"})

    change = await fetch(side.path)

    assert change.title == "working tree of side"
    assert change.diff.render() == porcelain(side.path, "HEAD")
    assert (await fetch(side.path, head="refs/worktree/mine")).title == "Commit 0"
    assert (await fetch(side.path, base="main~1", head="main")).title == "Commit 2"
    with pytest.raises(ChangeUnavailableError, match="has no commit"):
        await fetch(tree.path, head="refs/worktree/mine")
    # Seen from the main working tree it is a repository of its own.
    inner = Tree(tree.path / "inner")
    tree.git("worktree", "add", "--quiet", "--detach", str(inner.path), "main~1")
    assert paths(await fetch(tree.path)) == {"a.py": "modified", "inner": "added"}


async def test_a_linked_worktree_with_relative_paths_and_its_own_configuration(
    tree: Tree, tmp_path: Path
) -> None:
    """Later releases of git write relative paths; a working tree may have own settings."""
    tree.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "side"), "main")
    side = Tree(tmp_path / "side")
    private = tree.path / ".git" / "worktrees" / "side"
    (side.path / ".git").write_text("gitdir: ../repository/.git/worktrees/side\n")
    (private / "gitdir").write_text("../../../../side/.git\n")
    tree.git("config", "core.repositoryFormatVersion", "1")
    tree.git("config", "extensions.worktreeConfig", "true")
    tree.git("config", "extensions.relativeWorktrees", "true")
    (private / "config.worktree").write_text("[core]\n\tfileMode = false\n")
    (side.path / "a.py").chmod(0o755)

    assert (await fetch(side.path)).diff.units == ()


async def test_submodules(tree: Tree, tmp_path: Path) -> None:
    """A submodule counts as the commit that it stands on, wherever its repository lies."""
    library = Tree.make(tmp_path / "library")
    library.commit({"l.py": "l = 1\n"}, "One")
    tree.git(
        "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library.path), "lib"
    )
    before = tree.commit(message="Add a submodule")
    inner = Tree(tree.path / "lib")
    moved = inner.commit({"l.py": "l = 2\n"}, "Two")

    change = await fetch(tree.path)
    inside = await fetch(inner.path, head="HEAD")

    assert change.diff.render() == porcelain(tree.path, "HEAD")
    assert f"+Subproject commit {moved}".encode() in change.diff.render()
    assert (await read(change, "lib"))["lib"].reason == "a submodule"
    assert (await read(change, "lib", side=Side.OLD))["lib"].reason == "a submodule"
    assert inside.target == str(inner.path)
    assert inside.title == "Two"
    staged = await fetch(tree.path, head=before)
    assert paths(staged) == {".gitmodules": "added", "lib": "added"}


async def test_submodules_that_are_not_there(tree: Tree, tmp_path: Path) -> None:
    """One that was never cloned is unchanged, a removed one deleted, a replaced one a file."""
    commit = tree.git("rev-parse", "HEAD")
    for name in ("empty", "gone", "file", "link"):
        tree.git("update-index", "--add", "--cacheinfo", f"160000,{commit},{name}")
    tree.git("commit", "--quiet", "--message", "Submodules")
    (tree.path / "empty").mkdir()
    tree.write({"file": "now a file\n"})
    tree.link("link", "file")

    change = await fetch(tree.path)

    assert sorted((file.path, file.status.value) for file in change.diff.files) == [
        ("file", "added"),
        ("file", "deleted"),
        ("gone", "deleted"),
        ("link", "added"),
        ("link", "deleted"),
    ]


async def test_repositories_inside_the_tree(tree: Tree) -> None:
    """An untracked repository is one entry, and nobody looks into it; ignored, it is none."""
    inner = Tree.make(tree.path / "inner")
    commit = inner.commit({"secret.py": "x = 1\n"})
    Tree.make(tree.path / "unborn").write({"u.py": ""})
    ignored = Tree.make(tree.path / "ignored")
    ignored.commit({"i.py": ""})
    tree.write({".gitignore": "ignored/\n", "stale/f.py": "", "stale/.git": "gitdir: gone\n"})

    change = await fetch(tree.path)

    assert paths(change) == {".gitignore": "added", "inner": "added", "stale/f.py": "added"}
    assert f"+Subproject commit {commit}".encode() in change.diff.render()


async def test_a_repository_of_sha256(tmp_path: Path) -> None:
    """Ids of 64 digits work throughout."""
    tree = Tree.make(tmp_path / "repository", "--object-format=sha256")
    first = tree.commit({"a.py": "a = 1\n"}, "First")
    tree.write({"a.py": "a = 2\n", "b.py": ""})

    change = await fetch(tree.path)

    assert change.diff.render() == tree.expected()
    assert change.base == first
    assert len(first) == 64
    assert (await read(change, "a.py"))["a.py"].content == b"a = 2\n"
    assert (await read(change, "a.py", side=Side.OLD))["a.py"].content == b"a = 1\n"
    root = await fetch(tree.path, head="main")
    assert paths(root) == {"a.py": "added"}
    assert len(root.base or "") == 64


async def test_a_shallow_clone(tree: Tree, tmp_path: Path) -> None:
    """What a shallow clone has can be reviewed; what it lacks is said, with the remedy."""
    tree.git("checkout", "--quiet", "-b", "side", "main~2")
    tree.commit({"side.py": ""}, "Side")
    url = tree.path.as_uri()
    run_git(tmp_path, "clone", "--quiet", "--depth=2", "--no-single-branch", url, "shallow")
    shallow = Tree(tmp_path / "shallow")
    shallow.git("checkout", "--quiet", "main")
    shallow.write({"a.py": "a = 3\n"})

    assert paths(await fetch(shallow.path)) == {"a.py": "modified"}
    assert (await fetch(shallow.path, head="main")).title == "Commit 2"
    assert (await fetch(shallow.path, base="main~1", head="main")).title == "Commit 2"
    with pytest.raises(ChangeUnavailableError, match=r"parent of main~1 is not here.*unshallow"):
        await fetch(shallow.path, head="main~1")
    with pytest.raises(ChangeUnavailableError, match=r"no commit main~2.*unshallow"):
        await fetch(shallow.path, base="main~2")
    run_git(tmp_path, "clone", "--quiet", "--depth=1", "--no-single-branch", url, "shallower")
    with pytest.raises(ChangeUnavailableError, match=r"no commit in common.*unshallow"):
        await fetch(tmp_path / "shallower", base="origin/main", head="origin/side")


async def test_a_partial_clone(tree: Tree, tmp_path: Path) -> None:
    """Objects that are not there are an error with the remedy; nothing is fetched."""
    tree.git("config", "uploadpack.allowFilter", "true")
    tree.git("config", "uploadpack.allowAnySHA1InWant", "true")
    url = tree.path.as_uri()
    run_git(tmp_path, "clone", "--quiet", "--filter=blob:none", url, "partial")
    partial = Tree(tmp_path / "partial")
    partial.write({"dir/f0.py": "y\n"})

    change = await fetch(partial.path)

    assert paths(change) == {"dir/f0.py": "modified"}
    with pytest.raises(ChangeUnavailableError, match="clone is partial"):
        await fetch(partial.path, base="main~2", head="main~1")
    old = change.__class__(
        **{name: getattr(change, name) for name in ("provider", "target", "diff", "head")},
        base=partial.git("rev-parse", "main~2"),
    )
    missing = (await read(old, "a.py", side=Side.OLD))["a.py"]
    assert missing.content is None
    assert "clone is partial" in (missing.reason or "")


async def test_a_damaged_object(tree: Tree) -> None:
    """A repository with damage is an error, wherever the damage is."""
    blob = tree.git("rev-parse", "HEAD:a.py")
    path = tree.path / ".git" / "objects" / blob[:2] / blob[2:]
    path.chmod(0o644)
    path.write_bytes(b"no object")

    with pytest.raises(ChangeUnavailableError, match="fsck"):
        await fetch(tree.path, head="HEAD")
    path.unlink()
    with pytest.raises(ChangeUnavailableError, match="fsck"):
        await fetch(tree.path, head="HEAD")


@pytest.mark.parametrize("head", ["nonsense", "ref: ../outside", "ref: refs/heads/a..b", ""])
async def test_a_head_that_is_none(tree: Tree, head: str) -> None:
    """Without a HEAD it is no repository, as for git; a name that is none is an error."""
    (tree.path / ".git" / "HEAD").write_text(head)

    with pytest.raises(ChangeUnavailableError):
        await fetch(tree.path)


async def test_head_as_a_symbolic_link(tree: Tree) -> None:
    """HEAD may be the link that early releases wrote; it is read, and not followed."""
    (tree.path / ".git" / "HEAD").unlink()
    (tree.path / ".git" / "HEAD").symlink_to("refs/heads/main")

    assert (await fetch(tree.path, base="main~1")).title == "Commit 2"


async def test_symbolic_refs(tree: Tree) -> None:
    """A branch may be another name of one; a circle of names is an error, not a hang."""
    tree.git("symbolic-ref", "refs/heads/alias", "refs/heads/main")
    tree.git("symbolic-ref", "HEAD", "refs/heads/alias")
    assert (await fetch(tree.path, head="alias")).title == "Commit 2"
    assert (await fetch(tree.path)).title == "working tree of alias"

    (tree.path / ".git" / "refs" / "heads" / "alias").write_text("ref: refs/heads/alias\n")
    with pytest.raises(ChangeUnavailableError, match="leads through too many others"):
        await fetch(tree.path)


async def test_damaged_refs(tree: Tree) -> None:
    """A damaged branch is an error where it is checked out, and unknown elsewhere."""
    (tree.path / ".git" / "refs" / "heads" / "bad").write_text("not an id\n")
    (tree.path / ".git" / "refs" / "heads" / "dangling").write_text("ref: refs/heads/gone\n")
    (tree.path / ".git" / "refs" / "heads" / "lost").write_text("1" * 40 + "\n")
    for name in ("bad", "dangling", "lost"):
        with pytest.raises(ChangeUnavailableError, match=f"has no commit {name}"):
            await fetch(tree.path, head=name)

    tree.git("symbolic-ref", "HEAD", "refs/heads/bad")
    with pytest.raises(ChangeUnavailableError, match="refs/heads/bad is damaged"):
        await fetch(tree.path)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("[core]\nrepositoryFormatVersion = 2\n", "unknown form: format 2"),
        ("[core]\nrepositoryFormatVersion = 1\n[extensions]\nnew = 1\n", "extension new"),
        ("[core]\nrepositoryFormatVersion = 1\n[extensions]\nrefStorage = reftable\n", "reftable"),
        ("[core]\nrepositoryFormatVersion = 1\n[extensions]\nobjectFormat = md5\n", "md5"),
        ("[core\n", "is not a git configuration: line 1"),
        ('[core]\na = "x\n', "is not a git configuration: line 2"),
    ],
)
async def test_forms_that_are_not_known(tree: Tree, config: str, message: str) -> None:
    """A repository that this version cannot read is refused before anything is read of it."""
    (tree.path / ".git" / "config").write_text(config)

    with pytest.raises(ChangeUnavailableError, match=message):
        await fetch(tree.path)


async def test_a_path_with_separators_of_lists(tree: Tree, tmp_path: Path) -> None:
    """The directory of a repository may have any name, also one that git's lists would split."""
    for name in ("a:b", '"quoted', "with space", "back\\slash", 'both:"', "new\nline", "käse"):
        place = tmp_path / name / "repository"
        shutil.copytree(tree.path, place)
        assert (await fetch(place, head="HEAD")).title == "Commit 2"


async def test_a_repository_with_a_commit_graph_that_lies(tree: Tree) -> None:
    """Caches beside the objects are not believed."""
    tree.git("commit-graph", "write", "--reachable")
    graph = tree.path / ".git" / "objects" / "info" / "commit-graph"
    graph.chmod(0o644)
    data = graph.read_bytes()
    graph.write_bytes(data[:-200] + bytes(len(data[-200:])))

    assert paths(await fetch(tree.path, base="main~1", head="main")) == {
        "a.py": "modified",
        "dir/f2.py": "added",
    }


async def test_replaced_objects_are_what_they_were(tree: Tree) -> None:
    """A replacement that the repository has made for an object is not used."""
    tree.git("replace", "main", "main~2")

    assert (await fetch(tree.path, head="main")).title == "Commit 2"
