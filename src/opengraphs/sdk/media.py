"""Values that are files: images, tables, sound, film; and histograms, which are small.

A file goes to the run's `media/` folder, and a sample record refers to it. Names and
arguments follow the wandb habit.
"""

from __future__ import annotations

import os

from .plain import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

_CHUNK_BYTES = 1 << 20


def _one_of(given: Any, habits: Dict[str, Any]) -> Any:
    """The value under the names that other trackers give the argument."""
    return next(
        (habits[name] for name in ("data_or_path", "value") if given is None and name in habits), given
    )


class Media:
    """Something that is kept beside the numbers."""

    kind = "media"

    def __init__(self, caption: Optional[str] = None) -> None:
        self.caption = caption

    def store(self, folder: str, stem: str) -> Dict[str, Any]:
        """The record's columns; kinds that need a file write it below `folder` first.

        Raises:
            Exception: it cannot be read, converted or written.
        """
        return {} if self.caption is None else {"caption": self.caption}


class _Copied(Media):
    """A file of the user's, by path or as bytes. It is copied, because scripts overwrite theirs."""

    default_suffix = "bin"

    def __init__(self, data: Any, caption: Optional[str] = None, format: Optional[str] = None) -> None:  # noqa: A002
        super().__init__(caption)
        self.data = data
        self.format = format

    def store(self, folder: str, stem: str) -> Dict[str, Any]:
        """Copy the file to `<folder>/<stem>.<suffix>` and return the record's columns."""
        path, reference = _place(folder, stem, self._suffix())
        details = self._write(path)
        return {
            self.kind: {**reference, "bytes": os.path.getsize(path), **details},
            **super().store(folder, stem),
        }

    def _suffix(self) -> str:
        path = _as_path(self.data)
        own = os.path.splitext(path)[1].lstrip(".").lower() if path else ""
        return own or self.format or self.default_suffix

    def _write(self, path: str) -> Dict[str, Any]:
        source = _as_path(self.data)
        with open(path, "wb") as target:
            if source is None:
                target.write(bytes(self.data))
                return {}
            with open(source, "rb") as file:
                for chunk in iter(lambda: file.read(_CHUNK_BYTES), b""):
                    target.write(chunk)
        return {}


class Audio(_Copied):
    """A sound file: `Audio("speech.wav")`, or its bytes with `format="mp3"`."""

    kind = "audio"
    default_suffix = "wav"

    def __init__(
        self,
        data: Any = None,
        sample_rate: Optional[int] = None,
        caption: Optional[str] = None,
        format: Optional[str] = None,  # noqa: A002
        **habits: Any,
    ) -> None:
        """Args:
        data: a path, bytes, or samples from -1 to 1, in channels if they are nested.
        sample_rate: kept beside the file; samples need it.
        """
        super().__init__(_one_of(data, habits), caption, format)
        self.sample_rate = sample_rate

    def _write(self, path: str) -> Dict[str, Any]:
        if _as_path(self.data) is None and not isinstance(self.data, (bytes, bytearray)):
            from . import wav

            wav.write(path, self.data, self.sample_rate or 44100)
        else:
            super()._write(path)
        return {} if self.sample_rate is None else {"sample_rate": self.sample_rate}


class Video(_Copied):
    """A film file: `Video("rollout.mp4")`, or its bytes with `format="mp4"`."""

    kind = "video"
    default_suffix = "mp4"

    def __init__(
        self,
        data: Any = None,
        caption: Optional[str] = None,
        fps: Optional[int] = None,
        format: Optional[str] = None,  # noqa: A002
        **habits: Any,
    ) -> None:
        """Args:
        fps: kept beside the file.
        """
        super().__init__(_one_of(data, habits), caption, format)
        self.fps = fps

    def _write(self, path: str) -> Dict[str, Any]:
        if _as_path(self.data) is None and not isinstance(self.data, (bytes, bytearray)):
            raise TypeError("a film is a file or its bytes; frames cannot be encoded here")
        super()._write(path)
        return {} if self.fps is None else {"fps": self.fps}


class Image(_Copied):
    """A picture: a path, bytes, a PIL image, a matplotlib figure, or an array.

    Arrays are (height, width), (height, width, 1 | 3 | 4) or, from torch, channels first;
    unsigned bytes, or floats from 0 to 1. They are written as PNG.
    """

    kind = "image"
    default_suffix = "png"

    def __init__(
        self,
        data_or_path: Any = None,
        mode: Optional[str] = None,
        caption: Optional[str] = None,
        boxes: Any = None,
        **habits: Any,
    ) -> None:
        """Args:
        mode: accepted; an array's shape says what it is.
        boxes: kept beside the file.
        habits: what else other trackers take; masks and classes are not kept.
        """
        super().__init__(_one_of(data_or_path, habits), caption)
        self.boxes = boxes

    def store(self, folder: str, stem: str) -> Dict[str, Any]:
        """As any file; `boxes` where there are some."""
        return {**super().store(folder, stem), **({"boxes": plain(self.boxes)} if self.boxes else {})}

    def _write(self, path: str) -> Dict[str, Any]:
        if _as_path(self.data) is not None or isinstance(self.data, (bytes, bytearray)):
            return super()._write(path)
        if hasattr(self.data, "savefig"):
            self.data.savefig(path, format="png")
            return {}
        from . import png

        width, height, channels, rows = png.pixels(self.data)
        png.write(path, width, height, channels, rows)
        return {"width": width, "height": height}


