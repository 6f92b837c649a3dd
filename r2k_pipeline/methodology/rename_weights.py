"""What each agreement between an old symbol and a new one is worth.

Holds the weights, as addends of the natural logarithm of the odds that both are one
line, and the one place where they are read out of a pair. They were set by reading
pairs in the feed, and one by one they are round numbers on purpose: what decides is
rarity, which `rename_evidence` counts on the night itself. To add evidence, add its
column there and its weight here.
"""

from __future__ import annotations

import polars as pl

from r2k_pipeline.methodology.company_names import Paper

# Names: to the letter, with the coupon of a note, by company key, by their first word only.
_SAME_NAME, _SAME_NOTE, _SAME_KEY, _SAME_ISSUER, _SAME_WORD = 7.0, 9.0, 6.0, 3.0, 2.5
# Overnight moves, as absolute logarithms, and what a price that near is worth; beyond, it speaks
# against, unless the share counts show a reverse split in that very night.
_NEAR_MOVES = ((0.03, 2.5), (0.1, 2.0), (0.25, 1.0))
FAR_MOVE, _FAR = 0.7, -2.0
# The vendor shows the offer price as the close before a first session, and offers are in dollars.
_OFFER_PRICE_RARITY = 3.0
# Share counts that differ by less than this are one count of two days.
_NEAR_SHARES, _NEAR_COUNT = 0.02, 3.0
# How often the counts of two companies are whole multiples of one another by chance, per multiple.
_WHOLE_BY_CHANCE = 4e-4
# Whatever is truly new was offered this year.
_SEASONED = 2.3
_RESPELLED = 9.0
# Series D of a company is not its series E, though all else agrees.
_OTHER_SERIES, _OTHER_COUPON, _OTHER_LETTER, _OTHER_NUMBER = -6.0, -4.0, -4.0, -5.0
# A blank-check company does not become another, nor a warrant another company's.
_OTHER_BLANK_CHECK, _OTHER_PAPER = -5.0, -3.0
# Attributes of a company: most that an equal one is worth, and what another one is.
_COUNTRY, _OFFER_YEAR, _INDUSTRY = (2.0, -1.5), (2.0, -2.0), (3.0, -0.5)
_EXCHANGE, _SAME_DETAIL = (0.3, -1.0), 1.0
_MISSING_SESSION = -1.0
_BLANK_CHECK = r"\b(?:acquisitions?|spac|merger|opportunit(?:y|ies)|blank check)\b"


def weights() -> list[pl.Expr]:
    """Return every weight as an expression over a frame of pairs; null is no evidence.

    Example:
        >>> len(weights()) > 10
        True
    """
    is_other = ~(pl.col("word") == pl.col("old_word")).fill_null(value=False)
    is_share = pl.col("paper") == Paper.SHARE.value
    both_blank = is_blank_check("key") & is_blank_check("old_key")
    other_number = ~is_other & (pl.col("number") != pl.col("old_number"))
    return [
        _name(),
        _price(),
        _shares(),
        pl.when("is_seasoned").then(_SEASONED),
        pl.when("is_respelled").then(_RESPELLED),
        _series(),
        pl.when(is_other & both_blank).then(_OTHER_BLANK_CHECK),
        pl.when(is_other & ~is_share).then(_OTHER_PAPER),
        pl.when(other_number).then(_OTHER_NUMBER),
        _detail("coupon", _OTHER_COUPON),
        _detail("letter", _OTHER_LETTER),
        _attribute("country", *_COUNTRY),
        _attribute("ipo_year", *_OFFER_YEAR),
        _attribute("industry", *_INDUSTRY),
        _equal("exchange", pl.lit(_EXCHANGE[0]), _EXCHANGE[1]),
        _MISSING_SESSION * (pl.col("gap") - 1),
    ]


def overnight_move() -> pl.Expr:
    """How far the price moved between the two symbols, as an absolute logarithm.

    `joined` old shares made a new one in that night.

    Example:
        >>> pair = pl.DataFrame({"previous_close_usd": [0.0], "close_usd": [9.0],
        ...     "old_close_usd": [0.9], "joined": [10.0]})
        >>> pair.select(overnight_move()).item()
        0.0
    """
    shown = pl.when(pl.col("previous_close_usd") > 0).then("previous_close_usd")
    before = pl.col("old_close_usd") * pl.col("joined")
    return (shown.fill_null(pl.col("close_usd")) / before).log().abs()


def is_blank_check(key: str) -> pl.Expr:
    """Whether a company key is that of a company that looks for a business to buy.

    Example:
        >>> names = pl.DataFrame({"key": ["halden acquisition corp ii", "halden inc"]})
        >>> names.select(is_blank_check("key")).to_series().to_list()
        [True, False]
    """
    return pl.col(key).str.contains(_BLANK_CHECK).fill_null(value=False)


def _name() -> pl.Expr:
    """Notes and preferred lines of one issuer share most of a name, so theirs says less."""
    is_fixed = pl.col("paper") == Paper.FIXED.value
    return (
        pl.when(pl.col("is_same_name") & ~is_fixed)
        .then(_SAME_NAME)
        .when(pl.col("is_same_name") & pl.col("coupon").is_not_null())
        .then(_SAME_NOTE)
        .when(pl.col("is_same_key") & ~is_fixed)
        .then(_SAME_KEY)
        .when("is_same_key")
        .then(_SAME_ISSUER)
        .when(pl.col("word") == pl.col("old_word"))
        .then(_SAME_WORD)
    )


def _price() -> pl.Expr:
    """The vendor's previous close by its rarity, or else how near the prices are."""
    is_offer = pl.col("previous_close_usd") == pl.col("previous_close_usd").round()
    most = pl.when(is_offer).then(_OFFER_PRICE_RARITY).otherwise(float("inf"))
    move = overnight_move()
    near = pl.coalesce(
        *(pl.when(move < limit).then(worth) for limit, worth in _NEAR_MOVES),
        pl.when(move > FAR_MOVE).then(_FAR),
    )
    return pl.when("is_same_close").then(pl.min_horizontal("close_rarity", most)).otherwise(near)


def _shares() -> pl.Expr:
    near = (pl.col("shares") / pl.col("old_shares")).log().abs() < _NEAR_SHARES
    return (
        pl.when("is_same_shares")
        .then("shares_rarity")
        .when("is_joined")
        .then(-(_WHOLE_BY_CHANCE * pl.col("joined")).log())
        .when(near)
        .then(_NEAR_COUNT)
    )


def _series() -> pl.Expr:
    is_fixed = pl.col("paper") == Paper.FIXED.value
    is_sibling = (pl.col("root") == pl.col("old_root")) & (pl.col("suffix") != pl.col("old_suffix"))
    return pl.when(is_fixed & is_sibling).then(_OTHER_SERIES)


def _detail(column: str, differs: float) -> pl.Expr:
    return _equal(column, pl.lit(_SAME_DETAIL), differs)


def _attribute(column: str, most: float, differs: float) -> pl.Expr:
    """An equal value by how few of the night's silent lines have it."""
    return _equal(column, pl.col(f"{column}_rarity").clip(0, most), differs)


def _equal(column: str, agrees: pl.Expr, differs: float) -> pl.Expr:
    """Nothing if either side is silent."""
    new, old = pl.col(column), pl.col(f"old_{column}")
    return pl.when(new == old).then(agrees).when(new != old).then(differs)
