"""The privacy notice: what is stored about customers, why, its origin and its recipients.

Tables and their origin come from dbt's lineage, recipients and purposes from the segments. So the
notice always matches the configuration.

>>> print(notice(connection).markdown())  # doctest: +SKIP
# What Example holds about you
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import msgspec
import psycopg

from rapport.activation.segments.declarations import Segment, load
from rapport.privacy.requests import Options
from rapport.settings import Settings, load_settings
from rapport.transform.dbt import STAGING_MODEL
from rapport.transform.graph import manifest_path

Connection = psycopg.Connection[Any]
GROUND = {
    "marketing": "promotion, with your consent",
    "feedback": "asking for your opinion, with your consent",
    "service": "service that you asked for",
}


@dataclass(frozen=True, slots=True)
class Held:
    """One kind of data about a person."""

    what: str
    sources: list[str]
    why: str
    recipients: list[str]
    columns: list[str]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Sent:
    """What is sent to one destination about the people of one segment."""

    tool: str
    segment: str
    purpose: str
    channel: str
    attributes: list[str]


@dataclass(frozen=True, slots=True)
class Notice:
    """The contents of the privacy notice."""

    company: str
    held: list[Held]
    sent: list[Sent]
    kept: dict[str, int | None]
    answer_within_days: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def markdown(self) -> str:
        """The notice as Markdown for customers. Have a lawyer review it before you publish it."""
        lines = [f"# What {self.company} holds about you", ""]
        for item in self.held:
            lines += [
                f"## {item.what}",
                "",
                f"- **Where it comes from:** {', '.join(item.sources) or 'created by us'}",
                f"- **Why:** {item.why}",
                f"- **Who receives it:** {', '.join(item.recipients) or 'nobody'}",
            ]
            lines += [f"- **In detail:** {', '.join(item.columns)}"] if item.columns else []
            lines += [""]
        lines += ["## What we send to our tools", ""]
        lines += ["| tool | list | purpose | channel | with these facts |", "|---|---|---|---|---|"]
        for sent in self.sent:
            cells = (sent.tool, sent.segment, sent.purpose, sent.channel, _list(sent.attributes))
            lines.append(f"| {' | '.join(map(_cell, cells))} |")
        lines += ["", "## How long we keep it", ""]
        for what, days in self.kept.items():
            lines.append(f"- {what}: {'until you ask' if days is None else f'{days} days'}")
        lines += [
            "",
            "## What you can ask for",
            "",
            "You can ask for a copy of all your data as a file, or ask us to delete it, here and "
            f"at the tools named above. You get an answer within {self.answer_within_days} days.",
            "",
        ]
        return "\n".join(lines)


def notice(connection: Connection, settings: Settings | None = None) -> Notice:
    """The privacy notice of the current configuration, with the tables of the warehouse."""
    settings = settings or load_settings()
    options = settings.checked("privacy", Options)
    enabled = settings.enabled("destinations")
    segments = {
        segment.model: segment
        for segment in load().segments.values()
        if any(tool in enabled for tool in segment.destinations)
    }
    parents = _parents()
    held = [
        Held(
            "Records as our tools sent them",
            sorted(settings.enabled("sources")),
            "everything below is derived from them",
            [],
            [],
        )
    ]
    for name, what, columns in connection.execute(TABLES):
        users = [s for model, s in segments.items() if name in parents.get(model, set())]
        held.append(
            Held(
                what or name,
                sorted(_origins(name, parents) & set(settings.enabled("sources"))),
                "; ".join(sorted({GROUND[s.purpose] for s in users})) or "reports and support",
                sorted(_recipients(name, users, list(segments.values()), enabled)),
                columns,
            )
        )
    return Notice(
        settings.company.name,
        held,
        [
            Sent(tool, segment.name, GROUND[segment.purpose], segment.channel,
                 sorted(segment.traits.values()))
            for segment in sorted(segments.values(), key=lambda one: one.key)
            for tool in segment.destinations
            if tool in enabled
        ],
        {
            "Former versions of a record": options.keep_old_versions_days,
            "Records that could not be read": options.keep_rejected_records_days,
            "Reports of our nightly runs": options.keep_runs_days,
            "Proof of what was sent, and on what legal ground": options.keep_receipts_days,
        },
        options.answer_within_days,
    )  # fmt: skip


def _recipients(
    name: str, users: list[Segment], every: list[Segment], enabled: Mapping[str, Any]
) -> set[str]:
    """The destinations that receive facts from a table. Every channel receives addresses."""
    sending = (
        [s for s in every if s.channel != "none"] if name == "dim_customer_contacts" else users
    )
    return {tool for segment in sending for tool in segment.destinations if tool in enabled}


class _Node(msgspec.Struct):
    name: str


class _Manifest(msgspec.Struct):
    nodes: dict[str, _Node]
    parent_map: dict[str, list[str]]


def _parents() -> dict[str, set[str]]:
    """The parents of each dbt model by name; a source is `source:<name>`. Empty before a build."""
    if not manifest_path().exists():
        return {}
    manifest = msgspec.json.decode(manifest_path().read_bytes(), type=_Manifest)

    def named(unique_id: str) -> str:
        if unique_id.startswith("source."):
            return f"source:{unique_id.split('.')[2]}"
        node = manifest.nodes.get(unique_id)
        return node.name if node else unique_id

    return {
        named(child): {named(parent) for parent in parents}
        for child, parents in manifest.parent_map.items()
    }


def _origins(name: str, parents: Mapping[str, set[str]]) -> set[str]:
    """The names of the sources that a model is derived from, directly or indirectly."""
    todo, seen = [name], set()
    while todo:
        for parent in parents.get(todo.pop(), ()):
            if parent not in seen:
                seen.add(parent)
                todo.append(parent)
    staged = (STAGING_MODEL.fullmatch(item) for item in seen)
    return {
        *(item.removeprefix("source:") for item in seen if item.startswith("source:")),
        *(match["source"] for match in staged if match),
    }


def _list(items: list[str]) -> str:
    return ", ".join(items) or "none"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


TABLES = """
select
    tables.relname,
    regexp_replace(obj_description(tables.oid, 'pg_class'), '^One row per', 'For each'),
    array_agg(columns.attname::text order by columns.attnum)
        filter (where columns.attname <> 'customer_id')
from pg_class as tables
inner join pg_namespace as schemas on schemas.oid = tables.relnamespace
inner join pg_attribute as columns on columns.attrelid = tables.oid
where schemas.nspname in ('marts', 'marts_pii') and tables.relkind = 'r' and columns.attnum > 0
    and not columns.attisdropped
group by tables.oid, tables.relname
having bool_or(columns.attname = 'customer_id')
order by tables.relname
"""
