"""Every key of the UI, once: what help, hints, the palette and docs/keys.md are made from.

A key is written as Textual names it (`ctrl+p`, `question_mark`); `label` turns that into
what people read (`?`). An action may be bound to other keys under `[keys]` of config.toml.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from opengraphs.errors import UsageError

ALL = ("runs", "graphs", "compare", "logs", "system", "samples", "alerts", "chat")
"""Every screen, in the order of its tabs."""


class Action(NamedTuple):
    """One thing the user can do.

    id: stable name, used under `[keys]`. screens: where it works. keys: the defaults.
    short: the word of the hint line, "" when the hint line never shows it.
    """

    id: str
    screens: tuple[str, ...]
    keys: tuple[str, ...]
    title: str
    short: str = ""


ACTIONS: tuple[Action, ...] = (
    # Everywhere
    Action("screen.runs", ALL, ("1",), "Runs"),
    Action("screen.graphs", ALL, ("2",), "Graphs of the run in view"),
    Action("screen.compare", ALL, ("3",), "Compare: what differs, and did it help"),
    Action("screen.logs", ALL, ("4",), "Logs: what it printed"),
    Action("screen.system", ALL, ("5",), "System: the machine beside the metrics"),
    Action("screen.samples", ALL, ("6",), "Samples: what the model wrote"),
    Action("screen.alerts", ALL, ("7",), "Alerts of every run"),
    Action("screen.chat", ALL, ("8",), "Chat with the agent about the run in view"),
    Action("help", ALL, ("question_mark", "h"), "Help for this screen", "help"),
    Action("leave", ALL, ("q", "ctrl+c"), "Leave (asks while it runs)", "quit"),
    Action("back", ALL, ("escape",), "One step back", "back"),
    Action("panel.next", ALL, ("tab",), "Next panel", "panel"),
    Action("panel.previous", ALL, ("shift+tab",), "Previous panel"),
    Action("palette", ALL, ("ctrl+p",), "Palette: all actions"),
    Action("views", ALL, ("v",), "Saved views: apply, save", "views"),
    Action("export", ALL, ("s",), "Save the picture, or its values", "save"),
    Action("options", ALL, ("comma",), "Options: settings and their sources"),
    Action("rescan", ALL, ("r",), "Rescan: ask for all again"),
    Action("suspend", ALL, ("ctrl+z",), "Suspend; fg brings it back"),
    Action("redraw", ALL, ("ctrl+l",), "Draw all again"),
    # Runs
    Action("runs.up", ("runs",), ("up", "k"), "Up"),
    Action("runs.down", ("runs",), ("down", "j"), "Down"),
    Action("runs.left", ("runs",), ("left",), "The card before; columns to the left"),
    Action("runs.right", ("runs",), ("right",), "The card after; columns to the right"),
    Action("runs.page_up", ("runs",), ("pageup", "left_square_bracket"), "A page up"),
    Action("runs.page_down", ("runs",), ("pagedown", "right_square_bracket"), "A page down"),
    Action("runs.first", ("runs",), ("home",), "First run"),
    Action("runs.last", ("runs",), ("end",), "Last run"),
    Action("runs.open", ("runs",), ("enter",), "Open the run", "graphs"),
    Action("runs.select", ("runs",), ("space",), "Select for overlay, or not", "select"),
    Action("runs.clear", ("runs",), ("x",), "Unselect all"),
    Action("runs.filter", ("runs",), ("slash",), "Filter", "filter"),
    Action("runs.sort", ("runs",), ("o",), "Sort by next column", "sort"),
    Action("runs.reverse", ("runs",), ("O",), "Reverse the order"),
    Action("runs.compare", ("runs",), ("c",), "Compare the selected", "compare"),
    Action("runs.columns", ("runs",), ("C",), "Columns: show, hide, order, format", "columns"),
    Action("runs.tree", ("runs",), ("T",), "Families as trees, or not", "tree"),
    Action("runs.fold", ("runs",), ("f",), "Fold a family, or open it", "fold"),
    Action("runs.extend_up", ("runs",), ("shift+up",), "Select, and up"),
    Action("runs.extend_down", ("runs",), ("shift+down",), "Select, and down"),
    Action("runs.range", ("runs",), ("V",), "Begin a range; again: select it", "range"),
    Action("runs.tag", ("runs",), ("t",), "Tag (-word takes a tag off)", "tag"),
    Action("runs.note", ("runs",), ("n",), "Note", "note"),
    Action("runs.rename", ("runs",), ("R",), "Rename", "rename"),
    Action("runs.archive", ("runs",), ("D",), "Archive, or bring back", "archive"),
    # Graphs
    Action("graphs.up", ("graphs",), ("up", "k"), "The chart above"),
    Action("graphs.down", ("graphs",), ("down", "j"), "The chart below"),
    Action("graphs.next", ("graphs",), ("l",), "The next chart"),
    Action("graphs.previous", ("graphs",), ("L",), "The chart before"),
    Action("graphs.page_up", ("graphs",), ("pageup", "left_square_bracket"), "The page before"),
    Action("graphs.page_down", ("graphs",), ("pagedown", "right_square_bracket"), "The next page", "page"),
    Action("graphs.first", ("graphs",), ("home",), "Read-out at the start"),
    Action("graphs.last", ("graphs",), ("end",), "Read-out at the end"),
    Action("graphs.enlarge", ("graphs",), ("enter",), "Enlarge, or put back", "enlarge"),
    Action("graphs.search", ("graphs",), ("slash",), "Search metrics", "search"),
    Action("graphs.ask", ("graphs",), ("a",), "To the prompt line", "ask"),
    Action("graphs.log_y", ("graphs",), ("y",), "Log y, on or off", "log y"),
    Action("graphs.smooth", ("graphs",), ("m",), "Smoothing: ma, ema, off", "smooth"),
    Action("graphs.x_axis", ("graphs",), ("x",), "x: step, time, relative, a metric", "axis"),
    Action("graphs.x_metric", ("graphs",), ("X",), "x: a metric by name"),
    Action("graphs.fold", ("graphs",), ("z",), "Fold or unfold the section", "fold"),
    Action("graphs.link", ("graphs",), ("i",), "Read-out in all charts, or in one"),
    Action("graphs.log_line", ("graphs",), ("o",), "To the log line of the read-out", "log line"),
    Action("graphs.group", ("graphs",), ("g",), "Group runs by…", "group"),
    Action("graphs.bind", ("graphs",), ("b",), "Choose the charts and their order"),
    Action("graphs.note", ("graphs",), ("n",), "Write a note at this step", "note"),
    Action("graphs.tag", ("graphs",), ("t",), "Tag the run"),
    Action("graphs.ranks", ("graphs",), ("e",), "Ranks: merged and their band, each"),
    Action("graphs.family", ("graphs",), ("f",), "Family from its root, or this run", "family"),
    Action("graphs.panels", ("graphs",), ("w",), "Panels of plug-ins, on or off"),
    Action("graphs.cursor_left", ("graphs",), ("left",), "Read-out to the left"),
    Action("graphs.cursor_right", ("graphs",), ("right",), "Read-out to the right"),
    Action("graphs.zoom_in", ("graphs",), ("plus", "equals_sign"), "Zoom in", "zoom"),
    Action("graphs.zoom_out", ("graphs",), ("minus",), "Zoom out"),
    Action("graphs.zoom_reset", ("graphs",), ("0",), "Whole range again"),
    Action("graphs.pan_left", ("graphs",), ("shift+left",), "Pan to the left"),
    Action("graphs.pan_right", ("graphs",), ("shift+right",), "Pan to the right"),
    Action("graphs.pause", ("graphs",), ("p",), "Pause or go on live", "pause"),
    Action("graphs.compare", ("graphs",), ("c",), "Compare the selected"),
    # Compare
    Action("compare.up", ("compare",), ("up", "k"), "The metric before; a line up"),
    Action("compare.down", ("compare",), ("down", "j"), "The metric after; a line down"),
    Action("compare.next", ("compare",), ("n", "l"), "The next metric", "next"),
    Action("compare.previous", ("compare",), ("N", "L"), "The metric before"),
    Action("compare.left", ("compare",), ("left",), "Read-out, or runs, to the left"),
    Action("compare.right", ("compare",), ("right",), "Read-out, or runs, to the right"),
    Action("compare.page_up", ("compare",), ("pageup", "left_square_bracket"), "A page up"),
    Action("compare.page_down", ("compare",), ("pagedown", "right_square_bracket"), "A page down"),
    Action("compare.first", ("compare",), ("home",), "To the start"),
    Action("compare.last", ("compare",), ("end",), "To the end"),
    Action("compare.enlarge", ("compare",), ("enter",), "Enlarge the panel, or put back", "enlarge"),
    Action("compare.search", ("compare",), ("slash",), "Search metrics, or filter the diff", "search"),
    Action("compare.group", ("compare",), ("g",), "Group by a key, or no more", "group"),
    Action("compare.smooth", ("compare",), ("m",), "Smoothing: ma(15), ma(50), off", "smooth"),
    Action("compare.x_axis", ("compare",), ("x",), "x: step, time, relative", "axis"),
    Action("compare.log_y", ("compare",), ("y",), "Log y, on or off", "log y"),
    Action("compare.everything", ("compare",), ("a",), "All that differs, or no noise", "all"),
    # Logs
    Action("logs.up", ("logs",), ("up", "k"), "A line up"),
    Action("logs.down", ("logs",), ("down", "j"), "A line down"),
    Action("logs.left", ("logs",), ("left",), "To the left"),
    Action("logs.right", ("logs",), ("right",), "To the right"),
    Action("logs.page_up", ("logs",), ("pageup", "left_square_bracket"), "A page up"),
    Action("logs.page_down", ("logs",), ("pagedown", "right_square_bracket", "space"), "A page down"),
    Action("logs.first", ("logs",), ("home",), "First line", "top"),
    Action("logs.last", ("logs",), ("end", "f"), "Last line, and follow", "follow"),
    Action("logs.find", ("logs",), ("slash",), "Find", "find"),
    Action("logs.next", ("logs",), ("n",), "Next match", "next"),
    Action("logs.previous", ("logs",), ("N",), "Match before"),
    Action("logs.filter", ("logs",), ("ampersand",), "Only lines that match", "filter"),
    Action("logs.regex", ("logs",), ("alt+r",), "Find and filter by regex, or plain"),
    Action("logs.case", ("logs",), ("alt+i",), "Case: smart, exact, ignored"),
    Action("logs.jump", ("logs",), ("colon",), "Go to a line, step or time", "go to"),
    Action("logs.wrap", ("logs",), ("w",), "Wrap long lines, or not", "wrap"),
    Action("logs.mark", ("logs",), ("V",), "Mark lines: arrows move the end"),
    Action("logs.copy", ("logs",), ("Y",), "Copy what is marked, lit or shown", "copy"),
    # System
    Action("system.up", ("system",), ("up", "k"), "The chart above; the process above"),
    Action("system.down", ("system",), ("down", "j"), "The chart below; the process below"),
    Action("system.next", ("system",), ("l", "n"), "The next chart"),
    Action("system.previous", ("system",), ("L", "N"), "The chart before"),
    Action("system.page_up", ("system",), ("pageup", "left_square_bracket"), "The page before"),
    Action("system.page_down", ("system",), ("pagedown", "right_square_bracket"), "The next page", "page"),
    Action("system.first", ("system",), ("home",), "Read-out at the start; first process"),
    Action("system.last", ("system",), ("end",), "Read-out at the end; last process"),
    Action("system.cursor_left", ("system",), ("left",), "Read-out to the left"),
    Action("system.cursor_right", ("system",), ("right",), "Read-out to the right"),
    Action("system.zoom_in", ("system",), ("plus", "equals_sign"), "Zoom in", "zoom"),
    Action("system.zoom_out", ("system",), ("minus",), "Zoom out"),
    Action("system.zoom_reset", ("system",), ("0",), "Whole range again"),
    Action("system.pan_left", ("system",), ("shift+left",), "Pan to the left"),
    Action("system.pan_right", ("system",), ("shift+right",), "Pan to the right"),
    Action("system.enlarge", ("system",), ("enter",), "Enlarge, or put back", "enlarge"),
    Action("system.search", ("system",), ("slash",), "Search figures; filter processes", "search"),
    Action("system.x_axis", ("system",), ("x",), "x: time, relative"),
    Action("system.metric", ("system",), ("m",), "The next metric of the run beside", "metric"),
    Action("system.metric_back", ("system",), ("M",), "The metric before"),
    Action("system.beside", ("system",), ("b",), "Metrics beside: one, two, none"),
    Action("system.mode", ("system",), ("t",), "The machine now (top), or the run", "top"),
    Action("system.sort", ("system",), ("o",), "Processes by CPU, by memory", "sort"),
    # Samples
    Action("samples.up", ("samples",), ("up", "k"), "Up"),
    Action("samples.down", ("samples",), ("down", "j"), "Down"),
    Action("samples.left", ("samples",), ("left",), "To the list; in a diff, an earlier answer", "other"),
    Action("samples.right", ("samples",), ("right",), "To the sample; in a diff, a later answer"),
    Action("samples.page_up", ("samples",), ("pageup", "left_square_bracket"), "A page up"),
    Action("samples.page_down", ("samples",), ("pagedown", "right_square_bracket"), "A page down"),
    Action("samples.first", ("samples",), ("home",), "First sample, or top of the text"),
    Action("samples.last", ("samples",), ("end",), "Last sample, following new ones; or end of the text"),
    Action("samples.read", ("samples",), ("enter",), "Read the sample, or back to the list", "read"),
    Action("samples.filter", ("samples",), ("slash",), "Filter: words, column:word, score<0.5", "filter"),
    Action("samples.next", ("samples",), ("n",), "Next place with a word of the filter", "next"),
    Action("samples.previous", ("samples",), ("N",), "The one before"),
    Action("samples.sort", ("samples",), ("o",), "Sort by next column", "sort"),
    Action("samples.reverse", ("samples",), ("O",), "Reverse the order"),
    Action("samples.diff", ("samples",), ("d",), "Diff with another answer to this prompt", "diff"),
    Action("samples.raw", ("samples",), ("w",), "The record as it was logged", "raw"),
    # Alerts
    Action("alerts.up", ("alerts",), ("up", "k"), "Up"),
    Action("alerts.down", ("alerts",), ("down", "j"), "Down"),
    Action("alerts.page_up", ("alerts",), ("pageup", "left_square_bracket"), "A page up"),
    Action("alerts.page_down", ("alerts",), ("pagedown", "right_square_bracket"), "A page down"),
    Action("alerts.first", ("alerts",), ("home",), "First alert, or top of the text"),
    Action("alerts.last", ("alerts",), ("end",), "Last alert, or end of the text"),
    Action("alerts.open", ("alerts",), ("enter",), "To Graphs, where it happened", "graphs"),
    Action("alerts.ack", ("alerts",), ("a",), "Acknowledge: somebody knows", "ack"),
    Action("alerts.status", ("alerts",), ("f",), "Show all, firing, acknowledged, resolved", "status"),
    Action("alerts.filter", ("alerts",), ("slash",), "Filter by words", "filter"),
    Action("alerts.sort", ("alerts",), ("o",), "Sort by next column", "sort"),
    Action("alerts.reverse", ("alerts",), ("O",), "Reverse the order"),
    # Chat
    Action("chat.up", ("chat",), ("up", "k"), "A line up"),
    Action("chat.down", ("chat",), ("down", "j"), "A line down"),
    Action("chat.page_up", ("chat",), ("pageup", "left_square_bracket"), "A page up"),
    Action("chat.page_down", ("chat",), ("pagedown", "right_square_bracket"), "A page down"),
    Action("chat.first", ("chat",), ("home",), "To the beginning"),
    Action("chat.last", ("chat",), ("end",), "To the end, following what comes"),
    Action("chat.write", ("chat",), ("a",), "Write a message", "write"),
    Action("chat.command", ("chat",), ("slash",), "A command: /new /fork /mode …"),
    Action("chat.open", ("chat",), ("enter",), "Open what is lit, or write", "open"),
    Action("chat.interrupt", ("chat",), ("i",), "Interrupt the answer", "interrupt"),
    Action("chat.approve", ("chat",), ("y",), "Approve what is asked", "approve"),
    Action("chat.deny", ("chat",), ("n",), "Deny it", "deny"),
    Action("chat.edit", ("chat",), ("e",), "Edit the change in $EDITOR, and approve that", "edit"),
    Action("chat.diff", ("chat",), ("d",), "The whole diff, or its beginning", "diff"),
    Action("chat.sessions", ("chat",), ("S",), "Conversations of this run"),
    Action("chat.new", ("chat",), ("N",), "A new conversation"),
    Action("chat.fork", ("chat",), ("F",), "Go on in a copy of this conversation"),
    # Of the agent, on the screens where it is thought of
    Action(
        "auto.stop", ("chat", "graphs", "alerts"), ("K",), "Kill switch: the agent acts no more (asks first)"
    ),
    Action(
        "chat.attach", ("graphs", "logs", "samples", "alerts"), ("at",), "Attach this to the next message"
    ),
)

TEXT_KEYS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("left", "ctrl+b"), "A character left"),
    (("right", "ctrl+f"), "A character right"),
    (("ctrl+left", "alt+left", "alt+b"), "A word left"),
    (("ctrl+right", "alt+right", "alt+f"), "A word right"),
    (("home", "ctrl+a", "super+left"), "To the start"),
    (("end", "ctrl+e", "super+right"), "To the end"),
    (("shift+left",), "Select to the left"),
    (("shift+right",), "Select to the right"),
    (("ctrl+shift+left", "alt+shift+left"), "Select word to the left"),
    (("ctrl+shift+right", "alt+shift+right"), "Select word to the right"),
    (("shift+home", "shift+super+left"), "Select to the start"),
    (("shift+end", "shift+super+right"), "Select to the end"),
    (("super+a", "alt+a"), "Select all"),
    (("backspace", "ctrl+h"), "Delete to the left"),
    (("delete", "ctrl+d"), "Delete to the right"),
    (("ctrl+w", "alt+backspace", "ctrl+backspace"), "Delete word to the left"),
    (("alt+d", "ctrl+delete", "alt+delete"), "Delete word to the right"),
    (("ctrl+u", "super+backspace"), "Delete to the start"),
    (("ctrl+k", "super+delete"), "Delete to the end"),
    (("ctrl+t",), "Swap the two characters at the caret"),
    (("ctrl+underscore", "ctrl+slash", "ctrl+shift+minus", "alt+z", "super+z"), "Undo"),
    (("alt+shift+z", "ctrl+shift+z", "shift+super+z"), "Redo"),
    (("up", "alt+p"), "What was entered before"),
    (("down", "alt+n"), "What was entered after it"),
    (("ctrl+v", "ctrl+y", "super+v"), "Paste the last copy or cut"),
    (("alt+c", "ctrl+shift+c", "super+c"), "Copy selection, or all"),
    (("ctrl+x", "super+x"), "Cut selection, or all"),
)
"""What every input line takes, beside typing and the terminal's own paste."""

