"""`rapport why`: why somebody is in a segment and on its lists, or is not."""

from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.table import Table

from rapport.command_output import AsJson, show


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(why)


def why(
    person: Annotated[str, typer.Argument(help="A customer id, e-mail address or phone number.")],
    segment: Annotated[str, typer.Argument(help="The key of the segment.")],
    as_json: AsJson = False,
) -> None:
    """Show each condition of the segment for one person, and the state of each list."""
    from rapport.activation.answers.why import explain, resolve
    from rapport.activation.planning.preview import last_evaluation
    from rapport.activation.segments.declarations import load
    from rapport.errors import ConfigError
    from rapport.warehouse import connect

    known = load().segments
    if segment not in known:
        raise ConfigError(f'no segment "{segment}". There are: {", ".join(known)}.')
    with connect(autocommit=True) as connection:
        customer_id = resolve(connection, person)
        answer = explain(connection, known[segment], customer_id, last_evaluation(connection))
    show(answer, lambda: _render(answer), as_json)


def _render(answer: dict[str, Any]) -> RenderableType:
    conditions = Table(
        "condition", "holds", title=f"{answer['customer_id']} in {answer['segment']}"
    )
    for condition in answer["conditions"]:
        words = {True: "yes", False: "no", None: "unknown: no data about this person"}
        conditions.add_row(condition["name"], words[condition["holds"]])
    values = Table("value", "")
    for name, value in answer["values"].items():
        values.add_row(name, "" if value is None else str(value))
    lists = Table("list", "on it", "last sent", "not sent because", "refused by the destination")
    for entry in answer["lists"]:
        because = entry["not_sent_because"] or ""
        refused = ""
        if entry["refused"]:
            since = f"{entry['refused_since']:%Y-%m-%d}"
            refused = f"{entry['refused']}, since {since}: {entry['refused_because']}"
        sent = str(entry["last_sent_at"] or "")
        on_it = "yes" if entry["is_on_list"] else "no"
        lists.add_row(entry["destination"], on_it, sent, because, refused)
    return Group(conditions, values, lists)
