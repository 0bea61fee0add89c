"""The model card of a published checkpoint set, written from its configs and measured results."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from qtdog.checkpoints import CHECKPOINT_NAMES, FULL_PRECISION_BITS, CheckpointConfig
from qtdog.citation import CITATION
from qtdog.method_names import quantizer_suffix
from qtdog.results import MeasuredResult

# Spellings of the benchmarks' papers, and the repositories on the Hub that hold the same images.
DATASET_NAMES = {
    "pacs": "PACS",
    "vlcs": "VLCS",
    "officehome": "OfficeHome",
    "terraincognita": "TerraIncognita",
    "domainnet": "DomainNet",
}
DATASETS_ON_THE_HUB = {"pacs": "flwrlabs/pacs", "officehome": "flwrlabs/office-home"}
PROTOCOL = "leave one domain out; checkpoint chosen by source validation; all target images"


@dataclass(frozen=True)
class CardEntry:
    """One checkpoint as the card shows it."""

    path: str
    """"dataset/target/checkpoint", its folder in the repository."""
    config: CheckpointConfig
    size_bytes: int
    """Its files, of an ensemble with its members'."""
    measured: MeasuredResult | None
    """Its row of measured.csv, where there is one."""

    @property
    def title(self) -> str:
        """Method, bit width, averaged weights, seed."""
        config = self.config
        parts = [_method(config)]
        if config.bits != FULL_PRECISION_BITS:
            parts.append(f"{config.bits} bits")
        if config.averaged:
            parts.append("averaged weights")
        if config.training:
            parts.append(f"seed {config.training.seed}")
        elif config.method == "eoq":
            parts.append(f"{len(config.files)} members")
        return ", ".join(parts)


def model_card(repo_id: str, entries: Sequence[CardEntry], licence: str) -> ModelCard:
    """The README.md of the repository `repo_id`, front matter and text.

    Every number is a config's or measured.csv's; accuracies are fractions in the front matter and
    percent in the text.
    """
    data = ModelCardData(
        license=licence,
        library_name="qtdog",
        pipeline_tag="image-classification",
        datasets=_hub_datasets(entries) or None,
        metrics=["accuracy"],
        tags=_tags(entries),
        model_name=repo_id.split("/")[-1],
        eval_results=[result for entry in entries for result in eval_results(entry)],
    )
    text = "\n\n".join(
        [
            f"# {repo_id.split('/')[-1]}",
            _introduction(entries),
            "## Use",
            _usage(repo_id, entries),
            "## Measured",
            *(_table(key, group) for key, group in _by_target(entries).items()),
            _protocol(entries),
            "## How it was trained",
            _training(entries),
            "## Limits",
            _limits(entries),
            "## Citation",
            f"```bibtex\n{CITATION}\n```",
        ]
    )
    return ModelCard(f"---\n{data.to_yaml()}\n---\n\n{text}\n")


def eval_results(entry: CardEntry) -> list[EvalResult]:
    """The entry's results for the front matter's model-index."""
    config, measured = entry.config, entry.measured
    arguments = {
        "checkpoint": entry.path,
        "correct": config.target.correct,
        "total": config.target.total,
        "protocol": PROTOCOL,
    }
    values = [("accuracy", "Accuracy", round(config.target.fraction, 4))]
    if measured and measured.measurement.nll is not None:
        values.append(("nll", "Negative log-likelihood (nats)", measured.measurement.nll))
    if measured and measured.measurement.ece is not None:
        values.append(("ece", "Expected calibration error", measured.measurement.ece))
    return [
        EvalResult(
            task_type="image-classification",
            task_name="Image classification on a domain never seen in training",
            dataset_type=DATASETS_ON_THE_HUB.get(_key(config.dataset), config.dataset),
            dataset_name=f"{dataset_name(config.dataset)}, {config.target_domain} held out",
            dataset_config=config.target_domain,
            metric_type=kind,
            metric_name=f"{name}, {entry.title}",
            metric_value=value,
            metric_args=arguments,
        )
        for kind, name, value in values
    ]


def _method(config: CheckpointConfig) -> str:
    name = CHECKPOINT_NAMES.get(config.method, config.method)
    if config.method == "erm":
        return f"{name} ({' + '.join(config.added_methods) or 'ERM'})"
    name += quantizer_suffix(config.method, config.quantizer, config.refitted)
    return " + ".join((*config.added_methods, name))


