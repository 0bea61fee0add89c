"""How a run's method is called, put together from its parts as the paper's tables do."""

METHODS = {
    "erm": "ERM",
    "qt-dog": "QT-DoG",
    "freeze": "Freeze",
    "post-training": "Post-training",
}
ENSEMBLES = {"erm": "ERM ensemble", "qt-dog": "EoQ"}
OBJECTIVES = {"erm": "ERM", "coral": "CORAL", "mixstyle": "MixStyle", "sam": "SAM"}


def method_name(method: str, objective: str = "erm") -> str:
    """ "ERM", "QT-DoG", "CORAL", "CORAL + QT-DoG": the objective is named unless it is ERM's, the
    quantization unless there is none."""
    if objective == "erm":
        return METHODS[method]
    return " + ".join([OBJECTIVES[objective]] + ([METHODS[method]] if method != "erm" else []))


def ensemble_name(method: str, objective: str = "erm") -> str:
    """The same for an ensemble of five: "ERM ensemble", "EoQ", "CORAL ensemble", "CORAL + EoQ"."""
    if objective == "erm":
        return ENSEMBLES[method]
    name = OBJECTIVES[objective]
    return f"{name} ensemble" if method == "erm" else f"{name} + {ENSEMBLES[method]}"
