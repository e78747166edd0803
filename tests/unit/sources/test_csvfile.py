from __future__ import annotations

import json
import math
import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sink_kit import RecordingSink, read_all, read_once, read_until, reopened
from table_kit import curves, expected, fixture, kill, lines_of, same, spawn, tree

from opengraphs.sources import csvfile

OPEN = csvfile.open_reader
LIGHTNING = """
import sys
path = sys.argv[1]
rows, names = [], ["epoch", "step", "train_loss"]
for step in range(100000):
    rows.append({"epoch": 0, "step": step, "train_loss": step / 8})
    fresh = step % 7 == 3 and f"m{step}" not in names
    if fresh:
        rows[-1][f"m{step}"] = step
        names.append(f"m{step}")
    with open(path, "w" if fresh or step == 0 else "a", newline="") as out:
        if fresh or step == 0:
            out.write(",".join(names) + "\\n")
            todo = rows
        else:
            todo = rows[-1:]
        for row in todo:
            out.write(",".join(str(row.get(name, "")) for name in names) + "\\n")
    print(step, flush=True)
"""


def _table(path: Path, text: str) -> tuple[RecordingSink, list[str]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    sink, reader = read_once(OPEN, path)
    return sink, [trouble.reason for trouble in reader.troubles()]


def test_what_lightning_logged_comes_out(tmp_path: Path) -> None:
    folder = fixture("lightning", tmp_path)
    path = folder / "metrics.csv"
    assert csvfile.accepts(path) == path
    before = tree(folder)
    sink, reader = read_once(OPEN, path)
    assert tree(folder) == before
    found = curves(sink, "")
    assert same({key: found[key] for key in ("train_loss", "val_loss")}, expected("lightning")[""])
    assert found["epoch"][0] == (0, 0.0)
    assert sink.facts[""]["name"] == "lightning"
    assert sink.facts[""]["config"] == {"lr": 0.1, "width": 4}
    assert reader.troubles() == []


def test_what_keras_logged_comes_out(tmp_path: Path) -> None:
    path = fixture("keras", tmp_path) / "training.log"
    assert csvfile.accepts(path) == path
    sink, _reader = read_once(OPEN, path)
    assert same(curves(sink, ""), expected("keras")[""])


def test_ultralytics_pads_its_header(tmp_path: Path) -> None:
    path = tmp_path / "detect" / "train3" / "results.csv"
    path.parent.mkdir(parents=True)
    (path.parent / "args.yaml").write_text(
        "task: detect\nlr0: 0.01\nfreeze: null\nsource: !!python/x y\nclasses:\n  - 1\n"
    )
    sink, troubles = _table(
        path,
        "                  epoch,                   time,         train/box_loss,      metrics/mAP50(B)\n"
        "                      1,                4.13102,                1.23456,                0.50000\n"
        "                      2,                7.50000,                1.00000,                    nan\n",
    )
    assert csvfile.accepts(path) == path
    assert same(
        curves(sink, ""),
        {
            "time": [(1, 4.13102), (2, 7.5)],
            "train/box_loss": [(1, 1.23456), (2, 1.0)],
            "metrics/mAP50(B)": [(1, 0.5), (2, math.nan)],
        },
    )
    assert sink.facts[""]["config"] == {"task": "detect", "lr0": 0.01, "freeze": None}
    assert sink.facts[""]["name"] == "train3"
    assert troubles == []


def test_stable_baselines_steps_are_its_timesteps(tmp_path: Path) -> None:
    path = tmp_path / "ppo" / "progress.csv"
    sink, _troubles = _table(
        path,
        "rollout/ep_rew_mean,time/iterations,time/total_timesteps,train/loss\n-1.5,1,2048,\n2,2,4096,0.25\n",
    )
    assert csvfile.accepts(path) == path
    assert sink.curves() == {
        "rollout/ep_rew_mean": {2048: -1.5, 4096: 2.0},
        "time/iterations": {2048: 1.0, 4096: 2.0},
        "train/loss": {4096: 0.25},
    }
    assert sink.facts[""]["name"] == "ppo"


def test_ray_tells_config_and_times(tmp_path: Path) -> None:
    path = tmp_path / "exp" / "trial_1" / "progress.csv"
    path.parent.mkdir(parents=True)
    (path.parent / "params.json").write_text(json.dumps({"lr": 0.1, "env": "x"}))
    sink, _troubles = _table(
        path,
        "loss,timestamp,done,training_iteration,trial_id,date,pid,hostname,config/lr,config/env\n"
        "0.5,1795168800,False,1,abc,2026-11-20_10-00-00,77,box,0.1,x\n"
        "0.25,1795168801,True,2,abc,2026-11-20_10-00-01,77,box,0.1,x\n",
    )
    assert sink.points[""] == {"loss": [(1, 1795168800.0, 0.5), (2, 1795168801.0, 0.25)]}
    assert sink.facts[""]["config"] == {"lr": 0.1, "env": "x"}


def test_exports_of_tensorboard_and_wandb(tmp_path: Path) -> None:
    path = tmp_path / "run-nov20_box-tag-train_loss.csv"
    sink, _troubles = _table(path, "Wall time,Step,Value\n1795168800.5,10,0.5\n1795168801.5,20,0.25\n")
    assert csvfile.accepts(path) == path
    assert sink.facts[""]["name"] == "nov20_box"
    assert sink.points[""] == {"train_loss": [(10, 1795168800.5, 0.5), (20, 1795168801.5, 0.25)]}
    path = tmp_path / "wandb_export.csv"
    sink, _troubles = _table(
        path,
        '"Step","red-1 - loss","red-1 - loss__MIN","red-1 - loss__MAX","blue-2 - loss"\n"0","3","3","3","4"\n"1","2","2","2",""\n',
    )
    assert sink.curves("red-1") == {"loss": {0: 3.0, 1: 2.0}}
    assert sink.curves("blue-2") == {"loss": {0: 4.0}}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("\ufeffstep;loss\n1;0,5\n2;0.5\n", {2: 0.5}),
        ("step\tloss\n1\t0.5\n", {1: 0.5}),
        ('"step","loss"\r\n"1","0.5"\r\n', {1: 0.5}),
        ("loss,other\n0.5,x\n0.25,y\n", {0: 0.5, 1: 0.25}),
        (",loss\n0,0.5\n7,0.25\n", {0: 0.5, 7: 0.25}),
        ("step,loss\n1,0.5\nstep,loss\n1,0.25\n", {1: 0.25}),
        ("step,loss\n1,inf\n2,-Infinity\n3,1_0\n4,0x1\n5,\n6,1e-3\n", {1: math.inf, 2: -math.inf, 6: 0.001}),
        ("epoch,loss\n0.5,1\n0.7,2\n", {0: 1.0, 1: 2.0}),
        ("\n\nstep,loss\n\n1,0.5\n\n2,0.25\n", {1: 0.5, 2: 0.25}),
    ],
)
def test_tables_of_many_makes(tmp_path: Path, text: str, found: dict[int, float]) -> None:
    sink, troubles = _table(tmp_path / "x.csv", text)
    assert sink.curves()["loss"] == found
    assert troubles == []


