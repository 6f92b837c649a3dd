"""Files that a user has of the real thing: member lists, holdings, changes, figures, levels.

They are compared with, never built from: nothing here lands in a table. To read
another kind of file, add its recognition to `folder` and its reader beside the
others. What is made of them is `queries.fidelity`.
"""
