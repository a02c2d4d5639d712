"""What is generated from code: pages of vendors and datasets, `.env.example`, README's list.

A page holds what `connectors/<vendor>/__init__.py` states, the docstrings of source and
destination, the streams, and the entities that the vendor's staging models offer.

>>> drift()  # doctest: +SKIP
['docs/reference/connectors/postbox.md']
"""

import inspect
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from rapport.connectors import all_destinations, all_sources
from rapport.errors import ConfigError
from rapport.paths import project_root
from rapport.scaffold import datasets_reference
from rapport.vendors.connections import variable
from rapport.vendors.destination import Destination
from rapport.vendors.source import Nothing, Source, Stream
from rapport.vendors.vendor import Kind, Vendor

COMMAND = "rapport docs connectors"
PAGES = Path("docs/reference/connectors")
DATASETS = Path("docs/reference/datasets.md")
EDIT = f"<!-- Written by `{COMMAND}`. Change {{}} instead. -->"
# Where a generated part begins and ends in a file that people write.
PARTS = {
    "README.md": ("<!-- generated: connectors -->\n", "<!-- generated: end -->\n"),
    ".env.example": (
        f"# --- vendors, written by {COMMAND} ---\n",
        "# --- docker compose only ---\n",
    ),
}


def texts() -> dict[str, str]:
    """The generated files as they should be, by path below the project's folder."""
    found = {str(PAGES / "index.md"): _index(), str(DATASETS): _datasets()}
    for name, vendor in vendors().items():
        found[str(PAGES / f"{name}.md")] = _page(vendor)
    for path, content in (("README.md", _overview(PAGES)), (".env.example", _connections())):
        found[path] = _with_part(path, content)
    return found


def drift() -> list[str]:
    """The generated files that are not as they should be, or should not be there."""
    root = project_root()
    wanted = texts()
    pages = {str(path.relative_to(root)) for path in (root / PAGES).glob("*.md")}
    wrong = {path for path, text in wanted.items() if _read(root / path) != text}
    return sorted(wrong | pages - set(wanted))


def write() -> list[str]:
    """Bring the generated files up to date; answers those that changed or went."""
    changed = drift()
    wanted = texts()
    for path in changed:
        file = project_root() / path
        if path in wanted:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(wanted[path], encoding="utf-8")
        else:
            file.unlink()
    return changed


def vendors() -> dict[str, Vendor]:
    """Every vendor that has a source or a destination, by name."""
    connectors = [*all_sources().values(), *all_destinations().values()]
    return dict(sorted((one.vendor.name, one.vendor) for one in connectors))


def _index() -> str:
    edit = EDIT.format("plugins/rapport/connectors/<vendor>")
    about = (
        "Each page says how to log in, what is pulled or sent, and what the vendor does about it."
    )
    return f"# Sources and destinations\n\n{edit}\n\n{about}\n\n{_overview(Path())}"


def _datasets() -> str:
    heading, _, rest = datasets_reference.page().partition("\n")
    return f"{heading}\n\n{EDIT.format(datasets_reference.SOURCES)}\n{rest}"


def _overview(folder: Path) -> str:
    lines = ["| kind | sources | destinations |", "|---|---|---|"]
    for kind in get_args(Kind):
        of_kind = [one for one in vendors().values() if one.kind == kind]
        links = [
            ", ".join(
                f"[{one.title}]({(folder / one.name).as_posix()}.md)"
                for one in of_kind
                if one.name in connectors
            )
            for connectors in (all_sources(), all_destinations())
        ]
        lines.append(f"| {kind} | {links[0]} | {links[1]} |")
    return "\n".join(lines) + "\n"


def _page(vendor: Vendor) -> str:
    parts = [
        f"# {vendor.title}",
        EDIT.format(f"plugins/rapport/connectors/{_room(vendor)}"),
        f"Kind: {vendor.kind}. Name in rapport.yml: `{vendor.name}`."
        f" [The vendor's documentation]({vendor.documentation}).",
        *_connection(vendor),
    ]
    if source := all_sources().get(vendor.name):
        parts += _of_source(source)
    if destination := all_destinations().get(vendor.name):
        parts += _of_destination(destination)
    return "\n\n".join(parts) + "\n"


