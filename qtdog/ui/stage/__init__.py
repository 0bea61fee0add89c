"""The projector view: one figure at a time, large, by keys or a presenter's remote."""
