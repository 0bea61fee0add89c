"""The page: one file a tab. Nothing here imports torch."""
