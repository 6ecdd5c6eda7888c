"""Predicted opinion scores as a metric of ESPnet3."""

import logging
import math
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np
from espnet3.components.metrics.base_metric import BaseMetric
from espnet3.contract import Field
from espnet3.contract.kinds.audio import Audio

from espnet_samos.evaluation.metrics import METRICS
from espnet_samos.inference.output_formats import COLUMNS, csv_line
from espnet_samos.inference.predictor import MosPredictor
from espnet_samos.model_zoo.find import DEFAULT_MODEL
from espnet_samos.utils.files import write_text

logger = logging.getLogger(__name__)


class SamosMos(BaseMetric):
    """The mean predicted opinion score of audio that a system made.

    Input `hyp`: audio files of any rates, or `(rate, samples)`. Input `ref`, where it
    is given: labels of the same clips; the metrics of `evaluation.metrics` are then
    computed too. Each clip's score is written to `samos_mos.csv` of its test set.

    Args:
        model: What `MosPredictor.from_pretrained` takes.
        device: `cpu`, `cuda`, `cuda:N` or `mps`.

    Example:
        metrics:
        - metric:
            _target_: espnet_samos.integrations.espnet3.metric.SamosMos
          inputs:
            hyp: audio
    """

    inputs = (Field("hyp", "audio"), Field("ref", "text", optional=True))
    outputs = (Field("samos_mos", "number"), Field("num_errors", "number"))
    scores: List[float]
    labels: List[float]
    lines: List[str]

    def __init__(self, model: Union[Path, str] = DEFAULT_MODEL, device: str = "cpu"):
        super().__init__()
        self.predictor = MosPredictor.from_pretrained(model, device=device)
        self.add_state("scores", [], "cat")
        self.add_state("labels", [], "cat")
        self.add_state("lines", [], "cat")
        if self.predictor.label_note:
            logger.warning("samos_mos: %s", self.predictor.label_note)

    def update(  # type: ignore[override]
        self, *, hyp: Sequence[Any], ref: Optional[Sequence[str]] = None
    ) -> None:
        """Score clips.

        Args:
            hyp: Files; or pairs of a rate in Hz and samples, integers or floats in
                [-1, 1].
            ref: Their labels, where known.

        Raises:
            TypeError: Samples without a rate.
            ValueError: A label is not a number.
        """
        self.labels += [float(label) for label in ref or []]
        for result in self.predictor.predict_clips([_named(clip) for clip in hyp]):
            if result.error is not None:
                logger.warning("%s has no score: %s", result.name, result.error)
            self.scores.append(float(result.mean))
            if self.collect_artifacts:
                self.lines.append(csv_line(result))

    def compute(self) -> Dict[str, float]:
        """Return the mean score, and agreement with the labels where they are given.

        Returns:
            `samos_mos`, the mean over the clips that have a score; `num_errors`, the
            number of those that have none; with labels `mse`, `lcc`, `srcc` and `ktau`.

        Raises:
            ValueError: No clip has a score.
        """
        scored = [i for i, score in enumerate(self.scores) if not math.isnan(score)]
        if not scored:
            raise ValueError(
                f"samos_mos: none of {len(self.scores)} clips could be scored (the "
                "reasons are in the log)"
            )
        scores = np.array(self.scores)[scored]
        values = dict(
            samos_mos=float(scores.mean()), num_errors=len(self.scores) - len(scored)
        )
        if self.labels:
            labels = np.array(self.labels)[scored]
            for name, metric in METRICS.items():
                values[name] = metric.function(labels, scores)
        return values

    def write_artifacts(self, test_dir: Path) -> None:
        """Write `samos_mos.csv`: a line for each clip, as `samos score` writes it."""
        text = "".join(f"{line}\n" for line in (",".join(COLUMNS), *self.lines))
        write_text(test_dir / "samos_mos.csv", text)


def _named(clip: Any) -> Tuple[str, Any]:
    """Return a clip's name, and what `predict_clips` takes."""
    if isinstance(clip, (str, Path)):
        return str(clip), clip  # our own reader warns of more
    audio = Audio.coerce(clip, rate=None)
    return "clip", (audio.array.T, audio.rate)
