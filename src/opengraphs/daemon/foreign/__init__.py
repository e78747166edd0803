"""Runs that other programs recorded: places are attached, followed into copies, or imported.

    places      what is attached to a store, kept in its cache
    progress    how far each source was read, and the copies' lengths at that moment
    copies      the sink that readers fill: one run folder a run
    followed    one source: its reader, its copies, when to look again
    follower    the thread that looks for sources and follows them
    importing   the same into the store itself, once

Readers block on disks, so none of this runs in the event loop or in the engine's thread.
"""
