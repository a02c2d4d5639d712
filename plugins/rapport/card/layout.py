"""How the card looks: headings, tables of one line a row, text that cannot harm a terminal.

What a customer wrote is never markup and never a control sequence here.

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
    """One line that a terminal prints as it is: whatever controls the terminal becomes a space."""
    return "".join(character if character.isprintable() else " " for character in value)


def heading(title: str, block: Block, what: str = "") -> Text:
    """A block's title, its sources and their last good night; a stale block says so."""
    text = Text("\n").append(title, "bold cyan").append(f"  {what}" if what else "")
    if block.is_stale:
        text.append("  STALE", BAD)
    if block.sources:
        night = time_of(block.fresh_as_of) if block.fresh_as_of else "no run yet"
        text.append(f"\n  {plain(', '.join(block.sources))}; fresh as of {night}", QUIET)
    return text


def table_of(*columns: str, cut: tuple[str, ...] = ()) -> Table:
    """A table of one line a row; where it is too wide, the columns in `cut` end in an ellipsis."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style=QUIET)
    for column in columns:
        table.add_column(column, overflow="ellipsis", no_wrap=column not in cut)
    return table


def add(table: Table, *values: Value) -> None:
    """One row, in which nothing is markup."""
    table.add_row(*(value if isinstance(value, Text) else styled(value) for value in values))


def styled(value: str | int | None, style: str = "") -> Text:
    """A value as text for a cell."""
    return Text("" if value is None else plain(str(value)), style, no_wrap=True)


def shown(table: Table, total: int | None = None) -> Iterable[RenderableType]:
    """The table and how many more there are, or that nothing is known."""
    if not table.row_count:
        yield line("nothing known", QUIET)
        return
    yield Padding(table, (0, 0, 0, 2))
    if total is not None and total > table.row_count:
        yield line(f"and {total - table.row_count} more", QUIET)


def line(text: str, style: str = "") -> Padding:
    """One line below a heading."""
    return Padding(Text(plain(text), style), (0, 0, 0, 2))


def joined(*values: str | None, by: str = ", ") -> str:
    """What is there of the values."""
    return by.join(value for value in values if value)


def time_of(moment: datetime | None) -> str:
    """To the minute."""
    return f"{moment:%Y-%m-%d %H:%M}" if moment else "unknown"


def day_of(moment: datetime | None) -> str:
    """The day; nothing where there is none."""
    return f"{moment:%Y-%m-%d}" if moment else ""


def money_of(amount: Decimal | None, currency: str | None) -> str:
    """An amount with its currency."""
    return joined(f"{amount:,.2f}", currency, by=" ") if amount is not None else ""


def number_of(value: Decimal | None) -> str:
    """A number without trailing zeros."""
    return f"{value.normalize():f}" if value is not None else ""
