"""The paper's tables as plans of runs: what they are, what they cost, what came of them."""
