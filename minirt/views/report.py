"""How is a run sent to somebody who has no kernel?

As one HTML file: the recording, the code that plays it, and a still for who runs no code. It asks
no other host for anything, and takes the colours of the reader's system.
"""

import linecache
from collections.abc import Iterable
from html import escape

from minirt.views.picture import Picture
from minirt.views.saved import saved_run
from minirt.views.tape import pack, tape
from minirt.views.watch import Watch
from minirt.watching.trace import Event, escaped

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 12px auto; max-width: 1304px; padding: 0 12px; font: 14px system-ui, sans-serif; }}
h1 {{ font-size: 18px; }}
@media (prefers-color-scheme: dark) {{
  body {{ --jp-ui-font-color1: #e6e6e6; --jp-layout-color1: #1e1e1e; background: #1e1e1e;
    color: #e6e6e6; }}
}}
</style>
</head>
<body>
<script>
document.body.dataset.jpThemeLight = !matchMedia("(prefers-color-scheme: dark)").matches;
</script>
<h1>{title}</h1>
{box}
</body>
</html>
"""


def page(
    events: Iterable[Event], title: str, state: str = "ended", error: str = "", dropped: int = 0
) -> str:
    """The last 12,000 events as an HTML page that plays them.

    state, error: how the run has ended, as a live view says it. dropped: events before these.
    """
    watch = Watch()
    for event in events:
        watch.record(event)
    entries = watch.entries()
    recorded = tape(
        entries,
        dropped=dropped + watch.dropped,
        before=watch.before,
        source=linecache.getline,
    )
    still = Picture(entries, dropped + watch.dropped)._repr_html_()
    box = saved_run(still, pack(recorded), {"state": state, "error": escaped(error)})
    return PAGE.format(title=escape(escaped(title)), box=box)
