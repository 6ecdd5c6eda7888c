"""Run ESPnet3's stages, as `run.py` of its recipes does.

    python3 -m espnet_samos.integrations.espnet3 --stages train \\
        --training_config conf/espnet3/training.yaml
"""

from espnet3.systems.base.system import BaseSystem
from espnet3.systems.launch import launch

# Workers of ESPnet3 import this module again.
if __name__ == "__main__":
    # of its templates the one whose defaults are not those of speech recognition
    launch(BaseSystem, conf_package="egs3.TEMPLATE.f5tts")
