"""The index itself: frames in, frames out; no IO, no clock, no Dagster.

One module a noun, in the order of the data: identity, universe, ranking,
reconstitution, constituents, corporate_actions, divisors, levels, signals. Add a
rule to the module of the noun that it decides; its parameters belong to the
rulebook.
"""
