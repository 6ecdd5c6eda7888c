# Settings of this recipe alone; path.sh sources it last.
#
# shellcheck shell=bash
