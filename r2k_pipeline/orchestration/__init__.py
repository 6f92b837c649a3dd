"""Dagster: assets, partitions, jobs and the build. The only folder that imports it."""
