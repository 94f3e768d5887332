// The form of a loss, made from the table of losses.

import { LOSSES, PRESETS } from "../src/index.js";

const words = (name) => name.replaceAll("_", " ").replace(/^./, (letter) => letter.toUpperCase());

export function fillLosses(select) {
  const group = (label, entries) => {
    const found = Object.assign(document.createElement("optgroup"), { label });
    for (const [name, text] of entries) found.append(new Option(text, name));
    select.append(found);
  };
  group("Losses", Object.keys(LOSSES).map((name) => [name, words(name)]));
  group("Compound losses", Object.entries(PRESETS));
  select.value = "dice";
}

// Shows the options of a loss: numbers, choices and flags.
export function showOptions(place, options) {
  place.replaceChildren();
  for (const [name, option] of Object.entries(options)) {
    const input = inputOf(option);
    if (!input) continue;
    input.dataset.option = name;
    input.id = `option-${name}`;
    const label = Object.assign(document.createElement("label"), { className: "row", htmlFor: input.id, title: option.what ?? "" });
    label.append(Object.assign(document.createElement("span"), { textContent: words(name) }), input);
    place.append(label);
  }
}

function inputOf(option) {
  const make = (tag, values) => Object.assign(document.createElement(tag), values);
  switch (option.kind) {
    case "number":
      return make("input", { type: "number", step: "any", min: option.min, max: option.max ?? "", defaultValue: Number(option.default.toPrecision(4)) });
    case "flag":
      return make("input", { type: "checkbox" });
    case "choice": {
      const select = make("select");
      for (const name of Object.keys(option.constants)) select.add(new Option(words(name), name));
      return select;
    }
    default:
      return null;
  }
}

// The options that differ from the default.
export function optionsOf(place, { options }) {
  const found = {};
  for (const input of place.querySelectorAll("[data-option]")) {
    const name = input.dataset.option;
    const { kind } = options[name];
    if (kind === "flag" && input.checked) found[name] = true;
    if (kind === "choice" && input.selectedIndex > 0) found[name] = input.value;
    if (kind === "number" && input.value !== input.defaultValue) found[name] = input.valueAsNumber;
  }
  return found;
}
