"""`metric.scp`, the labels of ESPnet's `aqa`: lines of `<utterance> {"mos": 3.2}`."""

import json
import math
from pathlib import Path
from typing import Dict, List, Union

from espnet_samos.utils.tables import DataError, read_table, report_problems

FILE = "metric.scp"
LABEL = "mos"


def read_metric_scp(path: Union[str, Path]) -> Dict[str, str]:
    """Read each utterance's label; other metrics are on scales of their own.

    Returns:
        Labels by utterance, as text.

    Raises:
        DataError: The file cannot be read, or a line has no such label.
    """
    labels: Dict[str, str] = {}
    problems: List[str] = []
    for utt, text in read_table(path).items():
        try:
            label = json.loads(text)[LABEL]
        except (ValueError, KeyError, TypeError):
            label = None
        if isinstance(label, (int, float)) and math.isfinite(label):
            labels[utt] = repr(label)
        else:
            problems.append(f'{utt}: no number "{LABEL}" in {text}')
    report_problems(str(path), problems)
    if not labels:
        raise DataError(f"{path}: no lines: add your clips")
    return labels
