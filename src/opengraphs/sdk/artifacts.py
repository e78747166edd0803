"""Artifacts of other trackers: what they hold is written down, and nothing is copied.

A model becomes a checkpoint, any other kind an `artifact` event with the files it names,
their sizes and its metadata. The files stay where the script put them.
"""

from __future__ import annotations

import os
from time import time

from . import warn
from .elsewhere import refuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any, Dict, List, Optional, Sequence, Union

    from .run import Run

    Path = Union[str, os.PathLike[str]]

MAX_FILES = 10_000
"""Files of an artifact that are named in its event."""
MODELS = frozenset(("model", "checkpoint", "weights"))


class Artifact:
    """Files under a name, as the trackers that keep copies have them.

    Args:
        type: `model` and `checkpoint` become checkpoints of the run.
    """

    def __init__(
        self,
        name: str,
        type: str = "file",  # noqa: A002
        description: Optional[str] = None,
        metadata: Optional[Dict[str, Any]] = None,
        **_habits: Any,
    ) -> None:
        self.name = str(name)
        self.type = str(type)
        self.description = description
        self.metadata: Dict[str, Any] = dict(metadata or {})
        self.aliases: List[str] = []
        self.paths: List[str] = []
        self.references: List[str] = []
        self.version = "v0"
        self._folder: Optional[str] = None

    def add_file(self, local_path: Path, *_args: Any, **_kwargs: Any) -> None:
        """Name a file."""
        self.paths.append(os.path.abspath(os.fspath(local_path)))

    add_dir = add_file
    """Name a folder; all that is in it belongs to the artifact."""

    def add_reference(self, uri: Any, *_args: Any, **_kwargs: Any) -> None:
        """Name something that lies elsewhere."""
        self.references.append(str(uri))

    def add(self, obj: Any, name: str) -> None:
        """Keep a table or a picture beside the files."""
        store = getattr(obj, "store", None)
        if callable(store):
            store(self._own_folder(), name.replace(os.sep, "-"))
            self.paths.append(self._own_folder())

    def new_file(self, name: str, mode: str = "w", encoding: Optional[str] = None) -> IO[Any]:
        """A file that is written for the artifact, opened: `with artifact.new_file("a.txt") as file`."""
        path = os.path.join(self._own_folder(), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.paths.append(path)
        return open(path, mode, encoding=encoding if "b" in mode else encoding or "utf-8")

    def download(self, root: Optional[str] = None, **_habits: Any) -> str:
        """Where the files are: the folder of the first; nothing is copied."""
        first = self.paths[0] if self.paths else self._own_folder()
        return first if os.path.isdir(first) else os.path.dirname(first)

    checkout = download

    def file(self, root: Optional[str] = None) -> str:
        """The path of the one file it holds."""
        return self.paths[0] if self.paths else ""

    def get_path(self, name: str) -> "Artifact":
        """The artifact itself: its files are where they were."""
        return self

    def wait(self, timeout: Optional[float] = None) -> "Artifact":
        """Itself at once: nothing is on its way."""
        return self

    def finalize(self, *_args: Any, **_kwargs: Any) -> None:
        """Nothing: what is written down is complete."""

    save = link = unlink = delete = finalize

    def _own_folder(self) -> str:
        """A folder for what has no file of its own yet: in the current run's media, else a temporary one."""
        if self._folder is None:
            from . import api

            run_dir = api.current("run") and api.current("run").dir
            if run_dir:
                safe = "".join(char if char.isalnum() or char in "-_." else "_" for char in self.name)
                self._folder = os.path.join(run_dir, "media", "artifact-%s-%d" % (safe[:60], time() * 1e6))
                os.makedirs(self._folder, exist_ok=True)
            else:
                import tempfile

                self._folder = tempfile.mkdtemp(prefix="og-artifact-")
        return self._folder


_known: Dict[str, Artifact] = {}
"""What this process has logged, by name: the only artifacts that it can use."""


def record(
    run: Run,
    artifact_or_path: Any,
    name: Optional[str] = None,
    type: Optional[str] = None,  # noqa: A002
    aliases: Optional[Sequence[str]] = None,
    **_habits: Any,
) -> Artifact:
    """`Run.log_artifact`: write down what it holds."""
    artifact = (
        artifact_or_path if isinstance(artifact_or_path, Artifact) else _of_path(artifact_or_path, name, type)
    )
    artifact.aliases += [aliases] if isinstance(aliases, str) else list(aliases or ())
    _known[artifact.name] = artifact
    _write(run, artifact)
    return artifact


def _of_path(path: Any, name: Optional[str], kind: Optional[str]) -> Artifact:
    artifact = Artifact(name or os.path.basename(os.fspath(path)), kind or "file")
    artifact.add_file(path)
    return artifact


@warn.guarded
def _write(run: Run, artifact: Artifact) -> None:
    if artifact.type in MODELS:
        for path in artifact.paths:
            run.checkpoint(path)
    event = {
        "name": artifact.name,
        "type": artifact.type,
        "step": run.step,
        "aliases": artifact.aliases,
        "description": artifact.description,
        "metadata": artifact.metadata,
        "references": artifact.references,
        "files": _files(artifact.paths),
    }
    run._event("artifact", event)


def _files(paths: Sequence[str]) -> List[Dict[str, Any]]:
    found: List[Dict[str, Any]] = []
    for path in paths:
        inside = [os.path.join(top, name) for top, _, names in os.walk(path) for name in sorted(names)]
        for file in inside or [path]:
            if len(found) < MAX_FILES:
                found.append({"path": file, "bytes": os.path.getsize(file) if os.path.isfile(file) else None})
    return found


def use(
    _run: Any,
    artifact_or_name: Any,
    type: Optional[str] = None,  # noqa: A002
    **_habits: Any,
) -> Artifact:
    """`Run.use_artifact`: one that this process has logged, by name.

    Raises:
        CommError: any other; og keeps no copies.
    """
    if isinstance(artifact_or_name, Artifact):
        return artifact_or_name
    name = str(artifact_or_name).rpartition("/")[2].partition(":")[0]
    if name not in _known:
        refuse(
            "artifact %r" % str(artifact_or_name),
            "no copies are kept; give the script the path of the file itself",
        )
    return _known[name]


def log_model(
    run: Run, path: Path, name: Optional[str] = None, aliases: Optional[Sequence[str]] = None
) -> None:
    """`Run.log_model`: a checkpoint."""
    record(run, path, name, "model", aliases)


def use_model(run: Run, name: str) -> str:
    """`Run.use_model`: the path of a model that this process has logged; raises as `use`."""
    return use(run, name).download()


@warn.guarded
def save(run: Run, glob_str: Any = None, *_args: Any, **_kwargs: Any) -> List[str]:
    """`Run.save`: write down which files the script means to keep. They stay where they are.

    Returns:
        The paths that fit the pattern.
    """
    import glob

    paths = sorted(glob.glob(os.fspath(glob_str))) if glob_str is not None else []
    if paths:
        run._event(
            "artifact", {"name": str(glob_str), "type": "saved", "step": run.step, "files": _files(paths)}
        )
    return [os.path.abspath(path) for path in paths]
