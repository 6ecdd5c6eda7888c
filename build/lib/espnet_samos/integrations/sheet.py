"""SHEET's tables: scores of the clips in one, for SHEET to evaluate. No torch here."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from espnet_samos.inference.clip_list import read_sheet

if TYPE_CHECKING:
    import pandas as pd

    from espnet_samos.inference.predictor import MosPredictor


def score_sheet(
    path: Union[Path, str], predictor: "MosPredictor", **options: Any
) -> "pd.DataFrame":
    """Score the clips of a CSV as SHEET (unilight/sheet) makes it for its benchmark.

    Such a table has the columns `wav_path`, `system_id`, `sample_id` and `avg_score`.
    SHEET's `calculate_metrics.py` reads it with one more, `answer`.

    Args:
        path: The CSV. Of its columns `wav_path` alone is needed; a clip that is in
            several rows, as in SHEET's training sets, is scored once.
        predictor: The trained model.
        options: As `MosPredictor.predict_clips` takes them.

    Returns:
        The rows as they are in the file, with `answer`, the score; where some clips
        could not be scored, their `answer` is NaN and `error` has the reason.

    Raises:
        ValueError: It cannot be read, or has no column `wav_path`.

    Example:
        score_sheet("bvcc_test.csv", predictor).to_csv("answered.csv", index=False)
    """
    import pandas as pd

    table = pd.DataFrame(read_sheet(str(path)))
    files = list(dict.fromkeys(table["wav_path"]))
    results = {
        result.name: result
        for result in predictor.predict_clips([(f, f) for f in files], **options)
    }
    table["answer"] = [results[file].mean for file in table["wav_path"]]
    if any(result.error is not None for result in results.values()):
        table["error"] = [results[file].error for file in table["wav_path"]]
    return table
