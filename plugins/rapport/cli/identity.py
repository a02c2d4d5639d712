"""`rapport identity`: explain, audit, evaluate and review who belongs to which customer."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.table import Table

from rapport.command_output import AsJson, show

identity = typer.Typer(
    help="Explain and review which profiles are one customer.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(identity, name="identity")


@identity.command()
def explain(
    a: Annotated[str, typer.Argument(help="A profile id, or a current or former customer id.")],
    b: Annotated[str, typer.Argument(help="The other id.")],
    as_json: AsJson = False,
) -> None:
    """Show the path of links between two profiles, or why there is none."""
    from rapport.identity.explain import explain as find
    from rapport.warehouse import connect

    with connect() as warehouse:
        answer = find(warehouse, a, b)
    show(answer, lambda: _explained(answer), as_json)


def _explained(answer: dict[str, Any]) -> Group:
    if answer["is_same"]:
        head = f"One customer, {answer['customer_a']}."
        if not answer["is_certain"]:
            head += " Part of the path is a probable match."
    else:
        head = f"Two customers, {answer['customer_a']} and {answer['customer_b']}: no path."
    path = Table("from", "to", "link", "value", "weight")
    for step in answer["path"]:
        path.add_row(step["from"], step["to"], step["link"], step["value"], str(step["weight"]))
    left_out = Table("shared identifier", "value", "ignored because")
    for shared in answer["shared"]:
        left_out.add_row(shared["link"], shared["value"], shared["reason"] or "not ignored")
    parts: list[Any] = [head]
    parts += [path] if answer["path"] else []
    parts += [left_out] if answer["shared"] and not answer["is_same"] else []
    return Group(*parts)


@identity.command()
def audit(
    run_id: Annotated[str | None, typer.Option("--run", help="Else the newest run.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show customer sizes, merges, splits, changed ids, and which links were ignored and why."""
    from rapport.identity.audit import audit as look
    from rapport.warehouse import connect

    with connect() as warehouse:
        report = look(warehouse, run_id)
    show(report, lambda: _audited(report), as_json)


def _audited(report: dict[str, Any]) -> Group:
    top = max((item["customers"] for item in report["sizes"]), default=1)
    sizes = Table("profiles", "customers", "")
    for item in report["sizes"]:
        both = item["from"] == item["to"]
        label = str(item["from"]) if both else f"{item['from']} to {item['to']}"
        sizes.add_row(label, f"{item['customers']:,}", "█" * round(40 * item["customers"] / top))
    excluded = Table("ignored because", "links")
    for reason, count in report["excluded"].items():
        excluded.add_row(reason, f"{count:,}")
    changes = ", ".join(f"{count} {kind}" for kind, count in report["tonight"].items())
    return Group(
        f"{report['profiles']:,} profiles belong to {report['customers']:,} customers, "
        f"{report['probable_profiles']:,} of them by a probable match only.",
        f"Run {report['run_id']}: {changes or 'no merge, no split'}; "
        f"{report['share_of_ids_changed']:.2%} of the profiles changed their customer id.",
        f"{report['former_ids']:,} former ids lead to a customer, {report['dangling_ids']} do not.",
        sizes,
        excluded,
    )


@identity.command()
def evaluate(
    pairs: Annotated[Path, typer.Argument(help="CSV: record_a, record_b, same (1 or 0).")],
    as_json: AsJson = False,
) -> None:
    """Measure precision and recall on labelled pairs, and list the worst errors."""
    from rapport.identity.evaluate import evaluate as judge
    from rapport.warehouse import connect

    with connect() as warehouse:
        verdict = judge(warehouse, pairs)
    show(verdict, lambda: _evaluated(verdict), as_json)


def _evaluated(verdict: dict[str, Any]) -> Group:
    def share(value: float | None) -> str:
        return "unknown" if value is None else f"{value:.4f}"

    worst = Table("error", "record a", "record b", "affected profiles")
    for error in verdict["worst"]:
        worst.add_row(error["error"], error["record_a"], error["record_b"], str(error["profiles"]))
    return Group(
        f"{verdict['pairs']:,} pairs, {verdict['unknown']:,} of them with an unknown record.",
        f"precision {share(verdict['precision'])}, recall {share(verdict['recall'])}, "
        f"{verdict['wrongly_one']:,} wrongly merged, {verdict['missed']:,} missed.",
        worst,
    )


@identity.command()
def review(
    out: Annotated[Path | None, typer.Option("--out", help="Else var/identity/review.csv.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write uncertain matches into a file. Fill in the column `same`, then run `decide`."""
    from rapport.identity.matching.review import export, review_path
    from rapport.identity.rules import load_rules
    from rapport.settings import load_settings
    from rapport.warehouse import connect

    path = out or review_path()
    with connect() as warehouse:
        count = export(warehouse, load_rules(load_settings().identity).matching, path)
    text = f"{count:,} pairs to decide in {path}. Write 1 or 0 in the column same, then "
    text += f"`rapport identity decide {path}`."
    show({"pairs": count, "path": str(path)}, lambda: text, as_json)


@identity.command()
def decide(
    reviewed: Annotated[Path, typer.Argument(help="The file of `review`, filled in.")],
    as_json: AsJson = False,
) -> None:
    """Write the decisions of a reviewed file into the must-link and cannot-link seeds."""
    from rapport.identity.matching.review import decide as take
    from rapport.identity.matching.review import seeds_dir
    from rapport.warehouse import connect

    with connect() as warehouse:
        counts = take(warehouse, reviewed, seeds_dir())
    text = (
        f"{counts['must_link']} pairs are one person, {counts['cannot_link']} are two; "
        f"{counts['undecided']} are undecided, {counts['known']} were decided before. "
        f"Review the changes in {seeds_dir().name}/ and commit them; the next run applies them."
    )
    show(counts, lambda: text, as_json)


@identity.command()
def refit(as_json: AsJson = False) -> None:
    """Estimate the weights of matching again in the next run, and score all pairs again."""
    from rapport.warehouse import connect

    with connect() as warehouse:
        count = warehouse.execute("delete from identity.match_model").rowcount
    text = "The next run estimates the weights " + ("again." if count else "for the first time.")
    show({"forgotten": count}, lambda: text, as_json)
