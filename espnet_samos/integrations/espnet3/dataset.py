"""Data directories as ESPnet3 reads them.

ESPnet3 names a dataset by its module, and takes the class `Dataset` in it.
"""

from pathlib import Path
from typing import Any, Dict, Mapping, Union

import numpy as np
from espnet2.train.preprocessor import AbsPreprocessor
from espnet3.components.data.base_dataset import BaseDataset
from espnet3.contract import Field

from espnet_samos.audio.preprocessor import MosPreprocessor
from espnet_samos.audio.reading import read_audio
from espnet_samos.corpora.data_dir import read_data_dir
from espnet_samos.utils.tables import report_problems


class Dataset(BaseDataset):
    """The clips of a data directory, at their native rates.

    Items have `utt_id`, `path` (the audio file), `speech`, (NSamples,) or (NSamples,
    NChannels) in [-1, 1], its rate `fs` in Hz, and the label `mos`.

    Args:
        data_dir: As `espnet_samos.corpora.data_dir.read_data_dir` takes it.

    Raises:
        DataError: A file is missing or malformed, or a clip has no label.
    """

    fields = (
        Field("utt_id", "text"),
        Field("path", "text"),
        Field("speech", "audio"),
        Field("fs", "number"),
        Field("mos", "number"),
    )

    def __init__(self, data_dir: Union[str, Path]):
        self.clips = read_data_dir(data_dir)
        problems = [
            f"{clip.utt_id}: its label in mos is {clip.mos}: give a number"
            for clip in self.clips
            if not isinstance(clip.mos, float)
        ]
        report_problems(str(data_dir), problems)

    def __len__(self) -> int:
        """Return the number of clips."""
        return len(self.clips)

    def __getitem__(self, index: int) -> Dict[str, Any]:
        """Read a clip.

        Raises:
            AudioError: It cannot be read; the message names the file.
        """
        clip = self.clips[int(index)]
        speech, fs = read_audio(clip.path)
        return dict(
            utt_id=clip.utt_id,
            path=str(clip.path),
            speech=speech,
            fs=fs,
            mos=clip.mos,
        )


class Preprocessor(AbsPreprocessor):
    """`MosPreprocessor`, in ESPnet3's form: from a clip to the model's windows.

    Args:
        train: Whether the clips are for training; ESPnet3 sets it.
        preprocessor_conf: The options of `MosPreprocessor`; those of the model.
    """

    def __init__(self, train: bool, preprocessor_conf: Mapping[str, Any]):
        super().__init__(train)
        self.windows = MosPreprocessor(train=train, **preprocessor_conf)

    def __call__(self, uid: str, data: Dict[str, Any]) -> Dict[str, np.ndarray]:
        """Return the windows and the label of an item.

        Args:
            uid: The item's place in the data, which is what ESPnet3 calls it.
            data: An item of `Dataset`.

        Returns:
            What `MosPreprocessor` gives, and `mos` (1,).

        Raises:
            AudioError: The clip cannot be used; the message names it.
        """
        clip = dict(speech=data["speech"], fs=np.array([data["fs"]]))
        windows = self.windows(data["utt_id"], clip)
        return dict(windows, mos=np.array([data["mos"]], dtype=np.float32))
