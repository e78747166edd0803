"""The agent: from a message to an answer, in a process of its own that acts through the daemon's routes alone.

`__main__` takes turns from `ogd`, `context` says what the model is told, `loop` asks it and runs its `tools`,
`planner` reads a plan out of what it answers. What may happen is not decided here: the guard of `ogd` does.
"""
