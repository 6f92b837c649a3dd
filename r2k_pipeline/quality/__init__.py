"""What guards the tables: checks of one frame, presence and continuity of sessions, quarantine.

Add here what judges rows. What is promised stands in `data_contracts/`; what a
verdict does to a partition is `publication`'s business. Nothing here writes.
"""
