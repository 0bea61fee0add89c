"""Every row of the paper's tables as a cell that this package can run, or the reason why not.

The rows are those of paper.csv; what a method's name there means is said here, once for all tables.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

from qtdog.results import ALL_BENCHMARKS, Result, load_results

TITLES = {
    "1": "Methods on five benchmarks, ResNet-50",
    "2": "QT-DoG with CORAL and MixStyle",
    "4": "Quantizers",
    "5": "A vision transformer, DeiT-Small",
    "6": "CLIP's vision transformer",
    "7": "PACS by held-out domain",
    "8": "TerraIncognita by held-out domain",
    "9": "Bit widths, in-domain and on the target",
    "10": "Fewer bits",
    "11": "ResNeXt-50 from a billion pictures",
    "12": "In-domain accuracy beside other ways to flat minima",
    "13": "One step size a layer or a channel",
    "14": "The moment of quantization",
    "15": "Uniform noise on the weights",
}
TABLE_3 = (
    "Table 3 cannot be reproduced: WILDS-Amazon is text, for which this package has no networks, "
    "and the paper does not state the network or the schedule for WILDS-Camelyon17. "
    "(`python -m qtdog data camelyon17` lays Camelyon17 out for training of one's own.)"
)


@dataclass(frozen=True)
class Backbone:
    """What the paper starts from: an architecture and its weights, as `train` takes them."""

    architecture: str
    start_weights: str


BACKBONES = {
    "ResNet-50": Backbone("resnet50", "hub:timm/resnet50.tv_in1k"),
    "ResNeXt-50 32x4d (Instagram-1B)": Backbone(
        "resnext50_32x4d", "hub:timm/resnext50_32x4d.fb_swsl_ig1b_ft_in1k"
    ),
    "DeiT-Small": Backbone("timm/deit_small_patch16_224.fb_in1k", "pretrained"),
    "CLIP ViT-B/16": Backbone("timm/vit_base_patch16_clip_quickgelu_224.openai", "pretrained"),
}


@dataclass(frozen=True)
class Method:
    """How a row of the tables is trained here.

    `start` is the step, of the paper's 5,000, at which quantization begins or, in full precision,
    averaging and the choice of a checkpoint; None is the benchmark's own quantization step.
    """

    method: str
    objective: str = "erm"
    averaging: str = "sma"
    averaged: bool = False
    """Whether the row is of the averaged weights."""
    quantizer: str = "lsq"
    granularity: str = "channel"
    start: int | None = None
    members: int = 1
    """Networks in an ensemble; the mean of their logits answers."""


# DomainBed chooses among all checkpoints, and EoA averages from step 100 on (arXiv 2110.10832):
# with that start one run gives ERM, its ensemble, SMA and EoA.
FULL_PRECISION_START = 100
ERM = Method("erm", start=FULL_PRECISION_START)
SMA = replace(ERM, averaged=True)
SWAD = replace(ERM, averaging="swad", averaged=True)
QT_DOG = Method("qt-dog")

PAPERS_METHODS = {
    "ERM": ERM,
    "ERM (paper runs)": ERM,
    "ERM_ViT": ERM,
    "CORAL": replace(ERM, objective="coral"),
    "MixStyle": replace(ERM, objective="mixstyle"),
    "SAM": replace(ERM, objective="sam"),
    **{
        f"ERM + uniform weight noise ±{size}": replace(ERM, objective=f"noise-{size}")
        for size in ("1e-4", "5e-5", "1e-5", "5e-6")
    },
    "SMA": SMA,
    "SWAD": SWAD,
    "ERM Ens.": replace(ERM, members=6),
    "EoA": replace(SMA, members=6),
    "QT-DoG": QT_DOG,
    "QT-DoG (LSQ)": QT_DOG,
    "QT-DoG (INQ)": replace(QT_DOG, quantizer="inq"),
    "QT-DoG (channel-wise step size)": QT_DOG,
    "QT-DoG (layer-wise step size)": replace(QT_DOG, granularity="tensor"),
    **{
        f"QT-DoG (quantize at step {step})": replace(QT_DOG, start=step)
        for step in (1000, 2000, 3000, 4000)
    },
    "ERM_ViT + QT-DoG": QT_DOG,
    "CORAL + QT-DoG": replace(QT_DOG, objective="coral"),
    "MixStyle + QT-DoG": replace(QT_DOG, objective="mixstyle"),
    "EoQ": replace(QT_DOG, members=5),
}

OTHER_PAPERS = "a method of another paper that this package does not implement"
NOT_IMPLEMENTED = {
    **dict.fromkeys(
        (
            *("IRM", "GroupDRO", "Mixup", "MLDG", "MMD", "Fish", "Fishr", "MIRO", "CCFP", "ARM"),
            *("VREx", "RSC", "SagNet", "DART", "CLIPood"),
        ),
        OTHER_PAPERS,
    ),
    "DiWA": "60 runs whose weights are averaged; this package averages along one run",
    "OBC (post-training)": (
        "second-order rounding; what this package rounds after training is rounded to nearest"
    ),
    "ERM-SD_ViT": "self-distillation between a transformer's blocks is not implemented",
    "SWA": (
        "averages a checkpoint an epoch at a constant learning rate; this package averages every "
        "step (SMA) or by SWAD's rule"
    ),
}


@dataclass(frozen=True)
class Cell:
    """A row of a table on one benchmark: what the paper prints there, and how to train it."""

    table: str
    dataset: str
    backbone: str
    name: str
    """The method as the table calls it."""
    bits: int | None
    """None in full precision."""
    how: Method
    printed: tuple[Result, ...]
    """The row's numbers: averages and held-out domains, target and in-domain."""
    trials: int = 3
    """Seeds that the mean is over; an ensemble is one trial."""

    @property
    def seeds(self) -> range:
        """Seeds to train."""
        return range(self.how.members if self.how.members > 1 else self.trials)


