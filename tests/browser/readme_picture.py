"""`python -m tests.browser.readme_picture`: makes the README's picture of the live view anew.

One of the browser tests takes it. Look at the picture before you commit it.
"""

import shutil
import sys
from pathlib import Path

import pytest

from .conftest import SHOTS

HERE = Path(__file__).parent
PICTURE = HERE / "live_view.png"
TEST = f"{HERE / 'test_start_here.py'}::test_the_picture_of_the_readme"


def main() -> int:
    made = SHOTS / PICTURE.name
    made.unlink(missing_ok=True)
    status = pytest.main(["-q", TEST])
    if not made.exists():
        print("no picture was made", file=sys.stderr)
        return int(status) or 1
    shutil.copy(made, PICTURE)
    print(f"{PICTURE.relative_to(HERE.parents[1])}: {PICTURE.stat().st_size / 1000:.0f} kB")
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
