"""How much a Parquet file unpacks to, told before it is unpacked.

A few kilobytes can hold gigabytes: a text that a dictionary has once and 2,000 rows name, a list of
a million equal numbers, a page that compresses well.
"""

from collections.abc import Iterator
from typing import Any

from rapport.connectors.files.places import FileError
from rapport.connectors.files.text import most_unpacked

LARGEST_ROW_GROUP = 1024**3
LARGEST_BATCH = 16 * 1024 * 1024
WIDTHS = {"BOOLEAN": 1, "INT32": 4, "FLOAT": 4, "INT64": 8, "DOUBLE": 8, "INT96": 12}
TEXT, FIXED = "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"
DELTA = "DELTA_BYTE_ARRAY"  # each value is told by what it shares with the one before


def refuse(table: Any, size: int) -> None:
    """Raise `FileError` where a row group, or what Arrow makes room for at once, is too much.

    That is each list, and all values of a fixed width. `size` is that of the file in bytes.
    """
    for index in range(table.num_row_groups):
        group = table.metadata.row_group(index)
        if group.total_byte_size > LARGEST_ROW_GROUP:
            raise FileError(
                f"has a row group of {group.total_byte_size:,} bytes; at most "
                f"{LARGEST_ROW_GROUP:,} are read. Write smaller ones"
            )
        at_once = 0
        for column, leaf in _columns(table, group):
            if leaf.max_repetition_level or leaf.physical_type == FIXED:
                at_once += column.num_values * _width(leaf)
            if leaf.max_repetition_level and DELTA in column.encodings:
                raise FileError(
                    f"has a list in the encoding {DELTA}, whose size cannot be told before. "
                    "Write it with a dictionary or plain"
                )
        if (unpacked := max(at_once, group.total_byte_size)) > most_unpacked(size):
            raise FileError(too_much(size, unpacked))


def too_much(size: int, unpacked: int) -> str:
    """What is said of a file of `size` bytes that unpacks to at least `unpacked`."""
    return (
        f"of {size:,} bytes unpacks to {unpacked:,} bytes and more; at most "
        f"{most_unpacked(size):,} are read from a file of its size"
    )


def dictionaries(table: Any) -> list[str]:
    """The columns of text that are read as a dictionary and its numbers, as they are stored."""
    groups = [table.metadata.row_group(index) for index in range(table.num_row_groups)]
    return sorted(
        {
            column.path_in_schema
            for group in groups
            for column, leaf in _columns(table, group)
            if leaf.physical_type == TEXT and column.has_dictionary_page
        }
    )


def batch_rows(table: Any, most: int) -> int:
    """So many rows at once that they stay below `LARGEST_BATCH` bytes."""
    rows = most
    for index in range(table.num_row_groups):
        group = table.metadata.row_group(index)
        fixed = 0
        for column, leaf in _columns(table, group):
            if leaf.physical_type == FIXED:
                fixed += leaf.length
            if DELTA in column.encodings:
                rows = min(rows, LARGEST_BATCH // max(column.total_uncompressed_size, 1))
        usual = group.total_byte_size // max(group.num_rows, 1)
        rows = min(rows, LARGEST_BATCH // max(fixed, usual, 1))
    return max(rows, 1)


def decoded(batch: Any) -> int:
    """Bytes of a batch once each value stands for itself."""
    return sum(_decoded(column) for column in batch.columns)


def pieces(batch: Any, most: int) -> Iterator[tuple[Any, int]]:
    """Parts of a batch with their decoded bytes: below `most`, or a single row."""
    size = decoded(batch)
    if size <= most or batch.num_rows <= 1:
        yield batch, size
        return
    middle = batch.num_rows // 2
    yield from pieces(batch.slice(0, middle), most)
    yield from pieces(batch.slice(middle), most)


def dense(piece: Any) -> Any:
    """The piece with its texts in place of numbers of a dictionary: that is faster to read."""
    import pyarrow

    columns = [
        column.dictionary_decode() if isinstance(column, pyarrow.DictionaryArray) else column
        for column in piece.columns
    ]
    return pyarrow.RecordBatch.from_arrays(columns, names=piece.schema.names)


def _decoded(array: Any) -> int:
    from pyarrow import compute, types

    kind = array.type
    if types.is_dictionary(kind):
        if not types.is_binary(kind.value_type) and not types.is_string(kind.value_type):
            return len(array) * int(array.dictionary.nbytes / max(len(array.dictionary), 1))
        lengths = compute.binary_length(array.dictionary).take(array.indices)
        return compute.sum(lengths).as_py() or 0
    if types.is_map(kind):
        start, end = array.offsets[0].as_py(), array.offsets[-1].as_py()
        return sum(_decoded(part.slice(start, end - start)) for part in (array.keys, array.items))
    if types.is_nested(kind):
        parts = array.flatten()
        return sum(map(_decoded, parts if types.is_struct(kind) else [parts]))
    return int(array.nbytes)


def _columns(table: Any, group: Any) -> Iterator[tuple[Any, Any]]:
    """Each leaf of a row group: what it holds, and what it is."""
    for index in range(group.num_columns):
        yield group.column(index), table.schema.column(index)


def _width(leaf: Any) -> int:
    return leaf.length if leaf.physical_type == FIXED else WIDTHS.get(leaf.physical_type, 4)
