"""How does a run look? A view draws a trace, and never asks the loop itself."""
