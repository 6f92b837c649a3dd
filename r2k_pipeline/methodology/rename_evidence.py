"""Which run of a new symbol may go on an old symbol's line, and how strongly.

Holds the evidence for one pair of runs: what agrees, and how rare such an agreement
is among all listings of that session, so that a close of 10.00 that a hundred
blank-check companies share proves little and a close of 482.58 proves nearly all.
What each agreement is worth is `rename_weights`; choosing among the pairs of a
night is `rename_links`.
"""

from __future__ import annotations

import polars as pl

from r2k_pipeline.methodology.company_names import (
    Paper,
    class_letter,
    company_key,
    coupon,
    leading_word,
    number_in_name,
    paper,
    symbol_root,
    symbol_suffix,
)
from r2k_pipeline.methodology.rename_weights import (
    FAR_MOVE,
    is_blank_check,
    overnight_move,
    weights,
)

MAX_GAP_SESSIONS = 4
"""From the old symbol's last session to the new one's first: three may be missing between."""

# Rarity is never trusted further than this: one in some 8,000 lines.
_MOST_RARE = 9.0
# A close that a feed shows as a cent or less may be a nought that was rounded up.
_LEAST_CLOSE_USD = 0.01
_CLOSE_TOLERANCE_USD = 0.0051  # half a cent: both closes are rounded to cents
_FINE_CLOSE_TOLERANCE_USD = 0.00051  # below one dollar closes have four decimals
_SHARES_TOLERANCE = 1e-5  # caps are whole dollars
# A reverse split on the night of a rename: so many old shares make a new one, fractions rounded.
_MOST_JOINED, _JOINED_TOLERANCE = 250, 2e-4
# How often a symbol that shows another price overnight was given to another line.
_SWAPS_A_JUMP = 0.02
# How often a line ends, per session, and how often one of which nothing is known falls silent.
_ENDS_A_SESSION = 0.0006
_UNKNOWN_SILENCES, _UNKNOWN_SESSIONS = 0.2, 100
# An overnight move, as a logarithm, that a renamed line seldom exceeds.
_NEAR_MOVE = 0.1
_LINE = ("name", "close_usd", "market_cap_usd", "exchange", "country", "ipo_year", "industry")


def described_runs(runs: pl.DataFrame) -> pl.DataFrame:
    """Add to each run what its names say: `start_key`, `end_key`, `start_paper` and so on.

    Args:
        runs: `SymbolHistory.runs`.

    Example:
        >>> run = pl.DataFrame({"symbol": ["HAL^B"], "start_name": ["Halden Inc. 5% Series B"],
        ...     "end_name": ["Halden Inc. 5% Series B"]})
        >>> told = described_runs(run).row(0, named=True)
        >>> told["start_key"], told["start_paper"], told["end_root"], told["end_coupon"]
        ('halden inc', 'fixed', 'HAL', 5.0)
    """
    pairs = pl.concat(
        [runs.select("symbol", name="start_name"), runs.select("symbol", name="end_name")]
    ).unique()
    name, symbol = pl.col("name"), pl.col("symbol")
    told = (
        pairs.with_columns(key=company_key(name), paper=paper(name, symbol))
        .with_columns(
            word=leading_word(pl.col("key")),
            number=number_in_name(pl.col("key")),
            letter=class_letter(name),
            coupon=coupon(name),
            root=symbol_root(symbol, pl.col("paper")),
            suffix=symbol_suffix(symbol, pl.col("paper")),
        )
        .with_columns(key=pl.when(pl.col("key") != "").then("key"))
    )
    for end in ("start", "end"):
        renamed = told.rename({c: f"{end}_{c}" for c in told.columns if c != "symbol"})
        runs = runs.join(
            renamed, on=["symbol", f"{end}_name"], how="left", nulls_equal=True,
            maintain_order="left",
        )  # fmt: skip
    return runs


