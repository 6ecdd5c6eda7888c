"""Speech quality prediction (MOS) at any sampling rate: an ESPnet plugin.

Importing this package imports neither torch nor ESPnet.
"""

__version__ = "0.1.0"
