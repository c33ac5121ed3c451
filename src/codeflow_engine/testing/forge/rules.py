"""The numbers by which the forge refuses, as GitHub's documentation gives them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ForgeRules"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeRules:
    """Limits of the API; a test may have smaller ones, so that it needs no big change."""

    body_characters: int = 65_536
    """Most characters of a comment or a review (G20).

    Source: the API's own answer, "body is too long (maximum is 65536 characters)".
    """

    diff_files: int = 300
    """Most files of a diff (G23).

    Source: "Repository limits", section "Diff limits",
    /repositories/creating-and-managing-repositories/repository-limits.
    """

    diff_lines: int = 20_000
    """Most lines of a diff (G23). Source: as `diff_files`."""

    diff_bytes: int = 1024 * 1024
    """Most bytes of a diff, one megabyte (G23). Source: as `diff_files`."""

    file_lines: int = 20_000
    """Most lines of one file's patch; beyond, the patch is left out. Source: as `diff_files`."""

    file_bytes: int = 500 * 1024
    """Most bytes of one file's patch (G23). Source: as `diff_files`."""

    pull_files: int = 3_000
    """Most files that are listed of a pull request (G22).

    Source: "List pull requests files", /rest/pulls/pulls#list-pull-requests-files.
    """

    pull_commits: int = 250
    """Most commits that are listed of a pull request (G22).

    Source: "List commits on a pull request", /rest/pulls/pulls#list-commits-on-a-pull-request.
    """

    compare_commits: int = 250
    """Most commits of a comparison without pages (G22).

    Source: "Compare two commits", /rest/commits/commits#compare-two-commits.
    """

    compare_files: int = 300
    """Most files of a comparison, on its first page. Source: as `compare_commits` (G22)."""

    contents_bytes: int = 1024 * 1024
    """Largest file that is given with its content in JSON.

    Source: "Get repository content", /rest/repos/contents#get-repository-content.
    """

    contents_raw_bytes: int = 100 * 1024 * 1024
    """Largest file that is given at all. Source: as `contents_bytes`."""

    contents_entries: int = 1_000
    """Most entries of a directory. Source: as `contents_bytes`."""

    blob_bytes: int = 100 * 1024 * 1024
    """Largest blob that is given. Source: "Get a blob", /rest/git/blobs#get-a-blob."""

    tree_entries: int = 100_000
    """Most entries of a tree with all below it; beyond, it is `truncated`.

    Source: "Get a tree", /rest/git/trees#get-a-tree.
    """

    tree_bytes: int = 7 * 1024 * 1024
    """Largest answer with a tree and all below it. Source: as `tree_entries`."""

    mergeable_polls: int = 1
    """How often `mergeable` is null after a push, while it is computed in the background (G25).

    Source: "Get a pull request", /rest/pulls/pulls#get-a-pull-request.
    """
