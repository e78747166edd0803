"""Commit, branch and remote, read from `.git` without git."""

from __future__ import annotations

from pathlib import Path

import pytest

from opengraphs.runner.gitfiles import git_folders, quick_git

COMMIT = "259dd3e7c152c5ff27a00e1140c19982a0c3e048"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    git = tmp_path / "repo" / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "refs" / "heads" / "main").write_text(COMMIT + "\n")
    return tmp_path / "repo"


def test_outside_a_repository(tmp_path: Path) -> None:
    assert quick_git(str(tmp_path)) is None


def test_commit_and_branch_from_below_the_top(repo: Path) -> None:
    (repo / "a" / "b").mkdir(parents=True)
    assert quick_git(str(repo / "a" / "b")) == {"commit": COMMIT, "branch": "main"}


def test_packed_reference(repo: Path) -> None:
    (repo / ".git" / "refs" / "heads" / "main").unlink()
    (repo / ".git" / "packed-refs").write_text(f"# pack-refs with: peeled\n{COMMIT} refs/heads/main\n")
    assert quick_git(str(repo)) == {"commit": COMMIT, "branch": "main"}


def test_detached_head_has_no_branch(repo: Path) -> None:
    (repo / ".git" / "HEAD").write_text(COMMIT + "\n")
    assert quick_git(str(repo)) == {"commit": COMMIT}


def test_repository_without_a_commit(repo: Path) -> None:
    (repo / ".git" / "refs" / "heads" / "main").unlink()
    assert quick_git(str(repo)) == {"branch": "main"}


def test_linked_work_tree_shares_references(repo: Path, tmp_path: Path) -> None:
    own = repo / ".git" / "worktrees" / "wt"
    own.mkdir(parents=True)
    (own / "HEAD").write_text("ref: refs/heads/topic\n")
    (own / "commondir").write_text("../..\n")
    (repo / ".git" / "refs" / "heads" / "topic").write_text(COMMIT)
    (repo / ".git" / "config").write_text('[remote "origin"]\n\turl = git@host:a/b.git\n')
    tree = tmp_path / "wt"
    tree.mkdir()
    (tree / ".git").write_text(f"gitdir: {own}\n")
    assert git_folders(str(tree)) == (str(own), str(repo / ".git"))
    assert quick_git(str(tree)) == {"commit": COMMIT, "branch": "topic", "remote": "git@host:a/b.git"}


@pytest.mark.parametrize(
    ("config", "remote"),
    [
        ('[remote "origin"]\n\turl = https://me:pw@host/a.git\n', "https://[redacted]@host/a.git"),
        ('[remote "up"]\n\turl = u\n[remote "origin"]\n\turl = o\n[branch "main"]\n\tremote = x\n', "o"),
        ('[remote "up"]\n\tfetch = +refs\n\tURL=u\n', "u"),
    ],
)
def test_remote_is_origin_without_its_login(repo: Path, config: str, remote: str) -> None:
    (repo / ".git" / "config").write_text(config)
    facts = quick_git(str(repo))
    assert facts is not None
    assert facts["remote"] == remote
