"""How long a SARIF log of many results takes to write: CPU seconds and bytes, from 1 to 5,000 results.

    python -m benchmarks.sarif_growth

GitHub shows 5,000 results of a run; writing that many is to take two seconds. Results are copies of a real finding with
places of their own. What it does not measure: analysis.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

from barrierlint.finding import Report
from barrierlint.inputs import Request
from barrierlint.pipeline import Options, all_rules, run
from barrierlint.report import sarif

ROOT = Path(__file__).resolve().parents[1]
COUNTS = (1, 100, 1_000, 5_000)


def main() -> int:
    report = run(Options(Request((str(ROOT / "fixtures/BL001/branch.c"),), flags=())))
    first = report.findings[0]
    print(f"{'results':>8} {'seconds':>8} {'bytes':>12}")
    for count in COUNTS:
        findings = tuple(replace(first, fingerprint=f"{number:016x}") for number in range(count))
        started = time.process_time()
        text = sarif.render(Report(findings), all_rules())
        print(f"{count:>8} {time.process_time() - started:>8.2f} {len(text):>12}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
