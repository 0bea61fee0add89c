"""The page as its tests and scripts know it."""

# Its tabs, and what tells that each has done its work, not only that it is there.
SHOWS = {
    "try": "#answers .card",
    "shift": "text=Probability of",
    "train": ".train-scores",
    "batch": "text=Classify",
    "results": "#plot-memory .main-svg",
    "landscape": "text=On your pictures, now",
    "quantize": "text=The whole network, at every width",
    "learn": "text=What is a domain?",
    "about": "text=How they were trained",
}
# What scripts rely on: every endpoint with its parameters, in order.
ENDPOINTS = {
    "/batch": "files target",
    "/checkpoint_source": "",
    "/classify": "image target",
    "/classify_opened": "key image target",
    "/compare_weights": "first second layer",
    "/explain": "image target label",
    "/landscape": "target images kind",
    "/landscape_live": "images labels target distance round_again",
    "/open_models": "address",
    "/quantize_layer": "checkpoint layer bits channel granularity rule",
    "/quantize_network": "checkpoint image granularity rule",
    "/results": "source benchmark backbone table",
    "/run_log": "name",
    "/shift": "image shift label target severity",
    "/your_results": "files",
}
