"""A loop, and nothing of Node, of `Js` at the edge, of Jupyter or of one program's life."""
