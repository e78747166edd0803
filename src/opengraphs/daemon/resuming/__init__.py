"""Going on from a checkpoint: what would be run, and how it is started.

plan_resume      which checkpoint, which command, which environment; nothing is started
stop_and_keep    end a run and keep its runner, which has the user's shell around it
launch_resumed   start what was planned: by that runner, else by ogd from the bundle
"""

from __future__ import annotations

from opengraphs.daemon.resuming.plan import plan_resume
from opengraphs.daemon.resuming.starting import launch_resumed, stop_and_keep

__all__ = ["launch_resumed", "plan_resume", "stop_and_keep"]
