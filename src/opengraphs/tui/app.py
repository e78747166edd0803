"""The Textual shell: one canvas, keys to actions, messages to the desk, one picture at a time.

Who draws: a view paints rows, overlays lie on top, the canvas refreshes what changed. Painting is
asked for with `changed` and happens once, after everything that is already queued.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.driver import Driver
from textual.message import Message
from textual.timer import Timer

from opengraphs.tui import actions, agentwatch, alarm, remembered, settings
from opengraphs.tui.clipboard import Clipboard, to_terminal
from opengraphs.tui.glyphs import Glyphs
from opengraphs.tui.handover import ExitChoice
from opengraphs.tui.linemeter import LineFacts, LineMeter
from opengraphs.tui.live import Live
from opengraphs.tui.messages import Answer, Failure, Happened, LiveMessage
from opengraphs.tui.model import SLOW_SLOTS, Desk
from opengraphs.tui.painters import frame, numbers
from opengraphs.tui.painters.cells import Row, fit
from opengraphs.tui.questions import Source, StopRequest, ViewsQuestion
from opengraphs.tui.remembered import Lasting, Memory
from opengraphs.tui.screens import views_state
from opengraphs.tui.screens.base import Drag, View
from opengraphs.tui.screens.late import Views
from opengraphs.tui.screens.overlays import Overlay, with_toast
from opengraphs.tui.theme import Theme
from opengraphs.tui.widgets.canvas import Canvas, Palette

RESIZE_S = 0.05
"""A window being dragged repaints this long after its last size."""

HOLD_S = 0.4
"""The first picture waits so long for its answers: stage 0's frame is better than empty boxes."""

PULSE_S = 1.0
ALARM_S = 1.0
"""After the first picture: whether alerts fire is asked then, when nothing else is waited for."""
REMEMBER_S = 0.5
"""After a key: what is looked at is written down then."""

LEAST_WIDTH, LEAST_HEIGHT = 12, 3


class FromLive(Message):
    """Something the data layer has to say."""

    def __init__(self, content: LiveMessage) -> None:
        self.content = content
        super().__init__()


