/* Linked maps of points on 2D canvases: the same points in one to four panels, with one zoom, one lasso and one ring.

   Points are written into pixels directly, not drawn as paths: up to DENSE of them in view as shapes, more as a density
   whose colour is the mean of the points in a pixel and whose strength is their number. What the pointer is near to is
   looked up in a grid of cells. Python reads one state, `chosen`: {of, point, selected}. */

const held = (globalThis[Symbol.for("tunescope.held")] ??= { parts: new Map(), news: new EventTarget() });
const DENSE = 20000;
const ARRAYS = { uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array };
const HIDDEN = 0, DIM = 1, SHOWN = 2;
const STEPS = 65536;
const NO_NUMBER = 255;
const written = new Intl.NumberFormat("en");
const rounded = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

/* ---- What Python sent ---- */

/** Head and blocks of a message; see core/charts/points.py. */
function decoded(bytes) {
  const own = bytes.slice(); // at the beginning of its buffer, so that each block lies where its type needs it
  const length = new DataView(own.buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(own.subarray(4, 4 + length)));
  const blocks = {};
  for (const [name, [at, items, type]] of Object.entries(head.blocks)) {
    blocks[name] = new ARRAYS[type](own.buffer, 4 + length + at, items);
  }
  return { head, blocks };
}

/** One byte a point of bits, the lowest bit first. */
function marksOf(bits, n) {
  if (!bits) return null;
  const marks = new Uint8Array(n);
  for (let i = 0; i < n; i++) marks[i] = (bits[i >> 3] >> (i & 7)) & 1;
  return marks;
}

/** Bits of marks as base64. */
function bitsOf(marks) {
  const bits = new Uint8Array((marks.length + 7) >> 3);
  for (let i = 0; i < marks.length; i++) if (marks[i]) bits[i >> 3] |= 1 << (i & 7);
  let letters = "";
  for (let at = 0; at < bits.length; at += 8192) letters += String.fromCharCode(...bits.subarray(at, at + 8192));
  return btoa(letters);
}

function rgb(colour) {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
}

/** 256 colours of a scale, the last one for points without a number. */
function scaleOf(colours, quiet) {
  const ends = colours.map(rgb);
  const found = [];
  for (let code = 0; code < NO_NUMBER; code++) {
    const place = (code / (NO_NUMBER - 1)) * (ends.length - 1);
    const at = Math.min(Math.floor(place), ends.length - 2);
    found.push(ends[at].map((low, c) => Math.round(low + (ends[at + 1][c] - low) * (place - at))));
  }
  return [...found, rgb(quiet)];
}

/* ---- Where the points are ---- */

/** Points by cells of a grid: the points of cell c are order[first[c]] up to order[first[c + 1]]. */
class Cells {
  constructor(places, n) {
    this.places = places;
    this.side = Math.max(1, Math.min(512, Math.ceil(Math.sqrt(n / 3))));
    const cells = new Uint32Array(n);
    this.first = new Uint32Array(this.side * this.side + 1);
    for (let i = 0; i < n; i++) {
      cells[i] = this.cell(places[2 * i + 1]) * this.side + this.cell(places[2 * i]);
      this.first[cells[i] + 1]++;
    }
    for (let c = 1; c < this.first.length; c++) this.first[c] += this.first[c - 1];
    const next = this.first.slice();
    this.order = new Uint32Array(n);
    for (let i = 0; i < n; i++) this.order[next[cells[i]]++] = i;
  }

  cell(step) {
    return Math.max(0, Math.min(this.side - 1, Math.floor((step * this.side) / STEPS)));
  }

  /** Calls with each point whose cell touches the box. */
  within(left, right, bottom, top, call) {
    const [c0, c1, r0, r1] = [left, right, bottom, top].map((step) => this.cell(step));
    for (let row = r0; row <= r1; row++) {
      const end = this.first[row * this.side + c1 + 1];
      for (let at = this.first[row * this.side + c0]; at < end; at++) call(this.order[at]);
    }
  }

  /** The allowed point nearest to a place, none beyond reach: -1. */
  nearest(x, y, reach, allowed) {
    let best = -1, least = reach * reach;
    this.within(x - reach, x + reach, y - reach, y + reach, (i) => {
      const dx = this.places[2 * i] - x, dy = this.places[2 * i + 1] - y, far = dx * dx + dy * dy;
      if (far <= least && allowed(i)) [best, least] = [i, far];
    });
    return best;
  }

  /** The next allowed point in a direction: within 45 degrees of it, or 80 where none is; -1 where there is none. */
  towards(from, across, up, allowed) {
    const x = this.places[2 * from], y = this.places[2 * from + 1];
    for (const width of [1, 5.7]) {
      for (let reach = STEPS / this.side; reach < 4 * STEPS; reach *= 2) {
        let best = -1, least = Infinity;
        this.within(x - reach, x + reach, y - reach, y + reach, (i) => {
          const dx = this.places[2 * i] - x, dy = this.places[2 * i + 1] - y;
          const along = dx * across + dy * up, beside = Math.abs(dx * up - dy * across), far = Math.hypot(dx, dy);
          if (along > 0 && beside <= width * along && far <= reach && far + beside < least && allowed(i)) {
            [best, least] = [i, far + beside];
          }
        });
        if (best >= 0) return best;
      }
    }
    return -1;
  }
}

/* ---- Marks ---- */

