#!/usr/bin/env python3
"""Write the tables of the experiment on rated clips."""

import argparse
from pathlib import Path

from espnet_samos.bin.errors import exit_on
from espnet_samos.evaluation.folds import ROWS, RatedSet, folds_report, read_folds
from espnet_samos.evaluation.report import results_head
from espnet_samos.evaluation.scoring import ScoringError, read_label_note
from espnet_samos.utils.files import write_text
from espnet_samos.utils.tables import read_table


def get_parser():
    """Return the argument parser."""
    parser = argparse.ArgumentParser(
        description="Write RESULTS.md of an experiment with folds over talkers"
    )
    parser.add_argument("--exp_dir", type=Path, required=True)
    parser.add_argument("--data_dir", type=Path, default=Path("data"))
    parser.add_argument("--sets", nargs="+", required=True)
    parser.add_argument("--num_folds", type=int, required=True)
    parser.add_argument("--inference_tag", default="inference_valid.lcc.best")
    parser.add_argument("--rows", nargs="+", choices=list(ROWS), default=list(ROWS))
    return parser


@exit_on(ScoringError)
def main(cmd=None):
    """Write RESULTS.md, and print it."""
    args = get_parser().parse_args(cmd)
    rated_sets = {}
    for test_set in args.sets:
        runs = read_folds(
            args.exp_dir, test_set, args.num_folds, args.inference_tag, args.rows
        )
        systems = set(next(iter(runs.values()))[0]["system"])
        # a system's name with its rate at the end, as the codecs' have it
        pairs = {s: f"{s}_16kHz" for s in sorted(systems) if f"{s}_16kHz" in systems}
        speakers = read_table(args.data_dir / test_set / "utt2spk")
        note = read_label_note(args.data_dir / test_set)
        rated_sets[test_set] = RatedSet(runs, speakers, pairs, note)
    text = "\n\n".join([*results_head(), folds_report(rated_sets)])
    write_text(args.exp_dir / "RESULTS.md", text)
    print(text)


if __name__ == "__main__":
    main()
