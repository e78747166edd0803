"""`wandb.plot`: each chart is kept as the table it is drawn from, under its title."""

from __future__ import annotations

from .media import Table
from .plain import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

MAX_POINTS = 1000
"""Points of a curve of thresholds; more are thinned evenly."""


class Chart(Table):
    """A table, and how it was meant to be drawn."""

    kind = "table"

    def __init__(self, kind: str, columns: Sequence[Any], data: Any, title: str = "") -> None:
        super().__init__(columns=columns, data=data)
        self.chart = kind
        self.title = title

    def store(self, folder: str, stem: str) -> Dict[str, Any]:
        """The table's columns, the chart's kind and its title."""
        return {**super().store(folder, stem), "chart": self.chart, "title": self.title}


CustomChart = Chart


def line(table: Table, x: str, y: str, title: str = "", **_habits: Any) -> Chart:
    """y over x, of a table."""
    return _of_table("line", table, (x, y), title)


def scatter(table: Table, x: str, y: str, title: str = "", **_habits: Any) -> Chart:
    """Points of a table."""
    return _of_table("scatter", table, (x, y), title)


def bar(table: Table, label: str, value: str, title: str = "", **_habits: Any) -> Chart:
    """A bar for each row of a table."""
    return _of_table("bar", table, (label, value), title)


def histogram(table: Table, value: str, title: str = "", **_habits: Any) -> Chart:
    """A column of a table."""
    return _of_table("histogram", table, (value,), title)


def _of_table(kind: str, table: Table, names: Tuple[str, ...], title: str) -> Chart:
    places = [table.columns.index(name) for name in names if name in table.columns]
    return Chart(
        kind, [table.columns[at] for at in places], [[row[at] for at in places] for row in table.data], title
    )


def line_series(
    xs: Any, ys: Any, keys: Optional[Iterable[str]] = None, title: str = "", xname: str = "x", **_habits: Any
) -> Chart:
    """Several lines over one x, or each over its own."""
    lines = [_list(values) for values in ys]
    first = next(iter(xs), None)
    shared = not hasattr(first, "__iter__")
    axes = [_list(xs)] * len(lines) if shared else [_list(values) for values in xs]
    names = [str(key) for key in keys] if keys is not None else ["line %d" % at for at in range(len(lines))]
    rows = [[x, y, name] for name, axis, values in zip(names, axes, lines) for x, y in zip(axis, values)]
    return Chart("line", [xname, "y", "line"], rows, title)


def confusion_matrix(
    probs: Any = None,
    y_true: Any = None,
    preds: Any = None,
    class_names: Optional[Sequence[str]] = None,
    title: str = "Confusion Matrix Curve",
    **_habits: Any,
) -> Chart:
    """How often each class was taken for each: a row for every pair.

    Args:
        probs: a row of scores for each example, instead of `preds`.
    """
    truth = [int(one) for one in _list(y_true)]
    guess = (
        [int(one) for one in _list(preds)] if preds is not None else [_argmax(row) for row in _list(probs)]
    )
    count = max([*truth, *guess, len(class_names or ()) - 1]) + 1 if truth else len(class_names or ())
    names = [str(name) for name in class_names or range(count)]
    pairs = [[0] * count for _ in range(count)]
    for true, guessed in zip(truth, guess):
        pairs[true][guessed] += 1
    rows = [[names[a], names[b], pairs[a][b]] for a in range(count) for b in range(count)]
    return Chart("confusion_matrix", ["Actual", "Predicted", "nPredictions"], rows, title)


def roc_curve(
    y_true: Any,
    y_probas: Any = None,
    labels: Optional[Sequence[str]] = None,
    classes_to_plot: Any = None,
    title: str = "ROC Curve",
    **_habits: Any,
) -> Chart:
    """False against true positives for every threshold, a line for each class."""
    rows = []
    for name, hits, total, missed in _thresholds(y_true, y_probas, labels, classes_to_plot):
        rows += [[name, false / missed, true / total] for true, false in [(0, 0), *hits]]
    return Chart("roc_curve", ["class", "fpr", "tpr"], rows, title)


def pr_curve(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Optional[Sequence[str]] = None,
    classes_to_plot: Any = None,
    title: str = "Precision-Recall Curve",
    **_habits: Any,
) -> Chart:
    """Precision against recall for every threshold, a line for each class."""
    rows = []
    for name, hits, total, _missed in _thresholds(y_true, y_probas, labels, classes_to_plot):
        rows += [[name, true / total, true / (true + false)] for true, false in hits]
    return Chart("pr_curve", ["class", "recall", "precision"], rows, title)


def _thresholds(
    y_true: Any, y_probas: Any, labels: Optional[Sequence[str]], chosen: Any
) -> List[Tuple[str, List[Tuple[int, int]], int, int]]:
    """(class, [(true, false positives) as the threshold falls], positives, negatives) of each class."""
    truth, scores = _list(y_true), _list(y_probas)
    classes = sorted(set(truth))
    found = []
    for at, one in enumerate(classes):
        is_wanted = chosen is None or one in _list(chosen)
        total = sum(value == one for value in truth)
        if not is_wanted or total == len(truth):
            continue
        ranked = sorted(zip((_score(row, at) for row in scores), truth), key=lambda pair: -pair[0])
        hits, true, false = [], 0, 0
        for place, (score, value) in enumerate(ranked):
            true, false = true + (value == one), false + (value != one)
            if place + 1 == len(ranked) or ranked[place + 1][0] != score:
                hits.append((true, false))
        name = str(labels[at]) if labels is not None and at < len(labels) else str(one)
        step = -(-len(hits) // MAX_POINTS)
        found.append((name, [*hits[:-1:step], hits[-1]], total, len(truth) - total))
    return found


def _score(row: Any, at: int) -> float:
    return float(row[at]) if hasattr(row, "__getitem__") else float(row if at else 1 - row)


def _argmax(row: Any) -> int:
    cells = [float(cell) for cell in row]
    return cells.index(max(cells))


def _list(values: Any) -> List[Any]:
    """Any sequence or array as a list."""
    for method in ("detach", "cpu"):
        convert = getattr(values, method, None)
        values = convert() if callable(convert) else values
    return list(values.tolist() if hasattr(values, "tolist") else values if values is not None else ())


def plot_table(
    vega_spec_name: str, data_table: Table, fields: Any = None, string_fields: Any = None, **_: Any
) -> Chart:
    """A table that a server would draw by a description of its own; the table is kept."""
    return Chart(
        str(vega_spec_name),
        data_table.columns,
        data_table.data,
        str(plain((string_fields or {}).get("title", ""))),
    )


custom_chart = plot_table


def visualize(id: str, value: Table) -> Chart:  # noqa: A002
    """As `plot_table`."""
    return plot_table(id, value)


class plot:  # noqa: N801 - a module in the other tracker
    """`wandb.plot`."""

    line = staticmethod(line)
    scatter = staticmethod(scatter)
    bar = staticmethod(bar)
    histogram = staticmethod(histogram)
    line_series = staticmethod(line_series)
    confusion_matrix = staticmethod(confusion_matrix)
    roc_curve = staticmethod(roc_curve)
    pr_curve = staticmethod(pr_curve)
    plot_table = staticmethod(plot_table)
    CustomChart = Chart