/** The outline of a shape of about one area, whatever the shape. */
function outline(paper, shape, x, y, r) {
  const corners = {
    "triangle-up": [[0, -1.4], [1.25, 0.85], [-1.25, 0.85]],
    "triangle-down": [[0, 1.4], [1.25, -0.85], [-1.25, -0.85]],
    square: [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]],
    diamond: [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]],
    cross: [
      [-0.4, -1.2], [0.4, -1.2], [0.4, -0.4], [1.2, -0.4], [1.2, 0.4], [0.4, 0.4],
      [0.4, 1.2], [-0.4, 1.2], [-0.4, 0.4], [-1.2, 0.4], [-1.2, -0.4], [-0.4, -0.4],
    ],
  }[shape];
  paper.beginPath();
  if (!corners) paper.arc(x, y, r, 0, 7);
  else corners.forEach(([dx, dy]) => paper.lineTo(x + dx * r, y + dy * r));
  paper.closePath();
}

const stamps = new Map();

/** Pixels of a shape: offsets from its centre and how much of each it covers, 0 to 256. Made once a size. */
function stampOf(shape, r, hollow) {
  const name = `${shape} ${r} ${hollow}`;
  if (stamps.has(name)) return stamps.get(name);
  const reach = Math.ceil(1.45 * r) + 1, side = 2 * reach + 1;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const paper = canvas.getContext("2d", { willReadFrequently: true });
  outline(paper, shape, reach + 0.5, reach + 0.5, r);
  paper.lineWidth = Math.max(1, r / 2.5);
  if (hollow) paper.stroke();
  else paper.fill();
  const pixels = paper.getImageData(0, 0, side, side).data;
  const dx = [], dy = [], cover = [];
  for (let at = 0; at < side * side; at++) {
    const alpha = pixels[4 * at + 3];
    if (!alpha) continue;
    dx.push((at % side) - reach);
    dy.push(Math.floor(at / side) - reach);
    cover.push(alpha + (alpha >> 7));
  }
  const stamp = { reach, dx: Int32Array.from(dx), dy: Int32Array.from(dy), cover: Uint16Array.from(cover), wide: 0 };
  stamps.set(name, stamp);
  return stamp;
}

/** Offsets of a stamp's pixels in an image of this width. */
function offsets(stamp, wide) {
  if (stamp.wide !== wide) {
    stamp.at = stamp.dx.map((dx, k) => stamp.dy[k] * wide + dx);
    stamp.wide = wide;
  }
  return stamp.at;
}

/* ---- Painting one panel ---- */

let sums = new Float32Array(0);

class Panel {
  constructor(map, place) {
    this.map = map;
    this.place = place;
    this.figure = document.createElement("figure");
    this.caption = this.figure.appendChild(document.createElement("figcaption"));
    this.stage = this.figure.appendChild(document.createElement("div"));
    this.stage.className = "stage";
    this.up = this.stage.appendChild(document.createElement("div"));
    this.up.className = "axis up";
    this.base = this.stage.appendChild(document.createElement("canvas"));
    this.base.className = "base";
    this.over = this.stage.appendChild(document.createElement("canvas"));
    this.over.className = "over";
    this.over.tabIndex = 0;
    this.over.setAttribute("role", "application");
    this.across = this.figure.appendChild(document.createElement("div"));
    this.across.className = "axis across";
    this.kept = document.createElement("canvas");
    map.listen(this);
  }

  label(head) {
    const { title, colour } = head.panels[this.place];
    this.caption.textContent = title;
    this.caption.style.color = colour;
    [this.across.textContent, this.up.textContent] = head.axes;
    this.stage.style.height = `${head.height}px`;
    this.over.setAttribute("aria-label", `${title}. ${head.alt}. Arrow keys walk from point to point, Enter picks one.`);
  }

  /** Canvases as large as the stage is on this screen; false while it has no size. */
  sized() {
    const wide = this.stage.clientWidth, high = this.stage.clientHeight;
    if (!wide || !high) return false;
    this.ratio = globalThis.devicePixelRatio || 1;
    const w = Math.round(wide * this.ratio), h = Math.round(high * this.ratio);
    if (this.base.width !== w || this.base.height !== h) {
      for (const canvas of [this.base, this.over, this.kept]) [canvas.width, canvas.height] = [w, h];
      this.image = new ImageData(w, h);
      this.pixels = new Uint32Array(this.image.data.buffer);
      this.painted = null;
    }
    return true;
  }

  /** Pixels of the screen a step of the grid takes, and where step 0 lies. */
  scaling(view = this.map.view) {
    const [left, bottom, right, top] = this.map.box;
    const { width: w, height: h } = this.base;
    const fit = 0.92 * Math.min(w / Math.max(right - left, 1), h / Math.max(top - bottom, 1));
    const scale = fit * view.zoom;
    return { scale, x0: w / 2 - view.x * scale, y0: h / 2 + view.y * scale };
  }

  /** The place under a pointer, in steps. */
  under(x, y) {
    const { scale, x0, y0 } = this.scaling();
    return [(x * this.ratio - x0) / scale, (y0 - y * this.ratio) / scale];
  }

  /** Where a point is drawn, in CSS pixels of the stage. */
  placeOf(i) {
    const { scale, x0, y0 } = this.scaling();
    return [(this.places[2 * i] * scale + x0) / this.ratio, (y0 - this.places[2 * i + 1] * scale) / this.ratio];
  }

