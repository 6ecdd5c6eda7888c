// Spectra of frames: what a picture shows, and how far up a clip reaches.

/** Discrete Fourier transform of any length: a factor at a time. */
class Transform {
  constructor(length) {
    this.length = length;
    this.cos = Float64Array.from({ length }, (_, k) => Math.cos((2 * Math.PI * k) / length));
    this.sin = Float64Array.from({ length }, (_, k) => -Math.sin((2 * Math.PI * k) / length));
  }

  /** Return real and imaginary parts of all bins of real samples. */
  run(samples) {
    return this.step(samples, 0, 1, this.length);
  }

  step(samples, first, stride, length) {
    const re = new Float64Array(length);
    const im = new Float64Array(length);
    if (length === 1) {
      re[0] = samples[first];
      return [re, im];
    }
    let factor = 2;
    while (length % factor) factor++;
    const part = length / factor;
    const turn = this.length / length;
    for (let i = 0; i < factor; i++) {
      const [x, y] = this.step(samples, first + i * stride, stride * factor, part);
      for (let k = 0; k < length; k++) {
        const at = ((i * k) % length) * turn;
        const m = k % part;
        re[k] += x[m] * this.cos[at] - y[m] * this.sin[at];
        im[k] += x[m] * this.sin[at] + y[m] * this.cos[at];
      }
    }
    return [re, im];
  }
}

/** Takes frames of a clip, and gives the power of their bins, a full-scale sine's being 1. */
class Frames {
  constructor(length) {
    this.length = length;
    this.window = Float64Array.from(
      { length },
      (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / (length - 1)),
    );
    this.scale = (2 / this.window.reduce((sum, w) => sum + w)) ** 2;
    this.transform = new Transform(length);
    this.numBins = Math.floor(length / 2) + 1;
  }

  power(samples, start) {
    const frame = this.window.map((w, n) => w * (samples[start + n] ?? 0));
    const [re, im] = this.transform.run(frame);
    const power = new Float64Array(this.numBins);
    for (let k = 0; k < this.numBins; k++) power[k] = this.scale * (re[k] ** 2 + im[k] ** 2);
    return power;
  }
}

/**
 * Measure the bandwidth of a clip in Hz, as audio/signal_report.py does: above it, the
 * loudest frames stay far below the strongest bin. 0 where all is silent.
 */
export function bandwidth(samples, fs, settings) {
  const frames = new Frames(Math.round(settings.frame_seconds * fs));
  const { length, numBins } = frames;
  const silent = length * 10 ** (settings.silent_db / 10);
  const levels = []; // of each frame, whole decibels
  for (let start = 0; start + length <= samples.length; start += length) {
    let energy = 0;
    for (let n = 0; n < length; n++) energy += samples[start + n] ** 2;
    if (energy < silent) continue;
    const power = frames.power(samples, start);
    levels.push(Int16Array.from(power, (p) => Math.min(0, Math.trunc(10 * Math.log10(p + 1e-20)))));
  }
  if (levels.length === 0) return 0;
  const rank = Math.ceil(Math.max(1, settings.loud_share * levels.length)) - 1;
  const loud = new Float64Array(numBins);
  for (let k = 0; k < numBins; k++) {
    const sorted = levels.map((level) => level[k]).sort((a, b) => b - a);
    loud[k] = sorted[rank];
  }
  const strongest = loud.reduce((a, b) => Math.max(a, b));
  let last = numBins - 1;
  while (loud[last] <= strongest - settings.bandwidth_db) last--;
  return Math.min(((last + 1) * fs) / length, fs / 2);
}

/** Compute the levels of a picture in dB: at most numColumns columns of bins up to maxHz. */
export function spectrogram(samples, fs, settings, numColumns, maxHz) {
  const frames = new Frames(Math.round(settings.frame_seconds * fs));
  const hop = Math.max(Math.round(0.005 * fs), Math.ceil(samples.length / numColumns));
  const numBins = Math.min(frames.numBins, Math.floor((maxHz / fs) * frames.length) + 1);
  const columns = [];
  for (let start = 0; start < samples.length; start += hop) {
    const power = frames.power(samples, start + Math.floor((hop - frames.length) / 2));
    columns.push(Float32Array.from(power.subarray(0, numBins), (p) => 10 * Math.log10(p + 1e-20)));
  }
  return { columns, binHz: fs / frames.length };
}
