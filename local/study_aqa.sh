#!/usr/bin/env bash
# Train and test Uni-VERSA, ESPnet's own predictor of audio quality (its task aqa),
# on 16 kHz copies of the same clips.
set -euo pipefail

log() {
    local fname=${BASH_SOURCE[1]##*/}
    echo -e "$(date '+%Y-%m-%dT%H:%M:%S') (${fname}:${BASH_LINENO[0]}:${FUNCNAME[1]}) $*"
}
SECONDS=0

help_message=$(cat << EOF
Usage: $0 --train_sets "<sets>" --valid_set <set> --test_sets "<sets>"

Options:
    --train_sets  # Data directories below <dumpdir>/raw, trained on together.
    --valid_set   # Chooses the checkpoint.
    --test_sets   # Data directories of testing.
    --exp         # The experiment's directory (default="exp/aqa_seed<seed>").
    --aqa_config  # Configuration of training (default="conf/mini/aqa.yaml").
    --seed        # (default=1).
    --dumpdir     # Data directories are in <dumpdir>/raw; 16 kHz copies go to
                  # <dumpdir>/16k (default="dump").
    --nj          # Number of threads (default=2).

Predictions and scores go to <exp>/inference/<set>. What is done is not done again.
EOF
)

train_sets=
valid_set=
test_sets=
exp=
aqa_config=conf/mini/aqa.yaml
seed=1
dumpdir=dump
nj=2

log "$0 $*"
# shellcheck source=/dev/null
. utils/parse_options.sh

die() {
    log "Error: $*"
    exit 2
}

if [ $# -ne 0 ]; then
    log "${help_message}"
    die "No positional arguments are required, got: $*"
fi
for name in train_sets valid_set test_sets; do
    [ -n "${!name}" ] || die "--${name} is needed"
done
[ -f "${aqa_config}" ] || die "no ${aqa_config}"
[ -n "${exp}" ] || exp=exp/aqa_seed${seed}

# shellcheck source=/dev/null
. ./path.sh
# shellcheck source=/dev/null
. local/cmd.sh
export OMP_NUM_THREADS=${nj}

# run <log> <command>...: run a job, showing the end of its log if it fails
run() {
    # shellcheck disable=SC2154
    ${train_cmd} "$@" || {
        tail -n 25 "$1"
        log "Error: see $1"
        exit 1
    }
}

wav16k=${dumpdir}/16k
mkdir -p "${wav16k}"
( # Several seeds at once share the copies: one of them makes them.
    flock 9
    for dset in ${train_sets} ${valid_set} ${test_sets}; do
        in=${dumpdir}/raw/${dset}
        out=${wav16k}/${dset}
        [ -f "${in}/wav.scp" ] || die "no ${in}/wav.scp: prepare the data first"
        if [ "${out}/wav.scp" -nt "${in}/wav.scp" ] && [ "${out}/wav.scp" -nt "${in}/mos" ]; then
            log "Already done: ${out}"
        else
            python3 local/study_aqa_data.py --data_dir "${in}" --output_dir "${out}"
        fi
    done
) 9> "${wav16k}/.lock"

# The experiment's directory belongs to one training: to these options and labels.
mkdir -p "${exp}"/{data,inference}
started="seed ${seed}, training on ${train_sets}, validation on ${valid_set}
$(< "${aqa_config}")"
if [ -f "${exp}/checkpoint.pth" ]; then
    [ "$(< "${exp}/started")" = "${started}" ] ||
        die "${exp} holds a training with other options: remove it, or give another --exp"
    for dset in ${train_sets} ${valid_set}; do
        [ "${exp}/started" -nt "${wav16k}/${dset}/wav.scp" ] ||
            die "${exp} holds a training on an earlier ${dset}: remove it"
    done
fi
echo "${started}" > "${exp}/started"

# One model, one training, all the labels that the others see in two steps
for f in wav.scp metric.scp; do
    for dset in ${train_sets}; do
        cat "${wav16k}/${dset}/${f}"
    done | sort > "${exp}/data/${f}"
done
echo mos > "${exp}/data/metric2id"

if [ -f "${exp}/.done" ]; then
    log "Already done: ${exp}"
else
    log "Training: ${exp}/train.log"
    run "${exp}/train.log" \
        python3 -m espnet2.bin.aqa_train \
            --config "${aqa_config}" \
            --seed "${seed}" \
            --resume true \
            --use_ref_audio false \
            --use_ref_text false \
            --metric2id "${exp}/data/metric2id" \
            --train_data_path_and_name_and_type "${exp}/data/wav.scp,audio,sound" \
            --train_data_path_and_name_and_type "${exp}/data/metric.scp,metrics,metric" \
            --valid_data_path_and_name_and_type "${wav16k}/${valid_set}/wav.scp,audio,sound" \
            --valid_data_path_and_name_and_type "${wav16k}/${valid_set}/metric.scp,metrics,metric" \
            --train_shape_file "${exp}/data/wav.scp" \
            --valid_shape_file "${wav16k}/${valid_set}/wav.scp" \
            --output_dir "${exp}"
    touch "${exp}/.done"
fi

for dset in ${test_sets}; do
    dir=${exp}/inference/${dset}
    if [ "${dir}/mos" -nt "${exp}/.done" ] && [ "${dir}/mos" -nt "${wav16k}/${dset}/wav.scp" ]; then
        log "Already done: ${dir}/mos"
    else
        log "Inference: ${dir}/aqa_inference.log"
        run "${dir}/aqa_inference.log" \
            python3 -m espnet2.bin.aqa_inference \
                --data_path_and_name_and_type "${wav16k}/${dset}/wav.scp,audio,sound" \
                --model_file "${exp}/valid.loss.best.pth" \
                --train_config "${exp}/config.yaml" \
                --output_dir "${dir}"
        # <utterance> {"mos": 3.25} -> <utterance> 3.25
        sed -E 's/\{"mos": ([^}]*)\}$/\1/' "${dir}/metric.scp" > "${dir}/mos"
    fi
    python3 -m espnet_samos.bin.mos_score \
        --ref_dir "${dumpdir}/raw/${dset}" --pred_dir "${dir}"
done

log "Successfully finished. [elapsed=${SECONDS}s]"
