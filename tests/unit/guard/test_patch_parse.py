"""Edits are read as models write them; half an edit is none."""

from __future__ import annotations

import pytest

from opengraphs.guard.patch import Block, EditError, parse_edits
from opengraphs.guard.patch.blocks import MAX_BLOCKS, MAX_TEXT

LR = Block("train.py", "lr = 1e-3\n", "lr = 1e-4\n")
BODY = "<<<<<<< SEARCH\nlr = 1e-3\n=======\nlr = 1e-4\n>>>>>>> REPLACE"


def refused(text: str) -> str:
    with pytest.raises(EditError) as error:
        parse_edits(text)
    return str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        f"train.py\n{BODY}",
        f"I would lower it.\n\ntrain.py\n```python\n{BODY}\n```\nThat is all.",
        f"```python\ntrain.py\n{BODY}\n```",
        f"```python train.py\n{BODY}\n```",
        f"**train.py**\n\n```\n{BODY}\n```",
        f"### File: `train.py`\n{BODY}",
        f"# ./train.py:\n{BODY}\n",
        f"In `train.py`, the rate is too high:\n```\n{BODY}\n```",
        f"train.py\n{BODY}\n".replace("\n", "\r\n"),
        f"train.py\n{BODY}\n\nAgain, to be sure:\n\ntrain.py\n```\n{BODY}\n```",
        "train.py\n<<<<<<< SEARCH \nlr = 1e-3\n======= \nlr = 1e-4\n>>>>>>> REPLACE ",
        "```diff\n--- a/train.py\n+++ b/train.py\n@@ -900,7 +12,1 @@ def main():\n-lr = 1e-3\n+lr = 1e-4\n```",
        "diff --git a/train.py b/train.py\nindex 1..2 100644\n--- a/train.py\n+++ b/train.py\n@@ -9 +9 @@\n-lr = 1e-3\n+lr = 1e-4\n\nDone.",
        "--- train.py\t2026-01-01\n+++ train.py\t2026-01-02\n@@ -1 +1 @@\n-lr = 1e-3\n\\ No newline at end of file\n+lr = 1e-4\n\\ No newline at end of file\n",
        "*** Begin Patch\n*** Update File: train.py\n@@ def main():\n-lr = 1e-3\n+lr = 1e-4\n*** End of File\n*** End Patch\n",
        "```\n*** Begin Patch\n*** Update File: train.py\n-lr = 1e-3\n+lr = 1e-4\n*** End Patch\n```",
    ],
)
def test_every_format_becomes_the_same_block(text: str) -> None:
    assert parse_edits(text) == [LR]


def test_several_files_and_blocks_keep_their_order() -> None:
    text = f"train.py\n{BODY}\n\nand\n{BODY.replace('lr', 'wd')}\nconf/a.yaml\n{BODY.replace('lr =', 'lr:').replace('SEARCH', 'SEARCH')}"
    assert [block.path for block in parse_edits(text)] == ["train.py", "train.py", "conf/a.yaml"]


def test_a_block_after_another_goes_on_with_its_file_unless_two_are_named() -> None:
    assert "no path" in refused(f"train.py\n{BODY}\nnow `a.py` and `b.py`:\n{BODY.replace('lr', 'wd')}")


def test_hunks_of_one_diff_are_blocks_of_their_own() -> None:
    text = "```diff\n--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n\n@@ -8,1 +8,2 @@\n z\n+y\n--- a/w.py\n+++ b/w.py\n@@ @@\n-1\n+2\n```\n"
    assert parse_edits(text) == [
        Block("x.py", "a\nb\n", "a\nc\n"),
        Block("x.py", "z\n", "z\ny\n"),
        Block("w.py", "1\n", "2\n"),
    ]


def test_an_empty_line_inside_a_hunk_is_context() -> None:
    text = "```diff\n--- a/x.py\n+++ b/x.py\n@@ @@\n a\n\n-b\n+c\n```"
    assert parse_edits(text) == [Block("x.py", "a\n\nb\n", "a\n\nc\n")]


def test_fences_and_markers_of_other_kinds_inside_a_block_are_text() -> None:
    search = "```python\nx\n```\n====\n"
    text = f"doc.md\n<<<<<<< SEARCH\n{search}=======\ny\n>>>>>>> REPLACE"
    assert parse_edits(text) == [Block("doc.md", search, "y\n")]


def test_a_short_file_may_be_written_whole() -> None:
    text = "Here it is:\n\n**train.py**\n```python\nimport os\nlr = 1e-4\n```\n"
    assert parse_edits(text) == [Block("train.py", "", "import os\nlr = 1e-4\n", whole=True)]


