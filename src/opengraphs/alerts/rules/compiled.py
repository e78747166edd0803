"""A rule as a stream: points in, readings out. One for each run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from opengraphs.alerts.rules.functions import FUNCTIONS
from opengraphs.alerts.rules.globs import Captures, Glob, globs_of
from opengraphs.alerts.rules.graph import Graph
from opengraphs.alerts.rules.inputs import LATE, RESTART, Input, packed, unpacked
from opengraphs.alerts.rules.nodes import CLOCK, Clock, Saved
from opengraphs.alerts.rules.reading import Reading, rendered, shape_of
from opengraphs.alerts.rules.tree import Call, Metric, Number, walk

if TYPE_CHECKING:
    from opengraphs.alerts.rules.rule import Rule

MAX_INSTANCES = 1000
"""Of one rule in one run; more metrics that match are left out and counted."""
MAX_KEPT = 1_000_000
"""Points in the windows of all instances of a rule together: wide windows leave room for fewer."""
_VERSION = 1


class Instance:
    """A rule for one set of metrics.

    Attributes:
        metric: its leading metric: the first with a wildcard, else the first.
        inputs: its metrics by name.
        is_timed: the clock alone can change the answer.
    """

    def __init__(self, rule: Rule, clock: Clock, globs: Mapping[str, Glob], captures: Captures) -> None:
        metrics = [part for part in walk(rule.expr) if isinstance(part, Metric)]
        names = {one.name: globs[one.name].filled(captures) if one.is_glob else one.name for one in metrics}
        graph = Graph(rule.expr, clock, names)
        known = dict(globs)
        texts = {part: rendered(part, rule.when, rule.expr.at, known, captures) for part in walk(rule.expr)}
        leading = next((one for one in metrics if one.is_glob), metrics[0])
        self.captures = captures
        self.metric = names[leading.name]
        self.inputs = graph.inputs
        self.is_timed = bool(graph.root.mask & CLOCK)
        self._root = graph.root
        self._order = graph.order
        self._shape = shape_of(texts[rule.expr], rule.expr, leading, graph.nodes, texts)
        self._plans: dict[int, tuple[Callable[[int], None], ...]] = {}

    @property
    def waiting(self) -> list[str]:
        """Metrics that it names and that never came."""
        return [name for name, one in self.inputs.items() if one.step is None]

    def offer(self, metric: Input, step: int, time: float, value: float, told: list[Reading]) -> bool:
        """Take a point in, without an answer yet; False: it came late and is left out.

        told: gets the answer to a point that was held back and counts now.
        """
        said = metric.offer(step, time, value)
        if said == LATE:
            return False
        if said == RESTART:
            told.append(self._restart(metric))
        metric.step, metric.time, metric.value = step, time, value
        return True

    def _restart(self, metric: Input) -> Reading:
        """The run goes on from an earlier step: forget what came from there on."""
        assert metric.first is not None
        step, time, value = metric.first
        metric.first = None
        for node in self._order:
            if node.mask & metric.mask:
                node.rewind(step)
        metric.take(step, time, value)
        self.renew(metric.mask, step)
        return self.reading(step, time)

    def renew(self, mask: int, step: int) -> None:
        """Compute what depends on the inputs of `mask`, and on the clock."""
        plan = self._plans.get(mask)
        if plan is None:
            wanted = mask | CLOCK
            plan = self._plans[mask] = tuple(node.renew for node in self._order if node.mask & wanted)
        for renew in plan:
            renew(step)

    def reading(self, step: int, time: float, *, ticked: bool = False) -> Reading:
        """The answer as it stands."""
        shape = self._shape
        values = tuple([node.value for node in shape.nodes])
        hot = self._root.value
        known = hot if hot is True or hot is False else None
        return Reading(known, values[shape.main], step, time, self.metric, ticked, shape, values)

    def save(self) -> Saved:
        inputs = {name: one.save() for name, one in self.inputs.items()}
        nodes = [[packed(node.value), node.save()] for node in self._order if node.keeps]
        return {"captures": list(self.captures), "inputs": inputs, "nodes": nodes}

    def load(self, saved: Saved) -> None:
        for name, one in self.inputs.items():
            one.load(saved["inputs"][name])
        nodes = iter(saved["nodes"])
        for node in self._order:
            if node.keeps:
                value, kept = next(nodes)
                node.load(kept)
                node.value = unpacked(value)
            else:
                node.renew(0)


class _Told(NamedTuple):
    """The newest point of a metric."""

    step: int
    time: float
    value: float


def _window_points(rule: Rule) -> int:
    """How many points the windows of one instance hold at most."""
    calls = (
        part
        for part in walk(rule.expr)
        if isinstance(part, Call) and FUNCTIONS[part.name].params[-1] != "duration?"
    )
    return sum(int(arg.value) for call in calls for arg in call.args[1:] if isinstance(arg, Number))


class CompiledRule:
    """One rule over one run.

    Attributes:
        dropped: sets of metrics that match and for which there is no room.
    """

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._clear()

    def _clear(self) -> None:
        self.dropped = 0
        self._clock = Clock()
        self._globs = globs_of(self.rule.expr)
        metrics = [part for part in walk(self.rule.expr) if isinstance(part, Metric)]
        self._plain = {one.name for one in metrics if not one.is_glob}
        self._room = min(MAX_INSTANCES, max(1, MAX_KEPT // max(1, _window_points(self.rule))))
        self._instances: dict[Captures, Instance] = {}
        self._wires: dict[str, list[tuple[Instance, Input]]] = {}
        self._routes: dict[str, list[tuple[Instance, Input]]] = {}  # of the metrics that came
        self._told: dict[str, _Told] = {}
        self._step = 0
        if not self._globs:
            self._add(())

    def instances(self) -> tuple[Instance, ...]:
        """All so far: exactly one for a rule without globs."""
        return tuple(self._instances.values())

    @property
    def is_timed(self) -> bool:
        """Whether `tick` can change anything."""
        return any(one.is_timed for one in self._instances.values())

    def wants(self, metric: str) -> bool:
        """Whether points of this metric mean anything to the rule."""
        if metric in self._plain:
            return True
        return any(glob.captures(metric) is not None for glob in self._globs.values())

    def update(self, metric: str, step: int, time: float, value: float) -> tuple[Reading, ...]:
        """One point: the answer of each instance that it changed.

        Points of a metric come in the order they were logged; time is epoch seconds. Of points
        that were logged together `record` takes all before it answers.
        """
        routes = self._routes.get(metric)
        if routes is None:
            routes = self._route(metric)
        self._clock.point(time)
        self._step = step
        if not routes:
            return ()
        if self._globs and metric in self._plain:
            self._told[metric] = _Told(step, time, value)
        readings: list[Reading] = []
        for instance, one in routes:
            if instance.offer(one, step, time, value, readings):
                instance.renew(one.mask, step)
                readings.append(instance.reading(step, time))
        return tuple(readings)

    def record(self, step: int, time: float, values: Mapping[str, float]) -> tuple[Reading, ...]:
        """Points of one step: one answer of each instance that they changed."""
        self._clock.point(time)
        self._step = step
        readings: list[Reading] = []
        changed: dict[Instance, int] = {}
        for metric, value in values.items():
            routes = self._routes.get(metric)
            if routes is None:
                routes = self._route(metric)
            if self._globs and metric in self._plain:
                self._told[metric] = _Told(step, time, value)
            for instance, one in routes:
                if instance.offer(one, step, time, value, readings):
                    changed[instance] = changed.get(instance, 0) | one.mask
        for instance, mask in changed.items():
            instance.renew(mask, step)
            readings.append(instance.reading(step, time))
        return tuple(readings)

    def tick(self, now: float, *, step: int | None = None) -> tuple[Reading, ...]:
        """It is `now` (epoch seconds): the answer of each instance that asks for the time.

        Args:
            step: where the run is; None: at the step of the newest point.
        """
        self._clock.tick(now)
        if step is not None:
            self._step = step
        timed = [one for one in self._instances.values() if one.is_timed]
        for instance in timed:
            instance.renew(0, self._step)
        return tuple(one.reading(self._step, now, ticked=True) for one in timed)

    def state(self) -> Saved:
        """All that `restore` needs, as JSON; windows bound its size."""
        told = {name: [one.step, one.time, packed(one.value)] for name, one in self._told.items()}
        return {
            "version": _VERSION,
            "when": self.rule.when,
            "step": self._step,
            "clock": self._clock.save(),
            "dropped": self.dropped,
            "told": told,
            "instances": [one.save() for one in self._instances.values()],
        }

    def restore(self, saved: Saved) -> bool:
        """Go on from a state of the same condition.

        Returns:
            False where it is of another one or damaged; then the rule begins anew.
        """
        self._clear()
        try:
            if saved["version"] != _VERSION or saved["when"] != self.rule.when:
                return False
            self._load(saved)
        except (KeyError, IndexError, TypeError, ValueError, StopIteration, AttributeError):
            self._clear()
            return False
        return True

    def _load(self, saved: Saved) -> None:
        self._step = int(saved["step"])
        self._clock.load(saved["clock"])
        self._told = {
            name: _Told(int(step), float(time), float(value))
            for name, (step, time, value) in saved["told"].items()
        }
        for one in saved["instances"]:
            captures = tuple(map(str, one["captures"]))
            instance = self._instances.get(captures) or self._add(captures)
            instance.load(one)
        self.dropped = int(saved["dropped"])

    def _route(self, metric: str) -> list[tuple[Instance, Input]]:
        """Where a metric's points go; makes the instance that it is the first of."""
        routes = self._routes[metric] = self._wires.setdefault(metric, [])
        for one in self._globs.values():
            captures = one.captures(metric)
            if captures is not None and captures not in self._instances:
                if len(self._instances) < self._room:
                    self._add(captures)
                else:
                    self.dropped += 1
        return routes

    def _add(self, captures: Captures) -> Instance:
        instance = Instance(self.rule, self._clock, self._globs, captures)
        self._instances[captures] = instance
        for name, one in instance.inputs.items():
            self._wires.setdefault(name, []).append((instance, one))
            if name in self._told:
                told = self._told[name]
                one.take(*told)
                instance.renew(one.mask, told.step)
        return instance
