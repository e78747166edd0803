"""Detectors, rules and the life of an alert. Pure: fed with points and facts, they say what is wrong.

    points, ticks ─ Track (level, scale, trend) ─ detectors ─ Finding ─ Incidents ─ events

`watch.RunWatch` is the one door. No file, no socket, no clock of its own: what is fed decides
what comes out, and the state is plain values, so that a restart changes nothing.
"""
