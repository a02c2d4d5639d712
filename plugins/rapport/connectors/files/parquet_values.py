"""The values of a Parquet file as JSON can hold them: nothing is rounded, and text is text.

Impala, Hive and old pandas write text as bytes without a mark; it is text here, and base64 where it
is none. Numbers of 4 bytes are read as they were meant, 19.99 and not 19.989999771118164. Whole
numbers that were written as 17850.0, because the column has gaps, are 17850 in columns of ids.

>>> plain([{"id": b"o1", "raw": b"\\xff"}])
[{'id': 'o1', 'raw': '/w=='}]
"""

import base64
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from rapport.connectors.files.datasets import Dataset
from rapport.vendors.entities import fields_of


def ids(dataset: Dataset) -> tuple[str, ...]:
    """The columns with ids: those of the key, and those that are mapped to one."""
    fields = fields_of(dataset.entity)
    mapped = (
        column.column for name, column in dataset.columns.items()
        if column.column is not None and fields[name].kind == "id"
    )  # fmt: skip
    return tuple(dict.fromkeys((*dataset.key, *mapped)))


def readable(piece: Any) -> Any:
    """The piece with times that Python can hold, in UTC where they have a zone."""
    import pyarrow
    from pyarrow import types

    columns = []
    for column in piece.columns:
        if types.is_float16(column.type) or types.is_float32(column.type):
            column = column.cast(pyarrow.string()).cast(pyarrow.float64())
        elif (wanted := _readable(column.type)) != column.type:
            column = column.cast(wanted, safe=False)
        columns.append(column)
    return pyarrow.RecordBatch.from_arrays(columns, names=piece.schema.names)


def _readable(kind: Any) -> Any:
    import pyarrow
    from pyarrow import types

    if types.is_timestamp(kind):
        # Whole seconds may lie far beyond what microseconds can hold.
        unit = "us" if kind.unit == "ns" else kind.unit
        return pyarrow.timestamp(unit, None if kind.tz is None else "UTC")
    if types.is_list(kind):
        return pyarrow.list_(kind.value_field.with_type(_readable(kind.value_type)))
    if types.is_struct(kind):
        return pyarrow.struct([field.with_type(_readable(field.type)) for field in kind])
    return kind


def named(schema: Any, deep: int = 4) -> Iterator[str]:
    """The names of the columns, with those of records in them."""
    from pyarrow import types

    for field in schema:
        yield field.name
        if deep and types.is_struct(field.type):
            yield from (f"{field.name}.{name}" for name in named(field.type, deep - 1))


def certain(schema: Any, needed: Sequence[str]) -> list[str]:
    """The needed columns without those in lists and maps, which each row may have or not."""
    from pyarrow import types

    open_ended = {
        field.name for field in schema
        if types.is_map(field.type) or types.is_list(field.type) or types.is_large_list(field.type)
    }  # fmt: skip
    return [name for name in needed if name.partition(".")[0] not in open_ended]


def holds_bytes(kind: Any) -> bool:
    """Whether a type holds bytes anywhere."""
    from pyarrow import types

    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return True
    return any(holds_bytes(kind.field(place).type) for place in range(kind.num_fields))


def plain(value: Any) -> Any:
    """The value with texts in place of bytes."""
    if isinstance(value, bytes):
        try:
            text = value.decode("utf-8")
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
        is_text = text.isprintable() or "".join(text.split()).isprintable()
        return text if is_text else base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


def whole(values: dict[str, Any], names: Sequence[str]) -> None:
    """Turn whole numbers with a decimal point into integers, in these columns."""
    for name in names:
        inner: Any = values
        column = name
        while column not in inner and "." in column:
            first, _, column = column.partition(".")
            inner = inner.get(first)
            if not isinstance(inner, dict):
                break
        else:
            number = inner.get(column)
            if isinstance(number, float):
                is_whole = number.is_integer()
            else:
                is_whole = isinstance(number, Decimal) and number == number.to_integral_value()
            if is_whole:
                inner[column] = int(number)
