"""How a run's method is called, put together from its parts as the paper's tables do."""

METHODS = {
    "erm": "ERM",
    "qt-dog": "QT-DoG",
    "freeze": "Freeze",
    "noise": "Noise of one step size",
    "post-training": "Post-training",
}
ENSEMBLES = {"erm": "ERM ensemble", "qt-dog": "EoQ", "post-training": "EoPTQ"}
OBJECTIVES = {
    "erm": "ERM",
    "coral": "CORAL",
    "mixstyle": "MixStyle",
    "sam": "SAM",
    **{
        f"noise-{size}": f"ERM + uniform weight noise ±{size}"
        for size in ("1e-4", "5e-5", "1e-5", "5e-6")
    },
}
QUANTIZER_SUFFIXES = {"inq": " (INQ)", "lsq-fitted": " (fitted)"}
AVERAGINGS = {"sma": "SMA", "swad": "SWAD"}


def added_methods(objective: str, averaging: str) -> tuple[str, ...]:
    """The DG methods beside quantization, none of them for cross-entropy and the moving average,
    which every run has."""
    objectives = () if objective == "erm" else (OBJECTIVES[objective],)
    return objectives + (() if averaging == "sma" else (AVERAGINGS[averaging],))


def method_name(
    method: str,
    objective: str = "erm",
    averaging: str = "sma",
    quantizer: str | None = "lsq",
    refitted: bool = False,
) -> str:
    """ "ERM", "QT-DoG", "QT-DoG (INQ)", "CORAL", "CORAL + QT-DoG", "CORAL + SWAD + QT-DoG"."""
    added = added_methods(objective, averaging)
    quantization = () if added and method == "erm" else (METHODS[method],)
    return " + ".join(added + quantization) + quantizer_suffix(method, quantizer, refitted)


def ensemble_name(
    method: str,
    objective: str = "erm",
    averaging: str = "sma",
    quantizer: str | None = "lsq",
    refitted: bool = False,
) -> str:
    """The same for an ensemble of five: "ERM ensemble", "EoQ", "CORAL ensemble", "CORAL + EoQ"."""
    added = added_methods(objective, averaging)
    if added and method == "erm":
        return f"{' + '.join(added)} ensemble"
    suffix = quantizer_suffix(method, quantizer, refitted)
    return " + ".join((*added, ENSEMBLES[method])) + suffix


def quantizer_suffix(method: str, quantizer: str | None, refitted: bool = False) -> str:
    """ " (INQ)" or " (fitted)" for a method that trains with that quantizer, LSQ goes without;
    " (refitted)" where the step sizes were fitted anew to averaged weights, instead of being
    means."""
    if method not in ("qt-dog", "freeze", "eoq"):
        return ""
    named = QUANTIZER_SUFFIXES.get(quantizer or "", "")
    return named + (" (refitted)" if refitted else "")
