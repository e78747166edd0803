"""Edits through a real daemon: names, tags, notes, the archive, and the trash."""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ogd_kit import LiveRun, Ogd, make_run, wait_for

from opengraphs.client.sync import Client
from opengraphs.errors import NotFoundError, ProcessError, StoreError, UsageError
from opengraphs.sdk import layout

METRICS = {"train/loss": [2.0, 1.0, 0.5], "lr": [0.1, 0.1, 0.1]}


@pytest.fixture
def client(ogd: Ogd) -> Iterator[Client]:
    ogd.start()
    with ogd.client() as asked:
        yield asked


def on_disk(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / layout.RUN_JSON).read_bytes())
    return found


def own_events(run: Path) -> list[dict[str, Any]]:
    path = run / layout.EVENTS / "ogd.jsonl"
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def listed(client: Client, where: str = "") -> list[str]:
    return [run["name"] for run in client.runs(filter=where or None)["runs"]]


def test_edit_is_seen_at_once_and_folded_into_run_json(ogd: Ogd, client: Client) -> None:
    run = make_run(ogd.store, name="first", tags=["old", "keep"])
    reply = client.edit(
        run.name,
        {
            "name": "second",
            "tags": {"add": ["lr=0.1"], "remove": ["old"]},
            "notes": "better",
            "archived": True,
        },
    )
    assert reply["changed"] == ["name", "tags", "notes", "archived"]
    shown = client.run(run.name)
    assert (shown["name"], shown["tags"], shown["notes"]) == ("second", ["keep", "lr=0.1"], "better")
    wait_for(lambda: on_disk(run).get("name") == "second", what="the fold")
    facts = on_disk(run)
    assert (facts["tags"], facts["notes"], facts["archived"]) == (["keep", "lr=0.1"], "better", True)
    assert facts["events_folded"]["ogd.jsonl"] == (run / layout.EVENTS / "ogd.jsonl").stat().st_size
    assert client.run(run.name)["notes"] == "better"


def test_edit_that_changes_nothing_writes_nothing(ogd: Ogd, client: Client) -> None:
    run = make_run(ogd.store, name="first", tags=["a"])
    reply = client.edit(run.name, {"name": "first", "tags": ["a"], "archived": False})
    assert reply["changed"] == []
    assert own_events(run) == []


def test_tags_as_a_list_are_these_and_no_others(ogd: Ogd, client: Client) -> None:
    run = make_run(ogd.store, tags=["a", "b"])
    assert client.edit(run.name, {"tags": ["b", "c"]})["run"]["tags"] == ["b", "c"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "nothing to change"),
        ({"name": " "}, "name is empty"),
        ({"name": "a\nb"}, "control"),
        ({"name": 3}, "name = 3"),
        ({"tags": "a"}, 'tags = "a"'),
        ({"tags": {"ad": []}}, "unknown key 'ad'"),
        ({"tags": {"add": ["x"], "remove": ["x"]}}, "added and removed"),
        ({"notes": None}, "notes = null"),
        ({"archived": "yes"}, "true or false"),
        ({"nmae": "x"}, "unknown key"),
    ],
)
def test_edit_that_makes_no_sense_changes_nothing(
    ogd: Ogd, client: Client, body: dict[str, Any], said: str
) -> None:
    run = make_run(ogd.store)
    with pytest.raises(UsageError, match=said):
        client.edit(run.name, body)  # type: ignore[arg-type]
    assert own_events(run) == []


def test_live_run_is_edited_and_keeps_it_after_its_end(ogd: Ogd, client: Client) -> None:
    with LiveRun(ogd.store, name="alive") as run:
        client.edit(run.run_id, {"name": "renamed", "tags": {"add": ["good"]}})
        client.add_event(run.run_id, {"kind": "note", "text": "look here", "step": 7})
        assert client.run(run.run_id)["name"] == "renamed"
        assert on_disk(run.folder)["name"] == "alive"  # run.json is its owner's while it lives
    wait_for(lambda: on_disk(run.folder)["name"] == "renamed", what="the fold")
    shown = client.run(run.run_id)
    assert (shown["name"], shown["tags"]) == ("renamed", ["good"])
    events = client.get(f"/runs/{run.run_id}/events")["events"]
    assert [(event["text"], event["step"]) for event in events if event["kind"] == "note"] == [
        ("look here", 7)
    ]


