"""Plug-ins that derive series: found when asked for, called within bounds, named when they fail."""

from __future__ import annotations

import json
import math
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from opengraphs.engine import EngineStore, answer, derive, transforms
from opengraphs.engine.derive import names_known, parse_derivation
from opengraphs.engine.strip import Points
from opengraphs.engine.transforms import Registry
from opengraphs.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "og-zscore"
RUN = "20261122-093012-k7f3"


class Site:
    """A folder on sys.path in which distributions are installed as files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.modules: list[str] = []

    def install(self, name: str, module: str, code: str, entries: dict[str, str]) -> None:
        (self.folder / f"{module}.py").write_text(code)
        info = self.folder / f"{name.replace('-', '_')}-0.1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
        lines = [f"{entry} = {target}" for entry, target in entries.items()]
        (info / "entry_points.txt").write_text("\n".join(["[opengraphs.transforms]", *lines, ""]))
        self.modules.append(module)

    def install_example(self) -> None:
        project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
        code = (EXAMPLE / "og_zscore.py").read_text()
        self.install(project["name"], "og_zscore", code, project["entry-points"][transforms.GROUP])


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    made = Site(folder)
    yield made
    for module in made.modules:
        sys.modules.pop(module, None)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A process that has not looked for plug-ins yet, and looks again without waiting."""
    fresh = Registry(limit_s=5.0)
    monkeypatch.setattr(transforms, "_RESCAN_S", -1.0)
    monkeypatch.setattr(derive.parse_derivation, "__defaults__", (fresh,))
    return fresh


def points_of(values: list[float]) -> Points:
    steps = np.arange(len(values))
    return Points(steps, steps + 1000.0, np.array(values, float))


def call(registry: Registry, text: str, values: list[float]) -> Any:
    return parse_derivation(text, registry).of_points(points_of(values))


def test_example_is_found_by_its_name_and_takes_amounts(site: Site, registry: Registry) -> None:
    site.install_example()
    assert "og_zscore" not in sys.modules
    wanted = parse_derivation("zscore", registry)
    assert "og_zscore" not in sys.modules  # found, and not imported before it is called
    assert wanted.of_points(points_of([1.0, 3.0, 5.0])) == pytest.approx([-1.2247449, 0, 1.2247449])
    assert call(registry, "median(3)", [1, 9, 2, 3, 100]).tolist() == [1, 1, 2, 3, 3]
    assert call(registry, "median(1)", [1, math.nan, math.inf])[[0, 2]].tolist() == [1, math.inf]
    assert len(call(registry, "zscore(3)", [])) == 0


def test_name_that_was_installed_since_is_found(site: Site, registry: Registry) -> None:
    with pytest.raises(UsageError, match="unknown derived series 'zscore'"):
        parse_derivation("zscore", registry)
    site.install_example()
    assert parse_derivation("zscore", registry).transform is not None
    with pytest.raises(UsageError) as caught:
        parse_derivation("zscor(3)", registry)
    assert caught.value.hint == "did you mean zscore?"
    with pytest.raises(UsageError, match="amounts are numbers"):
        parse_derivation("zscore(much)", registry)


def test_nothing_is_looked_for_before_an_unknown_name() -> None:
    looks: list[int] = []
    registry = Registry(lambda: looks.append(1) or [])  # type: ignore[func-returns-value]
    for text in ("ma(3)", "best", "rate", "throughput"):
        parse_derivation(text, registry)
    assert looks == []
    with pytest.raises(UsageError):
        parse_derivation("zscore", registry)
    assert looks == [1]


BAD = """
import numpy as np
def broken(steps, times, values):
    raise ValueError("no luck")
def leaves(steps, times, values):
    raise SystemExit(3)
def short(steps, times, values):
    return values[1:]
def words(steps, times, values):
    return ["a"] * len(values)
def table(steps, times, values):
    return np.zeros((len(values), 2))
def scribbles(steps, times, values):
    values[:] = 0
    steps[:] = 0
    return values
number = 3
"""


@pytest.mark.parametrize(
    ("name", "trouble"),
    [
        ("broken", "raised ValueError: no luck"),
        ("leaves", "raised SystemExit: 3"),
        ("short", r"gave an array of shape \(2,\) for 3 points"),
        ("words", "raised ValueError: could not convert string to float"),
        ("table", r"gave an array of shape \(3, 2\) for 3 points"),
        ("number", "raised TypeError: og_bad:number is no function"),
        ("absent", "raised AttributeError"),
        ("elsewhere", "raised ModuleNotFoundError: No module named 'og_nowhere'"),
    ],
)
def test_failure_names_the_plug_in_and_its_package(
    site: Site, registry: Registry, name: str, trouble: str
) -> None:
    target = {"elsewhere": "og_nowhere:f"}.get(name, f"og_bad:{name}")
    site.install("og-bad", "og_bad", BAD, {name: target})
    for _ in range(2):
        with pytest.raises(UsageError, match=f"transform '{name}' of og-bad 0.1.0 {trouble}"):
            call(registry, name, [1, 2, 3])
    (row,) = [row for row in names_known(registry) if row["name"] == name]
    assert (row["distribution"], row["version"]) == ("og-bad", "0.1.0")
    assert row["error"]


def test_plug_in_cannot_change_what_is_stored(site: Site, registry: Registry) -> None:
    site.install("og-bad", "og_bad", BAD, {"scribbles": "og_bad:scribbles"})
    points = points_of([1, 2, 3])
    assert parse_derivation("scribbles", registry).of_points(points).tolist() == [0, 0, 0]
    assert points.values.tolist() == [1, 2, 3]
    assert points.steps.tolist() == [0, 1, 2]


