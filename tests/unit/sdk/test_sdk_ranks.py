"""Who am I among the ranks, and which run do we share."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import pytest

from opengraphs.sdk import facts, filesystem, layout, locks, ranks, rendezvous
from opengraphs.sdk.ranks import Place

SLURM = {"SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0", "SLURM_PROCID": "2", "SLURM_NTASKS": "4"}


@pytest.mark.parametrize(
    ("env", "rank", "world_size"),
    [
        ({}, 0, 1),
        ({"RANK": "3", "WORLD_SIZE": "8"}, 3, 8),
        ({"RANK": "3"}, 3, 4),
        ({"RANK": "x", "WORLD_SIZE": "8"}, 0, 1),
        ({"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2"}, 1, 2),
        ({"PMI_RANK": "1", "PMI_SIZE": "2"}, 1, 2),
        ({"MV2_COMM_WORLD_RANK": "1", "MV2_COMM_WORLD_SIZE": "2"}, 1, 2),
        (SLURM, 2, 4),
        ({**SLURM, "PMIX_RANK": "2"}, 2, 4),
        ({"SLURM_JOB_ID": "7", "SLURM_PROCID": "0", "SLURM_NTASKS": "4"}, 0, 1),
        ({**SLURM, "RANK": "1", "WORLD_SIZE": "2"}, 1, 2),
        ({**SLURM, "SLURM_PROCID": "0", "OMPI_COMM_WORLD_RANK": "5", "OMPI_COMM_WORLD_SIZE": "6"}, 5, 6),
    ],
)
def test_rank_by_launcher(env: dict[str, str], rank: int, world_size: int) -> None:
    place = ranks.find_place(env)
    assert (place.rank, place.world_size) == (rank, world_size)


@pytest.mark.parametrize(
    ("env", "attempt"),
    [({}, 0), ({"TORCHELASTIC_RESTART_COUNT": "2"}, 2), ({"SLURM_RESTART_COUNT": "1"}, 1)],
)
def test_attempt_is_what_the_launcher_restarted(env: dict[str, str], attempt: int) -> None:
    assert ranks.find_place(env).attempt == attempt


@pytest.mark.parametrize(
    ("env", "job", "is_unique"),
    [
        ({"TORCHELASTIC_RUN_ID": "abc"}, "elastic-abc", True),
        (SLURM, "slurm-7-0", True),
        ({"PMIX_NAMESPACE": "n1"}, "pmix-n1", True),
        ({"OMPI_MCA_ess_base_jobid": "9"}, "mpi-9", True),
        ({"MASTER_ADDR": "h", "MASTER_PORT": "29500"}, "address-h:29500", False),
        ({"MASTER_ADDR": "h", "MASTER_PORT": "1", "TORCHELASTIC_RUN_ID": "none"}, "address-h:1", False),
        ({}, f"parent-{os.getppid()}", False),
    ],
)
def test_job_that_ranks_share(env: dict[str, str], job: str, is_unique: bool) -> None:
    place = ranks.find_place({"RANK": "0", "WORLD_SIZE": "2", **env})
    assert (place.job, place.is_unique) == (job, is_unique)


def test_torchrun_on_one_machine_is_known_by_its_agent() -> None:
    env = {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "none"}
    place = ranks.find_place(env)
    assert place.is_unique
    assert place.job.startswith(f"torchrun-{os.getppid()}-")


def test_single_process_shares_with_nobody() -> None:
    assert ranks.find_place({"MASTER_ADDR": "h", "MASTER_PORT": "1"}).job == ""


def test_job_facts_keep_only_the_list() -> None:
    env = {"SLURM_JOB_ID": "7", "SLURM_SECRET": "x", "RAY_JOB_ID": ""}
    assert ranks.job_facts(env) == {"slurm_job_id": "7"}


# -- agreeing ------------------------------------------------------------------------------------


def place_of(rank: int, *, attempt: int = 0, job: str = "j", is_unique: bool = False) -> Place:
    return Place(rank, 2, attempt, job, is_unique)


def run_folder(store: Path, run_id: str, *, rank: int | None = None, ended: bool = False) -> Path:
    folder = Path(layout.create_run_folder(str(store), run_id))
    if rank is not None:
        (folder / "metrics" / f"a0-r{rank}.jsonl").touch()
    if ended:
        (folder / "exit.json").write_text("{}")
    return folder


def age(store: Path, seconds: float) -> None:
    then = time.time() - seconds
    for claim in (store / ".ranks").iterdir():
        os.utime(claim, (then, then), follow_symlinks=False)


def test_ranks_that_come_together_agree(tmp_path: Path) -> None:
    agreed: list[str] = []
    ready = threading.Barrier(16)

    def one(rank: int) -> None:
        ready.wait(10)
        agreed.append(rendezvous.agree(str(tmp_path), place_of(rank), layout.new_run_id))

    threads = [threading.Thread(target=one, args=(rank,)) for rank in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(agreed)) == 1


def test_late_rank_of_a_unique_job_joins_even_an_ended_run(tmp_path: Path) -> None:
    first = rendezvous.agree(str(tmp_path), place_of(0, is_unique=True), layout.new_run_id)
    run_folder(tmp_path, first, rank=0, ended=True)
    age(tmp_path, 3600)
    assert rendezvous.agree(str(tmp_path), place_of(1, is_unique=True), layout.new_run_id) == first


def test_next_job_at_the_same_address_is_another_run(tmp_path: Path) -> None:
    first = rendezvous.agree(str(tmp_path), place_of(0), layout.new_run_id)
    run_folder(tmp_path, first, rank=0, ended=True)
    second = rendezvous.agree(str(tmp_path), place_of(0), layout.new_run_id)
    assert second != first
    assert rendezvous.agree(str(tmp_path), place_of(1), lambda: "new") == first
    (tmp_path / "runs" / first / "metrics" / "a0-r1.jsonl").touch()
    assert rendezvous.agree(str(tmp_path), place_of(1), lambda: "new") == second


def test_old_claim_of_a_dead_run_is_not_joined(tmp_path: Path) -> None:
    first = rendezvous.agree(str(tmp_path), place_of(0), layout.new_run_id)
    run_folder(tmp_path, first, rank=0)
    age(tmp_path, 3600)
    assert rendezvous.agree(str(tmp_path), place_of(1), layout.new_run_id) != first


def test_old_claim_of_a_living_run_is_joined(tmp_path: Path) -> None:
    first = rendezvous.agree(str(tmp_path), place_of(0), layout.new_run_id)
    folder = run_folder(tmp_path, first, rank=0)
    age(tmp_path, 3600)
    lock = os.open(folder / "run.lock", os.O_RDWR | os.O_CREAT)
    assert locks.try_lock(lock)
    assert rendezvous.agree(str(tmp_path), place_of(1), layout.new_run_id) == first
    locks.unlock_and_close(lock)


def test_run_of_another_host_lives_by_its_heartbeat(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, "r")
    (folder / "run.lock").touch()
    (folder / "run.json").write_text(json.dumps({"host": "elsewhere"}))
    assert rendezvous.is_live(str(folder))
    then = time.time() - 3600
    os.utime(folder / "run.json", (then, then))
    assert not rendezvous.is_live(str(folder))


def test_restart_continues_the_newest_run_of_its_name(tmp_path: Path) -> None:
    first = rendezvous.agree(str(tmp_path), place_of(0), layout.new_run_id)
    run_folder(tmp_path, first, rank=0, ended=True)
    second = rendezvous.agree(str(tmp_path), place_of(0), layout.new_run_id)
    run_folder(tmp_path, second, rank=0, ended=True)
    age(tmp_path, 3600)
    assert rendezvous.agree(str(tmp_path), place_of(0, attempt=1), layout.new_run_id) == second


def test_different_jobs_never_meet(tmp_path: Path) -> None:
    names = ["a/b", "a_b", "a" * 200, "a" * 201]
    agreed = {rendezvous.agree(str(tmp_path), place_of(0, job=name), layout.new_run_id) for name in names}
    assert len(agreed) == 4


# -- facts ------------------------------------------------------------------------------------------


def test_git_is_read_from_its_files(tmp_path: Path) -> None:
    git = tmp_path / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    assert facts.git_facts(str(tmp_path)) == {"branch": "main"}
    (git / "packed-refs").write_text("# pack-refs\n" + "a" * 40 + " refs/heads/main\n")
    assert facts.git_facts(str(tmp_path)) == {"commit": "a" * 40, "branch": "main"}
    (git / "refs" / "heads" / "main").write_text("b" * 40 + "\n")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    assert facts.git_facts(str(tmp_path / "deep" / "er")) == {"commit": "b" * 40, "branch": "main"}
    (git / "HEAD").write_text("c" * 40 + "\n")
    assert facts.git_facts(str(tmp_path)) == {"commit": "c" * 40}


def test_linked_work_tree_finds_its_commit(tmp_path: Path) -> None:
    common = tmp_path / "repo" / ".git"
    own = common / "worktrees" / "w"
    own.mkdir(parents=True)
    (own / "HEAD").write_text("ref: refs/heads/side\n")
    (own / "commondir").write_text("../..\n")
    (common / "refs" / "heads").mkdir(parents=True)
    (common / "refs" / "heads" / "side").write_text("d" * 40)
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / ".git").write_text(f"gitdir: {own}\n")
    assert facts.git_facts(str(tree)) == {"commit": "d" * 40, "branch": "side"}


def test_folder_without_git_has_none(tmp_path: Path) -> None:
    assert facts.git_facts(str(tmp_path)) is None


def test_command_hides_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["python", "train.py", "--api-key", "s1", "--hf-token=s2", "hf_s3", "--lr", "0.1"]
    monkeypatch.setattr(facts.sys, "orig_argv", words, raising=False)
    shown = facts.command()
    assert shown == [
        "python",
        "train.py",
        "--api-key",
        "[redacted]",
        "--hf-token=[redacted]",
        "[redacted]",
        "--lr",
        "0.1",
    ]


# -- file systems -------------------------------------------------------------------------------------

MOUNTS = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:40 / /data rw - nfs4 server:/data rw
31 22 0:41 / /data/local rw - xfs /dev/vdb rw
32 22 0:42 / /my\\040fuse rw - fuse.sshfs host:/ rw
33 22 0:43 / /pool rw - btrfs /dev/vdc rw
34 22 0:44 / /shm rw - tmpfs tmpfs rw
"""