def dataset_name(dataset: str) -> str:
    """As its paper spells it; an unknown one stays as it is."""
    return DATASET_NAMES.get(_key(dataset), dataset)


def _key(dataset: str) -> str:
    return re.sub(r"[\W_]", "", dataset.lower())


def _hub_datasets(entries: Sequence[CardEntry]) -> list[str]:
    keys = _each(entries, lambda config: _key(config.dataset))
    return [DATASETS_ON_THE_HUB[key] for key in keys if key in DATASETS_ON_THE_HUB]


def _tags(entries: Sequence[CardEntry]) -> list[str]:
    tags = ["domain-generalization", "quantization"]
    tags += _each(entries, lambda config: _library(config.architecture))
    tags += _each(entries, lambda config: config.architecture.rpartition("/")[2])
    tags += _each(entries, lambda config: config.method)
    return tags + _each(entries, lambda config: config.dataset)


def _library(architecture: str) -> str:
    """What builds the network: "timm/deit_small_patch16_224" is timm's."""
    return architecture.rpartition("/")[0] or "torchvision"


def _each(entries: Iterable[CardEntry], of: Callable[[CheckpointConfig], str]) -> list[str]:
    """What the configs say, each once, in order."""
    return list(dict.fromkeys(of(entry.config) for entry in entries))


def _by_target(entries: Sequence[CardEntry]) -> dict[tuple[str, str], list[CardEntry]]:
    groups: dict[tuple[str, str], list[CardEntry]] = {}
    for entry in entries:
        groups.setdefault((entry.config.dataset, entry.config.target_domain), []).append(entry)
    return groups


def _introduction(entries: Sequence[CardEntry]) -> str:
    datasets = _words(map(dataset_name, _each(entries, lambda config: config.dataset)))
    networks = _words(_each(entries, lambda config: config.architecture))
    targets = _words(_each(entries, lambda config: config.target_domain))
    return (
        f"Image classifiers for {datasets} ({networks}), each trained with one domain held out "
        f"({targets}) and measured on that domain: in full precision, with quantized weights "
        "(QT-DoG), and as an ensemble of quantized networks (EoQ), as far as the table lists them. "
        "QT-DoG trains with weights on a grid of b bits so that the network generalizes better to "
        "domains never seen ([arXiv 2410.06020](https://arxiv.org/abs/2410.06020)). This is an "
        "independent implementation."
    )


def _plain(value: object) -> str:
    """Somebody's name or word as Markdown that shows just that, on one line: neither markup nor a
    table's border."""
    return re.sub(r"([\\`*\[\]<>|#])", r"\\\1", " ".join(str(value).split()))


def _words(values: Iterable[str]) -> str:
    *most, last = map(_plain, values)
    return f"{', '.join(most)} and {last}" if most else last


def _usage(repo_id: str, entries: Sequence[CardEntry]) -> str:
    best = max(entries, key=lambda entry: entry.config.target.fraction).config
    target = json.dumps(best.target_domain, ensure_ascii=False)
    return f"""```python
import qtdog
from PIL import Image

model = qtdog.load("{repo_id}", target={target}, method="{best.method}")
logits = model(model.preprocess(Image.open("picture.jpg")))
print(model.classes[logits.argmax()])
```

`model` is a plain `torch.nn.Module`. Without the package, `index.json` lists the files with their
SHA-256; each folder has a `config.json` (classes, preprocessing, training) and a
`model.safetensors`."""


def _table(target: tuple[str, str], entries: Sequence[CardEntry]) -> str:
    dataset, domain = target
    config = entries[0].config
    lines = [
        f"### {_plain(dataset_name(dataset))}, {_plain(domain)} held out",
        "",
        f"Trained on {_words(config.source_domains)}; classes: {_words(config.classes)}.",
        "",
        "| model | folder | accuracy on the held-out domain | correct | source validation "
        "| NLL (nats) | ECE | size |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    lines += [_row(entry) for entry in entries]
    return "\n".join(lines)


def _row(entry: CardEntry) -> str:
    config = entry.config
    run = entry.measured and entry.measured.measurement
    cells = [
        _plain(entry.title),
        f"`{entry.path}`",
        f"{100 * config.target.fraction:.2f} %",
        f"{config.target.correct:,}/{config.target.total:,}",
        _percent(_source_validation(config)),
        f"{run.nll:.4f}" if run and run.nll is not None else "-",
        f"{run.ece:.4f}" if run and run.ece is not None else "-",
        f"{entry.size_bytes / 1e6:.2f} MB",
    ]
    return f"| {' | '.join(cells)} |"


def _source_validation(config: CheckpointConfig) -> float | None:
    shares = [accuracy.fraction for accuracy in config.source_validation]
    return sum(shares) / len(shares) if shares else None


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.2f} %"


