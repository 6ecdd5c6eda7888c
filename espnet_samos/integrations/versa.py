"""SA-SSL-MOS for VERSA: a predicted opinion score of speech at any sampling rate.

VERSA's form of a metric. It is copied into `versa/utterance_metrics/` as it stands.
"""

from versa.definition import BaseMetric, MetricCategory, MetricMetadata, MetricType

FULL_BAND_RATE = 48000


def _samos_mos_metadata():
    # literals only: VERSA's list of metrics reads them without running the file
    return MetricMetadata(
        name="samos_mos",
        category=MetricCategory.INDEPENDENT,
        metric_type=MetricType.DICT,
        requires_reference=False,
        requires_text=False,
        gpu_compatible=True,
        auto_install=False,
        dependencies=["espnet_samos"],
        description="MOS predicted from SSL features and a 48 kHz spectrogram",
        paper_reference="https://arxiv.org/abs/2602.14785",
        implementation_source="espnet_samos",
    )


class SamosMosMetric(BaseMetric):
    """Predicted mean opinion score, without a reference, at any rate from 8 to 96 kHz.

    Args:
        config: `model`: what `MosPredictor.from_pretrained` takes (default: `small`,
            the model in the package); `use_gpu`, which `--use_gpu` of VERSA sets.

    Raises:
        ImportError: espnet_samos is not installed.
    """

    def _setup(self):
        try:
            from espnet_samos import MosPredictor
        except ImportError as e:
            raise ImportError(
                "samos_mos needs the package espnet_samos: pip install espnet_samos"
            ) from e
        self.predictor = MosPredictor.from_pretrained(
            self.config.get("model", "small"),
            device="cuda" if self.config.get("use_gpu", False) else "cpu",
        )
        self._has_warned = False
        if self.predictor.label_note:
            self.logger.warning("samos_mos: %s", self.predictor.label_note)

    def compute(self, predictions, references=None, metadata=None):
        """Score a clip.

        Args:
            predictions: Samples in [-1, 1], (NSamples,).
            references: Not used.
            metadata: `sample_rate` in Hz; 16000 where it is missing, as in VERSA.

        Returns:
            `samos_mos`, on the scale of the model's labels; `samos_mos_std`, the
            predicted standard deviation of the label; `samos_mos_low` and
            `samos_mos_high`, its 95 % interval; `samos_mos_bandwidth`, the frequency in
            Hz above which the clip has nothing; `samos_mos_text_warnings`, their codes;
            `samos_mos_text_labels`, what the labels are. VERSA's summaries leave out
            what has `text` in its name. Further scores of the model are `samos_<name>`.

        Raises:
            ValueError: There are no samples, or they cannot be scored.
        """
        if predictions is None:
            raise ValueError("samos_mos: there is no predicted signal")
        fs = int((metadata or {}).get("sample_rate", 16000))
        if references is not None and fs < FULL_BAND_RATE and not self._has_warned:
            self._has_warned = True
            self.logger.warning(
                "samos_mos scores at %d Hz beside a reference: VERSA brings both to "
                "the lower of their rates, and what was above %d Hz is lost. "
                "Score without references where predictions have a higher rate",
                fs,
                fs // 2,
            )
        result = self.predictor.predict(predictions, fs)
        low, high = result.interval
        return {
            "samos_mos": float(result.mean),
            "samos_mos_std": float(result.std),
            "samos_mos_low": float(low),
            "samos_mos_high": float(high),
            "samos_mos_bandwidth": float(result.bandwidth),
            "samos_mos_text_warnings": " ".join(result.warnings),
            "samos_mos_text_labels": result.label_note,
            **{f"samos_{name}": score.mean for name, score in result.scores.items()},
        }

    def get_metadata(self):
        """Describe the metric."""
        return _samos_mos_metadata()


def register_samos_mos_metric(registry):
    """Make the metric known to VERSA."""
    registry.register(SamosMosMetric, _samos_mos_metadata(), aliases=["samos"])
