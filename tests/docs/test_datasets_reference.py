"""The reference of datasets leaves nothing out."""

from typing import get_args

import pytest

from rapport.connectors.files.datasets import Dataset
from rapport.scaffold import datasets_reference, reference
from rapport.vendors import entities, time_formats, words
from rapport.vendors.datasets import Column

PAGE = datasets_reference.page()


def test_every_kind_of_column_and_every_part_of_a_format_is_explained() -> None:
    assert datasets_reference.KINDS.keys() == set(get_args(entities.Kind))
    for directive in datasets_reference.DIRECTIVES:
        clock = "%H" if directive in ("%p", "%I") else ""
        parts = {"%Y", "%m", "%d", directive} - ({"%m"} if directive in ("%b", "%B") else set())
        parts -= {"%Y"} if directive == "%y" else set()
        parts |= {"%I", "%p"} if clock else set()
        time_formats.checked_format(" ".join(sorted(parts)))
    with pytest.raises(ValueError, match="is none of") as raised:
        time_formats.checked_format("%Q")
    known = str(raised.value).partition("is none of ")[2].split()
    assert set(known) == {*datasets_reference.DIRECTIVES, *time_formats.EPOCHS, time_formats.SERIAL}


def test_every_column_word_and_option_is_on_the_page() -> None:
    for entity in entities.FIELDS:
        for column in entities.fields_of(entity):
            assert f"| `{column}` |" in PAGE
    for entity, column in words.WORDS:
        assert f"### {entity}: {column}\n" in PAGE
    for option in (*Dataset.model_fields, *Column.model_fields):
        assert f"| `{option}` |" in PAGE
        assert f"`{option}`" in PAGE.partition("## Options of a dataset")[2]


def test_a_changed_word_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(words.UNKNOWN, ("orders", "status"), "paid")
    assert "docs/reference/datasets.md" in reference.drift()