def rename_pairs(runs: pl.DataFrame, listings: pl.DataFrame, sessions: pl.Series) -> pl.DataFrame:
    """Weigh every pair of a new symbol and an old one that fell silent just before.

    Args:
        runs: Described runs, with `is_new` (the run cannot go on its symbol's own
            line) and `silent_until` (when the symbol was next seen on that line, or
            null).
        listings: Contract `raw_listings`; says how rare a close or a share count is.
        sessions: Every session; the index is the ordinal.

    Returns:
        `ordinal`, `run`, `old_run`, `odds` (natural logarithm), `evidence`,
        `is_proof` (more than the shape of the symbols agrees), `root`, `old_root`,
        `suffix`, `old_suffix`. Nothing later than the new symbol's first session
        is used: `silent_until` only tells whether the symbol was silent on it.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.methodology.symbol_runs import symbol_history
        >>> listings = pl.DataFrame({
        ...     "session": [date(2024, 6, 3), date(2024, 6, 4)], "exchange": "nyse",
        ...     "symbol": ["OLD", "NEW"], "name": "Halden Inc.", "close_usd": [20.5, 21.0],
        ...     "previous_close_usd": [19.0, 20.5], "market_cap_usd": [2.05e9, 2.1e9],
        ...     "country": None, "ipo_year": None, "industry": None,
        ... })
        >>> history = symbol_history(listings)
        >>> runs = described_runs(history.runs).with_columns(
        ...     is_new=pl.lit(True), silent_until=pl.lit(None, pl.Int32))
        >>> days = pl.Series(history.sessions)
        >>> rename_pairs(runs, listings, days).select("run", "old_run", "evidence").rows()
        [(1, 0, 'same_name+previous_close+share_count')]
    """
    births = runs.filter(pl.col("is_new") & (pl.col("start_ordinal") > 0))
    pairs = _neighbours(births, runs).with_columns(
        prior=(pl.col("is_over") / (1 + pl.col("is_over").sum().over("run"))).log(),
        shares=_shares("close_usd", "market_cap_usd"),
    )
    pairs = (
        pairs.with_columns(joined=_joined())
        .with_columns(**_agreements(), year=sessions.gather(pairs.get_column("ordinal")).dt.year())
        .with_columns(
            is_seasoned=_is_seasoned(),
            has_same_root_shape=(pl.col("suffix") == pl.col("old_suffix"))
            & (pl.col("suffix") != ""),
        )
    )
    pairs = pairs.with_columns(
        (pl.len().over("run") / pl.len().over("run", f"old_{name}")).log().alias(f"{name}_rarity")
        for name in ("country", "ipo_year", "industry")
    )
    proof = pl.any_horizontal(
        "is_same_name", "is_same_key", "is_same_close", "is_same_shares", "is_joined",
        "is_respelled", "is_seasoned",
    )  # fmt: skip
    pairs = pairs.with_columns(is_proof=proof).filter(
        pl.when("is_swap")
        .then(pl.col("is_same_close"))
        .otherwise(proof | pl.col("has_same_root_shape"))
    )
    pairs = _with_rarity(pairs, listings, sessions)
    return pairs.select(
        "ordinal", "run", "old_run", "is_proof", "root", "old_root", "suffix", "old_suffix",
        odds=pl.sum_horizontal("prior", *weights()),
        evidence=_evidence(),
    )  # fmt: skip


def _neighbours(births: pl.DataFrame, silences: pl.DataFrame) -> pl.DataFrame:
    """Pairs of one kind of paper, the old symbol last seen within the gap and silent on the day."""
    what = (*_LINE, "key", "paper", "word", "number", "letter", "coupon", "root", "suffix")
    new = births.select(
        "run", "symbol", pl.col("start_ordinal").alias("ordinal"),
        pl.col("start_previous_close_usd").alias("previous_close_usd"),
        *(pl.col(f"start_{name}").alias(name) for name in what),
    )  # fmt: skip
    old = silences.select(
        "silent_until",
        _is_over().alias("is_over"),
        old_run="run",
        old_symbol="symbol",
        old_ordinal="end_ordinal",
        old_shares="end_shares",
        **{f"old_{name}": f"end_{name}" for name in what},
    )
    gaps = pl.DataFrame({"gap": range(1, MAX_GAP_SESSIONS + 1)}, schema={"gap": pl.Int32})
    is_silent = pl.col("silent_until").is_null() | (pl.col("silent_until") > pl.col("ordinal"))
    is_swap = (pl.col("gap") == 1) & (pl.col("silent_until") == pl.col("ordinal"))
    return (
        new.join(gaps, how="cross")
        .with_columns(last=pl.col("ordinal") - pl.col("gap"))
        .join(old, left_on=["last", "paper"], right_on=["old_ordinal", "old_paper"])
        .filter((pl.col("symbol") != pl.col("old_symbol")) & (is_silent | is_swap))
        .with_columns(is_swap=is_swap.fill_null(value=False))
        .with_columns(is_over=pl.when("is_swap").then(_SWAPS_A_JUMP).otherwise("is_over"))
    )


def _is_over() -> pl.Expr:
    """How likely a silence is the end of a line, 0 to 1, by how often it was silent before."""
    silences = pl.int_range(pl.len()).over("symbol") + _UNKNOWN_SILENCES
    sessions = pl.col("end_ordinal") - pl.col("start_ordinal").first().over("symbol")
    rate = silences / (sessions + _UNKNOWN_SESSIONS)
    return _ENDS_A_SESSION / (_ENDS_A_SESSION + rate)


def _shares(close: str, cap: str) -> pl.Expr:
    return pl.when((pl.col(close) > 0) & (pl.col(cap) > 0)).then(pl.col(cap) / pl.col(close))


