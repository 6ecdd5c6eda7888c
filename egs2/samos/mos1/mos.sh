#!/usr/bin/env bash
# The stages of training and testing a MOS predictor.

set -eE # -E: the trap below holds in functions, too
set -u
set -o pipefail

log() {
    local fname=${BASH_SOURCE[1]##*/}
    echo -e "$(date '+%Y-%m-%dT%H:%M:%S') (${fname}:${BASH_LINENO[0]}:${FUNCNAME[1]}) $*"
}
min() {
    local a=$1 b
    for b in "$@"; do
        [ "${b}" -lt "${a}" ] && a=${b}
    done
    echo "${a}"
}
SECONDS=0
trap 'log "Error: stopped by the error above. Mend what it says, or free space where the disk" \
    "is full, and run the same command again: what was finished is kept"' ERR

# General configuration
stage=1              # Processes starts from the specified stage.
stop_stage=10000     # Processes is stopped at the specified stage.
skip_data_prep=false # Skip data preparation stages.
skip_train=false     # Skip training stages.
skip_eval=false      # Skip inference and scoring stages.
skip_upload=true     # Skip packing and uploading stages.
about=               # Markdown file for the model card: conf/about.md, filled in (stage 7).
pack_onnx=true       # Pack ONNX graphs along, with the SSL model in them (stage 7).
ngpu=0               # The number of gpus ("0" uses cpu, otherwise use gpu).
num_nodes=1          # The number of nodes.
nj=2                 # The number of parallel jobs.
inference_nj=2       # The number of parallel jobs in inference.
gpu_inference=false  # Whether to perform gpu inference.
num_threads=         # The number of cores of training; on cpu, of its threads as well.
dumpdir=dump         # Directory of formatted data.
expdir=exp           # Directory to save experiments.
python=python3       # Specify python to execute espnet commands.

# Data preparation related
local_data_opts=""    # Options to be passed to local/data.sh.
audio_format=flac     # Format of clips that wav.scp gives as pipes or segments.
multichannel=error    # Clips of several channels: "error" or "downmix".
skip_bad_clips=false  # Leave out (and list) what cannot be used, instead of stopping.

# Training related
model=sa_ssl_mos     # sa_ssl_mos, or ssl_layer_mos: no spectrogram branch.
pretrain_config=""   # Configuration of pre-training: YAML files, a later one over
                     # an earlier.
train_config=""      # Configuration of fine-tuning, likewise.
train_args=""        # Arguments for both, e.g., "--seed 1"; they override the configs.
pretrain=true        # Whether to pre-train before fine-tuning.
tag=""               # Suffix for the experiment's directory.
mos_exp=""           # The experiment's directory. If given, tag is ignored.
pretrain_exp=""      # Directory of pre-training, to share one among several
                     # fine-tunings (default: pretrain in the experiment's).
dump_ssl_feats=false # Compute the frozen SSL features once, in stage 3.
gpu_dump=false       # Whether to compute them on gpus.
dump_args=""         # Arguments for that, e.g., "--batch_size 32".

# Inference related
inference_config=""                # Config for inference.
inference_args=""                  # Arguments for inference.
inference_tag=""                   # Suffix for the results directory.
inference_model=valid.lcc.best.pth # Model path for inference.

# [Task dependent] Set the datadir names created by local/data.sh
pretrain_set=""       # Name of the pre-training set. Several names are combined.
pretrain_valid_set="" # Name of the validation set while pre-training; where there
                      # are several, one for each pre-training set, in that order.
train_set=""          # Name of the (fine-tuning) training set, likewise.
valid_set=""          # Name of its validation set, likewise.
test_sets=""          # Names of test sets.
category=corpus       # What ESPnet's category iterator balances in combined sets:
                      # "corpus" or "lang".

# Upload model related
hf_repo=

help_message=$(cat << EOF
Usage: $0 --train_set <train_set_name> --valid_set <valid_set_name> --test_sets "<test_set_names>"

Stages: 1 data preparation, 2 audio checks, 3 statistics (and SSL features),
        4 pre-training, 5 fine-tuning, 6 inference and scoring,
        7 packing, 8 upload. Every stage can be repeated and resumes.

Options (defaults in parentheses):
    --stage / --stop_stage       First/last stage (${stage}/${stop_stage})
    --skip_data_prep             Skip stages 1-2 (${skip_data_prep})
    --skip_train                 Skip stages 3-5 (${skip_train})
    --skip_eval                  Skip stage 6 (${skip_eval})
    --skip_upload                Skip stages 7-8 (${skip_upload})
    --about                      Markdown for the model card: conf/about.md, filled in
    --pack_onnx                  Pack ONNX graphs along, with the SSL model in them
                                 (${pack_onnx})
    --model                      sa_ssl_mos or ssl_layer_mos (${model})
    --ngpu / --num_nodes         Training GPUs/nodes (${ngpu}/${num_nodes})
    --nj / --inference_nj        Parallel jobs (${nj}/${inference_nj})
    --gpu_inference              Use a GPU for inference (${gpu_inference})
    --num_threads                Cores of training; on CPU, its threads as well
                                 (all of this machine, 4 through a scheduler)
    --dumpdir / --expdir         Data/experiment roots (${dumpdir}/${expdir})
    --python                     Python interpreter (${python})
    --local_data_opts            Arguments for local/data.sh
    --audio_format               Format of clips read from pipes (${audio_format})
    --multichannel               error or downmix (${multichannel})
    --skip_bad_clips             Leave out, and list, what cannot be used (${skip_bad_clips})
    --pretrain                   Pre-train before fine-tuning (${pretrain})
    --pretrain_config / --train_config  YAML files of pre-training/fine-tuning,
                                 a later one over an earlier
    --train_args                 Arguments that override them
    --tag / --mos_exp            Experiment suffix / explicit directory
    --pretrain_exp               Directory of pre-training (<mos_exp>/pretrain)
    --dump_ssl_feats             Compute frozen SSL features once (${dump_ssl_feats})
    --gpu_dump / --dump_args     On GPUs (${gpu_dump}) / overriding arguments
    --inference_config / --inference_args  Inference YAML / overriding arguments
    --inference_model            Checkpoint name (${inference_model})
    --inference_tag              Results directory suffix
    --pretrain_set / --pretrain_valid_set  Data directories of pre-training;
                                 several, "a b", are combined
    --train_set / --valid_set    Data directories of fine-tuning, likewise
    --test_sets                  Space-separated data directories of testing
    --category                   What is balanced in combined sets, with a category
                                 iterator: corpus or lang (${category})
    --hf_repo                    Hugging Face repository for upload
EOF
)

log "$0 $*"
[ -d utils ] || { log "Error: run 'make setup', or in ESPnet's tree setup.sh"; exit 1; }
run_args=$(scripts/utils/print_args.sh "$0" "$@")
. local/check_args.sh
# shellcheck source=/dev/null
. utils/parse_options.sh

if [ $# -ne 0 ]; then
    log "${help_message}"
    log "Error: No positional arguments are required."
    exit 2
fi

. ./path.sh
if [ -f local/cmd.sh ]; then
    # shellcheck source=/dev/null
    . local/cmd.sh
else
    . ./cmd.sh
fi

die() {
    log "Error: $*"
    exit 2
}

# Multi-word interpreter commands are fine, e.g. "coverage run --append".
read -r -a python_command <<< "${python}"

case "${model}" in
    sa_ssl_mos) model_config="" ;;
    ssl_layer_mos) model_config=conf/tuning/ssl_layer_mos.yaml ;;
    *) die "--model must be sa_ssl_mos or ssl_layer_mos, not '${model}'" ;;
