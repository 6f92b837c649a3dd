"""One file a schema version, in order.

Add one for each change; a released one is never changed.
"""
