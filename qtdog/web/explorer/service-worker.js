// The page without a network: its files, kept as they were when this version came.

const VERSION = "of no version";
