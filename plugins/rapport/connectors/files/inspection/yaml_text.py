"""The YAML of a proposed dataset with its doubts as comments, and its place in rapport.yml.

>>> from rapport.connectors.files.inspection.proposal import Proposal
>>> print(yaml_of("shop", {"path": "in/*.csv"}, Proposal("orders", {"entity": "orders"})), end="")
shop:
  path: in/*.csv
  entity: orders
"""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from rapport.connectors.files.inspection.proposal import Proposal
from rapport.errors import ConfigError
from rapport.settings.document import Loader

DATASETS = ("sources", "files", "datasets")
SURVEYS = ("surveys", "files")
PASTE = "Paste the YAML that `rapport files inspect` prints."


def yaml_of(name: str, options: Mapping[str, Any], proposal: Proposal) -> str:
    """The block of the dataset, to stand below `sources: files: datasets:`."""
    lines = [f"{name}:"]
    if proposal.export:
        lines.append(f"  # {proposal.export}")
    lines += [f"  # {doubt}" for doubt in proposal.doubts.get("", ())]
    for key, value in {**options, **proposal.dataset}.items():
        if key == "columns":
            lines.append("  columns:" if value else "  columns: {}")
            for column, given in value.items():
                lines += [f"    # {doubt}" for doubt in proposal.doubts.get(column, ())]
                lines.append(f"    {column}: {_inline(given)}")
        else:
            lines.append(f"  {key}: {_inline(value)}")
    return "\n".join(lines) + "\n"


def surveys_of(name: str, proposal: Proposal) -> str:
    """The block of the scored questions, to stand below `surveys: files:`; empty without any."""
    if not proposal.questions:
        return ""
    lines = [f"{name}:"]
    lines += [f"  {_inline(question)}: {metric}" for question, metric in proposal.questions.items()]
    return "\n".join(lines) + "\n"


def inserted(text: str, name: str, block: str, keys: Sequence[str] = DATASETS) -> str:
    """The text of rapport.yml with the block below `keys`; everything else stays as it is.

    Raises `ConfigError` where the name exists there, or where no safe place is found.
    """
    expected = yaml.load(text, Loader) or {}  # noqa: S506 - it is the safe loader
    inner = expected
    for key in keys:
        if not inner.get(key):
            inner[key] = {}
        inner = inner[key]
    if name in inner:
        raise ConfigError(f"rapport.yml: {'.'.join(keys)} has {name} already. Give another --name.")
    inner.update(yaml.safe_load(block))
    try:
        changed = _with_block(text, block, keys)
        is_safe = changed is not None and yaml.safe_load(changed) == expected
    except yaml.YAMLError:
        is_safe = False
    if changed is None or not is_safe:
        raise ConfigError(f"rapport.yml: no safe place for {name} was found. {PASTE}")
    return changed


def _with_block(text: str, block: str, keys: Sequence[str]) -> str | None:
    """The text with the block at the end of the deepest of the keys that is there."""
    node: yaml.Node | None = yaml.compose(text, Loader)
    missing = [*keys]
    parent_column = -2
    while missing and isinstance(node, yaml.MappingNode):
        pair = next((pair for pair in node.value if pair[0].value == missing[0]), None)
        if pair is None:
            break
        missing.pop(0)
        parent_column, node = pair[0].start_mark.column, pair[1]
    if node is None:
        return text + _nested(block, missing, 0)
    is_empty = not node.value or (isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null"))
    if is_empty:
        start, end = node.start_mark.index, node.end_mark.index
        line_end = text.find("\n", end) if text.find("\n", end) >= 0 else len(text)
        head = text[:start].rstrip(" ") + text[end:line_end].rstrip()
        return f"{head}\n{_nested(block, missing, parent_column + 2)}{text[line_end + 1 :]}"
    if not isinstance(node, yaml.MappingNode) or node.flow_style:
        return None
    column = node.value[0][0].start_mark.column
    last = _end(node)
    line_end = text.find("\n", last)
    head, tail = (text, "") if line_end < 0 else (text[:line_end], text[line_end + 1 :])
    return f"{head}\n{_nested(block, missing, column)}{tail}"


def _end(node: yaml.Node) -> int:
    """Where the last value of a block ends; its own end is after the comments that follow."""
    if isinstance(node, yaml.ScalarNode) or getattr(node, "flow_style", False) or not node.value:
        is_block = isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")
        return int(node.end_mark.index) - is_block
    last = node.value[-1]
    if isinstance(node, yaml.MappingNode):
        key, value = last
        return max(int(key.end_mark.index), _end(value))
    return _end(last)


def _nested(block: str, keys: list[str], column: int) -> str:
    lines = []
    for key in keys:
        lines.append(" " * column + f"{key}:")
        column += 2
    lines += [" " * column + line for line in block.rstrip("\n").split("\n")]
    return "\n".join(lines) + "\n"


def _inline(value: Any) -> str:
    """A value on one line."""
    text = yaml.safe_dump(
        value, default_flow_style=True, width=float("inf"), allow_unicode=True, sort_keys=False
    )
    return text.removesuffix("...\n").strip()
