"""What we promise: the contracts of ``data_contracts/`` and their four projections.

A contract is the only declaration of a table. Its Polars shape, its SQL and
Iceberg schema, its expectations and its Dagster columns are projected from it
here and nowhere else.
"""
