"""A stored network as a session of ONNX Runtime: a checked graph and a checkpoint's weights."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np
import onnxruntime

from qtdog.inference.graph import FEATURES, LOGITS, Graph, GraphError
from qtdog.inference.halves import halves
from qtdog.inference.members import Half
from qtdog.inference.onnx_messages import EXTERNAL, Model, canonical

MOST_BYTES = 2 << 30  # of what all sessions compute: so much a stranger's graph may ask for
MOST_SECONDS_AN_IMAGE = 10  # of a stranger's graph: it then goes on in torch
MOST_PIXELS = 8 * 128 * 128  # in one run: more images at once take more memory, not less time


class OnnxNetwork:
    """One network; any thread may ask, several at once. It computes with one thread: what is to be
    done at once is shared out by `qtdog.inference.members`.

    `weights`: float32, by name, see `qtdog.inference.weights`. Raises GraphError for a graph that
    does not run, or not with these; a foreign one computes for at most `MOST_SECONDS_AN_IMAGE`,
    reckoned between its operations. `in_halves`: two cores can take turns at it, see
    `qtdog.inference.members`; only a graph of ours is cut.
    """

    needs_torch = False

    def __init__(
        self,
        graph: Graph,
        weights: Mapping[str, np.ndarray],
        classes: int,
        in_halves: bool = False,
    ) -> None:
        size = graph.facts.image_size
        self._name, self._watched = f"The graph of {graph.facts.architecture}", not graph.ours
        self.images_at_once = max(1, MOST_PIXELS // size**2)
        self.weight_bytes = sum(one.nbytes for one in weights.values())
        self.head = weights.get(f"{graph.facts.classifier}.weight") if graph.has_features else None
        """Of a network whose logits are the mean of its last feature map over places through one
        linear layer: that layer's weights, (classes, channels); of others None."""
        model = _with_shapes(graph, weights)
        parts = halves(model) if in_halves and graph.ours else None
        with self._said():
            self._sessions = [_session(part, weights, graph.ours) for part in parts or (model,)]
        self.halves: tuple[Half, Half] | None = (self._first, self._second) if parts else None
        if self._watched:  # of ours that is known, and to ask takes as long as two images
            logits = self._run(np.zeros((2, 3, size, size), np.float32), LOGITS)
            if logits.shape != (2, classes) or logits.dtype != np.float32:
                raise GraphError(f"{self._name} gives no logits.")

    def logits(self, images: np.ndarray) -> np.ndarray:
        """(batch, 3, size, size) float32, normalised -> (batch, classes) float32."""
        return self._run(images, LOGITS)

    def features(self, images: np.ndarray) -> np.ndarray:
        """The last feature map, (batch, channels, h, w) float32; only where there is a `head`."""
        return self._run(images, FEATURES)

    def _run(self, images: np.ndarray, output: str) -> np.ndarray:
        return self._second(self._first(images) if self.halves else images, output)

    def _first(self, images: np.ndarray) -> np.ndarray:
        return self._part(self._sessions[0], images, None)

    def _second(self, values: np.ndarray, output: str = LOGITS) -> np.ndarray:
        return self._part(self._sessions[-1], values, output)

    def _part(
        self, session: onnxruntime.InferenceSession, values: np.ndarray, output: str | None
    ) -> np.ndarray:
        with self._said(), self._deadline(len(values)) as options:
            name = session.get_inputs()[0].name
            return np.asarray(session.run(output and [output], {name: values}, options)[0])

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except GraphError:
            raise
        except Exception as error:  # onnxruntime's errors have no common class
            reason = str(error).strip().partition("\n")[0]
            raise GraphError(f"{self._name} does not run: {reason:.200}") from None

    @contextmanager
    def _deadline(self, images: int) -> Iterator[onnxruntime.RunOptions | None]:
        if not self._watched:  # a thread for each run costs a small network a tenth of its time
            yield None
            return
        options, seconds = onnxruntime.RunOptions(), MOST_SECONDS_AN_IMAGE * images
        timer = threading.Timer(seconds, setattr, (options, "terminate", True))
        timer.daemon = True
        timer.start()
        try:
            yield options
        except Exception:
            if options.terminate:
                raise GraphError(f"{self._name} takes over {seconds:g} seconds.") from None
            raise
        finally:
            timer.cancel()


def _session(
    model: Any, weights: Mapping[str, np.ndarray], ours: bool
) -> onnxruntime.InferenceSession:
    names = [one.name for one in model.graph.initializer if one.data_location == EXTERNAL]
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(weights[name]) for name in names]
    options = _options()
    options.add_external_initializers(names, values)
    return onnxruntime.InferenceSession(
        canonical(model),
        options,
        providers=["CPUExecutionProvider"],
        # What is folded is made outside of the arena, and so of its bound.
        disabled_optimizers=[] if ours else ["ConstantFolding"],
    )


def _options() -> onnxruntime.SessionOptions:
    _shared_memory()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what goes wrong is raised
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.use_env_allocators", "1")
    # Weights lie outside of the shared arena, whose bound is for what a graph computes.
    options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")
    return options


@lru_cache
def _shared_memory() -> None:
    """One bounded arena for all sessions, instead of one that grows without end for each."""
    arena = onnxruntime.OrtArenaCfg({"max_mem": MOST_BYTES, "arena_extend_strategy": 1})
    memory = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    onnxruntime.create_and_register_allocator(memory, arena)


def _with_shapes(graph: Graph, weights: Mapping[str, np.ndarray]) -> Any:
    """The model for weights of these shapes: the head has a row a class."""
    model = Model()
    model.CopyFrom(graph.model)
    for tensor in model.graph.initializer:
        if tensor.data_location == EXTERNAL:
            tensor.dims[:] = weights[tensor.name].shape
    return model
