"""The Landscape tab: the loss around the networks, stored and live."""
