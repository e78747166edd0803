"""Trackio ingest: a loopback TCP port that unmodified Trackio clients take for a Trackio server.

    listener (TCP, limits) → app (who may, which call) → calls (what was sent)
      → desk (own thread: which run, seen before?) → landing (one run folder) → store.runcopy

`reading` answers Trackio's questions from the engine; `service` starts and stops it all.
"""