def _connection(vendor: Vendor) -> Iterator[str]:
    yield "## Connection"
    if not vendor.connection_fields:
        yield "None is needed."
        return
    yield f"The Airflow connection `{vendor.name}`, or in `.env`:"
    yield f"    {_example(vendor)}"
    rows = [f"| `{field}` | {_cell(text)} |" for field, text in vendor.connection_fields.items()]
    yield "\n".join(["| field | holds |", "|---|---|", *rows])


def _of_source(source: type[Source]) -> Iterator[str]:
    yield "## Source"
    yield from _prose(source)
    if rows := [_stream(source, stream) for stream in source({}).streams()]:
        header = [
            "| stream | what is pulled | key | cursor | names a person in |",
            "|---|---|---|---|---|",
        ]
        yield "\n".join([*header, *rows])
    else:
        yield "The streams are those that `rapport.yml` declares."
    if entities := _entities(source):
        yield f"Its staging models offer: {', '.join(entities)}."


def _of_destination(destination: type[Destination]) -> Iterator[str]:
    yield "## Destination"
    yield from _prose(destination)
    facts = [
        f"People a call: {destination.batch_size}",
        f"modes: {', '.join(f'`{mode}`' for mode in destination.modes)}",
        f"a message goes out on: {destination.messages_on}",
    ]
    if destination.sends_by:
        facts.append(f"channel: {destination.sends_by}")
    yield "; ".join(facts) + "."


def _prose(connector: type[Source] | type[Destination]) -> Iterator[str]:
    """The docstring of the module without its example, and the options in that of the class."""
    if connector.documentation != connector.vendor.documentation:
        yield f"[Documentation of this direction]({connector.documentation})."
    yield (sys.modules[connector.__module__].__doc__ or "").split("\n>>>")[0].strip()
    if "ption" in (text := inspect.cleandoc(connector.__doc__ or "")):
        yield text


def _stream(source: type[Source], stream: Stream) -> str:
    text = type(stream).__doc__ or ""
    own = "" if text.startswith(f"{type(stream).__name__}(") else inspect.cleandoc(text)
    if isinstance(stream, Nothing):
        own = "Only what rapport.yml asks for by an option"
    says = re.split(r"(?<=[.:;])\s", " ".join(own.split()), maxsplit=1)[0].rstrip(".:;")
    says += "; records that are gone are marked as deleted" if stream.sweep else ""
    people = source.vendor.people.get(stream.name, {})
    cells = [
        f"`{stream.name}`",
        _cell(says),
        ", ".join(f"`{key}`" for key in stream.key),
        f"`{stream.cursor}`" if stream.cursor else "",
        ", ".join(f"`{path}`" for path in people),
    ]
    return f"| {' | '.join(cells)} |"


def _entities(source: type[Source]) -> list[str]:
    folder = project_root() / "dbt_project" / "models" / "staging" / source.name
    return sorted(f"`{path.stem.split('__')[1]}`" for path in folder.glob("stg_*__*.sql"))


def _connections() -> str:
    blocks = []
    for vendor in vendors().values():
        if vendor.connection_fields:
            fields = [f"#   {field}: {text}" for field, text in vendor.connection_fields.items()]
            blocks.append("\n".join([f"# {vendor.title}", *fields, f"# {_example(vendor)}"]))
    return "\n" + "\n\n".join(blocks) + "\n\n"


def _example(vendor: Vendor) -> str:
    fields: Mapping[str, Any] = {"conn_type": "http", **vendor.example}
    return f"{variable(vendor.name)}='{json.dumps(fields, ensure_ascii=False)}'"


def _room(vendor: Vendor) -> str:
    connector = all_sources().get(vendor.name) or all_destinations()[vendor.name]
    return connector.__module__.split(".")[-2]


def _with_part(path: str, content: str) -> str:
    """A file with its generated part replaced; raises `ConfigError` where the marks are gone."""
    text = _read(project_root() / path)
    start, end = PARTS[path]
    before, found, rest = text.partition(start)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ConfigError(f"{path} has no lines {start.strip()!r} and {end.strip()!r}. Add them.")
    return before + start + content + end + after


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
