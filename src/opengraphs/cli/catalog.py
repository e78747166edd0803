"""What commands exist, in the order `og --help` shows them. Stdlib only.

`og --help`, `og --version` and the choice of the first frame need this table and
nothing else; click and the command's own module come after.
"""

from __future__ import annotations

from typing import NamedTuple

from opengraphs.cli.first_frame import VIEWS


class Entry(NamedTuple):
    """One command: the module below `cli.commands` that defines it, and its line of help."""

    module: str
    summary: str


COMMANDS: dict[str, Entry] = {
    "run": Entry("run", "Start a training and watch it; it outlives the terminal."),
    "watch": Entry("watch", "Start a command, watch it, end with its exit code."),
    "attach": Entry("attach", "Watch a run that is going on (the newest by default)."),
    "view": Entry("view", "Open a run, a store or a project in the terminal."),
    "list": Entry("list", "List runs."),
    "show": Entry("show", "Show one run: facts, config, metrics."),
    "tail": Entry("tail", "Print the end of a run's log, or of a file."),
    "compare": Entry("compare", "Compare runs, or groups of runs, on a metric."),
    "diff": Entry("diff", "What is different about runs, and did it help."),
    "export": Entry("export", "Write metrics as CSV, JSON or Parquet."),
    "alerts": Entry("alerts", "Alerts of every run; take note of one."),
    "chat": Entry("chat", "Ask the agent about a run; its answer comes as it is written."),
    "agent": Entry("agent", "How the agent is, and what a message would send."),
    "audit": Entry("audit", "What the agent was sent, said and did; is it all there."),
    "checkpoints": Entry("checkpoints", "What a run saved; keep a checkpoint from being deleted."),
    "lineage": Entry("lineage", "The family of a run: which runs went on from which."),
    "bundle": Entry("bundle", "How to run a run again exactly, and what is missing."),
    "search": Entry("search", "Find a word in runs, notes, metrics and config."),
    "tag": Entry("tag", "Put tags on runs, and take them off."),
    "note": Entry("note", "Write a note on a run, or read its notes."),
    "rename": Entry("rename", "Give a run another name."),
    "archive": Entry("archive", "Put runs out of sight, and back."),
    "rm": Entry("rm", "Move runs to the trash, and back."),
    "import": Entry("import_", "Copy runs of wandb, TensorBoard, CSV, … into the store."),
    "resume": Entry("resume", "Go on from a checkpoint of a run, as a new run."),
    "stop": Entry("stop", "Stop a run."),
    "top": Entry("top", "This machine now: CPU, memory, GPUs, processes."),
    "ingest": Entry("ingest", "Let Trackio clients of any language write into og."),
    "demo": Entry("demo", "Train a small network on real images and watch it."),
    "init": Entry("init", "Make a store for the runs of this project."),
    "doctor": Entry("doctor", "Check this machine, the store and the daemon."),
    "daemon": Entry("daemon", "Start, stop and look at the background daemon."),
    "config": Entry("config", "Show the settings in force and where each comes from."),
    "mcp": Entry("mcp", "Serve runs, metrics and logs as tools to a coding agent."),
    "skill": Entry("skill", "Print what a coding agent needs to know about og."),
    "completion": Entry("completion", "Print a completion script for bash, zsh or fish."),
}

ALIASES = {"-r": "run", "-t": "tail"}
HOME = "view"
"""The command behind a bare `og` and `og PATH`."""

SCREENS = (*VIEWS, "run", "watch", "resume", "demo", "top")
"""Commands that may open a screen."""

EXAMPLES = (
    ("og run train.py", "train, with live curves"),
    ("og run -- torchrun train.py --lr 3e-4", "any command"),
    ("og", "all runs, newest first"),
    ("og attach", "watch the newest live run again"),
    ("og view ~/work/llm", "whatever wrote them: runs of wandb, TensorBoard, CSV, …"),
    ("og list --status running", "what is going on"),
    ("og tag k7f3 baseline", "find it again: og list --tags baseline"),
    ("og diff k7f3 b2cd", "what changed, and did it help"),
    ("og export k7f3 --format csv -o k7f3.csv", "take the numbers elsewhere"),
)


def top_help() -> str:
    """The text of `og --help`: examples first, then every command with its line."""
    width = max(len(line) for line, _ in EXAMPLES)
    lines = ["og: htop for experiments", "", "Examples:"]
    lines += [f"  {line.ljust(width)}  {says}" for line, says in EXAMPLES]
    lines += ["", "Usage: og [PATH]             open a store, a project or a run folder"]
    lines += ["       og COMMAND [OPTIONS]", "", "Commands:"]
    lines += [f"  {name.ljust(11)} {entry.summary}" for name, entry in COMMANDS.items()]
    lines += ["", "Options:"]
    lines += ["  -r, -t      Short for run and tail."]
    lines += ["  --version   Print the version."]
    lines += ["  -h, --help  Show this text; `og COMMAND --help` shows one command's."]
    return "\n".join(lines) + "\n"
