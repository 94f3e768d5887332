// Paint a prediction; the page shows the loss and its gradient. In the console, `demo` holds the last call.

import { LOSSES, PRESETS, init, valueAndGradient } from "../src/index.js";
import { paintWith } from "./brush.js";
import { fillLosses, optionsOf, showOptions } from "./controls.js";
import { CLASSES, drawBar, drawGradient, drawLabels, short } from "./picture.js";

const element = (id) => document.getElementById(id);
const { simd, version } = await init();

const bytes = await (await fetch(new URL("../dist/slice.bin", import.meta.url))).arrayBuffer();
const [rows, columns] = new Uint16Array(bytes, 0, 2);
const voxels = rows * columns;
const slice = { rows, columns, image: new Uint8Array(bytes, 4, voxels), labels: new Uint8Array(bytes, 4 + voxels, voxels) };
const painted = new Uint8Array(voxels);
const logits = new Float32Array(CLASSES.length * voxels);

// Predictions to begin with.
const STARTS = {
  empty: () => 0,
  target: (row, column) => slice.labels[row * columns + column],
  // By six voxels down and three to the left.
  shifted: (row, column) => slice.labels[Math.min(row + 6, rows - 1) * columns + Math.min(column + 3, columns - 1)],
};

function paintAll(name) {
  for (let at = 0; at < voxels; at++) painted[at] = STARTS[name](Math.floor(at / columns), at % columns);
}

// The painted class has the logit of the slider above those of the others, around 0 for sigmoid.
function writeLogits() {
  const confidence = Number(element("confidence").value);
  const low = element("activation").value === "sigmoid" ? -confidence / 2 : 0;
  logits.fill(low);
  for (let at = 0; at < voxels; at++) logits[painted[at] * voxels + at] = low + confidence;
}

function terms() {
  const name = element("loss").value;
  if (Object.hasOwn(PRESETS, name)) return name;
  const term = { loss: name, ...optionsOf(element("options"), LOSSES[name]) };
  return element("exclude").checked ? { ...term, exclude_background: true } : term;
}

function update() {
  writeLogits();
  const batch = {
    shape: [1, CLASSES.length, rows, columns], pred: logits, target: slice.labels, terms: terms(),
    activation: element("activation").value,
  };
  drawLabels(element("prediction"), slice, painted);
  try {
    const began = performance.now();
    const result = valueAndGradient(batch);
    show(batch, result, performance.now() - began);
  } catch (error) {
    element("error").textContent = error.message;
    setStale(true);
  }
}

// After an error the figures are those of the call before.
function setStale(isStale) {
  element("error").hidden = !isStale;
  for (const id of ["figures", "gradient"]) element(id).classList.toggle("is-stale", isStale);
}

function show(batch, result, milliseconds) {
  globalThis.demo = { batch, result };
  const largest = drawGradient(element("gradient"), slice, result.gradient.subarray(shown() * voxels, (shown() + 1) * voxels));
  setStale(false);
  element("value").textContent = result.value.toPrecision(7);
  element("largest").textContent = short(result.gradient.reduce((most, x) => Math.max(most, Math.abs(x)), 0));
  element("time").textContent = `${milliseconds.toFixed(1)} ms`;
  element("low").textContent = short(-largest);
  element("high").textContent = short(largest);
  element("terms").textContent = result.term_values.length > 1 ? `Values of its terms: ${[...result.term_values].map(short).join(", ")}` : "";
}

const shown = () => Number(element("shown").value);
const brush = () => Number(document.querySelector("input[name=brush]:checked").value);

function fillClasses() {
  CLASSES.forEach(({ name, colour }, index) => {
    element("shown").add(new Option(name, index, index === 2, index === 2));
    const swatch = `<span class="swatch" style="background: rgb(${colour})"></span>`;
    element("brushes").insertAdjacentHTML("beforeend",
      `<label><input type="radio" name="brush" value="${index}" ${index === 2 ? "checked" : ""}>${swatch}${name}</label>`);
    element("legend").insertAdjacentHTML("beforeend", `<li>${swatch}${name}</li>`);
  });
}

// What belongs to one loss: its summary and its options.
function chooseLoss() {
  const name = element("loss").value;
  const isPreset = Object.hasOwn(PRESETS, name);
  element("summary").textContent = isPreset ? "A compound loss with the weights of its source." : `${LOSSES[name].summary}; ${LOSSES[name].values}.`;
  showOptions(element("options"), isPreset ? {} : LOSSES[name].options);
  element("exclude").disabled = isPreset;
  update();
}

function showNumbers() {
  for (const id of ["radius", "confidence"]) element(`${id}-shown`).textContent = element(id).value;
}

fillClasses();
fillLosses(element("loss"));
drawLabels(element("target"), slice, slice.labels);
drawBar(element("bar"));
showNumbers();
element("module").textContent = `segloss ${version}, module ${simd ? "with" : "without"} simd128; ${columns} × ${rows} voxels, ${CLASSES.length} classes.`;
paintWith(element("prediction"), slice, painted, () => ({ radius: Number(element("radius").value), label: brush() }), update);
element("controls").addEventListener("submit", (event) => event.preventDefault());
element("controls").addEventListener("input", (event) => {
  showNumbers();
  if (event.target.id === "loss") chooseLoss();
  else update();
});
element("shown").addEventListener("input", update);
for (const button of document.querySelectorAll("[data-start]")) {
  button.addEventListener("click", () => {
    paintAll(button.dataset.start);
    update();
  });
}
paintAll("shifted");
chooseLoss();
document.documentElement.dataset.ready = "true";