@pytest.mark.parametrize(
    ("folder", "kind", "mode"),
    [
        ("/home", "ext4", "mapped"),
        ("/data/runs", "nfs4", "append"),
        ("/data/local/runs", "xfs", "mapped"),
        ("/database", "ext4", "mapped"),
        ("/my fuse/x", "fuse.sshfs", "append"),
        ("/pool", "btrfs", "append"),
        ("/shm", "tmpfs", "mapped"),
    ],
)
def test_mode_by_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, kind: str, mode: str
) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(MOUNTS)
    assert filesystem.filesystem_type(folder, table=str(table)) == kind
    monkeypatch.setattr(filesystem, "filesystem_type", lambda _folder: kind)
    assert filesystem.choose_mode(folder, env={}) == mode


def test_mode_can_be_set_and_nonsense_is_ignored(tmp_path: Path) -> None:
    assert filesystem.choose_mode(str(tmp_path), env={"OG_JOURNAL": "append"}) == "append"
    assert filesystem.choose_mode("/x", env={"OG_JOURNAL": "mapped"}) == "mapped"
    assert filesystem.choose_mode(str(tmp_path), env={"OG_JOURNAL": "?"}) in filesystem.MODES


def test_other_pythons_append(monkeypatch: pytest.MonkeyPatch) -> None:
    class _PyPy:
        name = "pypy"

    monkeypatch.setattr(filesystem.sys, "implementation", _PyPy)
    assert filesystem.choose_mode("/", env={}) == "append"


def test_no_mount_table_is_no_trouble(tmp_path: Path) -> None:
    assert filesystem.filesystem_type("/", table=str(tmp_path / "none")) == ""
