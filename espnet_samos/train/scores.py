"""Labels of further scores, for training. No torch here."""

from collections.abc import Mapping
from typing import Dict, Iterator

from espnet_samos.utils.score_names import score_tables
from espnet_samos.utils.tables import read_table


class ScoresReader(Mapping):
    """Further labels by utterance and name, as ESPnet's datasets take them.

    Args:
        data_dir: A data directory, with tables `mos_<name>` in which clips without such
            a label have no line.

    Raises:
        DataError: A table cannot be read, or has an utterance twice.
        ValueError: A label is not a number.
    """

    def __init__(self, data_dir: str):
        self.labels: Dict[str, Dict[str, float]] = {}
        for name, path in score_tables(data_dir).items():
            for utt, label in read_table(path).items():
                self.labels.setdefault(utt, {})[name] = float(label)

    def __getitem__(self, utt: str) -> Dict[str, float]:
        """Return the labels of a clip; an empty dictionary where it has none."""
        return self.labels.get(utt, {})

    def __iter__(self) -> Iterator[str]:
        return iter(self.labels)

    def __len__(self) -> int:
        return len(self.labels)
