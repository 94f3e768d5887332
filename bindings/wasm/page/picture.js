// Pictures of voxels: a scan with classes over it, and a signed map with its colour scale.

export const CLASSES = [
  { name: "outside", colour: "30, 30, 30" },
  { name: "fluid and other", colour: "64, 148, 232" },
  { name: "grey matter", colour: "240, 160, 48" },
  { name: "white matter", colour: "96, 196, 120" },
];
const COLOURS = CLASSES.map(({ colour }) => colour.split(",").map(Number));
const OPACITY = 0.5;
const BLUE = [33, 102, 172];
const RED = [178, 24, 43];

// Rows of the scan run from back to front; pictures have the front at the top.
export const rowShown = (row, rows) => rows - 1 - row;

// Three digits; small numbers with an exponent.
export function short(x) {
  const isSmall = x !== 0 && Math.abs(x) < 1e-3;
  return (isSmall ? x.toExponential(2) : x.toPrecision(3)).replaceAll("-", "−");
}

// Draws a picture of one pixel per voxel; `colourOf` returns [red, green, blue].
function draw(canvas, { rows, columns }, colourOf) {
  [canvas.width, canvas.height] = [columns, rows];
  const picture = new ImageData(columns, rows);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const to = 4 * (rowShown(row, rows) * columns + column);
      picture.data.set(colourOf(row * columns + column), to);
      picture.data[to + 3] = 255;
    }
  }
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

export function drawLabels(canvas, slice, labels) {
  draw(canvas, slice, (at) => {
    const grey = slice.image[at];
    const share = labels[at] === 0 ? 0 : OPACITY;
    return COLOURS[labels[at]].map((colour) => (1 - share) * grey + share * colour);
  });
}

// White at 0, blue below, red above; x in [-1, 1].
function diverging(x) {
  return (x < 0 ? BLUE : RED).map((colour) => 255 + (colour - 255) * Math.abs(x) ** 0.6);
}

// Draws a map in colours from -largest to largest, and returns largest.
export function drawGradient(canvas, slice, values) {
  const largest = values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  draw(canvas, slice, (at) => diverging(largest > 0 ? values[at] / largest : 0));
  return largest;
}

export function drawBar(canvas) {
  const { width } = canvas;
  draw(canvas, { rows: 1, columns: width }, (at) => diverging((2 * at) / (width - 1) - 1));
}
