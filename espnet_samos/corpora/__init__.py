"""Corpora: one module for each, and one writer of Kaldi data directories.

The module of a corpus has a function `prepare` that returns the clips of each set. Its
arguments are the options of this corpus: `corpus_dir`, its folder, laid out as the
module says; `skip_bad_clips`, which leaves out, and lists, lines with anything wrong
with them; what else it needs. A `DataError` names a table that is missing, or that has
wrong lines, and these lines. The module may define

- `LABEL_NOTE`: a word of caution about its labels, which travels with the data
  directories;
- `WHERE`: where a user gets it, and its licence;
- `NUM_CLIPS`: how many clips each set was published with;
- `DOWNLOAD`: where a program may fetch it from, one of `sources`.

A new corpus is one module and one line here.
"""

CORPORA = {
    "mini": "espnet_samos.corpora.mini",
    "broad": "espnet_samos.corpora.broad",
    "csv": "espnet_samos.corpora.csv_reader",
    "nisqa": "espnet_samos.corpora.nisqa",
    "audiomos": "espnet_samos.corpora.audiomos",
    "tcd_voip": "espnet_samos.corpora.tcd_voip",
    "tencent": "espnet_samos.corpora.tencent",
    "urgent2024_mos": "espnet_samos.corpora.urgent2024_mos",
    "urgent2025_sqa": "espnet_samos.corpora.urgent2025_sqa",
    "urgent2026_sqa": "espnet_samos.corpora.urgent2026_sqa",
    "chime7_udase": "espnet_samos.corpora.chime7_udase",
    "bvcc": "espnet_samos.corpora.bvcc",
    "somos": "espnet_samos.corpora.somos",
    "ttsds2": "espnet_samos.corpora.ttsds2",
    "tmhint_qi": "espnet_samos.corpora.tmhint_qi",
    "pstn": "espnet_samos.corpora.pstn",
    "p835_reference": "espnet_samos.corpora.p835_reference",
    "neural_codec_mushra": "espnet_samos.corpora.neural_codec_mushra",
}
