// A line chart on a canvas: hover or arrow keys move a cursor, dragging enlarges a range of frames.

class Chart {
  // onCursor(frame or null) is called when the cursor moves.
  constructor(canvas, onCursor = () => {}) {
    Object.assign(this, { canvas, onCursor, lines: [], frames: 1, range: null, cursor: null });
    this.chosen = null; // the highlighted line
    new ResizeObserver(() => this.draw()).observe(canvas);
    canvas.addEventListener('pointerdown', (event) => this.press(event));
    canvas.addEventListener('pointermove', (event) => this.move(event));
    canvas.addEventListener('pointerup', (event) => this.release(event));
    canvas.addEventListener('pointerleave', () => this.pressed === undefined && this.setCursor(null));
    canvas.addEventListener('dblclick', () => this.zoom(null));
    canvas.addEventListener('keydown', (event) => this.key(event));
  }

  // lines: {color, dash, values, low, high, faint}; low and high bound a band, faint is drawn thin.
  show(lines, frames, unit, marks = []) {
    if (frames !== this.frames) this.range = null;
    if (this.cursor >= frames) this.cursor = null;
    Object.assign(this, { lines, frames, unit, marks, chosen: null });
    this.draw();
  }

  highlight(place) {
    if (place === this.chosen) return;
    this.chosen = place;
    this.draw();
  }

  zoom(range) {
    this.range = range && range[1] - range[0] >= 2 ? range : null;
    this.draw();
  }

  get first() { return this.range ? this.range[0] : 0; }
  get last() { return this.range ? this.range[1] : Math.max(this.frames - 1, 1); }

  frameAt(event) {
    const x = event.clientX - this.canvas.getBoundingClientRect().left;
    const share = (x - this.left) / (this.right - this.left);
    const frame = Math.round(this.first + share * (this.last - this.first));
    return Math.min(Math.max(frame, Math.ceil(this.first)), Math.min(Math.floor(this.last), this.frames - 1));
  }

  press(event) {
    this.pressed = this.frameAt(event);
    this.canvas.setPointerCapture(event.pointerId);
  }

  move(event) { this.setCursor(this.frameAt(event)); }

  release(event) {
    const frame = this.frameAt(event);
    const from = this.pressed;
    this.pressed = undefined;
    if (from !== undefined && Math.abs(frame - from) >= 2) this.zoom([from, frame].sort((a, b) => a - b));
    else this.draw();
  }

