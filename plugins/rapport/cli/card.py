"""`rapport card`: one customer on one page."""

from typing import Annotated

import typer

from rapport.command_output import AsJson, show


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(card)


def card(
    who: Annotated[str, typer.Argument(help="Any id, an e-mail address or a phone number.")],
    no_contact: Annotated[
        bool, typer.Option("--no-contact", help="Leave out names, addresses and free text.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show a customer: details, history, current activity, consent, segments and profiles."""
    from rapport.card import look_up
    from rapport.card.terminal import render
    from rapport.settings import load_settings
    from rapport.warehouse import connect

    settings = load_settings()
    with connect(autocommit=True) as connection:
        answer = look_up(connection, who, settings, with_contact=not no_contact)
    show(answer.model_dump(mode="json"), lambda: render(answer), as_json)
