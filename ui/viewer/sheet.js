// The page that is shown, in millimetres: rows and cells with the samples that stand in them. Rows and columns come from
// the server's geometry (ecgr1_core/render/geometry.py), which also draws the paper; here they are only looked up.

function pageSheet(recording, prior, view, words) {
  const key = `${view.layout}|${view.order}`;
  const name = recording.layouts[key] ? key : `${view.layout}|standard`;
  const { rows: leadRows, inverted } = recording.layouts[name];
  const positions = recording.geometry[name][`${view.speed}|${view.gain}`];
  const { width_mm: width, left_mm: left } = recording.widths[view.speed];
  const below = prior !== null && view.prior === "below";
  const rows = [];
  const bottom = positions.rows.at(-1)[3];
  let moved = 0;
  positions.rows.forEach(([top, baseline, label, end], number) => {
    const seconds = recording.pageLength / leadRows[number].length;
    const cells = leadRows[number].map((lead, column) =>
      pageCell(recording, lead, inverted.includes(lead), view.start + column * seconds, seconds,
        left + column * seconds * view.speed, view, words));
    const row = { top: top + moved, baseline: baseline + moved, label: label + moved, bottom: end + moved, cells };
    rows.push(row);
    if (prior !== null && view.prior !== "off") {
      if (below) moved += end - top;
      row.priorBaseline = baseline + moved;
      if (below) row.bottom = end + moved;
      for (const cell of cells) cell.prior = priorCell(prior, cell, view);
    }
  });
  const height = below ? Math.ceil((positions.height_mm + bottom - positions.rows[0][0]) / 5) * 5 : positions.height_mm;
  const sheet = { kind: "page", width, height, speed: view.speed, gain: view.gain, rows, left, pulse: true };
  sheet.footer = pageFooter(sheet, recording, prior, view, words);
  return sheet;
}

function pageCell(recording, lead, inverted, start, seconds, x, view, words) {
  const first = recording.sampleAt(start);
  const stop = recording.sampleAt(start + seconds);
  const name = inverted ? `−${lead}` : lead;
  const missing = recording.missing.has(lead);
  const page = missing ? null : recording.page(lead, view.start);
  const empty = page !== null && !recording.isKnown(lead, first, stop);
  const values = empty ? null : page;
  return {
    lead, name, start, end: start + seconds, x, first, stop, sign: inverted ? -1 : 1, speed: view.speed,
    label: missing ? `${name} ${words.not_recorded}` : empty ? `${name} ${words.no_signal}`
      : page === null ? `${name} ${view.lost ? words.not_loaded : words.loading}` : name,
    values, level: values ? recording.level(lead, view.start) : 0,
    rate: recording.rate, zero: 0, peaks: recording.peaksIn(start, start + seconds),
  };
}

// The same lead of the prior recording, its first R peak in this column put under the first of the current one.
function priorCell(prior, cell, view) {
  if (prior.missing.has(cell.lead)) return null;
  const offset = cell.start - view.start;
  const seconds = cell.end - cell.start;
  const [own] = cell.peaks ?? [];
  const [other] = prior.peaksIn(offset, offset + seconds);
  const shift = own !== undefined && other !== undefined ? own - other : cell.start - offset;
  return {
    shift, aligned: own !== undefined && other !== undefined, values: prior.page(cell.lead, 0),
    level: prior.level(cell.lead, 0), rate: prior.rate,
    first: prior.sampleAt(Math.max(0, cell.start - shift)), stop: prior.sampleAt(Math.max(0, cell.end - shift)),
  };
}

function pageFooter(sheet, recording, prior, view, words) {
  const parts = [`${view.speed} mm/s`, `${view.gain} mm/mV`, recording.filterLabel];
  if (view.start > 0 || recording.duration > recording.pageLength) {
    const end = Math.min(view.start + recording.pageLength, recording.duration);
    parts.push(`${tidy(view.start)}–${tidy(end)} s / ${tidy(recording.duration)} s`);
  }
  if (!recording.isSettled(view.start)) parts.push(view.lost ? words.rest_lost : words.loading);
  const off = new Set();
  for (const row of sheet.rows) {
    for (const cell of row.cells) {
      if (cell.values === null) continue;
      const [low, high] = extremes(cell);
      if (row.baseline - high * view.gain < 0 || row.baseline - low * view.gain > sheet.height) off.add(cell.name);
    }
  }
  if (off.size) parts.push(words.off_page.replace("{leads}", [...off].join(", ")));
  if (prior !== null && view.prior !== "off") {
    const aligned = sheet.rows.every((row) => row.cells.every((cell) => !cell.prior || cell.prior.aligned));
    parts.push(aligned ? words.prior_aligned : words.prior_unaligned);
  }
  return parts.join("    ");
}

function extremes(cell) {
  let low = Infinity;
  let high = -Infinity;
  for (let i = cell.first; i < cell.stop; i += 1) {
    const value = (cell.values[i] - cell.level) * cell.sign;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

const tidy = (number) => String(Math.round(number * 100) / 100);

// Between a cell's time or voltage and millimetres on the sheet; the time goes on beyond the ends of the cell.
const xOfTime = (cell, time) => cell.x + (time - cell.start) * cell.speed;
const timeOfX = (cell, x) => cell.start + (x - cell.x) / cell.speed;
const yOfMv = (sheet, row, mv) => row.baseline - mv * sheet.gain;
const mvOfY = (sheet, row, y) => (row.baseline - y) / sheet.gain;

// What is drawn of a cell at a time: the nearest sample with its own time, or null where there is none.
function sampleNear(cell, time) {
  if (cell.values === null) return null;
  const index = Math.round((time - cell.zero) * cell.rate);
  if (index < cell.first || index >= cell.stop || Number.isNaN(cell.values[index])) return null;
  return { time: cell.zero + index / cell.rate, mv: (cell.values[index] - cell.level) * cell.sign };
}

function rowAt(sheet, y) {
  return sheet.rows.find((row) => y >= row.top && y < row.bottom) ?? (y < sheet.rows[0].top ? sheet.rows[0] : sheet.rows.at(-1));
}

function cellAt(row, x) {
  return row.cells.findLast((cell) => x >= cell.x) ?? row.cells[0];
}

// Where a cell with this lead and time stands: [row, cell], the row of the rhythm strip last.
function placeOf(sheet, lead, time) {
  for (const row of sheet.rows) {
    for (const cell of row.cells) {
      if (cell.lead === lead && time >= cell.start - 1e-6 && time <= cell.end + 1e-6) return [row, cell];
    }
  }
  return null;
}