def _joined() -> pl.Expr:
    """How many old shares make a new one, if counts and prices agree that they do; else 1."""
    ratio = pl.col("old_shares") / pl.col("shares")
    whole = ratio.round()
    is_whole = (ratio / whole - 1).abs() < _JOINED_TOLERANCE
    is_reverse = is_whole & whole.is_between(2, _MOST_JOINED)
    move = (pl.col("close_usd") / (pl.col("old_close_usd") * whole)).log().abs()
    is_joined = (is_reverse & (move < FAR_MOVE)).fill_null(value=False)
    return pl.when(is_joined).then(whole).otherwise(1.0)


def _agreements() -> dict[str, pl.Expr]:
    """What is the same on both sides; null counts as no agreement."""
    previous, old = pl.col("previous_close_usd"), pl.col("old_close_usd")
    tolerance = pl.when(old < 1).then(_FINE_CLOSE_TOLERANCE_USD).otherwise(_CLOSE_TOLERANCE_USD)
    same_shares = (pl.col("shares") / pl.col("old_shares") - 1).abs() < _SHARES_TOLERANCE
    respelled = (
        (pl.col("root") == pl.col("old_root"))
        & (pl.col("suffix") == pl.col("old_suffix"))
        & (pl.col("suffix") != "")
        & (pl.col("word") == pl.col("old_word"))
    )
    found = {
        "is_same_name": pl.col("name") == pl.col("old_name"),
        "is_same_key": pl.col("key") == pl.col("old_key"),
        "is_same_close": (previous > _LEAST_CLOSE_USD)
        & (old > _LEAST_CLOSE_USD)
        & ((previous - old).abs() < tolerance),
        "is_same_shares": same_shares,
        "is_respelled": respelled,
        "is_joined": pl.col("joined") > 1,
    }
    return {name: agrees.fill_null(value=False) for name, agrees in found.items()}


def _is_seasoned() -> pl.Expr:
    """A new share line that was offered in the old one's year, and trades where it did.

    The vendor gives a renamed line on Nasdaq neither a previous close nor, on its
    first night, a size. But whatever is truly new was offered this year.
    """
    is_unknown = pl.col("previous_close_usd").fill_null(0) == 0
    return (
        (pl.col("paper") == Paper.SHARE.value)
        & (pl.col("gap") == 1)
        & is_unknown
        & (pl.col("ipo_year") == pl.col("old_ipo_year"))
        & (pl.col("ipo_year") < pl.col("year"))
        & ~is_blank_check("key")
        & (overnight_move() < _NEAR_MOVE)
    ).fill_null(value=False)


def _with_rarity(pairs: pl.DataFrame, listings: pl.DataFrame, days: pl.Series) -> pl.DataFrame:
    """`close_rarity` and `shares_rarity`: how much an equal close or share count says."""
    pairs = pairs.with_columns(session=days.gather(pairs.get_column("last")))
    sized = listings.lazy().select(
        "session", "close_usd", shares=_shares("close_usd", "market_cap_usd")
    )
    size = listings.group_by("session").agg(lines=pl.len())
    for column, agrees, rarity, digits in (
        ("close_usd", "is_same_close", "close_rarity", 2),
        ("shares", "is_same_shares", "shares_rarity", -2),
    ):
        value = _rounded(pl.col(column), digits)
        wanted = pairs.filter(agrees).select(
            "session", value=_rounded(pl.col(f"old_{column}"), digits)
        )
        counts = (
            sized.select("session", value=value)
            .join(wanted.unique().lazy(), on=["session", "value"], how="semi")
            .group_by("session", "value")
            .agg(alike=pl.len())
            .collect()
            .join(size, on="session")
            .select(
                "session",
                "value",
                (pl.col("lines") / pl.col("alike")).log().clip(0, _MOST_RARE).alias(rarity),
            )
        )
        pairs = (
            pairs.with_columns(value=_rounded(pl.col(f"old_{column}"), digits))
            .join(counts, on=["session", "value"], how="left")
            .drop("value")
        )
    return pairs


def _rounded(value: pl.Expr, digits: int) -> pl.Expr:
    """Whole steps of the size that two equal values may differ by."""
    return (value * 10.0**digits).round().cast(pl.Int64, strict=False)


def _evidence() -> pl.Expr:
    """The agreements by name, the strongest first."""
    named = (
        pl.when("is_same_name")
        .then(pl.lit("same_name"))
        .when("is_same_key")
        .then(pl.lit("same_company_name")),
        pl.when("is_same_close").then(pl.lit("previous_close")),
        pl.when("is_same_shares").then(pl.lit("share_count")),
        pl.when("is_joined").then(pl.lit("shares_joined")),
        pl.when("is_respelled").then(pl.lit("symbol_respelled")),
        pl.when("is_seasoned").then(pl.lit("offer_year_and_price")),
    )
    return pl.concat_str(*named, separator="+", ignore_nulls=True)
