"""A trained model as ONNX graphs: each branch, and the head."""

import logging
import warnings
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple, Union

import numpy as np
import torch
from espnet2.asr.frontend.abs_frontend import AbsFrontend

from espnet_samos.inference.onnx_engine import (
    BRANCHES,
    DIGEST,
    HEAD,
    takes_any_length,
    weights_digest,
    without_padding,
)
from espnet_samos.inference.predictor import MosPredictor
from espnet_samos.mos.abs_clip_encoder import AbsClipEncoder
from espnet_samos.mos.abs_head import AbsHead
from espnet_samos.utils.extras import need

MAX_DIFFERENCE = 1e-3
MIN_SIZE_TO_HALVE = 256  # numbers in a weight
# What is computed from nothing and has more numbers is so computed when the graph is
# loaded, rather than kept in the file
MAX_CONSTANT_SIZE = 4096
BATCH = torch.export.Dim("batch")


class _Head(torch.nn.Module):
    """All scores: (Batch, Dim) -> (Batch, NScores), or (Batch,) of one, each twice."""

    def __init__(self, head: AbsHead):
        super().__init__()
        self.head = head

    def forward(self, vector: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        if len(self.head.scores) == 1:
            return self.head(vector)
        return self.head.all_scores(vector)


class _Branch(torch.nn.Module):
    """A frontend and its encoder: (Batch, NSamples) -> (Batch, Dim)."""

    def __init__(self, frontend: AbsFrontend, encoder: AbsClipEncoder):
        super().__init__()
        self.frontend = frontend
        self.encoder = encoder

    def forward(self, speech: torch.Tensor) -> torch.Tensor:
        lengths = torch.full((speech.shape[0],), speech.shape[1])
        feats, _ = self.frontend(speech, lengths)
        return self.encoder(feats)

    def ignores_silence(self, speech: torch.Tensor) -> bool:
        """Return whether silence after a clip changes nothing: (Batch, NSamples)."""
        ignores = getattr(self.frontend, "ignores_silence", lambda num_samples: False)
        return self.encoder.ignores_silence and ignores(speech.shape[1])


def export_onnx(predictor: MosPredictor, output_dir: Union[Path, str]) -> List[Path]:
    """Write a model's branches and head as ONNX files, and check what they compute.

    `ssl.onnx` takes `speech` (Batch, 16000 · window_seconds) at 16 kHz,
    `spectrogram.onnx` (Batch, 48000 · window_seconds) at 48 kHz; both give `vector`
    (Batch, Dim). Where silence after a clip changes nothing, a window may be shorter,
    by whole frames of 20 ms. `head.onnx` takes their concatenation, the SSL branch
    first, and gives `mean` and `variance` (Batch,), of several scores (Batch, NScores).
    A branch that the model does not have is left out. Resampling and cutting windows
    are not part of them. Weights that float16 holds exactly, as
    `model_zoo.half_precision` leaves them, are stored in it.

    Args:
        predictor: The model, on the CPU.

    Returns:
        The graphs in `output_dir`, beside which there is a digest of the weights.

    Raises:
        ImportError: onnx or onnxscript is missing.
        ValueError: A part cannot be exported, or the graphs give other scores.
    """
    need("onnxscript")
    output_dir = Path(output_dir)
    output_dir.mkdir(parents=True, exist_ok=True)
    model = predictor.model
    windows = {
        name: _noise(2, round(rate * predictor.window_seconds))
        for name, rate in predictor.preprocess.rates().items()
    }
    files = {}
    vectors = []
    for name, speech in windows.items():
        branch = BRANCHES[name]
        part = _Branch(
            getattr(model, f"{branch}_frontend"), getattr(model, f"{branch}_encoder")
        ).eval()
        files[branch] = output_dir / f"{branch}.onnx"
        axes = {0: BATCH}
        if predictor.preprocess.pad_short_clips and part.ignores_silence(speech):
            axes[1] = torch.export.Dim.AUTO  # of whole frames
        _export(part, speech, files[branch], axes, ["speech"], ["vector"])
        vectors.append(part(speech))
    files[HEAD] = output_dir / f"{HEAD}.onnx"
    vector = torch.cat(vectors, dim=1)
    head = _Head(model.head).eval()
    _export(head, vector, files[HEAD], {0: BATCH}, ["vector"], ["mean", "variance"])
    for share in (1.0, 0.4):
        _check(predictor, files, share)
    digest = weights_digest(predictor.files.model_file)
    (output_dir / DIGEST).write_text(digest, encoding="utf-8")
    return list(files.values())


def _noise(batch: int, num_samples: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    level = torch.logspace(-3, -0.5, batch)[:, None]
    return level * torch.randn(batch, num_samples, generator=generator)


@torch.no_grad()
def _export(
    part: torch.nn.Module,
    example: torch.Tensor,
    file: Path,
    axes: Dict[int, Any],
    input_names: List[str],
    output_names: List[str],
) -> None:
    from onnxscript.optimizer import optimize

    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                part,
                (example,),
                dynamo=True,
                verbose=False,
                optimize=False,
                input_names=input_names,
                output_names=output_names,
                dynamic_shapes=(axes,),
            )
    except Exception as e:
        # whatever a part's own operations raise
        raise _cannot_be_exported(file.stem, e) from e
    optimize(program.model, output_size_limit=MAX_CONSTANT_SIZE)
    graph = program.model.graph
    for value in (value for node in graph for value in node.outputs):
        # torch names values after what computes them, `mean` for one
        if value.name in output_names and value not in graph.outputs:
            value.name = f"{value.name}_within"
    program.save(str(file))
    _make_small(file)


def _make_small(file: Path) -> None:
    """Store those weights in float16 that it holds exactly; they are cast when used.

    Where in the source each node comes from is left out.
    """
    import onnx

    graph = onnx.load(str(file))
    for node in graph.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    casts = []
    for weight in graph.graph.initializer:
        values = onnx.numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.size < MIN_SIZE_TO_HALVE:
            continue
        with np.errstate(over="ignore"):
            half = values.astype(np.float16)
        if not np.array_equal(half, values):
            continue
        name = weight.name
        weight.CopyFrom(onnx.numpy_helper.from_array(half, f"{name}_half"))
        casts.append(
            onnx.helper.make_node(
                "Cast", [weight.name], [name], to=onnx.TensorProto.FLOAT
            )
        )
    nodes = [*casts, *graph.graph.node]
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)
    onnx.save(graph, str(file))