def test_own_names_cannot_be_taken_and_one_name_has_one_package(site: Site, registry: Registry) -> None:
    code = "def f(steps, times, values):\n    return values * 0 + {}\n"
    site.install("og-b", "og_b", code.format(2), {"ma": "og_b:f", "twice": "og_b:f"})
    site.install("og-a", "og_a", code.format(1), {"twice": "og_a:f"})
    assert call(registry, "ma(1)", [5]).tolist() == [5]
    assert call(registry, "twice", [5]).tolist() == [1]
    names = [(row["name"], row["distribution"]) for row in names_known(registry)]
    assert ("ma", None) in names
    assert ("ma", "og-b") not in names
    assert ("twice", "og-a") in names


SLOW = """
import threading
entered, gate = threading.Event(), threading.Event()
calls = []
def slow(steps, times, values):
    calls.append(len(values))
    entered.set()
    gate.wait(60)
    return values + 1
"""


def test_slow_plug_in_is_not_waited_for_and_its_result_is_not_lost(site: Site, registry: Registry) -> None:
    site.install("og-slow", "og_slow", SLOW, {"slow": "og_slow:slow"})
    registry._limit_s = 0.05
    with pytest.raises(
        UsageError, match=r"transform 'slow' of og-slow 0\.1\.0 took longer than 0\.05 s for 3 points"
    ):
        call(registry, "slow", [1, 2, 3])
    module = sys.modules["og_slow"]
    assert module.entered.wait(20)
    with pytest.raises(UsageError, match="still busy with an earlier question"):
        call(registry, "slow", [7])
    module.gate.set()
    for thread in threading.enumerate():
        if thread.name == "og-transform":
            thread.join(20)
    assert call(registry, "slow", [1, 2, 3]).tolist() == [2, 3, 4]
    assert module.calls == [3]
    assert call(registry, "slow", [7]).tolist() == [8]


def test_plug_in_gets_a_share_of_the_time_and_no_more(
    site: Site, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install("og-a", "og_a", "def f(s, t, v):\n    return v\n", {"f": "og_a:f"})
    assert call(registry, "f", [0]).tolist() == [0]
    transform = registry.find("f")
    assert transform is not None
    now = transforms.time.monotonic()
    monkeypatch.setattr(transforms.time, "monotonic", lambda: now)
    transform._waits.extend([(now, 1.5), (now, 0.7)])
    with pytest.raises(UsageError, match=r"is too slow: 2\.2 s of the last 10 s"):
        call(registry, "f", [1])
    monkeypatch.setattr(transforms.time, "monotonic", lambda: now + 10.5)
    assert call(registry, "f", [1]).tolist() == [1]


WHOLE = """
def places(steps, times, values, offset=0.0):
    return values * 0 + len(values) + offset
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineStore]:
    for module in ("lane", "strip", "answer", "digest", "metricaxis"):
        for name, size in (("FINE", 4), ("COARSE", 16), ("CHUNK", 32)):
            monkeypatch.setattr(f"opengraphs.engine.{module}.{name}", size, raising=False)
    folder = tmp_path / "store" / "runs" / RUN
    (folder / "metrics").mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    (folder / "exit.json").write_text('{"code":0}')
    records = [{"step": s, "time": 1000 + s, "metrics": {"loss": s % 5}} for s in range(300)]
    (folder / "metrics" / "a0-r0.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))
    engine = EngineStore.open(tmp_path / "store", index_dir=tmp_path / "index")
    engine.scan()
    yield engine
    engine.close()


def ask(engine: EngineStore, **more: Any) -> dict[str, Any]:
    _, derived = engine.series({"runs": [RUN], "metrics": ["loss"], **more})["series"]
    return derived  # type: ignore[no-any-return]


@pytest.mark.parametrize("x", ["step", "time", "metric:loss"])
def test_whole_series_is_handed_over_whatever_is_on_the_screen(
    run: EngineStore, site: Site, registry: Registry, x: str
) -> None:
    site.install("og-whole", "og_whole", WHOLE, {"places": "og_whole:places"})
    for span in (None, [0, 3], [1010, 1020]):
        for columns in (1, 400):
            derived = ask(run, smooth=["places(0.5)"], range=span, columns=columns, x=x)
            assert set(derived["y"]) <= {300.5}
            assert derived["derived"] == "places(0.5)"
            if span is None:
                assert derived["y"]


def test_of_a_very_long_series_means_of_cells_are_handed_over(
    run: EngineStore, site: Site, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install("og-whole", "og_whole", WHOLE, {"places": "og_whole:places"})
    monkeypatch.setattr(answer, "MAX_POINTS", 100)
    derived = ask(run, smooth=["places"], range=[100, 200])
    assert set(derived["y"]) == {75.0}  # 300 points in cells of 4
    assert 24 <= len(derived["x"]) <= 26
    assert derived["points"] == 101


def test_failing_plug_in_is_the_answer_and_nothing_else_breaks(
    run: EngineStore, site: Site, registry: Registry
) -> None:
    site.install("og-bad", "og_bad", BAD, {"broken": "og_bad:broken"})
    with pytest.raises(UsageError, match="og-bad"):
        ask(run, smooth=["broken"])
    assert ask(run, smooth=["ma(3)"])["points"] == 300
