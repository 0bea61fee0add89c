"""What was measured at a bit width, on all images of the held-out domain."""

from collections.abc import Sequence

from qtdog.checkpoints import CheckpointConfig
from qtdog.results import MeasuredResult, main_setting, mean_and_error
from qtdog.ui.markup import Markup, html
from qtdog.ui.sentences import listed, plain

SAID = {
    "ERM": "in full precision",
    "Post-training": "rounded after training",
    "Post-training (least error)": "rounded after training with the smallest squared error",
    "QT-DoG": "with QT-DoG, rounded while it trained",
}
FULL_PRECISION = 32


def measured_at(
    bits: int, reference: CheckpointConfig, measured: Sequence[MeasuredResult]
) -> Markup:
    """One sentence: the mean accuracies of the single networks on the reference's held-out domain
    at this width and in full precision, with averaged weights where the reference's are. Empty
    where none was measured."""
    same = [
        one
        for one in measured
        if one.dataset.lower() == reference.dataset.lower() and one.split == "target"
    ]
    said = [
        f"{mean:.1f} % {words}{_seeds(count)}"
        for method, words in SAID.items()
        for mean, count in _mean(method, bits, reference, same)
    ]
    if not said:
        return Markup()
    return html(
        '<p class="measured-at">Measured where {} is held out, at {} bits{}: {}.</p>',
        plain(reference.target_domain),
        bits,
        ", all with averaged weights" if reference.averaged else "",
        listed(said),
    )


def _mean(
    method: str, bits: int, reference: CheckpointConfig, same: Sequence[MeasuredResult]
) -> list[tuple[float, int]]:
    """The mean accuracy in percent and over how many seeds, of the method's main setting; nothing
    where it was not measured at this width."""
    main, domain = main_setting(same, method, reference.averaged)[:1], reference.target_domain
    width = FULL_PRECISION if method == "ERM" else bits
    values = [
        one.accuracy
        for one in same
        if main
        and (one.method, one.domain, one.bits or FULL_PRECISION) == (method, domain, width)
        and _how(one) == _how(main[0])
    ]
    return [(mean_and_error(values)[0], len(values))] if values else []


def _how(one: MeasuredResult) -> tuple[object, ...]:
    run = one.measurement
    return run.averaged, run.granularity, run.quantize_step, run.steps


def _seeds(count: int) -> str:
    return " (one seed)" if count == 1 else f" (mean of {count} seeds)"
