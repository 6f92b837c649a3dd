"""The questions people ask, answered as frames: one read side for all readers.

The command, the reports, notebooks and Python users call these functions and
nobody else reads the tables for them. Each module answers one question. Add a
question here; keep drawing, printing and writing out (`reports/`, `cli.py`).
"""
