"""The outside: each feed read into contract-shaped frames, with evidence of what was left out.

A source reads and labels; it judges nothing and repairs nothing beyond what its
own docstring names. The gate (`publication`) judges, and `storage` keeps: a
source imports neither. To add a feed, write a class that satisfies `feed.Source`
and name it in `registry`.
"""
