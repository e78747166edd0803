"""`og doctor`, the part about one store: what is damaged, where, and what to do about it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from opengraphs.engine.catalog import Catalog
from opengraphs.engine.journal import METRICS, decode_state
from opengraphs.engine.openruns import OpenRuns
from opengraphs.sdk.layout import segment_name
from opengraphs.store import mounts
from opengraphs.store.folder import RunFolder, journal_files
from opengraphs.store.seals import SealReport, check_seals
from opengraphs.store.tail import BadLine

SEAL_BUDGET_S = 3.0
_NAMED = 20


def check_store(
    path: Path, catalog: Catalog, runs: OpenRuns, *, unread: int, unreadable: Mapping[str, str]
) -> list[dict[str, str]]:
    """Every check of a store but that of seals, `ok` ones too; what is wrong is named with file
    and byte offset.

    Args:
        unread: runs whose journals were not read yet.
        unreadable: why the disk would not give some runs' files, by run id.
    """
    return [
        _check_place(path),
        _check_mount(path),
        _check_index(runs),
        _check_run_json(catalog),
        _check_folders(catalog, unreadable),
        _check_lines(catalog, runs, unread),
    ]


def _check(
    check_id: str, problems: list[str], fine: str, fix: str, *, status: str = "warn"
) -> dict[str, str]:
    if not problems:
        return {"id": check_id, "status": "ok", "message": fine, "fix": ""}
    more = f"; and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
    return {"id": check_id, "status": status, "message": "; ".join(problems[:_NAMED]) + more, "fix": fix}


def _check_place(path: Path) -> dict[str, str]:
    problems = []
    if path.exists() and not os.access(path, os.R_OK | os.X_OK):
        problems.append(f"{path} cannot be read")
    elif path.exists() and not os.access(path, os.W_OK):
        problems.append(f"{path} is read-only: runs can be viewed, not made or changed")
    fine = f"{path}" if path.exists() else f"{path} does not exist yet; the first run makes it"
    return _check("store.writable", problems, fine, "check owner and mode, or pass --store")


def _check_mount(path: Path) -> dict[str, str]:
    kind = mounts.filesystem_type(path)
    problems = []
    if mounts.is_remote(path):
        problems.append(
            f"{path} is on {kind}: other hosts' changes show after its attribute cache, often seconds"
        )
    return _check(
        "store.filesystem",
        problems,
        kind or "unknown file system",
        "expect a delay; locks mean this host only",
    )


def _check_index(runs: OpenRuns) -> dict[str, str]:
    index = runs.index
    problems = [f"the index is temporary: {index.why_private}"] if not index.kept else []
    fine = f"{index.folder} ({index.size_bytes() / 1e6:.1f} MB)"
    return _check(
        "index", problems, fine, "free space there, or end the other daemon; answers are right either way"
    )


def _check_run_json(catalog: Catalog) -> dict[str, str]:
    problems = [
        f"{entry.folder.run_json}: {entry.damage}"
        for _, entry in sorted(catalog.entries.items())
        if entry.damage and not (entry.is_live and "missing" in entry.damage)
    ]
    fine = f"{len(catalog.entries)} runs"
    return _check(
        "store.run_json", problems, fine, "what could be read is shown; edit or remove the file or the folder"
    )


def _check_folders(catalog: Catalog, unreadable: Mapping[str, str]) -> dict[str, str]:
    problems = [
        f"{catalog.entries[run_id].folder.path}: {why}"
        for run_id, why in sorted(unreadable.items())
        if run_id in catalog.entries
    ]
    return _check(
        "store.folders",
        problems,
        "every journal can be read",
        "check owner, mode and disk of the files",
        status="fail",
    )


def _check_lines(catalog: Catalog, runs: OpenRuns, unread: int) -> dict[str, str]:
    """Bad lines of everything that was ever read, by this process or one before."""
    problems = []
    opened = dict(runs.items())
    for run_id, data in sorted(opened.items()):
        for journal in data.all_journals():
            problems += _bad_lines(
                catalog, run_id, journal.kind, journal.name, journal.bad_lines, journal.bad_count
            )
    for run_id, row in runs.index.all_writers():
        state = decode_state(row.state)
        if run_id not in opened and run_id in catalog.entries and state.bad_count:
            problems += _bad_lines(catalog, run_id, row.kind, row.name, state.bad, state.bad_count)
    for _, entry in sorted(catalog.entries.items()):
        if entry.bad_event_lines:
            problems.append(f"{entry.folder.events}: {entry.bad_event_lines} bad lines")
    fine = "every complete line was read" + (f"; {unread} runs were not read yet" if unread else "")
    return _check("store.lines", problems, fine, "bad lines are skipped; nothing else is lost")


def _bad_lines(
    catalog: Catalog, run_id: str, kind: str, name: str, bad: list[BadLine], count: int
) -> list[str]:
    folder = catalog.entries[run_id].folder
    place = folder.metrics if kind == METRICS else folder.system
    found = [f"{place / segment_name(name, line.segment)} byte {line.offset}: {line.reason}" for line in bad]
    return found + ([f"{place / name}: {count} bad lines in all"] if count > len(bad) else [])


def check_seals_of(folders: Sequence[RunFolder]) -> dict[str, str]:
    """Checksums of these runs, as many as SEAL_BUDGET_S allows. Files only: for any thread."""
    deadline = time.monotonic() + SEAL_BUDGET_S
    problems: list[str] = []
    checked = seals = 0
    for folder in folders:
        if time.monotonic() > deadline:
            break
        for report in _reports(folder, deadline):
            seals += report.seals
            problems += [
                f"{report.path} bytes {first} to {last}: checksum differs" for first, last in report.broken
            ]
        checked += 1
    fine = f"{seals} seals of the newest {checked} of {len(folders)} runs match"
    fix = "the bytes changed after they were written: restore from a copy"
    return _check("store.seals", problems, fine, fix, status="fail")


def _reports(folder: RunFolder, deadline_s: float) -> list[SealReport]:
    try:
        return [check_seals(file, deadline_s=deadline_s) for file in journal_files(folder)]
    except OSError:
        return []
