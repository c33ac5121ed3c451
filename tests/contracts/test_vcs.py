"""The suite of VCS hosts holds for git, in both of its ways, and for the fake one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from git_examples import check_out, commit_example, edit, publish_bare, without_submodules

from codeflow_engine.contracts import VCS
from codeflow_engine.domain.change import WORKTREE, ChangeRequest
from codeflow_engine.domain.effect import Effect
from codeflow_engine.providers.vcs.git import Git
from codeflow_engine.testing.contracts import Published, VCSContract
from codeflow_engine.testing.examples import Example
from codeflow_engine.testing.fakes import FakeHost, FakeVCS

type Create = Callable[[], VCS]
type Publishing = Callable[[Example], Published]


class TestGit(VCSContract):
    @pytest.fixture
    def create(self) -> Create:
        return Git

    @pytest.fixture
    def published(self, tmp_path: Path) -> Publishing:
        return lambda example: publish_bare(example, tmp_path)


class TestGitWorktree(VCSContract):
    """What lies on disk, and may be another thing a moment later."""

    @pytest.fixture
    def create(self) -> Create:
        return Git

    @pytest.fixture
    def published(self, tmp_path: Path) -> Publishing:
        def publish(given: Example) -> Published:
            example = without_submodules(given)
            place = tmp_path / example.name
            check_out(example, place)
            return Published(
                request=ChangeRequest(target=str(place), head=WORKTREE),
                example=example,
                push=lambda later: edit(later, place),
            )

        return publish


class TestGitUnknown(VCSContract):
    """A change of which nothing is known, as `codeflow plugins check` has it."""

    @pytest.fixture
    def create(self) -> Create:
        return Git

    @pytest.fixture
    def published(self, tmp_path: Path) -> Publishing:
        place = tmp_path / "somewhere"

        def publish(example: Example) -> Published:
            if not place.exists():
                commit_example(example, place)
            return Published(request=ChangeRequest(target=str(place), base="main", head="topic"))

        return publish


class ReadOnlyVCS(FakeVCS):
    capabilities = frozenset()


class TestFakeVCS(VCSContract):
    @pytest.fixture
    def host(self) -> FakeHost:
        return FakeHost()

    @pytest.fixture
    def create(self, host: FakeHost) -> Create:
        return lambda: FakeVCS(host)

    @pytest.fixture
    def published(self, host: FakeHost) -> Publishing:
        def publish(example: Example) -> Published:
            host.push(example)
            return Published(
                request=ChangeRequest(target=example.name), example=example, push=host.push
            )

        return publish

    @pytest.fixture
    def forge(self, host: FakeHost) -> Callable[[Effect], None]:
        def write(effect: Effect) -> None:
            host.post(effect.target, effect.key, author="somebody")

        return write


class TestReadOnlyFakeVCS(TestFakeVCS):
    @pytest.fixture
    def create(self, host: FakeHost) -> Create:
        return lambda: ReadOnlyVCS(host)
