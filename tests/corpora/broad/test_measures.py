import numpy as np
import pytest

from espnet_samos.corpora.broad.bands import band_change
from espnet_samos.corpora.broad.distortion import worst_distortion
from espnet_samos.corpora.broad.labels import (
    CLEAN,
    HIGHEST,
    LOWEST,
    label,
    partial_labels,
)
from espnet_samos.corpora.broad.non_speech import non_speech
from espnet_samos.corpora.broad.recording import record
from espnet_samos.corpora.degradations import bandwidth, losses, noise
from espnet_samos.corpora.mini.speech import sentences, synthesise


@pytest.fixture(scope="module")
def clean():
    return synthesise(sentences()[3], "mei1")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_nothing_is_lost_or_added_where_nothing_changed(clean):
    for level, pad in ((1.0, 0), (0.1, 0), (1.0, 20000)):
        changed = np.pad(level * clean, (pad, 0))
        lost, added = band_change(clean, 48000, changed, 48000)
        assert lost < 0.05 and added < 0.05
    assert worst_distortion(clean[::3], clean[::3]) == 0


def test_more_is_lost_the_lower_the_cut_off(clean, rng):
    found = [
        band_change(
            clean,
            48000,
            bandwidth.band_filter(clean, 48000, rng, "lowpass", (khz,)),
            48000,
        )
        for khz in (6, 8, 11, 14, 17, 21)
    ]
    lost = [change.lost for change in found]
    assert lost == sorted(lost, reverse=True)
    assert lost[0] == pytest.approx(1, abs=0.02) and lost[-1] < 0.02
    assert all(change.added < 0.02 for change in found)


def test_sixteen_kilohertz_files_lost_all_of_it_at_any_rate(clean):
    narrow = bandwidth.at_rate(clean, 48000, 16000)
    for fs in (16000, 24000, 48000):
        samples = bandwidth.at_rate(narrow, 16000, fs)
        lost, added = band_change(clean, 48000, samples, fs)
        assert lost > 0.95 and added == 0
        # and speech that never had more is missing it as well
        assert band_change(narrow, 16000, samples, fs).lost > 0.95


def test_noise_is_added_the_more_of_it(clean, rng):
    added = [
        band_change(
            clean, 48000, noise.coloured(clean, 48000, rng, snr_db), 48000
        ).added
        for snr_db in (60, 40, 25, 10, 0)
    ]
    assert added == sorted(added) and added[0] == 0 and added[-1] > 0.9


def test_worst_moments_count(clean, rng):
    x = bandwidth.at_rate(clean, 48000, 16000)
    few, many = (losses.packet_loss(x, 16000, rng, percent) for percent in (4, 30))
    assert 1 < worst_distortion(x, few) <= worst_distortion(x, many)
    assert worst_distortion(x, few) > 5


def measures(**changed):
    clean = {f"{name}_clean": score for name, score in CLEAN.items()}
    return {
        **CLEAN,
        **clean,
        "system": "a",
        "distortion": 0.0,
        "lost": 0.0,
        "added": 0.0,
        **changed,
    }


def labelled(measures):
    return label(partial_labels(measures))


def test_labels_fall_with_each_term_and_stay_on_the_scale():
    best = labelled(measures())
    assert 4.3 < best <= HIGHEST
    worse = [
        dict(distillmos=3.0),
        dict(dnsmos_p808=3.0),
        dict(distortion=10.0),
        dict(lost=1.0),
        dict(added=1.0),
    ]
    for change in worse:
        assert LOWEST <= labelled(measures(**change)) < best - 0.1
    everything = {name: value for change in worse for name, value in change.items()}
    assert LOWEST <= labelled(measures(**everything)) < 2.7
    # speech at 16 kHz, otherwise clean
    assert 3.6 < labelled(measures(lost=1.0)) < 4.2


def test_labels_are_relative_to_the_clean_original():
    strange = dict(distillmos_clean=3.2, dnsmos_p808_clean=3.3)
    clean = measures(distillmos=3.2, dnsmos_p808=3.3, **strange)
    assert labelled(clean) == labelled(measures())


def test_clips_out_of_time_have_labels_of_the_scores_alone():
    for score in (1.5, 3.0, 4.0):
        change = dict(distillmos=score, dnsmos_p808=score)
        out_of_time = labelled(measures(**change, distortion=None))
        assert LOWEST < out_of_time < HIGHEST
        assert abs(out_of_time - labelled(measures(**change, distortion=5.0))) < 0.9


def test_recordings_are_what_nobody_minds(clean):
    for seed in range(8):
        recorded = record(clean, 48000, np.random.default_rng(seed))
        assert len(recorded) == len(clean)
        assert 10 * np.log10(np.mean(recorded**2)) == pytest.approx(-26, abs=1e-6)
        assert np.corrcoef(recorded, clean)[0, 1] > 0.8
    changed = [record(clean, 48000, np.random.default_rng(seed)) for seed in range(8)]
    assert len({x.tobytes() for x in changed}) > 5


def test_noise_that_follows_the_speech_costs_more_than_the_predictors_say():
    for system in ("mnru", "echo+wide_mnru"):
        for distortion in (2.0, None):
            modulated = labelled(measures(system=system, distortion=distortion))
            other = system.split("+")[0].replace("mnru", "noise")
            other = labelled(measures(system=other, distortion=distortion))
            assert 0.1 < other - modulated < 0.6


def test_drop_outs_and_echoes_cost_more_than_the_predictors_say():
    for distortion in (2.0, 10.0):
        for system in ("chop", "echo+noise"):
            sudden = labelled(measures(system=system, distortion=distortion))
            other = labelled(measures(system="noise", distortion=distortion))
            assert 0.05 < other - sudden < 1.0
    # not where nothing is heard, nor where it is not known
    for distortion in (0.0, 0.4, None):
        same = [
            labelled(measures(system=s, distortion=distortion)) for s in ("chop", "a")
        ]
        assert same[0] == same[1]


def test_what_is_no_speech_has_the_lowest_label():
    assert labelled(measures(system="non_speech")) == LOWEST
    for seed in range(12):
        sound = non_speech(16000, np.random.default_rng(seed))
        assert 3 <= len(sound) / 16000 <= 6 and np.isfinite(sound).all()
        assert 10 * np.log10(np.mean(sound**2)) == pytest.approx(-26, abs=1e-6)
