"""What the keys of Chat do that need more than its screen: the editor, lists on top of it, and the kill switch."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from opengraphs.tui.agentwatch import StopAllRequest
from opengraphs.tui.painters import numbers
from opengraphs.tui.screens.overlays import Entry, Menu
from opengraphs.tui.screens.palette import Palette, Target

if TYPE_CHECKING:
    from opengraphs.tui.app import OgApp
    from opengraphs.tui.screens.chat import ChatView


def confirm_stop(app: OgApp) -> None:
    """The kill switch: for the run in view, or for every run."""
    run = app.desk.graphs.run_id
    entries = [Entry("c", "Cancel", "the agent goes on", lambda: None)]
    if run:
        name = str(app.desk.graphs.run.get("name") or run)
        entries.append(Entry("s", "Stop it here", f"no action on {name} any more", partial(_stop, app, run)))
    entries.append(
        Entry("e", "Stop it everywhere", "no action on any run of this store", partial(_stop, app, ""))
    )
    app.overlay = Menu("stop the agent", entries, note="the training goes on; og auto stop --off releases it")


def _stop(app: OgApp, run: str) -> None:
    app.live.ask_once(StopAllRequest(run))


def attach(app: OgApp) -> None:
    """Take what is under the cursor along with the next message."""
    found = app.view.attachment()
    if found is None:
        app.desk.say("there is nothing to attach here", "warn")
    elif app.desk.agent.attach(found):
        app.desk.say(f"goes along with the next message: {found['kind']} {found['ref']}", "ok")
    else:
        app.desk.say("that is attached already, or too much is", "warn")


def choose_session(app: OgApp) -> None:
    """The conversations of the run in view, to be searched."""
    view, now = cast("ChatView", app.views["chat"]), app.desk.clock()
    targets = [Target("chat", "a new conversation", "new", "", view.begin_new)]
    for one in view.sessions:
        session = str(one["session_id"])
        state = "" if one.get("state") == "idle" else f"{one.get('state')}, "
        name = f"{one.get('title') or 'untitled'}  {state}{numbers.age(now - float(one['updated_at']))}"
        targets.append(Target("chat", name, session, "", partial(view.choose, session)))
    app.overlay = Palette(targets, lambda: (), [], app.desk.clipboard, title="conversations")


def edit_approval(app: OgApp) -> None:
    """The change that is asked for in the user's editor; what is written there is asked for instead."""
    view = cast("ChatView", app.views["chat"])
    item = view.waiting()
    if item is None:
        return
    plan = view.conversation.plans.get(str(item.data.get("plan_id")), {})
    edits = str((plan.get("action") or {}).get("edits") or "")
    if not edits:
        app.desk.say("there is no change of files to edit", "warn")
        return
    changed = app.edit_text(edits)
    if changed is None or changed == edits:
        app.desk.say("nothing was changed, and nothing is decided")
    elif not changed.strip():
        app.desk.say("an empty change is no change: n denies it", "warn")
    else:
        view.decide("approve", edits=changed)


def in_editor(text: str) -> str | None:
    """The text as the user's editor left it; None when the editor failed, or is not there."""
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="og-") as folder:
        path = Path(folder) / "change.patch"
        path.write_text(text, encoding="utf-8")
        try:
            done = subprocess.run([*shlex.split(command), str(path)], check=False)
            return path.read_text(encoding="utf-8") if done.returncode == 0 else None
        except (OSError, ValueError):
            return None
