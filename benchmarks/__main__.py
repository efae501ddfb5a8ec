"""All benchmarks, one after the other: python -m benchmarks [--quick]."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

FULL: Final = (
    ("benchmarks.evaluation",),
    ("benchmarks.protocols",),
    ("benchmarks.business_time",),
    ("benchmarks.mirroring",),
    ("benchmarks.mirroring", "--flat"),
    ("benchmarks.servicenow_mirroring",),
    ("benchmarks.servicenow_mirroring", "--flat"),
    ("benchmarks.servicenow_requests",),
    ("benchmarks.zendesk_mirroring",),
    ("benchmarks.zendesk_mirroring", "--flat"),
    ("benchmarks.zendesk_mirroring", "--news"),
    ("benchmarks.zendesk_updates",),
    ("benchmarks.tick",),
    ("benchmarks.similar",),
    ("benchmarks.states",),
    ("benchmarks.backtest",),
    ("benchmarks.million",),
    ("benchmarks.sweep",),
    ("benchmarks.plan",),
    ("benchmarks.write_back",),
    ("benchmarks.intake",),
)
QUICK: Final = (
    ("benchmarks.evaluation", "--rounds", "1"),
    ("benchmarks.protocols", "--rounds", "1"),
    ("benchmarks.business_time", "--rounds", "3"),
    ("benchmarks.mirroring", "--tickets", "5000", "--rounds", "1"),
    ("benchmarks.mirroring", "--tickets", "5000", "--flat"),
    ("benchmarks.servicenow_mirroring", "--tickets", "5000", "--rounds", "1"),
    ("benchmarks.servicenow_requests", "--changed", "200", "--due", "64"),
    ("benchmarks.zendesk_mirroring", "--tickets", "5000", "--rounds", "1"),
    ("benchmarks.zendesk_mirroring", "--news", "--tickets", "2000", "--rounds", "1"),
    ("benchmarks.zendesk_updates", "--due", "200", "--people", "50"),
    ("benchmarks.tick", "--sizes", "10000", "100000"),
    ("benchmarks.similar", "--sizes", "2000"),
    ("benchmarks.states", "--tickets", "10000"),
    ("benchmarks.backtest", "--rounds", "1"),
    ("benchmarks.million", "--tickets", "50000"),
    ("benchmarks.sweep", "--tickets", "50000", "--batches", "40"),
    ("benchmarks.plan", "--tickets", "50000"),
    ("benchmarks.write_back", "--escalations", "100", "--rounds", "1", "--due", "500", "--seconds", "10"),
    ("benchmarks.intake", "--rounds", "1", "--calls", "4000", "--written", "10"),
)


def main() -> None:
    failed = []
    for module, *arguments in QUICK if "--quick" in sys.argv[1:] else FULL:
        print(f"\n## {module} {' '.join(arguments)}\n", flush=True)
        if subprocess.run([sys.executable, "-m", module, *arguments], check=False).returncode:  # noqa: S603 - ours
            failed.append(module)
    if failed:
        sys.exit(f"FAILED: {', '.join(failed)}")


if __name__ == "__main__":
    main()