class OgApp(App[ExitChoice], inherit_bindings=False):
    """og's terminal UI over a source of answers (the daemon, or a fake)."""

    CSS = "Screen { layers: base; overflow: hidden; } Screen:inline { border: none; }"
    BINDINGS: ClassVar[list[BindingType]] = []
    ENABLE_COMMAND_PALETTE = False
    COMMANDS: ClassVar[set[Any]] = set()
    ESCAPE_TO_MINIMIZE = False
    TITLE = "OpenGraphs"

    def __init__(
        self,
        source: Source,
        desk: Desk,
        palette: Palette,
        *,
        driver_class: type[Driver] | None = None,
        refresh_s: float | None = None,
        first_rows: list[Row] | None = None,
        on_first_frame: Callable[[], object] | None = None,
        chosen: settings.Settings | None = None,
        memory: Memory | None = None,
        resume: bool = False,
        lasting: Path | None = None,
    ) -> None:
        """Nothing is asked before there is a picture.

        Args:
            first_rows: what stage 0 has put on the terminal; it stays until there is something better.
            chosen: the settings behind `desk.choices` and `palette`, for Options.
            memory: where to keep what is looked at.
            resume: begin there, else with the project's default view.
            lasting: the file of what holds from one start to the next; None keeps nothing.
        """
        super().__init__(driver_class=driver_class, ansi_color=True)
        self.theme = "ansi-dark" if palette.theme.dark else "ansi-light"
        self.desk = desk
        self.source = source
        self.live = Live(
            source,
            self.take_live,
            on_defect=self._take_defect,
            refresh_s=desk.choices.refresh_ms / 1000 if refresh_s is None else refresh_s,
            slow_slots=SLOW_SLOTS,
        )
        self.overlay: Overlay | None = None
        self.palette = palette
        self.settings = chosen or settings.defaults()
        self.line_meter = LineMeter(self._line_facts, time.monotonic)
        self._pulse: Timer | None = None
        self.recent: list[str] = []
        """What was chosen in the palette, newest first."""
        self.keeping = asyncio.Lock()
        """One change of the settings file after the other."""
        self.canvas = Canvas(palette, self)
        self.views = Views(desk, self.live, lambda _: self._attach_views())
        self._attach_views()
        desk.perform = partial(actions.perform, self)
        self._lasting = Lasting(lasting)
        self._lasting.restore(self.views.values(), desk.histories)
        self._memory = memory
        self._remember_timer: Timer | None = None
        self._default_wanted = resume and not self._come_back()
        self._queued = False
        self._size_timer: Timer | None = None
        self._toast_timer: Timer | None = None
        self._tick_timer: Timer | None = None
        self._toast_shown: object = None
        self._defect: BaseException | None = None
        self._first_rows = first_rows
        self._holding = True
        self._on_first_frame = on_first_frame
        self.frames = 0

    def _attach_views(self) -> None:
        self.desk.attach(self.views, {name: view.own_slots for name, view in self.views.items()})

    # Life

    def compose(self) -> ComposeResult:
        yield self.canvas

    def on_mount(self) -> None:
        self.canvas.focus()
        self.desk.clipboard = Clipboard(to_terminal(self.copy_to_clipboard, self.desk.say))
        self.desk.panels.on_change = self.changed
        self.live.follow()
        self._catch_signals()

    def _catch_signals(self) -> None:
        """Signals leave like a user does, so that the terminal is put right again."""
        if self.is_headless:
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            loop.add_signal_handler(number, self._ended_by, number)

    def _ended_by(self, number: int) -> None:
        self.exit(ExitChoice("signal", 128 + number, self.desk.graphs.run_id))

    def _come_back(self) -> bool:
        """Where a dropped line left the user; False when there is nothing to come back to."""
        found = self._memory.load() if self._memory is not None else None
        if found is None:
            return False
        remembered.come_back(self, found)
        self.desk.say(f"as you left it {numbers.age(found['age_s'])} ago")
        return True

    def _remember(self) -> None:
        """Keep where the user is; in a thread, for a home on a network may hang."""
        self._remember_timer = None
        if self._memory is not None:
            self._in_thread(partial(self._memory.keep, remembered.state_of(self)))

    def remember_nothing(self) -> None:
        """What is shown is no place to come back to."""
        self._memory = None

    def _user_did(self) -> None:
        """A key or the mouse may have changed what is looked at."""
        if self._memory is not None and self._remember_timer is None:
            self._remember_timer = self.set_timer(REMEMBER_S, self._remember)

    async def on_unmount(self) -> None:
        if self._memory is not None:
            choice = self.return_value
            if choice is not None and choice.kind in ("quit", "stop"):
                self._memory.forget()
            else:
                self._memory.keep(remembered.state_of(self))
        await self.live.close()
        await self.source.close()

    def finish(self, kind: str) -> None:
        """Leave the screen; `run_app` returns what is decided here."""
        desk = self.desk
        run_id = desk.owned.run_id if desk.owned else desk.graphs.run_id
        self.exit(ExitChoice(kind, _exit_code(desk.owned_facts), run_id))  # type: ignore[arg-type]

    def stop_owned(self) -> None:
        """Ask for the end of the run this command started; leave when it has come."""
        desk = self.desk
        if desk.owned is None:
            return
        desk.stopping = True
        desk.say(f"stopping {desk.owned.name}; leaving when it has ended", "warn")
        self.live.ask_once(StopRequest(desk.owned.run_id))

    @property
    def failure(self) -> BaseException | None:
        """What ended the app, when it was a defect."""
        return self._defect or self._exception

    def _take_defect(self, defect: BaseException) -> None:
        """Something went wrong in the data layer that no user can mend: end, and let it be reported."""
        self._defect = self._defect or defect
        self.exit()

    def _fatal_error(self) -> None:
        """A defect ends the app without Textual's own report on the terminal: who runs us gives one."""
        self._close_messages_no_wait()

    # Messages

    def take_live(self, message: LiveMessage) -> None:
        """From the data layer: what says something new becomes a message, the rest only marks what is old."""
        if isinstance(message, Happened) and not self.desk.note(message.event, self.live):
            return
        self.post_message(FromLive(message))

    def on_from_live(self, message: FromLive) -> None:
        content = message.content
        self.desk.take(content, self.live)
        if isinstance(content, Answer):
            self._watch_alarm(content)
        if isinstance(content, Answer | Failure) and content.question.slot == "stop":
            self._stop_answered(content)
        if self.desk.stopping and not self.desk.owned_live:
            self.finish("stop")
        if self._default_wanted:
            self._look_as_usual()
        self._ring()
        self.changed()

    def _watch_alarm(self, content: Answer) -> None:
        """What fires now, after a look and after somebody took note."""
        slot = content.question.slot
        if slot == alarm.SLOT:
            self.desk.alarm.take(content.reply)
        elif slot == "alerts.ack":
            self.live.ask_once(alarm.AlarmQuestion())

    def _ring(self) -> None:
        """The bell, and a word to the terminal, which may show it also where nobody looks."""
        text, self.desk.alarm.unheard = self.desk.alarm.unheard, ""
        if text and self._driver is not None and not self.is_headless:
            self._driver.write(alarm.notification(text, term=os.environ.get("TERM", "")))

    def _look_as_usual(self) -> None:
        """At the start, once the project is known: as its default view says; the screen is the command's choice."""
        desk = self.desk
        project = views_state.project_of(desk)
        if desk.views.known and desk.views.project == project:
            self._default_wanted = False
            view = desk.views.get(desk.views.default) if desk.views.default else None
            if view is not None:
                views_state.apply(desk, self.views, view, screen=False)
        elif project and desk.views.project != project:
            desk.views.look_at(project)
            self.live.ask_once(ViewsQuestion(project))

    def _stop_answered(self, content: Answer | Failure) -> None:
        """The daemon could not stop it: the second way, the runner itself."""
        owned = self.desk.owned
        if isinstance(content, Failure) and owned is not None:
            if owned.stop is None:
                self.desk.stopping = False
            else:
                self._in_thread(owned.stop)

    # Keys and mouse

    @property
    def view(self) -> View:
        return self.views[self.desk.screen]

    def take_key(self, key: str, character: str | None) -> None:
        """One key: to the overlay, else the input line, else the action it is bound to. Escape also takes a
        message away."""
        if key == "escape" and self.overlay is None:
            self.desk.toast = None
        self._dispatch(key, character)
        self._user_did()
        self._holding, self.view.hurry = False, True
        self.changed()

    def _dispatch(self, key: str, character: str | None) -> None:
        overlay = self.overlay
        if overlay is not None:
            if not overlay.press(key, character) and self.overlay is overlay:
                self.overlay = None
            return
        if self.view.press(key, character):
            return
        action_id = self.desk.keymap.action(self.desk.screen, key)
        if action_id is not None and not (self.view.edit is not None and _types(character)):
            actions.perform(self, action_id)

    def take_paste(self, text: str) -> None:
        (self.overlay or self.view).paste(text)
        self.changed()

    def take_click(self, x: int, y: int) -> None:
        self._user_did()
        overlay = self.overlay
        if overlay is not None:
            if not overlay.click(x, y) and self.overlay is overlay:
                self.overlay = None
        elif y == 0:
            self._click_tab(x)
        else:
            self.view.click(x, y)
        self.changed()

    def _click_tab(self, x: int) -> None:
        """The tabs stand at the left of the top line, in the order of their keys."""
        row = self.canvas.rows[0] if self.canvas.rows else []
        name = frame.tab_at(row, x)
        if name is not None:
            actions.perform(self, f"screen.{name}")

    def take_drag(
        self,
        start: tuple[int, int],
        at: tuple[int, int],
        *,
        done: bool,
        button: int,
        modifiers: frozenset[str],
    ) -> None:
        if self.overlay is None:
            self.view.drag(Drag(start, at, done, button, modifiers))
            self.changed()

    def take_wheel(self, x: int, y: int, direction: int) -> None:
        self._user_did()
        if self.overlay is not None:
            self.overlay.wheel(direction)
        else:
            self.view.wheel(x, y, direction)
        self.changed()

    # Painting

    def changed(self) -> None:
        """Something on the screen may look different now: paint once, after what is queued."""
        if not self._queued and self.is_running:
            self._queued = True
            self.call_later(self._paint)

    def _paint(self) -> None:
        self._queued = False
        width, height = self.canvas.size
        if not width or not height or not self.is_running:
            return
        started = time.perf_counter()
        rows = self.picture(width, height)
        if self._holding and self._still_asking():
            return
        self._holding = False
        lines = self.canvas.show(rows)
        self.frames += 1
        self.live.frame_took(time.perf_counter() - started)
        self._ask_for_what_is_shown()
        self._watch_toast()
        self._watch_overlay()
        self._watch_clock()
        self._keep_what_lasts()
        if self.view.behind and not lines:
            self.changed()
        if self.frames == 1:
            self.call_after_refresh(self._after_first_frame)

    def _after_first_frame(self) -> None:
        """What can wait until there is something to look at."""
        actions.warm_up()
        if self._on_first_frame is not None:
            self._on_first_frame()
        self.desk.panels.start()
        self.set_timer(ALARM_S, self._ask_what_waits)

    def _ask_what_waits(self) -> None:
        self.live.ask_once(alarm.AlarmQuestion())
        self.live.ask_once(agentwatch.WaitingQuestion())

    def _still_asking(self) -> bool:
        """Before the first picture: whether answers are on their way without which it would be empty."""
        self._ask_for_what_is_shown()
        return self.live.busy

    def _let_go(self) -> None:
        if self._holding:
            self._holding = False
            self.changed()

    def post_display_hook(self) -> None:
        """The terminal has what was painted; now the rest of a picture that was cut short."""
        if self.view.behind:
            self.changed()

    def picture(self, width: int, height: int) -> list[Row]:
        """The whole screen as rows; a calm line where there is no room for one."""
        rows = self.view.paint(max(width, LEAST_WIDTH), max(height, LEAST_HEIGHT))
        if self.desk.alarm.level and rows:
            rows = [frame.with_alarm(rows[0], self.desk.alarm.level, self.desk.glyphs), *rows[1:]]
        if self.desk.agent.waiting and rows:
            rows = [frame.with_alarm(rows[0], "warn", self.desk.glyphs, tab="chat"), *rows[1:]]
        if width < LEAST_WIDTH or height < LEAST_HEIGHT:
            return [fit([("og: window too small" if y == 0 else "", "dim")], width) for y in range(height)]
        glyphs = self.desk.glyphs
        if self.overlay is not None:
            return self.overlay.paint(rows, width, height, glyphs)
        toast = self.desk.toast
        return with_toast(rows, toast.text, toast.kind, width, height, glyphs) if toast else rows

    def _ask_for_what_is_shown(self) -> None:
        questions = {question.slot: question for question in self.view.wants()}
        for view in self.views.values():
            for slot in view.slots:
                if slot not in questions:
                    self.live.drop(slot)
        for question in questions.values():
            self.live.want(question)

    def _watch_toast(self) -> None:
        """Take the message away when its time is over; the only timer, and only while there is one."""
        toast = self.desk.toast
        if toast is self._toast_shown:
            return
        self._toast_shown = toast
        if self._toast_timer is not None:
            self._toast_timer.stop()
        if toast is not None:
            self._toast_timer = self.set_timer(max(0.01, toast.until_s - self.desk.clock()), self._toast_over)

    def _watch_overlay(self) -> None:
        """An overlay that tells how things go is painted every second, and nothing else is."""
        if getattr(self.overlay, "live", False) and self._pulse is None:
            self._pulse = self.set_timer(PULSE_S, self._pulsed)

    def _pulsed(self) -> None:
        self._pulse = None
        if getattr(self.overlay, "live", False):
            self.changed()

    def _line_facts(self) -> LineFacts | None:
        facts = getattr(self._driver, "line_facts", None)
        return facts() if facts is not None else None

    def _keep_what_lasts(self) -> None:
        """At every change, since nobody knows how this ends."""
        if self._lasting.note(self.view, self.desk.histories):
            self._in_thread(self._lasting.write)

    def _watch_clock(self) -> None:
        """Ages tick where some are shown; one timer at most, and it is set by a picture alone."""
        wait_s = self.view.tick_s()
        if self._tick_timer is None and wait_s is not None:
            self._tick_timer = self.set_timer(wait_s, self._tick)

    def _tick(self) -> None:
        self._tick_timer = None
        self.live.touch(*self.view.aged())
        self.changed()

    def _toast_over(self) -> None:
        self.desk.toast = None
        self.changed()

    def take_size(self) -> None:
        """The first size at once; a window being dragged when it comes to rest."""
        if not self.frames:
            if self._first_rows is not None and len(self._first_rows) == self.canvas.size.height:
                self.canvas.show(self._first_rows)
            self.set_timer(HOLD_S, self._let_go)
            self._paint()
            return
        if self._size_timer is not None:
            self._size_timer.stop()
        self._size_timer = self.set_timer(RESIZE_S, self._paint)

    # Looks

    def set_look(self, *, colors: Theme | None = None, glyphs: Glyphs | None = None) -> None:
        """Other colours or glyphs from now on."""
        self.palette = Palette(colors or self.palette.theme, self.palette.depth)
        textured = self.palette.theme.textured(self.palette.depth)
        found = (glyphs or self.desk.glyphs).with_texture(textured)
        self.desk.glyphs = found
        self.desk.choices = self.desk.choices._replace(glyphs=found)
        self.canvas.set_palette(self.palette)
        self.forget_pictures()

    def forget_pictures(self) -> None:
        """Paint every screen anew when it is shown."""
        for view in self.views.values():
            view.forget_pictures()
        self.changed()

    def set_mouse(self, on: bool) -> None:
        """Take the mouse, or leave it to the terminal."""
        take = getattr(self._driver, "take_mouse", None)
        if take is not None:
            take(on)

    def _in_thread(self, work: Callable[[], object]) -> None:
        """Do what may take its time beside the screen; what it raises is its own affair."""

        async def worker() -> None:
            await asyncio.to_thread(work)

        self.run_worker(worker, exit_on_error=False)  # type: ignore[arg-type]  # fits two of its forms

    # Actions that need Textual

    def redraw(self) -> None:
        """Write every cell again, whatever stands on the terminal now."""
        repaint = getattr(self._driver, "repaint", None)
        if repaint is not None:
            repaint()

    def edit_text(self, text: str) -> str | None:
        """A text in the user's editor, which has the terminal meanwhile; None when it came to nothing."""
        from opengraphs.tui.chat_actions import in_editor

        with self.suspend():
            found = in_editor(text)
        self.redraw()
        return found

    def suspend_og(self) -> None:
        self.action_suspend_process()


def _types(character: str | None) -> bool:
    return character is not None and character.isprintable()


def _exit_code(facts: Any) -> int | None:
    """A run's own exit code, 128 + N when signal N ended it; None while it is not known."""
    if facts.get("exit_code") is not None:
        return int(facts["exit_code"])
    return 128 + int(facts["signal"]) if facts.get("signal") else None
