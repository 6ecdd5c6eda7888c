// A trained model in the browser: windows of a clip in, scores out.

import * as ort from "./ort.wasm.bundle.min.mjs";
import { AudioError, meanOf, Resampler, rms } from "./audio.js";

/** Fetch a file and, where it is packed, unpack it. */
async function fetched(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
  if (!url.endsWith(".gz")) return response.arrayBuffer();
  const unpacked = response.body.pipeThrough(new DecompressionStream("gzip"));
  return new Response(unpacked).arrayBuffer();
}

export class Scorer {
  /** Load the model whose description is in `model.json`. */
  static async load() {
    const scorer = new Scorer();
    scorer.model = await (await fetch("model.json")).json();
    ort.env.wasm.wasmBinary = await fetched(scorer.model.runtime);
    // several threads need headers that a static host does not send
    ort.env.wasm.numThreads = 1;
    ort.env.logLevel = "error";
    scorer.sessions = {};
    for (const [part, url] of Object.entries(scorer.model.graphs)) {
      const graph = new Uint8Array(await fetched(url));
      scorer.sessions[part] = await ort.InferenceSession.create(graph);
    }
    return scorer;
  }

  /**
   * Score a clip, mono (NSamples,) at fs: { mean, std, scores, windows }.
   *
   * `scores` has { mean, std } of each further score, by name, as have the windows.
   *
   * `onWindow` is awaited after each window, with the seconds that are done.
   */
  async score(samples, fs, onWindow = async () => {}) {
    const { min_seconds, max_fs, min_fs, window_seconds, rates } = this.model;
    if (!(fs >= min_fs && fs <= max_fs)) {
      throw new AudioError(`its rate is ${fs} Hz: ${min_fs} to ${max_fs} Hz can be scored`);
    }
    if (samples.length / fs < min_seconds) {
      const seconds = (samples.length / fs).toFixed(2);
      throw new AudioError(`it is ${seconds} s long: less than ${min_seconds} s`);
    }
    const [first, end] = this.model.pad_short_clips
      ? soundBounds(samples, fs, this.model.silence_range, this.model.silence_tolerance)
      : [0, samples.length];
    let heard = samples.subarray(first, end);
    if (this.model.pad_short_clips) {
      // as dc_offset in audio/windows.py
      const offset = meanOf(heard.subarray(0, Math.ceil(window_seconds * fs)));
      heard = heard.map((x) => x - offset);
      if (heard.length > window_seconds * fs) heard = toWholeFrames(heard, fs);
    }
    const begin = first / fs;
    const duration = (end - first) / fs;
    const resamplers = Object.fromEntries(
      rates.map(([name, rate]) => [name, new Resampler(fs, rate, this.model.resampling)]),
    );
    const windows = [];
    for (const start of this.starts(heard.length / fs)) {
      const window = await this.scoreWindow(heard, resamplers, start, duration);
      windows.push({ ...window, start: begin + window.start, end: begin + window.end });
      await onWindow(begin + window.end);
    }
    if (windows.every(({ mean }) => Number.isNaN(mean))) {
      throw new AudioError("it is silent");
    }
    return { ...mixture(windows, window_seconds, this.model.scores), windows };
  }

  /** Where windows begin, in seconds, as audio/window_times.py has it. */
  starts(duration) {
    const { window_seconds, windows } = this.model;
    const last = windows === "first" ? 0 : Math.max(0, round6(duration - window_seconds));
    const count = Math.ceil(round6(last / window_seconds));
    return [...Array.from({ length: count }, (_, i) => i * window_seconds), last];
  }

  async scoreWindow(samples, resamplers, start, duration) {
    const { window_seconds, rates, silent_rms, blocks_per_second } = this.model;
    const vectors = [];
    let quiet = false;
    let sound = 0;
    for (const [name, rate] of [...rates].sort((a, b) => b[1] - a[1])) {
      const resampler = resamplers[name];
      const size = Math.round(window_seconds * rate);
      const total = resampler.length(samples.length);
      const first = Math.max(0, Math.min(Math.round(start * rate), total - size));
      const heard = resampler.part(samples, first, Math.min(size, total - first));
      if (sound === 0) {
        // at the highest rate, which sees all of the band
        quiet = rms(heard) < silent_rms;
        sound = shareOfSound(heard, rate / blocks_per_second, silent_rms);
        if (quiet) break;
      }
      const part = this.model.branches[name];
      const session = this.sessions[part];
      const window = this.filled(heard, size, rate, session);
      const input = new ort.Tensor("float32", window, [1, window.length]);
      const { vector } = await session.run({ speech: input });
      vectors.push([part, vector.data]);
    }
    const place = { start, end: Math.min(duration, start + window_seconds), sound };
    if (quiet) return { ...place, mean: NaN, std: NaN };
    // the head takes them in the order of the branches
    const order = Object.keys(this.sessions);
    vectors.sort((a, b) => order.indexOf(a[0]) - order.indexOf(b[0]));
    const all = vectors.flatMap(([, data]) => [...data]);
    const vector = new ort.Tensor("float32", Float32Array.from(all), [1, all.length]);
    const { mean, variance } = await this.sessions.head.run({ vector });
    const score = (i) => ({ mean: mean.data[i], std: Math.sqrt(variance.data[i]) });
    const further = this.model.scores.map((name, i) => [name, score(i + 1)]);
    return { ...place, ...score(0), scores: Object.fromEntries(further) };
  }

