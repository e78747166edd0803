"""What a training is told about going on; nothing of it may ever hurt it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import opengraphs as og
from opengraphs.sdk import resuming


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    resuming._watched.clear()
    resuming._asked.clear()


def told(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in {"OG_RESUME": "1", "OG_RESUME_FROM": "/c/9.pt", **variables}.items():
        monkeypatch.setenv(name, value)


def test_without_og_there_is_nothing_to_go_on_from(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OG_RESUME", "OG_RESUME_FROM", "OG_OVERRIDES"):
        monkeypatch.delenv(name, raising=False)
    assert og.resume() is None
    assert og.override("lr", 3e-4) == 3e-4


def test_where_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    told(monkeypatch, OG_RESUME_STEP="9", OG_RESUME_KIND="torch", OG_OVERRIDES='{"lr": 0.1}')
    going = og.resume()
    assert going is not None
    assert (going.path, going.step, going.kind, going.overrides) == ("/c/9.pt", 9, "torch", {"lr": 0.1})


@pytest.mark.parametrize(
    "variables", [{"OG_RESUME": "0"}, {"OG_RESUME": ""}, {"OG_RESUME_FROM": ""}, {"OG_RESUME": "yes"}]
)
def test_only_a_clear_word_is_one(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    told(monkeypatch, **variables)
    assert og.resume() is None


def test_what_is_not_known_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    told(monkeypatch, OG_RESUME_STEP="")
    going = og.resume()
    assert going is not None
    assert (going.step, going.kind, going.overrides) == (None, "custom", {})


@pytest.mark.parametrize("text", ["", "{", "[1]", "7", "null", '{"lr": }'])
def test_overrides_that_are_none_change_nothing(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("OG_OVERRIDES", text)
    assert og.override("lr", 3e-4) == 3e-4


@pytest.mark.parametrize(
    ("text", "default", "value"),
    [('{"a": 1}', 2.0, 1.0), ('{"a": 1}', 2, 1), ('{"a": "x"}', 2, "x"), ('{"a": null}', 2, None)],
)
def test_an_override_wins(monkeypatch: pytest.MonkeyPatch, text: str, default: Any, value: Any) -> None:
    monkeypatch.setenv("OG_OVERRIDES", text)
    found = og.override("a", default)
    assert found == value
    assert type(found) is type(value)


def test_a_config_shows_what_was_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OG_OVERRIDES", '{"lr": 0.1, "opt.beta": 0.5, "opt.none.deep": 1, "else": 2}')
    config = {"lr": 3e-4, "opt": {"beta": 0.9, "eps": 1}, "seed": 1}
    assert resuming.overridden(config) == {"lr": 0.1, "opt": {"beta": 0.5, "eps": 1}}
    assert config["opt"] == {"beta": 0.9, "eps": 1}


# -- signals --------------------------------------------------------------------------------------


def test_nothing_is_listened_to_before_it_is_asked_for() -> None:
    before = signal.getsignal(signal.SIGTERM)
    og.resume()
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_term_is_a_wish_to_stop_and_stays_one() -> None:
    assert og.should_stop() is False
    os.kill(os.getpid(), signal.SIGTERM)
    assert og.should_stop() is True
    assert og.should_stop() is True


def test_a_usr1_is_a_wish_to_save_once() -> None:
    assert og.should_checkpoint() is False
    os.kill(os.getpid(), signal.SIGUSR1)
    assert og.should_checkpoint() is True
    assert og.should_checkpoint() is False


def test_the_scripts_own_handler_is_still_called() -> None:
    heard: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: heard.append(number))
    og.should_stop()
    os.kill(os.getpid(), signal.SIGTERM)
    assert og.should_stop()
    assert heard == [signal.SIGTERM]


def test_another_thread_is_told_no() -> None:
    before = signal.getsignal(signal.SIGTERM)
    said: list[bool] = []
    thread = threading.Thread(target=lambda: said.append(og.should_stop()))
    thread.start()
    thread.join()
    assert said == [False]
    assert signal.getsignal(signal.SIGTERM) is before


def test_asking_loads_no_more_than_it_needs() -> None:
    code = "import opengraphs.sdk.resuming, sys; print('json' in sys.modules, 'threading' in sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_a_joined_run_records_the_settings_that_were_chosen(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "runs" / "r"
    for name in ("metrics", "events", "system", "samples", "bundle"):
        (folder / name).mkdir(parents=True)
    (folder / "run.json").write_text('{"run_id": "r"}')
    code = (
        "import opengraphs as og; run = og.init(config={'lr': 3e-4, 'seed': 1});"
        "assert run.config['lr'] == 1e-4 and og.config.seed == 1"
    )
    env = {**os.environ, "OG_RUN_DIR": str(folder), "OG_RUN_ID": "r", "OG_OVERRIDES": '{"lr": 1e-4}'}
    subprocess.run([sys.executable, "-c", code], env=env, check=True, timeout=60)
    lines = (folder / "events" / "a0-r0.jsonl").read_bytes().rstrip(b"\0").splitlines()
    events = [event for line in lines if (event := json.loads(line)).get("kind") == "config"]
    assert [(event["config"], event["overrides"]) for event in events] == [
        ({"lr": 1e-4, "seed": 1}, {"lr": 1e-4})
    ]
