"""The texts that users read keep to the words of the glossary."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from babel.messages.extract import extract_from_dir

from rapport.cli import application
from rapport.pages.app import application as pages
from rapport.pages.rendering import TEMPLATES

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"
MODULES = (
    PLUGINS / "rapport_sandbox/commands.py",
    PLUGINS / "rapport/card/terminal.py",
    PLUGINS / "rapport/tasks/alerts.py",
    PLUGINS / "rapport/tasks/scheduling.py",
)
FORBIDDEN = re.compile(
    r"\b(tonight|last night|nights?|twins?|desks?|believed|a person's word|by being there|arms?"
    r"|told|sift|joins? nobody)\b",
    re.IGNORECASE,
)
CODE = re.compile(r"```.*?```|`[^`\n]+`|^ {4,}[^\n]*$", re.DOTALL | re.MULTILINE)
# The schedule is nightly, a night passes in the invented company, and vendors have support desks.
ALLOWED = re.compile(
    r"\b(every night|one per night|support desks?|first night|next-night)\b", re.IGNORECASE
)


def documents() -> Iterator[tuple[str, str]]:
    """Each document without its code; of the glossary also without the words it warns of."""
    paths = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "dbt_project/DECISIONLOG.md"]
    for path in (*paths, *(ROOT / "docs").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        if path.name == "glossary.md":
            text = re.sub(r"\|[^|\n]*\|$", "|", text, flags=re.MULTILINE)
        yield str(path.relative_to(ROOT)), CODE.sub(" ", text)


def helps(command: Any, path: str = "rapport") -> Iterator[tuple[str, str]]:
    """The help text of each command with those of its parameters."""
    texts = [command.help, *(getattr(one, "help", None) for one in command.params)]
    yield path, "\n".join(text for text in texts if text)
    for name, inner in getattr(command, "commands", {}).items():
        yield from helps(inner, f"{path} {name}")


def printed() -> Iterator[tuple[str, str]]:
    """The texts in the modules of commands and DAGs: messages, titles of tables, triage notes."""
    for path in (
        *MODULES,
        *(ROOT / "plugins/rapport/cli").glob("*.py"),
        *(ROOT / "dags").glob("*.py"),
    ):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            value = getattr(node, "value", None)
            if isinstance(value, str) and " " in value:
                yield f"{path.name}:{getattr(node, 'lineno', 0)}", value


def messages() -> Iterator[tuple[str, str]]:
    """The English texts of the pages, and the description of the API."""
    keywords: dict[str, Any] = {"_": None, "gettext": None, "ngettext": (1, 2)}
    for name, line, found, _, _ in extract_from_dir(
        TEMPLATES, [("**.html", "jinja2.ext:babel_extract")], keywords=keywords
    ):
        yield f"{name}:{line}", " ".join(found) if isinstance(found, tuple) else found
    for number, text in enumerate(descriptions(pages().openapi())):
        yield f"openapi.json:{number}", CODE.sub(" ", text)


def descriptions(schema: Any) -> Iterator[str]:
    """Each description in the API's schema, without the names of fields."""
    if isinstance(schema, dict):
        if isinstance(text := schema.get("description"), str):
            yield text
        schema = [*schema.values()]
    if isinstance(schema, list):
        for inner in schema:
            yield from descriptions(inner)


def strays(texts: Iterator[tuple[str, str]]) -> list[tuple[str, str]]:
    found = []
    seen = 0
    for place, text in texts:
        seen += 1
        found += [(place, match[0]) for match in FORBIDDEN.finditer(ALLOWED.sub(" ", text))]
    assert seen > 4
    return found


def test_documents_use_the_words_of_the_glossary() -> None:
    assert strays(documents()) == []


@pytest.mark.parametrize("path", ["README.md", "CONTRIBUTING.md", "docs", "dbt_project"])
def test_each_block_of_code_in_a_document_is_closed(path: str) -> None:
    place = ROOT / path
    for file in [place] if place.is_file() else sorted(place.glob("*.md")):
        fences = re.findall(r"^ *```", file.read_text(encoding="utf-8"), re.MULTILINE)
        assert len(fences) % 2 == 0, f"{file.name}: a block of code has no end"


def test_the_help_of_commands_uses_the_words_of_the_glossary() -> None:
    assert strays(helps(typer.main.get_command(application))) == []


def test_what_commands_and_dags_say_uses_the_words_of_the_glossary() -> None:
    assert strays(printed()) == []


def test_pages_and_the_api_use_the_words_of_the_glossary() -> None:
    assert strays(messages()) == []


@pytest.mark.parametrize("word", ["Tonight", "the arm of", "two nights", "found by being there"])
def test_a_word_that_the_glossary_replaces_is_noticed(word: str) -> None:
    assert strays((str(n), f"Shows {word} here." if n == 4 else "Shows it.") for n in range(5))


def test_the_glossary_has_each_term_once_with_one_sentence() -> None:
    text = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("|")]
    rows = [row for row in rows if not row[0].startswith("-")]
    terms = [row[0].strip() for row in rows if row[0] != " term "]
    meanings = [CODE.sub("x", row[1]).strip() for row in rows if row[0] != " term "]
    assert len(terms) > 40
    assert len(terms) == len(set(terms))
    assert [text for text in meanings if not re.fullmatch(r"[A-Z][^.]*\.", text)] == []


def test_the_glossary_names_tables_and_commands_that_exist() -> None:
    text = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
    models = {path.stem for path in (ROOT / "dbt_project/models").rglob("*.sql")}
    migrations = "\n".join(
        path.read_text(encoding="utf-8")
        for path in (PLUGINS / "rapport/warehouse/migrations").glob("*.sql")
    )
    made = set(re.findall(r"create (?:table|view) (?:if not exists )?(\w+\.\w+)", migrations))
    schemas = "raw|intermediate|identity|marts|marts_pii|segments|activation|ops|quality|privacy"
    tables = set(re.findall(rf"`((?:{schemas})\.[a-z]\w+)`", text))
    assert len(tables) > 25
    assert {name for name in tables - made if name.split(".")[1] not in models} == set()
    commands = {path for path, _ in helps(typer.main.get_command(application))}
    named = set(re.findall(r"`(rapport [a-z ]+)`", text))
    assert len(named) > 10
    assert named - commands == set()
