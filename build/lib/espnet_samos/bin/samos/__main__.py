"""`python -m espnet_samos.bin.samos` is the command `samos`."""

from espnet_samos.bin.samos import main

main()