def test_edit_wins_over_a_clock_that_is_ahead(ogd: Ogd, client: Client) -> None:
    run = make_run(ogd.store)
    ahead = {"time": 4e9, "kind": "name", "name": "from the future"}
    (run / layout.EVENTS / "a0-r0.jsonl").write_text(json.dumps(ahead) + "\n")
    assert client.run(run.name)["name"] == "from the future"
    assert client.edit(run.name, {"name": "now"})["run"]["name"] == "now"
    assert client.run(run.name)["name"] == "now"


def test_event_that_is_asked_for_twice_is_written_once(ogd: Ogd, client: Client) -> None:
    run = make_run(ogd.store)
    first = client.add_event(run.name, {"kind": "note", "text": "hello", "event_id": "e1"})
    again = client.add_event(run.name, {"kind": "note", "text": "hello", "event_id": "e1"})
    assert first["event"] == again["event"]
    assert [event["text"] for event in own_events(run)] == ["hello"]
    assert client.run(run.name)["notes"] == "hello"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "needs its kind"),
        ({"kind": "nte", "text": "x"}, "no kind of event"),
        ({"kind": "status", "text": "x"}, "no kind of event"),
        ({"kind": "note"}, "text = null"),
        ({"kind": "note", "text": " "}, "needs a text"),
        ({"kind": "note", "text": "x", "step": -1}, "step = -1"),
        ({"kind": "note", "text": "x", "step": True}, "step = true"),
        ({"kind": "note", "text": "x", "tags": []}, "unknown key 'tags'"),
        ({"kind": "tag", "tags": []}, "names no tag"),
        ({"kind": "archive", "archived": 1}, "true or false"),
    ],
)
def test_event_that_a_person_may_not_write_is_refused(
    ogd: Ogd, client: Client, body: dict[str, Any], said: str
) -> None:
    run = make_run(ogd.store)
    with pytest.raises(UsageError, match=said):
        client.add_event(run.name, body)  # type: ignore[arg-type]
    assert own_events(run) == []


def test_archived_runs_are_hidden_until_they_are_asked_for(ogd: Ogd, client: Client) -> None:
    shown, hidden = make_run(ogd.store, name="shown"), make_run(ogd.store, name="hidden")
    client.edit(hidden.name, {"archived": True})
    assert listed(client) == ["shown"]
    assert listed(client, "archived:true") == ["hidden"]
    assert sorted(listed(client, "archived:any")) == ["hidden", "shown"]
    assert listed(client, f"id:{hidden.name}") == ["hidden"]
    assert client.run("hidden")["run_id"] == hidden.name
    client.edit(hidden.name, {"archived": False})
    assert sorted(listed(client)) == ["hidden", "shown"]
    assert shown.exists()


def test_every_open_stream_hears_of_an_edit(ogd: Ogd, client: Client) -> None:
    run = make_run(ogd.store)
    client.run(run.name)
    heard: list[dict[str, Any]] = []
    greeted, done = threading.Event(), threading.Event()

    def listen() -> None:
        with ogd.client() as other:
            for event in other.stream("/events"):
                heard.append(event)
                greeted.set()
                if event["kind"] == "gone":
                    break
        done.set()

    threading.Thread(target=listen, daemon=True).start()
    assert greeted.wait(10)
    client.edit(run.name, {"name": "told"})
    client.add_event(run.name, {"kind": "note", "text": "x", "step": 1})
    client.remove(run.name)
    assert done.wait(10)
    assert "told" in [event["facts"]["name"] for event in heard if event["kind"] == "run"]
    assert "events" in [event["kind"] for event in heard]


