// From a file to samples at its own rate, and on to those of the model.

// WAVE formats
const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;
// What a browser decodes to where a file does not say its rate
const DECODED_AT = 48000;

export class AudioError extends Error {}

/** Decode a file: one Float32Array for each channel, in [-1, 1], and the rate in Hz. */
export async function decode(buffer) {
  if (text(buffer, 0, 4) === "RIFF" && text(buffer, 8, 4) === "WAVE") {
    const wav = decodeWav(new DataView(buffer));
    if (wav) return wav;
  }
  const fs = nativeRate(new DataView(buffer)) ?? DECODED_AT;
  let decoded;
  try {
    // a context of the file's own rate does not resample
    const context = new OfflineAudioContext(1, 1, fs);
    decoded = await context.decodeAudioData(buffer);
  } catch {
    throw new AudioError("this browser cannot read it as audio");
  }
  const channels = [];
  for (let i = 0; i < decoded.numberOfChannels; i++) {
    channels.push(decoded.getChannelData(i));
  }
  return { channels, fs };
}

function text(buffer, start, length) {
  const bytes = new Uint8Array(buffer, Math.min(start, buffer.byteLength));
  return String.fromCharCode(...bytes.subarray(0, length));
}

/** Decode uncompressed WAVE; null for what is compressed, which is the browser's. */
function decodeWav(view) {
  let format = null;
  for (let at = 12; at + 8 <= view.byteLength; ) {
    const id = text(view.buffer, at, 4);
    const size = view.getUint32(at + 4, true);
    const begin = at + 8;
    if (id === "fmt ") {
      let kind = view.getUint16(begin, true);
      if (kind === EXTENSIBLE) kind = view.getUint16(begin + 24, true);
      format = {
        kind,
        numChannels: view.getUint16(begin + 2, true),
        fs: view.getUint32(begin + 4, true),
        bytes: view.getUint16(begin + 14, true) / 8,
      };
    } else if (id === "data" && format) {
      const read = reader(view, format);
      if (!read) return null;
      const frame = format.bytes * format.numChannels;
      // a header can promise more than there is
      const end = Math.min(begin + size, view.byteLength);
      const numSamples = Math.floor((end - begin) / frame);
      const channels = [];
      for (let i = 0; i < format.numChannels; i++) {
        const samples = new Float32Array(numSamples);
        for (let n = 0; n < numSamples; n++) {
          samples[n] = read(begin + n * frame + i * format.bytes);
        }
        channels.push(samples);
      }
      return { channels, fs: format.fs };
    }
    at = begin + size + (size % 2);
  }
  return null;
}

function reader(view, { kind, bytes }) {
  const readers = {
    [`${PCM} 1`]: (at) => (view.getUint8(at) - 128) / 2 ** 7,
    [`${PCM} 2`]: (at) => view.getInt16(at, true) / 2 ** 15,
    [`${PCM} 3`]: (at) => ((view.getInt8(at + 2) << 16) | view.getUint16(at, true)) / 2 ** 23,
    [`${PCM} 4`]: (at) => view.getInt32(at, true) / 2 ** 31,
    [`${FLOAT} 4`]: (at) => view.getFloat32(at, true),
    [`${FLOAT} 8`]: (at) => view.getFloat64(at, true),
  };
  return readers[`${kind} ${bytes}`];
}

/** Read the rate in Hz from the head of a FLAC, Ogg or MP3 file; null elsewhere. */
function nativeRate(view) {
  if (view.byteLength < 64) return null;
  if (text(view.buffer, 0, 4) === "fLaC") return view.getUint32(18) >>> 12;
  if (text(view.buffer, 0, 4) === "OggS") {
    const packet = 27 + view.getUint8(26);
    if (text(view.buffer, packet + 1, 6) === "vorbis") return view.getUint32(packet + 12, true);
    return null; // Opus is always decoded at 48 kHz
  }
  let at = 0;
  if (text(view.buffer, 0, 3) === "ID3") {
    // a size of four times seven bits
    at = 10;
    for (let i = 6; i < 10; i++) at += view.getUint8(i) << (7 * (9 - i));
  }
  if (at + 4 > view.byteLength || view.getUint16(at) >>> 5 !== 0x7ff) return null;
  const version = (view.getUint8(at + 1) >>> 3) & 3;
  const fs = [44100, 48000, 32000][(view.getUint8(at + 2) >>> 2) & 3];
  return fs ? fs / { 3: 1, 2: 2, 0: 4 }[version] : null;
}

/** Return the mean of channels (NSamples,) each. */
export function mixDown(channels) {
  if (channels.length === 1) return channels[0];
  return channels[0].map((_, n) => {
    let sum = 0;
    for (const channel of channels) sum += channel[n];
    return sum / channels.length;
  });
}

/** Mean of samples (NSamples,). */
export function meanOf(samples) {
  return samples.reduce((sum, x) => sum + x, 0) / Math.max(1, samples.length);
}

/** Root mean square of samples (NSamples,). */
export function rms(samples) {
  let sum = 0;
  for (const x of samples) sum += x * x;
  return Math.sqrt(sum / Math.max(1, samples.length));
}

/** Modified Bessel function of the first kind, of order zero. */
function bessel(x) {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > 1e-17 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function gcd(a, b) {
  return b === 0 ? a : gcd(b, a % b);
}

/**
 * Resamples by a sinc with Kaiser's window, any part of a clip at a time.
 *
 * filter: `width` in zero crossings on either side, `rolloff` of the lower of the two
 * Nyquist frequencies, `beta` of the window; as audio/resampling.py has them.
 */
export class Resampler {
  constructor(fs, targetFs, filter) {
    const divisor = gcd(fs, targetFs);
    this.down = fs / divisor;
    this.up = targetFs / divisor;
    this.filter = filter;
    this.same = fs === targetFs;
    // of the input's rate
    this.cutoff = (Math.min(fs, targetFs) / fs) * filter.rolloff;
    this.reach = Math.ceil(filter.width / this.cutoff);
    this.kernels = new Map(); // by the phase between two samples
  }

  /** How many samples a clip of this many has. */
  length(numSamples) {
    return Math.floor((numSamples * this.up) / this.down + 0.5);
  }

  /** Return samples first, first + 1, ... of the resampled clip. */
  part(samples, first, count) {
    if (this.same) return samples.slice(first, first + count);
    const found = new Float32Array(count);
    for (let i = 0; i < count; i++) {
      const place = (first + i) * this.down;
      const centre = Math.floor(place / this.up);
      const kernel = this.kernel(place % this.up);
      const begin = centre - this.reach;
      const from = Math.max(0, -begin);
      const to = Math.min(kernel.length, samples.length - begin);
      let sum = 0;
      for (let k = from; k < to; k++) sum += kernel[k] * samples[begin + k];
      found[i] = sum;
    }
    return found;
  }

  kernel(phase) {
    if (!this.kernels.has(phase)) {
      const { width, beta } = this.filter;
      const kernel = new Float64Array(2 * this.reach + 2);
      for (let k = 0; k < kernel.length; k++) {
        const t = (k - this.reach - phase / this.up) * this.cutoff;
        if (Math.abs(t) >= width) continue;
        const window = bessel(beta * Math.sqrt(1 - (t / width) ** 2)) / bessel(beta);
        const sinc = t === 0 ? 1 : Math.sin(Math.PI * t) / (Math.PI * t);
        kernel[k] = this.cutoff * sinc * window;
      }
      this.kernels.set(phase, kernel);
    }
    return this.kernels.get(phase);
  }
}
