"""Where a setting comes from, and what is said about a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from opengraphs.errors import UsageError
from opengraphs.tui import settings


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "config" / "opengraphs").mkdir(parents=True)
    return {"XDG_CONFIG_HOME": str(tmp_path / "config")}


def user_file(env: dict[str, str], text: str) -> Path:
    path = Path(env["XDG_CONFIG_HOME"]) / "opengraphs" / "config.toml"
    path.write_text(text)
    return path


def test_defaults(env: dict[str, str], tmp_path: Path) -> None:
    found = settings.load(env=env, cwd=tmp_path)
    assert found.values == {s.name: s.default for s in settings.SETTINGS}
    assert set(found.sources.values()) == {"default"}


def test_flag_over_environment_over_project_over_user(env: dict[str, str], tmp_path: Path) -> None:
    user = user_file(env, '[ui]\ntheme = "light"\nrefresh_ms = 500\nglyphs = "block"\nmode = "minimal"\n')
    (tmp_path / "og.toml").write_text('[ui]\nrefresh_ms = 600\nglyphs = "ascii"\nmode = "full"\n')
    (tmp_path / "deep").mkdir()
    found = settings.load(
        flags={"ui.mode": "minimal", "ui.theme": None},
        env={**env, "OG_GLYPHS": "braille", "OG_UI": "full"},
        cwd=tmp_path / "deep",
    )
    project = str(tmp_path / "og.toml")
    assert (found.text("ui.theme"), found.sources["ui.theme"]) == ("light", str(user))
    assert (found.number("ui.refresh_ms"), found.sources["ui.refresh_ms"]) == (600, project)
    assert (found.text("ui.glyphs"), found.sources["ui.glyphs"]) == ("braille", "environment")
    assert (found.text("ui.mode"), found.sources["ui.mode"]) == ("minimal", "flag")


def test_keys_may_be_one_or_several(env: dict[str, str], tmp_path: Path) -> None:
    user_file(env, '[keys]\n"graphs.pause" = "P"\n"runs.sort" = ["s", "S"]\n')
    found = settings.load(env=env, cwd=tmp_path)
    assert found.keys == {"graphs.pause": ("P",), "runs.sort": ("s", "S")}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[ui\n", "cannot be read"),
        ("[ui]\nspeed = 3\n", "unknown setting 'ui.speed'"),
        ("[ui]\nrefresh_ms = 5\n", "ui.refresh_ms cannot be 5"),
        ("[ui]\nrefresh_ms = true\n", "ui.refresh_ms cannot be True"),
        ('[ui]\nglyphs = "fat"\n', "ui.glyphs cannot be 'fat'"),
        ('[ui]\nmouse = "maybe"\n', "ui.mouse cannot be 'maybe'"),
        ("[ui]\ntheme = 3\n", "ui.theme cannot be 3"),
        ('[keys]\n"graphs.pause" = 3\n', "keys of 'graphs.pause'"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(
    env: dict[str, str], tmp_path: Path, text: str, said: str
) -> None:
    path = user_file(env, text)
    with pytest.raises(UsageError, match=said) as caught:
        settings.load(env=env, cwd=tmp_path)
    assert caught.value.path == str(path)


def test_where_records_are_sent_is_the_users_own_choice(env: dict[str, str], tmp_path: Path) -> None:
    user_file(env, '[run]\nmirror_to = "https://mine.example.org"\n')
    assert settings.load(env=env, cwd=tmp_path).text("run.mirror_to") == "https://mine.example.org"
    assert (
        settings.load(env={**env, "OG_MIRROR": "https://b"}, cwd=tmp_path).text("run.mirror_to")
        == "https://b"
    )
    (tmp_path / "og.toml").write_text('[run]\nmirror_to = "https://theirs.example.org"\n')
    with pytest.raises(UsageError, match="belongs into the user's own"):
        settings.load(env=env, cwd=tmp_path)


def test_a_wrong_variable_is_named(env: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="refresh_ms cannot be 'fast'") as caught:
        settings.load(env={**env, "OG_REFRESH_MS": "fast"}, cwd=tmp_path)
    assert caught.value.path == "$OG_REFRESH_MS"


def test_other_tables_belong_to_others(env: dict[str, str], tmp_path: Path) -> None:
    user_file(env, '[agent]\nmodel = "x"\n')
    assert settings.load(env=env, cwd=tmp_path).sources["ui.theme"] == "default"
