"""The terminal under Textual: our output, its framework. The only module that touches private Textual surfaces.

    compositor ─ update ─▶ Emitter (wanted, shown) ─ one write a frame ─▶ output thread ─▶ tty
                                 ▲                                                        │
                                 └────── answer of the terminal to the last frame ◀───────┘

A frame goes out when the one before has been written and, unless the user has just
pressed something, when the terminal has answered it. Meanwhile updates gather in the
emitter, so nothing queues and a slow line drops frames rather than keys.

    app = App(driver_class=driver.make(stage0=painted, mouse=True))
    app._driver.repaint()            # ctrl+l: forget what is on the screen

Pinned to the Textual version in pyproject; tests/tui/test_emitter_fuzz.py compares with stock output.
"""

from __future__ import annotations

import asyncio
import os
import selectors
import signal
import termios
import threading
import time
import tty
from codecs import getincrementaldecoder
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any, ClassVar

from rich.cells import cell_len, get_character_cell_size, set_cell_size
from rich.color import ColorSystem
from rich.style import Style
from textual import _ansi_sequences, events, messages
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Size
from textual.strip import SGR_STYLES, Strip

from opengraphs.tui import ansi, terminal
from opengraphs.tui.emitter import Emitter, Look
from opengraphs.tui.linemeter import LineFacts
from opengraphs.tui.output import Output

if TYPE_CHECKING:
    from textual.app import App
    from textual.message import Message
    from textual.screen import Screen

    from opengraphs.tui.stage0 import Painted

ASK = "\x1b[5n"
ANSWER = "\x1b[0n"
"""Device status: the cheapest question every terminal answers."""

ANSWER_TIMEOUT_S = 5.0
"""Until then a live frame waits for the answer to the one before; a terminal that never answered is not asked again."""

INPUT_WINDOW_S = 0.15
"""Frames this soon after a key or a click go out without waiting for an answer."""

SETTLE_QUIET_S = 0.12
MOVED_S = 0.15
"""After a resize: what the app has not painted by then it has no reason to paint."""

SETTLE_MAX_S = 0.6
"""After stage 0 the app's first updates are gathered until it has been quiet for so long, or for so long at
most: it starts empty and fills in within moments, and the screen already shows what it is about to say."""

SYNC_FROM_BYTES = 1024
"""Smaller frames reach the terminal in one piece anyway."""


class _AnswerKey:
    """Stands in Textual's table of key sequences, so that its parser finds the answer wherever it is cut."""

    value = "<og-terminal-answer>"


_ansi_sequences.ANSI_SEQUENCES_KEYS[ANSWER] = (_AnswerKey,)  # type: ignore[index]
# alt+backspace where the backspace key sends BS: Textual knows only ESC DEL, and would drop the ESC.
_ansi_sequences.ANSI_SEQUENCES_KEYS["\x1b\x08"] = _ansi_sequences.ANSI_SEQUENCES_KEYS["\x1b\x7f"]  # type: ignore[index]


class Looks:
    """Rich styles as looks of an emitter, each worked out once."""

    def __init__(self, emitter: Emitter, system: ColorSystem) -> None:
        self._emitter = emitter
        self._system = system
        self._numbers: dict[Style | None, int] = {None: emitter.look(Look())}

    def number(self, style: Style | None) -> int:
        found = self._numbers.get(style)
        if found is None:
            found = self._numbers[style] = self._emitter.look(look_of(style or Style(), self._system))
        return found


def look_of(style: Style, system: ColorSystem) -> Look:
    """The SGR codes Textual would write for a style."""
    bits = style._attributes & style._set_attributes
    attrs = frozenset(code for bit, code in enumerate(SGR_STYLES) if bits & (1 << bit))
    fg = bg = ""
    if style._color is not None:
        fg = ";".join(style._color.downgrade(system).get_ansi_codes())
    if style._bgcolor is not None:
        bg = ";".join(style._bgcolor.downgrade(system).get_ansi_codes(False))
    return Look(fg or "39", bg or "49", attrs)


