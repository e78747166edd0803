"""An action of the agent, step by step, such that it is finished or taken back whatever happens meanwhile.

order     what was judged: the run, the files, the checkpoint, until when somebody may say no
journal   the action's own file: what is about to be done, and what was done
world     what an action needs of the daemon; faked in tests
machine   which step is next, and how it is done
"""

from __future__ import annotations

from opengraphs.guard.executor.journal import Journal
from opengraphs.guard.executor.machine import Executor
from opengraphs.guard.executor.order import Change, Order
from opengraphs.guard.executor.world import Seen, Uncertain, World

__all__ = ["Change", "Executor", "Journal", "Order", "Seen", "Uncertain", "World"]
