"""The rules, roles and detector choices that hold for a run, from every place where a person writes them.

    user's alerts.toml ─ store's alerts.toml ─ og.toml above the run's folder ─ `og run --alert`

Later places win over earlier ones where names are equal. A file with a fault is left out as a
whole, and said so: a typo must not switch half of the rules off in silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

from opengraphs import paths
from opengraphs.alerts.roles import ROLES, Role
from opengraphs.alerts.rules import DetectorChoice, Rule, RulesFile, merged, parse_rule, read_rules
from opengraphs.alerts.rules.clauses import parse_span
from opengraphs.alerts.settings import AFTER_S, DETECTORS, Settings
from opengraphs.daemon.alerting.sinks import TABLE as SINKS
from opengraphs.daemon.alerting.sinks import sinks_file
from opengraphs.errors import UsageError

NAME = "alerts.toml"
MOST_BYTES = 1 << 20
_NOTHING = RulesFile()


class Trouble(NamedTuple):
    """A place whose rules do not count, and why."""

    place: str
    message: str
    hint: str


class ForRun(NamedTuple):
    """What holds for one run."""

    rules: tuple[Rule, ...]
    roles: dict[str, Role]
    settings: Settings


class Rulebook:
    """The files, read again when they change."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._read: dict[Path, tuple[tuple[int, int], RulesFile]] = {}
        self._troubles: dict[str, Trouble] = {}

    def stamp(self, facts: Mapping[str, Any]) -> tuple[Any, ...]:
        """Differs when something that holds for the run was changed."""
        return tuple(_stamp(path) for path, _ in self._places(facts))

    def for_run(self, facts: Mapping[str, Any]) -> ForRun:
        """What holds for a run, by its facts."""
        files = [self._file(path, is_project=is_project) for path, is_project in self._places(facts)]
        files.append(self._said(facts))
        whole = merged(files)
        roles = cast("dict[str, Role]", dict(whole.roles))
        return ForRun(whole.rules, {**_defined(facts), **roles}, self._settings(whole.detectors))

    def troubles(self) -> list[Trouble]:
        """What does not count."""
        return list(self._troubles.values())

    def _places(self, facts: Mapping[str, Any]) -> Iterator[tuple[Path, bool]]:
        """Files that may say something, and whether each is a project's."""
        yield sinks_file(), False
        yield self._store / NAME, False
        cwd = facts.get("cwd")
        if isinstance(cwd, str) and cwd.startswith("/"):
            project = paths.project_file(Path(cwd))
            if project is not None:
                yield project, True

    def _file(self, path: Path, *, is_project: bool) -> RulesFile:
        stamp = _stamp(path)
        known = self._read.get(path)
        if known is not None and known[0] == stamp:
            return known[1]
        found = _NOTHING
        self._troubles.pop(str(path), None)
        if stamp != (0, 0):
            try:
                found = self._parsed(path, is_project=is_project)
            except UsageError as error:
                self._note(str(path), error)
            except (OSError, UnicodeDecodeError) as error:
                self._note(str(path), UsageError(f"it cannot be read ({error})", path=str(path)))
        self._read[path] = (stamp, found)
        return found

    def _parsed(self, path: Path, *, is_project: bool) -> RulesFile:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            raise UsageError(f"more than {MOST_BYTES} bytes of rules", path=str(path))
        others = (SINKS,) if path == sinks_file() else ()
        found = read_rules(
            text.decode(),
            path=str(path),
            is_project=is_project,
            others=others,
            roles=ROLES,
            detectors=DETECTORS,
        )
        self._settings(found.detectors)  # raises where an option is wrong
        for rule in found.rules:
            if rule.action != "notify":
                what = f"rule {rule.name!r}: action {rule.action}: this version of og only notifies"
                raise UsageError(what, hint="leave the action out", path=rule.origin)
        return found

    def _said(self, facts: Mapping[str, Any]) -> RulesFile:
        """What the command line gave along."""
        lines = facts.get("alert_rules")
        rules: list[Rule] = []
        for line in lines if isinstance(lines, list) else ():
            try:
                rules.append(parse_rule(str(line), origin="--alert"))
            except UsageError as error:
                self._note(f"{facts.get('run_id')}: --alert", error)
        return RulesFile(tuple(rules))

    def _note(self, place: str, error: UsageError) -> None:
        self._troubles[place] = Trouble(error.path or place, error.message, error.hint)

    @staticmethod
    def _settings(choices: Mapping[str, DetectorChoice]) -> Settings:
        """Raises UsageError for an option that a detector does not have."""
        said: dict[str, dict[str, Any]] = {}
        for name, choice in choices.items():
            one = said[name] = {"level": "off" if not choice.is_on else choice.level}
            for key, value in choice.options.items():
                if key != "for" or name not in AFTER_S:
                    hint = "`for` is an option of " + ", ".join(AFTER_S)
                    raise UsageError(f"detector {name!r} has no option {key!r}", hint=hint)
                span = parse_span(str(value), bare="s", what="for")
                if span.unit != "s":
                    raise UsageError(f"detector {name!r}: for is a time", hint='for = "60s"')
                one["after_s"] = span.amount
        return Settings.of(said)


def _defined(facts: Mapping[str, Any]) -> dict[str, Role]:
    """Roles that the script gave with `og.define`."""
    found = facts.get("metric_roles")
    known = found.items() if isinstance(found, dict) else ()
    return {str(metric): role for metric, role in known if role in ROLES}


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
