"""The forge as a server of HTTP: in a thread, with a loop of its own, on the loopback."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import Future
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.testing.forge.apps import App
from codeflow_engine.testing.forge.assembly import assemble
from codeflow_engine.testing.forge.auth import Tokens
from codeflow_engine.testing.forge.clock import ForgeClock
from codeflow_engine.testing.forge.exchange import FORGE
from codeflow_engine.testing.forge.faults import Faults
from codeflow_engine.testing.forge.framework import Middleware, web
from codeflow_engine.testing.forge.git import GitStore
from codeflow_engine.testing.forge.limits import LimitRules, Limits
from codeflow_engine.testing.forge.posts import Posts
from codeflow_engine.testing.forge.repository import Repository
from codeflow_engine.testing.forge.rules import ForgeRules
from codeflow_engine.testing.forge.state import ROLES, User
from codeflow_engine.testing.forge.webhooks import Webhooks

__all__ = ["FakeForge"]

_API = "/api/v3"
_LONGEST = 600.0
_MOST_BODY = 64 * 1024 * 1024


class FakeForge:
    """A forge that speaks GitHub's API, for tests.

    It is a context manager: the server runs while the block does.

    Args:
        port: Where it listens; 0 is a free port.
        directory: Where its repositories lie; a temporary directory where absent.
        rules: The numbers by which it refuses.
        clock: What time it is for the forge.
        limits: How much a caller may ask.
        middlewares: What every request passes first, in the form of aiohttp; for tests that
            look on, or end who asks.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        directory: Path | None = None,
        rules: ForgeRules | None = None,
        clock: ForgeClock | None = None,
        limits: LimitRules | None = None,
        middlewares: Sequence[Middleware] = (),
    ) -> None:
        self.rules: ForgeRules = rules or ForgeRules()
        self.clock: ForgeClock = clock or ForgeClock()
        self.tokens: Tokens = Tokens(self.clock)
        self.limits: Limits = Limits(self.clock, limits or LimitRules())
        self.faults: Faults = Faults()
        self.webhooks: Webhooks = Webhooks(self.clock)
        self.lock: threading.RLock = threading.RLock()
        """Holds all that the forge keeps; who changes it from outside takes it."""
        self._port = port
        self._before = tuple(middlewares)
        self._given = directory
        self._directory: Path | None = None
        self._sandbox = Sandbox()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stop: asyncio.Event | None = None
        self._users: dict[str, User] = {}
        self._repositories: dict[str, Repository] = {}
        self._ids = count(1_000_001)

    # Its life

    def start(self) -> None:
        """Start the server; it listens when this returns.

        Raises:
            OSError: Its port is taken.
            ConfigurationError: It was started before.
        """
        if self._thread is not None:
            raise ConfigurationError("this forge was started already; make another one")
        self._directory = self._given or Path(tempfile.mkdtemp(prefix="codeflow-forge-"))
        self._directory.mkdir(parents=True, exist_ok=True)
        listens: Future[int] = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(listens)), name="codeflow-forge", daemon=True
        )
        self._thread.start()
        try:
            self._port = listens.result(_LONGEST)
        except OSError:
            self._thread.join(_LONGEST)
            self._loop = None
            raise

    def close(self) -> None:
        """Stop the server, and take its temporary directory away."""
        if self._loop is not None and self._stop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(_LONGEST)
            self._loop = None
        if self._given is None and self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    async def _serve(self, listens: Future[int]) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        app = assemble(_API, most_body=_MOST_BODY, before=self._before)
        app[FORGE] = self
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        try:
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", self._port)
            await site.start()
            listens.set_result(runner.addresses[0][1])
        except OSError as error:
            listens.set_exception(error)
            self._stop.set()
        try:
            await self._stop.wait()
        finally:
            await runner.cleanup()
            await self._sandbox.aclose()

    def run[T](self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the forge's loop, from another thread, to its end.

        Raises:
            ConfigurationError: The forge does not run, or this is its own thread.
        """
        if self._loop is None or threading.current_thread() is self._thread:
            work.close()
            raise ConfigurationError(
                "the forge does not run; enter it with `with`"
                if self._loop is None
                else "the forge cannot wait for itself; ask it from another thread"
            )
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_LONGEST)

    # Where it is

    @property
    def web_url(self) -> str:
        """Where people, and git, find it: `http://127.0.0.1:<port>`."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        """Where its REST API is."""
        return f"{self.web_url}{_API}"

    @property
    def graphql_url(self) -> str:
        """Where its GraphQL API is."""
        return f"{self.web_url}/api/graphql"

    # What it keeps

    def next_id(self) -> int:
        """Take the next id, of whatever kind."""
        return next(self._ids)

    def add_user(
        self, login: str, *, permission: str | None = None, kind: str | None = None
    ) -> User:
        """Add an account, or change what one may do.

        Args:
            login: Its name; one that ends in `[bot]` is an app's.
            permission: One of `ROLES`, for all repositories that say nothing else of it;
                `read` for a new account where absent.
            kind: `User`, `Bot` or `Organization`; by the login where absent.

        Raises:
            ConfigurationError: There is no such permission.
        """
        if permission is not None and permission not in ROLES:
            raise ConfigurationError(f"no permission {permission!r}; there are {', '.join(ROLES)}")
        with self.lock:
            user = self._users.get(login.lower())
            if user is None:
                bot = login.endswith("[bot]")
                user = User(
                    id=self.next_id(),
                    login=login,
                    kind=kind or ("Bot" if bot else "User"),
                    permission="write" if bot else "read",
                    created_at=self.clock.now(),
                )
                self._users[login.lower()] = user
            if permission is not None:
                user.permission = permission
            return user

    def find_user(self, login: str) -> User | None:
        """Find an account by its name; None where there is none."""
        return self._users.get(login.lower())

    def user(self, login: str) -> User:
        """Find an account by its name.

        Raises:
            KeyError: There is none.
        """
        return self._users[login.lower()]

    @property
    def users(self) -> tuple[User, ...]:
        """All accounts."""
        with self.lock:
            return tuple(self._users.values())

    def token(self, login: str) -> str:
        """Give a new token of an account, which is added if need be."""
        with self.lock:
            return self.tokens.personal(self.add_user(login).login)

    def app(
        self,
        slug: str,
        *,
        permissions: Mapping[str, str],
        on: str = "",
        repositories: Sequence[str] | None = None,
    ) -> App:
        """Register an app, and install it on an account where one is given.

        Args:
            slug: Its name in addresses; its bot is `<slug>[bot]`.
            permissions: Levels by name: `{"checks": "write"}`.
            on: The account whose repositories it may use.
            repositories: Full names of those that it may use, which are made if need be; all of
                the account where absent.
        """
        chosen = None
        if repositories is not None:
            chosen = {self.repository(name).id: name for name in repositories}
        with self.lock:
            made = self.tokens.apps.register(slug, permissions=permissions)
            self.add_user(made.bot)
            if on:
                self.add_user(on, kind="Organization")
                self.tokens.apps.install(made, on, chosen)
            return made

    def repository(
        self, full_name: str, *, private: bool = False, parent: Repository | None = None
    ) -> Repository:
        """Find a repository by its full name, such as `acme/shop`, or make it, empty.

        Args:
            full_name: Owner and name.
            private: Whether only those see it who may; of a new one.
            parent: What it is a fork of; of a new one.

        Raises:
            ConfigurationError: The name is none, or the forge does not run.
        """
        found = self.find_repository(full_name)
        if found is not None:
            return found
        owner, slash, name = full_name.partition("/")
        if not (owner and slash and name) or "/" in name:
            raise ConfigurationError(f"{full_name!r} is no full name such as 'acme/shop'")
        if self._directory is None:
            raise ConfigurationError("the forge does not run; enter it with `with`")
        with self.lock:
            number = self.next_id()
            git = GitStore(
                self._directory / f"{number}.git",
                self._sandbox,
                objects=None if parent is None else parent.git.directory / "objects",
            )
            made = Repository(
                forge=self,
                id=number,
                owner=self.add_user(owner, kind="User" if parent else "Organization"),
                name=name,
                git=git,
                private=private or (parent is not None and parent.private),
                parent=parent,
                default_branch=parent.default_branch if parent else "main",
                created_at=self.clock.now(),
            )
            git.lay_out(made.default_branch)
            self._repositories[full_name.lower()] = made
            branch = f"refs/heads/{made.default_branch}"
            if parent is not None and (present := parent.git.read_ref(branch)):
                git.write_ref(branch, present)
            return made

    def rename(self, repository: Repository, name: str) -> None:
        """Give a repository another name; its old one redirects to it (G11)."""
        with self.lock:
            repository.name = name
            self._repositories[repository.full_name.lower()] = repository

    def find_repository(self, full_name: str) -> Repository | None:
        """Find a repository, also by a name that it had before; None where there is none."""
        return self._repositories.get(full_name.lower())

    def posts(self, full_name: str, number: int, *, by: str | None = None) -> Posts:
        """Give what stands under a pull request or an issue.

        Args:
            full_name: The repository.
            number: The pull request or issue.
            by: The login of an author, to whom it is narrowed.

        Raises:
            KeyError: There is none of this number.
        """
        with self.lock:
            return Posts.of(self.repository(full_name).issue(number), by)

    @property
    def repositories(self) -> tuple[Repository, ...]:
        """All repositories."""
        with self.lock:
            return tuple({one.id: one for one in self._repositories.values()}.values())
