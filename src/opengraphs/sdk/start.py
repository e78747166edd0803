"""How a run comes to be: joined under a runner, agreed on among ranks, resumed, or new."""

from __future__ import annotations

import os
import sys

from . import facts, knownids, layout, ranks, rendezvous, resuming, warn
from .disabled import DisabledRun
from .filesystem import choose_mode
from .jsonfile import read_json
from .owner import Owner
from .plain import as_mapping, plain
from .ranks import Place
from .run import Run
from .writers import NoWriters, Writers, first_attempt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple, Union

RESUME_WORDS = ("allow", "must", "never", "auto")


class Wish:
    """What `init` was asked for, made plain."""

    def __init__(
        self,
        *,
        project: Optional[str] = None,
        name: Optional[str] = None,
        config: Any = None,
        tags: Union[str, Iterable[str], None] = None,
        notes: Optional[str] = None,
        group: Optional[str] = None,
        job_type: Optional[str] = None,
        resume: Any = None,
        store: Union[str, os.PathLike[str], None] = None,
        progress_total: Optional[int] = None,
        run_id: Optional[str] = None,
        mirror_to: Optional[str] = None,
    ) -> None:
        self.mirror_to = mirror_to or os.environ.get("OG_MIRROR")
        self.project = project
        self.name = name
        self.config: Dict[str, Any] = _mapping(config)
        self.tags: List[str] = [tags] if isinstance(tags, str) else [str(tag) for tag in tags or ()]
        self.notes = notes
        self.group = group
        self.job_type = job_type
        self.store = os.fspath(store) if store is not None else None
        self.progress_total = progress_total
        self.own_id = str(run_id) if run_id else None
        self.resume = _resumed_id(resume, self.own_id)

    def given(self) -> Dict[str, Any]:
        """The facts that stand in run.json as they were given."""
        words = {"notes": self.notes, "group": self.group, "job_type": self.job_type}
        known = {key: value for key, value in words.items() if value is not None}
        return {**known, "config": plain(self.config), "tags": self.tags}


def _mapping(config: Any) -> Dict[str, Any]:
    found = {} if config is None else as_mapping(config)
    if found is None:
        warn.complain(
            "config", "config takes a dict or an object with named members, not %r" % type(config).__name__
        )
    return found or {}


def _resumed_id(resume: Any, run_id: Optional[str]) -> Optional[str]:
    """The run to continue: `resume="<run id>"`, or wandb's `id=…, resume="allow"`."""
    if isinstance(resume, str) and resume not in RESUME_WORDS:
        return resume or None
    return run_id if resume in (True, "allow", "must", "auto") else None


def start(wish: Wish, *, join: bool) -> Run:
    """Make the run that was wished for; one that records nothing when that fails.

    Args:
        join: under a runner, whether its run may be joined. The second run of a process
            is a run of its own.

    Raises:
        OSError: it cannot be written, under `OG_STRICT=1`.
    """
    try:
        run_dir = os.environ.get("OG_RUN_DIR", "")
        if join and run_dir and os.path.isdir(run_dir):
            return _join(wish, run_dir)
        return _own(wish)
    except Exception as error:  # the border of the SDK: a store that cannot be written, most of all
        warn.complain("store", "nothing is recorded, the run cannot be written: %s" % error, error)
        return disabled(wish)


def disabled(wish: Wish) -> Run:
    """A run that records nothing."""
    known = {**wish.given(), "run_id": "disabled", "name": wish.name or "disabled", "config": wish.config}
    return DisabledRun(
        {**known, "project": wish.project or "disabled"}, Place(0, 1, 0, "", False), NoWriters()
    )


def _join(wish: Wish, run_dir: str) -> Run:
    """Add to the run of the runner that started this process."""
    place = ranks.find_place()
    known = read_json(os.path.join(run_dir, layout.RUN_JSON))
    writers = Writers(run_dir, place, attempt=place.attempt)
    chosen = resuming.overridden(wish.config)
    wish.config.update(chosen)
    merged = {
        "run_id": os.environ.get("OG_RUN_ID") or os.path.basename(run_dir),
        "name": wish.name or known.get("name") or os.path.basename(run_dir),
        "project": known.get("project") or os.environ.get("OG_PROJECT") or "",
        "group": wish.group or known.get("group"),
        "job_type": wish.job_type or known.get("job_type"),
        "config": wish.config,
        "tags": [*known.get("tags", ()), *wish.tags],
    }
    if wish.resume and wish.resume != merged["run_id"]:
        warn.tell("resume", "resume=%r is ignored: og run has started a run already" % wish.resume)
    run = Run(merged, place, writers, run_dir=run_dir, store=_store_of(run_dir), is_joined=True)
    words = _words(wish, place, writers, notes=wish.notes if place.rank == 0 else None)
    if chosen:
        from .redact import redact_config

        words["config"]["overrides"] = redact_config(resuming.overrides())
    run.start(words)
    return run


