"""Domain generalization by quantization: training, checkpoints and the explorer's service."""
