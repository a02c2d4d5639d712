"""The variables that the dbt project declares, for code that must use the same value.

>>> read_variable("inactivity_days")
90
"""

from typing import Any

import yaml

from rapport.paths import project_root


def read_variable(name: str) -> Any:
    """The value under `vars` in dbt_project.yml; raises `KeyError` if it is not declared."""
    file = project_root() / "dbt_project" / "dbt_project.yml"
    return yaml.safe_load(file.read_text(encoding="utf-8"))["vars"][name]