  /** Points in view, and those of them that are not filtered away. */
  inView() {
    const { scale, x0, y0 } = this.scaling(), { places, map, base } = this;
    let all = 0, kept = 0;
    for (let i = 0; i < map.n; i++) {
      const x = places[2 * i] * scale + x0, y = y0 - places[2 * i + 1] * scale;
      if (x < 0 || y < 0 || x >= base.width || y >= base.height) continue;
      all++;
      if (map.state[i] !== HIDDEN) kept++;
    }
    return { all, kept };
  }

  paint(style) {
    const { map, pixels } = this;
    pixels.fill(map.ink.paper);
    this.rule();
    for (const state of map.hasDim ? [DIM, SHOWN] : [SHOWN]) {
      if (style.dense) this.pour(style, state);
      else this.stamp(style, state);
    }
    this.kept.getContext("2d").putImageData(this.image, 0, 0);
    this.base.getContext("2d").drawImage(this.kept, 0, 0);
    this.painted = { ...map.view };
  }

  /** The last painting, moved and stretched to the view: what is shown until there is time to paint. */
  shift() {
    if (!this.painted) return;
    const before = this.scaling(this.painted), now = this.scaling(), paper = this.base.getContext("2d");
    const grown = now.scale / before.scale;
    paper.fillStyle = this.map.head.look.paper;
    paper.fillRect(0, 0, this.base.width, this.base.height);
    const [w, h] = [this.kept.width * grown, this.kept.height * grown];
    paper.drawImage(this.kept, now.x0 - before.x0 * grown, now.y0 - before.y0 * grown, w, h);
  }

  /** Lines of a quiet grid, from 80 to 160 CSS pixels apart: what is as far apart in all panels. */
  rule() {
    const { width: w, height: h } = this.base, { scale, x0, y0 } = this.scaling();
    let step = STEPS;
    while (step * scale > 160 * this.ratio) step /= 2;
    const gap = step * scale, thick = Math.max(1, Math.round(this.ratio));
    for (let x = ((x0 % gap) + gap) % gap; x < w - thick; x += gap) {
      for (let row = 0; row < h; row++) this.pixels.fill(this.map.ink.grid, row * w + (x | 0), row * w + (x | 0) + thick);
    }
    for (let y = ((y0 % gap) + gap) % gap; y < h - thick; y += gap) {
      this.pixels.fill(this.map.ink.grid, (y | 0) * w, ((y | 0) + thick) * w);
    }
  }

  /** Shapes, one over the other. */
  stamp(style, wanted) {
    const { map, pixels, places } = this, { width: w, height: h } = this.base, { scale, x0, y0 } = this.scaling();
    const { n, state, codes, faint, shapeOf, redBlue, green, ink } = map;
    const r = style.radius * this.ratio, dim = wanted === DIM;
    const sets = [false, true].map((hollow) => map.shapes.map((shape) => stampOf(shape, r, hollow)));
    for (const stamp of sets.flat()) offsets(stamp, w);
    for (let i = 0; i < n; i++) {
      if (state[i] !== wanted) continue;
      const x = Math.round(places[2 * i] * scale + x0), y = Math.round(y0 - places[2 * i + 1] * scale);
      const code = codes[i], isFaint = faint !== null && faint[i] === 1;
      const { reach, at, dx, dy, cover } = sets[isFaint ? 1 : 0][shapeOf[code]];
      if (x < -reach || y < -reach || x >= w + reach || y >= h + reach) continue;
      const inside = x >= reach && y >= reach && x < w - reach && y < h - reach, start = y * w + x;
      const strength = dim ? 140 : isFaint ? style.strength >> 1 : style.strength;
      const toRedBlue = dim ? ink.dimRedBlue : redBlue[code], toGreen = dim ? ink.dimGreen : green[code];
      for (let k = 0; k < at.length; k++) {
        if (!inside && (x + dx[k] < 0 || x + dx[k] >= w || y + dy[k] < 0 || y + dy[k] >= h)) continue;
        const pixel = pixels[start + at[k]] | 0, alpha = (cover[k] * strength) >> 8;
        const two = pixel & 0xff00ff, one = pixel & 0xff00;
        pixels[start + at[k]] =
          0xff000000 |
          (((Math.imul(toRedBlue - two, alpha) >> 8) + two) & 0xff00ff) |
          (((Math.imul(toGreen - one, alpha) >> 8) + one) & 0xff00);
      }
    }
  }

  /** Density: the mean colour of the points in a pixel, the stronger the more of them. Order makes no difference. */
  pour(style, wanted) {
    const { map, places, pixels } = this, { width: w, height: h } = this.base, { scale, x0, y0 } = this.scaling();
    if (sums.length < 4 * w * h) sums = new Float32Array(4 * w * h);
    else sums.fill(0, 0, 4 * w * h);
    const { n, state, codes, faint, palette } = map;
    const stamp = stampOf("circle", style.radius * this.ratio, false);
    const at = offsets(stamp, w), { reach, cover } = stamp, dim = wanted === DIM, grey = map.ink.dim;
    for (let i = 0; i < n; i++) {
      if (state[i] !== wanted) continue;
      const x = Math.round(places[2 * i] * scale + x0), y = Math.round(y0 - places[2 * i + 1] * scale);
      if (x < reach || y < reach || x >= w - reach || y >= h - reach) continue;
      const colour = dim ? grey : palette[codes[i]], red = colour[0], green = colour[1], blue = colour[2];
      const weight = faint !== null && faint[i] === 1 ? 0.4 / 256 : 1 / 256, start = y * w + x;
      for (let k = 0; k < at.length; k++) {
        const add = cover[k] * weight, p = 4 * (start + at[k]);
        sums[p] += add;
        sums[p + 1] += add * red;
        sums[p + 2] += add * green;
        sums[p + 3] += add * blue;
      }
    }
    const most = dim ? 0.7 : 1, data = this.image.data, steps = style.curve.length;
    for (let p = 0; p < 4 * w * h; p += 4) {
      const sum = sums[p];
      if (sum === 0) continue;
      const alpha = most * style.curve[Math.min(steps - 1, (sum * 16) | 0)], share = alpha / sum;
      data[p] = data[p] * (1 - alpha) + sums[p + 1] * share;
      data[p + 1] = data[p + 1] * (1 - alpha) + sums[p + 2] * share;
      data[p + 2] = data[p + 2] * (1 - alpha) + sums[p + 3] * share;
    }
  }

