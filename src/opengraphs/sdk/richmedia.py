"""Values of other trackers beside pictures, tables, sound and film; and figures given as they are."""

from __future__ import annotations

import os

from .media import Image, Media, Table, _as_path, _place
from .plain import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional, Sequence


class _Text(Media):
    """Text that is kept as a file of its own."""

    suffix = "txt"

    def __init__(self, data: Any = "", caption: Optional[str] = None, **_habits: Any) -> None:
        super().__init__(caption)
        self.data = data

    def _text(self) -> str:
        return str(self.data)

    def store(self, folder: str, stem: str) -> Dict[str, Any]:
        """Write the text to `<folder>/<stem>.<suffix>` and return the record's columns."""
        path, reference = _place(folder, stem, self.suffix)
        with open(path, "w", encoding="utf-8", errors="replace") as file:
            file.write(self._text())
        return {self.kind: {**reference, "bytes": os.path.getsize(path)}, **super().store(folder, stem)}


class Markdown(_Text):
    """Text in Markdown."""

    kind = "markdown"
    suffix = "md"


class Html(_Text):
    """A web page: its text, a file's path, an open file, or a figure that knows how to become one."""

    kind = "html"
    suffix = "html"

    def __init__(
        self, data: Any, inject: bool = True, data_is_not_path: bool = False, caption: Optional[str] = None
    ) -> None:
        """Args:
        inject: accepted; a page is kept as it is.
        """
        super().__init__(data, caption)
        self.data_is_not_path = data_is_not_path

    def _text(self) -> str:
        if hasattr(self.data, "to_html"):
            return str(self.data.to_html())
        if hasattr(self.data, "read"):
            return str(self.data.read())
        path = None if self.data_is_not_path else _as_path(self.data)
        if path is not None and len(path) < 4096 and "<" not in path and os.path.isfile(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                return file.read()
        return str(self.data)


class Plotly(Html):
    """A Plotly figure, kept as a web page."""


class Object3D(Media):
    """A model or a cloud of points: a file is copied, an array is kept as JSON."""

    kind = "object3d"

    def __init__(self, data_or_path: Any = None, caption: Optional[str] = None, **_habits: Any) -> None:
        super().__init__(caption)
        self.data = data_or_path if data_or_path is not None else _habits.get("path_or_array")

    def store(self, folder: str, stem: str) -> Dict[str, Any]:
        """Write it below `folder` and return the record's columns."""
        import json
        import shutil

        source = _as_path(self.data)
        if source is not None:
            path, reference = _place(folder, stem, os.path.splitext(source)[1].lstrip(".").lower() or "bin")
            shutil.copyfile(source, path)
        else:
            path, reference = _place(folder, stem, "points.json")
            with open(path, "w", encoding="utf-8") as file:
                json.dump(plain(self.data), file)
        return {self.kind: {**reference, "bytes": os.path.getsize(path)}, **super().store(folder, stem)}


class Molecule(Object3D):
    """A molecule's file."""

    kind = "molecule"


class Trace(Media):
    """A conversation with a model; it stands in the record itself, with a column for each part."""

    kind = "trace"

    def __init__(
        self,
        messages: Sequence[Dict[str, Any]],
        metadata: Optional[Dict[str, Any]] = None,
        spans: Optional[Sequence[Dict[str, Any]]] = None,
    ) -> None:
        super().__init__()
        self.columns = {
            "messages": list(messages),
            "metadata": dict(metadata or {}),
            "spans": list(spans or ()),
        }

    def store(self, folder: str, stem: str) -> Dict[str, Any]:
        """The columns; no file is written."""
        return {key: value for key, value in self.columns.items() if value}


class EvalTable(Table):
    """A table of an evaluation: kept as any other."""


class JoinedTable(Table):
    """Two tables side by side, joined by the values of a column that both have."""

    def __init__(self, table1: Table, table2: Table, join_key: str) -> None:
        others = [name for name in table2.columns if name != join_key]
        known = {row[table2.columns.index(join_key)]: row for row in table2.data}
        rows = [
            [*row, *(match[table2.columns.index(name)] for name in others)]
            for row in table1.data
            for match in [known.get(row[table1.columns.index(join_key)])]
            if match is not None
        ]
        super().__init__(columns=[*table1.columns, *others], data=rows)


class Classes:
    """Names of the classes in pictures; accepted."""

    def __init__(self, class_set: Any = ()) -> None:
        self.class_set = class_set


class Graph(Classes):
    """The graph of a model; accepted, and nothing is kept of it."""


class ArtifactTTL:
    """How long an artifact is kept; accepted: og keeps none."""

    INHERIT = None


def box3d(**named: Any) -> Dict[str, Any]:
    """A box in a cloud of points, as a plain dict."""
    return named


def wrap(value: Any) -> Optional[Media]:
    """A figure, a picture or a data frame that was logged as it is; None for anything else."""
    kind = type(value)
    if hasattr(kind, "savefig"):
        return Image(value)
    if hasattr(value, "gcf") and hasattr(value, "savefig"):  # matplotlib.pyplot itself
        return Image(value.gcf())
    if hasattr(kind, "to_html") and hasattr(kind, "to_plotly_json"):
        return Plotly(value)
    if hasattr(kind, "tobytes") and hasattr(kind, "convert"):
        return Image(value)
    if hasattr(value, "columns") and hasattr(value, "values") and hasattr(value, "iloc"):
        return Table(dataframe=value)
    return None
