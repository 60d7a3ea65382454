// Calipers: two points of one lead, told as ms, /min, mV and mm; marching; QTc from one that spans a QT.
// An end is a time (seconds) and a voltage (mV against the lead's baseline), so that it stays where it is on the trace at
// every speed, gain and zoom. Knows nothing of the mouse.

const MOST_CALIPERS = 6;
const SNAP_MM = 2;

class Calipers {
  constructor() {
    this.clear();
  }

  clear() {
    this.list = [];
    this.active = -1;
    this.end = 1;
    this.next = 1;
  }

  get current() { return this.list[this.active] ?? null; }

  begin(sheet, row, cell, point) {
    if (this.list.length >= MOST_CALIPERS) this.list.shift();
    const id = this.next;
    this.next += 1;
    this.list.push({ id, kind: sheet.kind, superimposed: Boolean(sheet.superimposed), lead: cell.lead, role: "interval", ends: [{ ...point }, { ...point }] });
    this.active = this.list.length - 1;
    this.end = 1;
    return this.current;
  }

  remove(id) {
    this.list = this.list.filter((caliper) => caliper.id !== id);
    this.active = this.list.length - 1;
  }

  // [row, cell] in which a caliper stands on this sheet, or null.
  placeOn(sheet, caliper) {
    if (caliper.kind !== sheet.kind || caliper.superimposed !== Boolean(sheet.superimposed)) return null;
    return placeOf(sheet, caliper.lead, caliper.ends[0].time) ?? placeOf(sheet, caliper.lead, caliper.ends[1].time);
  }

  // What a caliper says: milliseconds, rate, millivolts (null where its ends stand in different leads) and millimetres.
  read(sheet, caliper) {
    const place = this.placeOn(sheet, caliper);
    if (place === null) return null;
    const [row, cell] = place;
    const [from, to] = caliper.ends;
    const ms = Math.abs(to.time - from.time) * 1000;
    const leads = caliper.ends.map(({ time }) => (sheet.kind === "page" ? cellAt(row, xOfTime(cell, time)).lead : cell.lead));
    const mv = leads[0] === leads[1] ? to.mv - from.mv : null;
    return {
      lead: cell.name, ms, bpm: ms > 0 ? 60000 / ms : null, mv,
      across_mm: (ms / 1000) * cell.speed, up_mm: Math.abs(to.mv - from.mv) * sheet.gain,
    };
  }

  // QTc of the caliper called QT, with RR from the caliper called RR or else the measured one; null where there is no QT.
  // Bazett 1920: QT / √RR; Fridericia 1920: QT / ∛RR; RR in seconds.
  corrected(sheet, measuredRrMs) {
    const lengthOf = (role) => {
      const found = this.list.findLast((caliper) => caliper.role === role);
      return found ? Math.abs(found.ends[1].time - found.ends[0].time) * 1000 : null;
    };
    const qt = lengthOf("qt");
    if (qt === null) return null;
    const own = lengthOf("rr");
    const rr = own ?? measuredRrMs ?? null;
    if (!rr) return { qt, rr: null };
    return { qt, rr, measured: own === null, bazett: qt / Math.sqrt(rr / 1000), fridericia: qt / Math.cbrt(rr / 1000) };
  }
}

// The wave limit or R peak nearest to a time, within 2 mm, and the trace there; otherwise the trace at the time itself.
function snapped(sheet, marks, cell, time) {
  const limits = sheet.kind === "median"
    ? [...Object.values(marks?.median?.limits_s ?? {}), 0]
    : (marks?.beats ?? []).flatMap((beat) => beat.slice(2));
  const within = SNAP_MM / cell.speed;
  let best = time;
  let apart = within;
  for (const limit of limits) {
    if (limit === null || Math.abs(limit - time) >= apart) continue;
    best = limit;
    apart = Math.abs(limit - time);
  }
  const sample = sampleNear(cell, best);
  return { time: best, mv: sample ? sample.mv : 0 };
}

function paintCalipers(painter, calipers, march) {
  const { pen, sheet, ratio, colours } = painter;
  calipers.list.forEach((caliper, number) => {
    const place = calipers.placeOn(sheet, caliper);
    if (place === null) return;
    const [row, cell] = place;
    const active = number === calipers.active;
    const points = caliper.ends.map(({ time, mv }) => [painter.px(xOfTime(cell, time)), painter.py(yOfMv(sheet, row, mv))]);
    const top = painter.py(row.top) + 2 * ratio;
    const bottom = painter.py(row.bottom) - 2 * ratio;
    pen.strokeStyle = colours.caliper;
    pen.fillStyle = colours.caliper;
    pen.lineWidth = (active ? 1.6 : 1) * ratio;
    pen.setLineDash([]);
    pen.beginPath();
    for (const [x] of points) {
      pen.moveTo(x, top);
      pen.lineTo(x, bottom);
    }
    const middle = (points[0][1] + points[1][1]) / 2;
    pen.moveTo(points[0][0], points[1][1]);
    pen.lineTo(points[1][0], points[1][1]);
    pen.stroke();
    pen.setLineDash([4 * ratio, 3 * ratio]);
    pen.beginPath();
    pen.moveTo(points[0][0], points[0][1]);
    pen.lineTo(points[1][0], points[0][1]);
    pen.stroke();
    if (march && active && Math.abs(points[1][0] - points[0][0]) > 3 * ratio) {
      const [start, end] = sheet.kind === "page" ? [row.cells[0].x, xOfTime(row.cells.at(-1), row.cells.at(-1).end)]
        : [cell.x, xOfTime(cell, cell.end)];
      const step = Math.abs(points[1][0] - points[0][0]);
      const left = Math.min(points[0][0], points[1][0]);
      pen.setLineDash([2 * ratio, 3 * ratio]);
      pen.beginPath();
      for (let x = left - Math.floor((left - painter.px(start)) / step + 0.05) * step; x <= painter.px(end) + 0.05 * step; x += step) {
        pen.moveTo(x, top);
        pen.lineTo(x, bottom);
      }
      pen.stroke();
    }
    pen.setLineDash([]);
    points.forEach(([x, y], end) => {
      pen.beginPath();
      pen.arc(x, y, (active && end === calipers.end ? 5 : 4) * ratio, 0, 2 * Math.PI);
      pen.fillStyle = active && end === calipers.end ? colours.caliper : colours.paper;
      pen.fill();
      pen.stroke();
    });
    pen.font = `600 ${painter.textPx}px ${FONT}`;
    pen.textBaseline = "alphabetic";
    const read = calipers.read(sheet, caliper);
    const words = `${caliper.id}: ${Math.round(read.ms)} ms${read.mv === null ? "" : `  ${signed(read.mv)} mV`}`;
    const width = pen.measureText(words).width;
    const x = Math.max(4 * ratio, Math.min(Math.max(points[0][0], points[1][0]) + 8 * ratio, painter.canvas.width - width - 6 * ratio));
    painter.haloText(words, x, Math.max(14 * ratio, middle - 4 * ratio), colours.caliper);
  });
}

const signed = (value, digits = 2) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;