@dataclass(frozen=True)
class Missing:
    """A row that stays the paper's alone."""

    table: str
    name: str
    reason: str


def tables() -> tuple[str, ...]:
    """Numbers of the tables that have a plan."""
    return tuple(TITLES)


def datasets(table: str) -> tuple[str, ...]:
    """The benchmarks of a table, in its order."""
    return tuple(dict.fromkeys(cell.dataset for cell in cells(table)))


@lru_cache
def cells(table: str, dataset: str | None = None) -> tuple[Cell, ...]:
    """What this package can run of a table, of all its benchmarks or of one.

    Raises ValueError for a table without a plan and a benchmark that it does not have.
    """
    found: dict[tuple[str, str, str, int | None], list[Result]] = {}
    for one in rows(table):
        if one.dataset != ALL_BENCHMARKS and one.method in PAPERS_METHODS:
            found.setdefault((one.dataset, one.backbone, one.method, one.bits), []).append(one)
    known = dict.fromkeys(key[0] for key in found)
    if dataset is not None and dataset not in known:
        raise ValueError(f"Table {table} has no {dataset}. It has: {', '.join(known)}.")
    return tuple(
        Cell(table, *key, PAPERS_METHODS[key[2]], tuple(printed))
        for key, printed in found.items()
        if dataset in (None, key[0])
    )


def missing(table: str) -> tuple[Missing, ...]:
    """The rows of a table that this package cannot run, with the reason."""
    names = dict.fromkeys(one.method for one in rows(table) if one.method in NOT_IMPLEMENTED)
    return tuple(Missing(table, name, NOT_IMPLEMENTED[name]) for name in names)


@lru_cache
def rows(table: str) -> tuple[Result, ...]:
    """All that the paper prints in a table. Raises ValueError for one without a plan."""
    if table == "3":
        raise ValueError(TABLE_3)
    if table not in TITLES:
        raise ValueError(f"There is no plan for table {table}. There are: {', '.join(TITLES)}.")
    return tuple(one for one in load_results().paper if one.table == table)
