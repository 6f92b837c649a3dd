"""What stands under every report: what this is, and what it is not.

Add a notice that holds for every report; a note on one figure stands beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from r2k_pipeline.reports.page import joined, paragraph

if TYPE_CHECKING:
    from r2k_pipeline.reports.page import Markup

DISCLAIMERS = (
    (
        "Computed by r2k_pipeline from the listings that its user supplied. R2000-style indexes "
        "follow a published methodology in our own words; they are not the indexes of that "
        "methodology's owner and may differ from them in members, weights and levels."
    ),
    (
        "\N{LEFT DOUBLE QUOTATION MARK}Russell\N{RIGHT DOUBLE QUOTATION MARK} is a trademark of "
        "its owner, who has neither made, checked nor approved this document."
    ),
    (
        "Past performance says nothing certain about the future. This is not investment advice, "
        "and no warranty is given for any figure."
    ),
)


def disclaimers() -> Markup:
    """Set the notices.

    Example:
        >>> "trademark" in disclaimers()
        True
    """
    return joined(paragraph(words) for words in DISCLAIMERS)