esac
for name in train_set valid_set test_sets train_config; do
    [ -n "${!name}" ] || die "--${name} is needed (./run.sh sets it)"
done
case "${category}" in
    corpus | lang) ;;
    *) die "--category must be corpus or lang, not '${category}'" ;;
esac
# combined_name <set>...: the name of these sets as one; of one set, its own
combined_name() {
    local IFS=+
    echo "$*$([ $# -gt 1 ] && [ "${category}" != corpus ] && echo "_by_${category}")"
}
# check_valid_sets <option> <training sets> <validation sets>
check_valid_sets() {
    local option=$1 train_sets valid_sets
    read -r -a train_sets <<< "$2"
    read -r -a valid_sets <<< "$3"
    [ ${#valid_sets[@]} -eq 1 ] || [ ${#valid_sets[@]} -eq ${#train_sets[@]} ] ||
        die "--${option} has ${#valid_sets[@]} sets for ${#train_sets[@]} training sets:" \
            "give one for each, in the same order, or one for the first"
}
check_valid_sets valid_set "${train_set}" "${valid_set}"
sets="${train_set} ${valid_set} ${test_sets}"
if "${pretrain}"; then
    for name in pretrain_set pretrain_valid_set pretrain_config; do
        [ -n "${!name}" ] || die "--${name} is needed, or --pretrain false"
    done
    check_valid_sets pretrain_valid_set "${pretrain_set}" "${pretrain_valid_set}"
    sets="${pretrain_set} ${pretrain_valid_set} ${sets}"
fi
sets=$(tr ' ' '\n' <<< "${sets}" | sed '/^$/d' | sort -u)

data_feats=${dumpdir}/raw
if [ -z "${tag}" ]; then
    tag=${model}$("${pretrain}" || echo _scratch)
    # Add overwritten arg's info
    tag+=$(sed -e "s/--/_/g" -e "s/[ |=]//g" <<< "${train_args}")
fi
[ -n "${mos_exp}" ] || mos_exp=${expdir}/mos_${tag}
[ -n "${pretrain_exp}" ] || pretrain_exp=${mos_exp}/pretrain
if [ -z "${inference_tag}" ]; then
    inference_tag=inference_${inference_model%.*}
fi
if [ -z "${num_threads}" ]; then
    case "${cuda_cmd}" in
        *run.pl*) num_threads=$(env -u OMP_NUM_THREADS nproc) ;;
        *) num_threads=4 ;; # the cores of this machine say nothing about the others
    esac
