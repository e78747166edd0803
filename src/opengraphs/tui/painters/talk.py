"""A conversation in rows: who speaks stands at the left, in words where there is room. Pure.

  you  why does the loss rise?
       · log_tail  last 200 lines                       enter opens
agent  The learning rate is too high since step 400 [train/loss @ 420].
"""

from __future__ import annotations

import json
from typing import NamedTuple

from opengraphs.protocol.auto import STEPS
from opengraphs.tui.painters import markdown, numbers, proof
from opengraphs.tui.painters.cells import fit
from opengraphs.tui.painters.text import cell_len, clip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from opengraphs.tui.glyphs import Glyphs
    from opengraphs.tui.painters.cells import Row

WORDS_FROM = 60
"""Columns from which who speaks is told in words."""
MOST_ROWS = 400
"""Of an opened tool call, or a command's output."""


class Place(NamedTuple):
    """Something that can be opened: where it stands in its block. kind: `cite` or `item`."""

    y: int
    x: int
    stop: int
    kind: str
    text: str


class Block(NamedTuple):
    """One item, painted."""

    rows: list[Row]
    places: list[Place]


def gutter(width: int) -> int:
    return 8 if width >= WORDS_FROM else 2


def paint(
    kind: str, data: Mapping[str, Any], width: int, glyphs: Glyphs, *, is_open: bool, now: float
) -> Block:
    """An item of a conversation, and a blank row below what people say."""
    inner = max(8, width - gutter(width) - 1)
    painter = {
        "user": _user,
        "agent": _agent,
        "tool": _tool,
        "notice": _notice,
        "approval": _approval,
        "action": _action,
        "output": _output,
    }[kind]
    rows, places = painter(data, inner, glyphs, is_open, now)
    return _beside_who(kind, rows, places, width, glyphs, spaced=kind != "tool")


def _beside_who(
    kind: str, rows: list[Row], places: list[Place], width: int, glyphs: Glyphs, *, spaced: bool
) -> Block:
    left = gutter(width)
    word, sign, role = _WHO[kind]
    lead = f"{word:>{left - 2}}  " if left > 2 else f"{sign} "
    out = [fit([(lead if y == 0 else " " * left, f"b:{role}"), *row], width) for y, row in enumerate(rows)]
    if spaced:
        out.append([(" " * width, "text")])
    return Block(out, [place._replace(x=place.x + left, stop=place.stop + left) for place in places])


_WHO = {
    "user": ("you", ">", "accent"),
    "agent": ("agent", "*", "ok"),
    "tool": ("", " ", "dim"),
    "notice": ("og", "-", "dim"),
    "approval": ("asks", "?", "warn"),
    "action": ("acts", "+", "accent"),
    "output": ("og", "$", "dim"),
}

Painted = tuple["list[Row]", "list[Place]"]


def _said(text: str, width: int, glyphs: Glyphs, role: str) -> Painted:
    rows, cited = markdown.paint(text, width, glyphs, role=role)
    return rows, [Place(y, x, stop, "cite", what) for y, x, stop, what in cited]


def _user(data: Mapping[str, Any], width: int, glyphs: Glyphs, is_open: bool, now: float) -> Painted:
    rows, places = _said(str(data["text"]), width, glyphs, "accent")
    names = [f"[{name_of(one)}]" for one in data.get("attachments") or ()]
    if names:
        rows.append(fit([(glyphs.clean(" ".join(names)), "dim")], width, ellipsis=glyphs.ellipsis))
    return rows, places


def name_of(attachment: Mapping[str, Any]) -> str:
    """An attachment in a few words."""
    return f"{attachment.get('kind', 'text')} {attachment.get('ref', '')}".strip()


def _agent(data: Mapping[str, Any], width: int, glyphs: Glyphs, is_open: bool, now: float) -> Painted:
    rows, places = _said(str(data["text"]), width, glyphs, "ok")
    if data.get("cut"):
        rows.append(fit([(f"-- {glyphs.clean(str(data['cut']))}", "warn")], width, ellipsis=glyphs.ellipsis))
    return rows, places


