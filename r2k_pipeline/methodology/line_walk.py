"""Night by night: on which line each run of a symbol goes.

Holds the state of identity after each night and the order of its decisions:
overrides, then renames, then returns, then new lines. Nothing is ever taken back.
What the evidence is worth is `rename_evidence`; which pairs win is `rename_links`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from r2k_pipeline.methodology.rename_links import RenamePair, choose_renames
from r2k_pipeline.rulebook.identity_overrides import LinkKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from r2k_pipeline.rulebook.identity_overrides import IdentityOverride

_FIRST_SEEN = ("first_seen", 1.0)
# Another company's name, price and size under a known symbol.
_REUSED = ("symbol_reused", 0.9)
# The symbol's line went on under another symbol, so whatever returns is another line.
_LEFT_BEHIND = ("symbol_left_by_its_line", 0.8)


@dataclass(frozen=True, kw_only=True)
class RunStart:
    """A run on the night on which it begins.

    Args:
        run: Its number.
        symbol: Its symbol.
        is_new: Whether it cannot go on the line that its symbol bore before: a
            first sight, or plainly another company.
    """

    run: int
    symbol: str
    is_new: bool


@dataclass(frozen=True, kw_only=True)
class LineLink:
    """On which line a run goes, and why.

    Args:
        security_id: The line.
        is_span_start: Whether the symbol begins to bear the line with this run.
        previous_symbol: What the line was called before, if it was renamed.
        evidence: What put the span on the line.
        confidence: 0 to 1.
    """

    security_id: str
    is_span_start: bool
    previous_symbol: str | None
    evidence: str
    confidence: float


class LineWalk:
    """Which line every symbol bears, after each night in turn.

    Args:
        sessions: Every session, by its ordinal.
        link_nights: For how many nights a change of root is remembered for lines
            that follow it.

    Example:
        >>> from datetime import date
        >>> walk = LineWalk([date(2024, 6, 3), date(2024, 6, 4)], link_nights=4)
        >>> walk.night(0, [RunStart(run=0, symbol="HAL", is_new=True)], [], {})
        >>> walk.links[0].security_id
        'S-HAL-20240603'
    """

    def __init__(self, sessions: Sequence[date], *, link_nights: int) -> None:
        self.links: dict[int, LineLink] = {}
        self._sessions = sessions
        self._link_nights = link_nights
        self._last_run: dict[str, int] = {}  # of every symbol ever seen
        self._symbols: dict[int, str] = {}
        self._open: set[int] = set()  # last runs of lines that were not renamed away
        self._roots: list[tuple[int, tuple[str, str]]] = []

    def night(
        self,
        ordinal: int,
        starting: Iterable[RunStart],
        pairs: Iterable[RenamePair],
        overrides: Mapping[str, IdentityOverride],
    ) -> None:
        """Put the runs that begin on one night on their lines.

        Args:
            ordinal: The session's; nights must come in order.
            starting: Every run that begins.
            pairs: Every pair of the night that evidence speaks for.
            overrides: What was set by hand for this night, by symbol.
        """
        started = list(starting)
        born = [start for start in started if self._is_born(start, overrides)]
        told = [pair for start in born for pair in self._told(start, overrides)]
        taken = {pair.old_run for pair in told}
        free = {start.run for start in born if start.symbol not in overrides}
        chosen = choose_renames(
            [
                pair
                for pair in pairs
                if pair.run in free and pair.old_run in self._open and pair.old_run not in taken
            ],
            renamed_roots=self._recent_roots(ordinal),
        )
        for pair in told + chosen:
            self._rename(pair)
        self._roots += [(ordinal, pair.roots) for pair in chosen]
        for start in started:
            if start.run in self.links:
                continue
            if self._is_born(start, overrides):
                self._begin(ordinal, start, is_told=start.symbol in overrides)
            else:
                self._return(start)
        for start in started:
            self._last_run[start.symbol] = start.run
            self._symbols[start.run] = start.symbol
            self._open.add(start.run)

    def _is_born(self, start: RunStart, overrides: Mapping[str, IdentityOverride]) -> bool:
        """Whether the run cannot simply go on its symbol's line, as things stand."""
        is_free = self._last_run.get(start.symbol) in self._open
        return start.is_new or not is_free or start.symbol in overrides

    def _recent_roots(self, ordinal: int) -> list[tuple[str, str]]:
        return [roots for night, roots in self._roots if night > ordinal - self._link_nights]

    def _return(self, start: RunStart) -> None:
        before = self._last_run[start.symbol]
        line = self.links[before]
        self.links[start.run] = LineLink(
            security_id=line.security_id,
            is_span_start=False,
            previous_symbol=None,
            evidence=line.evidence,
            confidence=line.confidence,
        )
        self._open.discard(before)

    def _told(self, start: RunStart, overrides: Mapping[str, IdentityOverride]) -> list[RenamePair]:
        """The link that an override sets, if the other symbol's line is free to take it."""
        override = overrides.get(start.symbol)
        if override is None or override.link is not LinkKind.CONTINUES:
            return []
        old_run = self._last_run.get(override.other_symbol or "")
        if old_run is None or old_run not in self._open:
            return []
        return [
            RenamePair(
                run=start.run, old_run=old_run, odds=float("inf"), evidence="override",
                is_proof=True, roots=("", ""), suffixes=("", ""),
            )
        ]  # fmt: skip

    def _rename(self, pair: RenamePair) -> None:
        self._open.discard(pair.old_run)
        self.links[pair.run] = LineLink(
            security_id=self.links[pair.old_run].security_id,
            is_span_start=True,
            previous_symbol=self._symbols[pair.old_run],
            evidence=pair.evidence,
            confidence=pair.confidence,
        )

    def _begin(self, ordinal: int, start: RunStart, *, is_told: bool) -> None:
        before = self._last_run.get(start.symbol)
        if before is None:
            evidence, confidence = _FIRST_SEEN
        elif before in self._open:
            evidence, confidence = _REUSED
        else:
            evidence, confidence = _LEFT_BEHIND
        self.links[start.run] = LineLink(
            security_id=f"S-{start.symbol}-{self._sessions[ordinal]:%Y%m%d}",
            is_span_start=True,
            previous_symbol=None,
            evidence="override" if is_told else evidence,
            confidence=confidence,
        )