def _protocol(entries: Sequence[CardEntry]) -> str:
    text = (
        "Protocol: one domain is held out; every source domain is split 80/20; the checkpoint is "
        "the one with the best mean accuracy on the source domains' 20 % (the column *source "
        "validation*). The held-out domain chose nothing, and all its images count. The "
        "accuracies are those of the stored files."
    )
    if any(entry.config.averaged for entry in entries):
        text += " *Averaged weights* are the mean over the steps since quantization."
    if any(entry.config.refitted for entry in entries):
        text += (
            " *Refitted*: their step sizes were fitted anew to the mean weights, by least squared "
            "error, instead of being means themselves."
        )
    if any(entry.measured and entry.measured.measurement.nll is not None for entry in entries):
        text += " NLL and ECE are over the held-out domain. A dash means: not measured."
    return text


def _training(entries: Sequence[CardEntry]) -> str:
    trained = [entry.config for entry in entries if entry.config.training]
    if not trained:
        return "The configs do not say."
    facts = {
        "data": _values(trained, lambda c: f"{dataset_name(c.dataset)}, as its publisher had it"),
        "fingerprint of the data": _values(trained, lambda c: c.own_training.data_fingerprint),
        "start weights": _values(trained, lambda c: c.own_training.start_weights),
        "image size": _values(trained, lambda c: f"{c.image_size} px"),
        "images a source domain and step": _values(
            trained, lambda c: c.own_training.images_per_domain
        ),
        "steps": _values(trained, lambda c: f"{c.own_training.steps:,}"),
        "quantized at step": _values(
            [c for c in trained if c.bits != FULL_PRECISION_BITS],
            lambda c: f"{c.own_training.quantize_step:,}",
        ),
        "learning rate (Adam)": _values(trained, lambda c: f"{c.own_training.learning_rate:g}"),
        "seeds": _values(trained, lambda c: c.own_training.seed),
        "hardware": _values(trained, lambda c: c.own_training.hardware),
        "versions": _values(trained, lambda c: c.own_training.versions),
        "code": _values(trained, lambda c: c.own_training.commit),
    }
    lines = [f"- {name}: {value}" for name, value in facts.items() if value]
    commands = dict.fromkeys(config.own_training.command for config in trained)
    block = "\n".join(command for command in commands if command)
    return "\n".join(lines) + f"\n\nThe commands:\n\n```\n{block}\n```"


def _values(configs: Sequence[CheckpointConfig], of: Callable[[CheckpointConfig], object]) -> str:
    return ", ".join(dict.fromkeys(_plain(of(config)) for config in configs))


def _limits(entries: Sequence[CardEntry]) -> str:
    most = max(
        len({e.config.training.seed for e in group if e.config.training})
        for group in _by_target(entries).values()
    )
    seeds = {0: "no seed that is recorded", 1: "one seed"}.get(most, f"up to {most} seeds")
    spread = _largest_spread(entries)
    wander = f", and differ by up to {spread:.1f} points between seeds" if spread else ""
    return f"""- The networks know their classes and no others: any picture is put into one of them.
- The figures rest on {seeds} a held-out domain{wander}: a difference between methods that is not
  clearly larger says nothing.
- Other domains than those measured may be harder. Nothing here was tested for decisions about
  people, and none should rest on it.
- Weights are quantized, activations are not: files are smaller, the arithmetic is in float32."""


def _largest_spread(entries: Sequence[CardEntry]) -> float:
    """Points of accuracy between the best and the worst seed of one method on one domain."""
    groups: dict[tuple[object, ...], list[float]] = {}
    for config in (entry.config for entry in entries if entry.config.training):
        place = (config.dataset, config.target_domain)
        how = (config.method, config.added_methods, config.quantizer)
        key = (*place, *how, config.bits, config.averaged, config.refitted)
        groups.setdefault(key, []).append(100 * config.target.fraction)
    return max((max(shares) - min(shares) for shares in groups.values()), default=0.0)