fi
cores=${num_threads}
# ESPnet's launcher asks for one core a GPU, or one without, where there are several nodes
if [ "${ngpu}" -gt 0 ] || [ "${num_nodes}" -gt 1 ]; then
    num_threads=1
fi

# done_before <file> <key> [<input>...]: whether <file> says that the step with
# this key was finished after the last change to each of its inputs.
done_before() {
    local marker=$1 key=$2 input
    shift 2
    [ -f "${marker}" ] && [ "$(< "${marker}")" = "${key}" ] || return 1
    for input in "$@"; do
        [ "${input}" -nt "${marker}" ] && return 1
    done
    return 0
}

# lock <directory>: wait for a run that works in it, and keep others out until the next
# lock or unlock
lock() {
    mkdir -p "$1"
    exec 9> "$1/.lock"
    if ! flock --nonblock 9; then
        log "Another run works in $1: waiting"
        flock 9
    fi
}
unlock() {
    exec 9>&-
}

# on_error <message> <log>...: stop, showing the end of the logs that failed.
on_error() {
    local message=$1 file
    shift
    for file in "$@"; do
        if ! tail -n 3 "${file}" | grep -qiE "ended \(code 0\)|with status 0$"; then
            echo "==> ${file} <=="
            tail -n 25 "${file}"
        fi
    done >&2
    log "Error: ${message}"
    exit 1
}

# split_keys <dir> <name> <nj> <scp>: split a list into <dir>/<name>.<n>.scp
split_keys() {
    local n files=()
    mkdir -p "$1"
    for n in $(seq "$3"); do
        files+=("$1/$2.${n}.scp")
    done
    utils/split_scp.pl "$4" "${files[@]}"
}

# data_opts <option prefix> <data directory> <ssl_feats.scp or "">: what to read
data_opts() {
    echo "--${1}data_path_and_name_and_type $2/wav.scp,speech,clip" \
        "--${1}data_path_and_name_and_type $2/utt2fs,fs,text_int" \
        "--${1}data_path_and_name_and_type $2/mos,mos,text_float"
    if [ -f "$2/utt2corpus" ]; then
        echo "--${1}data_path_and_name_and_type $2/utt2corpus,corpus,text"
    fi
    if [ -f "$2/mos_std" ] && [ -f "$2/utt2votes" ]; then
        echo "--${1}data_path_and_name_and_type $2/mos_std,mos_std,text_float" \
            "--${1}data_path_and_name_and_type $2/utt2votes,votes,text_int"
    fi
    if [ -n "${3:-}" ]; then
        echo "--${1}data_path_and_name_and_type $3,ssl_feats,ssl_feats"
    fi
}