  /** What lies over the points: the lasso, the ring of the picked point, the ring of the one under the pointer. */
  mark() {
    const { map, ratio } = this, paper = this.over.getContext("2d"), { ink, paper: ground } = map.head.look;
    paper.clearRect(0, 0, this.over.width, this.over.height);
    if (!map.style) return;
    const r = (map.style.dense ? 3 : map.style.radius) + 3;
    this.tie(paper, map.hover >= 0 ? map.hover : map.point);
    const rings = [[map.point, r + 4, 3], [map.hover, r, 2]];
    for (const [i, radius, thick] of rings) {
      if (i < 0 || map.state[i] === HIDDEN) continue;
      const [x, y] = this.placeOf(i);
      for (const [colour, width] of [[ground, thick + 3], [ink, thick]]) {
        paper.beginPath();
        paper.arc(x * ratio, y * ratio, radius * ratio, 0, 7);
        paper.strokeStyle = colour;
        paper.lineWidth = width * ratio;
        paper.stroke();
      }
    }
    const lasso = map.drag?.panel === this && !map.drag.moves ? map.drag.path : [];
    if (lasso.length > 1) {
      const { scale, x0, y0 } = this.scaling();
      paper.beginPath();
      for (const [x, y] of lasso) paper.lineTo(x * scale + x0, y0 - y * scale);
      paper.closePath();
      paper.globalAlpha = 0.12;
      paper.fillStyle = ink;
      paper.fill();
      paper.globalAlpha = 1;
      paper.strokeStyle = ink;
      paper.lineWidth = 1.5 * ratio;
      paper.setLineDash([5 * ratio, 4 * ratio]);
      paper.stroke();
      paper.setLineDash([]);
    }
  }

  /** Lines from a point to its true neighbours: dark to those it has in every panel, in the panel's colour to others. */
  tie(paper, i) {
    const { map, ratio } = this;
    if (!map.near || i < 0 || map.state[i] === HIDDEN) return;
    const [x, y] = this.placeOf(i), { ink, paper: ground, projector } = map.head.look;
    const own = map.head.panels[this.place].colour, shared = map.nearInAll(i);
    const r = (map.style.dense ? 3 : map.style.radius) + 1.5;
    // Those that are not in all panels lie on top: they are what differs.
    const all = [...map.nearIn(this.place, i)].filter((j) => map.state[j] !== HIDDEN);
    for (const j of [...all.filter((j) => shared.has(j)), ...all.filter((j) => !shared.has(j))]) {
      const [toX, toY] = this.placeOf(j), colour = shared.has(j) ? ink : own;
      for (const [stroke, width] of [[ground, 3.5], [colour, projector ? 2.2 : 1.5]]) {
        paper.strokeStyle = stroke;
        paper.lineWidth = width * ratio;
        paper.beginPath();
        paper.moveTo(x * ratio, y * ratio);
        paper.lineTo(toX * ratio, toY * ratio);
        paper.stroke();
        paper.beginPath();
        paper.arc(toX * ratio, toY * ratio, r * ratio, 0, 7);
        paper.stroke();
      }
    }
  }
}

/* ---- The map ---- */

const ICONS = {
  lasso: '<path d="M10 3c4 0 7 2 7 4.6s-3 4.7-7 4.7-7-2-7-4.7S6 3 10 3z" stroke-dasharray="3 2.5"/><path d="M6 12c-2 2 1 3 0 5"/>',
  move: '<path d="M10 3v14M3 10h14M10 3 8 5m2-2 2 2M10 17l-2-2m2 2 2-2M3 10l2-2m-2 2 2 2M17 10l-2-2m2 2-2 2"/>',
  closer: '<path d="M10 4v12M4 10h12"/>',
  farther: '<path d="M4 10h12"/>',
  all: '<path d="M4 8V4h4M16 8V4h-4M4 12v4h4M16 12v4h-4"/>',
};
const HINT = "Drag: circle points · Shift + drag: move · click, then wheel: zoom · double click: all · Esc: clear all";
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** What was chosen on maps that are off the page now, by their keys: a map that comes back has it again. */
const remembered = new Map();

