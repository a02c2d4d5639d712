"""Checks what the two files of a segment contain, before dbt renders or parses them.

Many people write segments, so their files must be data: SQL with `ref('…')` and `as_of()` only, and
YAML with known keys and without Jinja. dbt would otherwise run their hooks and macros as the owner
of the warehouse and render secrets from the environment.

>>> check_sql("seg_a.sql", "select 1 from {{ ref('dim_customers') }}")
>>> check_sql("seg_a.sql", "{{ env_var('AIRFLOW_CONN_WAREHOUSE') }}")
Traceback (most recent call last):
ValueError: seg_a.sql:1: env_var(): only ref('…') and as_of() can be used in a segment.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import jinja2
import yaml
from jinja2 import nodes
from pydantic import Field, ValidationError, field_validator

from rapport.errors import ConfigError
from rapport.settings import Block, Document, Loader

FOLDER = "dbt_project/models/segments"
BEFORE_A_BRACKET = {"values", "from", "in", "and", "or", "not", "all", "select"}
KNOWN = "only ref('…') and as_of() can be used in a segment."
PAIR = re.compile(r"seg_[a-z0-9_]+\.(?:sql|yml)")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
JINJA = re.compile(r"\{\{|\{%|\{#")
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
# A model's name inside `ref`, and nothing else that Jinja could evaluate.
Input = Annotated[str, Field(pattern=r"^ref\('[a-z][a-z0-9_]*'\)$")]


class _Meta(Block):
    segment: dict[str, Any]


class _Config(Block):
    meta: _Meta


class _Column(Block):
    name: Name
    description: str = ""


class _Model(Block):
    name: Name
    description: str = ""
    config: _Config
    columns: list[_Column] = Field(default_factory=list)


class _Rows(Block):
    format: Literal["dict", "sql"] = "dict"
    rows: list[dict[str, Any]] | str

    @field_validator("rows")
    @classmethod
    def _only_values(cls, rows: list[dict[str, Any]] | str) -> list[dict[str, Any]] | str:
        if isinstance(rows, str) and (found := not_values(rows)):
            raise ValueError(
                f"{found}: the rows of a unit test must be values, without tables and functions"
            )
        return rows


class _Given(_Rows):
    input: Input


class _Variables(Block):
    as_of: str


class _Overrides(Block):
    vars: _Variables


class _UnitTest(Block):
    name: Name
    description: str = ""
    model: Name
    overrides: _Overrides | None = None
    given: list[_Given]
    expect: _Rows


class File(Block):
    """The YAML of a segment: one model with its declaration, and its unit tests."""

    version: Literal[2] = 2
    models: list[_Model] = Field(min_length=1, max_length=1)
    unit_tests: list[_UnitTest] = Field(default_factory=list)


def problems(folder: Path) -> dict[str, str]:
    """The first problem of each segment in the folder, by file name without extension."""
    found: dict[str, str] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        try:
            _check(path)
        except (ValueError, OSError) as error:
            found.setdefault(path.stem, str(error))
    return found


def _check(path: Path) -> None:
    if not PAIR.fullmatch(path.name) or path.is_symlink() or not path.is_file():
        raise ValueError(
            f"{path}:1: the file is not named seg_<who>.sql or seg_<who>.yml. Remove it from this "
            "folder."
        )
    if path.suffix == ".sql":
        check_sql(path, path.read_text(encoding="utf-8"))
    else:
        read_yaml(path)


def check_sql(path: Path | str, text: str) -> None:
    """Raise `ValueError` with file and line for any Jinja other than `ref('…')` and `as_of()`."""
    try:
        tree = jinja2.Environment(autoescape=True).parse(text)
    except jinja2.TemplateSyntaxError as error:
        raise ValueError(f"{path}:{error.lineno}: {error.message} {KNOWN}") from None
    except RecursionError:
        raise ValueError(f"{path}:1: too many nested brackets: {KNOWN}") from None
    for output in tree.body:
        parts = output.nodes if isinstance(output, nodes.Output) else [output]
        for part in parts:
            if not isinstance(part, nodes.TemplateData) and not _is_known(part):
                raise ValueError(f"{path}:{part.lineno}: {_named(part)}: {KNOWN}")


def read_yaml(path: Path) -> tuple[Document, dict[str, Any]]:
    """Read a segment's YAML; returns it with and without lines.

    Raises `ValueError` with file and line for Jinja, unknown keys and wrong values.
    """
    document, content = parse(path)
    for line, value in document.scalars():
        # The value as YAML reads it, because an escape may stand for a bracket.
        if found := JINJA.search(value):
            raise ValueError(
                f"{path}:{line}: {found[0]}: the YAML of a segment must not contain Jinja."
            )
        if CONTROL.search(value):
            raise ValueError(f"{path}:{line}: there is a control character. Remove it.")
    dates = Document(path, yaml.compose(path.read_text(encoding="utf-8"), Loader=Loader))
    for complaint in (*document.repeated(), *dates.impossible()):
        raise ValueError(complaint)
    try:
        File.model_validate(content)
    except ValidationError as error:
        raise ValueError(document.explain(error, File, ())) from None
    return document, content


class _DatesAsText(Loader):  # type: ignore[misc]
    """A loader that reads dates as text, because PyYAML does not report the line of a bad date."""


_DatesAsText.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in forms if not tag.endswith(":timestamp")]
    for first, forms in Loader.yaml_implicit_resolvers.items()
}


def parse(path: Path) -> tuple[Document, Any]:
    """Parse a YAML file; raises `ValueError` with file and line if it is not valid."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ValueError(f"{path}:{line}: the file is not UTF-8. Save it as UTF-8 text.") from None
    try:
        document = Document(path, yaml.compose(text, Loader=_DatesAsText))
        document.refuse_expansion()
        return document, yaml.load(text, Loader=_DatesAsText)  # noqa: S506 - a safe loader, in C
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise ValueError(f"{path}:{line}: this is not valid YAML. Check the indentation.") from None
    except ConfigError as error:
        raise ValueError(str(error)) from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}:1: a value does not match its YAML tag ({error}).") from None


def not_values(rows: str) -> str | None:
    """The first part of the SQL that is not a value, or None. The SQL runs as the warehouse owner.

    >>> not_values("select a::date from (values (1, 'x (y)')) as given (a, b)")
    >>> not_values("select pg_sleep(1)")
    'pg_sleep'
    """
    text = re.sub(r"'(?:[^']|'')*'", "''", rows)
    if found := re.search(r"[\";$\\]|--|/\*", text):
        return found[0]
    if found := re.search(r"(?i)\b(?:table|from(?!\s*\())\b", text):
        return found[0]
    text = re.sub(r"(?i)\bas\s+\w+\s*\(", "(", text)
    calls = re.findall(r"(\w+)\s*\(", text)
    return next((name for name in calls if name.lower() not in BEFORE_A_BRACKET), None)


def _is_known(node: nodes.Node) -> bool:
    if not isinstance(node, nodes.Call) or not isinstance(node.node, nodes.Name):
        return False
    if node.kwargs or node.dyn_args or node.dyn_kwargs:
        return False
    texts = [isinstance(one, nodes.Const) and isinstance(one.value, str) for one in node.args]
    return (node.node.name, texts) in (("ref", [True]), ("as_of", []))


def _named(node: nodes.Node) -> str:
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name):
        return f"{node.node.name}()"
    if isinstance(node, nodes.Name):
        return node.name
    return type(node).__name__.lower()
