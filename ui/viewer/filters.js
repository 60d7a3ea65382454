// The display filters: the same as `filtered` in ecgr1_core/render/filters.py, but only around what is looked at.
// A filter forgets: what lies further away than it takes to settle moves nothing by 1 µV (a hundred-thousandth is left).

const REST = 1e-5;

// Zeros to work in, the same room again and again, given back when much less is needed.
let work = new Float64Array(0);
function room64(length) {
  if (work.length < length || work.length > 8 * length) work = new Float64Array(length);
  return work.subarray(0, length).fill(0);
}

// How many samples the slowest of the filters needs until a hundred-thousandth is left of what came before.
function settlingSamples(filters) {
  let most = 0;
  for (const [, , , , a1, a2] of filters.flatMap(({ sections }) => sections)) {
    const under = (a1 * a1) / 4 - a2; // of the poles, the roots of z² + a1 z + a2
    const radius = under < 0 ? Math.sqrt(a2) : Math.abs(a1) / 2 + Math.sqrt(under);
    if (radius > 0) most = Math.max(most, Math.ceil(Math.log(REST) / Math.log(radius)));
  }
  return most;
}

// Filters [first, stop) of `raw` and up to `room` samples on both sides into `values`, at the same places. Where the
// samples that have arrived end before the filters have settled, the ends are mirrored, as those of the whole are.
// Returns what is right now, [from, to), and whether samples that arrive later would leave it so.
function filterSpan(values, raw, { first, stop, room, settling, pad, mean, filters, arrived: [low, high] }) {
  const from = Math.max(low, first - room);
  const to = Math.min(high, stop + room);
  const begin = Math.max(low, from - settling);
  const end = Math.min(high, to + settling);
  const length = end - begin;
  const before = begin === low ? Math.min(length - 1, pad) : 0;
  const after = end === high ? Math.min(length - 1, pad) : 0;
  const line = room64(before + length + after);
  bridge(line, before, raw, begin, end, mean);
  for (let i = 1; i <= before; i += 1) line[before - i] = line[before + i];
  for (let i = 1; i <= after; i += 1) line[before + length - 1 + i] = line[before + length - 1 - i];
  for (const { sections } of filters) {
    runSections(line, sections, 1);
    runSections(line, sections, -1);
  }
  const shift = before - begin;
  for (let i = from; i < to; i += 1) values[i] = Number.isNaN(raw[i]) ? NaN : line[i + shift];
  const settled = (low === 0 || from - settling >= low) && (high === raw.length || to + settling <= high);
  return { from, to, settled };
}

// Samples [begin, end) less `mean` into `line` from `at`; unknown ones on the straight line between their neighbours, or
// level at the ends.
function bridge(line, at, raw, begin, end, mean) {
  let before = -1;
  const length = end - begin;
  for (let i = 0; i < length; i += 1) {
    const value = raw[begin + i];
    if (Number.isNaN(value)) continue;
    line[at + i] = value - mean;
    if (before < i - 1) {
      const to = line[at + i];
      const from = before < 0 ? to : line[at + before];
      for (let gap = before + 1; gap < i; gap += 1) line[at + gap] = from + ((to - from) * (gap - before)) / (i - before);
    }
    before = i;
  }
  if (before >= 0) line.fill(line[at + before], at + before, at + length);
}

// Second-order sections over `values`, in place, beginning at rest; from the end backwards where `step` is −1. Two at a time,
// since the second of a pair can work while the first waits for itself.
function runSections(values, sections, step) {
  const [from, to] = step > 0 ? [0, values.length] : [values.length - 1, -1];
  for (let pair = 0; pair + 1 < sections.length; pair += 2) runTwo(values, sections[pair], sections[pair + 1], from, to, step);
  if (sections.length % 2) runOne(values, sections.at(-1), from, to, step);
}

function runOne(values, [b0, b1, b2, , a1, a2], from, to, step) {
  let z1 = 0;
  let z2 = 0;
  for (let i = from; i !== to; i += step) {
    const x = values[i];
    const y = b0 * x + z1;
    z1 = b1 * x + z2 - a1 * y;
    z2 = b2 * x - a2 * y;
    values[i] = y;
  }
}

function runTwo(values, [b0, b1, b2, , a1, a2], [d0, d1, d2, , c1, c2], from, to, step) {
  let z1 = 0;
  let z2 = 0;
  let w1 = 0;
  let w2 = 0;
  for (let i = from; i !== to; i += step) {
    const x = values[i];
    const y = b0 * x + z1;
    z1 = b1 * x + z2 - a1 * y;
    z2 = b2 * x - a2 * y;
    const v = d0 * y + w1;
    w1 = d1 * y + w2 - c1 * v;
    w2 = d2 * y - c2 * v;
    values[i] = v;
  }
}
