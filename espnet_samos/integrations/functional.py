"""Scores of tensors with gradients: a trained model as a loss for speech generation."""

import math
from typing import List

import torch
import torch.nn.functional as F

from espnet_samos.audio.clip_ends import sound_bounds, to_whole_frames
from espnet_samos.audio.reading import (
    BLOCKS_PER_SECOND,
    SILENT_RMS,
    as_rate,
    check_length,
)
from espnet_samos.audio.resampling import resample_tensor
from espnet_samos.audio.window_times import window_edges, window_starts
from espnet_samos.inference.predictor import MosPredictor
from espnet_samos.mos.device import full_precision


def mos_score(preds: torch.Tensor, fs: int, predictor: MosPredictor) -> torch.Tensor:
    """Score a batch of clips as the predictor does, with gradients.

    Gradients go through resampling, both branches and the head to the waveforms, where
    these need them, and never to the weights of the model. Windows are those of
    `MosPredictor.predict`: a clip that is shorter than one is repeated or padded, a
    longer one has the mean of its windows' scores, by the sound in them.

    The score differs from the predictor's in the resampler alone: it comes without
    soxr, whose filter it follows to -130 dB of the signal between 8, 16, 24, 32, 48 and
    96 kHz, and to -72 dB from 11.025, 22.05 and 44.1 kHz (up to 0.9 of the lower
    Nyquist frequency, white noise). A silent clip, which the predictor rejects, gets
    what the model predicts for it, so that a loss stays finite. Everything is in
    float32 whatever autocast and TF32 are around it.

    Args:
        preds: Samples in [-1, 1], (..., NSamples), of any float type; the clips of a
            batch have one length.
        fs: Their sampling rate in Hz, 8000 to 384000, a whole number of any type.
        predictor: The trained model, on the device where scores are to be computed.

    Returns:
        Scores (...), on the scale of the model's labels (1..5, not clipped), on the
        device of `preds`.

    Raises:
        AudioError: The rate is another, or the clips are shorter than 0.1 s.
        TypeError: The samples are integers.

    Example:
        predictor = MosPredictor.from_pretrained()
        loss = -mos_score(vocoder(mel), 24000, predictor).mean()
    """
    if not preds.is_floating_point():
        raise TypeError(f"samples are {preds.dtype}: give floats in [-1, 1]")
    fs = as_rate(fs)
    check_length(preds.shape[-1], fs)
    shape = preds.shape[:-1]
    # (..., NSamples) -> (Batch, NSamples)
    clips = preds.reshape(-1, preds.shape[-1]).to(predictor.device)
    if predictor.preprocess.pad_short_clips:
        bounds = [sound_bounds(clip.detach().cpu().numpy(), fs) for clip in clips]
    else:
        bounds = [(0, clips.shape[1])]
    if len(set(bounds)) > 1:
        parts = [
            _score(clip[None, first:end], fs, predictor)
            for clip, (first, end) in zip(clips, bounds, strict=True)
        ]
        scores = torch.cat(parts)
    else:
        scores = _score(clips[:, slice(*bounds[0])], fs, predictor)
    return scores.view(shape).to(preds.device)


