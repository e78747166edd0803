"""The agent: sessions, context, providers, planner, in a process of its own."""
