"""The second view of the Quantize tab: two networks, weight by weight."""
