"""Folders of migrations, and databases to apply them to."""

from pathlib import Path

import pytest

from tests.migrations.folder import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    path = tmp_path / "migrations"
    path.mkdir()
    return Folder(path)
