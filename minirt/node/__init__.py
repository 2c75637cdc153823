"""One program in the style of Node: its life from `run` to `close`, and the names it calls."""