_LABELS = {
    "question_mark": "?",
    "slash": "/",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "escape": "esc",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
    "colon": ":",
    "comma": ",",
    "asterisk": "*",
    "at": "@",
    "ampersand": "&",
    "underscore": "_",
}
_ASCII_LABELS = {"left": "left", "right": "right", "up": "up", "down": "down"}


def label(key: str, *, ascii_only: bool = False) -> str:
    """A key as people read it: `question_mark` is `?`, `shift+left` is `shift+←`."""
    *modifiers, last = key.split("+")
    names = {**_LABELS, **_ASCII_LABELS} if ascii_only else _LABELS
    return "+".join([*modifiers, names.get(last, last)])


class Keymap:
    """Which action a key means on a screen, and which keys an action has."""

    def __init__(self, overrides: Mapping[str, Iterable[str]] | None = None) -> None:
        """Raises UsageError for an action that does not exist, or a key given twice on one screen."""
        chosen = {name: tuple(keys) for name, keys in (overrides or {}).items()}
        unknown = sorted(set(chosen) - {action.id for action in ACTIONS})
        if unknown:
            raise UsageError(
                f"unknown action {unknown[0]!r} under [keys]", hint="docs/keys.md lists every action"
            )
        self._keys = {action.id: chosen.get(action.id, action.keys) for action in ACTIONS}
        self._by_screen: dict[str, dict[str, str]] = {screen: {} for screen in ALL}
        # What the user asked for goes in first, so that it displaces a default on the same key.
        for action in sorted(ACTIONS, key=lambda action: action.id not in chosen):
            self._bind(action, strict=action.id in chosen)

    def _bind(self, action: Action, *, strict: bool) -> None:
        for screen in action.screens:
            table = self._by_screen[screen]
            for key in self._keys[action.id]:
                if strict and key in table:
                    raise UsageError(
                        f"key {key!r} is given to {table[key]} and {action.id} under [keys]",
                        hint="give each key to one action of a screen",
                    )
                table.setdefault(key, action.id)

    def action(self, screen: str, key: str) -> str | None:
        """The action of `key` on `screen`; None when the key means nothing there."""
        return self._by_screen[screen].get(key)

    def keys_of(self, screen: str, action_id: str) -> tuple[str, ...]:
        """The keys that do `action_id` on `screen`, first the one to show."""
        table = self._by_screen[screen]
        return tuple(key for key in self._keys[action_id] if table.get(key) == action_id)


