"""How to run a run again, as a page and as the README of an export. Pure, stdlib only."""

from __future__ import annotations

import io
import json
import tarfile
import textwrap
from collections.abc import Iterator
from typing import Any

from opengraphs.cli import format as fmt
from opengraphs.cli.output import Ink


def lines(reply: dict[str, Any], *, limit: int | None, ink: Ink) -> list[str]:
    """The steps, numbered, and what they do not bring back."""
    page = [ink(f"{fmt.clean(reply['name'])}  {reply['run_id']}", "bold")]
    for number, step in enumerate(reply["steps"], 1):
        note = f"  {ink(fmt.clean(step['note']), 'dim')}" if step["note"] else ""
        page += ["", f"{number}. {step['title']}{note}"]
        page += [f"   {ink(fmt.clean(line), 'cyan')}" for line in step["commands"]]
    page.append("")
    if not reply["missing"]:
        page.append(ink("nothing is missing", "green"))
    else:
        page.append(ink("missing", "bold"))
    for part in reply["missing"]:
        said = f"{part['text']}" + (f" ({part['fix']})" if part["fix"] else "")
        page += _wrapped(f"! {fmt.clean(said)}", limit)
    return page


def _wrapped(text: str, limit: int | None) -> list[str]:
    if limit is None:
        return [text]
    return textwrap.wrap(text, limit, subsequent_indent="  ", break_on_hyphens=False) or [text]


def readme(reply: dict[str, Any]) -> str:
    """README.md of an export."""
    return "\n".join(_readme(reply)) + "\n"


def _readme(reply: dict[str, Any]) -> Iterator[str]:
    yield f"# {fmt.clean(reply['name'])} ({reply['run_id']})"
    yield ""
    yield "How to run it again. Secrets are not in here: where one was, it says `[redacted]` or `<secret:…>`."
    for number, step in enumerate(reply["steps"], 1):
        yield ""
        yield f"{number}. {step['title']}" + (f": {fmt.clean(step['note'])}" if step["note"] else "")
        if step["commands"]:
            yield ""
            yield from (f"       {fmt.clean(line)}" for line in step["commands"])
    yield ""
    yield "## Missing"
    yield ""
    for part in reply["missing"]:
        yield f"- {part['what']}: {fmt.clean(part['text'])}" + (
            f" ({fmt.clean(part['fix'])})" if part["fix"] else ""
        )
    if not reply["missing"]:
        yield "Nothing."


def archive(reply: dict[str, Any]) -> bytes:
    """The bytes of a .tar.gz with README.md, bundle.json and what `contents` holds, in one folder."""
    told = {key: value for key, value in reply.items() if key != "contents"}
    members = {
        "README.md": readme(reply),
        "bundle.json": json.dumps(told, indent=1, ensure_ascii=False),
        **reply.get("contents", {}),
    }
    top = f"{reply['run_id']}-bundle"
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, text in members.items():
            data = text.encode("utf-8", "replace")
            about = tarfile.TarInfo(f"{top}/{name}")
            about.size, about.mode = len(data), 0o755 if name.endswith(".sh") else 0o644
            tar.addfile(about, io.BytesIO(data))
    return out.getvalue()