def _cannot_be_exported(part: str, error: Exception) -> ValueError:
    return ValueError(
        f"{part} cannot be exported to ONNX ({str(error).splitlines()[0]}). Of S3PRL "
        "the models of the wav2vec 2.0 family can be, features like fbank cannot"
    )


@torch.no_grad()
def _check(predictor: MosPredictor, files: Dict[str, Path], share: float) -> None:
    """Compare the graphs' scores with the model's, for a batch of another size.

    Args:
        predictor: The model.
        files: The graphs.
        share: How much of each window is sound; silence follows.

    Raises:
        ValueError: They differ by more than 0.001.
    """
    import onnxruntime

    model = predictor.model
    rates = predictor.preprocess.rates()

    def run(part: str, x: np.ndarray, fs: Optional[int] = None) -> List[np.ndarray]:
        try:
            session = onnxruntime.InferenceSession(
                str(files[part]), providers=["CPUExecutionProvider"]
            )
            if fs is not None and takes_any_length(session):
                x = without_padding(x, fs)
            return session.run(None, {session.get_inputs()[0].name: x})
        except Exception as e:
            # such as a batch that has become a constant
            raise _cannot_be_exported(part, e) from e

    batch = {}
    for name, fs in rates.items():
        num_samples = round(fs * predictor.window_seconds)
        batch[name] = _noise(3, num_samples, seed=1)
        batch[name][:, round(share * num_samples) :] = 0
    vectors = [
        run(BRANCHES[name], x.numpy(), rates[name])[0] for name, x in batch.items()
    ]
    mean, variance = run(HEAD, np.concatenate(vectors, axis=1))
    lengths = {
        f"{name}_lengths": torch.full((len(x),), x.shape[1])
        for name, x in batch.items()
    }
    expected = _Head(model.head)(model.encode(**batch, **lengths))
    for ours, theirs in zip((mean, variance), expected, strict=True):
        difference = float(np.abs(ours - theirs.numpy()).max())
        if not difference <= MAX_DIFFERENCE:
            raise ValueError(
                f"the ONNX graphs' scores differ from the model's by {difference:.4f}"
            )
