"""What a run is called and labelled with, in og's words and in those of other trackers."""

from __future__ import annotations

from . import values, warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple, Union

    from .dicts import Summary
    from .goals import Goals


ROLES = (
    "loss", "eval_loss", "value_loss", "reward", "grad_norm", "lr", "throughput", "step_time", "entropy", "kl",
    "zero_std", "clip_ratio", "other",
)  # fmt: skip


class Tags(list):  # type: ignore[type-arg]
    """A list of labels; a tuple may be added to it, as wandb's own tags are one."""

    def __add__(self, others: Any) -> Tags:
        return Tags([*self, *others])


class Described:
    """The part of a run that is words. `Run` adds the numbers and the life."""

    if TYPE_CHECKING:
        summary: Summary

        def _event(self, kind: str, payload: Dict[str, Any]) -> None: ...

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self._name: str = facts["name"]
        self._tags: List[str] = list(facts.get("tags", ()))
        self._notes: str = facts.get("notes") or ""
        self._goals: Optional[Goals] = None
        self._figures: Dict[str, float] = {}

    @property
    def name(self) -> str:
        """What the run is called; setting it is recorded."""
        return self._name

    @name.setter
    def name(self, name: Any) -> None:
        self._name = values.text(name)
        self._event("name", {"name": self._name})

    @property
    def tags(self) -> Tags:
        """A copy of the labels; setting it adds and takes away what is different."""
        return Tags(self._tags)

    @tags.setter
    def tags(self, tags: Any) -> None:
        wanted = _names((tags or (),))
        gone = [name for name in self._tags if name not in wanted]
        if gone:
            self.untag(gone)
        new = [name for name in wanted if name not in self._tags]
        if new:
            self.tag(new)

    @property
    def notes(self) -> str:
        """What `init` was given; setting it writes the notes anew."""
        return self._notes

    @notes.setter
    def notes(self, notes: Any) -> None:
        self._notes = values.text(notes or "")
        self._event("notes", {"notes": self._notes})

    @warn.guarded
    def tag(self, *tags: Union[str, Iterable[str]]) -> None:
        """Add labels, as `tag("baseline", "lr=3e-4")`; `key=value` can be grouped by."""
        names = _names(tags)
        self._tags += [name for name in names if name not in self._tags]
        self._event("tag", {"tags": names})

    @warn.guarded
    def untag(self, *tags: Union[str, Iterable[str]]) -> None:
        """Take labels away."""
        names = _names(tags)
        self._tags = [name for name in self._tags if name not in names]
        self._event("untag", {"tags": names})

    @warn.guarded
    def note(self, text: str, step: Optional[int] = None) -> None:
        """Write a sentence into the run's notes, or at a step of its curves."""
        self._event("note", {"text": str(text), "step": None if step is None else values.step_number(step)})

    @warn.guarded
    def define(self, metric: str, role: str) -> None:
        """Say what a metric is, where its name does not: alerts watch by role.

        Args:
            metric: its name; `*` stands for anything.
            role: `loss`, `eval_loss`, `value_loss`, `reward`, `grad_norm`, `lr`, `throughput`, `step_time`,
                `entropy`, `kl`, `zero_std`, `clip_ratio`, or `other` for one that is not to be watched.
        """
        known = str(role)
        if known not in ROLES:
            warn.tell(
                "define:" + known, "define(%r): no role %r; there are %s" % (metric, known, ", ".join(ROLES))
            )
            return
        self._event("define", {"metric": str(metric), "role": known})

    @warn.guarded
    def define_metric(
        self,
        name: str,
        step_metric: Any = None,
        step_sync: Any = None,
        hidden: Any = None,
        summary: Any = None,
        goal: Optional[str] = None,
        overwrite: Any = None,
    ) -> Any:
        """Keep the `min`, `max`, `mean` or `first` of a metric in the summary, as `loss.min`.

        Args:
            name: of the metric; `*` stands for anything.
            summary: which of them, `best` with a `goal` of minimize or maximize.
            step_metric, step_sync, hidden, overwrite: accepted; x axes are chosen in the view.
        """
        from . import goals

        self._goals = self._goals or goals.Goals()
        if not self._goals.add(str(name), summary, goal):
            goals.tell_ignored()
        return goals.Metric(str(name))

    @warn.guarded
    def _meet_goals(self, logged: Mapping[str, Any]) -> None:
        """Figures are written with the end of the run; until then they can be read."""
        assert self._goals is not None
        for key, figure in self._goals.take(dict(logged)).items():
            dict.__setitem__(self.summary, key, figure)
            self._figures[key] = figure

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            from . import runwords

            return runwords.of_run(self, name)


def _names(tags: Tuple[Any, ...]) -> List[str]:
    flat: List[str] = []
    for tag in tags:
        flat.extend([tag] if isinstance(tag, str) else [str(one) for one in tag])
    return [values.text(name) for name in flat]
