"""Everything the UI knows, in one place: the three screens' states and what they share.

Live ── messages ──▶ Desk.take ──▶ states          (this module; no Textual, no painting)
keys ── actions ───▶ states, Desk
states ────────────▶ screens paint ──▶ Canvas
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, NamedTuple, Protocol, cast

from opengraphs.errors import DaemonError, OgError
from opengraphs.protocol.events import Event
from opengraphs.protocol.runs import RunReply
from opengraphs.records import ENDED, RunFacts
from opengraphs.tui.agentwatch import SEND_SLOT, STOP_SLOT, WAITING_SLOT, AgentWatch, WaitingQuestion
from opengraphs.tui.alarm import Alarm, AlarmQuestion
from opengraphs.tui.clipboard import Clipboard
from opengraphs.tui.glyphs import Glyphs
from opengraphs.tui.handover import OwnedRun, ScreenName
from opengraphs.tui.keys import Keymap
from opengraphs.tui.messages import Answer, Failure, Happened, Link, LiveMessage, Streamed
from opengraphs.tui.panelhost import PanelHost
from opengraphs.tui.questions import (
    FindQuestion,
    LogQuestion,
    Question,
    RunQuestion,
    RunsQuestion,
    SeriesQuestion,
    Stream,
)
from opengraphs.tui.screens.graphs_state import GraphsState
from opengraphs.tui.screens.logs_state import LogsState
from opengraphs.tui.screens.runs_state import RunsState
from opengraphs.tui.screens.system_state import SystemState
from opengraphs.tui.screens.views_state import ViewsState
from opengraphs.tui.widgets.line_history import Histories

TOAST_S = 4.0
SLOW_SLOTS = {"runs": 1.0, "cards": 2.0, "run": 1.0, "system": 1.0, "ranks": 5.0, "diff": 1.0} | {
    "machine": 1.0,
    "machine.names": 10.0,
    "machine.metrics": 1.0,
    "host": 0.5,
    "samples": 1.0,
    "alerts": 1.0,
    "alerts.curve": 1.0,
    "chat.sessions": 0.5,
    "chat.agent": 1.0,
}
"""Least seconds between two live answers where 250 ms would be restless or dear."""


class Asker(Protocol):
    """The data layer as the desk sees it: where to say that an answer has become old."""

    def touch(self, *names: str) -> None: ...

    def touch_all(self) -> None: ...

    def ask_once(self, question: Question) -> None: ...


class Screen(Protocol):
    """A screen as the desk sees it: who takes the answers to its own questions. slots: see `View`."""

    slots: ClassVar[tuple[str, ...]]

    def take(self, question: Question, reply: Mapping[str, Any]) -> None: ...

    def fail(self, question: Question, error: OgError) -> bool: ...

    def hear(self, stream: Stream, line: Mapping[str, Any]) -> None: ...

    def stale(self, event: Event) -> Iterable[str]: ...


class Toast(NamedTuple):
    text: str
    kind: str
    until_s: float


class Choices(NamedTuple):
    """How the UI is to look and behave; settled before it starts."""

    glyphs: Glyphs
    keymap: Keymap
    refresh_ms: int = 250
    minimal: bool = False
    source: str = ""
    panels: tuple[str, ...] = ()
    export_dir: str = ""


class Desk:
    """The UI's state. `clock` is epoch seconds, for ages and toasts; tests bring their own."""

    def __init__(
        self,
        choices: Choices,
        *,
        graphs: GraphsState | None = None,
        screen: ScreenName = "runs",
        owned: OwnedRun | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.choices = choices
        self.glyphs = choices.glyphs
        self.keymap = choices.keymap
        self.clock = clock or time.time
        self.screen: ScreenName = screen
        self.runs = RunsState()
        self.graphs = graphs or GraphsState()
        self.logs = LogsState()
        self.system = SystemState()
        self.views = ViewsState()
        self.owned = owned
        self.owned_facts: RunFacts = {}
        self.panels = PanelHost(choices.panels)
        self.clipboard = Clipboard()
        self.histories = Histories()
        self.alarm = Alarm()
        self.agent = AgentWatch()
        self.perform: Callable[[str], object] = lambda action_id: None
        """Does an action by its id, as its key does; the app brings it."""
        self.link = Link(False, "connecting")
        self.toast: Toast | None = None
        self.paused = False
        self.stopping = self._looking = False
        self.trouble = ""
        self.replies: dict[str, Mapping[str, Any]] = {}
        """The last answer in each slot: what a screen that is saved as values shows."""
        self._screens: Mapping[str, Screen] = {}
        self._takers: dict[str, Screen] = {}

    def attach(self, screens: Mapping[str, Screen], own_slots: Mapping[str, Iterable[str]]) -> None:
        """The screens that answers and events may be for. own_slots: by screen, the slots no other has."""
        self._screens = screens
        self._takers = {}
        for name, slots in own_slots.items():
            for slot in slots:
                if slot in self._takers:
                    raise ValueError(f"two screens take the answers of slot {slot!r}; {name} is the second")
                self._takers[slot] = screens[name]

    def say(self, text: str, kind: str = "info") -> None:
        """Tell the user something for a few seconds; the newest replaces the one before."""
        self.toast = Toast(text, kind, self.clock() + TOAST_S)

    def open_run(self, ref: str) -> None:
        """Put a run in view on Graphs and Logs."""
        self.trouble = ""
        self.graphs.view_run(ref)
        self.graphs.set_overlay(list(self.runs.selected.items()))
        self.logs.view_run(self.graphs.run_id)

    @property
    def owned_live(self) -> bool:
        """A run this command started is, as far as is known, still going."""
        return self.owned is not None and self.owned_facts.get("status", "running") not in ENDED

    # Messages

    def take(self, message: LiveMessage, live: Asker) -> None:
        """Bring the states up to date, and mark in `live` what has to be asked again."""
        if isinstance(message, Answer):
            self._take_answer(message)
        elif isinstance(message, Happened):
            self._take_event(message.event, live)
        elif isinstance(message, Failure):
            self._take_failure(message)
        elif isinstance(message, Streamed):
            taker = self._takers.get(message.stream.slot)
            if taker is not None:
                taker.hear(message.stream, message.line)
        else:
            self.link = message
            if message.final:
                self.say(message.detail, "error")

    def _take_answer(self, answer: Answer) -> None:
        question, reply = answer
        self.link = Link(True, "")
        self.replies[question.slot] = reply
        taker = self._takers.get(question.slot)
        if taker is not None:
            taker.take(question, reply)
        elif isinstance(question, RunsQuestion):
            self.runs.take(question, reply)
            self._choose_first_run()
        elif isinstance(question, SeriesQuestion) and question.slot == "panels":
            self.graphs.take_panels(question, reply)
        elif isinstance(question, SeriesQuestion):
            self.graphs.take_series(question, reply)
        elif isinstance(question, LogQuestion):
            self.logs.take(question, reply)
        elif isinstance(question, FindQuestion):
            note = self.logs.take_find(question, reply)
            if note:
                self.say(note)
        elif isinstance(question, RunQuestion):
            self._take_run(question, cast("RunReply", reply))
        elif question.slot == "system":
            self.graphs.take_system(reply)
        elif question.slot == "views":
            self.views.take(reply)
        elif question.slot == WAITING_SLOT:
            self.agent.take(reply)
        elif question.slot == STOP_SLOT:
            self.say("the agent acts no more; og auto stop --off releases it", "warn")

    def _choose_first_run(self) -> None:
        """Graphs without a run shows the newest live one, as stage 0 did."""
        run = self.runs.rows.get(self.runs.cursor)
        if self.graphs.ref is None and self.screen != "runs" and run is not None:
            self.open_run(run["run_id"])

    def _take_run(self, question: RunQuestion, reply: RunReply) -> None:
        graphs = self.graphs
        if question.run not in (graphs.ref, graphs.run_id):
            return
        self.trouble = ""
        if self.logs.run == graphs.ref:
            self.logs.run = reply["run_id"]
        self._announce(graphs.take_run(reply))
        self._note_owned(reply["run_id"], reply)

    def note(self, event: Event, live: Asker) -> bool:
        """What an event makes old is marked in `live`; True when the event also says something new by itself.

        Points come in up to thirty times a second and run; nothing but a mark is made of them.
        """
        kind, run = event.get("kind"), event.get("run", "")
        on_screen = self._screens.get(self.screen)
        if on_screen is not None:
            live.touch(*on_screen.stale(event))
        if kind == "metrics":
            live.touch("runs", "cards")
            if run in self.graphs.runs_shown():
                live.touch("series")
            if run == self.graphs.run_id:
                live.touch("ranks", "panels")
                if on_screen is not None and "series" not in on_screen.slots:
                    live.touch("run")  # with no curves in view nothing else tells how far the run is
            return run == self.graphs.run_id and self.graphs.knows_not(event.get("keys", {}))
        if kind == "run" and not self._is_shown(run):
            live.touch("runs", "cards")
            return False
        if kind == "log":
            self._note_log(run, live)
        elif kind == "system" and run == self.graphs.run_id:
            live.touch("system")
        return str(kind) == "chat" or kind in ("hello", "resync", "run", "gone", "sources", "alert")

    def _note_log(self, run: str, live: Asker) -> None:
        """A log grew: with no chart in view nothing but its progress bar tells how far the run is."""
        if run == self.logs.run:
            live.touch("log")
        if run == self.graphs.run_id and not self.graphs.shown():
            live.touch("run")

    def _is_shown(self, run: str) -> bool:
        """Whether what happens to a run can be seen, or decides how og is left."""
        owned = self.owned is not None and run == self.owned.run_id
        return owned or run == self.graphs.run_id or self.runs.knows(run)

    def _take_event(self, event: Event, live: Asker) -> None:
        kind, run = event.get("kind"), event.get("run", "")
        if kind == "hello":
            self.link = Link(True, "")
        elif kind == "resync":
            live.touch_all()
            live.ask_once(WaitingQuestion())
        elif kind == "gone":
            self._take_gone(run, live)
        elif kind == "sources":
            self._say_what_was_found(event)
        elif kind == "alert":
            self._take_alerts(event, live)
        elif str(kind) == "chat":
            self._take_chat(event)
        elif kind == "run":
            self._take_run_event(run, event.get("facts", {}), live)
        elif kind == "metrics" and run == self.graphs.run_id:
            self._announce(self.graphs.saw_metrics(event.get("keys", {})))

    def _take_alerts(self, event: Event, live: Asker) -> None:
        """Something fires, or is over."""
        word = self.alarm.hear(event.get("alerts", ()), event.get("about", {}))
        if word is not None:
            self.say(*word)
        live.ask_once(AlarmQuestion())

    def _take_chat(self, event: Event) -> None:
        """Somebody is asked for a decision: it can be seen on every screen."""
        if self.agent.hear(event) and self.screen != "chat":
            self.say("the agent asks for a decision: 8 shows it", "warn")

    def _say_what_was_found(self, event: Event) -> None:
        """How far a look for runs of other programs is, and what of them cannot be read."""
        runs, looking = event.get("runs", 0), event.get("looking", False)
        found = f"{runs} run{'' if runs == 1 else 's'} found"
        if event.get("message"):
            self.say(event["message"], "warn")
        elif looking:
            self.say(f"{found}, still looking")
        elif self._looking:
            self.say(found)
        self._looking = looking

    def _take_gone(self, run: str, live: Asker) -> None:
        """A run's folder went away: out of the list at once, and a word when it is the one in view."""
        self.runs.forget(run)
        live.touch("runs", "cards")
        if run in self.graphs.overlay:
            self.graphs.set_overlay(
                [(one, self.graphs.names.get(one, one)) for one in self.graphs.overlay if one != run]
            )
        if run and run == self.graphs.run_id:
            self.say(f"{self.graphs.run.get('name') or run} was removed", "warn")

    def _take_run_event(self, run: str, facts: RunFacts, live: Asker) -> None:
        self._note_owned(run, facts)
        # A row also has what the daemon read of its metrics, and an ended run's event may tell of that.
        if not self.runs.take_facts(run, facts) or facts.get("status") in ENDED:
            live.touch("runs", "cards")
        if run == self.graphs.run_id and not self.graphs.run:
            live.touch("run")  # asked for before the daemon had seen it
        elif run == self.graphs.run_id:
            was_live = self.graphs.live
            self.graphs.take_facts(cast("dict[str, object]", facts))
            if self.graphs.ended:
                live.touch("run", "series", "panels", "system", "log")
            if was_live and self.graphs.ended:
                self._say_how_it_ended()

    def _say_how_it_ended(self) -> None:
        run = self.graphs.run
        status, code = run.get("status", ""), run.get("exit_code")
        kind = {"finished": "ok", "stopped": "warn"}.get(status, "error")
        self.say(f"{run.get('name')} {status}" + (f", exit code {code}" if code else ""), kind)

    def _note_owned(self, run: str, facts: RunFacts) -> None:
        if self.owned is not None and run == self.owned.run_id:
            self.owned_facts = {**self.owned_facts, **facts}

    def _announce(self, keys: list[str]) -> None:
        if keys:
            more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
            self.say(f"new series discovered: {keys[0]}{more}")

    def _take_failure(self, failure: Failure) -> None:
        question, error = failure
        taker = self._takers.get(question.slot)
        if taker is not None and taker.fail(question, error):
            return
        if isinstance(error, DaemonError):
            self.link = Link(False, error.message)
        elif question.slot == "runs":
            self.runs.take_failure(error)
        elif question.slot in ("run", "series"):
            self.trouble = str(error) + (f"; {error.hint}" if error.hint else "")
        elif question.slot in (WAITING_SLOT, SEND_SLOT):
            pass  # Chat says it, where it is asked for
        elif question.slot == "views":
            self.views.error = str(error)
            self.say(error.message, "error")
        elif question.slot == "find":
            self.logs.searching = False
            self.say(error.message, "error")
        else:
            self.say(error.message, "error")
