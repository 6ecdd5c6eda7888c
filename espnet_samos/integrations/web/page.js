// The page: a file or a recording in, its score and pictures of it out.

import { AudioError, decode, mixDown } from "./audio.js";
import { Scorer } from "./scorer.js";
import { bandwidth, spectrogram } from "./spectrum.js";

const MAX_HZ = 24000;
const SHOWN_DB = 90; // down from the loudest point
const COLUMNS = 800;
const BLUE = "#0072B2";
const MARGIN = { left: 48, right: 12, top: 8, bottom: 34 };
// magma, from silence to the loudest
const COLOURS = [
  [0, 0, 4],
  [40, 17, 89],
  [114, 31, 129],
  [183, 55, 121],
  [241, 96, 93],
  [254, 176, 120],
  [252, 253, 191],
];

const element = (id) => document.getElementById(id);
let scorer;
let queue = Promise.resolve();

async function start() {
  try {
    scorer = await Scorer.load();
  } catch (error) {
    element("status").textContent = `The model cannot be loaded: ${error.message}`;
    throw error;
  }
  const { words } = scorer.model;
  const style = document.createElement("style");
  style.textContent = words.css;
  document.head.append(style);
  element("title").textContent = words.title;
  element("introduction").textContent = words.introduction;
  element("answer").replaceChildren(...note());
  element("status").textContent = "";
  element("file").disabled = element("record").disabled = false;
  element("file").onchange = ({ target }) => {
    take(target.files[0]);
    target.value = ""; // so that the same file can be chosen again
  };
  const drop = element("drop");
  for (const kind of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", kind === "dragover");
      if (kind === "drop") take(event.dataTransfer.files[0]);
    });
  }
  element("record").onclick = record;
  document.body.dataset.ready = "yes";
}

/** Score a file, one after the other. */
function take(file) {
  if (!file) return;
  queue = queue.then(() =>
    show(file.name, async () => {
      const { channels, fs } = await decode(await file.arrayBuffer());
      if (channels.length > 1 && scorer.model.multichannel === "error") {
        throw new AudioError(`it has ${channels.length} channels`);
      }
      return { samples: mixDown(channels), fs };
    }),
  );
}

async function show(name, read) {
  element("view").hidden = true;
  element("answer").replaceChildren();
  element("status").textContent = `Scoring ${name} …`;
  const progress = element("progress");
  progress.value = 0;
  progress.hidden = false;
  try {
    const { samples, fs } = await read();
    const duration = samples.length / fs;
    const result = await scorer.score(samples, fs, async (seconds) => {
      progress.value = seconds / duration;
      await new Promise((done) => setTimeout(done)); // let the page be drawn
    });
    const band = bandwidth(samples, fs, scorer.model.bandwidth);
    element("answer").replaceChildren(...answer(result, duration, fs, band));
    element("name").textContent = name;
    element("view").hidden = false;
    drawSpectrogram(samples, fs, band);
    drawTrack(result.windows, duration);
  } catch (error) {
    if (!(error instanceof AudioError)) console.error(error);
    const box = make("div", "samos-error", make("b", "", "No score for this file"));
    box.append(`${name}: ${error.message}`);
    box.setAttribute("role", "alert");
    element("answer").replaceChildren(box, make("p", "", scorer.model.words.accepted));
  }
  element("status").textContent = "";
  progress.hidden = true;
}

function make(tag, className, ...content) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...content);
  return made;
}

function note() {
  const { label_note: text } = scorer.model;
  if (!text) return [];
  return [make("div", "samos-note", make("b", "", "What is predicted:"), ` this model’s ${text}.`)];
}

function facts(entries) {
  const box = make("div", "samos-facts");
  for (const [key, value] of entries) box.append(make("span", "", key, make("b", "", value)));
  return box;
}

