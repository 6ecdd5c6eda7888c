"""What a benchmark found: printed as Markdown, and kept as JSON where asked for."""

import argparse
import json
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from benchmarks.harness import Figures, heading, table


class Finding(NamedTuple):
    """One measured number, and what it should be.

    Attributes:
        what: What was measured.
        value: The number.
        unit: Its unit, empty where it has none.
        at_most: The largest value that meets the target, where there is such a target.
        at_least: The smallest one.
    """

    what: str
    value: float
    unit: str = ""
    at_most: Optional[float] = None
    at_least: Optional[float] = None

    @property
    def target(self) -> str:
        """The target in words, empty where there is none."""
        if self.at_most is not None:
            return f"≤ {self.at_most:g} {self.unit}".rstrip()
        if self.at_least is not None:
            return f"≥ {self.at_least:g} {self.unit}".rstrip()
        return ""

    @property
    def met(self) -> bool:
        """Whether the target is met, which NaN never does."""
        return (self.at_most is None or self.value <= self.at_most) and (
            self.at_least is None or self.value >= self.at_least
        )

    @property
    def measured(self) -> str:
        """The number with its unit."""
        return f"{self.value:.3g} {self.unit}".rstrip()


class Report:
    """The findings of a benchmark, which are printed as they are made.

    Args:
        title: What was measured.
        module: The benchmark's name.
        args: Its options: `device` and `json` are read.
    """

    def __init__(self, title: str, module: str, args: argparse.Namespace):
        self.json: Optional[Path] = args.json
        self.findings: List[Finding] = []
        self.tables: Dict[str, List[Dict[str, Any]]] = {}
        print(heading(title, module, args.device), flush=True)

    def finding(self, what: str, value: float, unit: str = "", **target: float) -> None:
        """Add a number.

        Args:
            what: What was measured.
            value: The number.
            unit: Its unit.
            target: `at_most` or `at_least`.
        """
        self.findings.append(Finding(what, float(value), unit, **target))
        last = self.findings[-1]
        line = f"- {what}: {last.measured}"
        if last.target:
            line += f" (target {last.target}{'' if last.met else ', missed'})"
        print(line, flush=True)
        self._write()

    def comparison(self, title: str, rows: Sequence[Figures], clips: int) -> None:
        """Add a comparison of variants to the first of them.

        Args:
            title: What they do.
            rows: What `harness.compare` gave.
            clips: How many clips each of them dealt with.
        """
        self.tables[title] = [
            dict(row._asdict(), clips_per_second=clips / row.seconds) for row in rows
        ]
        print(f"\n{title}:\n\n{table(rows, clips)}", flush=True)
        self._write()

    def _write(self) -> None:
        # each time: what was measured is kept, whatever comes after it
        if self.json is not None:
            findings = [
                dict(f._asdict(), target=f.target, met=f.met) for f in self.findings
            ]
            content = dict(findings=findings, tables=self.tables)
            self.json.write_text(json.dumps(content, indent=1), encoding="utf-8")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that `Report` reads."""
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--json", type=Path, help="where to write the numbers, too")
