"""How fast is minirt, beside the loops that a reader may know?

Run `python -m tests.benchmarks`. How it measures, and why so:

- A figure from one machine means nothing on another, so what is compared are ratios: minirt and its
  peers did the same work on the same machine within the same minute.
- Every measurement is a fresh process, so that no peer inherits another's heap, caches or warmed-up
  code.
- The order is shuffled anew in every round. A machine that slows down half-way hurts nobody in
  particular.
- A ratio is taken within one round; the table shows the median of the rounds, and the lowest and
  highest beside it.
- CPU time of the whole process (user and system, every thread), because a neighbour on the machine
  cannot add to it. Wall-clock time only where waiting is the point: threads that hand work to each
  other, lateness, latency, imports.
- A server is measured in its own process; the load comes from another one.
- Everything that is the same for all peers is written once (`turnover.py`, `loops.py`); what
  differs is a small class a peer. Where a choice had to be made, it was made in the peer's favour,
  and is told in a comment.

`rows.py` is the table of contents: every row, its peers and its goals.
"""
