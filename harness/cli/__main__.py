"""`python -m harness.cli`, which is what `./hil` starts."""

from __future__ import annotations

import sys

from harness.cli import main

sys.exit(main())
