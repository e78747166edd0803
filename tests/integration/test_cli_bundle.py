"""`og bundle` of a real run: what its runner kept, how to run it again, and no key in the archive."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

from made_runs import make_run
from og_user import OgUser

KEY = "hf_AbCdEfGhIjKlMnOpQrStUv"


def git(user: OgUser, *words: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words],
        cwd=user.work,
        check=True,
        capture_output=True,
    )


def test_a_run_says_how_to_run_it_again_and_what_is_missing(user: OgUser) -> None:
    (user.work / "train.py").write_text("print('step 1 loss 0.5')\n")
    git(user, "init", "-q")
    git(user, "add", ".")
    git(user, "commit", "-qm", "one")
    (user.work / "train.py").write_text(f"TOKEN = '{KEY}'\nprint('step 1 loss 0.4')\n")
    (user.work / "notes.txt").write_text("not known to git")
    done = user.og(
        "run", "--name", "mine", "--", "python", "train.py", "--seed", "7", HF_TOKEN=KEY, NCCL_DEBUG="INFO"
    )
    assert done.returncode == 0, done.stderr
    reply = user.json("bundle", "mine")
    commands = [line for step in reply["steps"] for line in step["commands"]]
    assert "git apply diff.patch" in commands
    assert commands[-1] == "og run -- python train.py --seed 7"
    assert reply["env"]["NCCL_DEBUG"] == "INFO"
    assert reply["hidden_env"] == ["HF_TOKEN"]
    missing = {part["what"]: part["text"] for part in reply["missing"]}
    assert "notes.txt" in missing["untracked"]
    assert "HF_TOKEN" in " ".join(part["text"] for part in reply["missing"])
    page = user.og("bundle", "mine").stdout
    assert "git apply diff.patch" in page
    assert KEY not in page
    out = user.work / "mine.tar.gz"
    assert user.og("bundle", "mine", "--export", str(out)).returncode == 0
    assert out.stat().st_mode & 0o077 == 0
    with tarfile.open(out) as tar:
        texts = {Path(member.name).name: (tar.extractfile(member) or out.open("rb")).read() for member in tar}
    assert {"README.md", "bundle.json", "command.sh", "train.py", "diff.patch", "environment.sh"} <= set(
        texts
    )
    assert all(KEY.encode() not in text for text in texts.values())


def test_where_an_archive_cannot_be_written_it_says_so(user: OgUser) -> None:
    make_run(user.store, "20270115-080000-k7f3", name="old")
    done = user.og("bundle", "old", "--export", str(user.work / "no" / "such.tar.gz"))
    assert (done.returncode, "Traceback" in done.stderr) == (4, False)
    reply = user.json("bundle", "old")
    assert "record" in [part["what"] for part in reply["missing"]]
