"""The Chat screen: the conversation with the agent about the run in view, and what it wants to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from opengraphs.errors import DaemonError, OgError
from opengraphs.protocol.events import Event
from opengraphs.tui.agentwatch import SEND_SLOT, SendRequest
from opengraphs.tui.handover import ScreenName
from opengraphs.tui.model import Desk
from opengraphs.tui.painters import markdown, numbers, talk
from opengraphs.tui.painters.cells import Row, blank, cut, fit, row_width
from opengraphs.tui.painters.layout import Rect
from opengraphs.tui.questions import Question, Stream
from opengraphs.tui.screens.base import Asker, Handler
from opengraphs.tui.screens.chat_curve import BeforeAfter
from opengraphs.tui.screens.chat_line import ChatLine
from opengraphs.tui.screens.chat_questions import (
    AgentQuestion,
    ChatRequest,
    ChatStream,
    CommandQuestion,
    SessionsQuestion,
    SwitchQuestion,
)
from opengraphs.tui.screens.chat_state import Conversation, Item, expired
from opengraphs.tui.screens.compose import compose

WHEEL_LINES = 3
ACTS = ("guarded", "full")
"""Modes in which the agent changes something by itself."""
BANNER = "Auto mode: agent will apply fixes"
SETUP = "og config agent"


class Spot(NamedTuple):
    """Something on the paper that can be opened. y: row of the whole conversation."""

    y: int
    x: int
    stop: int
    kind: str
    text: str
    item: Item


class ChatView(ChatLine):
    name: ClassVar[ScreenName] = "chat"
    own_slots: ClassVar[tuple[str, ...]] = (
        "chat.sessions",
        "chat.agent",
        "chat.switch",
        "chat.do",
        "chat.command",
        "chat.stream",
        "chat.curve",
        SEND_SLOT,
    )
    slots: ClassVar[tuple[str, ...]] = ("run", "runs", *own_slots)

    def __init__(self, desk: Desk, live: Asker) -> None:
        self.conversation = Conversation()
        self.session_ids: list[str] = []
        self.sessions: list[Mapping[str, Any]] = []
        self.agent: Mapping[str, Any] = {}
        self.stopped = ""
        self.trouble = ""
        self.lost = False
        self.top = 0
        self.lit: Spot | None = None
        self.spots: list[Spot] = []
        self._run = ""
        self._known = False
        self._rows = 0
        self._paper = Rect(0, 0, 0, 0)
        self._painted: dict[str, tuple[object, talk.Block]] = {}
        self._stream: ChatStream | None = None
        self._proof = BeforeAfter(desk)
        super().__init__(desk, live)

    def make_handlers(self) -> dict[str, Handler]:
        return {
            "chat.up": lambda: self._scroll(-1),
            "chat.down": lambda: self._scroll(1),
            "chat.page_up": lambda: self._page(-1),
            "chat.page_down": lambda: self._page(1),
            "chat.first": lambda: self._scroll(-1 << 30),
            "chat.last": lambda: self._scroll(1 << 30),
            "chat.write": self._open_line,
            "chat.command": lambda: self._open_line("/"),
            "chat.open": self._open_lit,
            "chat.interrupt": self._interrupt,
            "chat.approve": lambda: self.decide("approve"),
            "chat.deny": lambda: self.decide("deny"),
            "chat.diff": self._whole_diff,
            "chat.new": self.begin_new,
            "chat.fork": self._fork,
            "panel.next": lambda: self._light(1),
            "panel.previous": lambda: self._light(-1),
        }

    # Which conversation

    def _look(self) -> None:
        """The run in view and its conversation: the one that was chosen, else the newest."""
        if self._run != self.run_id:
            self._run, self._known, self.session_ids, self.sessions = self.run_id, False, [], []
            self.trouble, self.sending = "", False
        newest = self.session_ids[0] if self.session_ids else ""
        session = self.desk.agent.chosen.get(self._run, newest)
        if session != self.conversation.session_id:
            self.conversation = Conversation(session)
            self.top, self.lit, self.follows, self.lost = 0, None, True, False
            self._painted.clear()
            self._stream = ChatStream(session) if session else None

    # Painting

    def paint(self, width: int, height: int) -> list[Row]:
        self._look()
        above = self._above_line(width)
        banner = self._banner(width)
        bottom = [*above, self._facts(width), self._line_row(width), *self._status_row(width)]
        bottom = bottom[-max(1, height - 2) :]
        head = [*self.header(width, note=self.desk.trouble or "no run in view"), *banner]
        head = head[: max(1, height - len(bottom) - 1)]
        room = max(0, height - len(head) - len(bottom))
        self._paper = Rect(0, len(head), width, room)
        rows = self._paint_paper(width, room)
        return compose(
            width,
            height,
            [
                (Rect(0, 0, width, len(head)), head),
                (self._paper, rows),
                (Rect(0, height - len(bottom), width, len(bottom)), bottom),
            ],
        )

    def _status_row(self, width: int) -> list[Row]:
        return self.status(width, source=self.desk.choices.source, mode="chat", refresh=False)

    def _banner(self, width: int) -> list[Row]:
        """Whether the agent may act by itself; or that it may not act at all."""
        glyphs = self.desk.glyphs
        if self.stopped:
            return [fit([(f" ! agent stopped: {glyphs.clean(self.stopped)}", "b:error")], width)]
        if self.conversation.mode not in ACTS:
            return []
        sign = "!!" if glyphs.ascii_only else "⚡"
        return [fit([(f" {sign} {BANNER}", "b:warn")], width, ellipsis=glyphs.ellipsis)]

    def _facts(self, width: int) -> Row:
        """Between paper and line: mode, model, what it has cost, and what goes on."""
        talked, glyphs = self.conversation, self.desk.glyphs
        going = self._going()
        facts = [talked.mode or "ask", str(talked.model or self.agent.get("model") or "")]
        if talked.tokens:
            facts.append(f"{numbers.short(talked.tokens)} tokens")
            facts.append("cost unknown" if talked.cost is None else f"${talked.cost:.2f}")
        below = self._rows - self.top - self._paper.height
        if not self.follows and below > 0:
            going = f"{below} more rows below" if not going else f"{going}, {below} more rows below"
        left = f" {glyphs.separator} ".join(glyphs.clean(fact) for fact in facts if fact)
        line = glyphs.box[0]
        row: Row = [(f"{line} ", "border"), (left, "dim"), (" ", "border")]
        right: Row = [(f" {glyphs.clean(going)} ", "b:accent")] if going else []
        gap = width - row_width(row) - row_width(right)
        if gap < 0 and right:
            row = fit(row, max(0, width - row_width(right)), ellipsis=glyphs.ellipsis)
        return fit([*row, (line * max(0, gap), "border"), *right], width, ellipsis=glyphs.ellipsis)

    def _going(self) -> str:
        if self.lost:
            return "the line dropped, trying again"
        if self.sending:
            return "sending"
        if self.conversation.waiting(self.desk.clock()) is not None:
            return "a decision is waited for: y or n"
        if "started" in self.conversation.turns.values():
            return "answering, i interrupts"
        return "queued" if self.conversation.turns else ""

    def _paint_paper(self, width: int, height: int) -> list[Row]:
        """The rows in view; where everything that can be opened stands is settled, too."""
        if not self.conversation.items and not self.conversation.busy:
            self.spots, self._rows = [], 0
            return talk.empty(self._why_empty(), width, height, self.desk.glyphs)
        blocks = [(item, self._block(item, width)) for item in self.conversation.items]
        after = self._after(width)
        self._rows = sum(len(block.rows) for _, block in blocks) + len(after)
        most = max(0, self._rows - height)
        self.top = most if self.follows else max(0, min(self.top, most))
        rows: list[Row] = []
        self.spots, y = [], 0
        for item, block in blocks:
            self.spots += [Spot(y + one.y, one.x, one.stop, one.kind, one.text, item) for one in block.places]
            if y + len(block.rows) > self.top and y < self.top + height:
                rows += block.rows[max(0, self.top - y) : self.top + height - y]
            y += len(block.rows)
        rows += after[max(0, self.top - y) : max(0, self.top + height - y)]
        rows += blank(width, max(0, height - len(rows)))
        return self._with_lit(rows)

    def _with_lit(self, rows: list[Row]) -> list[Row]:
        lit = self.lit
        if lit is None or lit not in self.spots or not 0 <= lit.y - self.top < len(rows):
            return rows
        row, out = rows[lit.y - self.top], list(rows)
        middle: Row = [(text, f"sel:{role}") for text, role in cut(row, lit.x, lit.stop)]
        out[lit.y - self.top] = [*cut(row, 0, lit.x), *middle, *cut(row, lit.stop, row_width(row))]
        return out

    def _block(self, item: Item, width: int) -> talk.Block:
        """An item's picture, made anew only when it has changed; what counts down does so every second."""
        now = self.desk.clock()
        proof = self._proof.looks(item) if item.kind == "action" else None
        looks = (item.version, width, int(now) if self._counts_down(item) else 0, proof)
        kept = self._painted.get(item.key)
        if kept is None or kept[0] != looks:
            block = talk.paint(item.kind, item.data, width, self.desk.glyphs, is_open=item.open, now=now)
            if proof:
                block = block._replace(rows=[*block.rows, *self._proof.paint(item, width)])
            kept = self._painted[item.key] = (looks, block)
        return kept[1]

    def _counts_down(self, item: Item) -> bool:
        now, until = self.desk.clock(), item.data.get("expires_at") or item.data.get("until")
        return isinstance(until, (int, float)) and until > now and not item.data.get("decision")

    def _after(self, width: int) -> list[Row]:
        """Below what was said: that an answer is on its way, or why none can come."""
        rows: list[Row] = []
        if self.conversation.busy and not any(item.data.get("streaming") for item in self.conversation.items):
            word = "thinking" if self.conversation.thinking else "waiting for the agent"
            if self.conversation.waiting(self.desk.clock()) is not None:
                word = "waiting for you"
            left = " " * talk.gutter(width)
            rows.append(fit([(left, "text"), (f"{word}{self.desk.glyphs.ellipsis}", "dim")], width))
        for line in self._trouble_lines():
            rows.append(fit([(f" {self.desk.glyphs.clean(line)}", "warn")], width))
        return rows

    def _trouble_lines(self) -> list[str]:
        """Why the agent cannot answer, and the command that mends it."""
        agent = self.agent
        if self.trouble:
            return [self.trouble]
        if agent.get("disabled"):
            return [f"the agent is switched off: {agent['disabled']}"]
        if agent.get("state") in ("off", "broken") and agent.get("trouble"):
            hint = str(agent.get("hint") or "")
            return [f"the agent cannot answer: {agent['trouble']}", hint or f"{SETUP} sets it up"]
        return []

    def _why_empty(self) -> list[str]:
        if not self._run:
            return ["No run in view.", "Choose one on Runs (1)."]
        trouble = self._trouble_lines()
        if trouble:
            return [*trouble, *([f"{SETUP} sets it up"] if SETUP not in " ".join(trouble) else [])]
        if not self._known:
            return ["asking ogd…"]
        if self.conversation.session_id:
            return ["asking ogd…"]
        return [
            "Nothing has been said about this run.",
            "a writes a message; @ on Graphs, Logs, Samples and Alerts takes along what it is about.",
        ]

    def forget_pictures(self) -> None:
        super().forget_pictures()
        self._painted.clear()

    # The data layer

    def wants(self) -> list[Question]:
        self.live.listen(self._stream)
        found: list[Question] = [*self.run_in_header(), AgentQuestion()]
        if self._run:
            found += [SessionsQuestion(self._run), SwitchQuestion(self._run)]
        curve = self._proof.question(self.conversation.items, self._run, self._paper.width)
        return [*found, curve] if curve is not None else found

    def take(self, question: Question, reply: Mapping[str, Any]) -> None:
        if isinstance(question, SessionsQuestion):
            self._take_sessions(question, reply)
        elif isinstance(question, AgentQuestion):
            self.agent = reply
        elif isinstance(question, SwitchQuestion):
            self.stopped = str(reply.get("stopped") or "")
            self.conversation.mode = str(
                (reply.get("modes") or {}).get(question.run) or self.conversation.mode
            )
        elif isinstance(question, SendRequest):
            self.sending = False
            self.choose(str(reply["session_id"]))
            self.live.touch("chat.sessions", "chat.agent")
        elif isinstance(question, ChatRequest):
            self._done(question, reply)
        elif isinstance(question, CommandQuestion):
            command = " ".join(("og", *question.words))
            self._show(command, str(reply["text"]), int(reply["exit_code"]))
        else:
            self._proof.take(question, reply)

    def _take_sessions(self, question: SessionsQuestion, reply: Mapping[str, Any]) -> None:
        if question.run == self.run_id:
            self._known, self.trouble = True, ""
            self.sessions = list(reply["sessions"])
            self.session_ids = [str(one["session_id"]) for one in self.sessions]
            if self._run and self._run not in self.desk.agent.chosen and self.session_ids:
                self.choose(self.session_ids[0])  # another one that begins elsewhere does not take its place

    def _done(self, request: ChatRequest, reply: Mapping[str, Any]) -> None:
        fields = dict(request.fields)
        if request.what == "fork":
            self.choose(str(reply["session_id"]))
        elif request.what == "mode":
            self.conversation.mode = str(fields["mode"])
            self.desk.say(f"mode: {fields['mode']}", "ok")
        elif request.what == "decide":
            self.desk.say(str(reply.get("decision") or fields["decision"]), "ok")
        else:
            self.desk.say("interrupted")
        self.live.touch("chat.sessions", "chat.switch")

    def fail(self, question: Question, error: OgError) -> bool:
        said = f"{error.message}; {error.hint}" if error.hint else error.message
        if isinstance(question, SendRequest):
            self._unsent(question)
            self.desk.say(said, "error")
            return True
        if isinstance(error, DaemonError):
            return False
        if isinstance(question, (SessionsQuestion, AgentQuestion)):
            self.trouble, self._known = said, True
            return True
        if isinstance(question, (ChatRequest, CommandQuestion)):
            self.desk.say(said, "error")
        return True

    def hear(self, stream: Stream, line: Mapping[str, Any]) -> None:
        if not isinstance(stream, ChatStream) or stream.session_id != self.conversation.session_id:
            return
        kind = line.get("kind")
        self.lost = kind == "lost"
        if kind == "lost":
            self.conversation.line_lost()
        elif kind == "refused":
            self.trouble = str(line.get("message"))
        else:
            self.conversation.take(line)

    def stale(self, event: Event) -> Iterable[str]:
        kind = str(event.get("kind"))
        if kind == "auto":
            return ("chat.switch",)
        if kind == "chat" and event.get("run") == self._run:
            return ("chat.sessions", "chat.agent")
        return ()

    def tick_s(self) -> float | None:
        return 1.0 if any(self._counts_down(item) for item in self.conversation.items) else None

    def table(self) -> list[list[Any]]:
        """What was said, by whom."""
        rows = [
            [item.kind, item.data.get("text") or item.data.get("title")] for item in self.conversation.items
        ]
        return [["who", "text"], *rows] if rows else []

    def hints(self) -> list[tuple[str, str]]:
        if self.edit is not None:
            stop = [("ctrl+c", "interrupt")] if self.conversation.busy else []
            return [("enter", "send"), *stop, ("tab", "complete"), ("esc", "leave the line")]
        return super().hints()

    def hint_actions(self) -> Sequence[str]:
        asked = self.conversation.waiting(self.desk.clock()) is not None
        answers = ["chat.approve", "chat.deny", "chat.edit", "chat.diff"] if asked else []
        busy = ["chat.interrupt"] if self.conversation.busy else []
        return ["help", *answers, *busy, "chat.write", "chat.open", "back", "leave"]

    # Actions

    def _page(self, step: int) -> None:
        self._scroll(step * max(1, self._paper.height - 1))

    def _scroll(self, rows: int) -> None:
        """At the end it follows what comes; anywhere else it stays where it is."""
        most = max(0, self._rows - self._paper.height)
        self.top = max(0, min(most, self.top + rows))
        self.follows = self.top >= most

    def _light(self, step: int) -> None:
        """The next thing that can be opened, from what is in view on."""
        spots = self.spots
        if not spots:
            return
        if self.lit in spots:
            at = (spots.index(self.lit) + step) % len(spots)
        else:
            shown = [n for n, spot in enumerate(spots) if 0 <= spot.y - self.top < self._paper.height]
            at = (shown[0] if step > 0 else shown[-1]) if shown else len(spots) - 1
        self.lit = spots[at]
        if not 0 <= self.lit.y - self.top < self._paper.height:
            self._scroll(self.lit.y - self.top - self._paper.height // 2)

    def _open_lit(self) -> None:
        if self.lit is None or self.lit not in self.spots:
            self._open_line()
        else:
            self._open_spot(self.lit)

    def _open_spot(self, spot: Spot) -> None:
        if spot.kind == "item":
            spot.item.toggle()
            self.follows = False
            return
        found = markdown.CITATION.fullmatch(spot.text)
        if found is not None:
            self._go_to(found[1].strip(), int(found[2]))

    def _go_to(self, metric: str, step: int) -> None:
        """Where a citation points: a step of a metric on Graphs, or `log` and a line."""
        desk, graphs = self.desk, self.desk.graphs
        if metric == "log":
            desk.logs.go_to_line(max(0, step - 1))
            desk.screen = "logs"
            return
        graphs.x.set_kind("step")
        graphs.x.cursor = float(step)
        graphs.focus = metric if metric in graphs.order else graphs.focus
        desk.screen = "graphs"

    def waiting(self) -> Item | None:
        """The approval that is to be decided now; None, and a word about it, when there is none."""
        item = self.conversation.waiting(self.desk.clock())
        if item is None:
            late = any(
                one.kind == "approval" and expired(one, self.desk.clock()) for one in self.conversation.items
            )
            self.desk.say("too late: nobody decided in time, so it is a no" if late else "nothing is asked")
        return item

    def decide(self, decision: str, *, edits: str = "") -> None:
        item = self.waiting()
        if item is not None:
            changed = {"edits": edits} if edits else {}
            fields = {
                "approval_id": item.data["approval_id"],
                "decision": decision,
                "origin": "tui",
                **changed,
            }
            self._do("decide", "/chat/decide", **fields)

    def _whole_diff(self) -> None:
        items = [
            item for item in self.conversation.items if item.kind == "approval" and item.data.get("diff")
        ]
        item = self.conversation.waiting(self.desk.clock()) or (items[-1] if items else None)
        if item is not None:
            item.toggle()
            self.follows = False
        else:
            self.desk.say("there is no diff")

    def back(self) -> bool:
        if self.lit is not None:
            self.lit = None
            return True
        return False

    # Mouse

    def click(self, x: int, y: int) -> None:
        if not self._paper.has(x, y):
            if y >= self._paper.y + self._paper.height and self.edit is None:
                self._open_line()
            return
        at = self.top + y - self._paper.y
        for spot in self.spots:
            if spot.y == at and spot.x <= x < spot.stop:
                self.lit = spot
                self._open_spot(spot)
                return

    def wheel(self, x: int, y: int, direction: int) -> None:
        self._scroll(direction * WHEEL_LINES)
