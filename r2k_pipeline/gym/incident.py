"""What an incident is, and what came of replaying it.

Values only; a family's module has what it injects, `replay` the running.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from r2k_pipeline.errors import listed

if TYPE_CHECKING:
    from collections.abc import Callable

    from r2k_pipeline.gym.arena import Arena

_SHOWN = 2


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What the pipeline made of a disturbance.

    Attributes:
        caught_by: The checks and rules that said something, or acted.
        published: What stands, in words.
        wrong: What was published though the undisturbed pipeline says otherwise, and nothing
            on it says so; a phrase each.
        lost: What the undisturbed pipeline has and this one had not, once the input was
            mended; a phrase each.
    """

    caught_by: frozenset[str]
    published: str
    wrong: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Incident:
    """One entry of the failure catalogue.

    Attributes:
        number: Its place in the catalogue.
        name: What happens.
        example: Where it really happened, or how it comes about.
        guards: What has to catch it: checks, rules or errors, by name; all of them.
        replay: Injects it and judges what came of it.
        is_fast: Whether it needs no index to be built.
    """

    number: int
    name: str
    example: str
    guards: tuple[str, ...]
    replay: Callable[[Arena], Finding] = field(repr=False)
    is_fast: bool = True


@dataclass(frozen=True, kw_only=True)
class Result:
    """One incident and its verdict."""

    incident: Incident
    finding: Finding
    seconds: float

    @property
    def missing_guards(self) -> tuple[str, ...]:
        """Guards that had to say something and did not."""
        return tuple(g for g in self.incident.guards if g not in self.finding.caught_by)

    @property
    def is_survived(self) -> bool:
        """Whether it was caught, nothing wrong was published and nothing right was lost."""
        return not (self.missing_guards or self.finding.wrong or self.finding.lost)

    @property
    def row(self) -> dict[str, object]:
        """The incident as a row of the gym's table."""
        caught = f"NOT CAUGHT by {listed(self.missing_guards)}" if self.missing_guards else ""
        return {
            "number": self.incident.number,
            "incident": self.incident.name,
            "example": self.incident.example,
            "caught_by": caught or ", ".join(self.incident.guards),
            "published": "; ".join(
                [self.finding.published, *(f"WRONG: {one}" for one in self.finding.wrong[:_SHOWN])]
            ),
            "lost": listed(self.finding.lost, _SHOWN) or "nothing",
            "is_survived": self.is_survived,
            "is_fast": self.incident.is_fast,
            "seconds": round(self.seconds, 1),
        }
