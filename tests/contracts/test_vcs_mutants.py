"""Every test of the suite of VCS hosts fails for git where it is broken.

Git takes no effects; what concerns those is shown by the fake host.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import subprocess
import time
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from git_examples import publish_bare
from mutation import struck, unbroken

from codeflow_engine.domain.change import Change, ChangeRequest, FileContent
from codeflow_engine.domain.diff import Diff, DiffFile
from codeflow_engine.domain.discussion import Thread
from codeflow_engine.domain.effect import Effect, Receipt
from codeflow_engine.errors import ChangeUnavailableError
from codeflow_engine.providers.vcs.git import Git
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.testing.contracts import Published, VCSContract
from codeflow_engine.testing.examples import LINK, Example
from codeflow_engine.testing.fakes import FakeHost, FakeVCS

pytestmark = pytest.mark.fault


class GitSuite(VCSContract):
    @pytest.fixture
    def published(self, tmp_path: Path) -> Callable[[Example], Published]:
        return lambda example: publish_bare(example, tmp_path)


class Changed(Git):
    """Changes what was fetched."""

    def edit(self, change: Change) -> Change:
        raise NotImplementedError

    async def fetch_change(self, request: ChangeRequest, sandbox: Sandbox) -> Change:
        return self.edit(await super().fetch_change(request, sandbox))


class Untyped(Changed):
    def edit(self, change: Change) -> Change:
        return replace(change, title=change.title.encode())  # type: ignore[arg-type] # on purpose


class Fragile(Git):
    async def fetch_change(self, request: ChangeRequest, sandbox: Sandbox) -> Change:
        change = await super().fetch_change(request, sandbox)
        change.title.encode("ascii")
        return change


class Abbreviating(Changed):
    def edit(self, change: Change) -> Change:
        return replace(change, head=(change.head or "")[:12])


class Dated(Changed):
    count = itertools.count()

    def edit(self, change: Change) -> Change:
        return replace(change, key=f"{change.key} {next(self.count)}")


class Following(Git):
    async def read_files(
        self, change: Change, paths: Sequence[str], **options: Any
    ) -> tuple[FileContent, ...]:
        request = ChangeRequest(target=change.target, base="main", head="topic")
        current = await self.fetch_change(request, options["sandbox"])
        return await super().read_files(current, paths, **options)


class Picky(Changed):
    def shows(self, file: DiffFile) -> bool:
        raise NotImplementedError

    def edit(self, change: Change) -> Change:
        kept = [file.render() for file in change.diff.files if self.shows(file)]
        return replace(change, diff=Diff.parse(b"".join(kept)))


class TextOnly(Picky):
    def shows(self, file: DiffFile) -> bool:
        return not file.is_binary


class WithoutModes(Picky):
    def shows(self, file: DiffFile) -> bool:
        return bool(file.hunks) or file.old_mode == file.new_mode


class FirstPage(Picky):
    def shows(self, file: DiffFile) -> bool:
        return file.span.start < 20_000


class Sharing(Git):
    request: ChangeRequest

    async def fetch_change(self, request: ChangeRequest, sandbox: Sandbox) -> Change:
        self.request = request
        await asyncio.sleep(0)
        return await super().fetch_change(self.request, sandbox)


class Blocking(Git):
    async def fetch_change(self, request: ChangeRequest, sandbox: Sandbox) -> Change:
        time.sleep(0.7)  # noqa: ASYNC251 - that is what is wrong with it
        return await super().fetch_change(request, sandbox)


class Shielded(Git):
    async def fetch_change(self, request: ChangeRequest, sandbox: Sandbox) -> Change:
        return await asyncio.shield(self._go_on(request, sandbox))

    async def _go_on(self, request: ChangeRequest, sandbox: Sandbox) -> Change:
        await asyncio.sleep(0.1)
        return await super().fetch_change(request, sandbox)


LEFT: list[int] = []


@pytest.fixture(autouse=True)
def reaped() -> Iterator[None]:
    """End what a mutant leaves."""
    yield
    while LEFT:
        process = LEFT.pop()
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


class Leaving(Git):
    async def fetch_change(self, request: ChangeRequest, sandbox: Sandbox) -> Change:
        LEFT.append(os.posix_spawn("/bin/sleep", ["sleep", "9"], {}))  # noqa: ASYNC221 - it returns at once
        return await super().fetch_change(request, sandbox)


COMPLETE = "test_the_diff_is_complete"
TestUntyped = struck(GitSuite, Untyped, "test_a_change_is_sound")
TestFragile = struck(GitSuite, Fragile, "test_a_change_is_sound")
TestAbbreviating = struck(GitSuite, Abbreviating, "test_a_change_is_pinned")
TestDated = struck(GitSuite, Dated, "test_a_change_is_the_same_each_time")
TestFollowing = struck(GitSuite, Following, "test_a_change_that_moves_on_leaves_what_was_fetched")
TestTextOnly = struck(GitSuite, TextOnly, COMPLETE)
TestWithoutModes = struck(GitSuite, WithoutModes, COMPLETE)
TestFirstPage = struck(GitSuite, FirstPage, COMPLETE)
TestSharing = struck(GitSuite, Sharing, "test_changes_fetched_at_once_do_not_mix")
TestBlocking = struck(GitSuite, Blocking, "test_fetching_does_not_block_the_event_loop")
TestLeaving = struck(GitSuite, Leaving, "test_fetching_ends_when_it_is_cancelled")
TestShielded = struck(GitSuite, Shielded, "test_fetching_ends_when_it_is_cancelled")


class Altering(Git):
    """Changes what was read."""

    def edit(self, file: FileContent) -> FileContent:
        raise NotImplementedError

    async def read_files(
        self, change: Change, paths: Sequence[str], **options: Any
    ) -> tuple[FileContent, ...]:
        return tuple(map(self.edit, await super().read_files(change, paths, **options)))


class Tidying(Altering):
    def edit(self, file: FileContent) -> FileContent:
        tidy = None if file.content is None else file.content.replace(b"\r\n", b"\n")
        return replace(file, content=tidy)


class Lasting(Altering):
    def edit(self, file: FileContent) -> FileContent:
        return replace(file, exists=True)


class Narrow(Altering):
    def edit(self, file: FileContent) -> FileContent:
        return replace(file, exists=file.content is not None)


class Plain(Altering):
    def edit(self, file: FileContent) -> FileContent:
        return replace(file, mode="100644") if file.mode == LINK else file


class Unordered(Git):
    async def read_files(
        self, change: Change, paths: Sequence[str], **options: Any
    ) -> tuple[FileContent, ...]:
        return await super().read_files(change, sorted(set(paths)), **options)


class Unlimited(Git):
    async def read_files(
        self, change: Change, paths: Sequence[str], **options: Any
    ) -> tuple[FileContent, ...]:
        return await super().read_files(change, paths, **{**options, "limit": 10**9})


class Composing(Git):
    async def read_files(
        self, change: Change, paths: Sequence[str], **options: Any
    ) -> tuple[FileContent, ...]:
        composed = [unicodedata.normalize("NFC", path) for path in paths]
        found = await super().read_files(change, composed, **options)
        return tuple(replace(file, path=path) for path, file in zip(paths, found, strict=True))


class OnDisk(Git):
    async def read_files(
        self, change: Change, paths: Sequence[str], **options: Any
    ) -> tuple[FileContent, ...]:
        found = await super().read_files(change, paths, **options)
        return tuple(self._on_disk(change, file) for file in found)

    def _on_disk(self, change: Change, file: FileContent) -> FileContent:
        if not file.path.startswith("/") or file.path == "/":
            return file
        return FileContent(path=file.path, content=Path(change.target, file.path).read_bytes())


TestTidying = struck(GitSuite, Tidying, "test_it_reads_files_of_both_sides")
TestUnordered = struck(GitSuite, Unordered, "test_answers_come_in_the_order_of_the_paths")
TestLasting = struck(GitSuite, Lasting, "test_a_file_that_is_absent_does_not_exist")
TestUnlimited = struck(GitSuite, Unlimited, "test_a_file_that_is_too_large_has_a_reason")
TestNarrow = struck(GitSuite, Narrow, "test_what_is_no_file_has_a_reason")
TestPlain = struck(GitSuite, Plain, "test_a_link_is_not_followed")
TestComposing = struck(GitSuite, Composing, "test_odd_names_are_names")
TestOnDisk = struck(GitSuite, OnDisk, "test_names_that_lead_out_give_nothing")


class Empty(Git):
    async def fetch_change(self, request: ChangeRequest, sandbox: Sandbox) -> Change:
        try:
            return await super().fetch_change(request, sandbox)
        except ChangeUnavailableError:
            return Change(provider="git", target=request.target, diff=Diff.parse(b""))


class Guessing(Git):
    async def fetch_change(self, request: ChangeRequest, sandbox: Sandbox) -> Change:
        try:
            return await super().fetch_change(request, sandbox)
        except ChangeUnavailableError:
            default = replace(request, base="main", head="topic")
            return await super().fetch_change(default, sandbox)


class Shelling(Git):
    async def fetch_change(self, request: ChangeRequest, sandbox: Sandbox) -> Change:
        if "\0" not in f"{request.base}{request.head}":
            command = f"true {request.base} {request.head}"
            subprocess.run(command, shell=True, check=False)  # noqa: ASYNC221, S602 - that is what is wrong with it
        return await super().fetch_change(request, sandbox)


class Crashing(Git):
    async def fetch_change(self, request: ChangeRequest, sandbox: Sandbox) -> Change:
        if "\0" in f"{request.base}{request.head}{request.target}":
            raise ValueError("embedded null byte")
        return await super().fetch_change(request, sandbox)


class Quiet(Git):
    async def find_effects(self, effects: Sequence[Effect]) -> tuple[Receipt, ...]:
        return ()


COMMANDS = "test_requests_are_no_options_and_no_commands"
TestEmpty = struck(GitSuite, Empty, "test_a_change_that_is_not_there_is_unavailable")
TestGuessing = struck(GitSuite, Guessing, "test_a_revision_that_is_not_there_is_unavailable")
TestShelling = struck(GitSuite, Shelling, COMMANDS)
TestCrashing = struck(GitSuite, Crashing, COMMANDS)
TestQuiet = struck(GitSuite, Quiet, "test_a_host_that_cannot_publish_says_so")


HOSTS: defaultdict[Path, FakeHost] = defaultdict(FakeHost)
"""The host of each test, which all instances of a mutant share."""


class HostSuite(VCSContract):
    @pytest.fixture
    def published(self, tmp_path: Path) -> Callable[[Example], Published]:
        def publish(example: Example) -> Published:
            HOSTS[tmp_path].push(example)
            return Published(request=ChangeRequest(target=example.name), example=example)

        return publish

    @pytest.fixture
    def forge(self, tmp_path: Path) -> Callable[[Effect], None]:
        def write(effect: Effect) -> None:
            HOSTS[tmp_path].post(effect.target, effect.key, author="somebody")

        return write


def hosted(kind: type[FakeVCS]) -> Callable[[Path], FakeVCS]:
    def make(directory: Path) -> FakeVCS:
        return kind(HOSTS[directory])

    make.__name__ = kind.__name__
    return make


class Remembering(FakeVCS):
    def __init__(self, host: FakeHost) -> None:
        super().__init__(FakeHost())
        self._changes = host

    async def fetch_change(self, request: ChangeRequest, sandbox: Sandbox) -> Change:
        return self._changes.change(request)


class Repeating(FakeVCS):
    async def deliver(self, effect: Effect) -> Receipt:
        found = await self.find_effects([effect])
        made = self.host.post(effect.target, effect.key, author=self.author)
        return Receipt(key=effect.key, external_id=str(made.number), found=bool(found), at=made.at)


class Sweeping(FakeVCS):
    async def find_effects(self, effects: Sequence[Effect]) -> tuple[Receipt, ...]:
        marked = [replace(effects[0], key=post.marker) for post in self.host.posts if effects]
        return await super().find_effects(marked)


class Gullible(FakeVCS):
    async def find_effects(self, effects: Sequence[Effect]) -> tuple[Receipt, ...]:
        return tuple(
            Receipt(key=post.marker, external_id=str(post.number), found=True, at=post.at)
            for post in self.host.posts
            if post.marker in {effect.key for effect in effects}
        )


class Keeping(FakeVCS):
    async def withdraw(self, target: str, receipt: Receipt) -> None:
        self._check(target)


class Clearing(FakeVCS):
    async def withdraw(self, target: str, receipt: Receipt) -> None:
        self.host.posts = []


class Strict(FakeVCS):
    async def withdraw(self, target: str, receipt: Receipt) -> None:
        before = len(self.host.posts)
        await super().withdraw(target, receipt)
        if len(self.host.posts) == before:
            raise ChangeUnavailableError("there is no such post")


class Mute(Git):
    async def withdraw(self, target: str, receipt: Receipt) -> None:
        return


TestRemembering = struck(HostSuite, hosted(Remembering), "test_what_was_delivered_is_found")
TestRepeating = struck(HostSuite, hosted(Repeating), "test_what_was_delivered_twice_stands_once")
TestSweeping = struck(HostSuite, hosted(Sweeping), "test_effects_are_told_apart")
WITHDRAWN = "test_what_was_withdrawn_is_gone_and_nothing_else"
TestKeeping = struck(HostSuite, hosted(Keeping), WITHDRAWN)
TestClearing = struck(HostSuite, hosted(Clearing), WITHDRAWN)
TestStrict = struck(HostSuite, hosted(Strict), WITHDRAWN)
TestMute = struck(GitSuite, Mute, "test_a_host_that_cannot_withdraw_says_so")
TestGullible = struck(HostSuite, hosted(Gullible), "test_what_somebody_else_wrote_is_none_of_ours")


class Haunted(FakeVCS):
    async def read_threads(self, target: str) -> tuple[Thread, ...]:
        return tuple(self.host.threads.get(target, ()))


class Anonymous(FakeVCS):
    async def read_threads(self, target: str) -> tuple[Thread, ...]:
        return tuple(replace(one, fingerprint=None) for one in await super().read_threads(target))


class Restless(FakeVCS):
    async def read_threads(self, target: str) -> tuple[Thread, ...]:
        return tuple(replace(one, is_resolved=False) for one in await super().read_threads(target))


class Silent(Git):
    async def read_threads(self, target: str) -> tuple[Thread, ...]:
        return ()


class Nameless(FakeVCS):
    async def canonical(self, target: str) -> str:
        return f"{target}#1"


class Lagging(FakeVCS):
    async def read_head(self, target: str, sandbox: Sandbox) -> str | None:
        return (await self.fetch_change(ChangeRequest(target=target), sandbox)).base


TestNameless = struck(HostSuite, hosted(Nameless), "test_a_change_has_one_name")
TestLagging = struck(HostSuite, hosted(Lagging), "test_a_change_stands_where_it_is_fetched")
TestHaunted = struck(
    HostSuite, hosted(Haunted), "test_a_change_of_which_nobody_spoke_has_no_thread"
)
TestAnonymous = struck(
    HostSuite, hosted(Anonymous), "test_a_comment_of_ours_begins_a_thread_about_its_finding"
)
TestRestless = struck(HostSuite, hosted(Restless), "test_a_thread_that_was_resolved_says_so")
TestSilent = struck(GitSuite, Silent, "test_a_host_that_knows_no_discussion_says_so")


class Undefined(VCSContract):
    """Says nothing of how a change gets onto its host."""


TestUndefined = struck(Undefined, Git, "test_a_change_is_sound")


def test_every_test_of_the_suite_can_fail() -> None:
    """Each has a mutant that it finds out."""
    assert unbroken(VCSContract, globals()) == set()
