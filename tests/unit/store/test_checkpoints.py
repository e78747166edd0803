"""What is a checkpoint, of which step, and whether it is whole: every format, whole and cut short."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import checkpoint_kit as kit
import pytest

from opengraphs.store import checkpointnames as names
from opengraphs.store.checkpointlook import MAX_ENTRIES, SETTLE_S, Found, Look, found_in
from opengraphs.store.checkpointplaces import Place, places_of
from opengraphs.store.checkpoints import format_of, is_complete, step_of

KINDS = (
    "hf", "lightning", "lightning last", "accelerate", "torch", "torch steps", "deepspeed", "megatron", "dcp", "keras",
    "orbax", "fairseq", "yolo", "sb3", "mmengine", "safetensors",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_checkpoint_is_known_with_its_step(tmp_path: Path, kind: str) -> None:
    path, form, step = kit.made(tmp_path)[kind]
    assert format_of(path) == form
    assert is_complete(path, form)
    found = step_of(path)
    assert (found.value if found else None) == step


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def gone(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


DAMAGE: tuple[tuple[str, str, Callable[[Path], None]], ...] = (
    ("hf", "no state", gone("trainer_state.json")),
    ("hf", "half a state", lambda at: cut(at / "trainer_state.json")),
    ("hf", "another step", lambda at: (at / "trainer_state.json").write_text('{"global_step": 299}') and None),
    ("hf", "no weights", gone("model.safetensors")),
    ("hf", "half the weights", lambda at: cut(at / "model.safetensors")),
    ("hf", "no optimizer", gone("optimizer.pt")),
    ("hf", "half an optimizer", lambda at: cut(at / "optimizer.pt")),
    ("hf", "a shard is missing", lambda at: (at / "model.safetensors.index.json").write_text('{"weight_map": {"w": "no.safetensors"}}') and None),
    ("lightning", "half a zip", cut),
    ("torch", "half a zip", cut),
    ("keras", "half a zip", cut),
    ("sb3", "half a zip", cut),
    ("accelerate", "no random states", gone("random_states_0.pkl")),
    ("accelerate", "no weights", gone("model.safetensors")),
    ("deepspeed", "a rank is missing", gone("zero_pp_rank_0_mp_rank_00_optim_states.pt")),
    ("deepspeed", "not told yet", lambda at: (at.parent / "latest").write_text("global_step60") and None),
    ("deepspeed", "no latest", lambda at: (at.parent / "latest").unlink()),
    ("megatron", "not told yet", lambda at: (at.parent / "latest_checkpointed_iteration.txt").write_text("90") and None),
    ("megatron", "half a rank", lambda at: cut(at / "mp_rank_00" / "model_optim_rng.pt")),
    ("dcp", "no shard", gone("__0_0.distcp")),
    ("dcp", "half the metadata", lambda at: (at / ".metadata").write_bytes(b"") and None),
    ("orbax", "half the marker", lambda at: (at / "_CHECKPOINT_METADATA").write_text("{") and None),
    ("safetensors", "half the data", cut),
)  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "what", "damage"), DAMAGE, ids=[f"{kind}: {what}" for kind, what, _ in DAMAGE]
)
def test_a_cut_checkpoint_is_not_whole(
    tmp_path: Path, kind: str, what: str, damage: Callable[[Path], None]
) -> None:
    path, form, _ = kit.made(tmp_path)[kind]
    damage(path)
    assert not is_complete(path, form), what


def test_weights_alone_are_whole_when_nothing_else_was_saved(tmp_path: Path) -> None:
    folder = kit.hf(tmp_path / "checkpoint-10", 10)
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth"):
        (folder / name).unlink()
    assert is_complete(folder, "hf")


def test_a_format_with_a_piece_a_rank_needs_them_all(tmp_path: Path) -> None:
    folder = kit.accelerate(tmp_path / "step_10")
    assert is_complete(folder, "accelerate")
    assert not is_complete(folder, "accelerate", ranks=2)


@pytest.mark.parametrize("size", [100, 99])
def test_hdf5_says_where_it_ends(tmp_path: Path, size: int) -> None:
    path = kit.hdf5(tmp_path / "model.h5", size=size, promised=100)
    assert is_complete(path) is (size == 100)


@pytest.mark.parametrize(
    ("name", "data", "is_whole"),
    [
        ("ckpt.json", b'{"step": 1}', True),
        ("ckpt.json", b'{"step": 1', False),
        ("ckpt.pkl", b"\x80\x04N.", True),
        ("ckpt.pkl", b"\x80\x04N", False),
        ("ckpt.zip", b"no zip", False),
        ("ckpt.json.tmp", b"{}", False),
        ("ckpt.json", b"", False),
    ],
)
def test_plain_files(tmp_path: Path, name: str, data: bytes, is_whole: bool) -> None:
    (tmp_path / name).write_bytes(data)
    assert is_complete(tmp_path / name) is is_whole


def test_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    trap = b"cos\nsystem\n(S'touch " + str(tmp_path / "sprung").encode() + b"'\ntR."
    (tmp_path / "ckpt.pkl").write_bytes(b"\x80\x02" + trap)
    (tmp_path / "ckpt.pt").write_bytes(trap)
    assert len(found_in([Place(str(tmp_path), True)], since_s=0.0)) == 2
    assert not (tmp_path / "sprung").exists()


def test_links_and_pipes_are_no_checkpoints(tmp_path: Path) -> None:
    kit.zipped(tmp_path / "elsewhere" / "ckpt.pt")
    out = tmp_path / "out"
    out.mkdir()
    (out / "last.pt").symlink_to(tmp_path / "elsewhere" / "ckpt.pt")
    (out / "checkpoints").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(out / "best.pt")
    assert not is_complete(out / "last.pt")
    assert not is_complete(out / "best.pt")
    assert found_in([Place(str(out), True)], since_s=0.0) == []


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("checkpoint-500", 500), ("epoch=1-step=20-v1.ckpt", 20), ("step-000123.npz", 123), ("global_step40", 40),
        ("iter_0000100", 100), ("rl_model_300_steps.zip", 300), ("checkpoint_3_700.pt", 700), ("1200", 1200),
        ("ckpt_0040.pt", 40), ("model.12.pt", 12), ("epoch_3.pth", None), ("checkpoint3.pt", None), ("last.ckpt", None),
        ("gpt2-124M.pt", None), ("resnet50_best.pth", None), ("model-epoch-4.pt", None),
    ],
)  # fmt: skip
def test_steps_of_names(name: str, step: int | None) -> None:
    found = names.step_of(name)
    assert (found.value if found else None) == step


@pytest.mark.parametrize(
    ("name", "folder", "is_one"),
    [
        ("ckpt.pt", "out", True), ("train.pt", "data", False), ("model_3.pt", "checkpoints", True),
        ("anything.pt", "checkpoints", True), ("anything.ckpt", "out", True), ("optimizer.pt", "checkpoints", False),
        ("trainer_state.json", "checkpoints", False), ("config.json", "checkpoints", False), ("step-3.json", "checkpoints", True),
        ("step-3.json", "out", False), ("ckpt-3.json", "out", True), ("metrics_step_3.json", "checkpoints", False),
        ("replay_buffer.pkl", "out", False), ("best_model.zip", "out", True), ("data.zip", "out", False),
        ("ckpt.pt.tmp", "out", False), (".ckpt.pt", "out", False), ("tmp_ckpt.pt", "out", False),
        ("model.safetensors", "out", False), ("tokenizer.json", "checkpoints", False), ("rng_state.pth", "checkpoints", False),
    ],
)  # fmt: skip
def test_files_that_are_checkpoints(name: str, folder: str, is_one: bool) -> None:
    assert names.is_file(name, folder) is is_one


# -- looks -----------------------------------------------------------------------------------------


def looked(look: Look, at: Path, now_s: float) -> dict[str, Found]:
    return {os.path.relpath(one.path, at): one for one in look.look([Place(str(at), True)], now_s=now_s)}


def test_one_look_back_finds_every_format_once(tmp_path: Path) -> None:
    made = kit.made(tmp_path)
    found = found_in([Place(str(tmp_path), True)], since_s=0.0)
    assert sorted((one.path, one.format) for one in found) == sorted(
        (str(path), form) for path, form, _ in made.values()
    )


def test_a_file_counts_when_it_stayed_the_same_for_a_while(tmp_path: Path) -> None:
    look = Look(since_s=0.0)
    kit.zipped(tmp_path / "ckpt.pt")
    assert looked(look, tmp_path, 0.0) == {}
    assert look.waits
    assert looked(look, tmp_path, SETTLE_S / 2) == {}
    kit.zipped(tmp_path / "ckpt.pt", size=400)
    assert looked(look, tmp_path, SETTLE_S) == {}
    assert list(looked(look, tmp_path, 2 * SETTLE_S)) == ["ckpt.pt"]
    assert looked(look, tmp_path, 3 * SETTLE_S) == {}
    assert not look.waits


def test_half_a_checkpoint_never_counts(tmp_path: Path) -> None:
    look = Look(since_s=0.0)
    whole = kit.zipped(tmp_path / "ckpt.pt").read_bytes()
    (tmp_path / "ckpt.pt").write_bytes(whole[:-30])
    folder = kit.hf(tmp_path / "checkpoint-5", 5)
    (folder / "trainer_state.json").unlink()
    for moment in range(0, 60, 2):
        assert looked(look, tmp_path, float(moment)) == {}
    (tmp_path / "ckpt.pt").write_bytes(whole)
    (folder / "trainer_state.json").write_text('{"global_step": 5}')
    looked(look, tmp_path, 60.0)
    assert sorted(looked(look, tmp_path, 63.0)) == ["checkpoint-5", "ckpt.pt"]


def test_a_temporary_name_counts_after_its_rename(tmp_path: Path) -> None:
    look = Look(since_s=0.0)
    kit.zipped(tmp_path / "ckpt.pt.tmp")
    kit.hf(tmp_path / "tmp-checkpoint-5", 5)
    for moment in (0.0, 3.0, 6.0):
        assert looked(look, tmp_path, moment) == {}
    (tmp_path / "ckpt.pt.tmp").rename(tmp_path / "ckpt.pt")
    (tmp_path / "tmp-checkpoint-5").rename(tmp_path / "checkpoint-5")
    looked(look, tmp_path, 9.0)
    assert sorted(looked(look, tmp_path, 12.0)) == ["checkpoint-5", "ckpt.pt"]


def test_a_file_that_is_overwritten_in_place_counts_again(tmp_path: Path) -> None:
    look = Look(since_s=0.0)
    kit.zipped(tmp_path / "ckpt.pt")
    looked(look, tmp_path, 0.0)
    first = looked(look, tmp_path, 3.0)["ckpt.pt"]
    kit.zipped(tmp_path / "ckpt.pt")
    os.utime(tmp_path / "ckpt.pt", (first.mtime_s + 9, first.mtime_s + 9))
    looked(look, tmp_path, 5.0)
    assert looked(look, tmp_path, 8.0)["ckpt.pt"].mtime_s == pytest.approx(first.mtime_s + 9)


def test_what_is_older_than_the_run_is_left_alone(tmp_path: Path) -> None:
    kit.zipped(tmp_path / "ckpt.pt")
    os.utime(tmp_path / "ckpt.pt", (1000.0, 1000.0))
    look = Look(since_s=2000.0)
    assert [looked(look, tmp_path, moment) for moment in (0.0, 3.0)] == [{}, {}]
    os.utime(tmp_path / "ckpt.pt", (3000.0, 3000.0))
    assert [list(looked(look, tmp_path, moment)) for moment in (6.0, 9.0)] == [[], ["ckpt.pt"]]


def test_files_of_a_checkpoint_folder_are_no_checkpoints_of_their_own(tmp_path: Path) -> None:
    kit.hf(tmp_path / "checkpoint-5", 5)
    kit.zipped(tmp_path / "step_10" / "model.pt")
    kit.zipped(tmp_path / "step_10" / "ema.pt")
    found = found_in([Place(str(tmp_path), True)], since_s=0.0)
    assert sorted(Path(one.path).name for one in found) == ["checkpoint-5", "step_10"]


def test_a_kept_checkpoint_is_not_found_again(tmp_path: Path) -> None:
    kit.hf(tmp_path / "checkpoints" / "found-5-abc" / "checkpoint-5", 5)
    (tmp_path / "checkpoints" / "found-5-abc" / "pin.json").write_text("{}")
    assert found_in([Place(str(tmp_path), True)], since_s=0.0) == []


def test_a_folder_of_many_files_costs_a_bounded_look(tmp_path: Path) -> None:
    for number in range(MAX_ENTRIES + 1500):
        (tmp_path / f"sample_{number}.png").touch()
    for number in range(50):
        kit.zipped(tmp_path / f"run{number}" / "checkpoints" / "ckpt.pt")
    look = Look(since_s=0.0)
    looked(look, tmp_path, 0.0)
    found: dict[str, Found] = {}
    for moment in (3.0, 6.0, 9.0):
        found |= looked(look, tmp_path, moment)
    assert 0 < len(found) <= 50


def test_a_look_at_what_did_not_change_lists_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kit.made(tmp_path)
    for folder, _, _ in os.walk(tmp_path):
        os.utime(folder, (1000.0, 1000.0))
    look = Look(since_s=0.0)
    for moment in (0.0, 3.0):
        looked(look, tmp_path, moment)

    def no_list(path: object) -> object:
        raise AssertionError(f"{path} was listed")

    monkeypatch.setattr(os, "scandir", no_list)
    assert looked(look, tmp_path, 6.0) == {}


# -- places ----------------------------------------------------------------------------------------


def test_places_are_what_the_run_names_and_what_is_usual(tmp_path: Path) -> None:
    for name in ("mine", "deep/er", "lightning_logs", "src", ".git", "wandb", "env", "argued"):
        (tmp_path / "cwd" / name).mkdir(parents=True)
    (tmp_path / "scratch").mkdir()
    (tmp_path / "cwd" / "linked").symlink_to(tmp_path / "scratch")
    (tmp_path / "cwd" / "checkpoints").symlink_to("/")
    facts = {
        "cwd": str(tmp_path / "cwd"),
        "config": {"output_dir": "mine", "trainer": {"default_root_dir": "deep/er"}, "lr": 0.1, "data_dir": "src", "save_dir": "linked"},
        "command": ["python", "train.py", "--ckpt_dir=argued", "--logdir", "/"],
    }  # fmt: skip
    found = places_of(facts, tmp_path / "run", ckpt_dir=str(tmp_path / "cwd" / "env"))
    named = {os.path.relpath(place.path, tmp_path) for place in found if place.named}
    assert named == {"cwd/mine", "cwd/deep/er", "cwd/argued", "cwd/env", "scratch"}
    assert {(os.path.relpath(place.path, tmp_path), place.deep) for place in found if not place.named} == {
        ("cwd", False),
        ("cwd/lightning_logs", True),
    }


def test_folders_above_are_not_looked_into(tmp_path: Path) -> None:
    (tmp_path / "cwd").mkdir()
    facts = {
        "cwd": str(tmp_path / "cwd"),
        "config": {"output_dir": "..", "save_dir": "/", "log_dir": "~"},
        "command": [],
    }
    assert [place.path for place in places_of(facts, tmp_path / "run")] == [str(tmp_path / "cwd")]


def test_of_a_working_folder_only_its_own_files_and_step_folders_count(tmp_path: Path) -> None:
    kit.zipped(tmp_path / "ckpt.pt")
    kit.hf(tmp_path / "checkpoint-5", 5)
    kit.zipped(tmp_path / "other" / "ckpt.pt")
    found = found_in([Place(str(tmp_path), False, deep=False)], since_s=0.0)
    assert sorted(Path(one.path).name for one in found) == ["checkpoint-5", "ckpt.pt"]


def test_a_checkpoint_that_goes_while_it_is_looked_at_is_no_trouble(tmp_path: Path) -> None:
    look = Look(since_s=0.0)
    kit.hf(tmp_path / "checkpoint-5", 5)
    looked(look, tmp_path, 0.0)
    shutil.rmtree(tmp_path / "checkpoint-5")
    assert looked(look, tmp_path, 3.0) == {}
    assert json.dumps(look.waits) == "false"
