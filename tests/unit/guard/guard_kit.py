"""A project on disk with everything around it that must stay as it is."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from opengraphs.guard.policy import Policy, Refused, open_target
from opengraphs.guard.snapshot import Snapshot, take

SCRIPT = "import os\n\nlr = 0.1\nfor step in range(100):\n    print(step, lr)\n"
AFTER = SCRIPT.replace("0.1", "0.01")
FILES = ("train.py", "sub/model.py")


class Project:
    """`<base>/project` with a script in it, beside `<base>/outside`."""

    def __init__(self, base: Path) -> None:
        base = base.resolve()
        self.root, self.outside = base / "project", base / "outside"
        for folder in (self.root, self.root / "sub", self.outside):
            folder.mkdir()
        self.script = self.root / "train.py"
        for file in (self.script, self.root / "sub" / "model.py", self.outside / "train.py"):
            file.write_text(SCRIPT)
        (self.outside / "secrets.txt").write_text("outside\n")
        self.policy = Policy(self.root, ("**",))

    def seen_outside(self) -> str:
        """A hash of all that lies outside: names, kinds, modes, contents."""
        return tree_hash(self.outside)


class Taken(Project):
    """A project and a snapshot of two of its files."""

    def __init__(self, base: Path) -> None:
        super().__init__(base)
        self.agent = base / "agent"
        self.snapshot = self.take("a1")

    def take(self, action_id: str, text: str = AFTER) -> Snapshot:
        changes = [(open_target(self.policy, path), text) for path in FILES]
        return take(self.agent, action_id, changes, diff="--- a\n+++ b\n")

    def texts(self) -> list[str]:
        return [(self.root / path).read_text() for path in FILES]


def tree_hash(folder: Path) -> str:
    """A hash of a folder's names, kinds, modes and contents; links are not followed."""
    digest = hashlib.sha256()
    for path in sorted([folder, *folder.rglob("*")]):
        facts = path.lstat()
        digest.update(f"{path}\0{facts.st_mode:o}\0{facts.st_ino}\0".encode("utf-8", "surrogateescape"))
        if path.is_symlink():
            digest.update(os.fsencode(path.readlink()))
        elif path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()


def rule_of(call: Callable[[], object]) -> str:
    """By which rule a call is refused, "" when it is not."""
    try:
        call()
    except Refused as refusal:
        finding = refusal.finding
    else:
        return ""
    assert finding.level == "refuse"
    assert len(finding.text.split()) >= 3
    return finding.rule
