"""The best one-to-one choice among the pairs of one night.

Holds the decision, not the evidence (`rename_evidence`): a pair is a rename if it
is likely enough by itself and clearly better than every other use of its two
sides. A night on which two answers are about as good is left undecided: nothing
is linked by chance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

ACCEPTED_ODDS = math.log(9)
"""Nine to one: what a pair must reach by itself."""

MARGIN_ODDS = math.log(5)
"""Five to one: how far it must be ahead of any other pair with one of its sides."""

SIBLING_ODDS = 8.0
"""What it is worth that the company's other line changed from the same root to the same root."""

_MOST_CONFIDENT = 0.99


@dataclass(frozen=True, kw_only=True)
class RenamePair:
    """One new symbol and one old that may be the same line.

    Args:
        run: The new symbol's first run.
        old_run: The old symbol's last run.
        odds: Natural logarithm of the odds that they are one line.
        evidence: What agrees, joined by ``+``.
        is_proof: Whether more than the shape of the symbols agrees.
        roots: Root of the old and of the new symbol.
        suffixes: What follows the roots, in the same order.
    """

    run: int
    old_run: int
    odds: float
    evidence: str
    is_proof: bool
    roots: tuple[str, str]
    suffixes: tuple[str, str]

    @property
    def confidence(self) -> float:
        """The odds as a probability, never quite 1.

        Example:
            >>> pair = RenamePair(run=1, old_run=0, odds=0.0, evidence="same_name",
            ...     is_proof=True, roots=("A", "B"), suffixes=("", ""))
            >>> pair.confidence
            0.5
        """
        odds = min(self.odds, 50.0)
        return min(_MOST_CONFIDENT, round(1 / (1 + math.exp(-odds)), 3))


def choose_renames(
    pairs: Sequence[RenamePair], *, renamed_roots: Collection[tuple[str, str]] = ()
) -> list[RenamePair]:
    """Choose the renames of one night.

    Args:
        pairs: Every pair of the night whose sides are both free.
        renamed_roots: Old and new root of lines renamed on the nights just before.

    Returns:
        The chosen pairs, no side twice, best first. First those that stand by
        themselves; then those of warrants, units and preferred lines that follow
        their company's change from one root to another.

    Example:
        Two blank-check companies fell silent at one price: neither is chosen.

        >>> def pair(run: int, old_run: int, odds: float) -> RenamePair:
        ...     return RenamePair(run=run, old_run=old_run, odds=odds, evidence="previous_close",
        ...         is_proof=True, roots=("A", "B"), suffixes=("", ""))
        >>> choose_renames([pair(3, 1, 4.0), pair(3, 2, 3.9)])
        []
        >>> [chosen.old_run for chosen in choose_renames([pair(3, 1, 8.0), pair(3, 2, 3.9)])]
        [1]
    """
    chosen = _best([pair for pair in pairs if pair.is_proof])
    roots = {*renamed_roots, *(pair.roots for pair in chosen)}
    taken = {run for pair in chosen for run in (pair.run, pair.old_run)}
    followers = [
        replace(
            pair,
            odds=pair.odds + SIBLING_ODDS,
            evidence="+".join(filter(None, (pair.evidence, "sibling_renamed"))),
        )
        for pair in pairs
        if pair.roots in roots
        and pair.suffixes[0] == pair.suffixes[1] != ""
        and not taken & {pair.run, pair.old_run}
    ]
    return chosen + _best(followers)


def _best(pairs: Sequence[RenamePair]) -> list[RenamePair]:
    """Pairs that are good enough and clearly the best for both of their sides."""
    open_pairs = sorted(pairs, key=lambda pair: (-pair.odds, pair.run, pair.old_run))
    chosen: list[RenamePair] = []
    while True:
        found = [pair for pair in open_pairs if _is_clear(pair, open_pairs)]
        if not found:
            return chosen
        chosen += found
        taken = {run for pair in found for run in (pair.run, pair.old_run)}
        open_pairs = [pair for pair in open_pairs if not taken & {pair.run, pair.old_run}]


def _is_clear(pair: RenamePair, pairs: Sequence[RenamePair]) -> bool:
    """Whether the pair stands, and no other one with one of its sides comes near it."""
    return pair.odds >= ACCEPTED_ODDS and all(
        other is pair
        or (other.run != pair.run and other.old_run != pair.old_run)
        or other.odds <= pair.odds - MARGIN_ODDS
        for other in pairs
    )
