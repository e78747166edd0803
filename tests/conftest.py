"""Fixtures every suite shares: private folders, and nothing left running behind."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from og_user import OgUser
from ogd_kit import Ogd


@pytest.fixture
def short_tmp() -> Iterator[Path]:
    """A private folder whose path is short enough for Unix sockets; removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="og-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def og_home(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An og user of one's own: store, runtime, cache, config and state below one folder."""
    for name, folder in {
        "OG_STORE": "store",
        "XDG_RUNTIME_DIR": "run",
        "XDG_CACHE_HOME": "cache",
        "XDG_CONFIG_HOME": "config",
        "XDG_STATE_HOME": "state",
        "XDG_DATA_HOME": "data",
    }.items():
        (short_tmp / folder).mkdir(mode=0o700)
        monkeypatch.setenv(name, str(short_tmp / folder))
    for name in ("OGD_SOCKET", "OG_RUN_DIR", "OG_RUN_ID", "OG_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    return short_tmp


@pytest.fixture
def user(short_tmp: Path) -> Iterator[OgUser]:
    """Somebody who runs the installed `og`; his daemon and his trainings end with the test."""
    with OgUser(short_tmp) as somebody:
        yield somebody


@pytest.fixture
def ogd(og_home: Path) -> Iterator[Ogd]:
    """A private store and its daemon, not yet started; whatever listens there ends with the test."""
    kit = Ogd(og_home)
    yield kit
    kit.end()
