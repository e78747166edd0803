"""The line of Chat: messages, `/` commands with completion, og commands that read, and what is attached."""

from __future__ import annotations

from collections.abc import Callable

from opengraphs.protocol.chat import MODES
from opengraphs.tui.agentwatch import SendRequest
from opengraphs.tui.painters.cells import Row, fit
from opengraphs.tui.painters.talk import name_of
from opengraphs.tui.screens import chat_commands
from opengraphs.tui.screens.base import View
from opengraphs.tui.screens.chat_questions import ChatRequest, CommandQuestion
from opengraphs.tui.screens.chat_state import Conversation, Item


class ChatLine(View):
    """The part of Chat that takes typed text. sending: a message is on its way to ogd.

    kept_text: what was typed when the keys left the line.
    """

    conversation: Conversation
    session_ids: list[str]
    sending = False
    kept_text = ""
    follows = True

    @property
    def run_id(self) -> str:
        """The run in view, "" without one."""
        return self.desk.graphs.run_id or ""

    # What it shows

    def _line_row(self, width: int) -> Row:
        glyphs = self.desk.glyphs
        if self.edit is None:
            said = self.kept_text or "a writes a message, / a command"
            return fit([(f" {glyphs.prompt} ", "dim"), (glyphs.clean(said), "faint")], width)
        return self.input_row(width, label=glyphs.prompt, at_rest="")

    def _above_line(self, width: int) -> list[Row]:
        """What the typed text can become, or else what goes along with it; nothing for nothing."""
        glyphs = self.desk.glyphs
        offered = self._completions() if self.edit is not None and self.edit.text else []
        if offered:
            said = "  ".join(offered[:8])
            return [fit([(" tab: ", "dim"), (glyphs.clean(said), "text")], width, ellipsis=glyphs.ellipsis)]
        if not self.desk.agent.attached:
            return []
        row: Row = [(" with ", "dim")]
        for one in self.desk.agent.attached:
            row += [(f"[{glyphs.clean(name_of(one))}]", "b:accent"), (" ", "text")]
        return [fit(row, width, ellipsis=glyphs.ellipsis)]

    def _completions(self) -> list[str]:
        text = self.edit.text if self.edit is not None else ""
        short = [one.rpartition(".")[2] for one in self.session_ids]
        return chat_commands.completions(text, sessions=short, metrics=self.desk.graphs.order)

    # Typing

    def _open_line(self, text: str = "") -> None:
        self.open_input(text or self.kept_text, kind="ask")
        self.kept_text = ""

    def close_input(self) -> None:
        if self.edit is not None:
            self.kept_text = self.edit.text
        super().close_input()

    def press(self, key: str, character: str | None) -> bool:
        edit = self.edit
        if edit is None:
            return False
        if key == "tab":
            offered = self._completions()
            if offered:
                edit.set(offered[0])
            return True
        if key == "ctrl+c" and not edit.selection and (edit.text or self.conversation.busy):
            self._interrupt() if self.conversation.busy else edit.set("")
            return True
        if key in ("backspace", "ctrl+h") and not edit.text and self.desk.agent.attached:
            self.desk.agent.attached.pop()
            return True
        if key in ("pageup", "pagedown"):
            self._page(-1 if key == "pageup" else 1)
            return True
        return super().press(key, character)

    def paste(self, text: str) -> None:
        """Several lines go along as they are; one line goes into the text."""
        lines = text.strip("\r\n").splitlines()
        if len(lines) < 2:
            super().paste(text)
            return
        if self.edit is None:
            self._open_line()
        pasted = "\n".join(lines)
        if not self.desk.agent.attach({"kind": "text", "ref": f"{len(lines)} lines", "text": pasted}):
            self.desk.say("that is attached already, or too much is", "warn")

    def submit(self, text: str) -> None:
        said = text.strip()
        if not said:
            return
        if said.startswith("/"):
            self._command(said)
        elif said == chat_commands.OG or said.startswith(chat_commands.OG + " "):
            self._run_og(said)
        elif self.send(said) and self.edit is not None:
            self.edit.set("")

    # What comes of it

    def send(self, text: str) -> bool:
        """Say it to the agent; False when that cannot be now."""
        if not self.run_id:
            self.desk.say("no run in view: choose one on Runs", "warn")
            return False
        if self.sending:
            self.desk.say("the message before is still on its way", "warn")
            return False
        self.sending, self.follows = True, True
        message = self.desk.agent.message(self.run_id, text)
        if not message.session and not message.new and self.conversation.session_id:
            message = message._replace(session=self.conversation.session_id)
        self.live.ask_once(message)
        return True

    def _unsent(self, message: SendRequest) -> None:
        """It was not taken: the text and what went along are there again."""
        self.sending = False
        self.desk.agent.attached = [*message.attachments, *self.desk.agent.attached]
        if self.edit is not None and not self.edit.text:
            self.edit.set(message.text)
        elif self.edit is None and not self.kept_text:
            self.kept_text = message.text

    def _command(self, text: str) -> None:
        word, _, rest = text.partition(" ")
        rest = rest.strip()
        commands: dict[str, Callable[[], object]] = {
            "/new": self.begin_new,
            "/fork": self._fork,
            "/resume": lambda: self._resume(rest),
            "/sessions": lambda: self.desk.perform("chat.sessions"),
            "/mode": lambda: self._set_mode(rest),
            "/stop": lambda: self.desk.perform("auto.stop"),
            "/attach": lambda: self._attach(rest),
            "/help": lambda: self._show("/help", chat_commands.help_text(), 0),
        }
        done = commands.get(word)
        if done is None:
            self.desk.say(f"no command {word}; /help lists them", "warn")
            return
        if self.edit is not None:
            self.edit.set("")
        done()

    def _attach(self, text: str) -> None:
        try:
            found = chat_commands.attachment(text, run=self.run_id)
        except chat_commands.RefusedError as error:
            self.desk.say(str(error), "warn")
            return
        if not self.desk.agent.attach(found):
            self.desk.say("that is attached already, or too much is", "warn")

    def _set_mode(self, mode: str) -> None:
        if mode not in MODES:
            self.desk.say(f"the agent's mode is one of {', '.join(MODES)}", "warn")
        elif self.run_id:
            self._do("mode", "/auto/mode", run=self.run_id, mode=mode)

    def _run_og(self, text: str) -> None:
        try:
            words = chat_commands.og_words(text)
        except chat_commands.RefusedError as error:
            self.desk.say(str(error), "warn")
            return
        if self.edit is not None:
            self.edit.set("")
        self.live.ask_once(CommandQuestion(words))

    def _show(self, command: str, text: str, exit_code: int) -> None:
        """Something that is no part of the conversation the agent knows of."""
        key = f"o{len(self.conversation.items)}.{self.conversation.dropped}"
        self.conversation.add(Item("output", key, command=command, text=text, exit_code=exit_code))
        self.follows = True

    def _do(self, what: str, path: str, **fields: object) -> None:
        self.live.ask_once(ChatRequest(what, path, tuple(fields.items())))

    def _interrupt(self) -> None:
        if self.conversation.busy:
            self._do("interrupt", "/chat/interrupt", session_id=self.conversation.session_id)
        else:
            self.desk.say("there is nothing to interrupt")

    def _fork(self) -> None:
        if self.conversation.session_id:
            self._do("fork", "/chat/fork", session_id=self.conversation.session_id)
        else:
            self.desk.say("there is no conversation yet", "warn")

    def begin_new(self) -> None:
        """The next message begins another conversation."""
        self.choose("")

    def choose(self, session_id: str) -> None:
        """Another conversation of this run is shown from now on."""
        if self.run_id:
            self.desk.agent.chosen[self.run_id] = session_id

    def _resume(self, text: str) -> None:
        if not text:
            self.desk.perform("chat.sessions")
            return
        found = [one for one in self.session_ids if one == text or one.endswith(f".{text}")]
        if found:
            self.choose(found[0])
        else:
            self.desk.say(f"no conversation {text} of this run", "warn")

    def _page(self, step: int) -> None:
        raise NotImplementedError
