"""Forwarding: runs that ask for it are sent on to a Trackio server, from here and never from training.

    engine: which runs ask ─ service ─ lane (a thread a server)
      lane: reader (journals from a cursor) ─ rows ─ delivery (splits, isolates) ─ transport (HTTP)
            cursor (state folder) is written after the server has said yes

A record's `log_id` follows from the run and the record's place in its journal, so a
replay changes nothing at the server: killed at any moment, each record arrives once.
"""
