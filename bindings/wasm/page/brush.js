// A round brush on a canvas of voxels, by pointer or keyboard.

import { rowShown } from "./picture.js";

// Calls `changed` after each change of `painted`; `settings` returns the radius in voxels and the label.
export function paintWith(canvas, { rows, columns }, painted, settings, changed) {
  const cursor = { row: rows >> 1, column: columns >> 1 };
  let previous = null;

  function dab({ row, column }) {
    const { radius, label } = settings();
    const reach = Math.floor(radius);
    for (let y = Math.max(0, row - reach); y <= Math.min(rows - 1, row + reach); y++) {
      for (let x = Math.max(0, column - reach); x <= Math.min(columns - 1, column + reach); x++) {
        if ((y - row) ** 2 + (x - column) ** 2 <= (radius + 0.3) ** 2) painted[y * columns + x] = label;
      }
    }
  }

  // Dabs along a line, so that a fast stroke has no gaps.
  function stroke(from, to) {
    const steps = Math.max(Math.abs(to.row - from.row), Math.abs(to.column - from.column), 1);
    for (let step = 0; step <= steps; step++) {
      const at = (a, b) => Math.round(a + ((b - a) * step) / steps);
      dab({ row: at(from.row, to.row), column: at(from.column, to.column) });
    }
    changed();
  }

  function position(event) {
    const box = canvas.getBoundingClientRect();
    const row = Math.floor(((event.clientY - box.top) / box.height) * rows);
    return { row: rowShown(row, rows), column: Math.floor(((event.clientX - box.left) / box.width) * columns) };
  }

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    previous = position(event);
    stroke(previous, previous);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!previous) return;
    const here = position(event);
    stroke(previous, here);
    previous = here;
  });
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { previous = null; });

  const MOVES = { ArrowUp: [1, 0], ArrowDown: [-1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  canvas.addEventListener("keydown", (event) => {
    const move = MOVES[event.key];
    if (!move && event.key !== " ") return;
    event.preventDefault();
    if (move) {
      cursor.row = Math.min(rows - 1, Math.max(0, cursor.row + move[0]));
      cursor.column = Math.min(columns - 1, Math.max(0, cursor.column + move[1]));
    } else {
      stroke(cursor, cursor);
    }
    mark();
  });
  canvas.addEventListener("blur", changed);

  // Where the keyboard paints.
  function mark() {
    changed();
    const context = canvas.getContext("2d");
    context.fillStyle = "#fff";
    const [x, y] = [cursor.column, rowShown(cursor.row, rows)];
    for (const [across, down] of [[-2, 0], [2, 0], [0, -2], [0, 2]]) context.fillRect(x + across, y + down, 1, 1);
  }
}