def test_a_writer_that_rewrites_its_file_is_followed_until_it_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    process = spawn(LIGHTNING, path)
    lines_of(process, 1)
    reader, sink = OPEN(path, None), RecordingSink()
    lines_of(process, 30)
    read_until(reader, sink, lambda: len(sink.points.get("", {}).get("train_loss", [])) >= 20)
    lines_of(process, 30)
    kill(process)
    reader = reopened(OPEN, path, reader)
    whole = path.read_bytes().split(b"\n")[1:-1]  # none at all where it died between emptying and writing
    read_all(reader, sink)
    assert curves(sink, "").get("train_loss", []) == [(step, step / 8) for step in range(len(whole))]
    for name, points in curves(sink, "").items():
        if name.startswith("m"):
            assert points == [(int(name[1:]), float(name[1:]))]


def test_a_last_row_cut_anywhere_is_not_yet(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    start, row = "step,loss,acc\n1,0.25,0.5\n", "2,0.1234,0.75\n"
    for size in range(len(row)):
        sink, troubles = _table(path, start + row[:size])
        assert sink.curves() == {"loss": {1: 0.25}, "acc": {1: 0.5}}
        assert troubles == []
    reader = OPEN(path, None)
    sink = RecordingSink()
    for size in range(len(row) + 1):
        path.write_text(start + row[:size])
        reader = reopened(OPEN, path, reader)
        read_all(reader, sink)
    assert sink.curves() == {"loss": {1: 0.25, 2: 0.1234}, "acc": {1: 0.5, 2: 0.75}}
    assert len(sink.points[""]["loss"]) == 2


def test_a_last_row_without_an_end_counts_in_a_file_that_rests(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("step,loss\n1,0.25\n2,0.5")
    os.utime(path, (time.time() - 2 * csvfile.QUIET_S,) * 2)
    sink, _reader = read_once(OPEN, path)
    assert sink.curves() == {"loss": {1: 0.25, 2: 0.5}}


@pytest.mark.parametrize(
    "new", ["step,loss\n9,9\n", "step,loss,acc\n1,0.5,7\n2,0.25,8\n", "step,loss\n1,0.7\n2,0.25\n3,1\n"]
)
def test_a_rewritten_file_comes_again(tmp_path: Path, new: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text("step,loss\n1,0.5\n2,0.25\n")
    reader, sink = OPEN(path, None), RecordingSink()
    read_all(reader, sink)
    path.write_text(new)
    reader = reopened(OPEN, path, reader)
    read_all(reader, sink)
    assert sink.calls[2 + 1] == ("reset", "")
    assert sink.content()["points"] == read_once(OPEN, path)[0].content()["points"]


def test_budgets_are_kept_and_cursors_small(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("step,loss\n" + "".join(f"{step},0.5\n" for step in range(200_000)))
    reader, sink = OPEN(path, None), RecordingSink()
    rounds = 1
    while reader.read(sink, budget_s=0.0):
        rounds += 1
        assert 0 < reader.left() < 1
        assert len(json.dumps(reader.cursor())) < 1000
        reader = reopened(OPEN, path, reader)
    assert rounds > 3
    assert [step for step, _time, _value in sink.points[""]["loss"]] == list(range(200_000))


def test_hostile_tables_never_raise(tmp_path: Path) -> None:
    names = ",".join(f"m{index}" for index in range(10_000))
    sink, troubles = _table(tmp_path / "wide.csv", f"step,{names}\n1" + ",2" * 10_000 + "\n1,2\n")
    assert sink.curves()["m9999"] == {1: 2.0}
    assert troubles == ["a row that does not fit the header"]
    text = (
        'step,\x1b[31mred,x\n1,2,3\n"1,2,3\n1,\x00,4\n99999999999999999999999,1,2\n'
        + "7" * (2 << 20)
        + ",1,1\n2,5,6\n"
    )
    sink, troubles = _table(tmp_path / "odd.csv", text)
    assert all(name.isprintable() for name in sink.points[""])
    assert sink.curves()["x"][2] == 6.0
    assert len(troubles) == 2


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.text(alphabet='step,;\t"\n\r 0123456789.eE+-nainfloss\0', max_size=200).map(str.encode),
    )
)
def test_no_bytes_make_it_raise(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(data)
    csvfile.accepts(path)
    csvfile.accepts_any(path)
    sink = RecordingSink()
    reader = OPEN(path, None)
    read_all(reader, sink)
    path.write_bytes(data[::-1])
    read_all(reopened(OPEN, path, reader), sink)


@pytest.mark.parametrize(
    "text",
    [
        "id,text,label\n1,hello,0\n2,world,1\n",
        "sepal_length,sepal_width,species\n5.1,3.5,setosa\n",
        "epoch,star,catalogue,remark\n2000,Vega,HR,bright\n2000,Deneb,HR,far\n",
        "epoch,ra,dec\n2000.5,1.5,2.5\n1991.25,2.5,3.5\n",
        "step,prompt,answer\n1,what is it,a thing\n",
        "iteration,value\n5,1\n3,2\n1,9\n",
        "date,open,close\n2026-01-01,1,2\n",
        "1,2,3\n4,5,6\n",
        "step,loss\n",
        "",
    ],
)
def test_data_sets_are_no_runs(tmp_path: Path, text: str) -> None:
    path = tmp_path / "data.csv"
    path.write_text(text)
    assert csvfile.accepts(path) is None


def test_a_table_that_is_named_by_hand_needs_no_step(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("loss;acc\n0.5;1\n")
    assert csvfile.accepts_any(path) == path
    assert csvfile.accepts(path) is None
    path.write_text("dear diary, today\nI saw 3, maybe 4, birds\n")
    assert csvfile.accepts_any(path) is None
    os.mkfifo(tmp_path / "pipe.csv")
    assert csvfile.accepts(tmp_path / "pipe.csv") is None
    assert csvfile.accepts_any(tmp_path) is None
