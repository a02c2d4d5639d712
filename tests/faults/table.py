"""Makes README.md of rows.yml: what may go wrong, and which tests cause it.

python tests/faults/table.py
"""

from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
HEAD = """\
# What may go wrong

Made of [rows.yml](rows.yml) by `python tests/faults/table.py`. Each test causes the fault, and
looks at what must still hold: run again, it is as if nothing had happened. `make faults` runs them
all, at every place; the suite runs the quick ones and a sample whose seed it prints.

{covered} of {all} are covered, {never} do not apply, {open} are open.

| # | fault | covered by |
|---|---|---|
"""


def rows() -> dict[int, dict[str, Any]]:
    """The rows by number."""
    content: dict[int, dict[str, Any]] = yaml.safe_load((HERE / "rows.yml").read_text("utf-8"))
    return content


def tests() -> set[str]:
    """Every test that causes a fault, as `file::name` below tests/."""
    return {test for row in rows().values() for test in row.get("tests", ())}


def table() -> str:
    """The page."""
    every = rows()
    counts = {
        "all": len(every),
        "covered": sum("tests" in row for row in every.values()),
        "never": sum("not" in row for row in every.values()),
        "open": sum("open" in row for row in every.values()),
    }
    lines = [HEAD.format(**counts)]
    for number, row in every.items():
        named = [f"`{test}`" for test in row.get("tests", ())]
        said = "<br>".join(named) or (
            f"does not apply: {row['not']}" if "not" in row else f"open: {row['open']}"
        )
        lines.append(f"| {number} | {row['fault']} | {said} |\n")
    return "".join(lines)


if __name__ == "__main__":
    (HERE / "README.md").write_text(table(), encoding="utf-8")
