"""Reports for people: the factsheet, the reconstitution report, and tables in a terminal.

A report is a pure function from frames to one self-contained HTML text: styles
and charts are inside, nothing is fetched, and every word that came from a feed
is escaped. Reading tables belongs to `queries/`; writing a report to disk is
`reports.files`.
"""
