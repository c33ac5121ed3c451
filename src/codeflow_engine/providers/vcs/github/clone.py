"""Objects of a change, fetched by git into a bare directory of our own.

Git sees nothing but our configuration, has no helper, hook, submodule or filter, speaks one
protocol, and follows no redirect. The token goes to it in a header, by its environment: never as
an argument, in a file or in a URL. First come the trees of two commits, then the blobs that
somebody asks for: the rest of the repository is never fetched.
"""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from codeflow_engine.errors import (
    AuthenticationError,
    ChangeUnavailableError,
    ProviderError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    SandboxError,
    SandboxLimitError,
    SandboxTimeoutError,
)
from codeflow_engine.providers.vcs.git.discovery import Repository
from codeflow_engine.providers.vcs.git.disk import Stop, in_thread, shown
from codeflow_engine.providers.vcs.git.plumbing import Caps, Plumbing
from codeflow_engine.providers.vcs.github.place import Place
from codeflow_engine.providers.vcs.github.settings import GitHubSettings
from codeflow_engine.providers.vcs.github.target import FULL_ID
from codeflow_engine.sandbox import Limits, Sandbox

__all__ = ["Clone"]

_MIB: Final = 1024 * 1024
_ANSWER: Final = 64 * _MIB
_LARGEST: Final = 16 * _MIB
"""Bytes of a file beyond which git takes it for binary, as the backend `git` has it."""

_RAW: Final = re.compile(rb":(\d{6}) (\d{6}) ([0-9a-f]{40,64}) ([0-9a-f]{40,64}) [A-Z]\d*")
_SUBMODULE: Final = b"160000"

_CONFIG: Final = """\
[core]
	repositoryFormatVersion = 1
	bare = true
	logAllRefUpdates = false
	attributesFile = /dev/null
	hooksPath = /dev/null
	askPass =
	fsmonitor = false
[extensions]
	objectFormat = {hash}
	partialClone = origin
[remote "origin"]
	url = {url}
	promisor = true
	partialCloneFilter = blob:none
	tagOpt = --no-tags
[credential]
	helper =
[fetch]
	recurseSubmodules = false
	writeCommitGraph = false
	negotiationAlgorithm = noop
	unpackLimit = 1
[http]
	followRedirects = false
	lowSpeedLimit = 1000
	lowSpeedTime = 60
{more}[transfer]
	credentialsInUrl = die
	bundleURI = false
[gc]
	auto = 0
[maintenance]
	auto = false
"""

_DENIED: Final = re.compile(
    r"Authentication failed|could not read Username|HTTP 40[13]|error: 40[13]"
)
_ABSENT: Final = re.compile(
    r"not our ref|unadvertised object|[Rr]epository .*not found|error: 404|HTTP 404|"
    r"couldn't find remote ref|no such remote ref"
)


