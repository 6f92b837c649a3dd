"""What files `r2k fidelity` takes, in words for a person at a terminal.

Text only, so that the command's help can show it without loading a reader.
"""

from __future__ import annotations

TRUTH_FORMATS = """\
Compare members, changes, figures and levels with files of the real thing that you have.

DIR holds CSV files, with a header; what a file is, is seen from its header:

\b
  symbol,index                members: R1000, R2000 or R3000 a row; without the
                              column index, the file's name says it
  symbol,action               addition and deletion of a reconstitution
  Ticker,...,Weight (%),...   holdings as iShares publishes them, preamble and all
  date,price_level            levels of an index (or total_return_level)
  year,rank_day,breakpoint_usd_bn,r3000_total_cap_usd_tn,...
                              published figures; also r2000_smallest_usd_m,
                              r2000_largest_usd_bn, r3000_additions, r3000_deletions
  symbol,float_factor         free-float factors

A list is of one session: put it into the file's name, as members_2022-06-27.csv (an iShares
file says it inside), or say --session. Members are those at the open of that session, so the
first session of a reconstitution shows its result. A file of levels names its index, as
rut_levels.csv or r2000.csv, or say --index. A list whose name has `fund` or `holdings` is what
a fund held. Symbols are compared as of the session and without punctuation: BRK.B, BRK/B and
BRKB are one; delisted lines may carry Norgate's month, as AAN-202310.

Prints counts and shares, writes a report (--out), and keeps the values in the table `fidelity`.
Nothing of your files is kept; only --names shows names, and only on your screen.
"""
