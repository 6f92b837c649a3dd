"""Seeded damage to inputs: what networks, vendors, spreadsheets and attackers do to a file.

One function a form of file (`damaged_csv`, `damaged_json`, `damaged_yaml`, `damaged_parquet`,
`damaged_bytes`); each takes a generator and good bytes, and gives bad ones. Equal seeds give
equal bytes. Add a kind of damage to the tuple of its form. Keep out who reads the bytes
(`readers`) and what is asked of them (`test_fuzz_readers`).
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

HUGE = 10 * 1024 * 1024
HOSTILE_WORDS = (
    "<script>alert(1)</script>", "../../../etc/passwd", "'; DROP TABLE levels; --",
    "{0.__class__.__mro__}", "%s%n%d", "\x1b[31mred\x1b[0m", "[red]x[/red]", "a\nb\r\nc", "a\x00b",
    "=cmd|' /C calc'!A0", "@SUM(1+1)", "-2+3", "\u202eevil", "\ufeff", "\u2028", "\x85", '"', "'",
    "\\", ",", "", " ", "\t", "None", "null", "NaN", "true", "\U0001f600", "\u00e9" * 40,
    "\ufffd", "!!python/object/apply:os.system [id]", "*a", "&a x", "<<", "${HOME}", "`id`",
)  # fmt: skip
HOSTILE_NUMBERS = (
    "NaN", "nan", "-nan", "inf", "-inf", "Infinity", "1e308", "-1e308", "1e309", "1e-400", "-0",
    "-100", "-1.5", "0", "+5", "$5", "-$5", "$-5", "(5.00)", "USD 5", "\u20ac5", "5 %", "1,234.50",
    "1.234,50", "1 234", "1_000", "1__0", "0x1F", "0b_", "0o9", "1e5", "5e", ".", "-", "--", "5-",
    "9" * 19, "9" * 20, "9" * 400, "9" * 5000, "1" + "0" * 400, "0." + "0" * 400 + "1",
    "2147483648",
    "-9223372036854775809", "65536", "\u0661\u0662\u0663", "\u00bd", "1:30:00", "12:60", "3.0",
)  # fmt: skip
HOSTILE_DAYS = (
    "1900-01-01", "2200-12-31", "0001-01-01", "9999-12-31", "0000-00-00", "2022-02-30",
    "2022-06-25",
    "10000-01-01", "-0001-01-01", "2022-13-45", "20220627", "2022-W26-1", "06/27/2022",
    "27.06.2022",
    "2022-06-27T25:61:61", "2022-06-27T00:00:00+99:00", "1985-12-31", "2032-01-02",
)  # fmt: skip
_CELLS = (*HOSTILE_WORDS, *HOSTILE_NUMBERS, *HOSTILE_DAYS)
_HTML = (
    b"<!DOCTYPE html>\n<html><head><title>503 Service Temporarily Unavailable</title></head>"
    b"<body><center><h1>503</h1></center><hr>nginx</body></html>\n"
)
# Ten megabytes cost time to make and read, so they come once in a while.
_HUGE_ONE_IN = 250


def hostile_cell(rng: Random) -> str:
    """Give one value as text, now and then a very long one."""
    if rng.randrange(_HUGE_ONE_IN) == 0:
        return rng.choice("A9 \u00e9[") * HUGE
    return rng.choice(_CELLS)


def _at(rng: Random, data: bytes) -> int:
    return rng.randrange(len(data) + 1)


def _truncated(rng: Random, data: bytes) -> bytes:
    return data[: _at(rng, data)]


def _without_head(rng: Random, data: bytes) -> bytes:
    return data[_at(rng, data) :]


def _flipped(rng: Random, data: bytes) -> bytes:
    flipped = bytearray(data)
    for _ in range(rng.randint(1, 8) if flipped else 0):
        flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
    return bytes(flipped)


def _overwritten(rng: Random, data: bytes) -> bytes:
    place = _at(rng, data)
    written = rng.randbytes(rng.randint(1, 32))
    return data[:place] + written + data[place + len(written) :]


def _spliced(rng: Random, data: bytes) -> bytes:
    first, last = sorted((_at(rng, data), _at(rng, data)))
    place = _at(rng, data)
    return data[:place] + data[first:last] + data[place:]


def _gap(rng: Random, data: bytes) -> bytes:
    first, last = sorted((_at(rng, data), _at(rng, data)))
    return data[:first] + data[last:]


def _inserted(rng: Random, data: bytes) -> bytes:
    place = _at(rng, data)
    return data[:place] + rng.choice(_CELLS).encode("utf-8", "surrogatepass") + data[place:]


def _huge(rng: Random, data: bytes) -> bytes:
    if rng.randrange(_HUGE_ONE_IN // 10):
        return _inserted(rng, data)
    place = _at(rng, data)
    filler = rng.choice([b"A", b"0", b" ", b"\n", b",", b'"', b"[", b"\x00"])
    return data[:place] + filler * HUGE + data[place:]


def _bomb(rng: Random, data: bytes) -> bytes:
    depth = rng.choice([100, 1_000, 20_000, 100_000])
    opening, closing = rng.choice([(b"[", b"]"), (b'{"a":', b"}"), (b"{a: ", b"}"), (b"- ", b"")])
    nest = opening * depth + b"1" + closing * depth
    return rng.choice([nest, b"[" + nest + b"]", data + nest, b"indexes: " + nest])


def _encoded(rng: Random, data: bytes) -> bytes:
    text = data.decode("utf-8", "replace") + "\u00e9"
    coding = rng.choice(["utf-16", "utf-16-le", "utf-32", "latin-1", "cp500", "utf-7"])
    return text.encode(coding, "replace")


def _marked(rng: Random, data: bytes) -> bytes:
    mark = rng.choice([b"\xef\xbb\xbf", b"\xef\xbb\xbf" * 2, b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b"])
    return mark + data


def _other_file(rng: Random, data: bytes) -> bytes:
    return rng.choice(
        [
            b"", b"\n", b" " * 99, b"\x00" * 99, _HTML, data + _HTML, data * 2, data + data[::-1],
            gzip.compress(data, mtime=0), b"PK\x03\x04" + data, b"PAR1" + data + b"PAR1", b"null",
            b'{"error":"too many requests"}', b'{"data":{"rows":null}}', b"[]", b"[[]]", b"[{}]",
            b"---\n...\n---\n", b"%PDF-1.7\n", rng.randbytes(2_000),
        ]
    )  # fmt: skip


def _line_ends(rng: Random, data: bytes) -> bytes:
    return data.replace(b"\n", rng.choice([b"\r", b"\r\n", b"\n\n", b"\n\r", b"", b"\x0b"]))


_BYTE_DAMAGES = (
    _truncated, _without_head, _flipped, _flipped, _overwritten, _spliced, _gap, _inserted, _huge,
    _bomb, _encoded, _marked, _other_file, _line_ends,
)  # fmt: skip


def damaged_bytes(rng: Random, data: bytes) -> bytes:
    """Damage any file."""
    return rng.choice(_BYTE_DAMAGES)(rng, data)


def _some(
    rng: Random, data: bytes, damages: Sequence[Callable[[Random, bytes], bytes]], share: float
) -> bytes:
    """Damage bytes, or (with a share) one to three things that the form knows of."""
    if rng.random() >= share:
        return damaged_bytes(rng, data)
    for _ in range(rng.choice([1, 1, 2, 3])):
        data = rng.choice(damages)(rng, data)
    return data


def _with_rows(data: bytes, change: Callable[[list[list[str]]], object]) -> bytes:
    """A CSV file after a change to its rows; the same bytes if it no longer is one."""
    try:
        rows = list(csv.reader(io.StringIO(data.decode(), newline="")))
    except (UnicodeDecodeError, csv.Error):
        return data
    if rows:
        change(rows)
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode("utf-8", "surrogatepass")


def _csv_cell(rng: Random, data: bytes) -> bytes:
    def change(rows: list[list[str]]) -> None:
        row = rng.choice(rows)
        if row:
            row[rng.randrange(len(row))] = hostile_cell(rng)

    return _with_rows(data, change)


def _csv_ragged(rng: Random, data: bytes) -> bytes:
    def change(rows: list[list[str]]) -> None:
        row = rng.choice(rows)
        if row and rng.random() < 1 / 2:
            row.pop()
        else:
            row.extend([rng.choice(_CELLS)] * rng.choice([1, 2, 500]))

    return _with_rows(data, change)


def _csv_twice(rng: Random, data: bytes) -> bytes:
    return _with_rows(data, lambda rows: rows.insert(rng.randrange(len(rows)), rng.choice(rows)))


def _csv_column_twice(rng: Random, data: bytes) -> bytes:
    def change(rows: list[list[str]]) -> None:
        place = rng.randrange(max(map(len, rows), default=0) or 1)
        for row in rows:
            row[len(row) :] = row[place : place + 1]

    return _with_rows(data, change)


def _csv_column_gone(rng: Random, data: bytes) -> bytes:
    def change(rows: list[list[str]]) -> None:
        place = rng.randrange(max(map(len, rows), default=0) or 1)
        for row in rows:
            del row[place : place + 1]

    return _with_rows(data, change)


def _csv_shuffled(rng: Random, data: bytes) -> bytes:
    return _with_rows(data, rng.shuffle)


def _csv_delimiter(rng: Random, data: bytes) -> bytes:
    return data.replace(b",", rng.choice([b";", b"\t", b"|", b",,", b'","', b'"']))


_CSV_DAMAGES = (
    *[_csv_cell] * 7, _csv_ragged, _csv_twice, _csv_column_twice, _csv_column_gone, _csv_shuffled,
    _csv_delimiter,
)  # fmt: skip


def damaged_csv(rng: Random, data: bytes) -> bytes:
    """Damage a CSV file."""
    return _some(rng, data, _CSV_DAMAGES, 0.7)


def _json_value(rng: Random) -> object:
    odd: list[object] = [
        None, True, 5, -5, 1.5, 1e308, float("nan"), float("inf"), [], {}, [[1]], {"a": {}}, 2**70,
    ]  # fmt: skip
    return rng.choice(odd) if rng.random() < 1 / 3 else hostile_cell(rng)


def _json_changed(rng: Random, data: bytes) -> bytes:
    """Change one field of one object, or the object, or the array."""
    try:
        document: Any = json.loads(data)
    except (ValueError, RecursionError):
        return data
    if not isinstance(document, list) or not document:
        return data
    place = rng.randrange(len(document))
    listing = document[place]
    way = rng.random()
    if isinstance(listing, dict) and listing and way < 0.8:
        field = rng.choice(sorted(listing))
        if way < 0.1:
            del listing[field]
        else:
            listing[field if way > 0.2 else hostile_cell(rng)] = _json_value(rng)
    else:
        document[place] = rng.choice([_json_value(rng), document[0], document])
    if document[place] is document:
        document = {"data": document[:place]}
    return json.dumps(document, ensure_ascii=rng.random() < 1 / 2).encode("utf-8", "replace")


def _json_key_twice(rng: Random, data: bytes) -> bytes:
    keys = [match.span() for match in re.finditer(rb'"\w+": ?"[^"]*"', data)]
    if not keys:
        return data
    first, last = rng.choice(keys)
    again = data[first:last].replace(b'": "', b'": "1')
    return data[:first] + again + b", " + data[first:]


def damaged_json(rng: Random, data: bytes) -> bytes:
    """Damage a JSON array of objects."""
    return _some(rng, data, (*[_json_changed] * 6, _json_key_twice), 0.7)


_YAML_SCALAR = re.compile(rb"[^\s:\[\]{},][^\s:\[\]{},]*")
_YAML_PIECES = (
    b"&a [*a, *a]", b"*a", b"!!python/object/apply:os.system ['id']", b"!!int x", b"!!float x",
    b"!!timestamp x", b"!!binary x", b"2022-13-45", b"2022-02-30", b"0o9", b"0b", b"0x", b"0x_",
    b"1" + b"0" * 400, b"9" * 5000, b".inf", b"-.inf", b".nan", b"1e308", b"-5", b"0", b"~", b"yes",
    b"[]", b"{}", b"[1]", b"[[1, 2], 3]", b"{a: 1, a: 2}", b"{[1]: 2}", b"? {a: 1}\n: 2", b"<<",
    b"{<<: {name: x}}", b"{<<: [1]}", b"190:20:30", b"190:20:30.15", b"'", b"|", b">", b"\t", b"%",
    b"@x", b"`", b"- - -", b"!!set {a, b}", b"!!omap [a]", b"!!pairs [a: 1]", b"=", b"...", b"---",
)  # fmt: skip


def _laughs(rng: Random, _data: bytes) -> bytes:
    """Nine lines that stand for a thousand million."""
    lines = [b"a0: &a0 [x, x]"]
    lines += [b"a%d: &a%d [%s]" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 10)]
    maps = [b"a0: &a0 {k: x}"]
    maps += [
        b"a%d: &a%d {%s}" % (n, n, b", ".join(b"k%d: *a%d" % (k, n - 1) for k in range(9)))
        for n in range(1, 10)
    ]
    tail = rng.choice(
        [b"indexes: *a9", b"indexes: {r9: *a9}", b"indexes: {r9: {name: x, ranks: *a9}}"]
    )
    return b"\n".join([*rng.choice([lines, maps]), tail])


def _yaml_scalar(rng: Random, data: bytes) -> bytes:
    scalars = [match.span() for match in _YAML_SCALAR.finditer(data)]
    if not scalars:
        return data
    first, last = rng.choice(scalars)
    if rng.random() < 1 / 2:
        piece = rng.choice(_YAML_PIECES)
    else:
        piece = hostile_cell(rng).encode("utf-8", "surrogatepass")
    return data[:first] + piece + data[last:]


def damaged_yaml(rng: Random, data: bytes) -> bytes:
    """Damage a YAML file."""
    return _some(rng, data, (*[_yaml_scalar] * 9, _laughs), 0.8)


_FLOATS = (float("nan"), float("inf"), float("-inf"), 1e308, -1e308, 5e-324, -1.0, 0.0, None)
_INTEGERS = (-1, 0, 2**62, -(2**62), None)
_DAYS = (date(1900, 1, 1), date(2200, 12, 31), date(1, 1, 1), date(9999, 12, 31), None)
_TYPES = (pl.String, pl.Float32, pl.Int8, pl.Int64, pl.Boolean, pl.Binary, pl.Categorical, pl.Date)


def _odd_value(rng: Random, dtype: pl.DataType) -> object:
    if dtype.is_float():
        return rng.choice(_FLOATS)
    if dtype.is_integer():
        return rng.choice(_INTEGERS)
    if dtype == pl.Date:
        return rng.choice(_DAYS)
    return rng.choice([hostile_cell(rng), None])


def _parquet_cell(rng: Random, frame: pl.DataFrame) -> pl.DataFrame:
    name = rng.choice(frame.columns)
    dtype = frame.schema[name]
    hit = rng.choice([pl.lit(value=True), pl.int_range(pl.len()) == rng.randrange(frame.height)])
    odd = pl.Series([_odd_value(rng, dtype)]).cast(dtype, strict=False)
    return frame.with_columns(pl.when(hit).then(pl.lit(odd).first()).otherwise(name).alias(name))


def _parquet_column(rng: Random, frame: pl.DataFrame) -> pl.DataFrame:
    name = rng.choice(frame.columns)
    match rng.randrange(5):
        case 0:
            return frame.drop(name)
        case 1:
            return frame.rename({name: f"{name} "})
        case 2:
            return frame.with_columns(pl.col(name).cast(rng.choice(_TYPES), strict=False))
        case 3:
            return frame.with_columns(pl.struct(name).alias(rng.choice([name, "nested"])))
        case _:
            return frame.with_columns(pl.col(name).implode().over(name).alias(name))


def _parquet_rows(rng: Random, frame: pl.DataFrame) -> pl.DataFrame:
    match rng.randrange(4):
        case 0:
            return frame.clear()
        case 1:
            return pl.concat([frame, frame])
        case 2:
            return frame.sample(fraction=1.0, shuffle=True, seed=rng.randrange(1_000))
        case _:
            return frame.head(rng.randrange(frame.height))


def damaged_parquet(rng: Random, data: bytes) -> bytes:
    """Damage a Parquet file: its rows and columns, or its bytes."""
    if rng.random() < 1 / 2:
        return damaged_bytes(rng, data)
    frame = pl.read_parquet(io.BytesIO(data))
    out = io.BytesIO()
    try:
        for _ in range(rng.choice([1, 1, 2])):
            if not frame.is_empty():
                change = rng.choice((*[_parquet_cell] * 4, _parquet_column, _parquet_rows))
                frame = change(rng, frame)
        frame.write_parquet(out, compression=rng.choice(["zstd", "uncompressed", "snappy"]))
    except pl.exceptions.PolarsError:
        return damaged_bytes(rng, data)
    return out.getvalue()