def test_two_clients_editing_at_once_lose_nothing(ogd: Ogd, client: Client) -> None:
    run = make_run(ogd.store)

    def tag(who: str) -> None:
        with ogd.client() as own:
            for number in range(25):
                own.edit(run.name, {"tags": {"add": [f"{who}{number}"]}})

    threads = [threading.Thread(target=tag, args=(who,)) for who in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(client.run(run.name)["tags"]) == sorted(f"{who}{n}" for who in "ab" for n in range(25))


def test_edit_survives_a_daemon_killed_before_the_fold(ogd: Ogd, client: Client) -> None:
    with LiveRun(
        ogd.store, name="alive", tags=["old"]
    ) as run:  # a live run is not folded, so the kill is before it
        client.edit(run.run_id, {"name": "kept", "tags": ["new"], "notes": "n", "archived": True})
        ogd.kill()
    assert on_disk(run.folder)["name"] == "alive"
    ogd.start()
    shown = client.run(run.run_id)
    assert (shown["name"], shown["tags"], shown["notes"], shown["archived"]) == ("kept", ["new"], "n", True)
    wait_for(lambda: on_disk(run.folder)["name"] == "kept", what="the fold")


# the trash


def answers(client: Client, run: str) -> list[dict[str, Any]]:
    """Everything the daemon says about a run, once it has read all of it."""

    def whole() -> dict[str, Any] | None:
        row = client.runs(filter=f"id:{run}")["runs"][0]
        return dict(row) if row["points"] == 6 else None

    row = wait_for(whole, what="the journals read")
    query: Any = {"runs": [run], "metrics": ["train/loss", "lr"], "columns": 50}
    return [
        row,
        dict(client.run(run)),
        dict(client.series(query)),
        client.get(f"/runs/{run}/events"),
        client.get(f"/runs/{run}/log"),
    ]


def test_run_that_returns_from_the_trash_is_the_run_that_went(ogd: Ogd, client: Client) -> None:
    run = make_run(ogd.store, name="precious", metrics=METRICS, tags=["a"], config={"lr": 0.1})
    (run / "stdout.log").write_text("hello\n")
    client.add_event(run.name, {"kind": "note", "text": "mine", "step": 2})
    wait_for(lambda: "events_folded" in on_disk(run), what="the fold")
    before, size = answers(client, run.name), sum(path.stat().st_size for path in run.rglob("*.jsonl"))
    removed = client.remove("precious")
    assert (removed["run_id"], removed["trash_id"]) == (run.name, run.name)
    assert not run.exists()
    assert listed(client) == []
    with pytest.raises(NotFoundError):
        client.run(run.name)
    (item,) = client.trash()["trash"]
    assert (item["run_id"], item["name"], item["project"]) == (run.name, "precious", "tests")
    assert item["size_bytes"] >= size
    assert client.restore("precious")["run_id"] == run.name
    assert json.dumps(answers(client, run.name)) == json.dumps(before)
    assert client.trash()["trash"] == []
    assert list((ogd.store / layout.TRASH).iterdir()) == []


def test_live_run_is_not_removed(ogd: Ogd, client: Client) -> None:
    with LiveRun(ogd.store, name="alive") as run:
        with pytest.raises(ProcessError, match="is running"):
            client.remove("alive")
        assert run.folder.exists()
    wait_for(lambda: client.run(run.run_id)["status"] == "crashed", what="the end")
    client.remove("alive")
    assert not run.folder.exists()


def test_lost_run_of_another_host_is_removed_by_force_alone(ogd: Ogd, client: Client) -> None:
    old = "2026-01-01T00:00:00.000000Z"
    run = make_run(ogd.store, ended=False, host="elsewhere", heartbeat_at=old)
    with pytest.raises(ProcessError, match="elsewhere"):
        client.remove(run.name)
    assert run.exists()
    client.remove(run.name, force=True)
    assert not run.exists()


def test_same_removal_twice_is_one_and_restoring_twice_too(ogd: Ogd, client: Client) -> None:
    run = make_run(ogd.store)
    assert client.remove(run.name)["trash_id"] == client.remove(run.name)["trash_id"] == run.name
    assert client.restore(run.name)["run_id"] == client.restore(run.name)["run_id"] == run.name
    with pytest.raises(NotFoundError, match="no removed run fits"):
        client.restore("nothing")


def test_restoring_never_replaces_a_run(ogd: Ogd, client: Client) -> None:
    run = make_run(ogd.store, name="one")
    client.remove(run.name)
    make_run(ogd.store, name="two", run_id=run.name)
    with pytest.raises(StoreError, match="another run"):
        client.restore("one")
    assert client.remove(run.name)["trash_id"] == f"{run.name}~2"
    assert [item["name"] for item in client.trash()["trash"]] == ["two", "one"]
    assert client.restore("two")["run_id"] == run.name
    assert client.run(run.name)["name"] == "two"


def test_purge_is_for_good_and_for_one(ogd: Ogd, client: Client) -> None:
    one, two = make_run(ogd.store, name="one"), make_run(ogd.store, name="two")
    client.remove(one.name)
    client.remove(two.name)
    client.purge("one")
    assert [item["name"] for item in client.trash()["trash"]] == ["two"]
    assert sorted(path.name for path in (ogd.store / layout.TRASH).iterdir()) == sorted(
        [two.name, f"{two.name}.json"]
    )
    with pytest.raises(NotFoundError):
        client.purge("one")
    for odd in ("..", "../runs", "."):
        with pytest.raises(NotFoundError):
            client.purge(odd)


def test_family_is_a_tree_on_the_wire(ogd: Ogd, client: Client) -> None:
    root = make_run(ogd.store, name="root", run_id="20260101-000000-aaaa")
    went_on = {"run_id": root.name, "checkpoint_id": "c1", "step": 100, "reason": "lower lr"}
    child = make_run(ogd.store, name="child", run_id="20260102-000000-bbbb", parent=went_on)
    make_run(ogd.store, name="stranger")
    assert client.run("root")["children"] == [{"run_id": child.name, "step": 100, "reason": "lower lr"}]
    assert sorted(listed(client, "family:child")) == ["child", "root"]
    assert listed(client, "parent:aaaa") == ["child"]
    tree = client.lineage("child")
    assert (tree["root"], tree["path"]) == (root.name, [root.name, child.name])
    assert [(node["name"], node["parent"], node["step"], node["depth"]) for node in tree["nodes"]] == [
        ("root", None, None, 0),
        ("child", root.name, 100, 1),
    ]
    client.remove("root")
    tree = client.lineage("child")
    assert [(node["run_id"], node["missing"]) for node in tree["nodes"]] == [
        (root.name, True),
        (child.name, False),
    ]


def test_fields_follow_the_runs(ogd: Ogd, client: Client) -> None:
    run = make_run(ogd.store, config={"lr": 0.1, "model": {"layers": 12}}, tags=["k=v", "base"])
    make_run(ogd.store, config={"lr": 0.3})
    (lr,) = client.fields("config.l")["fields"]
    assert (lr["field"], lr["runs"], lr["kind"]) == ("config.lr", 2, "number")
    assert [value["value"] for value in lr["values"]] == ["0.1", "0.3"]
    assert [field["field"] for field in client.fields("layers")["fields"]] == ["config.model.layers"]
    (tags,) = client.fields("tag:ba")["fields"]
    assert [value["value"] for value in tags["values"]] == ["base"]
    client.edit(run.name, {"tags": {"add": ["bare"]}})
    (tags,) = client.fields("-tag:ba")["fields"]
    assert [value["value"] for value in tags["values"]] == ["bare", "base"]
    client.remove(run.name)
    assert client.fields("config.model")["fields"] == []
    assert client.fields("config.lr")["fields"][0]["runs"] == 1


# stores that cannot be written


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_store_that_may_not_be_written_says_so_and_stays(ogd: Ogd, client: Client) -> None:
    run = make_run(ogd.store)
    wait_for(lambda: "events_folded" in on_disk(run) or client.run(run.name), what="the run")
    (run / layout.EVENTS).chmod(0o500)
    try:
        with pytest.raises(StoreError, match="cannot be written"):
            client.edit(run.name, {"name": "x"})
    finally:
        (run / layout.EVENTS).chmod(0o700)


def test_full_disk_takes_half_a_line_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from opengraphs.daemon import ownevents

    run = Path(layout.create_run_folder(str(tmp_path), "20261122-093012-k7f3"))
    ownevents.append_event(run, "tag", tags=["x"])
    journal = run / layout.EVENTS / "ogd.jsonl"
    before = journal.read_bytes()
    write, calls = os.write, []

    def short(fd: int, data: Any) -> int:
        calls.append(len(data))
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(fd, bytes(data)[:5])

    monkeypatch.setattr(ownevents.os, "write", short)
    with pytest.raises(OSError, match="No space"):
        ownevents.append_event(run, "tag", tags=["y"])
    assert journal.read_bytes() == before


@pytest.mark.parametrize("stands_there", ["a link", "a pipe"])
def test_event_is_written_into_no_other_file(tmp_path: Path, stands_there: str) -> None:
    from opengraphs.daemon import ownevents

    run = Path(layout.create_run_folder(str(tmp_path), "20261122-093012-k7f3"))
    journal, other = run / layout.EVENTS / "ogd.jsonl", tmp_path / "other"
    journal.parent.mkdir(exist_ok=True)
    if stands_there == "a link":
        other.write_text("mine\n")
        journal.symlink_to(other)
    else:
        os.mkfifo(journal)
    with pytest.raises(OSError, match=r"symbolic links|plain file"):
        ownevents.append_event(run, "tag", tags=["x"])
    assert stands_there == "a pipe" or other.read_text() == "mine\n"