  key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
    if (event.key === 'Escape') this.zoom(null);
    if (!step) return;
    event.preventDefault();
    const frame = (this.cursor ?? this.first) + step;
    this.setCursor(Math.min(Math.max(frame, 0), this.frames - 1));
  }

  setCursor(frame) {
    this.cursor = frame;
    this.draw();
    this.onCursor(frame);
  }

  // Smallest and largest visible value of all lines.
  limits() {
    let low = Infinity;
    let high = -Infinity;
    for (const line of this.lines) {
      for (const values of [line.values, line.low, line.high, ...(line.faint || [])]) {
        for (let i = Math.ceil(this.first); values && i <= this.last && i < values.length; i++) {
          if (values[i] < low) low = values[i];
          if (values[i] > high) high = values[i];
        }
      }
    }
    if (low > high) return [0, 1];
    const pad = Math.max(0.06 * (high - low), 1e-3 * Math.abs(high), 1e-9);
    return [low - pad, high + pad];
  }

  draw() {
    const { width, height } = this.canvas.getBoundingClientRect();
    if (!width) return;
    const ratio = devicePixelRatio || 1;
    this.canvas.width = width * ratio;
    this.canvas.height = height * ratio;
    const pen = this.canvas.getContext('2d');
    pen.scale(ratio, ratio);
    pen.font = '12px system-ui, sans-serif';
    Object.assign(this, { pen, left: 58, right: width - 10, top: 10, bottom: height - 38 });
    [this.low, this.high] = this.limits();
    this.drawAxes();
    pen.save();
    pen.beginPath();
    pen.rect(this.left, this.top, this.right - this.left, this.bottom - this.top);
    pen.clip();
    for (const frame of this.marks || []) this.drawUpright(frame, cssColor('--best'), [2, 3]);
    this.lines.forEach((line, place) => {
      this.strength = this.chosen === null || this.chosen === place ? 1 : 0.15;
      this.drawLine(line);
    });
    pen.globalAlpha = 1;
    if (this.cursor !== null) this.drawCursor();
    if (this.pressed !== undefined && this.cursor !== null) {
      pen.fillStyle = cssColor('--accent');
      pen.globalAlpha = 0.15;
      const [a, b] = [this.x(this.pressed), this.x(this.cursor)];
      pen.fillRect(Math.min(a, b), this.top, Math.abs(a - b), this.bottom - this.top);
    }
    pen.restore();
  }

  x(frame) { return this.left + ((frame - this.first) / (this.last - this.first)) * (this.right - this.left); }
  y(value) { return this.bottom - ((value - this.low) / (this.high - this.low)) * (this.bottom - this.top); }

  drawAxes() {
    const { pen } = this;
    pen.strokeStyle = cssColor('--grid');
    pen.fillStyle = cssColor('--soft');
    pen.lineWidth = 1;
    pen.textAlign = 'right';
    pen.textBaseline = 'middle';
    for (const value of ticks(this.low, this.high, 6)) {
      this.stroke([[this.left, this.y(value)], [this.right, this.y(value)]]);
      pen.fillText(label(value, this.high - this.low), this.left - 6, this.y(value));
    }
    pen.textAlign = 'center';
    pen.textBaseline = 'top';
    for (const frame of ticks(this.first, this.last, 8).filter(Number.isInteger)) {
      this.stroke([[this.x(frame), this.top], [this.x(frame), this.bottom]]);
      pen.fillText(frame, this.x(frame), this.bottom + 5);
    }
    pen.fillText('Frame number', (this.left + this.right) / 2, this.bottom + 21);
    pen.save();
    pen.translate(12, (this.top + this.bottom) / 2);
    pen.rotate(-Math.PI / 2);
    pen.textBaseline = 'middle';
    pen.fillText(this.unit || '', 0, 0);
    pen.restore();
  }

  drawLine({ color, dash, values, low, high, faint }) {
    const { pen } = this;
    if (low) {
      pen.fillStyle = color;
      pen.globalAlpha = 0.16 * this.strength;
      pen.beginPath();
      const frames = [...values.keys()].filter((i) => i >= this.first - 1 && i <= this.last + 1 && low[i] === low[i]);
      for (const i of frames) pen.lineTo(this.x(i), this.y(high[i]));
      for (const i of frames.reverse()) pen.lineTo(this.x(i), this.y(low[i]));
      pen.fill();
    }
    pen.strokeStyle = color;
    pen.globalAlpha = 0.5 * this.strength;
    pen.lineWidth = 0.7;
    for (const thin of faint || []) this.strokeCurve(thin);
    pen.globalAlpha = this.strength;
    pen.lineWidth = 1.7;
    pen.setLineDash(dash);
    this.strokeCurve(values);
    pen.setLineDash([]);
  }

  strokeCurve(values) {
    const { pen } = this;
    pen.beginPath();
    let drawing = false;
    const from = Math.max(Math.floor(this.first) - 1, 0);
    const to = Math.min(Math.ceil(this.last) + 1, values.length - 1);
    for (let i = from; i <= to; i++) {
      const there = values[i] === values[i];
      if (there && drawing) pen.lineTo(this.x(i), this.y(values[i]));
      else if (there) pen.moveTo(this.x(i), this.y(values[i]));
      drawing = there;
    }
    pen.stroke();
  }

  drawCursor() {
    const { pen, cursor } = this;
    this.drawUpright(cursor, cssColor('--soft'), []);
    pen.fillStyle = cssColor('--text');
    const left = this.x(cursor) > (this.left + this.right) / 2;
    pen.textAlign = left ? 'right' : 'left';
    pen.textBaseline = 'bottom';
    pen.fillText(`frame ${cursor}`, this.x(cursor) + (left ? -5 : 5), this.bottom - 4);
  }

  drawUpright(frame, color, dash) {
    this.pen.strokeStyle = color;
    this.pen.lineWidth = 1;
    this.pen.setLineDash(dash);
    this.stroke([[this.x(frame), this.top], [this.x(frame), this.bottom]]);
    this.pen.setLineDash([]);
  }

  stroke([[x0, y0], [x1, y1]]) {
    this.pen.beginPath();
    this.pen.moveTo(x0, y0);
    this.pen.lineTo(x1, y1);
    this.pen.stroke();
  }
}

// About `count` round numbers between low and high.
function ticks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const found = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) found.push(Number((i * step).toPrecision(12)));
  return found;
}

function label(value, span) {
  const digits = Math.max(0, 1 - Math.floor(Math.log10(span / 5)));
  return value.toFixed(Math.min(digits, 6)).replace(/\.0+$/, '').replace('-', '−');
}
