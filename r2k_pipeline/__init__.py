"""The machine room of a Russell-2000-style index family.

Five nouns: universe -> ranking -> reconstitution -> levels -> signals. Each is a
contract in ``data_contracts/``, a rule in ``methodology/``, an asset in
``orchestration/assets/`` and a test. Importing this package wires nothing.
"""