  /**
   * Fill a window with a clip that is shorter: with silence after it, or repeated.
   *
   * A graph that takes any length needs little silence, as inference/onnx_engine.py has it.
   */
  filled(samples, size, rate, session) {
    if (samples.length === size) return samples;
    const { margin_seconds, step_seconds, pad_short_clips } = this.model;
    const step = Math.round(step_seconds * rate);
    const needed = step * Math.ceil((samples.length + margin_seconds * rate) / step);
    const takesAnyLength = typeof session.inputMetadata[0].shape[1] === "string";
    const window = new Float32Array(takesAnyLength ? Math.min(size, needed) : size);
    window.set(samples);
    if (!pad_short_clips) {
      for (let n = samples.length; n < size; n++) window[n] = samples[n % samples.length];
    }
    return window;
  }
}

/** Where a clip begins and ends without digital silence, as audio/clip_ends.py has it. */
function soundBounds(samples, fs, silenceRange, silenceTolerance) {
  const edge = (frame) => Math.min(samples.length, Math.floor((frame * fs) / 50));
  const isHeard = (frame) => {
    let [lowest, highest] = [Infinity, -Infinity];
    for (let n = edge(frame); n < edge(frame + 1); n++) {
      lowest = Math.min(lowest, samples[n]);
      highest = Math.max(highest, samples[n]);
    }
    return highest - lowest > silenceRange;
  };
  const numFrames = Math.ceil((samples.length * 50) / fs);
  let first = 0;
  while (first < numFrames && !isHeard(first)) first++;
  if (first === numFrames) return [0, samples.length];
  let end = numFrames;
  while (!isHeard(end - 1)) end--;
  // less than a frame at the end is part of the sound before it
  if (end === Math.floor((samples.length * 50) / fs)) end = numFrames;
  // nor are samples at the very end that are all the same, but for one alone
  const value = samples[edge(end) - 1];
  let num = 0;
  while (Math.abs(samples[edge(end) - 1 - num] - value) <= silenceTolerance) num++;
  return [edge(first), edge(end) - (num > 1 ? num : 0)];
}

/** Add silence, as to_whole_frames in audio/clip_ends.py has it. */
function toWholeFrames(samples, fs) {
  const numFrames = Math.ceil((samples.length * 50) / fs);
  const whole = new Float32Array(Math.ceil((numFrames * fs) / 50));
  whole.set(samples);
  return whole;
}

function round6(x) {
  return Math.round(x * 1e6) / 1e6;
}

function shareOfSound(samples, size, silentRms) {
  let heard = 0;
  let count = 0;
  for (let at = 0; at < samples.length; at += size, count++) {
    if (rms(samples.subarray(at, at + size)) >= silentRms) heard++;
  }
  return heard / Math.max(1, count);
}

/** Mean and deviation of the mixture of windows' predictions, as inference/result.py. */
function mixture(windows, seconds, names) {
  const edges = [...new Set(windows.flatMap((w) => [round6(w.start), round6(w.start + seconds)]))];
  edges.sort((a, b) => a - b);
  const counted = windows.filter(({ mean }) => !Number.isNaN(mean));
  const weights = counted.map(() => 0);
  for (let i = 0; i + 1 < edges.length; i++) {
    const there = counted.map(
      (w) => round6(w.start) <= edges[i] && edges[i + 1] <= round6(w.start + seconds),
    );
    const overlap = Math.max(1, there.filter(Boolean).length);
    there.forEach((is, k) => {
      if (is) weights[k] += ((edges[i + 1] - edges[i]) / overlap) * counted[k].sound;
    });
  }
  const total = weights.reduce((a, b) => a + b);
  const average = (values) => values.reduce((sum, x, k) => sum + (weights[k] / total) * x, 0);
  const moments = (scores) => {
    const mean = average(scores.map((s) => s.mean));
    const variance = average(scores.map((s) => s.std ** 2 + (s.mean - mean) ** 2));
    return { mean, std: Math.sqrt(variance) };
  };
  const further = names.map((name) => [name, moments(counted.map((w) => w.scores[name]))]);
  return { ...moments(counted), scores: Object.fromEntries(further) };
}
