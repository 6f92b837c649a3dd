"""What happened to a line's listing, and from when on it is known."""

from __future__ import annotations

from datetime import timedelta

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import require_shape
from r2k_pipeline.methodology.identity import link_securities
from r2k_pipeline.methodology.security_events import security_events
from r2k_pipeline_tests.listing_rows import FIRST, frame, listing, market


def test_events_say_when_they_could_be_known() -> None:
    rows = [
        *market(40),
        listing(1, "GON", "Gone Inc.", close_usd=3.0),
        *(
            listing(day, "MOV", "Mover Inc.", exchange="amex" if day > 4 else "nyse")
            for day in range(41)
        ),
    ]
    listings = frame(rows)
    events = security_events(listings, link_securities(listings))
    require_shape(contract("security_events"), events)
    told = events.select("session", "event", "from_value", "to_value", "known_session").rows()
    day = [FIRST + timedelta(days=number) for number in range(41)]
    assert told == [
        (day[1], "listing", None, "GON", day[1]),
        (day[2], "delisting", "GON", None, day[32]),
        (day[5], "exchange_move", "nyse", "amex", day[5]),
    ]
