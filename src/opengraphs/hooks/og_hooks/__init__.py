"""og's part inside a training that knows nothing of og: what watches its libraries.

How a library gets hooked:

    sitecustomize ─ finder (a look at every import) ─ table (which module, whose hook)
      ─ the library's module is loaded ─ `hook(module)` of that row's file ─ guard.after(…)
      ─ mirror("wandb").log({"loss": 0.3}, 12) ─ metrics/mirror-a0-r0.jsonl

To add one: a row in `table.TABLE` and a file in this folder with `hook(module)`. The file
is imported only when the library is. It must be Python 3.8-safe, import nothing but the
standard library and this package, and change the library through `guard` alone:

    from .guard import after
    from .mirror import mirror

    def hook(module):
        after(module.Trainer, "log", _log, hook="transformers")

    def _log(_result, trainer, logs, *_args, **_kwargs):
        mirror("transformers").log(logs, trainer.state.global_step)

What is raised in `hook` or in an observer goes to the run folder's `hooks.log`, once for
each place; the training sees the library's own results and exceptions and nothing else.
"""
