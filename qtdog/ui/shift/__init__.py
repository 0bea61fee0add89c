"""The Shift it tab: the picture leaves its domain step by step, and the models are watched."""
