"""A made-up market before it is told: lines, what happens to them, and on which terms.

Holds the vocabulary. Who draws it, and what may follow what, is `drawn_histories`; the
frames that tell it are `told_frames`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date

from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import event
from r2k_pipeline.rulebook.sessions import sessions_before, sessions_between

MOST_LINES, MOST_SESSIONS, MOST_DEEDS = 30, 60, 40
FIRST_EVENT, SECOND_EVENT = event("2022-06"), event("2023-06")
# A halt of 60 sessions would never end in a history of 60.
RULES = replace(
    rules_in_force(FIRST_EVENT.rank_day), halt_review_sessions=7, halt_removal_sessions=9
)
OBSERVED = RULES.share_observation_sessions
BASE = FIRST_EVENT.effective_session
CALENDAR = (
    *sessions_before(BASE, OBSERVED),
    *sessions_between(BASE, date(2022, 12, 31))[: MOST_SESSIONS + 1],
)
"""The sessions that shares are observed on, those with levels, and one more."""

NEVER = len(CALENDAR)
MEMBERSHIPS = (None, "all", "all small full equal", "all large", "all small full", "all small")
SECTORS = (None, "Energy", "Finance")
ENDINGS = ("delisting", "bankruptcy", "cash_merger", "stock_merger")
BIRTHS = ("spin_off", "new_class")
OFTEN = (
    *("special_dividend", "return_of_capital", "rights_issue", "share_change", "halt") * 4,
    *("split", "cash_dividend", "spin_off", "new_class", "tender_offer") * 3,
    *("stock_merger", "cash_merger") * 3,
    *("delisting", "bankruptcy", "rename", "reincorporation", "listing", "offering"),
)
"""Every kind of action, those more often that do something or that much stands in the way of."""

GAPS = (1, 2, 4, 6, 9, 25)
_MARKED, _UNKNOWN, _TO_NEWCOMER, _HALTED = 4, 5, 3, 2
_SPLITS = (2.0, 3.0, 1.5, 4 / 3, 1.05, 0.5, 0.1)
_RATIOS = (0.5, 1.0, 0.2, 2.0, 0.01, 1 / 3)
_PARTS = (0.01, 0.1, 0.3, 0.05, 0.2, 0.02)
_CHANGES = (1.02, 0.5, 1.3, 0.9, 2.5, 1.0001)
_FLOATS = (1.0, 0.5, 0.75, 0.35, 0.08)
_TENDERED = (0.1, 0.4, 0.89, 0.9, 0.95, 1.0)

Terms = dict[str, float | None]


@dataclass(kw_only=True)
class Line:
    """One line of a made-up market; sessions are numbers in `CALENDAR`."""

    number: int
    company: int
    shares: int
    sector: str | None
    is_eligible: bool = True
    first: int = 0
    end: int = NEVER
    gaps: set[int] = field(default_factory=set)
    recalled: set[int] = field(default_factory=set)
    closes: list[float] = field(default_factory=list, init=False)
    outstanding: list[float] = field(default_factory=list, init=False)

    def has_row(self, day: int) -> bool:
        """Whether the feed shows the line on a session."""
        return self.first <= day < self.end and day not in self.gaps


@dataclass(frozen=True, kw_only=True)
class Deed:
    """An action of a line on a session; `size` picks its terms, `fate` what became of it."""

    kind: str
    line: int
    day: int
    size: int
    other: int
    fate: int

    @property
    def outcome(self) -> str | None:
        """What became of it; most were applied as they stood."""
        if self.fate == _UNKNOWN and self.kind not in (*ENDINGS, *BIRTHS, "split"):
            return "unknown_line"
        if self.fate != _MARKED:
            return None
        if self.kind == "special_dividend":
            return "as_ordinary"
        is_delayed = self.kind in (*ENDINGS, "tender_offer", "share_change")
        return "delayed" if is_delayed else "restated"

    @property
    def silence(self) -> range:
        """Sessions without a close that come with it: after a halt, and before some endings."""
        if self.kind == "halt" and self.line:
            return range(self.day, self.day + GAPS[self.size])
        if self.kind in (*ENDINGS, "tender_offer") and self.fate == _HALTED and self.line:
            return range(self.day - GAPS[self.size], self.day)
        return range(0)

    @property
    def needs_newcomer(self) -> bool:
        """Whether a line that was not listed before is on the other side."""
        is_new_parent = self.kind == "stock_merger" and self.fate == _TO_NEWCOMER
        return self.kind in BIRTHS or is_new_parent

    @property
    def has_other(self) -> bool:
        """Whether there is another side."""
        return self.kind in (*BIRTHS, "stock_merger")

    def terms(self, close: float) -> Terms:
        """Its terms, in proportion to a close of about the eve."""
        part, ratio, size = _PARTS[self.size], _RATIOS[self.size], self.size
        cents = max(0.0001, round(close * part / 4, 4))
        return {
            "split_factor": {"split": _SPLITS[size]}.get(self.kind),
            "amount_usd": {
                "cash_dividend": cents,
                "special_dividend": cents,
                "return_of_capital": cents,
                "rights_issue": round(close * (0.5 + size * 0.15), 4),
                "spin_off": (round(close * part / ratio, 4) or None) if size else None,
                "new_class": (round(close * part / ratio, 4) or None) if size else None,
                "tender_offer": round(close * 1.1, 2) if size % 2 else None,
                "cash_merger": max(0.01, round(close * 1.05, 2)),
                "stock_merger": None if size % 2 else round(close / 8, 2),
                "delisting": None if size % 2 else max(0.01, round(close * 0.4, 4)),
                "bankruptcy": None if size % 2 else max(0.01, round(close * 0.02, 4)),
            }.get(self.kind),
            "ratio": {
                "rights_issue": ratio,
                "spin_off": ratio,
                "new_class": ratio,
                "stock_merger": ratio,
                "share_change": _CHANGES[size],
                "tender_offer": _TENDERED[size],
            }.get(self.kind),
        }


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a review does to a company or line."""

    kind: str
    line: int
    day: int
    size: int
    membership: str

    @property
    def joins_with(self) -> float:
        """The float with which a newcomer joins."""
        return _FLOATS[self.size % len(_FLOATS)]

    def factor(self, free: float) -> tuple[float, float | None]:
        """The factor of index shares, and the new float, of a line with a float."""
        if self.kind == "float_update":
            now = _FLOATS[self.size % len(_FLOATS)]
            return now / free, now
        return _CHANGES[self.size], None


