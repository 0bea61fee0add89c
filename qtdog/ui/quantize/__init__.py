"""The Quantize tab: one layer's weights on a grid, and the whole network at every width."""
