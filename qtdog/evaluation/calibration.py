"""How far a network's probabilities can be believed."""

import math

import numpy as np

BINS = 15
TEMPERATURES = (0.05, 20.0)
"""Between which a network's is looked for."""


def log_probabilities(logits: np.ndarray) -> np.ndarray:
    """log softmax in float64. `logits`: (n, classes). Returns the same shape."""
    shifted = logits.astype(np.float64) - logits.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


def negative_log_likelihood(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean of -log p(label), in nats: 0 is certain and right, log(classes) a guess.

    `logits`: (n, classes), `labels`: (n,).
    """
    return float(-log_probabilities(logits)[np.arange(len(labels)), labels].mean())


def fitted_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature, 0.05 to 20, by which the logits are divided for the least negative
    log-likelihood (Guo et al., ICML 2017, Sec. 4.2). `logits`: (n, classes), `labels`: (n,)."""
    from scipy.optimize import minimize_scalar  # only where one is fitted: the page starts without

    def loss(log_temperature: float) -> float:
        return negative_log_likelihood(logits / math.exp(log_temperature), labels)

    bounds = [math.log(one) for one in TEMPERATURES]
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return math.exp(float(found.x))


def expected_calibration_error(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean gap between confidence and accuracy, 0..1, weighted by the images in each of 15 equal
    bins of confidence (Guo et al., ICML 2017, Eq. 3). `logits`: (n, classes), `labels`: (n,)."""
    probabilities = np.exp(log_probabilities(logits))
    confidence, right = probabilities.max(1), logits.argmax(1) == labels
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = [
        abs(right[bins == place].mean() - confidence[bins == place].mean()) * (bins == place).mean()
        for place in np.unique(bins)
    ]
    return float(sum(gaps))