def actions_of(screen: str) -> list[Action]:
    """The actions of one screen: its own first, those of every screen after."""
    own = [action for action in ACTIONS if screen in action.screens and action.screens != ALL]
    return own + [action for action in ACTIONS if action.screens == ALL]


def _cell(keys: Iterable[str]) -> str:
    return " ".join(f"`{label(key)}`" for key in keys)


def as_markdown() -> str:
    """docs/keys.md. `python -m opengraphs.tui.keys > docs/keys.md` writes it; a test compares."""
    lines = [
        "# Keys",
        "",
        "Made from `src/opengraphs/tui/keys.py`; help (`?`) on each screen shows the same.",
        "The name in the last column is what `[keys]` of `config.toml` takes",
        "(docs/reference/settings.md).",
    ]
    common = [action for action in ACTIONS if action.screens == ALL]
    groups = [("Everywhere", common)]
    groups += [(screen.title(), [a for a in actions_of(screen) if a not in common]) for screen in ALL]
    for heading, shown in groups:
        lines += ["", f"## {heading}", "", "| key | does | name |", "|---|---|---|"]
        lines += [f"| {_cell(a.keys)} | {a.title} | `{a.id}` |" for a in shown]
    lines += ["", "## In every input line", "", "| key | does |", "|---|---|"]
    lines += [f"| {_cell(keys)} | {title} |" for keys, title in TEXT_KEYS]
    lines += [
        "",
        "`enter` accepts, `esc` leaves; the terminal's own paste works too. `super` is the ⌘ key,",
        "where the terminal sends it. `ctrl+c` copies while text is selected. Each kind of line on a screen",
        "remembers what was entered in it, from one start to the next, save notes, names and prompts, and what",
        "looks like a secret; `alt+p` and `alt+n` bring it back also where `↑` `↓` choose a completion. The palette,",
        "help and options remember nothing.",
        "",
        "## Menus and help",
        "",
        "`↑` `↓` `j` `k` move, `enter` chooses, the first letter of an entry chooses it, `esc` closes.",
        "`/` in help searches the keys. A second `ctrl+c` in the leave menu leaves at once; the run goes on.",
        "In options `←` `→` change a value, `enter` opens its list or lets it be written, `tab` goes to the keys,",
        "`del` gives an action its own keys again.",
        "",
        "## Mouse",
        "",
        "Click a tab, a run, a card or a chart to go there; click a run or chart again to open it.",
        "The wheel moves through runs and logs, and zooms a chart. In a chart, a click reads out, a drag",
        "zooms to what it marks, a drag with shift or the right button pans; a click on its title enlarges.",
        "Hold shift to select text as the terminal does.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    import sys

    sys.stdout.write(as_markdown())
