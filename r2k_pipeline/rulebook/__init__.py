"""What the methodology says, as dated data with sources.

Holds numbers, dates, names and reasons: `rules` (parameters by day), `schedule`
(events), `sessions` (the exchange's days), `family` (the indexes), `reasons` (why
a line is out and why a company moves), `sources` (the documents). To change a
rule, end the old value and add a new one with its start and its source; never
edit a value in place. Keep out every computation on frames (`methodology/`) and
everything that reads a table, the network or the clock.
"""
