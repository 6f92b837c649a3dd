"""How many faults the repairs catch, and how often they cry wolf, on real listings.

A thousand faults of eight kinds are put into stretches of real lines whose shares
stand still, each line at most once, and the repairs are run over everything. A
false alarm is a repair or quarantine of a value that the following sessions prove
right. Add a kind with its function in `KINDS`.
"""

from __future__ import annotations

import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
from rich.console import Console
from rich.table import Table

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import empty_frame
from r2k_pipeline.methodology.corporate_actions import resolve_actions
from r2k_pipeline.methodology.identity import link_securities
from r2k_pipeline.methodology.line_types import line_type
from r2k_pipeline.methodology.repairs import repair_listings
from r2k_pipeline.methodology.share_history import CONTEXT_SESSIONS
from r2k_pipeline.rulebook.reasons import RepairRule
from r2k_pipeline.sources.registry import open_source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

ROOT = Path(__file__).resolve().parents[1]
LISTINGS = ROOT.parent / "shared" / "data" / "us_universe"
FAULTS = 1000
SEED = 20220624

# Sessions on either side of a fault in which the shares of its line stand still.
QUIET_BEFORE, QUIET_AFTER = 40, 30
QUIET, QUIET_MOVE = 0.01, 0.5
# A value is proved right by the median of so many sessions from its own on.
PROOF_SESSIONS, PROOF = 40, 0.05
MENDED = 0.01
LEAST_CAP_USD, LEAST_CLOSE_USD = 30e6, 1.0
SPLIT_RULES = (RepairRule.SHARES_NOT_SPLIT, RepairRule.REVERSE_SPLIT_ON_PRICE_ONLY)
CAUGHT_GOAL, ALARM_GOAL = 0.99, 0.001

SPLITS = (1.5, 2.0, 3.0, 4.0, 5.0, 10.0, 20.0)
REVERSE_SPLITS = (2.0, 4.0, 5.0, 8.0, 10.0, 15.0, 20.0, 25.0, 40.0)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is done to one line: caps for some sessions, and prices from a session on.

    `cap_factor` is None for a blank cap. `split_after` sessions into the fault the
    close is divided by `split`.
    """

    kind: str
    cap_factor: float | None
    sessions: int
    split: float = 1.0
    split_after: int = 0


def _spike(dice: random.Random) -> Fault:
    factor = 10 ** dice.uniform(1.0, 2.477)
    return Fault(kind="cap x10 to x300", cap_factor=factor, sessions=dice.randint(1, 3))


def _tenth(dice: random.Random) -> Fault:
    return Fault(kind="cap / 10", cap_factor=0.1, sessions=dice.randint(1, 3))


def _early(dice: random.Random) -> Fault:
    split, sessions = dice.choice(SPLITS), dice.randint(1, 8)
    return Fault(
        kind="shares split early", cap_factor=split, sessions=sessions, split=split,
        split_after=sessions,
    )  # fmt: skip


def _late(dice: random.Random) -> Fault:
    split = dice.choice(SPLITS)
    return Fault(
        kind="shares split late", cap_factor=1 / split, sessions=dice.randint(1, 8), split=split
    )


def _reverse(dice: random.Random) -> Fault:
    count = dice.choice(REVERSE_SPLITS)
    return Fault(
        kind="reverse split on price only", cap_factor=count, sessions=dice.randint(1, 25),
        split=1 / count,
    )  # fmt: skip


def _blank(dice: random.Random) -> Fault:
    return Fault(kind="blank cap", cap_factor=None, sessions=dice.randint(1, 8))


def _zero(dice: random.Random) -> Fault:
    return Fault(kind="zero cap", cap_factor=0.0, sessions=dice.randint(1, 8))


def _class_level(dice: random.Random) -> Fault:
    share = dice.uniform(0.1, 0.9)
    return Fault(
        kind="class's cap for the company's", cap_factor=share, sessions=dice.randint(1, 8)
    )


KINDS: tuple[Callable[[random.Random], Fault], ...] = (
    _spike, _tenth, _early, _late, _reverse, _blank, _zero, _class_level,
)  # fmt: skip


def with_shares(listings: pl.DataFrame, securities: pl.DataFrame) -> pl.DataFrame:
    """Listings in order of lines with their company, implied shares and place in the line."""
    spans = securities.select("symbol", "security_id", "company_id", "first_session")
    close, cap = pl.col("close_usd"), pl.col("market_cap_usd")
    return (
        listings.with_row_index("listing")
        .sort("session", maintain_order=True)
        .join_asof(
            spans.sort("first_session"), left_on="session", right_on="first_session", by="symbol",
            check_sortedness=False,
        )
        .sort("security_id", "session")
        .with_columns(
            log_shares=pl.when((close > 0) & (cap > 0)).then((cap / close).log()),
            place=pl.int_range(pl.len()).over("security_id"),
        )
    )  # fmt: skip


def quiet_places(lines: pl.DataFrame, start: date) -> pl.DataFrame:
    """Where a fault can be put: `security_id`, `company_id`, `place`, `has_sibling`.

    The shares stand still around it and the close moves like a close. A line has a
    sibling if another one of its company has had the same count of shares.
    """
    width = QUIET_BEFORE + QUIET_AFTER + 1
    shares = pl.col("log_shares")
    spread = shares.rolling_max(width, min_samples=width) - shares.rolling_min(
        width, min_samples=width
    )
    move = (pl.col("close_usd") / pl.col("previous_close_usd")).log().abs()
    own = pl.col("security_id").shift(width - 1) == pl.col("security_id")
    eligible = (
        (pl.col("market_cap_usd") > LEAST_CAP_USD)
        & (pl.col("close_usd") >= LEAST_CLOSE_USD)
        & line_type().is_in(["common", "reit"])
    )
    found = lines.with_columns(
        is_quiet=(own & (spread < QUIET) & (move.rolling_max(width) < QUIET_MOVE)).shift(
            -QUIET_AFTER
        ),
        counted=shares.round(2),
    ).filter((pl.col("is_quiet") & eligible).fill_null(value=False) & (pl.col("session") >= start))
    siblings = pl.len().over("company_id", "session", "counted") > 1
    return found.select("security_id", "company_id", "place", has_sibling=siblings)


def choose_faults(places: pl.DataFrame, *, faults: int, seed: int) -> pl.DataFrame:
    """One row a fault: which line, from which place on, and what; each line at most once."""
    dice = random.Random(seed)  # noqa: S311 - nothing secret: the same faults on every run
    shuffled = places.sort("security_id", "place").sample(
        fraction=1.0, shuffle=True, seed=seed
    ).unique("company_id", keep="first", maintain_order=True)  # fmt: skip
    single = iter(shuffled.filter(~pl.col("has_sibling")).rows(named=True))
    paired = iter(_paired(places, seed).rows(named=True))
    rows: list[Mapping[str, object]] = []
    for number in range(2 * faults):
        if len(rows) == faults:
            break
        make = KINDS[number % len(KINDS)]
        fault = make(dice)
        place = next(paired if make is _class_level else single, None)
        if place is not None:
            rows.append({**place, **vars(fault), "fault": number})
    return pl.DataFrame(rows, schema_overrides={"cap_factor": pl.Float64})


def _paired(places: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Places in lines with siblings: several a line, if they are a context apart."""
    slot = pl.col("place") // (CONTEXT_SESSIONS + QUIET_AFTER)
    return (
        places.filter("has_sibling")
        .sort("security_id", "place")
        .sample(fraction=1.0, shuffle=True, seed=seed)
        .filter(pl.col("place") % (CONTEXT_SESSIONS + QUIET_AFTER) > QUIET_BEFORE)
        .with_columns(slot=slot)
        .unique(["company_id", "slot"], keep="first", maintain_order=True)
        .drop("slot")
    )


