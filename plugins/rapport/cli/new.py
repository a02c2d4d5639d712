"""`rapport new`: writes the files of a new segment, source or destination."""

import re
from typing import Annotated, Literal

import typer

from rapport.command_output import AsJson, show

SQL = """\
with conditions as (
    select
        customer_id,
        orders,
        orders >= 3 as has_three_orders
    from {{{{ ref('dim_customers') }}}}
)

select customer_id, orders
from conditions
where has_three_orders
"""

YAML = """\
models:
  - name: seg_{key}
    description: One row per customer who has three orders.
    config:
      meta:
        segment:
          key: {key}
          name: {name}
          description: >-
            Say in one sentence, for a marketer, who these people are and what to do.
          owner: {owner}
          purpose: marketing
          channel: email
          destinations: [files]
          traits: {{orders: order_count}}
          priority: 100
          holdout_share: 0.1
          change_budget: 0.3
          expires: 2028-12-31
          needs: [orders]
          goal: {{mart: fct_orders, at: ordered_at, where: {{is_purchase: true}}, within_days: 30}}

unit_tests:
  - name: {key}_are_who_they_should_be
    model: seg_{key}
    given:
      - input: ref('dim_customers')
        format: sql
        rows: |
          select * from (values ('three', 3), ('two', 2)) as customers (customer_id, orders)
    expect:
      rows:
        - {{customer_id: three, orders: 3}}
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    new = typer.Typer(help="Create a segment, a source or a destination.", no_args_is_help=True)
    new.command()(segment)
    new.command()(source)
    new.command()(destination)
    new.callback()(lambda: None)
    app.add_typer(new, name="new")


def segment(
    key: Annotated[str, typer.Argument(help="A noun for people, in snake case; permanent.")],
    owner: Annotated[str, typer.Option(help="The team that is responsible.")] = "marketing",
    as_json: AsJson = False,
) -> None:
    """Write `seg_<key>.sql` and `.yml`, which build and pass their unit test without changes."""
    from rapport.errors import ConfigError
    from rapport.paths import project_root
    from rapport.transform.segment_files import FOLDER

    key = key.removeprefix("seg_")
    if not re.fullmatch("[a-z][a-z0-9_]{2,50}", key):
        raise ConfigError(f'"{key}" is not snake case of 3 to 51 letters, digits and "_".')
    folder = project_root() / FOLDER
    contents = {".sql": SQL, ".yml": YAML}
    paths = [folder / f"seg_{key}{suffix}" for suffix in contents]
    if there := [path.name for path in paths if path.exists()]:
        raise ConfigError(f"the segment exists: {', '.join(there)}. Choose another key.")
    name = key.replace("_", " ").capitalize()
    for path, content in zip(paths, contents.values(), strict=True):
        path.write_text(content.format(key=key, name=name, owner=owner), encoding="utf-8")
    written = [str(path.relative_to(project_root())) for path in paths]
    show({"written": written}, lambda: "\n".join(written), as_json)


def source(
    name: Annotated[str, typer.Argument(help="The vendor, in snake case.")],
    like: Annotated[str | None, typer.Option(help="Copy this source's files instead.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write a source with its double, staging models and tests, which run without changes."""
    _scaffold("source", name, like, as_json)


def destination(
    name: Annotated[str, typer.Argument(help="The vendor, in snake case.")],
    like: Annotated[str | None, typer.Option(help="Copy this destination's files instead.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write a destination with its double and tests, which run without changes."""
    _scaffold("destination", name, like, as_json)


def _scaffold(
    kind: Literal["source", "destination"], name: str, like: str | None, as_json: bool
) -> None:
    from dataclasses import asdict

    from rapport.scaffold import write

    written = write(kind, name, like)
    said = [f"written: {path}" for path in written.files]
    said += [
        f"Next: pytest tests/contracts/test_{kind}s.py tests/connectors/{name} -k {name}",
        "then: rapport docs connectors",
        f"then: a line `{name}: {{}}` below {kind}s in rapport.yml.",
    ]
    show(asdict(written), lambda: "\n".join(said), as_json)