function answer({ mean, std, scores, windows }, duration, fs, band) {
  const { words, z95, short_seconds, bandwidth: limits } = scorer.model;
  const [low, high] = [mean - z95 * std, mean + z95 * std];
  const further = Object.entries(scores).map(([name, score]) => [
    name,
    `${score.mean.toFixed(2)} ± ${score.std.toFixed(2)}`,
  ]);
  const warnings = [];
  const warn = (code, reason) =>
    warnings.push(make("div", "samos-warning", `${words.warnings[code]} (${reason}).`));
  if (duration < short_seconds) warn("short", `less than ${short_seconds} s`);
  if (band < limits.min_share * Math.min(fs / 2, limits.audible_hz)) {
    warn("bandwidth", `nothing above ${(band / 1000).toFixed(1)} kHz in a file of ${fs / 1000} kHz`);
  }
  const silent = windows.filter((window) => Number.isNaN(window.mean)).length;
  if (silent) warn("skipped", `${silent} of ${windows.length} windows`);
  return [
    make("div", "samos-score", mean.toFixed(2)),
    make("div", "samos-interval", `95 % interval: ${low.toFixed(2)} to ${high.toFixed(2)}`),
    ...(further.length ? [facts(further)] : []),
    ...note(),
    facts([
      ["Duration", `${duration.toFixed(2)} s`],
      ["Native rate", `${fs / 1000} kHz`],
      ["Bandwidth", `${(band / 1000).toFixed(1)} kHz`],
    ]),
    ...warnings,
  ];
}

/** Prepare a canvas with axes; return what draws in units of seconds and of y. */
function axes(canvas, height, duration, [bottom, top], ticks, label) {
  const width = Math.max(560, canvas.clientWidth);
  const scale = window.devicePixelRatio || 1;
  canvas.width = width * scale;
  canvas.height = height * scale;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  const inner = {
    width: width - MARGIN.left - MARGIN.right,
    height: height - MARGIN.top - MARGIN.bottom,
  };
  const x = (seconds) => MARGIN.left + (seconds / duration) * inner.width;
  const y = (value) => MARGIN.top + (1 - (value - bottom) / (top - bottom)) * inner.height;
  context.font = "12px system-ui, sans-serif";
  context.fillStyle = "#1f2933";
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const tick of ticks) context.fillText(tick, MARGIN.left - 6, y(tick));
  context.textAlign = "center";
  context.textBaseline = "top";
  const step = niceStep(duration);
  for (let tick = 0; tick <= duration; tick += step) {
    context.fillText(+tick.toFixed(2), x(tick), height - MARGIN.bottom + 4);
  }
  context.fillText("seconds", MARGIN.left + inner.width / 2, height - 14);
  context.save();
  context.translate(10, MARGIN.top + inner.height / 2);
  context.rotate(-Math.PI / 2);
  context.fillText(label, 0, -6);
  context.restore();
  context.strokeStyle = "#9aa5b1";
  return { context, x, y, inner };
}

function niceStep(duration) {
  const rough = duration / 8;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
}

function drawSpectrogram(samples, fs, band) {
  const duration = samples.length / fs;
  const settings = scorer.model.bandwidth;
  const { columns, binHz } = spectrogram(samples, fs, settings, COLUMNS, MAX_HZ);
  const loudest = columns.reduce((top, column) => column.reduce((a, b) => Math.max(a, b), top), -200);
  const numBins = columns[0].length;
  const image = new ImageData(columns.length, numBins);
  columns.forEach((column, i) => {
    column.forEach((level, k) => {
      const place = (numBins - 1 - k) * columns.length + i;
      image.data.set([...colour(1 + (level - loudest) / SHOWN_DB), 255], 4 * place);
    });
  });
  const canvas = element("spectrogram");
  const ticks = [0, 4, 8, 12, 16, 20, 24];
  const { context, x, y, inner } = axes(canvas, 300, duration, [0, MAX_HZ / 1000], ticks, "kHz");
  const picture = new OffscreenCanvas(columns.length, numBins);
  picture.getContext("2d").putImageData(image, 0, 0);
  const top = Math.min(MAX_HZ, numBins * binHz) / 1000;
  context.drawImage(picture, x(0), y(top), inner.width, y(0) - y(top));
  if (fs / 2 < MAX_HZ) {
    context.fillStyle = "#eeeeee";
    context.fillRect(x(0), y(MAX_HZ / 1000), inner.width, y(fs / 2000) - y(MAX_HZ / 1000));
    context.fillStyle = "#555555";
    context.textBaseline = "middle";
    if (fs / 2 < MAX_HZ - 3000) {
      context.fillText(
        `a file of ${fs / 1000} kHz has nothing here`,
        x(duration / 2),
        y((fs / 2 + MAX_HZ) / 2000),
      );
    }
  }
  if (band > 0) {
    const height = y(Math.min(band, MAX_HZ) / 1000);
    context.strokeStyle = "#56B4E9";
    context.setLineDash([6, 4]);
    context.beginPath();
    context.moveTo(x(0), height);
    context.lineTo(x(duration), height);
    context.stroke();
    const text = `bandwidth ${(band / 1000).toFixed(1)} kHz`;
    const below = height < MARGIN.top + 22;
    context.textAlign = "left";
    context.textBaseline = below ? "top" : "bottom";
    const { width } = context.measureText(text);
    context.fillStyle = "rgba(0, 0, 0, 0.7)";
    context.fillRect(x(0) + 4, below ? height + 2 : height - 18, width + 8, 16);
    context.fillStyle = "#56B4E9";
    context.fillText(text, x(0) + 8, below ? height + 4 : height - 3);
  }
}

