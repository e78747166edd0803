"""accelerate: `Accelerator(log_with="opengraphs")` after this module was imported, or `log_with=OpenGraphsTracker(…)`.

`log_with="all"` means the trackers that accelerate brings along and never this one.
"""

from __future__ import annotations

from accelerate import tracking

from .recording import Watch, never_raise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping, Optional


class OpenGraphsTracker(Watch, tracking.GeneralTracker):
    """Writes what `Accelerator.log` is given to an OpenGraphs run, on the main process only."""

    name = "opengraphs"
    requires_logging_directory = False
    main_process_only = True

    def __init__(self, run_name: Optional[str] = None, **init: Any) -> None:
        """Use the current run, or begin one when the trackers are started.

        Args:
            run_name: the project, which is what `init_trackers` is given.
            init: as `opengraphs.init` takes them: `init_kwargs={"opengraphs": {"tags": ["a"]}}`.
        """
        super().__init__(**{"project": run_name, **init})

    @property
    def tracker(self) -> Any:
        """The `opengraphs.Run`."""
        return self._run_recorder.run

    @tracking.on_main_process
    @never_raise
    def store_init_configuration(self, values: Mapping[str, Any]) -> None:
        self.recorder.config(values)

    @tracking.on_main_process
    @never_raise
    def log(self, values: Mapping[str, Any], step: Optional[int] = None, **kwargs: Any) -> None:
        self.record(values, step)

    @tracking.on_main_process
    @never_raise
    def finish(self) -> None:
        """End the run if it was begun here."""
        if self._run_recorder.is_own:
            self._run_recorder.run.finish()


def register() -> None:
    """Make the name `opengraphs` known to `Accelerator(log_with=…)`. Done when this module is imported."""
    known = tracking.LOGGER_TYPE_TO_CLASS
    if OpenGraphsTracker.name not in known and hasattr(tracking, "register_tracker_class"):
        tracking.register_tracker_class(OpenGraphsTracker)


register()
