# How jobs are run: as cmd.sh says, which is ESPnet's own, but on the cmd_backend that the
# environment names, if it does, and with what lets a training go back into the queue.
#
# shellcheck shell=bash disable=SC2016,SC2034

# shellcheck source=/dev/null
. <(sed "${cmd_backend:+s/^cmd_backend=.*/cmd_backend='${cmd_backend}'/}" cmd.sh)

resumable_opts= # of a job that goes on where it stopped
case "${cmd_backend}" in
    slurm)
        _cmd="slurm.pl --config local/slurm.conf"
        export train_cmd=${_cmd} cuda_cmd=${_cmd} decode_cmd=${_cmd}
        resumable_opts="--resumable true"
        ;;
    sge | pbs) resumable_opts="-r y" ;;
esac
