// Samples of a recording: they arrive in segments, are filtered around the page when asked for, and are reduced to what a
// row of pixels can show. Knows nothing of pages, leads' places or the mouse.

function medianOf(values) {
  const known = values.filter((value) => !Number.isNaN(value)).sort();
  if (!known.length) return 0;
  const half = known.length >> 1;
  return known.length % 2 ? known[half] : (known[half - 1] + known[half]) / 2;
}

class Recording {
  static async from(data) {
    const recording = new Recording(data);
    if (data.overview) recording.envelope = { lead: data.overview.lead, rows: await unpacked(data.overview) };
    for (const segment of data.segments) await recording.take(segment);
    return recording;
  }

  constructor(data) {
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
    this.means = data.means_mv;
    this.segmentLength = data.segment_samples;
    this.raw = this.leads.map(() => new Float32Array(this.samples).fill(NaN));
    this.arrived = new Array(Math.ceil(this.samples / this.segmentLength)).fill(false);
    this.envelope = null;
    this.marks = null;
    this.setFilters("off", "off");
  }

  // Puts a segment where it belongs; what was filtered without it, though it reaches into it, is forgotten.
  async take(segment) {
    const rows = await unpacked(segment);
    rows.forEach((row, lead) => this.raw[lead].set(row, segment.first));
    this.arrived[segment.first / this.segmentLength] = true;
    this.spans = this.spans.map((span) => (span?.settled ? span : null));
    this.levelsFrom = null;
  }

  get isWhole() { return this.arrived.every(Boolean); }

  // Chooses what the trace is looked at through; leads are filtered where they are drawn.
  setFilters(band, notch) {
    const { bands, notches, unfiltered, pad_s: pad } = this.filters;
    this.chosen = [bands[band], notches[notch]].filter(Boolean);
    this.padSamples = Math.round(pad * this.rate);
    this.settling = settlingSamples(this.chosen);
    this.filterLabel = this.chosen.map(({ label }) => label).join(", ") || unfiltered;
    if (!this.chosen.length) this.filtered = null; // the room is given back
    this.spans = this.leads.map(() => null);
    this.levels = new Map();
    this.levelsFrom = null;
  }

  // The samples [from, to) that have arrived without a hole and hold [first, stop); null where they have not.
  arrivedAround(first, stop) {
    let low = Math.floor(first / this.segmentLength);
    let high = Math.max(low, Math.ceil(stop / this.segmentLength) - 1);
    for (let i = low; i <= high; i += 1) if (!this.arrived[i]) return null;
    while (this.arrived[low - 1]) low -= 1;
    while (this.arrived[high + 1]) high += 1;
    return [low * this.segmentLength, Math.min(this.samples, (high + 1) * this.segmentLength)];
  }

  // Whether what is shown of a page will not change any more: all that its filters depend on has arrived.
  isSettled(start) {
    const [first, stop] = this.pageSpan(start);
    return this.arrivedAround(Math.max(0, first - this.settling), Math.min(this.samples, stop + this.settling)) !== null;
  }

  pageSpan(start) { return [this.sampleAt(start), this.sampleAt(start + this.pageLength)]; }

  // A lead as it is looked at, by the number of the sample; right in [first, stop), which must have arrived.
  signal(lead, first = 0, stop = this.samples) {
    const index = this.leads.indexOf(lead);
    if (!this.chosen.length) return this.raw[index];
    this.filtered ??= this.raw.map(() => null);
    this.filtered[index] ??= new Float32Array(this.samples);
    const values = this.filtered[index];
    const done = this.spans[index];
    if (!done || first < done.from || stop > done.to) {
      this.spans[index] = filterSpan(values, this.raw[index], {
        first, stop, room: Math.round(this.pageLength * this.rate), settling: this.settling, pad: this.padSamples,
        mean: this.means[index], filters: this.chosen, arrived: this.arrivedAround(first, stop),
      });
    }
    return values;
  }

  isFiltered(lead) {
    const span = this.spans[this.leads.indexOf(lead)];
    return !this.chosen.length || (span !== null && span.from === 0 && span.to === this.samples);
  }

  // A lead as it is looked at on the page that begins at `start` seconds; null while that page has not arrived.
  page(lead, start) {
    const span = this.pageSpan(start);
    return this.arrivedAround(...span) ? this.signal(lead, ...span) : null;
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
    if (!this.levels.has(lead)) this.levels.set(lead, medianOf(this.page(lead, start).subarray(...this.pageSpan(start))));
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
