"""What a change does, as far as its text tells: statements, sinks, the judged metric, settings."""
