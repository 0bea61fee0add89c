"""The page's tabs, and what tells that each has done its work, not only that it is there."""

SHOWS = {
    "try": "#answers .card",
    "shift": "text=Probability of",
    "batch": "text=Classify",
    "results": "#plot-training .main-svg",
    "landscape": "text=On your pictures, now",
    "quantize": "text=The whole network, at every width",
    "learn": "text=What is a domain?",
    "about": "text=How they were trained",
}
