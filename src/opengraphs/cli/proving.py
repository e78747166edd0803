"""`og doctor resume`: two short runs in a store of their own, the second from a checkpoint of the first."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

from opengraphs import paths
from opengraphs.cli import output, resume_page
from opengraphs.cli.launching import Started, start_planned
from opengraphs.client.sync import Client
from opengraphs.errors import OgError, ProcessError
from opengraphs.records import ENDED
from opengraphs.resuming import proof
from opengraphs.resuming.proof import Curve, Verdict
from opengraphs.runner import launch as runner
from opengraphs.runner.environ import split

T = TypeVar("T")
_LOOK_S = 0.1
_GRACE_S = 10.0
_STOP_S = 30.0


class Trial(NamedTuple):
    """What is tried. steps: `OG_SMOKE_STEPS`, None leaves it out; after: logged points behind the checkpoint."""

    command: list[str]
    cwd: str
    env: dict[str, str]
    steps: int | None
    after: int
    timeout_s: float


class _ProofEndedError(Exception):
    """The proof ends here; `verdict` says why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.message)
        self.verdict = verdict


def prove(trial: Trial, client: Client, store: Path) -> Iterator[Verdict]:
    """Each check as soon as it is known; ends with the first that leaves nothing to try.

    Args:
        client: of `store`, which is the trial's own.
    """
    runs: list[str] = []
    try:
        yield from _prove(trial, client, store, runs)
    except _ProofEndedError as failed:
        yield failed.verdict
    finally:
        for run_id in runs:
            _end(client, run_id)


def _prove(trial: Trial, client: Client, store: Path, runs: list[str]) -> Iterator[Verdict]:
    first = _start(trial, store)
    runs.append(first)
    saved = _wait(
        trial, client, first, lambda: _checkpoint(client, first), _no_checkpoint, what="a checkpoint"
    )
    step = int(saved["step"])
    yield Verdict("checkpoint", "ok", f"step {step}: {saved['path']}")
    metric = _wait(trial, client, first, lambda: _metric(client, first), _no_metric, what="a metric")
    _wait_behind(trial, client, first, metric, step)
    _stop(client, first)
    yield Verdict("stop", "ok", "it ends when it is told to")
    before = _curve(client, first, metric)
    started, plan_line = _resume(trial, client, store, first, saved)
    runs.append(started.run_id)
    yield Verdict("resume", "ok", plan_line)
    _wait_behind(trial, client, started.run_id, metric, step, resumed=True)
    _stop(client, started.run_id)
    after = _curve(client, started.run_id, metric)
    yield proof.judge_steps(before, after, step)
    yield proof.judge_loss(metric, before, after, step)
    for rate in _rates(client, first):
        yield proof.judge_rate(rate, _curve(client, first, rate), _curve(client, started.run_id, rate), step)


def _variables(trial: Trial) -> dict[str, str]:
    """What both runs get: a trial is sent nowhere, whatever this shell says."""
    smoke = {} if trial.steps is None else {"OG_SMOKE_STEPS": str(trial.steps)}
    return {"OG_MIRROR": "", **smoke}


def _start(trial: Trial, store: Path) -> str:
    _, own = split({**os.environ, **trial.env, **_variables(trial)})
    smoke = _variables(trial)
    try:
        spec = runner.create_run(
            trial.command,
            control_socket=paths.control_socket,
            store=str(store),
            project="trial",
            name="trial",
            cwd=trial.cwd,
            env=own,
            contract={name: value for name, value in smoke.items() if name == "OG_SMOKE_STEPS"},
        )
        launched = runner.launch(spec)
    except runner.LaunchError as error:
        raise ProcessError(error.message, hint=error.hint, path=error.path) from error
    os.close(launched.told_fd)
    return launched.run_id


def _resume(
    trial: Trial, client: Client, store: Path, first: str, saved: Mapping[str, Any]
) -> tuple[Started, str]:
    plan = client.resume(first, {"checkpoint": str(saved["checkpoint_id"]), "dry_run": True})["plan"]
    missing = resume_page.missing(plan)
    if missing:
        raise _ProofEndedError(Verdict("resume", "fail", f"this shell does not have {', '.join(missing)}"))
    plan["env"].update(_variables(trial))
    started = start_planned(plan, store)
    how = {"og": "it asks og", "arguments": " ".join(plan["guessed"]) or "arguments of og.toml"}
    return started, f"started again: {how.get(plan['contract'], 'it gets OG_RESUME_FROM and no argument')}"