def injected(lines: pl.DataFrame, faults: pl.DataFrame) -> pl.DataFrame:
    """The lines with every fault in them.

    In addition `fault` and `kind` on the faulty rows, `split_total` and
    `true_cap_usd` on all.
    """
    touched = faults.select(
        "security_id", "fault", "kind", "cap_factor", "sessions", "split", "split_after",
        start="place",
    )  # fmt: skip
    joined = lines.join(touched, on="security_id", how="inner").with_columns(
        since=pl.col("place") - pl.col("start")
    )
    nearest = (
        joined.filter(pl.col("since") >= 0).sort("listing", "since").unique("listing", keep="first")
    )
    is_faulty = pl.col("since") < pl.col("sessions")
    split = pl.when(pl.col("since") >= pl.col("split_after")).then("split").otherwise(1.0)
    factor = pl.when(is_faulty).then("cap_factor").otherwise(1.0)
    changes = nearest.select(
        "listing", split_total=split, factor=factor,
        fault=pl.when(is_faulty).then("fault"), kind=pl.when(is_faulty).then("kind"),
    )  # fmt: skip
    ratio = pl.col("split_total").fill_null(1.0)
    is_untouched = pl.col("split_total").is_null()
    return lines.join(changes, on="listing", how="left", maintain_order="left").with_columns(
        true_cap_usd="market_cap_usd",
        close_usd=pl.col("close_usd") / ratio,
        previous_close_usd=pl.col("previous_close_usd") / ratio,
        volume_shares=(pl.col("volume_shares") * ratio).cast(pl.Int64),
        market_cap_usd=pl.when(is_untouched)
        .then("market_cap_usd")
        .otherwise(pl.col("market_cap_usd") * pl.col("factor")),
    )


def repaired(lines: pl.DataFrame, securities: pl.DataFrame, start: date) -> pl.DataFrame:
    """Lines with what the repairs make of them; all columns of `lines` stay."""
    listings = lines.sort("session", "exchange", "symbol")
    sessions = listings["session"].unique().sort().to_list()
    actions = resolve_actions(
        listings, empty_frame(contract("reported_actions")), securities, start=sessions[0],
        sessions=sessions,
    )  # fmt: skip
    return repair_listings(listings, securities, actions, start=start, sessions=sessions)


