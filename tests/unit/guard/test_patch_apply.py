"""Blocks fit once, or nothing is done; what they only show stays as it is."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from opengraphs.guard.patch import Applied, Block, EditError, apply_edits

SCRIPT = """\
import torch

def train(model):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(100):
        loss = model()
        optimizer.step()

def tune(model):
    for step in range(100):
        optimizer.step()
        print("done")
"""


def one(text: str, *blocks: tuple[str, str], path: str = "train.py") -> Applied:
    (applied,) = apply_edits({path: text}, [Block(path, search, replace) for search, replace in blocks])
    return applied


def refused(text: str, *blocks: tuple[str, str]) -> str:
    with pytest.raises(EditError) as error:
        one(text, *blocks)
    return str(error.value)


def test_an_exact_block_changes_its_lines_alone() -> None:
    done = one(
        SCRIPT,
        (
            "        loss = model()\n        optimizer.step()\n",
            "        loss = model()\n        clip(model)\n        optimizer.step()\n",
        ),
    )
    assert done.after == SCRIPT.replace("model()\n        opt", "model()\n        clip(model)\n        opt")
    assert (done.rungs, done.added, done.removed) == (["exact"], 1, 0)


@pytest.mark.parametrize(
    ("search", "replace", "rung"),
    [
        ("        loss = model()  \n", "        loss = model() / 2\n", "whitespace"),
        ("loss = model()\n", "loss = model() / 2\n", "indent"),
        ("            loss = model()\n", "            loss = model() / 2\n", "indent"),
        ("        loss\u00a0= model()\n", "        loss\u00a0= model() / 2\n", "unicode"),
        ("loss\u00a0= model()\n", "loss\u00a0= model() / 2\n", "unicode"),
    ],
)
def test_the_ladder(search: str, replace: str, rung: str) -> None:
    done = one(SCRIPT, (search, replace))
    assert done.rungs == [rung]
    assert done.after == SCRIPT.replace("model()\n        opt", "model() / 2\n        opt")


def test_typographic_quotes_become_those_of_the_file() -> None:
    done = one(SCRIPT, ("        print(“done”)\n", "        print(“over”)\n"))
    assert done.after == SCRIPT.replace("done", "over")


@pytest.mark.parametrize(
    ("text", "search", "replace"),
    [
        (SCRIPT, "        loss = model()\n", "        loss = model()  # don’t\n"),
        ("x = 1  # “so”\n", 'x = 1  # "so"\n', 'x = 2  # "so"\n'),
        (SCRIPT, "        loss = model()\n", "        loss\u00a0= 2\n"),
    ],
)
def test_signs_that_are_not_certain_are_refused(text: str, search: str, replace: str) -> None:
    assert "file" in refused(text, (search, replace))


def test_two_places_are_none() -> None:
    said = refused(SCRIPT, ("    for step in range(100):\n", "    for step in range(50):\n"))
    assert said == "block 1 (train.py): 2 matches at lines 5, 10: add context"


def test_a_block_that_lost_its_indentation_does_not_hit_another_line() -> None:
    text = "lr = 1\ndef f():\n    lr = 1\n"
    assert "2 matches at lines 1, 3" in refused(text, ("lr = 1\n", "lr = 2\n"))
    assert one(text, ("    lr = 1\n", "    lr = 2\n")).after == "lr = 1\ndef f():\n    lr = 2\n"


def test_a_shift_that_replace_does_not_share_is_refused() -> None:
    assert "REPLACE otherwise than SEARCH" in refused(SCRIPT, ("loss = model()\n", "        loss = 1\n"))
    assert "not in the file" in refused(SCRIPT, (" loss = model()\n", " loss = 1\n")), "an odd shift"


def test_what_is_not_there_is_told_with_what_is_near() -> None:
    said = refused(SCRIPT, ("    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)\n", "    pass\n"))
    assert "SEARCH is not in the file" in said
    assert "4:     optimizer = torch.optim.SGD(model.parameters(), lr=0.1)" in said


def test_what_was_already_done_is_told() -> None:
    assert "line 6: already applied" in refused(
        SCRIPT, ("        loss = old()\n", "        loss = model()\n")
    )


def test_an_unknown_file_is_told_with_those_that_are_known() -> None:
    with pytest.raises(EditError, match=r"no such file[\s\S]*train\.py"):
        apply_edits({"train.py": SCRIPT}, [Block("trian.py", "a\n", "b\n")])


def test_all_or_nothing_over_files_and_blocks_names_every_one_that_does_not_fit() -> None:
    blocks = [Block("a.py", "x\n", "y\n"), Block("b.py", "q\n", "r\n"), Block("a.py", "p\n", "r\n")]
    with pytest.raises(EditError) as error:
        apply_edits({"a.py": "x\n", "b.py": "x\n"}, blocks)
    assert sorted(problem.block for problem in error.value.problems) == [2, 3]


def test_blocks_are_for_the_file_as_it_is() -> None:
    assert one("a\nb\nc\n", ("c\n", "a\n"), ("a\n", "c\n")).after == "c\nb\na\n"
    assert "not in the file" in refused("a\nb\n", ("a\n", "x\n"), ("x\n", "y\n"))


def test_blocks_that_reach_into_each_other_are_refused() -> None:
    text = "".join(f"{n}\n" for n in range(9))
    assert "reach into each other" in refused(text, ("1\n2\n", "1\nx\n"), ("2\n3\n", "2\ny\n"))
    assert "reach into each other" in refused("c\nd\n", ("c\n", "c\nX\n"), ("c\nd\n", "c\nX\nY\nd\n"))


def test_what_replace_repeats_from_outside_of_search_is_refused() -> None:
    assert "stands beside SEARCH" in refused("# c\na\n", ("a\n", "# c\nb\n"))
    assert "stands beside SEARCH" in refused("a\n# c\n", ("a\n", "b\n# c\n"))
    assert "stands beside SEARCH" in refused("# c\n# d\na\n", ("a\n", "# c\n# d\nb\na\n"))
    assert one("# c\na\n", ("# c\na\n", "# c\n# c\na\n")).after == "# c\n# c\na\n"


def test_tabs_in_a_file_of_spaces_are_refused_and_the_reverse() -> None:
    assert "has tabs" in refused(SCRIPT, ("        loss = model()\n", "        loss = model()\n\tclip()\n"))
    assert "has spaces" in refused("def f():\n\tx\n", ("\tx\n", "\tx\n    y\n"))


def test_blocks_may_share_context() -> None:
    text = "".join(f"{n}\n" for n in range(9))
    assert one(text, ("1\n2\n3\n", "x\n2\n3\n"), ("3\n4\n5\n", "3\n4\ny\n")).after == text.replace(
        "1", "x"
    ).replace("5", "y")


def test_the_same_change_with_more_context_is_one_change() -> None:
    assert one("a\nb\nc\n", ("b\n", "B\n"), ("a\nb\n", "a\nB\n")).after == "a\nB\nc\n"


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("a\r\nb\r\nc\r\n", "a\r\nB\r\nB2\r\nc\r\n"),
        ("\ufeffa\nb\nc\n", "\ufeffa\nB\nB2\nc\n"),
        ("\ufeffb\r\n", "\ufeffB\r\nB2\r\n"),
        ("a\nb", "a\nB\nB2"),
        ("a\r\nb", "a\r\nB\r\nB2"),
        ("a\nb\r\nc\n", "a\nB\nB2\nc\n"),
        ("a  \nb\n\nc", "a  \nB\nB2\n\nc"),
        ("a\x0c\nb\nc\u2028d\n", "a\x0c\nB\nB2\nc\u2028d\n"),
    ],
)
def test_newlines_mark_and_final_newline_stay(text: str, after: str) -> None:
    assert one(text, ("b\n", "B\nB2\n")).after == after


def test_lines_added_after_an_open_end() -> None:
    assert one("a\r\nb", ("b\n", "b\nc\n")).after == "a\r\nb\r\nc"
    assert one("a\nb", ("a\nb\n", "a\n")).after == "a"


def test_context_keeps_its_own_bytes() -> None:
    text = "a  \n\t\nb\nc \n"
    assert one(text, ("a\n\nb\nc\n", "a\n\nB\nc\n")).after == "a  \n\t\nB\nc \n"


def test_an_empty_file_or_no_change_is_refused() -> None:
    assert "empty file" in refused("a\n", ("a\n", ""))
    assert "changes nothing" in refused("a \n", ("a\n", "a  \n"))


def test_a_whole_text_is_for_short_files_and_not_for_parts() -> None:
    short = "".join(f"line {n}\n" for n in range(20))
    (done,) = apply_edits({"a.py": short}, [Block("a.py", "", short.replace("line 7", "seven"), whole=True)])
    assert (done.rungs, done.added, done.removed) == (["whole"], 1, 1)
    with pytest.raises(EditError, match="looks like a part"):
        apply_edits({"a.py": short}, [Block("a.py", "", "line 3\nfour\n", whole=True)])
    with pytest.raises(EditError, match="with fences in it"):
        apply_edits({"a.py": short + "```\n"}, [Block("a.py", "", short, whole=True)])
    with pytest.raises(EditError, match="write SEARCH/REPLACE blocks"):
        apply_edits({"a.py": short * 8}, [Block("a.py", "", short, whole=True)])


def test_the_diff_is_one_that_patch_takes(tmp_path: Path) -> None:
    text = "".join(f"line {n}\n" for n in range(60))
    done = one(
        text, ("line 2\n", ""), ("line 9\n", "nine\nten\n"), ("line 50\n", "line 50\nmore\n"), path="t.txt"
    )
    (tmp_path / "t.txt").write_text(text)
    subprocess.run(
        ["git", "apply", "-"],
        input=done.diff,
        text=True,
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    assert (tmp_path / "t.txt").read_text() == done.after


def test_a_megabyte_of_lines_that_are_all_alike_is_searched_in_linear_time() -> None:
    text = "x = 1\n" * 170_000 + "y = 2\n"
    assert "200+ matches" in refused(text, ("x = 1\n" * 1000, "z\n"))
    done = one(text, ("x = 1\n" * 1000 + "y = 2\n", "x = 1\n" * 1000 + "y = 3\n"))
    assert done.after.endswith("y = 3\n")
    assert "not in the file" in refused(text, ("x = 1\n" * 1000 + "y = 4\n", "z\n"))
