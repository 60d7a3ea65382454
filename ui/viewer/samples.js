// Samples of a recording: unpacked once, filtered when asked for, reduced to what a row of pixels can show.
// Knows nothing of pages, leads' places or the mouse.

const UNKNOWN_COUNT = -32768;

// The bytes of a zlib stream in base64.
async function bytesOf(base64) {
  const text = atob(base64);
  const packed = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) packed[i] = text.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

// One Float32Array in mV for each lead; NaN where a sample is unknown.
async function unpack(data) {
  const buffer = await bytesOf(data.data);
  const { samples, leads } = data;
  if (data.encoding === "float32") {
    return leads.map((_, lead) => new Float32Array(buffer, lead * samples * 4, samples));
  }
  const counts = new Int16Array(buffer); // differences at first; adding up wraps as taking them did
  return leads.map((_, lead) => {
    const row = new Float32Array(samples);
    const own = counts.subarray(lead * samples, (lead + 1) * samples);
    for (let i = 0; i < samples; i += 1) {
      if (i) own[i] += own[i - 1];
      row[i] = own[i] === UNKNOWN_COUNT ? NaN : data.zeros_mv[lead] + own[i] * data.steps_mv[lead];
    }
    return row;
  });
}

function medianOf(values) {
  const known = values.filter((value) => !Number.isNaN(value)).sort();
  if (!known.length) return 0;
  const half = known.length >> 1;
  return known.length % 2 ? known[half] : (known[half - 1] + known[half]) / 2;
}

// Unknown samples on the straight line between their neighbours, or level at the ends.
function bridged(row) {
  const out = Float64Array.from(row);
  let before = -1;
  for (let i = 0; i <= out.length; i += 1) {
    if (i < out.length && Number.isNaN(out[i])) continue;
    for (let gap = before + 1; gap < i; gap += 1) {
      if (before < 0) out[gap] = i < out.length ? out[i] : 0;
      else if (i === out.length) out[gap] = out[before];
      else out[gap] = out[before] + ((out[i] - out[before]) * (gap - before)) / (i - before);
    }
    before = i;
  }
  return out;
}

// One pass of second-order sections over `values`, in place, beginning at rest.
function runSections(values, sections) {
  for (const [b0, b1, b2, , a1, a2] of sections) {
    let z1 = 0;
    let z2 = 0;
    for (let i = 0; i < values.length; i += 1) {
      const x = values[i];
      const y = b0 * x + z1;
      z1 = b1 * x - a1 * y + z2;
      z2 = b2 * x - a2 * y;
      values[i] = y;
    }
  }
}

// The same as `filtered` in ecgr1_core/render/filters.py: mean out, ends mirrored, each filter forwards and backwards.
function filteredLead(row, filters, padSamples) {
  if (!filters.length || row.every(Number.isNaN)) return row;
  const length = row.length;
  const pad = Math.min(length - 1, padSamples);
  const line = bridged(row);
  const level = line.reduce((sum, value) => sum + value, 0) / length;
  const values = new Float64Array(length + 2 * pad);
  for (let i = 0; i < values.length; i += 1) {
    let from = Math.abs(i - pad);
    if (from >= length) from = 2 * (length - 1) - from;
    values[i] = line[from] - level;
  }
  for (const { sections } of filters) {
    runSections(values, sections);
    values.reverse();
    runSections(values, sections);
    values.reverse();
  }
  const out = new Float32Array(length);
  for (let i = 0; i < length; i += 1) out[i] = Number.isNaN(row[i]) ? NaN : values[pad + i];
  return out;
}

class Recording {
  static async from(data) { return new Recording(data, await unpack(data)); }

  constructor(data, raw) {
    this.id = data.id;
    this.leads = data.leads;
    this.missing = new Set(data.missing);
    this.rate = data.sampling_rate_hz;
    this.samples = data.samples;
    this.duration = data.duration_s;
    this.pageLength = data.page_s;
    this.constants = data.constants;
    this.widths = data.widths;
    this.layouts = data.layouts;
    this.geometry = data.geometry;
    this.filters = data.filters;
    this.defaults = data.defaults;
    this.raw = raw;
    this.marks = null;
    this.setFilters("off", "off");
  }

  // Chooses what the trace is looked at through; leads are filtered when they are first drawn.
  setFilters(band, notch) {
    const { bands, notches, unfiltered, pad_s: pad } = this.filters;
    const chosen = [bands[band], notches[notch]].filter(Boolean);
    this.shown = this.raw.map(() => null);
    this.levels = new Map();
    this.chosen = chosen;
    this.padSamples = Math.round(pad * this.rate);
    this.filterLabel = chosen.map(({ label }) => label).join(", ") || unfiltered;
  }

  signal(lead) {
    const index = this.leads.indexOf(lead);
    this.shown[index] ??= filteredLead(this.raw[index], this.chosen, this.padSamples);
    return this.shown[index];
  }

  sampleAt(time) {
    return Math.max(0, Math.min(this.samples, Math.ceil(time * this.rate - 1e-6)));
  }

  // The median of a lead over one page, which stands on the baseline; only those of one page are kept.
  level(lead, start) {
    if (this.levelsFrom !== start) {
      this.levels.clear();
      this.levelsFrom = start;
    }
    if (!this.levels.has(lead)) {
      const page = this.signal(lead).subarray(this.sampleAt(start), this.sampleAt(start + this.pageLength));
      this.levels.set(lead, medianOf(page));
    }
    return this.levels.get(lead);
  }

  isKnown(lead, first, stop) {
    const row = this.raw[this.leads.indexOf(lead)];
    for (let i = first; i < stop; i += 1) if (!Number.isNaN(row[i])) return true;
    return false;
  }

  peaksIn(start, end) {
    return (this.marks?.beats ?? []).map((beat) => beat[2]).filter((time) => time >= start && time < end);
  }
}

// Adds samples [first, stop) to a path so that no pixel loses anything: every sample where samples are wider apart than
// pixels, otherwise the first, the lowest, the highest and the last sample of each pixel column, in their order in time
// (M4: Jugel et al., Proc. VLDB Endow. 2014;7:797-808).
function tracePath(path, values, first, stop, xOf, yOf) {
  let open = false;
  const point = (i) => {
    if (open) path.lineTo(xOf(i), yOf(values[i]));
    else path.moveTo(xOf(i), yOf(values[i]));
    open = true;
  };
  const perPixel = 1 / Math.max(1e-9, xOf(1) - xOf(0));
  if (perPixel <= 2) {
    for (let i = first; i < stop; i += 1) {
      if (Number.isNaN(values[i])) open = false;
      else point(i);
    }
    return;
  }
  let i = first;
  while (i < stop) {
    const column = Math.floor(xOf(i));
    const from = i;
    let low = -1;
    let high = -1;
    let broken = false;
    while (i < stop && Math.floor(xOf(i)) === column) {
      if (Number.isNaN(values[i])) broken = true;
      else {
        if (low < 0 || values[i] < values[low]) low = i;
        if (high < 0 || values[i] > values[high]) high = i;
      }
      i += 1;
    }
    if (broken) {
      for (let j = from; j < i; j += 1) {
        if (Number.isNaN(values[j])) open = false;
        else point(j);
      }
    } else {
      for (const j of [...new Set([from, Math.min(low, high), Math.max(low, high), i - 1])]) point(j);
    }
  }
}
