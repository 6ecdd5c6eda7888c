# The environment of every stage. Source it from this directory.
#
# shellcheck shell=bash

MAIN_ROOT=$(realpath "${PWD}/../../..")
VENV=${VENV:-${MAIN_ROOT}/.venv}

if [ ! -x "${VENV}/bin/python3" ] || [ ! -d "${PWD}/utils" ]; then
    echo "path.sh: error: not set up yet: run 'make setup' in ${MAIN_ROOT}" >&2
    exit 1
fi

export PATH=${VENV}/bin:${PWD}/utils:${PATH}
export LC_ALL=C
export PYTHONIOENCODING=UTF-8
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

# A recipe's own settings come last
# shellcheck source=/dev/null
. local/path.sh
