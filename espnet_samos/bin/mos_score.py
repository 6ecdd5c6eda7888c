"""Score predicted MOS against labels: metrics, intervals, a table and a plot."""

import argparse
from typing import List, Optional

from espnet_samos.bin.errors import exit_on
from espnet_samos.evaluation.report import set_table
from espnet_samos.evaluation.scoring import ScoringError, score_dir


def get_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        description="Score the predictions for one test set against its labels, "
        "overall and within each native sampling rate, by utterance and by system; "
        "write scores.json, predictions.csv, utt_result.json, sys_result.json and "
        "scatter.png beside the predictions.",
    )
    parser.add_argument(
        "--ref_dir",
        required=True,
        help="data directory with mos, utt2sys, utt2fs and, if there is one, a line "
        "on what the labels are in label_note",
    )
    parser.add_argument(
        "--pred_dir",
        required=True,
        help="inference directory with mos and, if the predictor gives standard "
        "deviations, mos_std; results are written here",
    )
    return parser


@exit_on(ScoringError)
def main(cmd: Optional[List[str]] = None) -> None:
    """Run the command line `cmd`, or that of the process."""
    args = get_parser().parse_args(cmd)
    scores = score_dir(args.ref_dir, args.pred_dir)
    print(f"{scores['set']}\n\n{set_table(scores)}")


if __name__ == "__main__":
    main()
