"""Fields of a company's own that a vendor must be asked for by name.

>>> paths_of({"custom_fields": {"contacts": {"tier": "properties.tier"}}}, "contacts")
['properties.tier']
"""

from collections.abc import Mapping
from typing import Any


def paths_of(options: Mapping[str, Any], stream: str) -> list[str]:
    """The declared paths of one stream, for vendors that must be asked for each field."""
    declared = options.get("custom_fields")
    fields = declared.get(stream) if isinstance(declared, dict) else None
    return [str(path) for path in fields.values()] if isinstance(fields, dict) else []
