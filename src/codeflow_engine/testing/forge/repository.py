"""A repository of the forge: what stands in it, and how a test fills it."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.testing.examples import Example
from codeflow_engine.testing.forge.checks import Checks
from codeflow_engine.testing.forge.git import GitStore
from codeflow_engine.testing.forge.moving import follow_head
from codeflow_engine.testing.forge.sarif import Scans
from codeflow_engine.testing.forge.state import Issue, Label, PullRequest, User
from codeflow_engine.testing.forge.trees import Signature, TreeFiles, whole

if TYPE_CHECKING:
    from codeflow_engine.testing.forge.server import FakeForge

__all__ = ["Repository"]


@dataclass(kw_only=True, eq=False)
class Repository:
    """A repository; made by `FakeForge.repository`.

    The methods are for tests: they may be called from any thread but the forge's own, and
    return when what they did stands.
    """

    forge: FakeForge = field(repr=False)
    id: int
    owner: User
    name: str
    git: GitStore = field(repr=False)
    default_branch: str = "main"
    private: bool = False
    archived: bool = False
    """Whether it can only be read (G30)."""
    has_issues: bool = True
    parent: Repository | None = field(default=None, repr=False)
    """What it was forked from."""
    created_at: float
    permissions: dict[str, str] = field(default_factory=dict)
    """One of `ROLES` by login; others have what `User.permission` says."""
    labels: list[Label] = field(default_factory=list)
    forks: list[Repository] = field(default_factory=list, repr=False)
    checks: Checks = field(default_factory=Checks, repr=False)
    scans: Scans = field(default_factory=Scans, repr=False)
    _numbered: dict[int, Issue] = field(default_factory=dict, repr=False)
    _numbers: count[int] = field(default_factory=lambda: count(1), repr=False)

    @property
    def full_name(self) -> str:
        """Owner and name: `acme/shop`."""
        return f"{self.owner.login}/{self.name}"

    @property
    def issues(self) -> tuple[Issue, ...]:
        """Its issues, without pull requests, by number."""
        return tuple(one for one in self._all() if not isinstance(one, PullRequest))

    @property
    def pulls(self) -> tuple[PullRequest, ...]:
        """Its pull requests, by number."""
        return tuple(one for one in self._all() if isinstance(one, PullRequest))

    def _all(self) -> list[Issue]:
        with self.forge.lock:
            return [self._numbered[number] for number in sorted(self._numbered)]

    def issue(self, number: int) -> Issue:
        """Find an issue or a pull request.

        Raises:
            KeyError: There is none of this number.
        """
        return self._numbered[number]

    def pull(self, number: int) -> PullRequest:
        """Find a pull request.

        Raises:
            KeyError: There is none of this number.
        """
        found = self._numbered[number]
        if not isinstance(found, PullRequest):
            raise KeyError(number)
        return found

    def permission_of(self, login: str) -> str:
        """Tell what a user may do here: one of `ROLES`."""
        if login.lower() == self.owner.login.lower():
            return "admin"
        for name, role in self.permissions.items():
            if name.lower() == login.lower():
                return role
        user = self.forge.find_user(login)
        if user is None or (self.private and user.permission == "read"):
            return "none"
        return user.permission

    def next_number(self) -> int:
        """Take the next number of an issue or a pull request."""
        return next(self._numbers)

    def keep(self, issue: Issue) -> None:
        """Keep an issue or a pull request under its number."""
        self._numbered[issue.number] = issue

    # For tests

    def branch(self, name: str | None = None) -> str:
        """Give the id of a branch's commit; of the default branch where no name is given.

        Raises:
            ConfigurationError: There is no such branch.
        """
        ref = f"refs/heads/{name or self.default_branch}"
        found = self.git.read_ref(ref)
        if found is None:
            raise ConfigurationError(f"{self.full_name} has no {ref}")
        return found

    def commit(
        self,
        branch: str,
        files: TreeFiles,
        *,
        message: str = "Change",
        author: str | None = None,
        parents: tuple[str, ...] | None = None,
    ) -> str:
        """Commit a whole tree on a branch, which is made if need be; give the commit's id.

        Args:
            branch: Its name, without `refs/heads/`.
            files: All files of the tree, by path.
            message: The commit's message.
            author: The login of who writes it; the owner where absent.
            parents: Ids of its parents; the branch's present commit where absent.
        """
        return self._run(
            self._commit(branch, files, message=message, author=author, parents=parents)
        )

    async def _commit(
        self,
        branch: str,
        files: TreeFiles,
        *,
        message: str,
        author: str | None,
        parents: tuple[str, ...] | None,
    ) -> str:
        ref = f"refs/heads/{branch}"
        if parents is None:
            present = self.git.read_ref(ref)
            parents = () if present is None else (present,)
        sha = await self.git.add_commit(
            whole(files), parents, message=message, signature=self.signature(author)
        )
        self.git.write_ref(ref, sha)
        await self.refresh(branch)
        return sha

    def signature(self, login: str | None = None) -> Signature:
        """Give a user as author of a commit that is made now."""
        user = self.owner if login is None else self.forge.user(login)
        at = int(self.forge.clock.now())
        email = f"{user.id}+{user.login}@users.noreply.example.org"
        return Signature(name=user.login, email=email, at=at)

    def open_pull_request(
        self,
        base_tree: TreeFiles | Example,
        head_tree: TreeFiles | None = None,
        *,
        title: str | None = None,
        body: str | None = None,
        author: str | None = None,
        fork: bool = False,
        draft: bool = False,
        base: str | None = None,
        head: str | None = None,
    ) -> int:
        """Open a pull request from one whole tree to another; give its number.

        Args:
            base_tree: All files before; or an example, which has both trees.
            head_tree: All files after.
            title: Its title.
            body: Its description.
            author: The login of who opens it, who is added if need be; the owner where absent.
            fork: Open it from a fork that belongs to the author (G29).
            draft: Whether it is a draft.
            base: The branch that it is to be merged into. It gets a new commit with
                `base_tree`, unless that is what it holds. The default branch where absent.
            head: The name of its own branch; one with its number where absent.

        Raises:
            ConfigurationError: A tree has a mode that git does not have, or is missing.
        """
        if isinstance(base_tree, Example):
            title = base_tree.title if title is None else title
            body = base_tree.description if body is None else body
            head_tree, base_tree = base_tree.head, base_tree.base
        if head_tree is None:
            raise ConfigurationError("a pull request needs a tree after the change, too")
        user = self.owner if author is None else self.forge.add_user(author)
        opened = self._open(
            base_tree,
            head_tree,
            user=user,
            home=self.fork(user.login) if fork else self,
            title="A change" if title is None else title,
            body=body,
            draft=draft,
            base=base or self.default_branch,
            head=head,
        )
        return self._run(opened)

    async def _open(
        self,
        base_tree: TreeFiles,
        head_tree: TreeFiles,
        *,
        user: User,
        home: Repository,
        title: str,
        body: str | None,
        draft: bool,
        base: str,
        head: str | None,
    ) -> int:
        base_sha = await self._base(base, base_tree)
        signature = self.signature(user.login)
        head_sha = await self.git.add_commit(
            whole(head_tree), (base_sha,), message=title, signature=signature
        )
        with self.forge.lock:
            number = self.next_number()
            ref = head or f"change-{number}"
            home.git.write_ref(f"refs/heads/{ref}", head_sha)
            self.git.write_ref(f"refs/pull/{number}/head", head_sha)
            now = self.forge.clock.now()
            self.keep(
                PullRequest(
                    id=self.forge.next_id(),
                    number=number,
                    repository=self,
                    title=title,
                    body=body,
                    user=user,
                    created_at=now,
                    updated_at=now,
                    base_ref=base,
                    base_sha=base_sha,
                    head_ref=ref,
                    head_sha=head_sha,
                    head_repository=home,
                    draft=draft,
                )
            )
        return number

    async def _base(self, branch: str, files: TreeFiles) -> str:
        present = self.git.read_ref(f"refs/heads/{branch}")
        parents = () if present is None else (present,)
        sha = await self.git.add_commit(
            whole(files), parents, message="Prepare", signature=self.signature()
        )
        if present and (await self.git.commit(present)).tree == (await self.git.commit(sha)).tree:
            return present
        self.git.write_ref(f"refs/heads/{branch}", sha)
        await self.refresh(branch)
        return sha

    def push(
        self, number: int, files: TreeFiles, *, message: str = "Change more", force: bool = False
    ) -> str:
        """Push a commit to the head of a pull request; give its id.

        Args:
            number: The pull request's.
            files: All files of the new head.
            message: The commit's message.
            force: Replace what the pull request has, rather than add to it.

        Raises:
            ConfigurationError: The fork that it comes from was deleted.
        """
        pull = self.pull(number)
        home = pull.head_repository
        if home is None:
            raise ConfigurationError(f"the fork of {self.full_name}#{number} was deleted")
        parent = pull.base_sha if force else pull.head_sha
        return home.commit(
            pull.head_ref, files, message=message, author=pull.user.login, parents=(parent,)
        )

    def fork(self, login: str) -> Repository:
        """Give a user's fork of this repository; it is made if need be."""
        with self.forge.lock:
            for one in self.forks:
                if one.owner.login == login:
                    return one
            made = self.forge.repository(f"{login}/{self.name}", parent=self)
            self.forks.append(made)
            return made

    def label(self, name: str, *, color: str = "ededed", description: str | None = None) -> Label:
        """Find a label by its name, or make it."""
        with self.forge.lock:
            for one in self.labels:
                if one.name.lower() == name.lower():
                    return one
            made = Label(id=self.forge.next_id(), name=name, color=color, description=description)
            self.labels.append(made)
            return made

    async def refresh(self, branch: str) -> None:
        """Take note that a branch moved: pull requests from it and into it follow."""
        ref = f"refs/heads/{branch}"
        target = self.git.read_ref(ref)
        for one in (self, *([self.parent] if self.parent else [])):
            for pull in one.pulls:
                if pull.state != "open" or target is None:
                    continue
                if pull.head_repository is self and pull.head_ref == branch:
                    await follow_head(pull, target)
                elif one is self and pull.base_ref == branch:
                    # Its base is shown as it was when its head was pushed last.
                    pull.polls = 0

    def _run[T](self, work: Coroutine[Any, Any, T]) -> T:
        return self.forge.run(work)
