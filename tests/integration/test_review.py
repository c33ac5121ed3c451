from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from codeflow_engine import Engine, Outcome, Review
from codeflow_engine.domain.coverage import UnitState
from codeflow_engine.errors import ChangeUnavailableError, ConfigurationError

if TYPE_CHECKING:
    from git_repository import GitRepository

SECRET = "ghp_" + "x7Kq9ZrT2mWv5LpB8nYc3HdF6jGs1QaE4uR0"
POLICY = 'exclude = ["third/"]\n'


def review(repository: GitRepository, base: str | None = None, head: str | None = None) -> Review:
    with Engine() as engine:
        return engine.review(repository.path, base=base, head=head)


def states(found: Review) -> dict[str, UnitState]:
    return {entry.path: entry.state for entry in found.coverage.entries}


def test_a_commit_range_is_reviewed_from_the_merge_base(git_repository: GitRepository) -> None:
    """Commits of the base branch after the fork are not part of the change."""
    git_repository.commit({"a.py": "a = 1\n"})
    git_repository.git("switch", "--quiet", "--create", "feature")
    git_repository.commit({"a.py": "a = 1\nbreakpoint()\n"})
    git_repository.git("switch", "--quiet", "main")
    git_repository.commit({"other.py": "breakpoint()\n"})
    found = review(git_repository, base="main", head="feature")
    assert found.outcome is Outcome.REVIEWED
    assert [(one.path, one.line) for one in found.findings] == [("a.py", 2)]
    assert found.change.files == 1


def test_the_working_tree_is_reviewed_with_what_is_untracked(
    git_repository: GitRepository,
) -> None:
    """Without base and head the user's own open work is the change."""
    git_repository.commit({"a.py": "a = 1\n", ".gitignore": "*.log\n"})
    git_repository.write({"a.py": "a = 2\n", "new.py": "breakpoint()\n", "x.log": "noise\n"})
    found = review(git_repository)
    assert states(found) == dict.fromkeys(("a.py", "new.py"), UnitState.REVIEWED)
    assert [one.path for one in found.findings] == ["new.py"]


def test_a_clean_working_tree_is_an_empty_change(git_repository: GitRepository) -> None:
    """Nothing changed: reviewed, with no units."""
    git_repository.commit({"a.py": "a = 1\n"})
    found = review(git_repository)
    assert (found.outcome, found.coverage.units) == (Outcome.REVIEWED, 0)


def test_a_secret_is_found_and_its_value_appears_nowhere(git_repository: GitRepository) -> None:
    """Findings, evidence, ledger and title of a review hold no secret."""
    git_repository.commit({"a.py": "a = 1\n"})
    git_repository.commit({"a.py": f'a = 1\ntoken = "{SECRET}"\n'}, message=f"Use {SECRET}")
    found = review(git_repository, head="HEAD")
    assert [one.path for one in found.findings] == ["a.py"]
    assert "[redacted:github-token]" in found.change.title
    for text in (repr(found), str(found), repr(found.findings), repr(found.to_json())):
        assert SECRET not in text
        assert SECRET[10:30] not in text


def test_s13_policy_is_read_from_the_base_revision(git_repository: GitRepository) -> None:
    """What the base excludes is excluded, and counts as covered."""
    git_repository.commit({".codeflow.toml": POLICY, "a.py": "a = 1\n"})
    git_repository.commit({"a.py": "a = 2\n", "third/b.py": "breakpoint()\n"})
    found = review(git_repository, head="HEAD")
    assert states(found) == {"a.py": UnitState.REVIEWED, "third/b.py": UnitState.EXCLUDED}
    assert found.outcome is Outcome.REVIEWED
    assert found.findings == ()


@pytest.mark.parametrize("committed", [True, False])
def test_s13_policy_of_the_change_itself_has_no_effect(
    git_repository: GitRepository, *, committed: bool
) -> None:
    """An author cannot exclude their own files, by a commit or in the working tree."""
    git_repository.commit({"a.py": "a = 1\n"})
    hostile = {".codeflow.toml": 'exclude = ["*"]\n', "third/b.py": "breakpoint()\n"}
    if committed:
        git_repository.commit(hostile)
    else:
        git_repository.write(hostile)
    found = review(git_repository, head="HEAD" if committed else None)
    assert set(states(found).values()) == {UnitState.REVIEWED}
    assert [one.path for one in found.findings] == ["third/b.py"]


def test_s13_settings_in_the_tree_have_no_effect(
    git_repository: GitRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file of the tree under review configures the engine, also from inside of it."""
    text = 'analyzers = []\nplugins_allow = ["evil"]\n[tool.codeflow]\nanalyzers = []\n'
    names = ("codeflow.toml", "settings.toml", "pyproject.toml", "codeflow/settings.toml")
    git_repository.commit({**dict.fromkeys(names, text), ".env": "CODEFLOW_ANALYZERS=\n"})
    git_repository.commit({"a.py": "breakpoint()\n"})
    monkeypatch.chdir(git_repository.path)
    with Engine() as engine:
        found = engine.review(".", head="HEAD")
    assert len(found.findings) == 1


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ('plugins = ["evil"]\n', "plugins"),
        ("exclude = [\n", "not TOML"),
        ('exclude = ["' + "a*" * 9 + '"]\n', "stars"),
    ],
)
def test_s13_a_policy_that_cannot_be_read_stops_the_review(
    git_repository: GitRepository, policy: str, told: str
) -> None:
    """Guessing at a broken policy could hide files; the error names revision and key."""
    base = git_repository.commit({".codeflow.toml": policy})
    git_repository.commit({"a.py": "a = 1\n"})
    with pytest.raises(ConfigurationError, match=told) as caught:
        review(git_repository, head="HEAD")
    assert base[:12] in caught.value.message


def test_a_directory_without_a_repository_is_an_error(tmp_path: Path) -> None:
    """No repository is no empty change."""
    with Engine() as engine, pytest.raises(ChangeUnavailableError):
        engine.review(tmp_path)
