"""A made-up market: seeded, deterministic, with the shapes and quirks of a real feed.

It feeds `r2k demo` and the tests. No company, symbol or price in it is real.
Companies (`companies`) and a schedule of corporate events (`events`) give price
and share paths (`prices`), which are rendered as the feed shows them
(`listings`) and as a reporter of corporate actions tells them (`actions`).
"""
