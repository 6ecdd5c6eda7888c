# Where your corpora are: local/data.sh reads these.
#
# shellcheck shell=bash disable=SC2034

# The mini corpus is made here, not downloaded.
MINI=downloads/mini
