"""A page that scores in the browser, as files for any web server.

The model's ONNX graphs run in ONNX Runtime Web (MIT licence), which comes from npm; the
page itself is in `web/`. Nothing that is scored leaves the browser.
"""

import gzip
import hashlib
import json
import shutil
import tarfile
import urllib.request
from importlib.resources import files as files_of
from pathlib import Path
from typing import Any, Dict, List

from espnet_samos.audio import reading, resampling, signal_report
from espnet_samos.audio.clip_ends import SILENCE_RANGE, SILENCE_TOLERANCE
from espnet_samos.inference.onnx_engine import (
    BRANCHES,
    MARGIN_SECONDS,
    STEP_SECONDS,
    graphs,
)
from espnet_samos.inference.predictor import MosPredictor
from espnet_samos.integrations import page_words
from espnet_samos.model_zoo.find import CACHE_DIR
from espnet_samos.utils import Z95
from espnet_samos.utils.files import whole_file

RUNTIME = "onnxruntime-web-1.30.0.tgz"
RUNTIME_URL = f"https://registry.npmjs.org/onnxruntime-web/-/{RUNTIME}"
RUNTIME_SHA256 = "d2228df7e4616bc3348bf504ee888f3bec43789a273f0a63f3e68d203ce3bf71"
# of the archive's `dist`: the runtime as a module, and what it runs
RUNTIME_MODULE = "ort.wasm.bundle.min.mjs"
RUNTIME_BINARY = "ort-wasm-simd-threaded.wasm"
SOURCES = Path(__file__).parent / "web"


def write_page(predictor: MosPredictor, folder: Path) -> List[Path]:
    """Write the page with a model; return its files.

    Args:
        predictor: The model, which has ONNX graphs.
        folder: Where the page goes; it is made. Files of other pages stay.

    Raises:
        ConnectionError: ONNX Runtime Web cannot be downloaded.
        ValueError: The model has no graphs, or what was downloaded is another file.
    """
    parts = graphs(predictor.files)
    if not parts:
        raise ValueError(
            f"{predictor.files.train_config.parent} has no graphs of its weights: "
            "make them with samos export"
        )
    archive = _runtime()
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for source in sorted(SOURCES.iterdir()):
        files.append(Path(shutil.copyfile(source, folder / source.name)))
    for name, path in parts.items():
        files.append(Path(shutil.copyfile(path, folder / f"{name}.onnx")))
    with tarfile.open(archive) as tar:
        content = {
            name: tar.extractfile(f"package/dist/{name}").read()  # type: ignore[union-attr]
            for name in (RUNTIME_MODULE, RUNTIME_BINARY)
        }
    for name, data in (
        (RUNTIME_MODULE, content[RUNTIME_MODULE]),
        (f"{RUNTIME_BINARY}.gz", gzip.compress(content[RUNTIME_BINARY], mtime=0)),
        # the archive has none; it is the licence of the package for Python, too
        ("LICENSE.onnxruntime", (files_of("onnxruntime") / "LICENSE").read_bytes()),
        ("model.json", json.dumps(description(predictor), indent=1).encode()),
    ):
        (folder / name).write_bytes(data)
        files.append(folder / name)
    return files


def _runtime() -> Path:
    """Return npm's archive of ONNX Runtime Web, which is fetched once."""
    archive = CACHE_DIR.expanduser() / RUNTIME
    if archive.is_file() and _is_right(archive.read_bytes()):
        return archive
    archive.parent.mkdir(parents=True, exist_ok=True)
    try:
        with urllib.request.urlopen(RUNTIME_URL, timeout=60) as response:
            content = response.read()
    except OSError as e:
        raise ConnectionError(
            f"{RUNTIME_URL} cannot be downloaded ({e}): put it at {archive}"
        ) from e
    if not _is_right(content):
        raise ValueError(
            f"{RUNTIME_URL} is not the file that it was: nothing is written"
        )
    with whole_file(archive) as unfinished:
        unfinished.write_bytes(content)
    return archive


def _is_right(content: bytes) -> bool:
    return hashlib.sha256(content).hexdigest() == RUNTIME_SHA256


def description(predictor: MosPredictor) -> Dict[str, Any]:
    """Return what the page has to know of the model, and of how clips are read."""
    seconds = predictor.window_seconds
    filter_ = resampling.SOXR_HQ
    return dict(
        runtime=f"{RUNTIME_BINARY}.gz",
        graphs={part: f"{part}.onnx" for part in graphs(predictor.files)},
        branches=BRANCHES,
        rates=list(predictor.preprocess.rates().items()),
        window_seconds=seconds,
        windows=predictor.windows,
        pad_short_clips=predictor.preprocess.pad_short_clips,
        silence_range=SILENCE_RANGE,
        silence_tolerance=SILENCE_TOLERANCE,
        margin_seconds=MARGIN_SECONDS,
        step_seconds=STEP_SECONDS,
        multichannel=predictor.preprocess.multichannel,
        label_note=predictor.label_note,
        scores=list(predictor.scores[1:]),
        z95=Z95,
        min_fs=reading.MIN_RATE,
        max_fs=reading.MAX_RATE,
        min_seconds=reading.MIN_SECONDS,
        silent_rms=reading.SILENT_RMS,
        blocks_per_second=reading.BLOCKS_PER_SECOND,
        short_seconds=signal_report.SHORT_SECONDS,
        resampling=dict(
            width=filter_["lowpass_filter_width"],
            rolloff=filter_["rolloff"],
            beta=filter_["beta"],
        ),
        bandwidth=dict(
            frame_seconds=signal_report.FRAME_SECONDS,
            silent_db=signal_report.SILENT_DB,
            loud_share=signal_report.LOUD_SHARE,
            bandwidth_db=signal_report.BANDWIDTH_DB,
            min_share=signal_report.MIN_BANDWIDTH_SHARE,
            audible_hz=signal_report.AUDIBLE_HZ,
        ),
        words=dict(
            title=page_words.TITLE,
            introduction=page_words.INTRODUCTION.format(
                where="in this browser: what you drop does not leave it"
            ),
            accepted=page_words.ACCEPTED,
            warnings=page_words.WARNINGS,
            css=page_words.CSS,
        ),
    )
