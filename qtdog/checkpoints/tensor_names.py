"""How tensors are called in model.safetensors, see `qtdog.checkpoints.storage`."""

CODES, STEP_SIZE = ".codes", ".step_size"
FULL_PRECISION_BITS = 32
