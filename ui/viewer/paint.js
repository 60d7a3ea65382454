// Drawing of a sheet on a canvas: grid, traces, names, waves, highlights. Everything is given in millimetres and turned
// into device pixels here; each grid line is rounded by itself, so that no error adds up.

const LEAST_MINOR_GRID_PX = 2.5;
const LEAST_TEXT_PX = 11;
const MOST_TEXT_PX = 22;
const BAND_HALF_HEIGHT_MM = 9;
const WAVES = [["P", 3, 4], ["QRS", 5, 6], ["T", 7, 8]];
const FONT = "system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif";

function coloursOf(element) {
  const style = getComputedStyle(element);
  const names = ["paper", "minor", "major", "trace", "text", "quiet", "p", "qrs", "t", "prior", "caliper", "light"];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--ecg-${name}`).trim()]));
}

class Painter {
  // `scale`: device pixels in a millimetre; `x`, `y`: the millimetres at the left and upper edge of the canvas.
  constructor(canvas, sheet, { scale, x, y, ratio, colours, constants }) {
    Object.assign(this, { canvas, sheet, scale, x, y, ratio, colours, constants });
    this.pen = canvas.getContext("2d");
    this.textPx = Math.min(MOST_TEXT_PX * ratio, Math.max(LEAST_TEXT_PX * ratio, constants.text_size_mm * scale));
  }

  px(xMm) { return (xMm - this.x) * this.scale; }

  py(yMm) { return (yMm - this.y) * this.scale; }

  paintPage({ marks, highlight, showMarks, words }) {
    const { pen, canvas, colours } = this;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.fillStyle = colours.paper;
    pen.fillRect(0, 0, canvas.width, canvas.height);
    this.grid();
    if (highlight) this.highlight(highlight, marks);
    if (showMarks && marks) this.waves(marks);
    this.pulses();
    this.traces();
    if (marks) this.kinds(marks, words);
    this.names(highlight);
    this.footer();
  }

  grid() {
    const { pen, sheet, scale, constants, ratio } = this;
    const right = Math.min(this.canvas.width, this.px(sheet.width));
    const bottom = Math.min(this.canvas.height, this.py(sheet.height));
    const lines = (step, colour, wide) => {
      pen.fillStyle = colour;
      for (let mm = Math.ceil(this.x / step) * step; mm <= sheet.width && this.px(mm) < right + 1; mm += step) {
        pen.fillRect(Math.round(this.px(mm)), 0, wide, bottom);
      }
      for (let mm = Math.ceil(this.y / step) * step; mm <= sheet.height && this.py(mm) < bottom + 1; mm += step) {
        pen.fillRect(0, Math.round(this.py(mm)), right, wide);
      }
    };
    const wide = Math.max(1, Math.round(0.08 * scale), Math.floor(ratio));
    if (scale / ratio >= LEAST_MINOR_GRID_PX) lines(1, this.colours.minor, wide);
    lines(constants.major_grid_mm, this.colours.major, wide);
  }

  pulses() {
    const { pen, sheet, constants } = this;
    this.traceStyle(this.colours.trace);
    pen.beginPath();
    if (sheet.pulse) {
      const { major_grid_mm: left, pulse_lead_mm: lead, pulse_s: seconds, pulse_mv: mv } = constants;
      const across = seconds * sheet.speed;
      const rise = mv * sheet.gain;
      for (const row of sheet.rows) {
        [[left - lead, 0], [left, 0], [left, rise], [left + across, rise], [left + across, 0], [left + across + lead, 0]]
          .forEach(([x, y], index) => pen[index ? "lineTo" : "moveTo"](this.px(x), this.py(row.baseline - y)));
      }
      const half = constants.separator_half_height_mm;
      for (const row of sheet.rows) {
        for (const cell of row.cells.slice(1)) {
          pen.moveTo(this.px(cell.x), this.py(row.baseline - half));
          pen.lineTo(this.px(cell.x), this.py(row.baseline + half));
        }
      }
    }
    pen.stroke();
  }

  traceStyle(colour, thinner = 1) {
    const { pen, scale, ratio, constants } = this;
    pen.strokeStyle = colour;
    pen.lineWidth = Math.max(1.1 * ratio, Math.min(constants.trace_width_mm * scale, 3 * ratio)) * thinner;
    pen.lineJoin = "round";
    pen.setLineDash([]);
  }

  traces() {
    const { sheet } = this;
    for (const row of sheet.rows) {
      for (const cell of row.cells) {
        if (cell.prior) this.trace(row, cell, cell.prior, row.priorBaseline, this.colours.prior, cell.prior.shift, 0.9);
      }
    }
    for (const row of sheet.rows) {
      row.cells.forEach((cell, index) => {
        if (cell.values === null) return;
        const faint = sheet.superimposed && sheet.chosenLead && sheet.chosenLead !== cell.lead;
        this.pen.globalAlpha = faint ? 0.3 : 1;
        this.trace(row, cell, cell, row.baseline, this.colours.trace, 0, sheet.chosenLead === cell.lead ? 1.8 : 1, index);
        this.pen.globalAlpha = 1;
      });
    }
  }

  trace(row, cell, source, baseline, colour, shift, thinner) {
    const { pen, sheet } = this;
    const zero = source.zero ?? 0;
    const xOf = (i) => this.px(cell.x + (zero + i / source.rate + shift - cell.start) * cell.speed);
    const yOf = (mv) => this.py(baseline - (mv - source.level) * cell.sign * sheet.gain);
    const perPx = 1 / (xOf(1) - xOf(0));
    const first = Math.max(source.first, Math.floor(-xOf(0) * perPx) - 1);
    const stop = Math.min(source.stop, Math.ceil((this.canvas.width - xOf(0)) * perPx) + 2);
    if (stop <= first) return;
    this.traceStyle(colour, thinner);
    pen.beginPath();
    tracePath(pen, source.values, first, stop, xOf, yOf);
    pen.stroke();
  }

  // Bands of P, QRS and T behind the trace of every cell, each with its letter in the lowest row.
  waves(marks) {
    const { sheet } = this;
    if (sheet.kind === "median") {
      const limits = marks.median.limits_s;
      const spans = [["P", limits.p_onset, limits.p_offset], ["QRS", limits.qrs_onset, limits.qrs_offset], ["T", limits.t_peak, limits.t_offset]];
      for (const row of sheet.rows) {
        const seen = new Set();
        for (const cell of row.cells) {
          if (seen.has(cell.x)) continue;
          seen.add(cell.x);
          spans.forEach(([wave, from, to]) => this.band(row, cell, wave, from, to, true));
        }
      }
      return;
    }
    for (const row of sheet.rows) {
      const lowest = row === sheet.rows.at(-1);
      for (const cell of row.cells) {
        for (const beat of marks.beats) {
          for (const [wave, onset, offset] of WAVES) this.band(row, cell, wave, beat[onset], beat[offset], lowest);
        }
      }
    }
  }

  band(row, cell, wave, onset, offset, lettered) {
    if (onset === null || offset === null || offset < cell.start || onset > cell.end) return;
    const { pen } = this;
    const left = this.px(xOfTime(cell, Math.max(onset, cell.start)));
    const right = this.px(xOfTime(cell, Math.min(offset, cell.end)));
    const half = Math.min(BAND_HALF_HEIGHT_MM, row.bottom - row.baseline);
    const top = this.py(Math.max(row.top, row.baseline - half));
    const bottom = this.py(row.baseline + half);
    const colour = this.colours[wave.toLowerCase()];
    pen.globalAlpha = 0.22;
    pen.fillStyle = colour;
    pen.fillRect(left, top, right - left, bottom - top);
    pen.globalAlpha = 0.7;
    pen.fillRect(Math.round(left), top, Math.max(1, this.ratio), bottom - top);
    pen.fillRect(Math.round(right), top, Math.max(1, this.ratio), bottom - top);
    pen.globalAlpha = 1;
    if (lettered) {
      const size = Math.max(LEAST_TEXT_PX * this.ratio, 0.7 * this.textPx);
      pen.font = `${size}px ${FONT}`;
      pen.textAlign = "center";
      pen.textBaseline = "alphabetic";
      const y = wave === "QRS" && this.sheet.kind === "page" ? top - 2 * this.ratio : bottom + size;
      if (pen.measureText(wave).width < Math.max(right - left, 2.7 * size)) this.haloText(wave, (left + right) / 2, y, colour);
      pen.textAlign = "left";
    }
  }

  // A word above each beat of the lowest row that is not normal, and a stroke for each pacing spike.
  kinds(marks, words) {
    const { pen, sheet } = this;
    if (sheet.kind === "median") return;
    const row = sheet.rows.at(-1);
    pen.font = `600 ${this.textPx}px ${FONT}`;
    pen.textBaseline = "alphabetic";
    pen.textAlign = "center";
    for (const cell of row.cells) {
      for (const beat of marks.beats) {
        const word = words.kind_marks[beat[1]];
        if (!word || beat[2] < cell.start || beat[2] >= cell.end) continue;
        this.haloText(word, this.px(xOfTime(cell, beat[2])), this.py(row.bottom) - 2 * this.ratio, this.colours.qrs);
      }
      pen.fillStyle = this.colours.qrs;
      for (const time of marks.spikes_s) {
        if (time < cell.start || time >= cell.end) continue;
        pen.fillRect(Math.round(this.px(xOfTime(cell, time))), this.py(row.top + 1), Math.max(1, this.ratio), 3 * this.scale);
      }
    }
    pen.textAlign = "left";
  }

  highlight({ leads, intervals, beats }, marks) {
    const spans = [...intervals];
    for (const beat of marks?.beats ?? []) {
      if (beats.includes(beat[0])) spans.push({ start_s: beat[3] ?? beat[2] - 0.3, end_s: beat[8] ?? beat[2] + 0.5 });
    }
    const { pen, ratio, colours } = this;
    for (const row of this.sheet.rows) {
      for (const cell of row.cells) {
        if (leads.length && !leads.includes(cell.lead)) continue;
        const whole = !spans.length || this.sheet.kind === "median";
        for (const { start_s: from, end_s: to } of whole ? [{ start_s: cell.start, end_s: cell.end }] : spans) {
          if (to < cell.start || from > cell.end) continue;
          const left = this.px(xOfTime(cell, Math.max(from, cell.start)));
          const width = this.px(xOfTime(cell, Math.min(to, cell.end))) - left;
          pen.globalAlpha = whole ? 0.28 : 0.5;
          pen.fillStyle = colours.light;
          pen.fillRect(left, this.py(row.top), width, this.py(row.bottom) - this.py(row.top));
          pen.globalAlpha = 1;
          pen.fillStyle = colours.caliper;
          for (const y of [row.top, row.bottom]) pen.fillRect(left, this.py(y) - (y === row.top ? 0 : 2 * ratio), width, 2 * ratio);
        }
      }
    }
  }

  names(highlight) {
    const { pen, sheet } = this;
    pen.textBaseline = "alphabetic";
    this.labels = [];
    for (const row of sheet.rows) {
      const stackedAt = new Map();
      row.cells.forEach((cell, index) => {
        const whole = cell.label === cell.name;
        pen.font = `${whole ? "700 " : ""}${this.textPx}px ${FONT}`;
        const width = pen.measureText(cell.label).width;
        const stacked = stackedAt.get(cell.x) ?? 0;
        stackedAt.set(cell.x, stacked + 1);
        const next = row.cells[index + 1];
        const end = next && next.x > cell.x ? this.px(next.x) : this.px(sheet.width);
        const at = this.px((cell.labelX ?? cell.x) + this.constants.label_inset_mm);
        const x = Math.max(at, Math.min(4 * this.ratio, end - width - 4 * this.ratio));
        const y = this.py(row.label) + stacked * this.textPx * 1.35;
        const lit = highlight?.leads.includes(cell.lead) || sheet.chosenLead === cell.lead;
        this.haloText(cell.label, x, y, whole ? this.colours.text : this.colours.quiet);
        if (lit) {
          pen.fillStyle = this.colours.caliper;
          pen.fillRect(x, y + 2 * this.ratio, width, 2 * this.ratio);
        }
        this.labels.push({ lead: cell.lead, x, y: y - this.textPx, width, height: this.textPx * 1.3 });
      });
    }
  }

  haloText(words, x, y, colour) {
    const { pen } = this;
    pen.lineWidth = 3 * this.ratio;
    pen.lineJoin = "round";
    pen.strokeStyle = this.colours.paper;
    pen.globalAlpha = 0.8;
    pen.strokeText(words, x, y);
    pen.globalAlpha = 1;
    pen.fillStyle = colour;
    pen.fillText(words, x, y);
  }

  // Speed, gain and filter at the foot of what can be seen, so that they are on every picture of the trace.
  footer() {
    const { pen, sheet, canvas, ratio } = this;
    const words = sheet.footer;
    let size = this.textPx;
    const room = Math.min(canvas.width, this.px(sheet.width)) - 12 * ratio;
    pen.font = `${size}px ${FONT}`;
    const needed = pen.measureText(words).width;
    if (needed > room) size = Math.max(9 * ratio, (size * room) / needed);
    pen.font = `${size}px ${FONT}`;
    pen.textBaseline = "alphabetic";
    const y = Math.min(this.py(sheet.height - this.constants.text_inset_mm), canvas.height - 6 * ratio);
    const x = Math.max(this.px(this.constants.major_grid_mm), 6 * ratio);
    pen.fillStyle = this.colours.paper;
    pen.globalAlpha = 0.85;
    pen.fillRect(x - 3 * ratio, y - size, Math.min(room, pen.measureText(words).width) + 6 * ratio, size * 1.35);
    pen.globalAlpha = 1;
    pen.fillStyle = this.colours.text;
    pen.fillText(words, x, y, room);
  }
}