function colour(share) {
  const place = Math.min(Math.max(share, 0), 1) * (COLOURS.length - 1);
  const below = Math.min(Math.floor(place), COLOURS.length - 2);
  return COLOURS[below].map((c, i) => c + (place - below) * (COLOURS[below + 1][i] - c));
}

function drawTrack(windows, duration) {
  const canvas = element("track");
  const { context, x, y, inner } = axes(canvas, 200, duration, [1, 5], [1, 2, 3, 4, 5], "score");
  context.strokeRect(x(0), y(5), inner.width, y(1) - y(5));
  // one window is a line as long as the clip
  const points =
    windows.length > 1
      ? windows.map((w) => ({ ...w, time: (w.start + w.end) / 2 }))
      : [0, duration].map((time) => ({ ...windows[0], time }));
  context.save();
  context.beginPath();
  context.rect(x(0), y(5), inner.width, y(1) - y(5));
  context.clip();
  for (const part of unbroken(points)) {
    context.beginPath();
    part.forEach((p) => context.lineTo(x(p.time), y(p.mean + p.std)));
    [...part].reverse().forEach((p) => context.lineTo(x(p.time), y(p.mean - p.std)));
    context.fillStyle = "rgba(0, 114, 178, 0.2)";
    context.fill();
    context.beginPath();
    part.forEach((p) => context.lineTo(x(p.time), y(p.mean)));
    context.strokeStyle = BLUE;
    context.stroke();
    context.fillStyle = BLUE;
    if (windows.length > 1 && windows.length < 100) {
      for (const p of part) context.fillRect(x(p.time) - 2, y(p.mean) - 2, 4, 4);
    }
  }
  context.restore();
}

/** Split points where one has no score. */
function unbroken(points) {
  const parts = [[]];
  for (const point of points) {
    if (Number.isNaN(point.mean)) parts.push([]);
    else parts.at(-1).push(point);
  }
  return parts.filter((part) => part.length);
}

/** Record until the button is pressed again; nothing is processed or compressed. */
async function record() {
  const button = element("record");
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    });
  } catch (error) {
    element("status").textContent = `There is no microphone to use (${error.message})`;
    return;
  }
  const context = new AudioContext();
  await context.audioWorklet.addModule("recorder.js");
  const recorder = new AudioWorkletNode(context, "recorder");
  const blocks = [];
  recorder.port.onmessage = ({ data }) => blocks.push(data);
  context.createMediaStreamSource(stream).connect(recorder);
  button.textContent = "Stop";
  element("status").textContent = "Recording …";
  button.onclick = async () => {
    button.onclick = record;
    button.textContent = "Record";
    stream.getTracks().forEach((track) => track.stop());
    const fs = context.sampleRate;
    await context.close();
    const samples = new Float32Array(blocks.reduce((sum, block) => sum + block.length, 0));
    let at = 0;
    for (const block of blocks) {
      samples.set(block, at);
      at += block.length;
    }
    queue = queue.then(() => show("Recording", async () => ({ samples, fs })));
  };
}

await start();
