"""How the loss changes around a network: local flatness, slices of the landscape, curvature."""
