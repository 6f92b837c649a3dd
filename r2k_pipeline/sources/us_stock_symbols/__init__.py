"""The Nasdaq screener as a public archive keeps it: one snapshot of every US listing an evening.

Two forms of the same archive are read: its git history of JSON files
(`git_history`), and Parquet files extracted from it, one a year (`year_files`).
Both label a snapshot with the session that it really shows (`shown_session`)
and give equal frames (`listings`).
"""
