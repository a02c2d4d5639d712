"""`rapport card`: what a person and what a program see."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from rich.console import Console
from typer.testing import CliRunner

from rapport.card import Answer, look_up
from rapport.card.terminal import render
from rapport.cli import application
from rapport.settings import load_settings

from .conftest import ANN, BOB, CEM, NIGHT, Marts, days_ago

SCHEMA = Path(__file__).with_name("card.schema.json")
HOSTILE = "[red]x[/nope] \x1b]0;own\x07\x1b[2J\r\nname\u202e " + "long " * 60


def card(*words: str) -> Result:
    return CliRunner().invoke(application, ["card", *words])


def drawn(marts: Marts, who: str = ANN) -> str:
    console = Console(width=80, force_terminal=False, color_system=None)
    with console.capture() as capture:
        console.print(render(look_up(marts.connection, who, load_settings())))
    return capture.get()


def fill(marts: Marts, text: str) -> None:
    """Every free field of the card says `text`."""
    own: dict[str, Any] = {"source": "zendesk", "customer_id": ANN}
    marts.connection.execute(
        "update marts_pii.dim_customer_contacts set full_name = %(text)s, phone = %(text)s;"
        " update marts.dim_customers set city = %(text)s, company_name = %(text)s".replace(
            "%(text)s", "$text$" + text + "$text$"
        )
    )
    talk = {"conversation_id": "1", "created_at": NIGHT}
    marts.add("marts.fct_conversations", **own, **talk, status="open", is_open=True, priority=text)
    marts.add("marts_pii.fct_conversation_subjects", **own, **talk, subject=text)
    answer = {"response_id": "1", "question_id": "1", "metric": "nps", "responded_at": NIGHT}
    marts.add("marts.fct_survey_responses", **own, **answer, scale="0-10", score=3)
    marts.add("marts_pii.fct_survey_comments", **own, **answer, comment=text)
    marts.add(
        "marts.fct_orders",
        **own,
        order_id="1",
        ordered_at=NIGHT,
        status="paid",
        amount=1,
        currency="EUR",
        product_name=text,
        category=text,
    )
    marts.add("marts.fct_payments", **own, payment_id="1", status="failed", failure_reason=text)
    marts.add(
        "marts.fct_product_interest",
        customer_id=ANN,
        product_id=text,
        category="cups",
        last_viewed_at=days_ago(1),
        views=1,
        cart_adds=0,
        is_bought=False,
    )


def test_hostile_text_neither_styles_nor_steers_nor_widens_the_terminal(marts: Marts) -> None:
    fill(marts, HOSTILE)
    shown = drawn(marts)
    assert "[red]x[/nope]" in shown
    assert not {c for c in shown if not c.isprintable()} - {"\n"}
    assert max(map(len, shown.splitlines())) <= 80
    assert "2026-03-31 03:00  open" in shown, "a time is never cut for a long subject"


def test_a_stale_block_is_marked_where_it_stands(marts: Marts) -> None:
    assert "STALE" not in "".join(drawn(marts).split("Segments")[0])
    marts.connection.execute("update marts.data_status set is_stale = source = 'zendesk'")
    marked = [line.split("  ")[0] for line in drawn(marts).splitlines() if "STALE" in line]
    assert marked[:2] == ["Did: conversations", "Did: survey answers"]
    assert "Did: orders" not in marked


def test_every_block_names_its_sources_and_their_night(marts: Marts) -> None:
    shown = drawn(marts)
    assert "  hubspot, typeform, zendesk; fresh as of 2026-03-31 03:00" in shown
    for title in ("Who", "Did: orders", "Doing: visits", "May do next", "Consent", "Identity"):
        assert f"\n{title}" in shown


def test_several_matches_are_listed_with_whole_ids(marts: Marts) -> None:
    marts.connection.execute(
        "update marts_pii.dim_customer_contacts set full_name = repeat('Long Name ', 20)"
    )
    result = card("040 123456")
    assert result.exit_code == 0, result.output
    assert BOB in result.output and CEM in result.output and "2 customers" in result.output
    answer = json.loads(card("040 123456", "--json").output)
    assert (answer["total"], answer["card"]) == (2, None)
    assert [match["customer_id"] for match in answer["matches"]] == [BOB, CEM]


def test_the_command_prints_the_card_and_leaves_contacts_out_if_told(marts: Marts) -> None:
    whole = card("ANN@example.com")
    assert whole.exit_code == 0, whole.output
    assert "Ann Ähre" in whole.output and "Ann@Example.com" in whole.output
    bare = card(ANN, "--no-contact")
    assert bare.exit_code == 0 and ANN in bare.output
    assert "Ähre" not in bare.output and "@" not in bare.output


@pytest.mark.parametrize("options", [[], ["--no-contact"]])
def test_the_json_is_what_the_schema_says(marts: Marts, options: list[str]) -> None:
    fill(marts, "a cup")
    printed = json.loads(card(ANN, "--json", *options).output)
    answer = Answer.model_validate(printed)
    assert answer.model_dump(mode="json") == printed
    assert printed["card"]["did"]["orders"]["revenue"][0]["amount"] == "1"


def test_the_schema_of_the_json_does_not_change_unnoticed() -> None:
    kept = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert Answer.model_json_schema(mode="serialization") == kept, (
        "a program may read this: write down the change in CHANGELOG.md, then the schema anew"
    )


def test_nothing_personal_is_logged(marts: Marts, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    card("ann@example.com")
    card("eve@example.com")
    assert "example.com" not in caplog.text
