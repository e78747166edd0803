"""What comes of an action: in every case the files are whole, and a training that is stopped is said to be."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from executor_kit import AFTER, SCRIPT, Killed, Stage, Uncertain, drive, finish, gone

from opengraphs.errors import ProcessError, StoreError
from opengraphs.guard.executor import Journal, Seen

GOOD = Seen("improved", text="better by 0.3")
EVERY_STEP = ("judged", "approved", "snapshot", "stopping", "patched", "smoke")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_a_fix_that_helps_is_kept(stage: Stage) -> None:
    executor = stage.begin()
    assert drive(executor) == "wait"
    stage.world.seen = GOOD
    result = finish(executor, stage.world)
    assert (result["outcome"], result["child_run_id"], result["text"]) == ("kept", "r2", "better by 0.3")
    assert (stage.text, stage.alive) == (AFTER, ["r2"])


def test_an_intent_stands_before_each_step_that_changes_the_world(stage: Stage) -> None:
    stage.world.seen = GOOD
    finish(stage.begin(), stage.world)
    phases = [(one["step"], one["phase"]) for one in Journal(stage.agent / "actions" / "a1.jsonl").records]
    for step in ("stopping", "patched", "restarting"):
        assert phases.index((step, "intent")) < phases.index((step, "done"))
    assert phases[0] == ("judged", "done")
    assert phases[-2:] == [("keeping", "intent"), ("done", "done")]


@pytest.mark.parametrize(
    "seen", [Seen("regressed"), Seen("no_evidence"), Seen("waiting"), Seen("improved", harm="nan")]
)
def test_what_does_not_help_is_rolled_back_and_the_original_goes_on(stage: Stage, seen: Seen) -> None:
    stage.world.seen = seen
    executor = stage.begin()
    result = finish(executor, stage.world)
    assert result["outcome"] == "rolled_back"
    assert "r3 goes on without the change" in result["text"]
    assert (stage.text, stage.alive) == (SCRIPT, ["r3"])


def test_harm_is_not_waited_for(stage: Stage) -> None:
    stage.world.seen = Seen("waiting", harm="the loss is nan")
    executor = stage.begin()
    assert drive(executor) == "done"
    assert stage.world.time == 1000.0


def test_where_the_original_failed_too_nothing_is_started_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path, parent_failed=True)
    stage.world.running["r1"] = False
    stage.world.seen = Seen("waiting", harm="it crashed at once", ended=True)
    result = finish(stage.begin(), stage.world)
    assert (result["outcome"], stage.text, stage.alive) == ("rolled_back", SCRIPT, [])
    assert "The training is stopped; og resume r1" in result["text"]


@pytest.mark.parametrize(("ended", "said"), [(True, "The training is stopped"), (False, "r2 goes on")])
def test_a_plain_restart_that_does_not_help_is_not_done_twice(tmp_path: Path, ended: bool, said: str) -> None:
    stage = Stage(tmp_path, kind="restart", files=())
    stage.world.seen = Seen("no_evidence", ended=ended)
    result = finish(stage.begin(), stage.world)
    assert result["outcome"] == "failed"
    assert said in result["text"]
    assert list(stage.world.launched) == ["a1.child"]


# -- before anything is changed ----------------------------------------------------------------


def test_what_is_asked_for_waits_for_an_answer(tmp_path: Path) -> None:
    stage = Stage(tmp_path, asked=True)
    executor = stage.begin()
    assert drive(executor) == "wait"
    assert executor.decide(approve=True)
    assert not executor.decide(approve=False)
    stage.world.seen = GOOD
    assert finish(executor, stage.world)["outcome"] == "kept"


def test_a_no_changes_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path, asked=True)
    executor = stage.begin()
    assert executor.decide(approve=False, note="not now")
    result = finish(executor, stage.world)
    assert (result["outcome"], stage.text, stage.alive) == ("denied", SCRIPT, ["r1"])
    assert "not now" in result["text"]


def test_silence_is_a_no_also_over_a_restart(tmp_path: Path) -> None:
    stage = Stage(tmp_path, asked=True)
    assert drive(stage.begin()) == "wait"
    stage.world.time += 901.0
    executor = stage.recover()
    assert not executor.decide(approve=True)
    assert finish(executor, stage.world)["outcome"] == "denied"
    assert (stage.text, stage.alive) == (SCRIPT, ["r1"])


def test_a_file_that_was_edited_since_it_was_judged_is_refused(stage: Stage) -> None:
    executor = stage.begin()
    stage.project.script.write_text("mine\n")
    result = finish(executor, stage.world)
    assert (result["outcome"], stage.text, stage.alive) == ("refused", "mine\n", ["r1"])


def test_without_its_checkpoint_nothing_is_stopped(stage: Stage) -> None:
    executor = stage.begin()
    drive(executor, until="snapshot")
    stage.world.fail["pin"] = gone()
    result = finish(executor, stage.world)
    assert (result["outcome"], stage.text, stage.alive) == ("refused", SCRIPT, ["r1"])


# -- on the way --------------------------------------------------------------------------------


def test_a_run_that_does_not_end_is_said_to(stage: Stage) -> None:
    stage.world.fail["stop"] = ProcessError("r1 was told to stop and still runs")
    result = finish(stage.begin(), stage.world)
    assert (result["outcome"], stage.text, stage.alive) == ("failed", SCRIPT, ["r1"])
    assert "may end yet" in result["text"]


def test_a_script_that_does_not_run_is_restored_and_goes_on(stage: Stage) -> None:
    stage.world.smoke_says = "NameError: lr"
    result = finish(stage.begin(), stage.world)
    assert (result["outcome"], stage.text, stage.alive) == ("failed", SCRIPT, ["r2"])
    assert "NameError" in result["text"]


def test_a_file_edited_while_the_run_was_stopping_keeps_its_edits(stage: Stage) -> None:
    executor = stage.begin()
    drive(executor, until="stopping")
    stage.project.script.write_text("mine\n")
    result = finish(executor, stage.world)
    assert (result["outcome"], stage.text, stage.alive) == ("failed", "mine\n", [])
    assert "The training is stopped" in result["text"]


def test_a_file_edited_during_the_trial_keeps_its_edits_and_the_child_goes_on(stage: Stage) -> None:
    executor = stage.begin()
    drive(executor)
    stage.project.script.write_text("mine\n")
    stage.world.seen = Seen("regressed")
    result = finish(executor, stage.world)
    assert (result["outcome"], stage.text, stage.alive) == ("failed", "mine\n", ["r2"])
    assert "edited since" in result["text"]


@pytest.mark.parametrize("lost", ["launch", "original"])
def test_where_nothing_can_be_started_it_is_said_that_training_is_stopped(stage: Stage, lost: str) -> None:
    stage.world.smoke_says = "no" if lost == "original" else ""
    stage.world.fail = {lost: ProcessError("no such program"), "original": ProcessError("no such program")}
    result = finish(stage.begin(), stage.world)
    assert (result["outcome"], stage.text, stage.alive) == ("failed", SCRIPT, [])
    assert "The training is stopped; og resume r1" in result["text"]


def test_a_launch_of_which_nobody_knows_is_waited_for_and_not_made_twice(stage: Stage) -> None:
    stage.world.fail["launch"] = Uncertain()
    executor = stage.begin()
    assert drive(executor) == "wait"
    stage.world.fail.clear()
    assert drive(executor) == "wait"
    assert stage.alive == []
    stage.world.running["r2"], stage.world.launched["a1.child"] = True, "r2"
    drive(executor)
    assert (executor.child, stage.alive) == ("r2", ["r2"])


def test_questions_without_an_answer_do_not_end_a_trial(stage: Stage) -> None:
    executor = stage.begin()
    drive(executor)
    stage.world.fail["look"] = StoreError("the store is away")
    assert drive(executor) == "wait"
    stage.world.fail.clear()
    stage.world.seen = GOOD
    assert finish(executor, stage.world)["outcome"] == "kept"


# -- the kill switch ---------------------------------------------------------------------------


@pytest.mark.parametrize("step", EVERY_STEP)
def test_the_kill_switch_leaves_whole_files_and_starts_nothing(stage: Stage, step: str) -> None:
    executor = stage.begin()
    drive(executor, until=step)
    stage.world.switch = "STOP exists"
    result = finish(executor, stage.world)
    assert (result["outcome"], stage.text, stage.world.launched) == ("stopped", SCRIPT, {})
    assert ("The training is stopped" in result["text"]) == (stage.alive == [])
    assert "STOP exists" in result["text"]


def test_the_kill_switch_during_the_trial_leaves_the_child_and_its_files(stage: Stage) -> None:
    executor = stage.begin()
    drive(executor)
    stage.world.switch = "STOP exists"
    result = finish(executor, stage.world)
    assert (result["outcome"], stage.text, stage.alive) == ("stopped", AFTER, ["r2"])


def test_the_kill_switch_before_a_rollback_leaves_the_child(stage: Stage) -> None:
    executor = stage.begin()
    drive(executor)
    stage.world.seen = Seen("regressed")
    asyncio.run(executor.look())
    stage.world.switch = "STOP exists"
    result = finish(executor, stage.world)
    assert (result["outcome"], stage.text, stage.alive) == ("stopped", AFTER, ["r2"])


# -- killed anywhere ---------------------------------------------------------------------------


def _killed_at(stage: Stage, moment: int) -> bool:
    """Whether the daemon was killed; False once there are no more moments."""
    stage.world.kills = moment
    try:
        finish(stage.begin(), stage.world)
    except Killed:
        return True
    return False


@pytest.mark.parametrize(
    ("seen", "outcome", "text"),
    [(GOOD, "kept", AFTER), (Seen("regressed"), "rolled_back", SCRIPT)],
    ids=["good", "bad"],
)
def test_killed_at_any_moment_it_ends_as_if_it_had_not_been(
    tmp_path: Path, seen: Seen, outcome: str, text: str
) -> None:
    moments = 0
    for moment in range(1, 100):
        base = tmp_path / str(moment)
        base.mkdir()
        stage = Stage(base)
        stage.world.seen = seen
        if not _killed_at(stage, moment):
            break
        moments += 1
        stage.world.kills = -1
        result = finish(stage.recover(), stage.world)
        assert (result["outcome"], stage.text) == (outcome, text), moment
        assert (len(stage.alive), stage.world.most_running) == (1, 1), moment
        told = [(one["step"], one.get("outcome")) for one in stage.world.published]
        assert ("done", outcome) in told, moment
    assert moments >= 12


@pytest.mark.parametrize("seen", [GOOD, Seen("regressed")], ids=["good", "bad"])
def test_killed_at_any_moment_with_the_kill_switch_on_afterwards(tmp_path: Path, seen: Seen) -> None:
    for moment in range(1, 100):
        base = tmp_path / str(moment)
        base.mkdir()
        stage = Stage(base)
        stage.world.seen = seen
        if not _killed_at(stage, moment):
            return
        stage.world.kills, stage.world.switch = -1, "STOP exists"
        launched = dict(stage.world.launched)
        result = finish(stage.recover(), stage.world)
        assert stage.text in (SCRIPT, AFTER)
        assert stage.world.launched == launched
        assert stage.alive or "The training is stopped" in result["text"], (moment, result)


def test_half_a_record_is_cut_before_the_next(stage: Stage) -> None:
    executor = stage.begin()
    drive(executor)
    path = stage.agent / "actions" / "a1.jsonl"
    with path.open("ab") as file:
        file.write(b'{"time": 1, "st')
    stage.world.seen = GOOD
    finish(stage.recover(), stage.world)
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()][-1] == "done"


def test_a_journal_that_is_damaged_is_not_acted_on(stage: Stage) -> None:
    drive(stage.begin())
    path = stage.agent / "actions" / "a1.jsonl"
    path.write_text("{}\n" + path.read_text())
    with pytest.raises(StoreError, match="damaged"):
        stage.recover()


def test_an_action_killed_before_its_first_record_was_whole_is_none(stage: Stage) -> None:
    path = stage.agent / "actions" / "a1.jsonl"
    path.parent.mkdir(parents=True)
    path.write_bytes(b'{"time": 1, "st')
    with pytest.raises(StoreError, match="never written down"):
        stage.recover()
