"""`rapport dbt`: dbt with this project's profile and variables."""

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True}, name="dbt"
    )(run_dbt)


def run_dbt(context: typer.Context) -> None:
    """Run dbt on the warehouse, for example `rapport dbt build --select dim_customers`."""
    from dbt.cli.main import dbtRunner

    from rapport.runs import clock, latest
    from rapport.settings import load_settings
    from rapport.transform import dbt

    settings = load_settings()
    night = latest()
    as_of = night.as_of if night else clock(settings)
    dbt.forget_stale_parse()
    with dbt.adjusted_environment(as_of):
        outcome = dbtRunner().invoke([*context.args, *dbt.options(settings)])
    dbt.write_results(outcome)
    if not outcome.success:
        raise typer.Exit(1)
