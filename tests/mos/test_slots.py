import pytest
from espnet2.asr.frontend.default import DefaultFrontend

from espnet_samos.mos.conv1d_encoder import Conv1dEncoder
from espnet_samos.mos.slots import SLOTS, Slot, ssl_frontend_choices


@pytest.mark.parametrize("slot", SLOTS, ids=lambda slot: slot.name)
def test_whatever_can_be_chosen_is_there(slot):
    assert slot.default in slot.choices()
    for name in slot.choices():
        chosen = slot.get_class(name)
        assert (chosen is None) == (name is None)


def test_frontends_of_espnet_fit_the_ssl_slot():
    assert {"ssl_layer", "distillmos", "default", "s3prl", None} <= set(
        ssl_frontend_choices.choices()
    )
    assert ssl_frontend_choices.get_class("default") is DefaultFrontend


def test_a_name_that_is_not_there():
    with pytest.raises(ValueError, match="--ssl_frontend must be one of .*distillmos"):
        ssl_frontend_choices.get_class("nothing")


def test_a_class_can_be_added_and_has_to_fit():
    slot = Slot(
        "encoder",
        base="espnet_samos.mos.abs_clip_encoder:AbsClipEncoder",
        classes=dict(
            conv2d="espnet_samos.mos.conv2d_encoder:Conv2dEncoder",
            wrong="builtins:dict",
        ),
        default="conv2d",
    )
    slot.classes["mine"] = type("Mine", (Conv1dEncoder,), {})
    assert slot.choices() == ("conv2d", "wrong", "mine")
    assert slot.get_class("mine").__name__ == "Mine"
    with pytest.raises(ValueError, match="--encoder must be a .*AbsClipEncoder"):
        slot.get_class("wrong")