class Clone:
    """A bare directory with objects of one repository; made by `Clone.of`."""

    def __init__(
        self,
        place: Place,
        settings: GitHubSettings,
        directory: Path,
        *,
        sandbox: Sandbox,
        header: Callable[[], Awaitable[str]],
        proxies: Mapping[str, str],
    ) -> None:
        self._place = place
        self._settings = settings
        self._directory = directory
        self._sandbox = sandbox
        self._header = header
        self._proxies = proxies
        self._plumbing: Plumbing | None = None

    @classmethod
    @asynccontextmanager
    async def of(
        cls,
        repository: str,
        *commits: str,
        place: Place,
        settings: GitHubSettings,
        sandbox: Sandbox,
        header: Callable[[], Awaitable[str]],
        proxies: Mapping[str, str],
    ) -> AsyncIterator[Clone]:
        """Fetch the trees of commits, and remove everything afterwards.

        Args:
            repository: `owner/name`.
            *commits: Full ids.
            place: The server.
            settings: The program and its limits.
            sandbox: Starts it.
            header: Gives the value of `Authorization`.
            proxies: Variables that name the host's proxies.

        Raises:
            ProviderError: They cannot be fetched.
        """
        async with sandbox.workspace() as directory:
            clone = cls(place, settings, directory, sandbox=sandbox, header=header, proxies=proxies)
            hash_name = "sha256" if len(commits[0]) > 40 else "sha1"  # noqa: PLR2004 - digits of SHA-1
            await in_thread(lambda stop: clone._lay_out(repository, hash_name, stop))
            await clone._fetch(commits, "--depth=1")
            found = Repository(
                root=None,
                git_dir=directory,
                shared_dir=directory,
                config={"extensions.objectformat": hash_name},
            )
            caps = Caps(
                diff_bytes=settings.max_diff_bytes,
                file_bytes=_LARGEST,
                untracked=1,
                seconds=settings.clone_timeout,
            )
            async with Plumbing.at(found, sandbox=sandbox, git=settings.git, caps=caps) as plumbing:
                clone._plumbing = plumbing
                yield clone

    @property
    def plumbing(self) -> Plumbing:
        """Git on these objects, without any way to the network."""
        assert self._plumbing is not None  # noqa: S101 - `of` sets it
        return self._plumbing

    async def diff(self, old: str, new: str) -> bytes:
        """Write the diff between two commits that were fetched, whole."""
        told = await self.plumbing.run(
            *("diff-tree", "-r", "--raw", "-z", "--no-renames", "--no-abbrev"),
            *("--ignore-submodules=none", "--end-of-options", old, new),
            output=_ANSWER,
        )
        wanted: set[bytes] = set()
        for found in _RAW.finditer(told):
            for mode, blob in ((found[1], found[3]), (found[2], found[4])):
                if mode != _SUBMODULE and blob.strip(b"0"):
                    wanted.add(blob)
        await self.fetch_blobs(wanted)
        return await self.plumbing.diff(old, new)

    async def fetch_blobs(self, ids: Iterable[bytes]) -> None:
        """Fetch blobs that are not here yet."""
        wanted = sorted(set(ids))
        if not wanted:
            return
        lines = b"".join(b"%s\n" % one for one in wanted)
        told = await self.plumbing.run("cat-file", "--batch-check", stdin=lines, output=_ANSWER)
        missing = [
            line.split(b" ", 1)[0].decode()
            for line in told.splitlines()
            if line.endswith(b" missing")
        ]
        if missing:
            await self._fetch(missing)

    def _lay_out(self, repository: str, hash_name: str, _stop: Stop) -> None:
        for name in ("objects", "refs", "info"):
            (self._directory / name).mkdir()
        (self._directory / "HEAD").write_text("ref: refs/heads/unborn\n", encoding="ascii")
        more = ""
        if self._settings.ca_file is not None:
            more = f"\tsslCAInfo = {_quoted(self._settings.ca_file)}\n"
        url = f"{self._place.web}/{repository}.git"
        text = _CONFIG.format(hash=hash_name, url=_quoted(url), more=more)
        (self._directory / "config").write_text(text, encoding="utf-8")

    async def _fetch(self, ids: Iterable[str], *options: str) -> None:
        """Fetch objects by full ids, which go through standard input."""
        wanted = list(ids)
        if not all(map(FULL_ID.fullmatch, wanted)):
            raise ChangeUnavailableError("only full ids of commits and blobs are fetched")
        settings = self._settings
        limits = Limits(
            timeout=settings.clone_timeout,
            cpu_seconds=max(1, int(settings.clone_timeout)),
            file_bytes=settings.max_clone_bytes,
            memory_bytes=None,  # index-pack maps what it reads
        )
        words = (
            *("fetch", "--quiet", "--no-tags", "--no-auto-maintenance", "--no-write-fetch-head"),
            *("--no-recurse-submodules", "--filter=blob:none", *options, "--stdin", "origin"),
        )
        env = await self._environment()
        try:
            done = await self._sandbox.run(
                [settings.git, *words],
                stdin="".join(f"{one}\n" for one in wanted).encode(),
                limits=limits,
                env=env,
                isolate=False,  # it is no program of the change, and needs the network
            )
        except SandboxTimeoutError as error:
            raise ProviderTimeoutError(f"git fetch: {error.message}") from error
        except SandboxLimitError as error:
            raise ChangeUnavailableError(f"git fetch: {error.message}") from error
        except SandboxError as error:
            raise ProviderError(f"git fetch: {error.message}") from error
        if done.returncode:
            full = await in_thread(lambda _: self._is_full())
            raise _failure(done.stderr, done.returncode, full=full)

    def _is_full(self) -> bool:
        """Say whether a pack was cut off by the limit; git tells only that it is cut off."""
        packs = (self._directory / "objects" / "pack").glob("tmp_*")
        return any(one.stat().st_size >= self._settings.max_clone_bytes for one in packs)

    async def _environment(self) -> dict[str, str]:
        scheme, _, value = (await self._header()).partition(" ")
        if scheme.lower() != "basic":
            # What git's own interface takes for a token of any kind.
            value = base64.b64encode(f"x-access-token:{value}".encode()).decode()
        return {
            **self._proxies,
            "GIT_DIR": str(self._directory),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_ALLOW_PROTOCOL": self._place.scheme,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_LFS_SKIP_SMUDGE": "1",
            "GIT_PROTOCOL": "version=2",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{self._place.web}/.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {value}",
            "LC_ALL": "C",
        }


def _quoted(value: str) -> str:
    """Write a value of git's configuration, whatever it holds."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _failure(stderr: bytes, status: int, *, full: bool) -> ProviderError:
    told = shown(stderr.strip().replace(b"\n", b"; ")) or f"exit status {status}"
    message = f"git fetch failed: {told}"
    if full:
        return ChangeUnavailableError(f"{message} (larger than max_clone_bytes of github)")
    if _DENIED.search(told):
        return AuthenticationError(f"{message} (the token needs contents: read)")
    if _ABSENT.search(told):
        return ChangeUnavailableError(message)
    return ProviderUnavailableError(message)
