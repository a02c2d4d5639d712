"""The files of a segment are data: what dbt or Jinja would do for them beyond that is refused."""

import re
from pathlib import Path

import pytest

from rapport.transform.segment_files import FOLDER, not_values, problems

ROOT = Path(__file__).resolve().parents[2]
YAML = """models:
  - name: seg_a
    config:
      meta:
        segment: {key: a}
"""
TEST = """unit_tests:
  - name: it_holds
    model: seg_a
    given:
      - input: ref('dim_customers')
        format: sql
        rows: |
          ROWS
    expect: {rows: []}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "seg_a.sql").write_text("select 1 from {{ ref('dim_customers') }}")
    (tmp_path / "seg_a.yml").write_text(YAML)
    return tmp_path


def test_the_segments_that_are_shipped_hold_nothing_else() -> None:
    assert problems(ROOT / FOLDER) == {}


def test_what_a_segment_may_hold_is_no_problem(folder: Path) -> None:
    values = "select a::date, 'b(c)' as d from (values ('2026-01-01', 1)) as given (a, b)"
    (folder / "seg_a.yml").write_text(YAML + TEST.replace("ROWS", values))
    (folder / "seg_a.sql").write_text(
        "-- who bought {# a note #}\nselect a from {{ ref('x') }} where b < {{ as_of() }}\n"
        "{% raw %}{{ left as it is }}{% endraw %}"
    )
    assert problems(folder) == {}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{{ env_var('AIRFLOW_CONN_WAREHOUSE') }}", "env_var()"),
        ("{{ config(materialized='view', pre_hook='create function f()') }}", "config()"),
        ("{{ config(post_hook='grant rapport to eve') }}", "config()"),
        ("{% do run_query('drop table raw.loads') %}", ""),
        ("{% call statement('x') %}drop table raw.loads{% endcall %}", "callblock"),
        ("{{ target.password }}", "getattr"),
        ("{{ var('company') }}", "var()"),
        ("{{ ref('a', 'b') }}", "ref()"),
        ("{{ ref(env_var('X')) }}", "ref()"),
        ("{{ ref('a') | attr('database') }}", "filter"),
        ("{{ ref.__globals__ }}", "getattr"),
        ("{{ as_of(1) }}", "as_of()"),
        ("{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}", "for"),
        ("{% include '/etc/passwd' %}", "include"),
        ("{% set ref = env_var %}{{ ref('X') }}", "assign"),
        ("{% macro ref(x) %}{{ env_var(x) }}{% endmacro %}", "macro"),
        ("{{ modules.datetime.datetime.now() }}", "call"),
        ("{{ graph }}", "graph"),
        ("{{ ref('a' }}", ""),
        ("{{ " + "(" * 3000 + "ref('a')" + ")" * 3000 + " }}", ""),
    ],
)
def test_any_other_jinja_is_refused_with_file_and_line(folder: Path, text: str, named: str) -> None:
    (folder / "seg_a.sql").write_text(f"select 1\nfrom {text}\n")
    (problem,) = problems(folder).values()
    assert re.search("seg_a.sql:[12]: ", problem)
    assert problem.endswith("only ref('…') and as_of() can be used in a segment.")
    assert named in problem


@pytest.mark.parametrize(
    ("yaml", "line"),
    [
        (YAML.replace("key: a", "key: '{{ env_var(''AIRFLOW__CORE__FERNET_KEY'') }}'"), 5),
        (YAML.replace("key: a", 'key: "\\x7b{ env_var(0) }\\x7d"'), 5),
        (YAML.replace("key: a", 'key: a, owner: "m\\0e"'), 5),
        (YAML.replace("    config:", "    config:\n      pre_hook: drop table raw.loads"), 4),
        (YAML.replace("    config:", "    config:\n      materialized: view"), 4),
        (YAML.replace("    config:", "    config:\n      schema: marts_pii"), 4),
        (YAML.replace("    config:", "    tests: [a]\n    config:"), 3),
        (YAML + "macros: [{name: x}]\n", 6),
        (YAML + "sources: [{name: x}]\n", 6),
        (YAML.replace("key: a", "key: a, expires: 2028-13-31"), 5),
        (YAML.replace("key: a", "key: a, key: b"), 5),
        (YAML + "models: [{name: b}]\n", 6),
        (YAML.replace("segment: {key: a}", "segment: &x {key: *x}"), 5),
        ("a: [\n", 2),
        (YAML + TEST.replace("ROWS", "select pg_sleep(9)"), 12),
        (YAML + TEST.replace("ROWS", "table raw.loads"), 12),
        (YAML + TEST.replace("ref('dim_customers')", "env_var('X')"), 10),
    ],
)
def test_a_yaml_that_holds_more_is_refused_with_file_and_line(
    folder: Path, yaml: str, line: int
) -> None:
    (folder / "seg_a.yml").write_text(yaml)
    (problem,) = problems(folder).values()
    assert f"seg_a.yml:{line}:" in problem


@pytest.mark.parametrize("name", ["seg_a.yaml", "seg_a.py", "seg_a.csv", "docs.md", "b.sql"])
def test_a_file_that_dbt_would_read_and_rapport_would_not_is_refused(
    folder: Path, name: str
) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("select 1")
    assert Path(name).stem in problems(folder)


def test_a_folder_or_a_link_in_the_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "more").mkdir()
    (folder / "seg_b.sql").symlink_to("/etc/hostname")
    assert problems(folder).keys() == {"more", "seg_b"}


@pytest.mark.parametrize(
    "rows",
    [
        "select set_config('role', 'rapport', false)",
        "select * from raw.loads",
        "select 1 from (table raw.loads) as t (a)",
        'select "pg_sleep"(1)',
        "select 'a'; drop table raw.loads",
        "select $$a$$, pg_sleep(1)",
        "select 'it''s', query_to_xml('x', true, true, '')",
        "select E'\\\\', pg_sleep(1) --'",
    ],
)
def test_rows_of_a_unit_test_are_values_and_nothing_else(rows: str) -> None:
    assert not_values(rows)
