"""Building blocks of the card in a terminal: headings, tables and safe text.

Text that a customer wrote is never printed as markup or as a control sequence.

>>> plain("[red]hi[/red]" + chr(27) + "[2J" + chr(10))
'[red]hi[/red] [2J '
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rapport.card.models import Block

GOOD, BAD, QUIET = "green", "bold red", "dim"
Value = str | int | Text | None


def plain(value: str) -> str:
    """The text on one line, with every control character replaced by a space."""
    return "".join(character if character.isprintable() else " " for character in value)


def heading(title: str, block: Block, what: str = "") -> Text:
    """A block's title, its sources, the time of their last good load, and whether it is stale."""
    text = Text("\n").append(title, "bold cyan").append(f"  {what}" if what else "")
    if block.is_stale:
        text.append("  STALE", BAD)
    if block.sources:
        loaded = time_of(block.fresh_as_of) if block.fresh_as_of else "no load yet"
        text.append(f"\n  {plain(', '.join(block.sources))}; fresh as of {loaded}", QUIET)
    return text


def table_of(*columns: str, cut: tuple[str, ...] = ()) -> Table:
    """A table with one line per row. If it is too wide, the columns in `cut` are shortened."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style=QUIET)
    for column in columns:
        table.add_column(column, overflow="ellipsis", no_wrap=column not in cut)
    return table


def add(table: Table, *values: Value) -> None:
    """Add a row. Its values are never read as markup."""
    table.add_row(*(value if isinstance(value, Text) else styled(value) for value in values))


def styled(value: str | int | None, style: str = "") -> Text:
    """A value as text for a cell."""
    return Text("" if value is None else plain(str(value)), style, no_wrap=True)


def shown(table: Table, total: int | None = None) -> Iterable[RenderableType]:
    """The table and the number of rows not shown, or a line that there is no data."""
    if not table.row_count:
        yield line("no data", QUIET)
        return
    yield Padding(table, (0, 0, 0, 2))
    if total is not None and total > table.row_count:
        yield line(f"and {total - table.row_count} more", QUIET)


def line(text: str, style: str = "") -> Padding:
    """One line below a heading."""
    return Padding(Text(plain(text), style), (0, 0, 0, 2))


def joined(*values: str | None, by: str = ", ") -> str:
    """The values that are not empty, joined."""
    return by.join(value for value in values if value)


def time_of(moment: datetime | None) -> str:
    """A time to the minute; "unknown" if there is none."""
    return f"{moment:%Y-%m-%d %H:%M}" if moment else "unknown"


def day_of(moment: datetime | None) -> str:
    """A date; an empty text if there is none."""
    return f"{moment:%Y-%m-%d}" if moment else ""


def money_of(amount: Decimal | None, currency: str | None) -> str:
    """An amount with its currency."""
    return joined(f"{amount:,.2f}", currency, by=" ") if amount is not None else ""


def number_of(value: Decimal | None) -> str:
    """A number without trailing zeros."""
    return f"{value.normalize():f}" if value is not None else ""