@dataclass(kw_only=True)
class Market:
    """Everything that was drawn.

    Args:
        days: Sessions with levels.
        seed: What closes follow from; with 0 none ever moves.
        lines: The lines, newcomers last.
        memberships: By event and company, the indexes that hold it.
        second_event: The session from which the second event counts.
        deeds: What happens.
        changes: What reviews do.
        cut: After how many of the sessions a second stretch is built.
    """

    days: int
    seed: int
    lines: list[Line]
    memberships: list[list[str | None]]
    second_event: int | None
    deeds: list[Deed]
    changes: list[Change]
    cut: int | None

    @property
    def starts(self) -> tuple[int, ...]:
        """The sessions on which events take effect."""
        later = () if self.second_event is None else (self.second_event,)
        return OBSERVED, *later

    @property
    def last(self) -> int:
        """The number of the last session wanted."""
        return OBSERVED + self.days - 1

    def split_factor(self, line: int, day: int) -> float:
        """Shares after for each before, of a line at the open of a session."""
        done = [d for d in self.deeds if (d.kind, d.line, d.day) == ("split", line, day)]
        return _SPLITS[done[0].size] if done else 1.0

    def terms(self, deed: Deed) -> Terms:
        """The terms of a deed."""
        return deed.terms(self.lines[deed.line].closes[deed.day - 1])