def test_a_snippet_in_prose_is_no_edit() -> None:
    assert "no edit found" in refused("In `train.py` there is\n```python\nlr = 1e-3\n```\nwhich is high.")
    assert parse_edits(f"As in\n\nother.py\n```\nx = 1\n```\n\ntrain.py\n{BODY}") == [LR]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no edit found"),
        ("The loss is fine.", "no edit found"),
        ("train.py\n<<<<<<< SEARCH\nlr = 1e-3\n=======\nlr = 1e-", "block 1 (train.py): the block is cut"),
        ("train.py\n<<<<<<< SEARCH\nlr = 1e-3\n", "the block is cut"),
        ("train.py\n```\n<<<<<<< SEAR", "no marker of an edit"),
        (f"train.py\n{BODY}\n\n<<<<<<< SEA", "block 2: "),
        ("train.py\n<<<<<<< SEARCH\na\n>>>>>>> REPLACE", "no line of ======="),
        ("train.py\n<<<<<<< SEARCH\na\n=======\nb\n=======\nc\n>>>>>>> REPLACE", "two lines of ======="),
        (
            "train.py\n<<<<<<< SEARCH\na\n=======\nb\n<<<<<<< SEARCH\n>>>>>>> REPLACE",
            "another <<<<<<< SEARCH",
        ),
        ("train.py\n=======\nb\n>>>>>>> REPLACE", "without its <<<<<<< SEARCH"),
        ("train.py\n<<<<<<< SEARCH\n=======\nb\n>>>>>>> REPLACE", "nothing to search for"),
        ("train.py\n<<<<<<< SEARCH\n  \n\n=======\nb\n>>>>>>> REPLACE", "nothing to search for"),
        ("train.py\n<<<<<<< SEARCH\nb\n=======\nb\n>>>>>>> REPLACE", "changes nothing"),
        (BODY, "no path"),
        (f"Change this\n{BODY}", "no path"),
        (
            "train.py\n<<<<<<< SEARCH\na\n=======\nb\n# ... rest of the code\n>>>>>>> REPLACE",
            "code is left out",
        ),
        (
            "train.py\n<<<<<<< SEARCH\na\n=======\nb\n    # rest of the code unchanged\n>>>>>>> REPLACE",
            "code is left out",
        ),
        ("```diff\n--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b\n", "its fence is never closed"),
        (
            "```diff\n--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b\n--- a/y.py\n+++ b/y.py",
            "its fence is never closed",
        ),
        ("```diff\n--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b\nfor x in y:\n```", "begins with none of"),
        ("--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+half a li", "cut, or its counts are wrong"),
        ("--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@\n-a\n+b\n", "cut, or its counts are wrong"),
        ("--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b\n+c\n", "counts in its @@ line are wrong"),
        ("--- a/x.py\n+++ b/x.py\n@@ def f @@\n-a\n+b\n", "without counts"),
        ("--- /dev/null\n+++ b/x.py\n@@ -0,0 +1 @@\n+b\n", "not made, removed or renamed"),
        ("--- a/x.py\n+++ b/y.py\n@@ -1 +1 @@\n-a\n+b\n", "not made, removed or renamed"),
        ("```diff\n--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n+b\n```", "nothing to search for"),
        ("*** Begin Patch\n*** Update File: x.py\n-a\n+b\n", "no *** End Patch"),
        ("*** Begin Patch\n*** Add File: x.py\n+b\n*** End Patch", "not made, removed or renamed"),
        ("*** Begin Patch\n*** Delete File: x.py\n*** End Patch", "not made, removed or renamed"),
        ("*** Begin Patch\n*** Update File: x.py\n*** Move to: y.py\n-a\n+b\n*** End Patch", "renamed"),
        ("*** Begin Patch\n-a\n+b\n*** End Patch", "no path"),
        ("*** Begin Patch\n*** End Patch", "no edit found"),
        ("train.py\n```python\nlr = 1", "its fence is never closed"),
        ("train.py\n```diff\n--- a/train.py\n-lr\n+lr2\n```", "its marks are incomplete"),
        ("train.py\n```\na\n```\ntrain.py\n```\nb\n```", "two whole texts"),
        ("train.py\n<<<<<<< SEARCH\na\0\n=======\nb\n>>>>>>> REPLACE", "NUL"),
        ("x" * (MAX_TEXT + 1), "characters"),
        ("train.py\n" + "\n".join(BODY.replace("lr", f"lr{n}") for n in range(MAX_BLOCKS + 1)), "61 blocks"),
        ("train.py\n<<<<<<< SEARCH\n" + "a\n" * 2001 + "=======\nb\n>>>>>>> REPLACE", "more than 2000 lines"),
    ],
)
def test_what_is_cut_empty_malformed_or_enormous_is_told(text: str, said: str) -> None:
    assert said in refused(text)


def test_every_block_that_is_wrong_is_named() -> None:
    said = refused(
        "a.py\n<<<<<<< SEARCH\na\n=======\na\n>>>>>>> REPLACE\nb.py\n<<<<<<< SEARCH\n=======\nb\n>>>>>>> REPLACE"
    )
    assert "block 1 (a.py): " in said
    assert "block 2 (b.py): " in said
