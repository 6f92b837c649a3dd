"""Every reader of a file that somebody else wrote: good examples, and what is read from them.

A reader takes bytes and a folder to put them in, reads them as the pipeline does, and asserts
that what was accepted has the shape that its contract or docstring promises. Add a reader to
`READERS` when the package learns to read another file. Keep out the damage (`mutations`).
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.rulebook.family import family_with
from r2k_pipeline.rulebook.identity_overrides import (
    OVERRIDES_FILE,
    IdentityOverride,
    LinkKind,
    parse_identity_overrides,
)
from r2k_pipeline.rulebook.reference_facts import read_facts
from r2k_pipeline.rulebook.sessions import is_session
from r2k_pipeline.rulebook.withholding import read_rates
from r2k_pipeline.sources.float_file import COLUMNS as FLOAT_COLUMNS
from r2k_pipeline.sources.float_file import read_floats
from r2k_pipeline.sources.fundamentals_file import VARIABLES, read_fundamentals
from r2k_pipeline.sources.member_list import SEGMENTS, read_member_list
from r2k_pipeline.sources.truth.folder import read_truth
from r2k_pipeline.sources.truth.truth_file import TruthKind
from r2k_pipeline_tests.hostile.archives_read import (
    DAY,
    SNAPSHOT,
    bundle_bytes,
    damaged_git_file,
    git_examples,
    named,
    only_finite,
    read_bundle,
    read_git_content,
    read_git_files,
    read_snapshot,
    read_year,
    year_bytes,
)
from r2k_pipeline_tests.hostile.mutations import (
    damaged_bytes,
    damaged_csv,
    damaged_json,
    damaged_parquet,
    damaged_yaml,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

_ROOT = Path(__file__).resolve().parents[2]
_REFERENCE = _ROOT / "r2k_pipeline" / "rulebook" / "reference"
_SHOWN_ROWS = 12


@dataclass(frozen=True, kw_only=True)
class Reader:
    """One reader under test.

    Args:
        name: What it reads.
        examples: Good inputs; each is accepted.
        damage: How they are damaged.
        read: Reads an input in a folder of its own, and asserts what it gave.
        one_in: Only every so many-th of the inputs: some readers start processes.
    """

    name: str
    examples: tuple[bytes, ...]
    damage: Callable[[Random, bytes], bytes]
    read: Callable[[bytes, Path], None]
    one_in: int = 1


def _member_list(data: bytes, _: Path) -> None:
    members = read_member_list(data, file="members.csv")
    assert members.schema == {"symbol": pl.String, "segment": pl.String}
    named(members, "symbol")
    assert set(members["segment"]) <= {str(segment) for segment in SEGMENTS.values()}


def _fundamentals(data: bytes, _: Path) -> None:
    found = read_fundamentals(data, file="fundamentals.csv")
    assert found.columns == ["event_id", "symbol", *VARIABLES, "analysts"]
    only_finite(found)
    named(found, "event_id", "symbol")
    assert not (found["analysts"] < 0).any()
    assert not found.select(pl.struct("event_id", "symbol").is_duplicated()).to_series().any()


def _floats(data: bytes, _: Path) -> None:
    found = read_floats(data, file="floats.csv")
    assert found.columns == list(FLOAT_COLUMNS)
    named(found, "symbol", "source", "certainty")
    assert found["float_factor"].is_between(0.0, 1.0, closed="right").all()
    assert all(is_session(day) for day in found["session"].unique())


def _truth(name: str, kind: TruthKind) -> Callable[[bytes, Path], None]:
    def read(data: bytes, folder: Path) -> None:
        path = folder / name
        path.write_bytes(data)
        (found,) = read_truth(path)
        assert not found.rows.is_empty()
        only_finite(found.rows)
        if found.session is not None:
            assert is_session(found.session)
        if "symbol" in found.rows.columns:
            named(found.rows, "symbol")
        if found.kind is kind:
            assert found.rows.schema == GOOD_TRUTH[name]

    return read


def _family(data: bytes, folder: Path) -> None:
    path = folder / "family.yaml"
    path.write_bytes(data)
    (folder / "not_these.csv").write_text("symbol\nHAL\n", encoding="utf-8")
    for definition in family_with(path).values():
        assert definition.name.strip()
        assert 1 <= definition.first_rank <= definition.last_rank
        assert isfinite(definition.base_value)
        assert definition.base_value > 0
        assert definition.band is None or 0 <= definition.band < 1


def _excluding(data: bytes, folder: Path) -> None:
    path = folder / "family.yaml"
    path.write_text(
        "indexes: {r9: {name: Nine, ranks: [1, 9], excluding: x.csv}}", encoding="utf-8"
    )
    (folder / "x.csv").write_bytes(data)
    symbols = family_with(path)["r9"].excluding
    assert len(set(symbols)) == len(symbols)
    assert all(symbol == symbol.strip() != "" for symbol in symbols)


def _overrides(data: bytes, _: Path) -> None:
    for override in parse_identity_overrides(data.decode("utf-8", "replace"), file=OVERRIDES_FILE):
        assert isinstance(override, IdentityOverride)
        assert isinstance(override.link, LinkKind)
        assert all((override.symbol, override.person, override.reason, override.source))


def _facts(table: str) -> Callable[[bytes, Path], None]:
    def read(data: bytes, _: Path) -> None:
        facts = read_facts(table, data.decode("utf-8", "replace"))
        only_finite(facts)
        named(facts, "symbol", "company", "source", "certainty")

    return read


def _rates(data: bytes, _: Path) -> None:
    rates = read_rates(data.decode("utf-8", "replace"))
    assert rates["withholding_rate"].is_between(0.0, 1.0).all()


def _parquet(frame: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.write_parquet(out)
    return out.getvalue()


def _head(file: str) -> bytes:
    """The first rows of a shipped file of facts."""
    return b"".join((_REFERENCE / file).read_bytes().splitlines(keepends=True)[:_SHOWN_ROWS])


_FLOAT_ROWS = pl.DataFrame(
    {
        "session": [DAY, DAY], "symbol": ["HAL", "BRK.B"], "float_factor": [0.85, 1.0],
        "source": ["10-K 2021", "a vendor"], "certainty": ["reported", "reported"],
    }
)  # fmt: skip
_FUNDAMENTALS = (
    b"event,symbol,book_to_price,growth_forecast,sales_growth,analysts\n"
    b"2022-06,HAL,0.7,0.1,0.05,2\n2022-06,BRK.B,,,-0.1,\n"
)
_HOLDINGS = (
    'Some Russell 2000 ETF\nFund Holdings as of,"Jun 27, 2022"\nStock,"-"\n\n'
    'Ticker,Name,Asset Class,Weight (%),Exchange\n"HAL","HALDEN","Equity","5.25","NYSE"\n'
    '"BRKB","B, CLASS B","Equity","1,234.5","NYSE"\n"XTSLA","CASH","Cash","0.1","-"\n\n"Legal"\n'
)
_FAMILY = (
    "indexes:\n  r500:\n    name: The five hundred\n    ranks: [1, 500]\n    band: 0.025\n"
    "    base_value: 100\n    weighting: free_float_market_cap\n    sectors: [Finance]\n"
    "    cap: {company: 0.1, large: 0.05, large_total: 0.4}\n    excluding: not_these.csv\n"
    "  even:\n    name: Even\n    ranks: [501, 900]\n    weighting: equal\n"
)
_TRUTH = {
    "members_2022-06-27.csv": (TruthKind.MEMBERS, "symbol,index\nHAL,R1000\nBRK.B,R2000\n"),
    "changes_2022-06-27.csv": (TruthKind.CHANGES, "symbol,action,index\nHAL,addition,R2000\n"),
    "rut_levels.csv": (TruthKind.LEVELS, "date,price_level\n2022-06-27,1700.5\n2022-06-28,1688\n"),
    "figures.csv": (
        TruthKind.FIGURES,
        "year,rank_day,breakpoint_usd_bn,r3000_additions\n2022,2022-05-06,4.6,207\n",
    ),
    "floats_2022-06-27.csv": (TruthKind.FLOATS, "symbol,float_factor\nHAL,0.9\nABC,0.5\n"),
    "IWM_holdings.csv": (TruthKind.HOLDINGS, _HOLDINGS),
}


def _truth_schemas() -> dict[str, pl.Schema]:
    schemas = {}
    with TemporaryDirectory() as folder:
        for name, (_, text) in _TRUTH.items():
            path = Path(folder) / name
            path.write_text(text, encoding="utf-8")
            (found,) = read_truth(path)
            schemas[name] = found.rows.schema
    return schemas


GOOD_TRUTH = _truth_schemas()

READERS = (
    Reader(name="snapshot_json", examples=(SNAPSHOT,), damage=damaged_json, read=read_snapshot),
    Reader(name="year_file", examples=(year_bytes(),), damage=damaged_parquet, read=read_year),
    Reader(
        name="git_content",
        examples=(SNAPSHOT,),
        damage=damaged_json,
        read=read_git_content,
        one_in=20,
    ),
    Reader(
        name="git_files",
        examples=git_examples(),
        damage=damaged_git_file,
        read=read_git_files,
        one_in=10,
    ),
    Reader(
        name="git_bundle",
        examples=(bundle_bytes(),),
        damage=damaged_bytes,
        read=read_bundle,
        one_in=20,
    ),
    Reader(
        name="member_list",
        examples=(b"symbol,index\nHAL,R1000\nBRK.B,small\n",),
        damage=damaged_csv,
        read=_member_list,
    ),
    Reader(
        name="fundamentals",
        examples=(_FUNDAMENTALS,),
        damage=damaged_csv,
        read=_fundamentals,
    ),
    Reader(
        name="floats_csv",
        examples=(_FLOAT_ROWS.write_csv().encode(),),
        damage=damaged_csv,
        read=_floats,
    ),
    Reader(
        name="floats_parquet",
        examples=(_parquet(_FLOAT_ROWS),),
        damage=damaged_parquet,
        read=_floats,
    ),
    *(
        Reader(
            name=f"truth_{kind}",
            examples=(text.encode(),),
            damage=damaged_csv,
            read=_truth(name, kind),
        )
        for name, (kind, text) in _TRUTH.items()
    ),
    Reader(name="family", examples=(_FAMILY.encode(),), damage=damaged_yaml, read=_family),
    Reader(
        name="family_excluding",
        examples=(b"symbol,why\nHAL,own\nBRK.B,own\n",),
        damage=damaged_csv,
        read=_excluding,
    ),
    Reader(
        name="identity_overrides",
        examples=(_head("identity_overrides.csv"),),
        damage=damaged_csv,
        read=_overrides,
    ),
    *(
        Reader(
            name=f"facts_{table}",
            examples=(_head(f"{table}.csv"),),
            damage=damaged_csv,
            read=_facts(table),
        )
        for table in (
            "home_countries",
            "issuer_kinds",
            "public_votes",
            "settled_doubts",
            "share_counts",
            "unlisted_shares",
        )
    ),
    Reader(
        name="withholding_rates",
        examples=(_head("withholding_rates.csv"),),
        damage=damaged_csv,
        read=_rates,
    ),
)
