"""The commands that find and edit runs, against a real daemon: search, tag, note, rename, archive, rm, list."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from made_runs import make_run
from og_user import OG, OgUser, wait_until
from ogd_kit import LiveRun
from terminal import Terminal

ONE, TWO, THREE = "20270115-080000-k7f3", "20270115-080100-m2m2", "20270115-080200-b2cd"


@pytest.fixture
def runs(user: OgUser) -> OgUser:
    make_run(user.store, ONE, name="baseline", tags=["lr=3e-4", "best"], points=3, notes="warm-up too short")
    make_run(user.store, TWO, name="bigger", points=3, config={"lr": 0.1, "model": {"layers": 12}})
    make_run(user.store, THREE, name="speech", points=3, project="speech", config={"lr": 0.3})
    return user


def ids(user: OgUser, *words: str) -> list[str]:
    return [row["run_id"] for row in user.json("list", *words)["runs"]]


def tags(user: OgUser, run: str) -> list[str]:
    found: list[str] = user.json("show", run)["tags"]
    return found


def stdin(user: OgUser, text: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(OG), *words], env=user.env, input=text, capture_output=True, text=True, timeout=60, check=False
    )


def test_tags_are_put_on_and_taken_off_several_runs(runs: OgUser) -> None:
    assert runs.og("tag", "k7f3", "good", "seed=1", "--remove", "best").returncode == 0
    assert tags(runs, ONE) == ["lr=3e-4", "good", "seed=1"]
    assert runs.og("tag", "new", "--run", "bigger", "--run", "speech").returncode == 0
    assert [tags(runs, run) for run in (TWO, THREE)] == [["new"], ["new"]]
    assert runs.og("tag", "--filter", "tag:new", "newer", "--remove", "new").returncode == 0
    assert ids(runs, "--tags", "newer") == [THREE, TWO]
    assert runs.og("tag", "k7f3").stdout == "lr=3e-4  good  seed=1\n"
    assert runs.json("tag", "k7f3")["runs"][0]["tags"] == ["lr=3e-4", "good", "seed=1"]


def test_one_bad_run_does_not_stop_the_others(runs: OgUser) -> None:
    done = runs.og("archive", "baseline", "nothing", "bigger")
    assert done.returncode == 3
    assert "no run fits 'nothing'" in done.stderr
    assert ids(runs) == [THREE]
    done = runs.og("archive", "baseline", "nothing", "--undo", "--json")
    reply = json.loads(done.stdout)
    assert done.returncode == 3
    assert [item["run_id"] for item in reply["runs"]] == [ONE]
    assert [(item["run"], item["code"]) for item in reply["errors"]] == [("nothing", "not_found")]


def test_notes_are_written_read_and_written_anew(runs: OgUser) -> None:
    assert runs.og("note", "k7f3", "better with 500 steps").returncode == 0
    assert runs.og("note", "k7f3", "spike", "--step", "12").returncode == 0
    assert stdin(runs, "from a pipe\n", "note", "k7f3", "-").returncode == 0
    shown = runs.og("note", "k7f3").stdout
    assert shown.splitlines() == [
        "warm-up too short",
        "better with 500 steps",
        "from a pipe",
        "step 12  spike",
    ]
    reply = runs.json("note", "k7f3")
    assert [(note["step"], note["text"]) for note in reply["at_steps"]] == [(12, "spike")]
    assert runs.og("note", "k7f3", "all new", "--replace").returncode == 0
    assert runs.json("note", "k7f3")["notes"] == "all new"
    assert "no notes" in runs.og("note", "bigger").stderr
    assert runs.og("note", "k7f3", "--step", "3").returncode == 2
    assert runs.og("note", "k7f3", "x", "--step", "3", "--replace").returncode == 2


def test_new_name_finds_the_run_and_the_old_one_does_not(runs: OgUser) -> None:
    assert runs.og("rename", "baseline", "gold standard").returncode == 0
    assert runs.json("show", "gold standard")["run_id"] == ONE
    assert runs.og("show", "baseline").returncode == 3
    assert runs.og("rename", "k7f3", "").returncode == 2


def test_archived_runs_are_out_of_lists_and_in_reach(runs: OgUser) -> None:
    assert runs.og("archive", "--filter", "project:speech", "--yes").returncode == 0
    assert ids(runs) == [TWO, ONE]
    assert ids(runs, "--archived") == [THREE, TWO, ONE]
    assert ids(runs, "--filter", "archived:true") == [THREE]
    assert runs.json("show", "speech")["archived"] is True
    assert runs.og("archive", "--undo", "--filter", "speech").returncode == 0
    assert ids(runs) == [THREE, TWO, ONE]


def test_removed_run_comes_back_and_a_purged_one_does_not(runs: OgUser) -> None:
    done = runs.og("rm", "baseline", "bigger")
    assert done.returncode == 0
    assert "og rm --restore" in done.stderr
    assert ids(runs) == [THREE]
    listed = runs.json("rm", "--list")
    assert [item["name"] for item in listed["trash"]] == ["bigger", "baseline"]
    assert "baseline" in runs.og("rm", "--list").stdout
    assert runs.og("rm", "--restore", "baseline").returncode == 0
    assert ids(runs) == [THREE, ONE]
    refused = runs.og("rm", "--purge", "bigger")
    assert (refused.returncode, "--yes" in refused.stderr) == (2, True)
    assert runs.og("rm", "--purge", "--yes").returncode == 0
    assert runs.json("rm", "--list")["trash"] == []
    assert runs.og("rm", "--restore", "bigger").returncode == 3


def test_removal_asks_where_somebody_can_answer(runs: OgUser) -> None:
    for answer, left in (("n", [THREE, TWO, ONE]), ("y", [THREE, TWO])):
        with Terminal([str(OG), "rm", "k7f3"], env=runs.env, cwd=runs.work) as terminal:
            terminal.wait_text(f"baseline ({ONE})", "move 1 run to the trash? [y/N]")
            terminal.send(f"{answer}\r")
            assert terminal.exit_code() == (130 if answer == "n" else 0)
        assert ids(runs) == left


def test_many_runs_need_a_yes_without_a_terminal(runs: OgUser) -> None:
    refused = runs.og("rm", "--filter", "digits")
    assert (refused.returncode, "--yes" in refused.stderr) == (2, True)
    assert runs.og("rm", "--filter", "project:digits", "--yes").returncode == 0
    assert ids(runs) == [THREE]
    assert runs.og("rm", "--filter", "project:digits", "--yes").stderr == "no run fits\n"
    told = runs.og("rm", "--filter", "config.lrr>1", "--yes")
    assert told.stderr == "no run has config.lrr; did you mean config.lr?\nno run fits\n"


@pytest.mark.parametrize(
    "words",
    [
        ["rm"],
        ["rm", "k7f3", "--filter", "x"],
        ["rm", "--list", "--purge"],
        ["rm", "--restore"],
        ["rm", "--restore", "--filter", "x"],
        ["archive"],
        ["tag"],
        ["tag", "--filter", "x", "--run", "y", "z"],
        ["tag", "k7f3", "a\tb"],
        ["rename", "k7f3"],
    ],
)
def test_what_makes_no_sense_is_a_usage_error(runs: OgUser, words: list[str]) -> None:
    assert runs.og(*words).returncode == 2
    assert ids(runs) == [THREE, TWO, ONE]


def test_live_run_is_edited_and_not_removed(runs: OgUser) -> None:
    with LiveRun(runs.store, name="alive"):
        assert runs.og("tag", "alive", "hot").returncode == 0
        assert tags(runs, "alive") == ["hot"]
        done = runs.og("rm", "alive")
        assert (done.returncode, "og stop" in done.stderr) == (6, True)


def test_store_that_cannot_take_an_edit_is_exit_code_4(runs: OgUser) -> None:
    events = runs.store / "runs" / ONE / "events"
    events.rmdir()
    events.write_text("a file where a folder should be")
    done = runs.og("rename", "k7f3", "x")
    assert (done.returncode, ONE in done.stderr) == (4, True)


def test_search_looks_in_runs_notes_metrics_and_keys(runs: OgUser) -> None:
    wait_until(lambda: runs.json("search", "loss")["metrics"], within_s=20, what="the journals read")
    found = runs.json("search", "warm-up")
    assert [run["run_id"] for run in found["runs"]] == [ONE]
    assert found["notes"] == [{"run_id": ONE, "name": "baseline", "line": "warm-up too short"}]
    found = runs.json("search", "loss")
    assert [metric["key"] for metric in found["metrics"]] == ["train/loss"]
    found = runs.json("search", "lr")
    assert {"config.lr", "tag.lr"} <= {field["field"] for field in found["fields"]}
    found = runs.json("search", "config.lr>0.2")
    assert ([run["run_id"] for run in found["runs"]], found["metrics"], found["fields"]) == ([THREE], [], [])
    text = runs.og("search", "lr").stdout
    assert all(word in text for word in ("METRIC", "FIELD", "config.lr"))
    assert "nothing fits" in runs.og("search", "zzzz").stderr
    assert runs.og("search", "stats:x").returncode == 2


def test_list_shows_the_columns_that_were_asked_for(runs: OgUser) -> None:
    done = runs.og(
        "list", "--columns", "config.lr,config.model.layers", "--columns", "tag.lr", "--sort", "config.lr"
    )
    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[0] == ["RUN", "NAME", "STATUS", "config.lr", "config.model.layers", "tag.lr"]
    assert rows[1:] == [
        [ONE, "baseline", "finished", "0.0003", "-", "3e-4"],
        [TWO, "bigger", "finished", "0.1", "12", "-"],
        [THREE, "speech", "finished", "0.3", "-", "-"],
    ]


def test_unknown_column_and_sort_key_are_told(runs: OgUser) -> None:
    wrong = runs.og("list", "--columns", "lr")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "did you mean config.lr?" in wrong.stderr
    done = runs.og("list", "--columns", "created,config.lrr", "--sort", "-config.lrr")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 4
    assert "no run has config.lrr; did you mean config.lr?" in done.stderr
    assert "no run shown has config.lrr; did you mean config.lr?" in done.stderr


def test_tag_that_is_not_there_is_not_taken_off_in_silence(runs: OgUser) -> None:
    done = runs.og("tag", "baseline", "--remove", "bets")
    assert done.returncode == 0
    assert "(unchanged)" in done.stderr
    assert "no tag 'bets' to take off; did you mean best?" in done.stderr


def test_run_in_the_trash_is_told_by_whoever_looks_for_it(runs: OgUser) -> None:
    assert runs.og("rm", "bigger").returncode == 0
    for verb in ("show", "note"):
        done = runs.og(verb, "m2m2")
        assert done.returncode == 3
        assert "no run fits 'm2m2'" in done.stderr
        assert f"og rm --restore {TWO}" in done.stderr


def test_wrong_filter_says_where_and_what_was_meant(runs: OgUser) -> None:
    wrong = runs.og("list", "--filter", "baseline lr>1")
    assert wrong.returncode == 2
    assert "at position 9" in wrong.stderr
    assert "did you mean config.lr?" in wrong.stderr
    nothing = runs.og("list", "--filter", "config.lrr>1")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert "no run has config.lrr; did you mean config.lr?" in nothing.stderr


def test_all_shows_more_than_the_limit(runs: OgUser) -> None:
    assert len(ids(runs, "--limit", "1")) == 1
    assert len(ids(runs, "--limit", "1", "--all")) == 3
    assert "--all shows all" in runs.og("list", "--limit", "1").stderr


def completed(user: OgUser, *words: str) -> list[str]:
    """What zsh would offer for the last of `words`."""
    done = user.og(
        COMP_WORDS=" ".join(["og", *words]), COMP_CWORD=str(len(words)), _OG_COMPLETE="zsh_complete"
    )
    assert done.returncode == 0, done.stderr
    lines: list[Any] = done.stdout.splitlines()
    return [line.replace("\\:", ":") for line in lines[1::3]]


def test_shell_completes_names_tags_filters_and_sort_keys(runs: OgUser) -> None:
    assert ids(runs)  # the daemon runs: completion starts none
    assert completed(runs, "show", "big") == ["bigger"]
    assert completed(runs, "tag", "k7f3", "be") == ["best"]
    assert completed(runs, "tag", "k7") == ["k7f3"]
    assert completed(runs, "list", "--sort", "config.") == ["config.lr", "config.model.layers"]
    assert completed(runs, "list", "--columns", "config.lr,config.m") == ["config.lr,config.model.layers"]
    assert completed(runs, "compare", "--group-by", "tag:l") == ["tag:lr"]
    assert completed(runs, "compare", "--group-by", "pro") == ["project"]
    assert completed(runs, "list", "--filter", "project:s") == ["project:speech"]
    assert completed(runs, "compare", "--metric", "train/") == ["train/loss"]
    assert completed(runs, "list", "--filter", "'big -stat'") == ["big -status:"]
    assert runs.og("rm", "bigger").returncode == 0
    assert completed(runs, "rm", "--restore", "m2") == ["m2m2"]


def test_completion_without_a_daemon_offers_ids_and_starts_none(runs: OgUser) -> None:
    assert completed(runs, "show", "k7") == ["k7f3"]
    assert completed(runs, "list", "--filter", "config.") == []
    assert not any("opengraphs.daemon" in line for line in runs.processes().values())


def test_paths_of_different_stores_are_not_changed_at_once(runs: OgUser, tmp_path: Path) -> None:
    other = make_run(tmp_path / "other", ONE)
    done = runs.og("archive", str(other), str(runs.store / "runs" / TWO))
    assert (done.returncode, "different stores" in done.stderr) == (2, True)
