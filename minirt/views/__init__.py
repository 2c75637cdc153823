"""How does a run look? Views draw a trace; none of them looks inside the loop."""
