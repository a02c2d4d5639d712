"""A file is written whole or not at all."""

from pathlib import Path

import pytest

from rapport.paths import draft_of


def test_a_file_has_its_name_only_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "report.html"
    with draft_of(path) as draft:
        draft.write_text("half")
        assert not path.exists()
        draft.write_text("whole")
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_an_error_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError), draft_of(path) as draft:
        draft.write_text("half \ud800", encoding="utf-8")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_draft_has_its_mode_before_its_first_byte(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("of everybody")
    path.chmod(0o666)
    with draft_of(path, mode=0o640) as draft:
        assert (draft.stat().st_size, draft.stat().st_mode & 0o777) == (0, 0o640)
        draft.write_text("people")
    assert path.stat().st_mode & 0o777 == 0o640
