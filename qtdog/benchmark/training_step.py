"""A step of quantization-aware training against one in full precision."""

from collections.abc import Callable

import torch
import torch.nn.functional as F

from qtdog import models
from qtdog.benchmark.comparison import Comparison, in_turn
from qtdog.checkpoints import Checkpoint
from qtdog.memory import keep_freed_memory
from qtdog.quantization import LSQConfig, learned_parameters, quantize

ROUNDS = 8
BATCH = 48


def compare_training_steps(erm: Checkpoint) -> Comparison:
    keep_freed_memory()
    size, classes = erm.config.image_size, len(erm.config.classes)
    images = torch.rand(BATCH, 3, size, size).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(classes, (BATCH,))

    def stepper(quantized: bool) -> Callable[[], None]:
        network = models.build(erm.config.architecture, classes, image_size=size)
        network = network.to(memory_format=torch.channels_last)
        models.train_mode(network, freeze_batch_norm=True)
        optimizer = torch.optim.Adam(network.parameters(), lr=5e-5, fused=True)
        if quantized:
            quantize(network, LSQConfig(7), [models.classifier_name(network)])
            optimizer.add_param_group({"params": learned_parameters(network), "lr": 1e-3})

        def step() -> None:
            optimizer.zero_grad()
            F.cross_entropy(network(images), labels).backward()
            optimizer.step()

        return step

    usual, ours = in_turn([stepper(False), stepper(True)], ROUNDS)
    what = f"7-bit training step, {BATCH} images"
    return Comparison(what, ours * 1e3, "in full precision", usual * 1e3, "ms")
