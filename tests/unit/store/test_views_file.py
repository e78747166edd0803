"""views.toml: what is saved comes back, nothing of others is lost, damage is left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengraphs.errors import ConflictError, NotFoundError, StoreError, UsageError
from opengraphs.store import tomltext, viewsfile
from opengraphs.store.viewsfile import Change, tomllib

VIEW = {"screen": "graphs", "screens": {"graphs": {"log_y": ["train/loss"], "smooth": "ma(15)", "n": 2.5}}}


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    saved = viewsfile.change(tmp_path, "digits", Change({'a "b"\\ü': VIEW}, default='a "b"\\ü'))
    assert saved == viewsfile.read(tmp_path, "digits")
    assert saved.views == {'a "b"\\ü': VIEW}
    assert saved.default == 'a "b"\\ü'


def test_two_writers_keep_each_others_views(tmp_path: Path) -> None:
    first = viewsfile.change(tmp_path, "digits", Change({"mine": VIEW}))
    viewsfile.change(tmp_path, "digits", Change({"yours": VIEW}))
    viewsfile.change(tmp_path, "other", Change({"elsewhere": VIEW}))
    assert set(viewsfile.read(tmp_path, "digits").views) == {"mine", "yours"}
    with pytest.raises(ConflictError):
        viewsfile.change(tmp_path, "digits", Change({"yours": None}, version=first.version))
    assert set(viewsfile.read(tmp_path, "digits").views) == {"mine", "yours"}


def test_a_view_goes_and_its_default_with_it(tmp_path: Path) -> None:
    viewsfile.change(tmp_path, "digits", Change({"a": VIEW, "b": VIEW}, default="a"))
    after = viewsfile.change(tmp_path, "digits", Change({"a": None}))
    assert (set(after.views), after.default) == ({"b"}, None)
    with pytest.raises(NotFoundError):
        viewsfile.change(tmp_path, "digits", Change({}, default="a"))


@pytest.mark.parametrize(
    "text", ["[projects.digits\n", "projects = 3\n", "[projects.digits]\nviews = 1\n", "\xff"]
)
def test_a_damaged_file_is_said_and_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / viewsfile.NAME
    path.write_bytes(text.encode("latin-1"))
    for work in (
        lambda: viewsfile.read(tmp_path, "digits"),
        lambda: viewsfile.change(tmp_path, "digits", Change({"a": VIEW})),
    ):
        with pytest.raises(StoreError, match="damaged") as caught:
            work()
        assert caught.value.path == str(path)
    assert path.read_bytes() == text.encode("latin-1")


def test_what_is_not_of_og_stays(tmp_path: Path) -> None:
    (tmp_path / viewsfile.NAME).write_text('future = 1\n[projects.digits]\nowner = "me"\n')
    viewsfile.change(tmp_path, "digits", Change({"a": VIEW}))
    document = tomllib.loads((tmp_path / viewsfile.NAME).read_text())
    assert (document["future"], document["projects"]["digits"]["owner"]) == (1, "me")


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
plain = st.recursive(
    st.one_of(st.booleans(), st.integers(-(2**60), 2**60), st.floats(allow_nan=False), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)


@given(st.dictionaries(texts, plain, max_size=4))
def test_any_plain_table_survives_toml(table: dict[str, Any]) -> None:
    assert tomllib.loads(tomltext.dumps(table)) == table


def test_null_is_refused() -> None:
    with pytest.raises(UsageError):
        tomltext.dumps({"a": {"b": None}})
