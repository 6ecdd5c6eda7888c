"""What ESPnet's datasets read for this task, by name. Importing this adds them."""

import numpy as np
from espnet2.train import dataset, iterable_dataset

from espnet_samos.audio.reading import read_audio
from espnet_samos.audio.wav_scp import ClipReader
from espnet_samos.train.scores import ScoresReader
from espnet_samos.train.ssl_feats import SslFeatsReader


def _read(path: str) -> np.ndarray:
    return read_audio(path)[0]


dataset.DATA_TYPES["clip"] = dict(
    func=ClipReader, kwargs=[], help="clips of any format and rate, a wav.scp"
)
dataset.DATA_TYPES["ssl_feats"] = dict(
    func=SslFeatsReader, kwargs=[], help="SSL features of stage 3, an ssl_feats.scp"
)
dataset.DATA_TYPES["mos_scores"] = dict(
    func=ScoresReader, kwargs=[], help="labels mos_<name> of a data directory"
)
# of statistics, which takes the files one by one
iterable_dataset.DATA_TYPES["clip"] = _read
