"""What the tests of actions share: settings with a folder of their own, the Read page's actions, and what is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from annotations.recordings import RecordingStore
from ecgr1_core.settings import Settings
from ui.pages.kept_actions import KeptActions
from ui.pages.kept_pages import PageFiles
from ui.pages.read_actions import ReadActions


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


@pytest.fixture
def actions(settings: Settings) -> ReadActions:
    return ReadActions(settings, [])


@pytest.fixture
def kept(settings: Settings) -> Iterator[KeptActions]:
    store = RecordingStore(settings.data_dir / "recordings.sqlite", 30)
    pages = PageFiles(settings.data_dir / "pages.sqlite")
    yield KeptActions(settings, store, pages)
    store.close()
    pages.close()