def _tool(data: Mapping[str, Any], width: int, glyphs: Glyphs, is_open: bool, now: float) -> Painted:
    mark, role = ("-" if glyphs.ascii_only else "·", "dim") if data.get("ok", True) else ("!", "warn")
    name, summary = (
        glyphs.clean(str(data.get("name") or "tool")),
        glyphs.clean(str(data.get("summary") or "")),
    )
    head = clip(f"{name}  {summary}", width - 2, ellipsis=glyphs.ellipsis)
    rows: list[Row] = [[(f"{mark} ", role), (head, "dim")]]
    if is_open:
        asked = json.dumps(data.get("arguments") or {}, ensure_ascii=False, default=str)
        rows += _plain(f"{asked}\n{data.get('result') or ''}", width, glyphs)
    return [fit(row, width) for row in rows], [Place(0, 0, cell_len(head) + 2, "item", "")]


def _output(data: Mapping[str, Any], width: int, glyphs: Glyphs, is_open: bool, now: float) -> Painted:
    code = data.get("exit_code")
    rows: list[Row] = [fit([("$ ", "dim"), (glyphs.clean(str(data["command"])), "text")], width)]
    rows += _plain(str(data["text"]), width, glyphs)
    if code:
        rows.append(fit([(f"-- exit code {code}", "warn")], width))
    return rows, []


def _plain(text: str, width: int, glyphs: Glyphs) -> list[Row]:
    lines = text.rstrip("\n").split("\n")
    rows = [
        fit(
            [(f"{glyphs.separator} ", "border"), (glyphs.clean(line), "dim")], width, ellipsis=glyphs.ellipsis
        )
        for line in lines[:MOST_ROWS]
    ]
    if len(lines) > MOST_ROWS:
        rows.append(fit([(f"{glyphs.separator} {len(lines) - MOST_ROWS} more lines", "dim")], width))
    return rows


def _notice(data: Mapping[str, Any], width: int, glyphs: Glyphs, is_open: bool, now: float) -> Painted:
    role = {"warn": "warn", "error": "error"}.get(str(data.get("level")), "dim")
    text = {"error": "error: ", "warn": "note: "}.get(str(data.get("level")), "") + str(data["text"])
    if data.get("until") is not None:
        left = float(data["until"]) - now
        text += f" (again in {numbers.duration(left)})" if left > 0 else " (now it may be tried again)"
    rows, _ = markdown.paint(text, width, glyphs, role=role)
    if data.get("hint"):
        rows += markdown.paint(str(data["hint"]), width, glyphs, role="dim")[0]
    return rows, []


def _approval(data: Mapping[str, Any], width: int, glyphs: Glyphs, is_open: bool, now: float) -> Painted:
    until = data.get("expires_at")
    left = float(until) - now if isinstance(until, (int, float)) else None
    rows = proof.approval(data, width, glyphs, left_s=left, whole=is_open)
    return rows, [Place(0, 0, width, "item", "")] if data.get("diff") else []


def _action(data: Mapping[str, Any], width: int, glyphs: Glyphs, is_open: bool, now: float) -> Painted:
    return proof.action(data, width, glyphs, steps=STEPS, done_mark=glyphs.status["finished"]), []


def empty(lines: Sequence[str], width: int, height: int, glyphs: Glyphs) -> list[Row]:
    """Nothing has been said yet: what can be."""
    top = max(0, (height - len(lines)) // 2)
    rows: list[Row] = [[] for _ in range(top)]
    for line in lines[:height]:
        shown = clip(glyphs.clean(line), width, ellipsis=glyphs.ellipsis)
        rows.append([(" " * ((width - cell_len(shown)) // 2), "text"), (shown, "dim")])
    return [fit(row, width) for row in rows[:height]]