# waiting


def _wait(
    trial: Trial,
    client: Client,
    run_id: str,
    found: Callable[[], T | None],
    missing: Callable[[str], Verdict],
    *,
    what: str,
) -> T:
    """What `found` finds, once it does; `missing` says what it means that the run ended without it."""
    deadline = time.monotonic() + trial.timeout_s
    while True:
        status = str(client.run(run_id)["status"])
        answer = found()
        if answer is not None:
            return answer
        if status in ENDED:
            raise _ProofEndedError(missing(f"{_ending(client, run_id)} before {what}"))
        if time.monotonic() > deadline:
            raise _ProofEndedError(missing(f"not within {trial.timeout_s:g} s: {what}"))
        time.sleep(_LOOK_S)


def _ending(client: Client, run_id: str) -> str:
    """How a run ended, with the last line that it printed."""
    facts = cast("dict[str, Any]", client.run(run_id))
    lines = client.log(run_id, lines=1)["lines"]
    said = f" ({lines[-1]['text'].strip()})" if lines else ""
    return f"the training {facts['status']} with exit code {facts.get('exit_code')}{said}"


def _no_checkpoint(why: str) -> Verdict:
    fix = "og.checkpoint(path, step) after each save names one; save more often, or give it more time: --timeout"
    return Verdict("checkpoint", "fail", why, fix)


def _no_metric(why: str) -> Verdict:
    return Verdict("loss", "fail", why, "log a loss: og.log({'loss': …}, step=step), or print it")


def _no_steps(why: str) -> Verdict:
    return Verdict("resume", "fail", why, "og tail shows what it printed; --keep keeps the two runs")


def _wait_behind(
    trial: Trial, client: Client, run_id: str, metric: str, step: int, *, resumed: bool = False
) -> None:
    """Until enough points lie behind the checkpoint, or the run ended with any."""

    def found() -> bool | None:
        curve = _curve(client, run_id, metric)
        behind = [at for at in curve.steps if at > step]
        enough = len(behind) >= trial.after or (resumed and len(curve.steps) >= 4 * trial.after)
        ended = str(client.run(run_id)["status"]) in ENDED
        return True if enough or (ended and curve.steps and (behind or resumed)) else None

    _wait(trial, client, run_id, found, _no_steps, what=f"{trial.after} points behind step {step}")


def _stop(client: Client, run_id: str) -> None:
    if str(client.run(run_id)["status"]) in ENDED:
        return
    client.stop(run_id, grace_s=_GRACE_S)
    deadline = time.monotonic() + _STOP_S
    while str(client.run(run_id)["status"]) not in ENDED:
        if time.monotonic() > deadline:
            raise _ProofEndedError(
                Verdict("stop", "fail", f"it is still there {_STOP_S:g} s after it was told to end")
            )
        time.sleep(_LOOK_S)


def _end(client: Client, run_id: str) -> None:
    """Nothing of the trial goes on."""
    try:
        _stop(client, run_id)
    except (OgError, _ProofEndedError) as error:
        output.say(f"og: a run of the trial may still go on: {error}")


# looking


def _checkpoint(client: Client, run_id: str) -> dict[str, Any] | None:
    """The first that is whole and whose step is known."""
    found = client.get(f"/runs/{run_id}/checkpoints")["checkpoints"]
    return next((one for one in found if one["complete"] and one["exists"] and one["step"] is not None), None)


def _metric(client: Client, run_id: str) -> str | None:
    """The metric that tells best how the training stands: a loss, else what has a direction, by its points."""
    rows = [
        row for row in client.run(run_id)["metrics"] if row.get("better") and not proof.is_rate(row["key"])
    ]
    rows.sort(key=lambda row: ("loss" in row["key"].lower(), row["points"]), reverse=True)
    return rows[0]["key"] if rows else None


def _rates(client: Client, run_id: str) -> list[str]:
    return [row["key"] for row in client.run(run_id)["metrics"] if proof.is_rate(row["key"])][:1]


def _curve(client: Client, run_id: str, metric: str) -> Curve:
    steps: list[int] = []
    values: list[float] = []
    try:
        for page in client.points(run_id, metric):
            steps += page["step"]
            values += [float(value) for value in page["value"]]
    except OgError:  # not logged yet
        return Curve([], [])
    return Curve(steps, values)