# score_opts <option prefix> <data directory>: where labels of further scores are
score_opts() {
    local file
    for file in "$2"/mos_*; do
        case "${file##*/}" in
            "mos_*" | mos_std | mos_scale) ;;
            *)
                echo "--${1}data_path_and_name_and_type $2,scores,mos_scores"
                return
                ;;
        esac
    done
}

# stats_dir <training set>: where stage 3 puts its results for a training set. They
# depend on the audio path and the SSL frontend only, so both models share them.
stats_dir() {
    echo "${expdir}/mos_stats_${1}"
}

# combine <sets> <corpora>: make one set of several in stage 2; corpora are named after
# their training sets
combine() {
    local name out key sets_ corpora dirs
    read -r -a sets_ <<< "$1"
    read -r -a corpora <<< "$2"
    [ ${#sets_[@]} -gt 1 ] || return 0
    name=$(combined_name "${sets_[@]}")
    out=${data_feats}/${name}
    dirs=("${sets_[@]/#/${data_feats}/}")
    key="combine ${sets_[*]} of ${corpora[*]}"
    lock "${out}"
    if done_before "${out}/.done" "${key}" "${dirs[@]/%//.done}"; then
        log "Already done: ${out}"
        return
    fi
    rm -f "${out}/.done"
    "${python_command[@]}" -m espnet_samos.bin.mos_combine_data \
        --data_dirs "${dirs[@]}" --corpora "${corpora[@]}" \
        --category "${category}" --output_dir "${out}" || exit 1
    utils/validate_data_dir.sh --no-text --no-feats --non-print "${out}"
    echo "${key}" > "${out}/.done"
}

# collect_stats <train set> <valid set> <configs>
collect_stats() {
    local train_dir=${data_feats}/$1 valid_dir=${data_feats}/$2 config=$3
    local stats logdir nj_ n opts key
    for n in "${train_dir}" "${valid_dir}"; do
        [ -f "${n}/wav.scp" ] || die "no ${n}: run stage 2 first"
    done
    stats=$(stats_dir "$1")
    lock "${stats}"
    logdir=${stats}/logdir
    # shellcheck disable=SC2086
    "${python_command[@]}" -m espnet_samos.bin.merge_config --keep \
        --keys ssl_frontend ssl_frontend_conf preprocessor_conf \
        --output "${stats}/stats.yaml" -- ${config} || exit 1
    key="collect_stats $1 $2"
    if done_before "${stats}/.done" "${key}" {"${train_dir}","${valid_dir}"}/{wav.scp,mos*,utt2fs}; then
        log "Already done: ${stats}"
        return
    fi
    rm -f "${stats}/.done"
    nj_=$(min "${nj}" "$(wc -l < "${train_dir}/wav.scp")" "$(wc -l < "${valid_dir}/wav.scp")")
    split_keys "${logdir}" train "${nj_}" "${train_dir}/wav.scp"
    split_keys "${logdir}" valid "${nj_}" "${valid_dir}/wav.scp"
    opts="$(data_opts train_ "${train_dir}") $(data_opts valid_ "${valid_dir}")"
    log "Collecting statistics of $1 and $2: ${logdir}/stats.*.log"
    # shellcheck disable=SC2086
    ${train_cmd} JOB=1:"${nj_}" "${logdir}"/stats.JOB.log \
        "${python_command[@]}" -m espnet_samos.bin.mos_train \
            --collect_stats true \
            --config "${stats}/stats.yaml" \
            --train_shape_file "${logdir}/train.JOB.scp" \
            --valid_shape_file "${logdir}/valid.JOB.scp" \
            --output_dir "${logdir}/stats.JOB" \
            --preprocessor_conf multichannel="${multichannel}" \
            ${opts} || on_error "statistics of $1 failed" "${logdir}"/stats.*.log
    opts=
    for n in $(seq "${nj_}"); do
        opts+="--input_dir ${logdir}/stats.${n} "
    done
    # shellcheck disable=SC2086
    "${python_command[@]}" -m espnet2.bin.aggregate_stats_dirs --skip_sum_stats \
        ${opts} --output_dir "${stats}"
    echo "${key}" > "${stats}/.done"
}

# dump <train set> <valid set>: with --dump_ssl_feats, compute the SSL features of both,
# shard by shard. What is whole is kept, so this needs no marker.
dump() {
    "${dump_ssl_feats}" || return 0
    local stats logdir nj_ cmd ngpu_ dirs feats
    dirs=("${data_feats}/$1" "${data_feats}/$2")
    stats=$(stats_dir "$1")
    logdir=${stats}/logdir
    feats=("${stats}/train/ssl_feats" "${stats}/valid/ssl_feats")
    local join=("${python_command[@]}" -m espnet_samos.bin.mos_join_ssl_feats
        --data_dirs "${dirs[@]}" --feats_dirs "${feats[@]}")
    if "${join[@]}" > /dev/null 2>&1; then
        log "Already done: ${feats[*]}"
        return
    fi
    if "${gpu_dump}"; then
        cmd=${cuda_cmd} ngpu_=1
    else
        cmd=${train_cmd} ngpu_=0
    fi
    nj_=$(min "${nj}" "$(cat "${dirs[@]/%//wav.scp}" | wc -l)")
    log "Computing SSL features of $1 and $2: ${logdir}/ssl_feats.*.log"
    # shellcheck disable=SC2086
    ${cmd} --gpu "${ngpu_}" JOB=1:"${nj_}" "${logdir}"/ssl_feats.JOB.log \
        "${python_command[@]}" -m espnet_samos.bin.mos_dump_ssl_feats \
            --config "${stats}/stats.yaml" \
            --preprocessor_conf multichannel="${multichannel}" \
            --ngpu "${ngpu_}" \
            --job JOB --num_jobs "${nj_}" \
            --data_dirs "${dirs[@]}" --output_dirs "${feats[@]}" \
            ${dump_args} ||
        on_error "SSL features of $1 failed; run the same command to resume" "${logdir}"/ssl_feats.*.log
    "${join[@]}"
}

# train <step> <exp> <train set> <valid set> <stage> <configs> [<options>...]
train() {
    local step=$1 exp=$2 train_set_=$3 valid_set_=$4 stage_=$5 config=$6
    shift 6
    local stats key jobname opts inputs requeue=()
    local train_dir=${data_feats}/${train_set_} valid_dir=${data_feats}/${valid_set_}
    stats=$(stats_dir "${train_set_}")
    [ -f "${stats}/.done" ] || die "no ${stats}: run stage 3 first"
    # shellcheck disable=SC2086
    "${python_command[@]}" -m espnet_samos.bin.merge_config --keep \
        --output "${exp}/train.yaml" -- ${config} ${model_config} || exit 1
    # Nothing of a training is touched while it runs, also on another node. Other
    # failures, on a file system without locks, are not ours.
    if [ -f "${exp}/.lock" ]; then
        flock --shared --nonblock --conflict-exit-code 3 "${exp}/.lock" true || [ $? -ne 3 ] ||
            die "${exp} is in use by $(cat "${exp}/.lock"): wait until that has ended, or" \
                "give this training its own --tag"
    fi
    key="${step} on ${train_set_} and ${valid_set_} with: ${train_args} $*"
    inputs=("${stats}/.done")
    [ "${1:-}" = --init_param ] && inputs+=("$2")
    if { [ -f "${exp}/checkpoint.pth" ] || [ -f "${exp}/checkpoint.prev.pth" ]; } &&
        ! done_before "${exp}/.started" "${key}" "${inputs[@]}"; then
        die "${exp} holds a training on other data, from another model or with other options" \
            "($(cat "${exp}/.started")): give this one its own --tag, or remove that directory"
    fi
    if [ -f "${exp}/.done" ]; then
        log "Already done: ${exp}"
        return
    fi
    echo "${key}" > "${exp}/.started"
    log "Generate '${exp}/run.sh'. You can resume the process from stage ${stage_} using this script"
    echo "${run_args} --stage ${stage_} \"\$@\"; exit \$?" > "${exp}/run.sh"
    chmod +x "${exp}/run.sh"

    opts="$(data_opts train_ "${train_dir}" "$("${dump_ssl_feats}" && echo "${stats}/train/ssl_feats/ssl_feats.scp")")"
    opts+=" $(data_opts valid_ "${valid_dir}" "$("${dump_ssl_feats}" && echo "${stats}/valid/ssl_feats/ssl_feats.scp")")"
    opts+=" $(score_opts train_ "${train_dir}") $(score_opts valid_ "${valid_dir}")"
    if [[ "${cuda_cmd}" == *queue* || "${cuda_cmd}" == *pbs* ]]; then
        jobname=$(basename "${exp}") # SGE and PBS can't include "/" in a job name
    else
        jobname=${exp}/train.log
    fi
    if [[ "${resumable_opts:-}" == --resumable* ]] && [ "${num_nodes}" -gt 1 ]; then
        requeue=(local/requeue.sh) # Slurm asks each task of srun to go, not their script
    fi
    log "Training started (${step}): ${exp}/train.log"
    # shellcheck disable=SC2086
    "${python_command[@]}" -m espnet2.bin.launch \
        --cmd "${cuda_cmd} --name ${jobname} --num_threads ${cores} ${resumable_opts:-}" \
        --log "${exp}/train.log" \
        --ngpu "${ngpu}" \
        --num_nodes "${num_nodes}" \
        --init_file_prefix "${exp}/.dist_init_" \
        --multiprocessing_distributed true -- \
        ${requeue[@]+"${requeue[@]}"} env OMP_NUM_THREADS="${num_threads}" \
        "${python_command[@]}" -m espnet_samos.bin.mos_train \
            --resume true \
            --config "${exp}/train.yaml" \
            --train_shape_file "${stats}/train/mos_shape" \
            --valid_shape_file "${stats}/valid/mos_shape" \
            --output_dir "${exp}" \
            --preprocessor_conf multichannel="${multichannel}" \
            ${opts} "$@" ${train_args} || on_error "${step} failed; run the same command to resume" "${exp}/train.log"
    touch "${exp}/.done"
}

# ========================== Main stages start from here. ==========================

if ! "${skip_data_prep}"; then
    if [ "${stage}" -le 1 ] && [ "${stop_stage}" -ge 1 ]; then
        log "Stage 1: Data preparation for $(tr '\n' ' ' <<< "${sets}")"
        # shellcheck disable=SC2086
        local/data.sh --nj "${nj}" --skip_bad_clips "${skip_bad_clips}" ${local_data_opts}
    fi

    if [ "${stage}" -le 2 ] && [ "${stop_stage}" -ge 2 ]; then
        log "Stage 2: Audio checks at native rates: data/ -> ${data_feats}/"
        for dset in ${sets}; do
            _in=data/${dset}
            _out=${data_feats}/${dset}
            _logdir=${_out}/logs
            [ -f "${_in}/wav.scp" ] || die "no ${_in}/wav.scp: run stage 1, or put a data directory there"
            _key="check ${multichannel} ${skip_bad_clips}"
            lock "${_out}"
            if done_before "${_out}/.done" "${_key}" "${_in}"/*; then
                log "Already done: ${_out}"
                continue
            fi
            rm -f "${_out}/.done"
            mkdir -p "${_logdir}"
            _scp=${_in}/wav.scp
            if [ -f "${_in}/segments" ] || grep -q '|[[:space:]]*$' "${_scp}"; then
                # ESPnet's script makes files of pipes and segments, at their own rates
                _opts=
                [ -f "${_in}/segments" ] && _opts="--segments ${_in}/segments"
                # shellcheck disable=SC2086
                scripts/audio/format_wav_scp.sh --nj "${nj}" --cmd "${train_cmd}" \
                    --audio-format "${audio_format}" --fs none ${_opts} \
                    "${_scp}" "${_out}/format"
                _scp=${_out}/format/wav.scp
            fi
            _nj=$(min "${nj}" "$(wc -l < "${_scp}")")
            split_keys "${_logdir}" wav "${_nj}" "${_scp}"
            ${train_cmd} JOB=1:"${_nj}" "${_logdir}"/check.JOB.log \
                "${python_command[@]}" -m espnet_samos.bin.mos_check_audio \
                    --wav_scp "${_logdir}/wav.JOB.scp" \
                    --multichannel "${multichannel}" \
                    --output "${_logdir}/problems.JOB" || on_error "audio checks of ${dset} failed" "${_logdir}"/check.*.log
            for n in $(seq "${_nj}"); do
                cat "${_logdir}/problems.${n}"
            done > "${_logdir}/problems"
            "${python_command[@]}" -m espnet_samos.bin.mos_format_data \
                --data_dir "${_in}" --wav_scp "${_scp}" \
                --audio_problems "${_logdir}/problems" \
                --skip_bad_clips "${skip_bad_clips}" \
                --output_dir "${_out}"
            utils/validate_data_dir.sh --no-text --no-feats --non-print "${_out}"
            echo "${_key}" > "${_out}/.done"
        done
        if "${pretrain}"; then
            combine "${pretrain_set}" "${pretrain_set}"
            combine "${pretrain_valid_set}" "${pretrain_set}"
        fi
        combine "${train_set}" "${train_set}"
        combine "${valid_set}" "${train_set}"
        unlock
    fi
else
    log "Skip the stages for data preparation"
fi

# Several sets are one from here on.
# shellcheck disable=SC2086
{
    train_set=$(combined_name ${train_set})
    valid_set=$(combined_name ${valid_set})
    pretrain_set=$(combined_name ${pretrain_set})
    pretrain_valid_set=$(combined_name ${pretrain_valid_set})
}

if ! "${skip_train}"; then
    if [ "${stage}" -le 3 ] && [ "${stop_stage}" -ge 3 ]; then
        log "Stage 3: Statistics$("${dump_ssl_feats}" && echo " and SSL features")"
        if "${pretrain}"; then
            collect_stats "${pretrain_set}" "${pretrain_valid_set}" "${pretrain_config}"
            dump "${pretrain_set}" "${pretrain_valid_set}"
        fi
        collect_stats "${train_set}" "${valid_set}" "${train_config}"
        dump "${train_set}" "${valid_set}"
        unlock
    fi

    if [ "${stage}" -le 4 ] && [ "${stop_stage}" -ge 4 ]; then
        if "${pretrain}"; then
            log "Stage 4: Pre-training on ${pretrain_set}: ${pretrain_exp}"
            train pre-training "${pretrain_exp}" "${pretrain_set}" "${pretrain_valid_set}" 4 "${pretrain_config}"
        else
            log "Stage 4: no pre-training (--pretrain false)"
        fi
    fi

    if [ "${stage}" -le 5 ] && [ "${stop_stage}" -ge 5 ]; then
        log "Stage 5: Training on ${train_set}: ${mos_exp}"
        if "${pretrain}"; then
            _init=${pretrain_exp}/valid.lcc.best.pth
            [ -e "${_init}" ] || die "no ${_init}: run stage 4 first, or give --pretrain false"
            train fine-tuning "${mos_exp}" "${train_set}" "${valid_set}" 5 "${train_config}" --init_param "${_init}"
        else
            train training "${mos_exp}" "${train_set}" "${valid_set}" 5 "${train_config}"
        fi
    fi
else
    log "Skip training stages"
fi

if ! "${skip_eval}"; then
    if [ "${stage}" -le 6 ] && [ "${stop_stage}" -ge 6 ]; then
        log "Stage 6: Inference and scoring: ${mos_exp}/${inference_tag}"
        _model=${mos_exp}/${inference_model}
        [ -e "${_model}" ] || die "no ${_model}: run stage 5 first"
        if "${gpu_inference}"; then
            _cmd=${cuda_cmd}
            _ngpu=1
        else
            _cmd=${decode_cmd}
            _ngpu=0
        fi
        _opts=
        [ -n "${inference_config}" ] && _opts="--config ${inference_config}"
        for dset in ${test_sets}; do
            _data=${data_feats}/${dset}
            _dir=${mos_exp}/${inference_tag}/${dset}
            _logdir=${_dir}/log
            _key="inference ${inference_config} ${inference_args}"
            if done_before "${_dir}/.done" "${_key}" "${_model}" "${_data}"/{wav.scp,mos*,utt2fs,utt2sys}; then
                log "Already done: ${_dir}"
                continue
            fi
            rm -f "${_dir}/.done" "${_dir}"/mos*
            rm -rf "${_logdir}"/output.*
            _nj=$(min "${inference_nj}" "$(wc -l < "${_data}/wav.scp")")
            split_keys "${_logdir}" wav "${_nj}" "${_data}/wav.scp"
            log "Inference started: ${_logdir}/mos_inference.*.log"
            # shellcheck disable=SC2086
            ${_cmd} --gpu "${_ngpu}" JOB=1:"${_nj}" "${_logdir}"/mos_inference.JOB.log \
                "${python_command[@]}" -m espnet_samos.bin.mos_inference \
                    --ngpu "${_ngpu}" \
                    --wav_scp "${_logdir}/wav.JOB.scp" \
                    --model_file "${_model}" \
                    --train_config "${mos_exp}/config.yaml" \
                    --output_dir "${_logdir}/output.JOB" \
                    ${_opts} ${inference_args} || on_error "inference failed; run the same command to repeat it" "${_logdir}"/mos_inference.*.log
            for f in "${_logdir}"/output.1/mos*; do
                f=${f##*/}
                for n in $(seq "${_nj}"); do
                    cat "${_logdir}/output.${n}/${f}"
                done | sort > "${_dir}/${f}"
            done
            "${python_command[@]}" -m espnet_samos.bin.mos_score \
                --ref_dir "${_data}" --pred_dir "${_dir}"
            echo "${_key}" > "${_dir}/.done"
        done
        "${python_command[@]}" -m espnet_samos.bin.mos_results --exp_dir "${mos_exp}"
        log "Results: ${mos_exp}/RESULTS.md"
    fi
else
    log "Skip the evaluation stages"
fi

packed_model=${mos_exp}/${mos_exp##*/}_${inference_model%.*}.zip
if [ "${stage}" -le 7 ] && [ "${stop_stage}" -ge 7 ] && ! "${skip_upload}"; then
    log "Stage 7: Packing model: ${packed_model}"
    [ -e "${mos_exp}/${inference_model}" ] || die "no ${mos_exp}/${inference_model}: run stage 5 first"
    if [ -e "${mos_exp}/RESULTS.md" ]; then
        "${python_command[@]}" -m espnet_samos.bin.mos_model_card \
            --exp_dir "${mos_exp}" --inference_tag "${inference_tag}" \
            --command "${run_args}" --about "${about}"
    else
        log "Not scored yet (stage 6): the packed model has no model card"
    fi
    _option=()
    if "${pack_onnx}"; then
        if "${python_command[@]}" -m espnet_samos.bin.samos export \
            --model "${mos_exp}/${inference_model}" "${mos_exp}/onnx"; then
            _option=(--option onnx)
        else
            log "No ONNX graphs of these frontends: the packed model is scored by PyTorch"
        fi
    fi
    "${python_command[@]}" -m espnet_samos.bin.mos_pack \
        --exp_dir "${mos_exp}" --model_file "${inference_model}" \
        --option README.md --option card.yaml --option RESULTS.md --option images \
        "${_option[@]}" \
        --outpath "${packed_model}"
fi

if [ "${stage}" -le 8 ] && [ "${stop_stage}" -ge 8 ] && ! "${skip_upload}"; then
    log "Stage 8: Uploading to Hugging Face: ${hf_repo}"
    [ -n "${hf_repo}" ] || die "--hf_repo <user>/<repository> is needed"
    [ -e "${packed_model}" ] || die "no ${packed_model}: run stage 7 first"
    _dir=$(mktemp -d "${mos_exp}/upload.XXXX")
    "${python_command[@]}" -m zipfile -e "${packed_model}" "${_dir}"
    hf upload "${hf_repo}" "${_dir}" .
    rm -r "${_dir}"
fi

log "Successfully finished. [elapsed=${SECONDS}s]"
