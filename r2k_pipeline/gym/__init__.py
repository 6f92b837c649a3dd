"""The disaster gym: incidents of the failure catalogue, replayed against the pipeline.

`registry` has the incidents, a module each family of them; `replay` runs them. To add one,
write what it injects and how it is judged, and enter it in its family's list. Incidents are
judged by comparing with an undisturbed pipeline over the same synthetic market.
"""