def _own(wish: Wish) -> Run:
    """A run without a runner: its folder, its lock and its end record are ours, or another rank's."""
    place = ranks.find_place()
    store = layout.find_store(wish.store)
    project = layout.find_project(wish.project)
    run_id, is_resumed = _choose_run(wish, store, project, place)
    run_dir = _make_folder(store, run_id)
    if wish.own_id and place.rank == 0 and wish.own_id != run_id:
        knownids.remember(store, project, wish.own_id, run_id)
    known = {
        **facts.run_facts(run_id, place, project=project, name=wish.name, mode=choose_mode(run_dir)),
        **wish.given(),
    }
    owner = Owner(run_dir, known)
    is_first = owner.try_own(resume=is_resumed or place.attempt > 0)
    stored = read_json(os.path.join(run_dir, layout.RUN_JSON)) or known
    attempt = first_attempt(run_dir, place.rank) if is_resumed else place.attempt
    writers = Writers(run_dir, place, attempt=attempt)
    merged = {**stored, "config": wish.config, "tags": _union(stored.get("tags", ()), wish.tags)}
    run = Run(merged, place, writers, run_dir=run_dir, store=store)
    owner.current = run.current_facts
    run.owner = owner
    run.start(_words(wish, place, writers, notes=wish.notes if is_resumed and is_first else None))
    return run


def _choose_run(wish: Wish, store: str, project: str, place: Place) -> Tuple[str, bool]:
    """(run id, whether a run is continued)."""
    if wish.resume:
        found = knownids.find(store, project, wish.resume)
        if found is not None:
            return found, True
        if wish.resume != wish.own_id:  # with `allow` the first run of an id is a new one
            warn.complain(
                "resume", "there is no run %r to resume; this is a new one (%s)" % (wish.resume, store)
            )
    if place.job:
        try:
            return rendezvous.agree(store, place, layout.new_run_id), False
        except OSError as error:
            warn.tell("ranks", "the ranks cannot agree on a run, each records its own: %s" % error)
    return layout.new_run_id(), False


def _make_folder(store: str, run_id: str) -> str:
    """The run's folder, made now unless another rank has.

    Raises:
        OSError: the store cannot be written.
    """
    try:
        return layout.create_run_folder(store, run_id)
    except FileExistsError:
        return os.path.join(store, layout.RUNS, run_id)


def _words(wish: Wish, place: Place, writers: Writers, *, notes: Optional[str]) -> Dict[str, Any]:
    """What the events at the start say."""
    rank: Dict[str, Any] = {
        "rank": place.rank,
        "world_size": place.world_size,
        "pid": os.getpid(),
        "host": layout.host_name(),
        "journal": writers.mode,
    }
    for name in ("project", "group", "job_type"):
        if getattr(wish, name) is not None:
            rank[name] = getattr(wish, name)
    target = _forwarded(wish) if place.rank == 0 else None
    if target is not None:
        rank["mirror_to"] = target
    hooks = getattr(sys, "_opengraphs_hooks", None)
    return {
        "rank": rank,
        "config": {"config": wish.config} if wish.config else None,
        "tag": {"tags": wish.tags} if wish.tags else None,
        "name": {"name": wish.name} if wish.name else None,
        "note": {"text": notes, "step": None} if notes else None,
        "hooks": {"active": list(hooks)} if hooks else None,
        "progress_total": wish.progress_total,
    }


def _forwarded(wish: Wish) -> Optional[str]:
    """The server that this run shall be forwarded to; None for most runs, which load nothing for it."""
    if not wish.mirror_to:
        return None
    from . import forwarding

    return forwarding.wished(wish.mirror_to)


def _union(first: Any, second: Sequence[str]) -> List[str]:
    return [*first, *(tag for tag in second if tag not in first)]


def _store_of(run_dir: str) -> str:
    return os.environ.get("OG_STORE") or os.path.dirname(os.path.dirname(run_dir))