def _role_look(painted: Painted, role: str) -> Look:
    """The look stage 0 gave a role."""
    style = painted.theme.resolve(role, painted.depth)
    attrs = (("1", style.bold), ("2", style.dim), ("4", style.underline), ("7", style.reverse))
    return Look(
        ansi.color(style.fg, 30) if style.fg else "39",
        ansi.color(style.bg, 40) if style.bg else "49",
        frozenset(code for code, on in attrs if on),
    )


def put_update(emitter: Emitter, looks: Looks, update: CompositorUpdate) -> None:
    """Want what a compositor update says; of a partial one only the spans that changed."""
    if isinstance(update, LayoutUpdate):
        for y, strips in enumerate(update.strips, update.region.y):
            x = update.region.x
            for strip in strips:
                _put_span(emitter, looks, y, x, strip, x, x + strip.cell_length)
                x += strip.cell_length
    elif isinstance(update, ChopsUpdate):
        for y, start, stop in update.spans:
            for end, (x, chop) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
                if chop is not None and x < stop and end > start:
                    _put_span(emitter, looks, y, x, chop, start, min(end, stop))


def _put_span(emitter: Emitter, looks: Looks, y: int, x: int, strip: Strip, start: int, stop: int) -> None:
    """Want the cells [start, stop) of a strip that begins at column `x`; a wide character is never cut at the start."""
    for text, style, control in strip._segments:
        if control:
            continue
        if x >= stop:
            return
        end = x + (len(text) if text.isascii() else cell_len(text))
        if end > start:
            shown, at = text, x
            if x < start and emitter.is_narrow(text):
                shown, at = text[start - x :], start
            if end > stop:
                shown = shown[: stop - at] if emitter.is_narrow(shown) else set_cell_size(shown, stop - at)
            emitter.put(y, at, shown, looks.number(style))
        x = end


