"""Run folders: what is in them, how they are followed, repaired and judged.

The only code besides the SDK's writer and the runner that knows file names. Reading
never changes a folder; `recovery` is the one module that writes, after a run's end.
"""
