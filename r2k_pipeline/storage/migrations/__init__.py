"""How the published tables came to look as they do, one step a file; run by Alembic.

A change of a published contract adds a file under ``versions``; `env` is only
how Alembic is called.
"""