def _is_alarm() -> pl.Expr:
    rules = [rule.value for rule in RepairRule if not rule.is_flag]
    return pl.col("repair_rule").is_in(rules).fill_null(value=False)


def score_faults(result: pl.DataFrame) -> pl.DataFrame:
    """One row a kind: faults, how many were caught and mended on each of their sessions."""
    error = (pl.col("market_cap_usd") / pl.col("true_cap_usd") - 1).abs()
    is_mended = ((error < MENDED) & (pl.col("quarantine_reason").is_null())).fill_null(value=False)
    return (
        result.filter(pl.col("fault").is_not_null())
        .group_by("kind", "fault")
        .agg(is_caught=_is_alarm().all(), is_mended=is_mended.all())
        .group_by("kind")
        .agg(
            injected=pl.len(),
            caught=pl.col("is_caught").sum(),
            mended=pl.col("is_mended").sum(),
        )
        .sort("kind")
    )


def score_alarms(lines: pl.DataFrame, result: pl.DataFrame) -> dict[str, float]:
    """Of eligible-like listings as received: the share repaired, and the share wrongly so.

    A repair is wrong if the sessions that followed prove the raw shares right. After
    a split they prove nothing: shares that the vendor forgot to split stay forgotten.
    """
    ahead = pl.col("log_shares").rolling_median(PROOF_SESSIONS).shift(1 - PROOF_SESSIONS)
    own = pl.col("security_id").shift(1 - PROOF_SESSIONS) == pl.col("security_id")
    proved = lines.select(
        "listing",
        is_proved=(own & ((ahead - pl.col("log_shares")).abs() < PROOF)).fill_null(value=False),
        is_common=line_type().is_in(["common", "reit"]),
        is_known=own.fill_null(value=False) & pl.col("log_shares").is_not_null(),
    )
    of_split = pl.col("repair_rule").is_in([rule.value for rule in SPLIT_RULES])
    after_split = of_split.cast(pl.Int8).rolling_max(PROOF_SESSIONS, min_samples=1)
    judged = (
        result.join(proved, on="listing")
        .sort("security_id", "session")
        .with_columns(is_after_split=(after_split.over("security_id") == 1).fill_null(value=False))
        .filter(
            pl.col("is_known")
            & pl.col("is_common")
            & (pl.max_horizontal("market_cap_usd", "raw_market_cap_usd") > LEAST_CAP_USD)
            & (pl.col("close_usd") >= LEAST_CLOSE_USD)
        )
    )
    alarm, wrong = _is_alarm(), _is_alarm() & pl.col("is_proved") & ~pl.col("is_after_split")
    by_session = judged.group_by("session").agg(wrong=wrong.mean())
    first = judged.select(
        (wrong & ~wrong.shift().over("security_id").fill_null(value=False)).mean()
    )
    return {
        "repaired": float(judged.select(alarm.mean()).item()),
        "wrong": float(judged.select(wrong.mean()).item()),
        "wrong, median session": float(by_session.select(pl.col("wrong").median()).item()),
        "newly wrong": float(first.item()),
    }


def shown(table: pl.DataFrame, alarms: Mapping[str, float]) -> Table:
    """Both scores for a reader."""
    head = ("fault", "injected", "caught", "within 1 %")
    shape = Table(*head, title="Injected faults")
    for kind, count, caught, mended in table.rows():
        shape.add_row(kind, str(count), f"{caught / count:.1%}", f"{mended / count:.1%}")
    total = table.select(pl.col("injected", "caught", "mended").sum()).row(0)
    shape.add_row("all", str(total[0]), f"{total[1] / total[0]:.1%}", f"{total[2] / total[0]:.1%}")
    shape.caption = "; ".join(f"{name} {share:.3%}" for name, share in alarms.items())
    return shape


def read_listings(path: Path) -> pl.DataFrame:
    """Everything that the archive shows, as the pipeline lands it."""
    with open_source("us-stock-symbols", path) as source:
        return pl.concat(batch.listings for batch in source.iter_batches())


def start_of(sessions: Sequence[date]) -> date:
    """The first session with a whole context before it."""
    return sessions[min(CONTEXT_SESSIONS, len(sessions) - 1)]


def main() -> int:
    """Print the table; 1 if a goal is missed."""
    console = Console()
    if not LISTINGS.is_dir():
        console.print("repair precision: skipped, the real listings (../shared/data) are not here")
        return 0
    listings = read_listings(LISTINGS)
    securities = link_securities(listings)
    lines = with_shares(listings, securities)
    start = start_of(listings["session"].unique().sort().to_list())
    faults = choose_faults(quiet_places(lines, start), faults=FAULTS, seed=SEED)
    table = score_faults(repaired(injected(lines, faults), securities, start))
    started = time.perf_counter()
    plain = repaired(lines, securities, start)
    seconds = time.perf_counter() - started
    alarms = score_alarms(lines, plain)
    console.print(shown(table, alarms))
    console.print(f"{listings.height:,} listings in {seconds:.1f} s", highlight=False)
    every_kind = (table["caught"] >= CAUGHT_GOAL * table["injected"]).all()
    return 0 if every_kind and alarms["wrong"] < ALARM_GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
