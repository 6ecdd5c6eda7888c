"""Band-limited copies of the pre-training set, which have labels of their own."""

import numpy as np
import pytest
import scipy.signal
import soundfile

from espnet_samos.corpora.mini import design, make, read_mini, speech
from espnet_samos.corpora.mini.labels import proxy_label

FEW = [
    clip
    for clip in design.design("tiny")
    if clip.set_name == "mini_pretrain"
    and clip.system in ("48k_clean", "48k_white_20")
    and clip.number < 2
]
# Power density of rounding to 16 bit at 48 kHz, doubled
ROUNDING = 2 / (12 * 32768**2 * 24000)


def test_copies_are_those_of_one_set_with_cut_offs_of_their_own():
    clips = design.design()
    copies = design.band_limited_copies(clips)
    originals = [clip for clip in clips if clip.set_name == "mini_pretrain"]
    assert [c.text for c in copies] == [c.text for c in originals]
    assert len({c.utt_id for c in (*clips, *copies)}) == len(clips) + len(copies)
    assert all(c.cut_off_khz is None for c in clips)
    octaves = np.log2([c.cut_off_khz / 2 for c in copies])
    assert octaves.min() > 0 and octaves.max() < np.log2(10)
    # log-uniform: as many in each of four parts, within four standard deviations
    counts, _ = np.histogram(octaves, 4, (0, np.log2(10)))
    assert np.abs(counts - len(copies) / 4).max() < 4 * np.sqrt(len(copies) * 3 / 16)
    # of one clip, whatever else there is
    assert design.band_limited_copies(originals[7:8]) == [copies[7]]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    root = tmp_path_factory.mktemp("mini")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(make, "design", lambda size: list(FEW))
        make.prepare_mini(root, nj=1)
        alone = {path: path.read_bytes() for path in root.rglob("*.wav")}
        make.prepare_mini(root, nj=1, band_limited=True)
    return root, alone


def test_existing_sets_keep_their_bytes(corpus):
    root, alone = corpus
    assert len(alone) == len(FEW)
    assert all(path.read_bytes() == content for path, content in alone.items())
    sets = read_mini(root)
    assert {name: len(clips) for name, clips in sets.items()} == {
        "mini_pretrain": len(FEW),
        "mini_pretrain_band_limited": len(FEW),
    }


def test_a_copy_is_its_original_without_the_upper_band(corpus):
    root, _ = corpus
    originals = {clip.utt_id: clip for clip in FEW}
    for copy in design.band_limited_copies(FEW):
        original = originals[copy.utt_id.replace("_band_limited", "")]
        x, _ = soundfile.read(root / original.path)
        y, fs = soundfile.read(root / copy.path)
        assert fs == 48000
        assert 10 * np.log10(np.mean(y**2)) == pytest.approx(-26, abs=0.01)
        frequencies, (power_x, power_y) = scipy.signal.welch(
            np.stack((x, y)), fs, nperseg=2048
        )
        change = 10 * np.log10(power_y / power_x)
        # the level is the same for all, so what is kept has become louder
        kept = change[
            (frequencies > 100) & (frequencies < 0.7 * 1e3 * copy.cut_off_khz)
        ]
        assert kept.min() > -0.1 and kept.max() - kept.min() < 1
        lost = frequencies > min(1.3e3 * copy.cut_off_khz, 23e3)
        # nothing is left but the rounding to 16 bit
        assert np.median(power_y[lost]) < 1e-3 * np.median(power_x[lost]) + ROUNDING
        labels = {
            clip.utt_id: clip.mos
            for clips in read_mini(root).values()
            for clip in clips
        }
        reference = speech.synthesise(copy.text, copy.speaker)
        assert labels[copy.utt_id] == proxy_label(reference, y, fs)
        assert labels[copy.utt_id] != labels[original.utt_id]
