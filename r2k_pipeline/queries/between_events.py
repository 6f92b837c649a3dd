"""What happened to companies between two reconstitutions, in sentences.

Puts listings, ends of listings, mergers, renames and additions between events into one
list, so that a card can say where a member came from and where it went. Add a table
that tells of such a change here; keep out decisions of events (`why_cards`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.rulebook.schedule import all_events

if TYPE_CHECKING:
    from datetime import date

    from r2k_pipeline.rulebook.schedule import Event
    from r2k_pipeline.storage.store import Store

CHANGES_SCHEMA = pl.Schema(
    {
        "company_id": pl.String,
        "session": pl.Date,
        "symbol": pl.String,
        "change": pl.String,
        "sentence": pl.String,
    }
)

_LISTING_SENTENCES = {
    "listing": "It was first listed, as {to}.",
    "delisting": "{from} was listed no longer.",
    "exchange_move": "It moved from {from} to {to}.",
    "rename": "{from} was renamed {to}.",
    "symbol_reuse": "The symbol {to} was taken over from another line.",
}
_ENDINGS = {
    "cash_merger": "It was merged for cash.",
    "stock_merger": "It was merged for shares.",
    "delisting": "Its end was announced.",
    "bankruptcy": "It went bankrupt.",
    "tender_offer": "Its shares were tendered for.",
    "halt": "Trading in it was halted.",
    "spin_off": "It spun a company off.",
    "new_class": "It gave its holders shares of a new class.",
}

_ADDITIONS = ("ipo_addition", "fast_entry")


def window(event: Event) -> tuple[date, date]:
    """The sessions that lie between an event and the one before it.

    From the rank day of the event before, whose decision they may have overtaken, to the
    last one on which that is still in force; the first event looks back as far as its
    own lists may reach.

    Example:
        >>> from r2k_pipeline.rulebook.schedule import event
        >>> [str(day) for day in window(event("2022-06"))]
        ['2021-05-07', '2022-06-24']
    """
    events = all_events()
    position = events.index(event)
    before = events[position - 1] if position else event
    return before.rank_day, event.effective_friday


def changes_between(store: Store, event: Event) -> pl.DataFrame:
    """List what happened between an event and the one before it.

    Args:
        store: The open store.
        event: The later event.

    Returns:
        One row per company, session and change: `company_id`, `session`, `symbol` (of
        the line that changed), `change`, `sentence`; by company and session. Empty
        where nothing was built.

    Notes:
        Look-ahead: a delisting that only a long silence told is dated to the day from
        which the line was silent.
    """
    start, end = window(event)
    within = pl.col("session").is_between(start, end)
    events = store.lake.scan("security_events").filter(within).collect()
    actions = (
        store.lake.scan("corporate_actions", start=start, end=end)
        .filter(pl.col("action_type").is_in(list(_ENDINGS)))
        .collect()
    )
    securities = store.lake.scan(
        "securities", columns=["security_id", "company_id", "symbol", "last_session"]
    ).collect()
    reviewed = store.published.read("maintenance", start=start, end=end).select(
        "company_id", "session", "symbol", "change", sentence="reason"
    )
    found = pl.concat([listing_changes(events), action_changes(actions)])
    return pl.concat([named_changes(found, securities), reviewed]).sort(
        "company_id", "session", "symbol", "change"
    )


def listing_changes(events: pl.DataFrame) -> pl.DataFrame:
    """Word contract `security_events`.

    Example:
        >>> from datetime import date
        >>> events = pl.DataFrame({
        ...     "security_id": ["S-HAL"], "session": [date(2022, 3, 1)], "event": ["rename"],
        ...     "from_value": ["HLD"], "to_value": ["HAL"],
        ... })
        >>> listing_changes(events)["sentence"].item()
        'HLD was renamed HAL.'
    """
    phrase = pl.col("event").replace_strict(_LISTING_SENTENCES, return_dtype=pl.String)
    before, after = pl.col("from_value").fill_null("it"), pl.col("to_value").fill_null("it")
    return events.select(
        "security_id",
        "session",
        change="event",
        sentence=phrase.str.replace("{from}", before, literal=True).str.replace(
            "{to}", after, literal=True
        ),
    )


def action_changes(actions: pl.DataFrame) -> pl.DataFrame:
    """Word the endings among contract `corporate_actions`.

    Example:
        >>> from datetime import date
        >>> actions = pl.DataFrame({
        ...     "security_id": ["S-HAL"], "session": [date(2022, 3, 1)],
        ...     "action_type": ["cash_merger"], "amount_usd": [54.0],
        ...     "counterparty_symbol": ["BIG"],
        ... })
        >>> action_changes(actions)["sentence"].item()
        'It was merged for cash. Terms: $54.0 a share, BIG.'
    """
    phrase = pl.col("action_type").replace_strict(_ENDINGS, return_dtype=pl.String)
    amount = pl.format("${} a share", pl.col("amount_usd"))
    terms = pl.concat_str(amount, "counterparty_symbol", separator=", ", ignore_nulls=True)
    told = pl.when(terms != "").then(pl.format(" Terms: {}.", terms)).otherwise(pl.lit(""))
    return actions.select(
        "security_id",
        "session",
        change="action_type",
        sentence=pl.concat_str(phrase, told),
    )


def named_changes(found: pl.DataFrame, securities: pl.DataFrame) -> pl.DataFrame:
    """Give changes their company and the last symbol of their line.

    Args:
        found: `security_id`, `session`, `change`, `sentence`.
        securities: Contract `securities`; read `security_id`, `company_id`, `symbol` and
            `last_session`.
    """
    lines = (
        securities.sort("last_session")
        .unique("security_id", keep="last")
        .select("security_id", "company_id", "symbol")
    )
    return found.join(lines, on="security_id").select(CHANGES_SCHEMA.names())


def joined_between(
    decided: pl.DataFrame, members: pl.DataFrame, told: pl.DataFrame
) -> pl.DataFrame:
    """Companies that were members at an event though the one before did not make them so.

    Args:
        decided: Contract `reconstitution` of the event.
        members: `company_id` of those that the event before placed; empty if it is not
            known.
        told: What is told already, as `changes_between` gives it.

    Returns:
        Rows like those of `told`, without a session, for companies of which nothing is
        told: cards that are made in the run that decides an event precede the table that
        would say when.

    Example:
        >>> decided = pl.DataFrame({
        ...     "company_id": ["C-OLD", "C-IPO", "C-NEW"], "symbol": ["OLD", "IPO", "NEW"],
        ...     "previous_segment": ["small", "small", None],
        ... })
        >>> members = pl.DataFrame({"company_id": ["C-OLD"]})
        >>> told = pl.DataFrame(schema=CHANGES_SCHEMA)
        >>> joined_between(decided, members, told).select("symbol", "sentence").row(0)
        ('IPO', 'It joined between the events.')
    """
    if members.is_empty():
        return told.clear()
    additions = told.filter(pl.col("change").is_in(_ADDITIONS))
    return (
        decided.drop_nulls("previous_segment")
        .join(members, on="company_id", how="anti")
        .join(additions, on="company_id", how="anti")
        .select(
            "company_id",
            "symbol",
            session=pl.lit(None, pl.Date),
            change=pl.lit("ipo_addition"),
            sentence=pl.lit("It joined between the events."),
        )
        .select(CHANGES_SCHEMA.names())
    )
