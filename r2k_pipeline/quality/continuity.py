"""Whether a session has as many lines as those before it, on each exchange, so far.

Pure, per session. Add here drift of one table against its own past; a rule about single
rows belongs to the contract, a missing session to `presence`.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.model import Severity
from r2k_pipeline.quality.outcome import SAMPLE_ROWS, CheckOutcome

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date

CHECK_NAME = "exchanges_are_complete"
# Five sessions: a level that changed for good, as when the vendor drops a kind of paper, is
# the usual one after three. Over three years of the Nasdaq screener (2021 to 2023) six sessions
# had an exchange below 97 % of the median of the five before, and none one below 90 %.
WINDOW_SESSIONS = 5
TOLERANCE_SHARE = 0.03
# Far below any change of a real list, and above half a file.
LEAST_SHARE = 0.75
# Of fewer lines, three delistings are more than the tolerance.
_FEWEST_LINES = 100


@dataclass(frozen=True, kw_only=True)
class ExchangeCount:
    """The lines of one exchange on one session, beside what is usual.

    Attributes:
        session: The session.
        exchange: The exchange.
        rows: Its lines on the session; 0 if it is missing.
        usual_rows: The median of the up to five sessions before that landed.
        session_rows: The session's lines on all exchanges.
        usual_session_rows: What is usual on all exchanges together.
        is_accepted: Whether the session stands however few lines it has.
    """

    session: date
    exchange: str
    rows: int
    usual_rows: float
    session_rows: int
    usual_session_rows: float
    is_accepted: bool

    @property
    def is_short(self) -> bool:
        """Whether lines are missing, more than a change of the list explains."""
        return self.rows < (1 - TOLERANCE_SHARE) * self.usual_rows

    @property
    def is_refused(self) -> bool:
        """Whether so many are missing that the session must not land."""
        return not self.is_accepted and self.rows < LEAST_SHARE * self.usual_rows

    @property
    def sentence(self) -> str:
        """What an operator reads.

        Example:
            >>> from datetime import date
            >>> ExchangeCount(session=date(2022, 6, 10), exchange="nasdaq", rows=0,
            ...     usual_rows=3901, session_rows=2999, usual_session_rows=6900,
            ...     is_accepted=False).sentence
            'nasdaq is missing on 2022-06-10: 2,999 rows, expected 6,900 ± 3 %'
        """
        state, rows, usual = "is not whole", self.rows, self.usual_rows
        if not self.rows:
            state, rows, usual = "is missing", self.session_rows, self.usual_session_rows
        expected = f"expected {usual:,.0f} ± {TOLERANCE_SHARE:.0%}".replace("%", " %")
        return f"{self.exchange} {state} on {self.session}: {rows:,} rows, {expected}"


def rows_by_exchange(listings: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """Count the rows of each session and exchange.

    Args:
        listings: Any rows with `session` and `exchange`.

    Returns:
        `session`, `exchange`, `rows` (Int64), sorted by both.
    """
    counts = listings.lazy().group_by("session", "exchange").agg(rows=pl.len().cast(pl.Int64))
    return counts.sort("session", "exchange").collect()


def exchange_counts(
    counts: pl.DataFrame,
    *,
    earlier: pl.DataFrame | None = None,
    accepted: Collection[date] = (),
) -> list[ExchangeCount]:
    """Lay each exchange's rows beside the median of the sessions before.

    Uses only earlier sessions, so a verdict does not change when later ones arrive. A
    session that is refused is nobody's past, because it does not land.

    Args:
        counts: What `rows_by_exchange` gives for the sessions to judge.
        earlier: The same for sessions before them, which are not judged themselves.
            Without it the first session has nothing to be compared with.
        accepted: Sessions that stand however few lines they have.

    Returns:
        One entry for each session and exchange that has a past of at least 100 lines, in
        order; an exchange without any row on the session too.

    Example:
        >>> from datetime import date
        >>> counts = pl.DataFrame({
        ...     "session": [date(2021, 10, d) for d in (27, 27, 28, 28, 29)],
        ...     "exchange": ["nasdaq", "nyse", "nasdaq", "nyse", "nyse"],
        ...     "rows": [4600, 3100, 4610, 3105, 2999],
        ... })
        >>> [count.sentence for count in exchange_counts(counts) if count.is_short]
        ['nasdaq is missing on 2021-10-29: 2,999 rows, expected 7,708 ± 3 %',
        'nyse is not whole on 2021-10-29: 2,999 rows, expected 3,102 ± 3 %']
    """
    past: defaultdict[str, deque[int]] = defaultdict(lambda: deque(maxlen=WINDOW_SESSIONS))
    for rows in _by_session(earlier).values():
        _remember(past, rows)
    judged = []
    for session, rows in _by_session(counts).items():
        laid = _laid(session, rows, past, is_accepted=session in accepted)
        judged += laid
        if not any(count.is_refused for count in laid):
            _remember(past, rows)
    return judged


def exchange_continuity(table: str, counts: Sequence[ExchangeCount]) -> CheckOutcome:
    """Judge sessions by the lines of their exchanges.

    Args:
        table: The table that was counted.
        counts: What `exchange_counts` gives.

    Returns:
        The outcome of `exchanges_are_complete`. Its rows are pairs of session and exchange:
        failed below 97 % of the usual, of severity `error` where one lies below 75 % and is
        not accepted.

    Example:
        >>> exchange_continuity("raw_listings", []).sentence
        'Every exchange has about as many rows as in the sessions before.'
    """
    short = [count for count in counts if count.is_short]
    by_session: defaultdict[str, list[ExchangeCount]] = defaultdict(list)
    for count in short:
        by_session[str(count.session)].append(count)
    sentences = {session: _sentence(found) for session, found in by_session.items()}
    others = f" And {len(sentences) - 1:,} more." if len(sentences) > 1 else ""
    return CheckOutcome(
        table=table,
        check_name=CHECK_NAME,
        severity=Severity.ERROR if any(count.is_refused for count in short) else Severity.WARN,
        is_passed=not short,
        evaluated_rows=len(counts),
        failed_rows=len(short),
        sentence=next(
            (first + others for first in sentences.values()),
            "Every exchange has about as many rows as in the sessions before.",
        ),
        sample=tuple(_sample(count) for count in short[:SAMPLE_ROWS]),
        failed_by_partition={session: len(found) for session, found in by_session.items()},
        sentence_by_partition=sentences,
    )


def _by_session(counts: pl.DataFrame | None) -> dict[date, dict[str, int]]:
    """Rows by session, in order, and exchange."""
    by_session: dict[date, dict[str, int]] = {}
    if counts is not None:
        ordered = counts.sort("session", "exchange").select("session", "exchange", "rows")
        for session, exchange, rows in ordered.iter_rows():
            by_session.setdefault(session, {})[exchange] = rows
    return by_session


def _remember(past: defaultdict[str, deque[int]], rows: Mapping[str, int]) -> None:
    """Add a session; an exchange that it lacks had no rows."""
    for exchange in {*past, *rows}:
        past[exchange].append(rows.get(exchange, 0))


def _laid(
    session: date, rows: Mapping[str, int], past: Mapping[str, deque[int]], *, is_accepted: bool
) -> list[ExchangeCount]:
    """One session's exchanges beside their past."""
    usual = {exchange: median(before) for exchange, before in sorted(past.items())}
    return [
        ExchangeCount(
            session=session,
            exchange=exchange,
            rows=rows.get(exchange, 0),
            usual_rows=usual_rows,
            session_rows=sum(rows.values()),
            usual_session_rows=sum(usual.values()),
            is_accepted=is_accepted,
        )
        for exchange, usual_rows in usual.items()
        if usual_rows >= _FEWEST_LINES
    ]


def _sentence(short: Sequence[ExchangeCount]) -> str:
    """What is short on one session."""
    said = "; ".join(count.sentence for count in short)
    if any(count.is_refused for count in short):
        return f"{said}. The session is refused: what stood before stands, or it counts as missing."
    return f"{said}."


def _sample(count: ExchangeCount) -> dict[str, object]:
    return {
        "session": count.session,
        "exchange": count.exchange,
        "rows": count.rows,
        "usual_rows": count.usual_rows,
    }
