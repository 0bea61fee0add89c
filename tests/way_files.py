"""Two tiny runs of one trunk, with their snapshots."""

import dataclasses
from pathlib import Path

from landscape_files import save_images
from tiny_runs import CONFIG

from qtdog.training import finish, load_run_data, train


def save_runs(root: Path) -> Path:
    """`root`/pacs, and `root`/runs and `root`/checkpoints of both methods on it; returns `root`."""
    config = dataclasses.replace(CONFIG, data=str(save_images(root)), target_domain="sketch")
    run_data = load_run_data(config)
    for one in (dataclasses.replace(config, method="erm"), config):
        trained = train(one, run_data, root / "runs", snapshots=True)
        for chosen in (trained.single, trained.average):
            finish(trained, chosen, run_data, root / "checkpoints", "digits")
    return root
