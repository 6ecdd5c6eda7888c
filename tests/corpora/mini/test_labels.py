import numpy as np

from espnet_samos.audio.resampling import resample
from espnet_samos.corpora.mini.labels import proxy_label
from espnet_samos.corpora.mini.systems import SYSTEMS, system_rate


def test_labels_fall_with_severity_and_bandwidth(reference):
    def label(system):
        fs = system_rate(system)
        x = resample(reference, 48000, fs).astype(float)
        y = SYSTEMS[system](x, fs, np.random.default_rng(0))
        return proxy_label(reference, y, fs)

    assert label("48k_clean") == 5
    for severe_to_mild in (
        ("16k_clean", "24k_clean", "48k_clean"),
        ("48k_white_10", "48k_white_30"),
    ):
        labels = [label(system) for system in severe_to_mild]
        assert labels == sorted(labels) and labels[-1] - labels[0] > 1
        assert all(1 <= value <= 5 for value in labels)