def _score(clips: torch.Tensor, fs: int, predictor: MosPredictor) -> torch.Tensor:
    """Score clips without silence at their ends: (Batch, NSamples) -> (Batch,)."""
    seconds = predictor.window_seconds
    if predictor.preprocess.pad_short_clips:
        # as `dc_offset`
        first = clips[:, : math.ceil(seconds * fs)].double()
        clips = clips - first.mean(dim=1, keepdim=True).to(clips.dtype)
        clips = F.pad(clips, (0, to_whole_frames(clips.shape[1], fs, seconds)))
    starts = window_starts(clips.shape[1] / fs, seconds, seconds, predictor.windows)
    rates = predictor.preprocess.rates()
    batch = {}
    with full_precision(clips.device.type):
        for name, rate in rates.items():
            num_samples = round(seconds * rate)
            windows = _windows(
                _resample(clips, fs, rate),
                rate,
                num_samples,
                starts,
                predictor.preprocess.pad_short_clips,
            )
            # (Batch, NWindows, NSamples) -> (Batch * NWindows, NSamples)
            batch[name] = windows.flatten(0, 1)
            batch[f"{name}_lengths"] = torch.full(
                (len(batch[name]),), num_samples, device=clips.device
            )
        means, _ = predictor.model.predict(**batch)
        # (Batch * NWindows,) -> (Batch, NWindows)
        means = means.view(-1, len(starts))
        # at the highest rate, which sees all of the band
        loudest = max(rates, key=rates.__getitem__)
        windows = batch[loudest].unflatten(0, means.shape)
        weights = _time_shares(starts, seconds, _scored(windows))
        weights = weights * _share_of_sound(windows, rates[loudest])
        return (means * weights).sum(dim=1) / weights.sum(dim=1)


def _resample(clips: torch.Tensor, fs: int, target_fs: int) -> torch.Tensor:
    """Resample to the length that soxr gives: (Batch, NSamples) -> (Batch, NSamples').

    A clip that is repeated would be a sample late with every repetition.
    """
    num_samples = math.floor(clips.shape[1] * target_fs / fs + 0.5)
    return resample_tensor(clips, fs, target_fs)[:, :num_samples]


def _windows(
    clips: torch.Tensor, fs: int, num_samples: int, starts: List[float], pad: bool
) -> torch.Tensor:
    """Cut, repeat or pad clips.

    (Batch, NSamples) -> (Batch, NWindows, num_samples)
    """
    if pad:
        clips = F.pad(clips, (0, max(0, num_samples - clips.shape[1])))
    else:
        clips = clips.repeat(1, -(-num_samples // clips.shape[1]))
    # The last window: the clip's length was rounded at this rate.
    latest = clips.shape[1] - num_samples
    firsts = [min(round(start * fs), latest) for start in starts]
    return torch.stack([clips[:, i : i + num_samples] for i in firsts], dim=1)


def _time_shares(
    starts: List[float], seconds: float, scored: torch.Tensor
) -> torch.Tensor:
    """Compute `time_shares` for each clip of a batch, where the clips are.

    (Batch, NWindows) -> (Batch, NWindows)
    """
    places = window_edges(starts, seconds)
    edges, first, last = (torch.from_numpy(x).to(scored.device) for x in places)
    mask = scored.double()
    change = mask.new_zeros(len(mask), len(edges))
    change = change.index_add(1, first, mask).index_add(1, last, -mask)
    overlap = change.cumsum(dim=1)[:, :-1].clamp(min=1)
    time = F.pad((edges.diff() / overlap).cumsum(dim=1), (1, 0))
    shares = mask * (time[:, last] - time[:, first])
    return (shares / shares.sum(dim=1, keepdim=True)).float()


def _scored(windows: torch.Tensor) -> torch.Tensor:
    """Return which windows count: (Batch, NWindows, NSamples) -> (Batch, NWindows)."""
    loud = windows.detach().double().square().mean(dim=-1).sqrt() >= SILENT_RMS
    return loud | ~loud.any(dim=1, keepdim=True)


def _share_of_sound(windows: torch.Tensor, fs: int) -> torch.Tensor:
    """Compute `share_of_sound`: (Batch, NWindows, NSamples) -> (Batch, NWindows)."""
    size = fs // BLOCKS_PER_SECOND
    # a block at the end that is not full has fewer samples
    blocks = windows.detach().double().split(size, dim=-1)
    power = torch.stack([block.square().mean(dim=-1) for block in blocks], dim=-1)
    share = (power.sqrt() >= SILENT_RMS).double().mean(dim=-1)
    # silent clips count all the same, so that a loss stays finite
    return share.where(share.sum(dim=1, keepdim=True) > 0, 1.0).float()
