"""Compute one hidden state of an S3PRL upstream, and nothing behind it."""

from typing import Any, List

import torch


def can_stop_early(expert: torch.nn.Module, layer: int) -> bool:
    """Tell whether `EarlyStop` knows how this upstream is built.

    It knows transformers in the manner of fairseq (wav2vec 2.0, XLS-R, HuBERT,
    WavLM, data2vec) and of Hugging Face.

    Args:
        expert: An S3PRL upstream.
        layer: Index of the hidden state that is wanted.
    """
    model = getattr(expert, "model", None)
    encoder = getattr(model, "encoder", None)
    layers = getattr(encoder, "layers", None)
    if layers is None:
        return False
    if hasattr(expert, "hooks"):
        # S3PRL collects the hidden states with hooks on these modules.
        paths = [f"self.model.encoder.layers[{i}]" for i in range(len(layers))]
        return hasattr(encoder, "layer_norm_first") and [
            hook.module_path for hook in expert.hooks
        ] == [*paths, "self.model.encoder"]
    # Whether the last hidden state of a Hugging Face model is normalised depends
    # on the version; as nothing could be dropped, it is run in full.
    return layer < len(layers) and hasattr(
        getattr(model, "config", None), "do_stable_layer_norm"
    )


class EarlyStop(torch.nn.Module):
    """A transformer cut down, in place, to what one hidden state needs.

    Args:
        expert: An S3PRL upstream for which `can_stop_early` is true.
        layer: Index of a hidden state, 0 for the input of the first layer.
    """

    def __init__(self, expert: torch.nn.Module, layer: int):
        super().__init__()
        encoder = expert.model.encoder
        if layer < len(encoder.layers):
            encoder.layers = encoder.layers[:layer]
            # Pre-norm encoders normalise what leaves their last layer only.
            if hasattr(encoder, "layer_norm_first"):
                pre_norm = encoder.layer_norm_first
            else:
                pre_norm = expert.model.config.do_stable_layer_norm
            if pre_norm:
                encoder.layer_norm = torch.nn.Identity()
        if hasattr(expert, "hooks"):
            # They keep every layer's output, and do not survive a deep copy.
            expert.remove_all_hooks()
        if hasattr(expert.model, "remove_pretraining_modules"):
            expert.model.remove_pretraining_modules()
        encoder.register_forward_hook(self._keep_output)
        self.expert = expert
        self._output = None

    def _keep_output(self, module: torch.nn.Module, inputs: tuple, output: Any) -> None:
        self._output = output[0]

    def forward(self, waveforms: List[torch.Tensor]) -> torch.Tensor:
        """Compute the hidden state.

        Args:
            waveforms: Clips of one length (NSamples,) at 16 kHz.

        Returns:
            (Batch, NFrames, Dim).
        """
        self.expert(waveforms)
        output, self._output = self._output, None
        return output


class FullRun(torch.nn.Module):
    """An upstream of any kind, run in full.

    Args:
        expert: An S3PRL upstream.
        layer: Index of a hidden state.
    """

    def __init__(self, expert: torch.nn.Module, layer: int):
        super().__init__()
        self.expert = expert
        self.layer = layer

    def forward(self, waveforms: List[torch.Tensor]) -> torch.Tensor:
        """Compute the hidden state, as `EarlyStop.forward` does."""
        return self.expert(waveforms)["hidden_states"][self.layer]