class OgDriver(LinuxDriver):
    """Textual's Linux driver with a front buffer, and a terminal that is always put right again."""

    stage0: ClassVar[Painted | None] = None
    facts: ClassVar[terminal.Terminal | None] = None

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._painted = type(self).stage0
        self._facts = type(self).facts or terminal.detect()
        self._out_fd = 1 if os.isatty(1) else 2
        width, height = self._get_terminal_size()
        self.emitter = Emitter(width, height, char_width=get_character_cell_size)
        self._looks: Looks | None = None
        self._output: Output | None = None
        self._wake: tuple[int, int] | None = None
        self._sync = False
        self._answers = True
        self._ever_answered = False
        self._asked_at: float | None = None
        self._input_at = float("-inf")
        self._waiting = False
        self._handlers: dict[signal.Signals, Any] = {}
        self._settle_until = 0.0
        self._settle_end = 0.0
        self._retry: asyncio.TimerHandle | None = None
        self._answered = threading.Event()
        self.frames = self.dropped = self.answered = 0
        self._held = 0
        """Pictures the emitter has taken in since the last frame."""
        self._answer_s: float | None = None
        setattr(app, "_display", self._display)  # noqa: B010  (a method replaced on the instance)

    # Frames

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        """In place of `App._display`: updates go into the emitter, frames come out when there is room."""
        app = self._app
        try:
            ready = app._running and not app._closed and not app._batch_count and self._output is not None
            if not ready or renderable is None:
                return
            if not isinstance(renderable, CompositorUpdate):
                return
            self._fit_to(screen.outer_size)
            put_update(self.emitter, self._look_table(), renderable)
            self._held += 1
            self._settle_until = min(self._settle_end, time.monotonic() + SETTLE_QUIET_S)
            self._paint()
        finally:
            app.post_display_hook()

    def _look_table(self) -> Looks:
        if self._looks is None:
            self._looks = Looks(self.emitter, self._app.console._color_system or ColorSystem.TRUECOLOR)
        return self._looks

    def _fit_to(self, size: Size) -> None:
        if (size.width, size.height) != (self.emitter.width, self.emitter.height):
            self.emitter.resize(size.width, size.height)

    def _paint(self) -> None:
        """Send what is wanted, or see to it that it is sent later."""
        output = self._output
        if output is None:
            return
        wait_s = self._must_wait_s(time.monotonic())
        self._waiting = output.busy or wait_s > 0
        if wait_s > 0 and self._retry is None:
            self._retry = self._loop.call_later(wait_s, self._try_again)
        if self._waiting:
            return
        text = self.emitter.flush()
        held, self._held = self._held, 0
        if not text:
            return
        self.frames += 1
        self.dropped += max(0, held - 1)
        if self._sync and self._facts.sync_output and len(text) >= SYNC_FROM_BYTES:
            text = f"{_ansi_sequences.SYNC_START}{text}{_ansi_sequences.SYNC_END}"
        if self._answers and self._asked_at is None:
            self._asked_at = time.monotonic()
            self._answered.clear()
            text += ASK
        output.put(text)

    def _must_wait_s(self, now: float) -> float:
        """How long a frame has to wait: for the app to settle, for the terminal's answer; 0 is not at all."""
        if now - self._input_at < INPUT_WINDOW_S:
            return 0.0
        if now < self._settle_until:
            return self._settle_until - now
        if self._asked_at is None:
            return 0.0
        left = self._asked_at + ANSWER_TIMEOUT_S - now
        if left <= 0:
            self._answers = self._ever_answered
            self._asked_at = None
        return max(0.0, left)

    def _try_again(self) -> None:
        self._retry = None
        if self._waiting:
            self._paint()

    def _on_answer(self) -> None:
        self._ever_answered = True
        if self._asked_at is not None:
            self.answered += 1
            self._answer_s = time.monotonic() - self._asked_at
        self._asked_at = None
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if self._waiting:
            self._paint()

    def _on_input(self) -> None:
        if self._waiting:
            self._paint()

    def _from_thread(self, callback: Callable[[], object]) -> None:
        try:
            self._loop.call_soon_threadsafe(callback)
        except RuntimeError:
            return  # the loop is closed: nobody is left to paint for

    def repaint(self) -> None:
        """Write the whole screen again: after something else has written on it."""
        self.emitter.invalidate()
        self._input_at = time.monotonic()
        self._paint()

    @property
    def written_bytes(self) -> int:
        """Bytes sent to the terminal so far: what a line has carried."""
        return self._output.written_bytes if self._output is not None else 0

    def line_facts(self) -> LineFacts:
        """What this terminal was sent, and what it told."""
        lagging = self._asked_at is not None
        return LineFacts(
            self.written_bytes, self.frames, self.dropped, self.answered, self._answer_s, lagging
        )

    # Input

    def process_message(self, message: Message) -> None:
        """From the input thread: answers are ours, focus changes nobody's, the rest is Textual's."""
        if isinstance(message, events.Key) and message.key == _AnswerKey.value:
            self._answered.set()
            self._from_thread(self._on_answer)
            return
        if isinstance(message, messages.TerminalSupportsSynchronizedOutput):
            self._sync = True
            return
        if isinstance(message, (events.AppFocus, events.AppBlur, messages.InBandWindowResize)):
            return
        if isinstance(message, (events.Key, events.MouseEvent, events.Paste)):
            self._input_at = time.monotonic()
            self._from_thread(self._on_input)
        super().process_message(message)

    def run_input_thread(self) -> None:
        """Read until told to stop; a pipe wakes it, so that leaving does not wait for a poll."""
        assert self._wake is not None
        wake = self._wake[0]
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            selector.register(wake, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                ready = {key.fd for key, _ in selector.select(0.1 if parser._timeout_time else None)}
                if wake in ready:
                    return
                if self.fileno in ready and not self._read(parser, decode):
                    self._from_thread(self._app.exit)
                    return
                for event in parser.tick():
                    self.process_message(event)

    def _read(self, parser: XTermParser, decode: Callable[[bytes], str]) -> bool:
        """Hand on what came in; False at the end of the input."""
        try:
            data = os.read(self.fileno, 4096)
        except OSError:
            return False
        if not data:
            return False
        for event in parser.feed(decode(data)):
            self.process_message(event)
        return True

    # Modes

    def write(self, data: str) -> None:
        """Control sequences of Textual's own (clipboard, bell): in order, at once."""
        if self._output is not None:
            self._output.put(data)

    def _enable_mouse_support(self) -> None:
        """Buttons and drags, in SGR form; no report of mere motion: each would cross the line."""
        if self._mouse:
            self.write("\x1b[?1000h\x1b[?1002h\x1b[?1006h")

    def take_mouse(self, on: bool) -> None:
        """Take the mouse from now on, or leave it to the terminal."""
        if on != self._mouse:
            self._disable_mouse_support()
            self._mouse = on
            self._enable_mouse_support()

    def _disable_mouse_support(self) -> None:
        if self._mouse:
            self.write("\x1b[?1006l\x1b[?1002l\x1b[?1000l")

    def start_application_mode(self) -> None:
        """Take the terminal: over from stage 0 when it has painted, else from the shell."""
        if os.isatty(self.fileno) and not self._in_foreground():
            return
        self._output = Output(self._out_fd, lambda: self._from_thread(self._on_drained))
        self._output.start()
        self._watch_size()
        self._enter_screen()
        self._raw_mode()
        self._catch_signals()
        self._enable_mouse_support()
        self.write("\x1b[>1u\x1b[?2004h\x1b[?7l")
        self._start_input()
        self._request_terminal_sync_mode_support()
        if self._must_signal_resume:
            self._must_signal_resume = False
            self.send_message(self.SignalResume())
            self._paint()

    def _in_foreground(self) -> bool:
        """Whether we may write; a job in the background goes to sleep here, as Textual does."""

        def sleep_again(*_: object) -> None:
            os.kill(os.getpid(), signal.SIGSTOP)

        signal.signal(signal.SIGTTOU, sleep_again)
        signal.signal(signal.SIGTTIN, sleep_again)
        try:
            termios.tcsetattr(self.fileno, termios.TCSANOW, termios.tcgetattr(self.fileno))
        except termios.error:
            return False
        finally:
            signal.signal(signal.SIGTTOU, signal.SIG_DFL)
            signal.signal(signal.SIGTTIN, signal.SIG_DFL)
        return True

    def _enter_screen(self) -> None:
        """The alternate screen; or the one that stage 0 is on already, with the frame it has left there."""
        painted, self._painted = self._painted, None
        self.emitter.invalidate()
        if painted is None:
            self.attrs_before = self._attrs()
            self.write("\x1b[?1049h\x1b[?25l\x1b[2J")
            return
        self.attrs_before = painted.tty_attrs
        painted.handed_over()
        if (painted.columns, painted.height) == (self.emitter.width, self.emitter.height):
            rows = [[(text, _role_look(painted, role)) for text, role in row] for row in painted.rows]
            self.emitter.seed(rows)
            self._settle_end = time.monotonic() + SETTLE_MAX_S

    def _watch_size(self) -> None:
        def send_size(*_: object) -> None:
            size = Size(*self._get_terminal_size())
            self.send_message(events.Resize(size, size))

        def moved(*_: object) -> None:
            send_size()
            self._loop.call_soon_threadsafe(self._window_moved)

        signal.signal(signal.SIGWINCH, moved)
        send_size()

    def _window_moved(self) -> None:
        """A window that was dragged has lost what was on it, even where it ends at the size it had.

        Textual sees no change then and paints nothing, so what is unknown is written after a while.
        """
        self.emitter.invalidate()
        self._loop.call_later(MOVED_S, self._at_rest)

    def _at_rest(self) -> None:
        """The window has its last size: say it again if the app took in one of those before."""
        size = Size(*self._get_terminal_size())
        if self._app.screen.outer_size != size:
            self.send_message(events.Resize(size, size))
        self._paint()

    def _get_terminal_size(self) -> tuple[int, int]:
        """Of the terminal itself: COLUMNS and LINES may be exported, and are wrong after the first resize."""
        try:
            size = os.get_terminal_size(self._out_fd)
        except OSError:
            return super()._get_terminal_size()
        return (size.columns, size.lines) if size.columns and size.lines else super()._get_terminal_size()

    def _attrs(self) -> list[Any] | None:
        try:
            return termios.tcgetattr(self.fileno)
        except termios.error:
            return None

    def _raw_mode(self) -> None:
        attrs = self._attrs()
        if attrs is None:
            return
        attrs[tty.LFLAG] = self._patch_lflag(attrs[tty.LFLAG])
        attrs[tty.IFLAG] = self._patch_iflag(attrs[tty.IFLAG])
        attrs[tty.CC][termios.VMIN] = 1
        try:
            termios.tcsetattr(self.fileno, termios.TCSANOW, attrs)
        except termios.error:
            return  # no terminal on this side: nothing to switch

    def _catch_signals(self) -> None:
        """TERM and HUP put the terminal right before they end us; an app may set its own handlers later."""
        for number in (signal.SIGTERM, signal.SIGHUP):
            before = signal.signal(number, self._end_by_signal)
            self._handlers.setdefault(number, before)

    def _release_signals(self) -> None:
        """The handlers from before us; an app that has set its own looks after them itself."""
        for number, before in self._handlers.items():
            if signal.getsignal(number) == self._end_by_signal and before is not None:
                signal.signal(number, before)
        self._handlers.clear()

    def _end_by_signal(self, number: int, _frame: FrameType | None) -> None:
        try:
            os.write(self._out_fd, self._leave_sequence().encode())
            if self.attrs_before is not None:
                termios.tcsetattr(self.fileno, termios.TCSANOW, self.attrs_before)
        except (OSError, termios.error):
            pass  # the terminal is gone; so are we
        os._exit(128 + number)

    def _leave_sequence(self) -> str:
        """Every mode off again, ending on the shell's own screen."""
        mouse = "\x1b[?1006l\x1b[?1002l\x1b[?1000l" if self._mouse else ""
        return f"\x1b[m{mouse}\x1b[?2004l\x1b[?7h\x1b[<u\x1b[?1049l\x1b[?25h"

    def _start_input(self) -> None:
        self.exit_event.clear()
        self._wake = os.pipe()
        self._key_thread = threading.Thread(target=self._run_input_thread, name="og-input", daemon=True)
        self._key_thread.start()

    def _on_drained(self) -> None:
        if self._waiting:
            self._paint()

    def disable_input(self) -> None:
        """Stop reading. An answer still on its way is waited for: after us it would reach the shell."""
        if self._key_thread is None or self._wake is None:
            return
        signal.signal(signal.SIGWINCH, signal.SIG_DFL)
        if self._asked_at is not None and self._ever_answered and not (self._output and self._output.lost):
            self._answered.wait(1.0)
        self.exit_event.set()
        os.write(self._wake[1], b"x")
        self._key_thread.join()
        self._key_thread = None
        for end in self._wake:
            os.close(end)
        self._wake = None
        try:
            termios.tcflush(self.fileno, termios.TCIFLUSH)
        except termios.error:
            return  # no terminal on this side

    def stop_application_mode(self) -> None:
        """Give the terminal back: the shell's screen first, then everything that takes time."""
        self.write(self._leave_sequence())
        if self._output is not None:
            self._output.drain(1.0)
        self.disable_input()
        if self.attrs_before is not None:
            try:
                termios.tcsetattr(self.fileno, termios.TCSANOW, self.attrs_before)
            except termios.error:
                pass  # the terminal is gone
        self._asked_at = None
        self._release_signals()
        self.emitter.invalidate()

    def close(self) -> None:
        """End the output thread."""
        output, self._output = self._output, None
        if output is not None:
            output.stop()
            if not output.lost:
                output.join(1.0)


def make(
    *, stage0: Painted | None = None, mouse: bool = True, facts: terminal.Terminal | None = None
) -> type[OgDriver]:
    """The driver class for an app. stage0: the frame on the screen to take over; facts: of this terminal."""
    return type("OgDriver", (OgDriver,), {"stage0": stage0, "facts": facts})
