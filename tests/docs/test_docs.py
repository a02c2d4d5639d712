"""What README and CONTRIBUTING name exists, and what exists is named there."""

import doctest
import importlib
import pkgutil
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer

import rapport
from rapport.cli import application
from rapport.connectors import all_destinations, all_sources
from rapport.runs.summary import Summary
from rapport.scaffold import reference
from rapport.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("README.md", "CONTRIBUTING.md")
TEXTS = {name: (ROOT / name).read_text(encoding="utf-8") for name in NAMES}
BOTH = "\n".join(TEXTS.values())
CODE = re.compile(r"```.*?```|`[^`\n]+`|^(?: {4,}|\t).*$", re.DOTALL | re.MULTILINE)
# Made up in CONTRIBUTING.md to show how something is added; to be made by the reader; or written
# by a run.
EXAMPLES = re.compile(
    r"postbox|journal|mart_messages_daily|three_orders|0042_notes|ops\.notes|^\.env$|/in/|^in/"
    r"|^(var|exports|\.venv)/|[<*…]"
)
# `in/orders-2025.csv` and the like are the reader's; these are those of the tree.
FOLDERS = ("benchmarks", "dags", "dbt_project", "expectations", "plugins", "tests")


def code_of(text: str) -> str:
    return "\n".join(match[0].strip("`") for match in CODE.finditer(text))


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, inner in getattr(command, "commands", {}).items():
        yield (*path, name), inner
        yield from commands(inner, (*path, name))


COMMANDS = dict(commands(typer.main.get_command(application)))
TARGETS = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_what_is_generated_from_the_connectors_is_up_to_date() -> None:
    assert reference.drift() == [], f"run `{reference.COMMAND}` and commit what it changes"


def test_a_changed_fact_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    vendor = replace(reference.vendors()["files"], title="Folders")
    for kind in (all_sources()["files"], all_destinations()["files"]):
        monkeypatch.setattr(kind, "vendor", vendor)
    pages = "docs/reference/connectors"
    assert reference.drift() == ["README.md", f"{pages}/files.md", f"{pages}/index.md"]


@pytest.mark.parametrize("name", sorted(reference.vendors()))
def test_a_vendor_shows_a_connection_of_the_fields_that_it_explains(name: str) -> None:
    vendor = reference.vendors()[name]
    explained = {field.partition(".")[0] for field in vendor.connection_fields}
    assert set(vendor.example) - {"conn_type", "port"} <= explained
    assert bool(vendor.example) == bool(vendor.connection_fields)


def test_every_setting_is_named_and_no_other() -> None:
    table = TEXTS["README.md"].split("| key | says |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == set(Settings.model_fields)


def test_every_key_of_the_summary_is_named_and_no_other() -> None:
    table = TEXTS["README.md"].split("| key | holds |")[1].split("\n\n")[0]
    first = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    named = set(re.findall(r"`(\w+)`", " ".join(first)))
    assert named == set(Summary.model_fields)


@pytest.mark.parametrize("path", sorted(COMMANDS), ids=" ".join)
def test_every_command_is_named(path: tuple[str, ...]) -> None:
    if len(path) == 1:
        assert f"`rapport {path[0]}`" in BOTH
    else:
        row = next(line for line in BOTH.splitlines() if line.startswith(f"| `rapport {path[0]}`"))
        assert f"`{path[-1]}`" in row


def test_every_command_that_is_named_exists_with_its_options() -> None:
    seen = 0
    for match in re.finditer(r"(?<![./\w])rapport ((?:[a-z-]+)(?: [^\n`|;#()]+)?)", code_of(BOTH)):
        words = shlex.split(match[1].split("  ")[0])
        command = COMMANDS.get((words[0],))
        assert command is not None, match[0]
        if words[0] in ("dbt", "airflow", "mf"):
            continue
        if hasattr(command, "commands") and len(words) > 1:
            command = COMMANDS.get((words[0], words[1]))
            assert command is not None, match[0]
        known = {option for parameter in command.params for option in parameter.opts}
        words = words[: words.index("--")] if "--" in words else words
        assert {word for word in words if word.startswith("--")} <= known | {"--help"}, match[0]
        seen += 1
    assert seen > 20


@pytest.mark.parametrize("target", TARGETS)
def test_every_make_target_is_named(target: str) -> None:
    assert re.search(rf"\bmake (?:\w+ )*{target}\b", code_of(BOTH)), target


def test_every_make_target_that_is_named_exists() -> None:
    named = {
        word for run in re.findall(r"\bmake ((?:[a-z]+ ?)+)", code_of(BOTH)) for word in run.split()
    }
    assert named
    assert named <= set(TARGETS)


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", TEXTS[name])
    local = [link for link in links if "://" not in link]
    assert local
    for link in local:
        path, _, anchor = link.partition("#")
        target = ROOT / (path or name)
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {
                re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings
            }
            assert anchor in slugs, link


def test_every_path_that_is_named_exists() -> None:
    words = re.findall(
        r"(?<![\w/.<])[\w.]+(?:/[\w.<>*…-]+)+/?|\b\w+\.(?:md|yml|lock)\b", code_of(BOTH)
    )
    checked = 0
    for word in words:
        if EXAMPLES.search(word) or not word.startswith((*FOLDERS, *map(str, _top_files()))):
            continue
        assert (ROOT / word).exists(), word
        checked += 1
    assert checked > 20


def _top_files() -> list[str]:
    return [path.name for path in ROOT.iterdir() if path.is_file()]


def test_every_table_that_is_named_exists() -> None:
    models = {path.stem for path in (ROOT / "dbt_project" / "models").rglob("*.sql")}
    migrations = "\n".join(
        path.read_text() for path in (ROOT / "plugins/rapport/warehouse/migrations").glob("*.sql")
    )
    made = set(re.findall(r"create (?:table|view) (?:if not exists )?(\w+\.\w+)", migrations))
    raw = {
        f"raw.{name}__{stream.name}"
        for name, source in all_sources().items()
        for stream in source(load_settings().source_options(name)).streams()
    }
    schemas = "raw|staging|intermediate|identity|marts|marts_pii|segments|activation|ops|quality"
    named = set(re.findall(rf"\b(?:{schemas})\.\w+", BOTH))
    options = {"activation.consent", "identity.matching"}  # of rapport.yml
    unknown = {
        table
        for table in named - made - raw - options
        if table.split(".")[1] not in models and not EXAMPLES.search(table)
    }
    assert len(named) > 30
    assert unknown == set()


def test_every_published_table_is_named() -> None:
    for path in (ROOT / "dbt_project" / "models").glob("m[ae]*/*.yml"):
        published = re.search(r"publish: (marts\w*)", path.read_text())
        if published:
            assert f"`{published[1]}.{path.stem}`" in TEXTS["README.md"]


def test_every_schema_change_names_a_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[([^\]]+)\]", text, re.MULTILINE)
    rows = re.findall(
        r"^\| (?!version|---)([^|]+) \|", text.split("## Schema changes")[1], re.MULTILINE
    )
    assert rows
    assert {row.strip() for row in rows} <= set(versions)


MODULES = sorted(
    info.name
    for info in pkgutil.walk_packages(rapport.__path__, "rapport.")
    if not info.name.endswith("__main__") and not info.name.startswith("rapport_sandbox")
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_docstrings_are_true(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_EXAMPLE", raising=False)
    module = importlib.import_module(name)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.testmod(module, optionflags=flags).failed == 0
