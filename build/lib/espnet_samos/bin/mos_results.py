"""Collect the scores of an experiment into RESULTS.md and plot its training."""

import argparse
from pathlib import Path
from typing import List, Optional

from espnet_samos.bin.errors import exit_on
from espnet_samos.evaluation.plots import training_curve
from espnet_samos.evaluation.report import experiment_results, read_experiment
from espnet_samos.evaluation.scoring import ScoringError
from espnet_samos.utils.files import write_text


def get_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        description="Collect every <inference_tag>/<set>/scores.json of an "
        "experiment into its RESULTS.md, and plot its training from checkpoint.pth "
        "as training_curve.png.",
    )
    parser.add_argument("--exp_dir", required=True, help="experiment directory")
    return parser


@exit_on(ScoringError)
def main(cmd: Optional[List[str]] = None) -> None:
    """Run the command line `cmd`, or that of the process."""
    exp_dir = Path(get_parser().parse_args(cmd).exp_dir)
    name = exp_dir.resolve().name
    results = read_experiment(exp_dir)
    text = experiment_results(name, results)
    # torch is slow to import: not for --help
    from espnet_samos.train.checkpoint import CHECKPOINT, PREVIOUS, read_checkpoint

    states = read_checkpoint(exp_dir / CHECKPOINT) or read_checkpoint(
        exp_dir / PREVIOUS
    )
    if states is not None:
        # The labels of training have no note of their own: what all test sets
        # say of theirs is taken to hold for them too.
        notes = {scores["label_note"] for scores in results.values()}
        note = notes.pop() if len(notes) == 1 else ""
        figure = training_curve(states["reporter"]["stats"], name, note)
        figure.savefig(exp_dir / "training_curve.png")
        text += "\n### Training\n\n![loss and correlation](training_curve.png)\n"
    else:
        print(f"no {exp_dir / CHECKPOINT}: training_curve.png is left out")
    write_text(exp_dir / "RESULTS.md", text)
    print(text)


if __name__ == "__main__":
    main()