function part(parent, kind, name, text) {
  const made = parent.appendChild(document.createElement(kind));
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

class PointMap {
  constructor(parent) {
    this.root = part(parent, "div", "points");
    this.root.setAttribute("role", "group");
    const head = part(this.root, "div", "head");
    this.key = part(head, "div", "key");
    this.key.setAttribute("role", "group");
    this.tools = part(head, "div", "tools");
    this.grid = part(this.root, "div", "panels");
    const foot = part(this.root, "div", "foot");
    this.hint = part(foot, "div", "hint", HINT);
    this.told = part(foot, "div", "chosen");
    this.card = part(this.root, "div", "card");
    this.card.hidden = true;
    this.said = part(this.root, "div", "said");
    this.said.setAttribute("aria-live", "polite");
    this.panels = [];
    this.view = { x: 0, y: 0, zoom: 1 };
    this.on = new Set();
    this.selected = null;
    this.point = this.hover = -1;
    this.mode = "lasso";
    this.cost = 0;
    this.tool("lasso", "Drag circles points", () => this.setMode("lasso"));
    this.tool("move", "Drag moves the map", () => this.setMode("move"));
    this.tool("closer", "Zoom in", () => this.zoom(1.5));
    this.tool("farther", "Zoom out", () => this.zoom(1 / 1.5));
    this.tool("all", "Show all", () => this.reset());
    this.setMode("lasso");
    this.onNews = () => this.adopt();
    held.news.addEventListener("news", this.onNews);
    this.observer = new ResizeObserver(() => this.soon());
    this.observer.observe(this.root);
  }

  remove() {
    this.observer.disconnect();
    held.news.removeEventListener("news", this.onNews);
    clearTimeout(this.later);
    this.root.remove();
  }

  tool(icon, title, act) {
    const button = part(this.tools, "button", icon);
    button.type = "button";
    button.title = title;
    button.setAttribute("aria-label", title);
    button.innerHTML = `<svg viewBox="0 0 20 20" aria-hidden="true">${ICONS[icon]}</svg>`;
    button.addEventListener("click", act);
  }

  setMode(mode) {
    this.mode = mode;
    this.root.classList.toggle("moving", mode === "move");
    for (const name of ["lasso", "move"]) {
      this.tools.querySelector(`.${name}`).setAttribute("aria-pressed", String(mode === name));
    }
  }

  /* -- taking what Python sent -- */

  take(data) {
    const name = new TextDecoder().decode(data.subarray(0, 16));
    if (name === this.name) return; // an app's rerun sends again what it has sent before
    this.name = name;
    this.next = decoded(data.subarray(16));
    this.adopt();
  }

  /** Draws what came, once all that it names is here too. */
  adopt() {
    if (!this.next) return;
    const { head, blocks } = this.next;
    const [positions, words, near] = [head.positions, head.words, head.neighbours].map((name) => held.parts.get(name));
    if (!positions || !words || (head.neighbours && !near)) return;
    const before = this.head;
    this.next = null;
    this.head = head;
    this.n = head.n;
    this.codes = blocks.codes;
    this.highlight = marksOf(blocks.highlight, this.n);
    this.faint = marksOf(blocks.faint, this.n);
    if (before?.words !== head.words) {
      this.columns = this.decodeWords(words.bytes);
      this.recall();
    }
    this.arrange(head.panels.length);
    if (before?.positions !== head.positions) {
      const { head: where, blocks: { positions: steps } } = decoded(positions.bytes);
      const frameOf = ({ box, frame }) => JSON.stringify([box, frame]);
      const isSameFrame = this.where !== undefined && frameOf(this.where) === frameOf(where);
      this.where = where;
      this.box = where.box;
      this.panels.forEach((panel, p) => {
        panel.places = steps.subarray(2 * p * this.n, 2 * (p + 1) * this.n);
        panel.cells = new Cells(panel.places, this.n);
      });
      // Maps in one frame are walked through where one looks, as the layers of a chain are.
      if (!isSameFrame) this.view = this.whole();
    }
    if (before?.neighbours !== head.neighbours) {
      this.near = near ? decoded(near.bytes) : null;
      this.tell();
    }
    const labels = ({ title, names }) => JSON.stringify([title, names]);
    if (!before || labels(before.colouring) !== labels(head.colouring)) this.on.clear();
    this.dress();
    for (const panel of this.panels) panel.label(head);
    this.hover = -1;
    this.card.hidden = true;
    this.legend();
    this.sort();
    this.soon();
  }

  decodeWords(bytes) {
    const { head, blocks } = decoded(bytes);
    return head.columns.map(({ title, strings }, at) => ({ title, strings, codes: blocks[at] }));
  }

  arrange(count) {
    this.grid.classList.toggle("four", count === 4);
    while (this.panels.length > count) this.panels.pop().figure.remove();
    while (this.panels.length < count) {
      const panel = new Panel(this, this.panels.length);
      this.panels.push(panel);
      this.grid.appendChild(panel.figure);
    }
  }

  /** Colours of the look and of the codes, as pixels. */
  dress() {
    const { look, colouring } = this.head;
    const style = this.root.style;
    for (const [name, value] of Object.entries({ ink: look.ink, quiet: look.quiet, line: look.grid, paper: look.paper })) {
      style.setProperty(`--${name}`, value);
    }
    style.setProperty("--size", `${look.size}px`);
    this.root.setAttribute("aria-label", this.head.alt);
    const pixel = (colour) => {
      const [r, g, b] = rgb(colour);
      return (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
    };
    // Opaque enough that many of them over each other stay pale.
    const [ground, quiet] = [rgb(look.paper), rgb(look.quiet)];
    const dim = quiet.map((full, c) => Math.round(ground[c] + 0.4 * (full - ground[c])));
    this.ink = { paper: pixel(look.paper), grid: pixel(look.grid), dim, dimRedBlue: (dim[2] << 16) | dim[0], dimGreen: dim[1] << 8 };
    this.isScale = !colouring.names.length && colouring.low !== null;
    this.palette = this.isScale ? scaleOf(colouring.colours, look.quiet) : colouring.colours.map(rgb);
    this.redBlue = this.palette.map(([r, , b]) => (b << 16) | r);
    this.green = this.palette.map(([, g]) => g << 8);
    this.shapes = this.isScale ? ["circle"] : [...new Set(colouring.shapes)];
    this.shapeOf = this.palette.map((_, code) => (this.isScale ? 0 : this.shapes.indexOf(colouring.shapes[code])));
  }

  /** Which points are hidden, dim or shown. */
  sort() {
    this.state = new Uint8Array(this.n);
    this.hasDim = false;
    for (let i = 0; i < this.n; i++) {
      const isOff = this.on.size && !this.on.has(this.codes[i]);
      const isDim = (this.selected && !this.selected[i]) || (this.highlight && !this.highlight[i]);
      this.state[i] = isOff ? HIDDEN : isDim ? DIM : SHOWN;
      if (isDim && !isOff) this.hasDim = true;
    }
  }

  /* -- the key -- */

  legend() {
    const { colouring, look } = this.head;
    this.key.replaceChildren();
    this.key.setAttribute("aria-label", `Key: ${colouring.title}`);
    part(this.key, "span", "title", colouring.title);
    if (this.isScale) {
      part(this.key, "span", "", rounded.format(colouring.low));
      part(this.key, "div", "ramp").style.background = `linear-gradient(to right, ${colouring.colours.join(",")})`;
      part(this.key, "span", "", rounded.format(colouring.high));
      return;
    }
    this.buttons = colouring.names.map((name, code) => {
      const button = part(this.key, "button");
      button.type = "button";
      button.title = `Show ${name} alone, or beside others that are chosen`;
      const icon = part(button, "canvas"), side = look.size + 3, ratio = globalThis.devicePixelRatio || 1;
      icon.width = icon.height = Math.round(side * ratio);
      icon.style.width = icon.style.height = `${side}px`;
      const paper = icon.getContext("2d");
      paper.fillStyle = colouring.colours[code];
      outline(paper, colouring.shapes[code], icon.width / 2, icon.width / 2, icon.width / 3.2);
      paper.fill();
      part(button, "span", "", name);
      part(button, "span", "count");
      button.addEventListener("click", () => {
        if (!this.on.delete(code)) this.on.add(code);
        this.resort();
      });
      return button;
    });
    this.counts();
  }

  /** Numbers in the key, and which of its labels are on. */
  counts() {
    if (this.isScale) return;
    const all = new Uint32Array(256), some = new Uint32Array(256);
    for (let i = 0; i < this.n; i++) {
      all[this.codes[i]]++;
      if (this.selected && this.selected[i]) some[this.codes[i]]++;
    }
    this.key.classList.toggle("filtered", this.on.size > 0);
    this.buttons.forEach((button, code) => {
      button.setAttribute("aria-pressed", String(this.on.has(code)));
      const count = written.format(all[code]);
      button.querySelector(".count").textContent = this.selected ? `${written.format(some[code])}/${count}` : count;
    });
  }

  resort() {
    this.sort();
    this.counts();
    if (this.hover >= 0 && this.state[this.hover] === HIDDEN) this.lookAt(-1);
    this.tell();
    this.soon();
  }

  tell() {
    const count = this.selected ? this.selected.reduce((sum, marked) => sum + marked, 0) : 0;
    this.root.dataset.selected = count;
    this.root.dataset.point = this.point;
    const parts = [];
    if (this.selected) parts.push(`${written.format(count)} of ${written.format(this.n)} circled`);
    if (this.point >= 0) parts.push(`picked: ${this.string(0, this.point)}`);
    if (this.point >= 0 && this.near) parts.push("lines lead to its true neighbours: dark where the same in all panels");
    this.told.textContent = parts.join(" · ");
  }

  /* -- painting -- */

  /** Paint at the next frame, once. */
  soon() {
    clearTimeout(this.later);
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.paint();
    });
  }

  paint() {
    if (!this.head || !this.root.isConnected || !this.panels.every((panel) => panel.sized())) return;
    const begun = performance.now();
    const counts = this.panels.map((panel) => panel.inView());
    this.style = this.styleFor(Math.max(...counts.map(({ all }) => all)), Math.max(...counts.map(({ kept }) => kept)));
    for (const panel of this.panels) panel.paint(this.style);
    this.mark();
    this.cost = performance.now() - begun;
    this.root.dataset.painted = this.name;
    this.root.dataset.view = JSON.stringify(this.view);
    this.root.dataset.paintings = Number(this.root.dataset.paintings ?? 0) + 1;
    this.root.dataset.milliseconds = this.cost.toFixed(1);
  }

  /** Size and strength of marks: of all in view, so that a filter leaves those that stay as they were. */
  styleFor(all, kept) {
    const grown = this.head.look.projector ? 1.45 : 1, log = Math.log10(Math.max(all, 1));
    if (kept <= DENSE) {
      const radius = Math.round(2 * grown * Math.max(2.2, Math.min(5.5, 7.2 - 1.08 * log))) / 2;
      return { dense: false, radius, strength: Math.round(256 * Math.max(0.45, Math.min(0.85, 1 - 0.115 * log))) };
    }
    const each = Math.max(0.08, 0.4 * Math.sqrt(DENSE / kept));
    const curve = Float32Array.from({ length: 1024 }, (_, at) => 1 - Math.exp((-each * (at + 0.5)) / 16));
    return { dense: true, radius: 1.5 * grown, curve };
  }

  mark() {
    for (const panel of this.panels) panel.mark();
  }

  /** The view changed: paint where that is quick, else show the last painting moved, and paint when it rests. */
  moved() {
    if (this.hover >= 0) this.lookAt(-1);
    if (this.cost < 20) return this.soon();
    clearTimeout(this.later);
    this.shifting ??= requestAnimationFrame(() => {
      this.shifting = undefined;
      for (const panel of this.panels) panel.shift();
      this.mark();
    });
    this.later = setTimeout(() => this.soon(), 120);
  }

  /** Closer by a factor, the place x, y (in steps) staying where it is. */
  zoom(factor, x = this.view.x, y = this.view.y) {
    const zoom = Math.max(0.5, Math.min(400, this.view.zoom * factor)), share = this.view.zoom / zoom;
    this.view = { x: x + (this.view.x - x) * share, y: y + (this.view.y - y) * share, zoom };
    this.moved();
  }

  /** The view of all that is to be seen first. */
  whole() {
    return { x: (this.box[0] + this.box[2]) / 2, y: (this.box[1] + this.box[3]) / 2, zoom: 1 };
  }

  reset() {
    this.view = this.whole();
    this.moved();
  }

  /* -- one point -- */

  string(column, i) {
    const { strings, codes } = this.columns[column];
    return strings[codes[i]];
  }

  /** What a point is coloured by: in full where its strings have it, for colours gather rare names and round numbers. */
  valueOf(i) {
    const { colouring } = this.head, code = this.codes[i];
    const own = this.columns.findIndex(({ title }, column) => column > 0 && title === colouring.title);
    if (own > 0) return this.string(own, i);
    if (!this.isScale) return colouring.names[code];
    if (code === NO_NUMBER) return "none";
    return `about ${rounded.format(colouring.low + (code / (NO_NUMBER - 1)) * (colouring.high - colouring.low))}`;
  }

  /** The rows nearest to a point in the space that a panel draws, nearest first. */
  nearIn(place, i) {
    const { head: { k }, blocks } = this.near;
    return blocks[place].subarray(i * k, (i + 1) * k);
  }

  /** Those it has in every panel. */
  nearInAll(i) {
    const lists = this.panels.map(({ place }) => this.nearIn(place, i));
    return new Set([...lists[0]].filter((j) => lists.every((list) => list.includes(j))));
  }

  /** Rings a point in every panel and shows its card beside it in one of them; -1: none. */
  lookAt(i, panel) {
    this.hover = i;
    this.mark();
    this.root.dataset.hover = i;
    this.card.hidden = i < 0;
    if (i < 0) return;
    this.card.replaceChildren();
    part(this.card, "div", "text", this.string(0, i));
    for (const [title, value] of this.known(i)) {
      const row = part(this.card, "div", "row");
      part(row, "span", "", `${title}: `);
      row.append(value);
    }
    const [x, y] = panel.placeOf(i), stage = panel.stage.getBoundingClientRect(), root = this.root.getBoundingClientRect();
    const left = stage.left - root.left + x, top = stage.top - root.top + y;
    const { offsetWidth: wide, offsetHeight: high } = this.card;
    this.card.style.left = `${Math.max(0, left + 16 + wide > root.width ? left - 16 - wide : left + 16)}px`;
    this.card.style.top = `${y > stage.height / 2 ? top - 12 - high : top + 12}px`;
  }

  /** Titles and values of a point, what it is coloured by first. */
  known(i) {
    const { title } = this.head.colouring, rows = [[title, this.valueOf(i)]];
    this.columns.forEach((column, at) => {
      if (at > 0 && column.title !== title) rows.push([column.title, this.string(at, i)]);
    });
    if (this.near && this.panels.length > 1) {
      rows.push(["nearest, the same in all panels", `${this.nearInAll(i).size} of ${this.near.head.k}`]);
    }
    return rows;
  }

  aloud(i) {
    const rows = this.known(i).map(([title, value]) => `${title}: ${value}`);
    this.said.textContent = [this.string(0, i), ...rows].join(". ");
  }

  /* -- choosing -- */

  choose({ point = this.point, selected = this.selected }) {
    if (point === this.point && selected === this.selected) return;
    [this.point, this.selected] = [point, selected];
    this.resort();
    this.report();
  }

  report() {
    remembered.delete(this.head.key);
    remembered.set(this.head.key, { of: this.head.words, point: this.point, selected: this.selected });
    if (remembered.size > 20) remembered.delete(remembered.keys().next().value);
    const selected = this.selected ? bitsOf(this.selected) : "";
    this.send({ of: this.head.words, point: this.point < 0 ? null : this.point, selected });
  }

  /** Other points: nothing is chosen, or what was chosen of them when this map was last on the page. */
  recall() {
    const { of, point, selected } = remembered.get(this.head.key) ?? {};
    const isOfThese = of === this.head.words;
    [this.point, this.selected] = isOfThese ? [point, selected] : [-1, null];
    this.tell();
    if (isOfThese && (point >= 0 || selected)) this.report();
  }

  clear() {
    this.drag = null;
    this.lookAt(-1);
    this.choose({ point: -1, selected: null });
  }

  /** Points inside a closed path, in steps; hidden ones are never taken. */
  circled(panel, path, added) {
    const marks = added && this.selected ? this.selected.slice() : new Uint8Array(this.n);
    const xs = path.map(([x]) => x), ys = path.map(([, y]) => y), { places } = panel;
    const [left, right, bottom, top] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    panel.cells.within(left, right, bottom, top, (i) => {
      const x = places[2 * i], y = places[2 * i + 1];
      if (this.state[i] === HIDDEN || x < left || x > right || y < bottom || y > top) return;
      let inside = false;
      for (let a = 0, b = xs.length - 1; a < xs.length; b = a++) {
        if (ys[a] > y !== ys[b] > y && x < ((xs[b] - xs[a]) * (y - ys[a])) / (ys[b] - ys[a]) + xs[a]) inside = !inside;
      }
      if (inside) marks[i] = 1;
    });
    return marks.includes(1) ? marks : null;
  }

  /* -- pointer and keys -- */

  listen(panel) {
    const canvas = panel.over, reach = () => (14 * panel.ratio) / panel.scaling().scale;
    const near = (event) => panel.cells.nearest(...panel.under(event.offsetX, event.offsetY), reach(), (i) => this.state[i] !== HIDDEN);
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button > 1) return;
      this.root.classList.add("pointed");
      canvas.focus({ preventScroll: true });
      canvas.setPointerCapture(event.pointerId);
      const moves = event.button === 1 || event.shiftKey !== (this.mode === "move");
      const place = panel.under(event.offsetX, event.offsetY);
      this.drag = { panel, moves, adds: event.ctrlKey || event.metaKey, path: [place], from: [event.offsetX, event.offsetY], far: 0 };
      event.preventDefault();
    });
    canvas.addEventListener("pointermove", (event) => {
      const { drag } = this;
      if (!drag) {
        const i = near(event);
        if (i !== this.hover) this.lookAt(i, panel);
        return;
      }
      const [x, y] = drag.from, dx = event.offsetX - x, dy = event.offsetY - y;
      drag.far = Math.max(drag.far, Math.hypot(dx, dy));
      if (drag.far < 4) return;
      if (this.hover >= 0) this.lookAt(-1);
      if (drag.moves) {
        const { scale } = panel.scaling();
        this.view = { ...this.view, x: this.view.x - (dx * panel.ratio) / scale, y: this.view.y + (dy * panel.ratio) / scale };
        drag.from = [event.offsetX, event.offsetY];
        this.moved();
      } else if (Math.hypot(dx, dy) > 3) {
        drag.path.push(panel.under(event.offsetX, event.offsetY));
        drag.from = [event.offsetX, event.offsetY];
        panel.mark();
      }
    });
    canvas.addEventListener("pointerup", (event) => {
      const { drag } = this;
      this.drag = null;
      if (!drag) return;
      if (drag.far < 4) {
        const i = near(event);
        // Beside all points: what is circled stays, or a stray click, or the two of a double one, would undo the work.
        this.choose({ point: i });
      } else if (!drag.moves) {
        this.choose({ selected: this.circled(panel, drag.path, drag.adds) });
      }
      this.mark();
    });
    canvas.addEventListener("pointercancel", () => { this.drag = null; this.mark(); });
    canvas.addEventListener("pointerleave", () => { if (!this.drag) this.lookAt(-1); });
    canvas.addEventListener("dblclick", () => this.reset());
    canvas.addEventListener("blur", () => this.lookAt(-1));
    canvas.addEventListener("wheel", (event) => {
      // Until the map was clicked, the wheel scrolls the page as everywhere on it.
      if (canvas.getRootNode().activeElement !== canvas && !event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), ...panel.under(event.offsetX, event.offsetY));
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      const act = {
        Enter: () => this.hover >= 0 && this.choose({ point: this.hover }),
        " ": () => this.hover >= 0 && this.choose({ point: this.hover }),
        Escape: () => this.clear(),
        "+": () => this.zoom(1.5),
        "=": () => this.zoom(1.5),
        "-": () => this.zoom(1 / 1.5),
        0: () => this.reset(),
      }[event.key] ?? (DIRECTIONS[event.key] && (() => this.walk(panel, ...DIRECTIONS[event.key])));
      if (!act) return;
      event.preventDefault();
      this.root.classList.remove("pointed");
      act();
    });
  }

  /** To the next point in a direction: the first step goes to the picked point, or to the one nearest to the middle. */
  walk(panel, across, up) {
    const allowed = (i) => this.state[i] !== HIDDEN;
    let to;
    if (this.hover >= 0) to = panel.cells.towards(this.hover, across, up, (i) => allowed(i) && i !== this.hover);
    else if (this.point >= 0 && allowed(this.point)) to = this.point;
    else to = panel.cells.nearest(this.view.x, this.view.y, 2 * STEPS, allowed);
    if (to < 0) {
      this.said.textContent = "No further point there.";
      return;
    }
    const [x, y] = panel.placeOf(to), { clientWidth: wide, clientHeight: high } = panel.stage;
    if (x < 0 || y < 0 || x > wide || y > high) {
      this.view = { ...this.view, x: panel.places[2 * to], y: panel.places[2 * to + 1] };
      this.moved();
    }
    this.lookAt(to, panel);
    this.aloud(to);
  }
}

/* ---- What Streamlit calls, at first and whenever something was sent ---- */

const maps = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  if (!maps.has(parentElement)) maps.set(parentElement, new PointMap(parentElement));
  const map = maps.get(parentElement);
  map.send = (chosen) => setStateValue("chosen", chosen);
  map.take(data);
  // A call whose page has moved on is cleaned up at once; only the latest one may take the map away.
  const call = (map.call = (map.call ?? 0) + 1);
  return () => {
    if (map.call !== call) return;
    map.remove();
    maps.delete(parentElement);
  };
}
