"""What a bundle says, whole, damaged or missing."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from opengraphs.store import bundle
from opengraphs.store.folder import RunFolder

PATCH = b"""diff --git a/src/train.py b/src/train.py
index 1..2 100644
--- a/src/train.py
+++ b/src/train.py
@@ -1,2 +1,3 @@
-lr = 0.1
+lr = 0.2
+warm = 5
 keep
diff --git a/new file.txt b/new file.txt
new file mode 100644
--- /dev/null
+++ b/new file.txt
@@ -0,0 +1 @@
+one
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "20261122-093012-k7f3" / "bundle"
    found.mkdir(parents=True)
    return found


def read(folder: Path) -> bundle.Bundle:
    return bundle.read_bundle(RunFolder(folder.parent))


def test_run_without_a_bundle_has_no_record_of_anything(tmp_path: Path) -> None:
    assert set(bundle.read_bundle(RunFolder(tmp_path))) == {None}


def test_patch_is_counted_by_lines_and_files(folder: Path) -> None:
    (folder / "diff.patch").write_bytes(PATCH)
    found = read(folder).patch
    assert found == bundle.Patch(3, 1, ["src/train.py", "new file.txt"], hashlib.sha256(PATCH).hexdigest())


def test_packages_are_named_in_lower_case(folder: Path) -> None:
    (folder / "packages.txt").write_text("Torch==2.1.0+cu121\n\nodd line\nnumpy==1.26.4\n==3\n")
    assert read(folder).packages == {"torch": "2.1.0+cu121", "numpy": "1.26.4"}


def test_objects_are_read_and_what_is_none_is_no_record(folder: Path) -> None:
    (folder / "command.json").write_text(json.dumps({"argv": ["a"]}))
    (folder / "environment.json").write_text("[1]")
    (folder / "git.json").write_text('{"commit": "c0f')
    (folder / "python.json").write_bytes(b"\xff\xfe")
    (folder / "machine.json").mkdir()
    found = read(folder)
    assert found.command == {"argv": ["a"]}
    assert (found.environment, found.git, found.python, found.machine) == (None, None, None, None)


def test_copied_files_are_told_apart_by_their_content_and_links_are_not_followed(folder: Path) -> None:
    files = folder / "files"
    files.mkdir()
    (files / "train.py").write_text("print(1)\n")
    (files / "link.py").symlink_to(files / "train.py")
    assert read(folder).files == {"train.py": hashlib.sha256(b"print(1)\n").hexdigest()}


def test_file_beyond_the_limit_is_not_believed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "MAX_BYTES", 10)
    (folder / "packages.txt").write_text("torch==2.1.0\n")
    assert read(folder).packages is None
