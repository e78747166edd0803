"""How a script is made to go on from a checkpoint: what its source tells, and what its user accepted.

    scripts     does it know og's variables, or which arguments would do (read, never run)
    overrides   `--set lr=1e-4` as arguments of the command
    accepted    arguments that were guessed, shown and accepted once

The daemon plans with it and the command line asks with it; they may not import each other, so
the rules live here.
"""