class Table(Media):
    """Rows under named columns, kept whole as one JSON file."""

    kind = "table"

    def __init__(
        self,
        columns: Optional[Sequence[Any]] = None,
        data: Any = None,
        rows: Any = None,
        dataframe: Any = None,
        **_habits: Any,
    ) -> None:
        """Args:
        data: rows, or a data frame; `rows` and `dataframe` say the same.
        """
        super().__init__()
        frame = dataframe if dataframe is not None else data if hasattr(data, "columns") else None
        if frame is not None:
            self.columns = [str(name) for name in frame.columns]
            self.data = [list(row) for row in frame.values.tolist()]
            return
        given = rows if data is None else data
        self.columns = [str(name) for name in columns or ()]
        self.data = [list(row) for row in ([] if given is None else given)]

    def add_data(self, *row: Any) -> None:
        """Add a row.

        Raises:
            ValueError: it has not as many cells as there are columns.
        """
        if self.columns and len(row) != len(self.columns):
            raise ValueError("a row of %d cells for %d columns" % (len(row), len(self.columns)))
        self.data.append(list(row))

    add_row = add_data

    def get_column(self, name: str, convert_to: Optional[str] = None) -> Any:
        """The cells of a column; as an array with `convert_to="numpy"`."""
        cells = [row[self.columns.index(name)] for row in self.data]
        if convert_to != "numpy":
            return cells
        from importlib import import_module

        return import_module("numpy").array(cells)

    def iterrows(self) -> Any:
        """(number, row) of each row."""
        return enumerate(self.data)

    def get_dataframe(self) -> Any:
        """A pandas data frame of it."""
        from importlib import import_module

        return import_module("pandas").DataFrame(self.data, columns=self.columns)

    def add_computed_columns(self, fn: Any) -> None:
        """Add the columns of the dicts that `fn(number, {column: cell})` returns for each row."""
        made = [fn(number, dict(zip(self.columns, row))) for number, row in enumerate(self.data)]
        for name in made[0] if made else ():
            self.add_column(name, [one.get(name) for one in made])

    def __len__(self) -> int:
        return len(self.data)

    def add_column(self, name: str, data: Iterable[Any]) -> None:
        """Add a column with a cell for each row."""
        cells = list(data)
        self.columns.append(str(name))
        if not self.data:
            self.data = [[] for _ in cells]
        for row, cell in zip(self.data, cells):
            row.append(cell)

    def store(self, folder: str, stem: str) -> Dict[str, Any]:
        """Write `<folder>/<stem>.table.json` and return the record's columns."""
        import json

        path, reference = _place(folder, stem, "table.json")
        rows = [
            [_cell(value, folder, "%s-%d-%d" % (stem, at, place)) for place, value in enumerate(row)]
            for at, row in enumerate(self.data)
        ]
        table = {"columns": self.columns, "data": rows}
        with open(path, "w", encoding="utf-8") as file:
            json.dump(table, file, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
        size = {"rows": len(self.data), "columns": len(self.columns)}
        return {self.kind: {**reference, "bytes": os.path.getsize(path), **size}}


class Histogram(Media):
    """How many values fall into each bin; stands in the record itself."""

    kind = "histogram"

    def __init__(
        self,
        sequence: Any = None,
        np_histogram: Optional[Tuple[Any, Any]] = None,
        num_bins: int = 64,
    ) -> None:
        """Args:
        sequence: the values, any nesting; those that are not finite are left out.
        np_histogram: (counts, edges) as `numpy.histogram` returns them, instead.
        """
        super().__init__()
        if np_histogram is not None:
            self.counts, self.bins = (_flat(part) for part in np_histogram)
        else:
            self.counts, self.bins = _histogram(_flat(sequence), num_bins)

    def store(self, folder: str, stem: str) -> Dict[str, Any]:
        """The columns; no file is written."""
        return {self.kind: {"counts": self.counts, "bins": self.bins}}


def _place(folder: str, stem: str, suffix: str) -> Tuple[str, Dict[str, Any]]:
    """Where a file goes, and how a record refers to it."""
    os.makedirs(folder, exist_ok=True)
    name = "%s.%s" % (stem, suffix)
    return os.path.join(folder, name), {"media": "%s/%s" % (os.path.basename(folder), name), "format": suffix}


def _cell(value: Any, folder: str, stem: str) -> Any:
    """A cell of a table; a picture in it becomes a file beside the table."""
    return value.store(folder, stem) if isinstance(value, Media) else plain(value)


def _as_path(data: Any) -> Optional[str]:
    return os.fspath(data) if isinstance(data, (str, os.PathLike)) else None


def _flat(values: Any) -> List[float]:
    """All numbers in a nesting of sequences or an array of any library."""
    for method in ("detach", "cpu"):
        convert = getattr(values, method, None)
        values = convert() if callable(convert) else values
    nested = values.tolist() if hasattr(values, "tolist") else values
    if isinstance(nested, (int, float)):
        return [float(nested)]
    flat: List[float] = []
    for one in nested if nested is not None else ():
        flat.extend(_flat(one) if hasattr(one, "__iter__") else [float(one)])
    return flat


def _histogram(values: List[float], bins: int) -> Tuple[List[float], List[float]]:
    finite = [value for value in values if value - value == 0.0]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    if low == high:
        low, high = low - 0.5, high + 0.5
    counts = [0.0] * bins
    for value in finite:
        counts[min(int((value - low) / (high - low) * bins), bins - 1)] += 1
    return counts, [low + (high - low) * edge / bins for edge in range(bins + 1)]
