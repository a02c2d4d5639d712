"""The files of a new vendor as a copy of another one's, with the names changed.

The copy runs as it is: connector, double, staging models and tests are those of the other vendor.
What the new vendor does differently is then changed file by file, with a test for each difference.

>>> renamed("class PostBox: name = 'post_box'", {"post_box": "mail_room", "PostBox": "MailRoom"})
"class MailRoom: name = 'mail_room'"
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from rapport.connectors import all_destinations, all_sources
from rapport.errors import ConfigError

ADDRESS = re.compile(r"(https?://[^\s\"'`)>]+|\b[\w-]+(?:\.[\w-]+)*\.(?:com|io|net|org)\b)")
LEFT_OUT = {
    "source": re.compile(r"destination|\.snapshot\.json$"),
    "destination": re.compile(r"(^|_)source\.py$|^everything\.yml$"),
}


def files(
    kind: Literal["source", "destination"], like: str, name: str, root: Path
) -> dict[str, str]:
    """The texts of the new vendor by path; raises `ConfigError` where there is nothing to copy."""
    connectors = all_sources() if kind == "source" else all_destinations()
    if like not in connectors:
        raise ConfigError(f'There is no {kind} "{like}". There are: {", ".join(connectors)}.')
    connector = connectors[like]
    room = connector.__module__.split(".")[-2]
    if room != like or not list(_double(root, like)):
        raise ConfigError(f'"{like}" has no double of its own to copy. Choose another {kind}.')
    camel = "".join(word.capitalize() for word in name.split("_"))
    names = {like: name, like.upper(): name.upper(), like.capitalize(): camel}
    names |= {connector.vendor.title: camel, connector.__name__: camel}
    return {
        renamed(path.relative_to(root).as_posix(), {like: name}): _facts(
            renamed(path.read_text(encoding="utf-8"), names, _of_company(path, root, like))
        )
        for path in _rooms(kind, like, root)
    }


def renamed(text: str, names: Mapping[str, str], kept: frozenset[str] = frozenset()) -> str:
    """The text with new names, but not in web addresses, nor in the words of `kept`."""
    either = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    word = re.compile(rf"\w*(?:{either})\w*")

    def change(found: re.Match[str]) -> str:
        if found[0] in kept:
            return found[0]
        return re.sub(either, lambda old: names[old[0]], found[0])

    parts = ADDRESS.split(text)
    parts[::2] = [word.sub(change, part) for part in parts[::2]]
    return "".join(parts)


def _rooms(kind: str, like: str, root: Path) -> Iterator[Path]:
    folders = [root / "plugins/rapport/connectors" / like, root / "tests/connectors" / like]
    if kind == "source":
        folders.append(root / "dbt_project/models/staging" / like)
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            wanted = path.is_file() and "__pycache__" not in path.parts
            if wanted and not LEFT_OUT[kind].search(path.name):
                yield path
    yield from _double(root, like)


def _double(root: Path, like: str) -> Iterator[Path]:
    folder = root / "plugins/rapport_sandbox/vendors"
    yield from folder.glob(f"{like}.py")
    yield from sorted((folder / like).glob("*.py"))


def _of_company(path: Path, root: Path, like: str) -> frozenset[str]:
    """Tables of the invented company that have the other vendor's name: the copy reads them."""
    if "dbt_project" in path.parts:
        return frozenset()
    company = (root / "plugins/rapport_sandbox").glob("*.py")
    texts = "\n".join(one.read_text(encoding="utf-8") for one in company)
    tables = frozenset(re.findall(rf"\b{like}_\w+", texts))
    return tables | {f"{like}_"} if tables else tables


def _facts(text: str) -> str:
    """Without the rank of the other vendor, which is its own."""
    return re.sub(r"^    id_rank=\d+,\n", "", text, flags=re.MULTILINE)
