"""Alerts while runs live: each run's points go through its detectors, and what they say becomes events.

engine.fed ─ RunAlerts (feed, RunWatch) ─ events/ogd.jsonl ─ GET /events, sinks
                  └ state, every half a minute and after every event ─ keeping
"""
