"""Where things are kept: bulk tables (Iceberg), published tables (SQL), bytes as received.

``store.open_store(settings)`` opens all three. Which store keeps a table is
said by its contract. What may enter a table is decided above, in
``publication``; nothing here checks a number.
"""
