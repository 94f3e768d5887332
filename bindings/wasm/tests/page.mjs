// The page in headless Chromium: paints with pointer and keyboard, compares every loss with the native library to the
// bit, and fails on any message of the console. Writes screenshots.
//
//     node tests/page.mjs FOLDER

import assert from "node:assert/strict";
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { extname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import puppeteer from "puppeteer-core";
import { CONSTANTS } from "../dist/abi.js";
import { LOSSES, PRESETS } from "../src/losses.js";
import { firstDifference, native } from "./native.mjs";

const root = new URL("..", import.meta.url);
const folder = process.argv[2];
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm" };

const server = createServer((request, response) => {
  const file = new URL(`.${request.url}`, root);
  if (!file.href.startsWith(root.href) || !existsSync(file)) return response.writeHead(404).end();
  response.writeHead(200, { "content-type": TYPES[extname(file.pathname)] ?? "application/octet-stream" });
  return createReadStream(file).pipe(response);
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));

const browser = await puppeteer.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--hide-scrollbars"] });
const complaints = [];
const page = await browser.newPage();
page.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`));
page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
page.on("requestfailed", (request) => complaints.push(`failed: ${request.url()}`));
page.on("response", (response) => { if (response.status() >= 400) complaints.push(`${response.status()}: ${response.url()}`); });
await page.setViewport({ width: 1360, height: 900 });

const set = (id, text) => page.$eval(`#${id}`, (input, to) => {
  input.value = to;
  input.dispatchEvent(new Event("input", { bubbles: true }));
}, text);
const text = (id) => page.$eval(`#${id}`, (element) => element.textContent);
const screenshot = (name) => page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });

// The last call of the page; arrays travel as base64.
async function last() {
  const found = await page.evaluate(() => {
    const pack = (array) => btoa(Array.from(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), (x) => String.fromCharCode(x)).join(""));
    const { batch, result } = globalThis.demo;
    return {
      shape: batch.shape, terms: batch.terms, activation: batch.activation, value: result.value,
      pred: pack(batch.pred), labels: pack(batch.target), gradient: pack(result.gradient),
    };
  });
  const bytes = (name) => Uint8Array.from(Buffer.from(found[name], "base64"));
  return { ...found, pred: new Float32Array(bytes("pred").buffer), gradient: new Float32Array(bytes("gradient").buffer), labels: bytes("labels") };
}

function assertNative(calls) {
  const expected = native(calls.map((call) => {
    const { terms } = call;
    const words = typeof terms === "string" ? `preset ${terms}` : [terms.loss, ...Object.entries(terms).filter(([name]) => name !== "loss").flat()].join(" ");
    return { ...call, activation: CONSTANTS[`SEGLOSS_${call.activation.toUpperCase()}`], terms: `; ${words}` };
  }));
  calls.forEach(({ value, gradient, terms }, index) => {
    const name = JSON.stringify(terms);
    assert.ok(Object.is(value, expected[index].value), `${name}: ${value}, not ${expected[index].value}`);
    assert.equal(firstDifference(gradient, expected[index].gradient), -1, name);
  });
  return calls.length;
}

try {
  await page.goto(`http://127.0.0.1:${server.address().port}/page/index.html`);
  await page.waitForSelector("html[data-ready]");
  assert.match(await text("module"), /with simd128/);
  const before = await last();
  await screenshot("start");

  // A stroke of white matter across the middle, and a dab by keyboard.
  await page.click("input[name=brush][value='3']");
  const box = await (await page.$("#prediction")).boundingBox();
  const point = (x, y) => [box.x + x * box.width, box.y + y * box.height];
  await page.mouse.move(...point(0.3, 0.35));
  await page.mouse.down();
  await page.mouse.move(...point(0.7, 0.35), { steps: 3 });
  await page.mouse.up();
  const stroke = await last();
  const painted = (call) => call.pred.subarray(3 * 77 * 95).filter((x) => x > 0).length;
  assert.ok(painted(stroke) > painted(before) + 50, "the stroke painted too little");
  // Each column that the stroke crosses is painted in the row of the stroke, which pictures count from the top.
  const row = 94 - Math.floor(0.35 * 95);
  for (let column = 25; column < 52; column++) assert.ok(stroke.pred[(3 * 95 + row) * 77 + column] > 0, `a gap at ${column}`);
  await page.click("input[name=brush][value='0']");
  await page.focus("#prediction");
  for (const key of ["ArrowDown", "ArrowDown", "ArrowLeft", "Space"]) await page.keyboard.press(key);
  assert.ok(painted(await last()) < painted(stroke), "the keyboard painted nothing");

  // Every loss of the list, with both activations.
  const losses = await page.$$eval("#loss option", (options) => options.map((option) => option.value));
  assert.equal(losses.length, Object.keys(LOSSES).length + Object.keys(PRESETS).length);
  const calls = [];
  for (const activation of ["softmax", "sigmoid"]) {
    await set("activation", activation);
    for (const loss of losses) {
      await set("loss", loss);
      const call = await last();
      assert.equal(typeof call.terms === "string" ? call.terms : call.terms.loss, loss);
      assert.equal(await text("value"), call.value.toPrecision(7));
      calls.push(call);
    }
  }
  // An option, and the confidence.
  await set("activation", "softmax");
  await set("loss", "tversky");
  await set("option-alpha", "0.9");
  await set("confidence", "6.5");
  calls.push(await last());
  assert.equal(calls.at(-1).terms.alpha, 0.9);
  console.log(`${assertNative(calls)} calls of the page: the bits of the native library`);
  await screenshot("tversky");

  // An error is shown, and goes.
  await set("option-alpha", "-1");
  assert.equal(await text("error"), "term 0: invalid alpha: -1 (expected finite and >= 0)");
  assert.equal(await page.$eval("#error", (element) => element.hidden), false);
  await screenshot("error");
  await set("option-alpha", "0.3");
  assert.equal(await page.$eval("#error", (element) => element.hidden), true);

  await set("loss", "boundary");
  await set("shown", "3");
  await screenshot("boundary");
  await page.setViewport({ width: 420, height: 900 });
  await sleep(200);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the page is wider than a phone");
  await screenshot("narrow");
  assert.deepEqual(complaints, []);
  console.log("no message in the console");
} finally {
  await browser.close();
  server.close();
}
