"""Collect the runs of the paper's experiment into its tables."""

import argparse
from pathlib import Path
from typing import List, Optional

from espnet_samos.bin.errors import exit_on
from espnet_samos.evaluation.experiment import (
    OUTSIDE,
    experiment_tables,
    plot_runs,
    read_published,
    read_runs,
    row_title,
)
from espnet_samos.evaluation.report import results_head
from espnet_samos.evaluation.scoring import ScoringError
from espnet_samos.utils.files import write_text

EXPLANATION = (
    "Mean±standard deviation over runs, which differ in their seeds: this is the "
    "spread of trainings, not an interval over clips."
)


def get_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        description="Collect <row>/run*/<inference_tag>/<set>/scores.json below "
        "exp_dir into its RESULTS.md, with a plot for each test set.",
    )
    parser.add_argument("--exp_dir", type=Path, required=True)
    parser.add_argument(
        "--rows",
        nargs="+",
        required=True,
        help="<model>/<training>, e.g. sa_ssl_mos/two_step",
    )
    parser.add_argument("--test_sets", nargs="+", required=True)
    parser.add_argument("--inference_tag", required=True)
    parser.add_argument("--train_set", required=True, help="what `train` means")
    parser.add_argument("--pretrain_set", required=True, help="what `pretrain` means")
    parser.add_argument("--published", help="YAML file of published figures")
    return parser


@exit_on(ScoringError)
def main(cmd: Optional[List[str]] = None) -> None:
    """Run the command line `cmd`, or that of the process."""
    args = get_parser().parse_args(cmd)
    titles = {
        row: row_title(row, args.train_set, args.pretrain_set) for row in args.rows
    }
    published = read_published(args.published) if args.published else {}
    runs = {
        test_set: {
            row: read_runs(args.exp_dir, row, args.inference_tag, test_set)
            for row in args.rows
        }
        for test_set in args.test_sets
    }
    tables = experiment_tables(titles, runs, published)
    explanation = EXPLANATION
    if any("rows" in tables for tables in published.values()):
        explanation += (
            f" {OUTSIDE}: our mean is outside the published mean ± standard deviation."
        )
    for test_set, rows in runs.items():
        figure = plot_runs(
            titles,
            rows,
            published.get(test_set, {}).get("rows", {}),
            test_set,
            rows[args.rows[0]][0]["label_note"],
        )
        figure.savefig(args.exp_dir / f"{test_set}.png")
    text = "\n\n".join([*results_head(), explanation, tables])
    write_text(args.exp_dir / "RESULTS.md", text)
    print(text)


if __name__ == "__main__":
    main()
