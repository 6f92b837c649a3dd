"""Our members beside a list of the real ones: how many agree, and why the others do not.

Frames in, frames out. Symbols are compared as they were on the list's session,
without punctuation. Each disagreement gets the first cause that applies, from
what our tables say about the line on the rank day. Where a list comes from is
`sources.truth`; what is read of ours is `fidelity`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.edges import in_index
from r2k_pipeline.methodology.symbol_keys import matching_key
from r2k_pipeline.queries.fidelity_causes import NEAR_RANKS, Cause
from r2k_pipeline.rulebook.family import family

if TYPE_CHECKING:
    from datetime import date

    from r2k_pipeline.rulebook.rules import IndexRules

NO_INDEX = "none"
_SIDES = {"r1000": "large", "r2000": "small"}
_NAME_COLUMNS = (
    "index", "side", "symbol", "our_symbol", "name", "cause", "reason", "rank", "rank_distance",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class MemberComparison:
    """One list beside ours.

    Args:
        scores: One row per index that the list names: `index`, `ours`, `theirs`,
            `both` (lines), `precision_share`, `recall_share`, `f1_share`.
        confusion: `ours` (large, small, micro or none), `theirs` (r1000, r2000 or
            none), `lines`; empty unless the list names both sides.
        causes: `index`, `side` (missed or false), `cause`, `reason` (the
            rulebook's, or a line's type and whether its country is blank), `lines`,
            `median_rank_distance`, `sentence`; the most frequent first.
        names: One row per disagreement; for the user's screen only.
    """

    scores: pl.DataFrame
    confusion: pl.DataFrame
    causes: pl.DataFrame
    names: pl.DataFrame


def symbols_on(securities: pl.DataFrame, session: date) -> pl.DataFrame:
    """The symbol that each line bore on a session, or last before it.

    Args:
        securities: Contract `securities`.
        session: The session.

    Returns:
        One row per line that was listed by then: `security_id`, `company_id`,
        `line_symbol`, `line_name`, `is_listed` (whether still listed), `key`.
    """
    began = securities.filter(pl.col("first_session") <= session)
    return (
        began.sort("first_session", "security_id")
        .unique("security_id", keep="last", maintain_order=True)
        .select(
            "security_id",
            "company_id",
            line_symbol="symbol",
            line_name="name",
            is_listed=pl.col("last_session") >= session,
            key=matching_key(),
        )
    )


def line_standing(
    lines: pl.DataFrame,
    *,
    universe: pl.DataFrame,
    decisions: pl.DataFrame,
    boundaries: pl.DataFrame,
    held: pl.DataFrame,
    rules: IndexRules,
) -> pl.DataFrame:
    """Bring together what our tables say about each line at one event.

    Args:
        lines: As `symbols_on` gives them, for the list's session.
        universe: Contract `universe` of the rank day.
        decisions: Contract `reconstitution` of the event.
        boundaries: Contract `breakpoints` of the event.
        held: `security_id`, `segment` and `indexes` of the member lines on the session.
        rules: The rules in force on the rank day; read the counts.

    Returns:
        One row per `key`, the listed and eligible line first if several share
        one: `lines` plus `line_type`, `exclusion_reason`, `is_eligible` (null if
        not listed on the rank day), `country`, `rank`, `previous_indexes`,
        `decided_segment` and `decided_indexes` (the company's), `is_vehicle` (whether the
        decision was taken on this line), `is_in_band` (of the edge of the r1000),
        `member_segment` and `member_indexes` (null for no member) and the distances
        `to_large_ranks` and `to_total_ranks` (ranks below the last of the r1000 and of
        the r3000; negative above it).
    """
    judged = universe.select(
        "security_id", "line_type", "country", "is_eligible", "exclusion_reason"
    ).unique("security_id")
    members = held.select("security_id", member_segment="segment", member_indexes="indexes").unique(
        "security_id"
    )
    edge = boundaries.filter(pl.col("edge") == str(rules.large_cap_count))
    rank = pl.col("rank").cast(pl.Int64)
    return (
        lines.join(judged, on="security_id", how="left")
        .join(_decided(decisions, edge), on="company_id", how="left")
        .join(members, on="security_id", how="left")
        .with_columns(
            is_vehicle=pl.col("security_id").eq_missing(pl.col("vehicle_id")),
            to_large_ranks=rank - rules.large_cap_count,
            to_total_ranks=rank - rules.total_count,
        )
        .sort(
            pl.col("member_segment").is_null(),
            ~pl.col("is_listed"),
            ~pl.col("is_eligible").fill_null(value=False),
            "rank",
            "security_id",
            nulls_last=True,
        )
        .unique("key", keep="first", maintain_order=True)
    )


def _decided(decisions: pl.DataFrame, edge: pl.DataFrame) -> pl.DataFrame:
    """What was decided on each company, and whether it lies in the band around an edge."""
    in_band = pl.col("cumulative_market_cap_share").is_between(
        pl.lit(edge["lower_bound_share"].first(), pl.Float64),
        pl.lit(edge["upper_bound_share"].first(), pl.Float64),
    )
    return decisions.select(
        "company_id",
        "rank",
        "previous_indexes",
        decided_segment="segment",
        decided_indexes="indexes",
        is_in_band=in_band.fill_null(value=False),
        vehicle_id="security_id",
    )


def compare_members(listed: pl.DataFrame, standing: pl.DataFrame) -> MemberComparison:
    """Compare a list of members with ours.

    Args:
        listed: `symbol` and `index` (ids of the family), as a `TruthFile` has them.
        standing: As `line_standing` gives it for the list's session.

    Returns:
        The comparison. A list of both sides is compared as R3000 too.
    """
    theirs = _with_parent(listed.select("symbol", "index", key=matching_key()))
    indexes = theirs["index"].unique().sort().to_list()
    names = pl.concat(
        [_disagreements(theirs, standing, index_id) for index_id in indexes if index_id in family()]
    )
    return MemberComparison(
        scores=pl.DataFrame([_score(theirs, standing, index_id) for index_id in indexes]),
        confusion=_confusion(theirs, standing),
        causes=causes_counted(names),
        names=names,
    )


def _with_parent(theirs: pl.DataFrame) -> pl.DataFrame:
    named = set(theirs["index"])
    if not set(_SIDES) <= named or "r3000" in named:
        return theirs
    parent = theirs.filter(pl.col("index").is_in(list(_SIDES)))
    return pl.concat([theirs, parent.with_columns(index=pl.lit("r3000"))])


def _ours(standing: pl.DataFrame, index_id: str) -> pl.DataFrame:
    return standing.filter(in_index(index_id, "member_indexes"))


def _score(theirs: pl.DataFrame, standing: pl.DataFrame, index_id: str) -> dict[str, object]:
    """Precision, recall and F1 of one index."""
    ours = set(_ours(standing, index_id)["key"])
    truth = set(theirs.filter(pl.col("index") == index_id)["key"])
    both = len(ours & truth)
    return {
        "index": index_id,
        "ours": len(ours),
        "theirs": len(truth),
        "both": both,
        "precision_share": both / len(ours) if ours else None,
        "recall_share": both / len(truth) if truth else None,
        "f1_share": 2 * both / (len(ours) + len(truth)) if ours or truth else None,
    }


def _confusion(theirs: pl.DataFrame, standing: pl.DataFrame) -> pl.DataFrame:
    """Our segments against their sides; lines that are nowhere are not counted."""
    sides = theirs.filter(pl.col("index").is_in(list(_SIDES)))
    ours = standing.filter(pl.col("member_segment").is_not_null())
    counted = (
        ours.select("key", ours="member_segment")
        .join(sides.select("key", theirs="index"), on="key", how="full", coalesce=True)
        .with_columns(pl.col("ours", "theirs").fill_null(NO_INDEX))
        .group_by("ours", "theirs")
        .agg(lines=pl.len().cast(pl.Int64))
        .sort("ours", "theirs")
    )
    return counted if sides["index"].n_unique() == len(_SIDES) else counted.clear()


def _disagreements(theirs: pl.DataFrame, standing: pl.DataFrame, index_id: str) -> pl.DataFrame:
    """Every line in one of the two lists only, with its cause."""
    truth = theirs.filter(pl.col("index") == index_id)
    ours = _ours(standing, index_id)
    known = standing.rename({"key": "our_key"}).with_columns(key="our_key")
    missed = truth.join(ours, on="key", how="anti").join(known, on="key", how="left")
    false = ours.join(truth, on="key", how="anti").join(
        theirs.filter(pl.col("index") != "r3000", pl.col("index") != index_id)
        .select("key", other_index="index")
        .unique("key"),
        on="key",
        how="left",
    )
    held_companies = ours["company_id"].unique().implode()
    listed_companies = standing.join(truth, on="key", how="semi")["company_id"].unique().implode()
    return pl.concat(
        [
            disagreements_named(
                missed, index_id, side="missed", cause=missed_cause(index_id, held_companies)
            ),
            disagreements_named(
                false.with_columns(symbol="line_symbol"),
                index_id,
                side="false",
                cause=_false_cause(listed_companies),
            ),
        ]
    )


def missed_cause(index_id: str, held_companies: pl.Series) -> pl.Expr:
    """The first cause that applies to a line that they have and we do not."""
    is_decided = in_index(index_id, "decided_indexes")
    other_side = pl.col("decided_segment").is_in(list(_SIDES.values())) & ~is_decided
    return (
        pl.when(~pl.col("is_listed").fill_null(value=False)).then(pl.lit(Cause.NOT_LISTED))
        .when(pl.col("company_id").is_in(held_companies)).then(pl.lit(Cause.OTHER_LINE))
        .when(pl.col("is_eligible").is_null()).then(pl.lit(Cause.NOT_LISTED_ON_RANK_DAY))
        .when(~pl.col("is_eligible")).then(pl.lit(Cause.EXCLUDED))
        .when(other_side & pl.col("is_in_band")).then(pl.lit(Cause.WRONG_SIDE_IN_BAND))
        .when(other_side).then(pl.lit(Cause.WRONG_SIDE))
        .when(pl.col("to_total_ranks") > 0).then(pl.lit(Cause.RANKED_TOO_LOW))
        .when(is_decided).then(pl.lit(Cause.LEFT_SINCE))
        .otherwise(pl.lit(Cause.UNEXPLAINED))
        .cast(pl.String)
    )  # fmt: skip


def _false_cause(listed_companies: pl.Series) -> pl.Expr:
    """The first cause that applies to a line that we have and they do not."""
    return (
        pl.when(pl.col("other_index").is_not_null() & pl.col("is_in_band"))
        .then(pl.lit(Cause.WRONG_SIDE_IN_BAND))
        .when(pl.col("other_index").is_not_null()).then(pl.lit(Cause.WRONG_SIDE))
        .when(pl.col("company_id").is_in(listed_companies)).then(pl.lit(Cause.OTHER_LINE))
        .when(pl.col("is_eligible").is_null()).then(pl.lit(Cause.NOT_LISTED_ON_RANK_DAY))
        .when(pl.col("to_total_ranks").abs() <= NEAR_RANKS).then(pl.lit(Cause.NEAR_THE_CUT))
        .otherwise(pl.lit(Cause.ONLY_OURS))
        .cast(pl.String)
    )  # fmt: skip


def disagreements_named(
    rows: pl.DataFrame, index_id: str, *, side: str, cause: pl.Expr
) -> pl.DataFrame:
    """Give disagreements the columns of `MemberComparison.names`.

    Args:
        rows: Their `symbol`, and `line_standing` where the line is known.
        index_id: The index that they are about.
        side: `missed` or `false`.
        cause: An expression over `rows`.
    """
    sided = pl.col("cause").is_in([Cause.WRONG_SIDE, Cause.WRONG_SIDE_IN_BAND])
    placed = pl.col("cause").is_in([Cause.RANKED_TOO_LOW, Cause.NEAR_THE_CUT, Cause.ONLY_OURS])
    excluded = pl.col("cause") == Cause.EXCLUDED
    typed = pl.col("cause") == Cause.ONLY_OURS
    return (
        rows.with_columns(
            index=pl.lit(index_id), side=pl.lit(side), cause=cause, our_symbol="line_symbol"
        )
        .with_columns(
            name="line_name",
            reason=pl.when(excluded).then("exclusion_reason").when(typed).then(_described()),
            rank_distance=pl.when(sided).then("to_large_ranks").when(placed).then("to_total_ranks"),
        )
        .select(_NAME_COLUMNS)
        .sort("cause", "reason", "rank", "symbol", nulls_last=True)
    )


def _described() -> pl.Expr:
    """What kind of line it is, and whether the feed is silent on its country."""
    silent = pl.when(pl.col("country").is_null()).then(pl.lit("_country_blank"))
    return pl.concat_str("line_type", silent.otherwise(pl.lit("")))


def causes_counted(names: pl.DataFrame) -> pl.DataFrame:
    """Count disagreements by cause and reason; see `MemberComparison.causes`."""
    sentences = {cause.value: cause.sentence for cause in Cause}
    return (
        names.group_by("index", "side", "cause", "reason")
        .agg(
            lines=pl.len().cast(pl.Int64),
            median_rank_distance=pl.col("rank_distance").median(),
        )
        .with_columns(sentence=pl.col("cause").replace_strict(sentences, return_dtype=pl.String))
        .sort(
            ["index", "side", "lines", "cause", "reason"],
            descending=[False, True, True, False, False],
            nulls_last=True,
        )
    )
