"""Comments are read once each, on this machine, and leave only what was read out of them."""

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from rapport import comments
from rapport.comments import judge

AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)
TEXTS = [
    "The support was quick, friendly and really helpful.",
    "The support was quick, friendly and really helpful.",
    "Drei Wochen gewartet, und niemand antwortet mir.",
    "Terrible, the grinder broke twice and nobody cares.",
]


@pytest.fixture
def said(warehouse: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """A warehouse with the comments that dbt would have united."""
    warehouse.execute(
        "create schema if not exists intermediate;"
        "create table intermediate.int_comments_unioned (comment text, text_hash bytea)"
    )
    say(warehouse, *TEXTS)
    return warehouse


def say(warehouse: psycopg.Connection[Any], *texts: str) -> None:
    for text in texts:
        warehouse.execute(
            "insert into intermediate.int_comments_unioned"
            " values (%(text)s::text, sha256(convert_to(%(text)s::text, 'UTF8')))",
            {"text": text},
        )


@pytest.mark.parametrize(
    ("text", "language", "sentiment", "abstained"),
    [
        (TEXTS[0], "en", "positive", None),
        (TEXTS[3], "en", "negative", None),
        ("Waited three weeks for a reply.", "en", None, "words"),
        (TEXTS[2], "de", None, "language"),
        ("Отличный кофе, спасибо вам!", "ru", None, "language"),
        ("ok", None, None, "short"),
        ("👍👍👍", None, None, "short"),
        ("", None, None, "short"),
    ],
)
def test_it_abstains_where_it_cannot_tell(
    text: str, language: str | None, sentiment: str | None, abstained: str | None
) -> None:
    found = judge(text)
    assert (found.language, found.sentiment, found.abstained_because) == (
        language,
        sentiment,
        abstained,
    )


@pytest.mark.parametrize(
    "text",
    [
        "It WOULD be great if you sold gift cards",
        "Es wäre schön, wenn es Gutscheine gäbe.",
        "J&#x27;aimerais payer en deux fois",
        "<p>Please add</p> PayPal",
    ],
)
def test_a_wish_is_an_idea_in_any_case_and_language(text: str) -> None:
    assert judge(text).is_idea
    assert not judge("Everything arrived in time, thank you.").is_idea


def test_each_distinct_comment_is_read_once_and_leaves_no_text(
    said: psycopg.Connection[Any],
) -> None:
    assert comments.read(as_of=AS_OF, connection=said) == {"read": 3, "forgotten": 0}
    assert comments.read(as_of=AS_OF, connection=said) == {"read": 0, "forgotten": 0}
    say(said, "I wish the plan were cheaper, honestly.")
    assert comments.read(as_of=AS_OF, connection=said) == {"read": 1, "forgotten": 0}
    kept = said.execute("select row_to_json(judgements)::text from comments.judgements").fetchall()
    assert len(kept) == 4
    assert not any("grinder" in text or "wartet" in text for (text,) in kept)


def test_a_judgement_goes_with_its_comment(said: psycopg.Connection[Any]) -> None:
    comments.read(as_of=AS_OF, connection=said)
    said.execute("delete from intermediate.int_comments_unioned where comment like 'Drei%'")
    assert comments.read(as_of=AS_OF, connection=said) == {"read": 0, "forgotten": 1}


def test_a_new_way_of_reading_reads_everything_again(
    said: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    comments.read(as_of=AS_OF, connection=said)
    monkeypatch.setattr("rapport.comments.sentiment.VERSION", "next")
    assert comments.read(as_of=AS_OF, connection=said)["read"] == 3
