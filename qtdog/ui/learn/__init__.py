"""The Learn tab: a guided walk in eight steps, a live part and a question in each."""
