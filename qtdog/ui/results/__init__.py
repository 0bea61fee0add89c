"""The Results tab: the paper's numbers and ours, with where each is from."""
