"""How far a network's probabilities can be believed."""

import numpy as np

BINS = 15


def log_probabilities(logits: np.ndarray) -> np.ndarray:
    """log softmax in float64. `logits`: (n, classes). Returns the same shape."""
    shifted = logits.astype(np.float64) - logits.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


def negative_log_likelihood(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean of -log p(label), in nats: 0 is certain and right, log(classes) a guess.

    `logits`: (n, classes), `labels`: (n,).
    """
    return float(-log_probabilities(logits)[np.arange(len(labels)), labels].mean())


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
