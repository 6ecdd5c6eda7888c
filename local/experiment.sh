#!/usr/bin/env bash
# The paper's experiment: two models, each trained on the small set alone, on the large
# one alone, and on both in two steps; several runs of each; every run scored on every
# test set; one RESULTS.md. Interrupted, the same command goes on where it stopped.
#
# Lists are split on purpose, other scripts are where the recipe runs, names refer to names:
# shellcheck disable=SC1091,SC2034,SC2046,SC2086
set -euo pipefail

log() {
    local fname=${BASH_SOURCE[1]##*/}
    if "${dry_run}"; then echo "# $*"; return; fi # commands stand beside it
    echo -e "$(date '+%Y-%m-%dT%H:%M:%S') (${fname}:${BASH_LINENO[0]}:${FUNCNAME[1]}) $*"
}
die() { log "Error: $*"; exit 2; }
all_rows=$(echo {ssl_layer_mos,sa_ssl_mos}/{train,pretrain,two_step})

# Options, as --help shows them
corpora=""                              # Corpora to prepare: names of local/data.sh
pretrain_set="" pretrain_valid_set=""   # The large training set, and its validation set
train_set="" valid_set=""               # The small multi-rate training set, likewise
test_sets=""                            # Sets to score on
conf=""                                 # Directory of YAML files, as conf/paper
extra_config=""                         # YAML files over those, e.g. a smaller SSL model
published=""                            # YAML file of published figures to show beside ours
rows=""                                 # Rows of the tables, where not all are wanted
num_runs=10 num_finetunes=2             # Runs of a row; in two_step, how many share a pre-training
stage=1 stop_stage=10000                # First and last stage
dry_run=false                           # Print the commands, and what is missing; run nothing
ngpu=1 num_threads=1                    # GPUs (0: CPU) and cores of a training
max_jobs_run=1 nj=2                     # Trainings at once; parallel jobs of stages 1 and 2
train_args="" inference_args=""         # For every training (seeds are set here) or inference
dump_ssl_feats=false gpu_dump=false     # Compute the frozen SSL features once; on GPUs
download=false                          # Fetch corpora where their licences allow it
skip_bad_clips=false multichannel=error # As of mos.sh
dumpdir=dump expdir=exp                 # Data; experiments, this one in <expdir>/experiment
help_message="Usage: ./run.sh --corpus paper [options], or --corpus paper_mini: the mini corpus
Stages: 1 data preparation, 2 audio checks and statistics, 3 trainings on one set,
        4 fine-tunings, 5 RESULTS.md. The runs of a row are a job array: see local/cmd.sh.
Rows:   ${all_rows}
Options with their defaults (run.sh sets those of its corpus):
$(sed -nE '/^[a-z_]+=.* # /{s/([a-z_]+)=(\S*)/--\1 \2/g;s/ +# /\t/p}' "$0" | expand -t 45)"

log "$0 $*" >&2
. ./path.sh
. local/check_args.sh
. utils/parse_options.sh
. local/cmd.sh
. ./db.sh
[ $# -eq 0 ] || die "No positional arguments are required, got: $*"
for name in corpora pretrain_set pretrain_valid_set train_set valid_set test_sets conf; do
    [ -n "${!name}" ] || die "--${name} is needed (./run.sh sets it)"
done
rows=$(xargs <<< "${rows:-${all_rows}}") test_sets=$(xargs <<< "${test_sets}")
for row in ${rows}; do
    [[ " ${all_rows} " == *" ${row} "* ]] || die "--rows: no row '${row}' (there are: ${all_rows})"
done
if [[ ! "${num_runs} ${num_finetunes}" =~ ^[1-9][0-9]*\ [1-9][0-9]*$ ]] ||
    { [[ "${rows}" == *two_step* ]] && [ $((num_runs % num_finetunes)) -ne 0 ]; }; then
    die "--num_runs ${num_runs} is no multiple of --num_finetunes ${num_finetunes}"
fi

num_pretrains=$((num_runs / num_finetunes))
root=${expdir}/experiment tag=inference_valid.lcc.best sets=${test_sets} missing=()
base="${conf}/model.yaml ${conf}/train.yaml" over=${extra_config:+ ${extra_config}}
all=(--test_sets "${test_sets}" --expdir "${expdir}" --dumpdir "${dumpdir}"
    --dump_ssl_feats "${dump_ssl_feats}" --multichannel "${multichannel}"
    --skip_bad_clips "${skip_bad_clips}")
scratch=$([ ! -f "${conf}/scratch.yaml" ] || echo " ${conf}/scratch.yaml")
# Options of mos.sh for each training; they begin with its set
train=(--train_set "${train_set}" --valid_set "${valid_set}" --pretrain false
    --train_config "${base}${scratch}${over}")
pretrain=(--train_set "${pretrain_set}" --valid_set "${pretrain_valid_set}" --pretrain false
    --train_config "${base} ${conf}/pretrain.yaml${over}")
two_step=(--train_set "${train_set}" --valid_set "${valid_set}"
    --train_config "${base} ${conf}/finetune.yaml${over}" --pretrain_set "${pretrain_set}"
    --pretrain_valid_set "${pretrain_valid_set}" --pretrain_config "${pretrain[-1]}")

at() { [ "${stage}" -le "$1" ] && [ "${stop_stage}" -ge "$1" ]; } # whether a stage is wanted
# need <what to do> <path>...: stop where one is not there; a dry run tells at its end
need() {
    local path
    for path in "${@:2}"; do
        [ -e "${path}" ] || missing+=("no ${path}: $1")
    done
    "${dry_run}" || [ ${#missing[@]} -eq 0 ] || die "${missing[0]}"
}
# run <command>...: run it, or print it as it can be typed
run() { if "${dry_run}"; then sed -E "s/'([a-zA-Z0-9_./:=-]+)'/\1/g" <<< "${*@Q}"; else "$@"; fi; }
# train <stage> <row> <run> <n> <last stage of mos.sh> [<option>...]: a job array of n runs;
# JOB in <run> is 1 to n, and the last number in it is the seed
train() {
    local -n options=${2#*/}
    local exp=${root}/$2/run$3 logs=${root}/log/$2/${3/JOB/run}.JOB.log dset
    if ! at "$1"; then # what the tables need of it is of an earlier call
        ! at 5 || [ "$5" -lt 6 ] || need "run stage $1 first" $(for dset in ${test_sets}; do
            seq -f "${exp/JOB/%g}/${tag}/${dset}/scores.json" "$4"
        done)
        return
    fi
    [ "${stage}" -lt 3 ] || need "run stage 2 first" $(printf "${dumpdir}/raw/%s/.done " \
        ${test_sets}) "${expdir}/mos_stats_${options[1]// /+}/.done"
    log "Stage $1: $2, $4 runs ($(compgen -G "${exp/JOB/*}/.done" | wc -l) trained before), ${logs}"
    run ${cuda_cmd} --gpu "${ngpu}" --num_threads "${num_threads}" ${resumable_opts} \
        --max-jobs-run "${max_jobs_run}" JOB=1:"$4" "${logs}" env cmd_backend=local \
        ./mos.sh --stage 5 --stop_stage "$5" --model "${2%/*}" --mos_exp "${exp}" \
        --train_args "--seed ${3##*_}${train_args:+ ${train_args}}" "${options[@]}" "${@:6}" \
        --inference_config "${conf}/inference.yaml" --inference_args "${inference_args}" \
        --gpu_inference "$([ "${ngpu}" -gt 0 ] && echo true || echo false)" --inference_nj 1 \
        --ngpu "${ngpu}" --num_threads "${num_threads}" "${all[@]}" && return
    grep -sLiE "ended \(code 0\)|with status 0$" ${logs/JOB/*} | xargs -r tail -v -n 25 >&2 || true
    die "$2 failed; run the same command to resume"
}

"${dry_run}" && echo "export cmd_backend=${cmd_backend}; . ./path.sh"
[[ "${rows}" =~ /(train|two_step) ]] && sets+=" ${train_set} ${valid_set}"
[[ "${rows}" =~ /(pretrain|two_step) ]] && sets+=" ${pretrain_set} ${pretrain_valid_set}"
for dset in ${sets}; do # stage 1 makes those of the corpora
    ! at 2 || { at 1 && [[ "${dset}_" =~ ^(${corpora// /|})_ ]]; } ||
        need "run stage 1, or put a data directory there" "data/${dset}/wav.scp"
done
for corpus in ${corpora}; do
    at 1 && [[ " ${sets// /_ }_" == *" ${corpus}_"* ]] || continue # none of its sets is wanted
    name=${corpus^^}
    ! "${dry_run}" || [ "${corpus}" = mini ] || # which is made
        need "put ${corpus} there, or set ${name} in db.sh" "${!name:-${name} of db.sh}"
    run local/data.sh --corpus "${corpus}" --nj "${nj}" --download "${download}" \
        --skip_bad_clips "${skip_bad_clips}"
done
for training in train pretrain two_step; do
    declare -n options=${training}
    ! at 2 || [[ "${rows}" != */${training}* ]] || run ./mos.sh --stage 2 --stop_stage 3 \
        "${options[@]}" --nj "${nj}" --gpu_dump "${gpu_dump}" "${all[@]}"
done
for row in $(printf '%s\n' ${rows} | sort -u); do # pretrain before two_step
    if [[ "${row}" != *two_step ]]; then train 3 "${row}" JOB "${num_runs}" 6; continue; fi
    shared=${row%/*}/pretrain
    [[ " ${rows} " == *" ${shared} "* ]] || train 3 "${shared}" JOB "${num_pretrains}" 5 # unscored
    [ "${stage}" -ne 4 ] ||
        need "run stage 3 first" $(seq -f "${root}/${shared}/run%g/.done" "${num_pretrains}")
    for finetune in $(seq "${num_finetunes}"); do
        train 4 "${row}" "JOB_${finetune}" "${num_pretrains}" 6 \
            --pretrain_exp "${root}/${shared}/runJOB"
    done
done
! at 5 || run python3 -m espnet_samos.bin.mos_experiment --exp_dir "${root}" --rows ${rows} \
    --test_sets ${test_sets} --inference_tag "${tag}" --train_set "${train_set}" \
    --pretrain_set "${pretrain_set}" ${published:+--published "${published}"}
[ ${#missing[@]} -eq 0 ] || die "missing:$(printf '\n#   %s' "${missing[@]}" | sort -u)"
"${dry_run}" && log "Nothing is missing, and nothing was run" && exit
log "Successfully finished. [elapsed=${SECONDS}s]"
