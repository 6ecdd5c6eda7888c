# How jobs are run: as cmd.sh says, which is ESPnet's own, but on the cmd_backend that the
# environment names, if it does, and with what lets a training go back into the queue.
#
# shellcheck shell=bash disable=SC2034

# shellcheck source=/dev/null
. <(sed "${cmd_backend:+s/^cmd_backend=.*/cmd_backend='${cmd_backend}'/}" cmd.sh)

resumable_opts= # of a job that goes on where it stopped
case "${cmd_backend}" in
    slurm)
        for _name in train_cmd cuda_cmd decode_cmd; do
            export "${_name}=slurm.pl --config local/slurm.conf"
        done
        resumable_opts="--resumable true"
        ;;
    sge | pbs) resumable_opts="-r y" ;;
esac
