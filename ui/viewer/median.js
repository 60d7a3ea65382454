// The median beat of every lead: the beats of the dominant kind laid over each other at R, the middle value at each
// instant. Made from the trace as it is shown, filtered or not; side by side or all leads of a group superimposed.

const MOST_BEATS = 60;
const BEFORE_R_S = 0.3;
const AFTER_R_S = 0.55;
const ROOM_S = 0.08;

// The span around R that holds P, QRS and T, in seconds.
function medianWindow(marks) {
  const { p_onset: start, qrs_onset: qrs, t_offset: end } = marks.median.limits_s;
  return [Math.min(-BEFORE_R_S, (start ?? qrs ?? 0) - ROOM_S), Math.max(AFTER_R_S, (end ?? 0) + ROOM_S)];
}

// {values, count}: the median beat of a lead from `from` to `to` seconds around R, its level before the QRS at 0.
function medianBeat(recording, lead, from, to) {
  const { marks, rate } = recording;
  const numbers = new Set(marks.median.numbers);
  const peaks = marks.beats.filter((beat) => numbers.has(beat[0])).map((beat) => Math.round(beat[2] * rate));
  const length = Math.round((to - from) * rate) + 1;
  const starts = peaks.map((peak) => peak + Math.round(from * rate)).filter((at) => at >= 0 && at + length <= recording.samples);
  const step = Math.max(1, starts.length / MOST_BEATS);
  const chosen = [];
  for (let i = 0; i < starts.length; i += step) chosen.push(starts[Math.floor(i)]);
  if (!chosen.length) return null;
  const signal = recording.signal(lead);
  const onset = Math.round(((marks.median.limits_s.qrs_onset ?? -0.05) - from) * rate);
  const span = Math.max(1, Math.round(0.01 * rate));
  const levels = chosen.map((at) => medianOf(signal.slice(at + Math.max(0, onset - span), at + Math.max(1, onset))));
  const values = new Float32Array(length);
  const column = new Float32Array(chosen.length);
  for (let i = 0; i < length; i += 1) {
    chosen.forEach((at, beat) => { column[beat] = signal[at + i] - levels[beat]; });
    values[i] = column.every(Number.isNaN) ? NaN : medianOf(column);
  }
  return { values, count: chosen.length };
}

// A sheet of median beats. Side by side: twice the speed chosen; superimposed: four times the speed and twice the gain.
function medianSheet(recording, prior, view, words) {
  if (!recording.marks?.median) return null;
  const superimposed = view.view === "superimposed";
  const speed = view.speed * (superimposed ? 4 : 2);
  const gain = view.gain * (superimposed ? 2 : 1);
  const [from, to] = medianWindow(recording.marks);
  const order = view.order === "cabrera" ? recording.layouts["12x1|cabrera"] : recording.layouts["12x1|standard"];
  const leads = order.rows.flat();
  const groups = superimposed ? [[leads.slice(0, 6), leads.slice(6)]] : [0, 1, 2].map((row) =>
    leads.filter((_, index) => index % 3 === row).map((lead) => [lead]));
  const across = (to - from) * speed;
  const columns = groups[0].length;
  const named = superimposed ? 30 : 0; // room for the names beside each group
  const gap = Math.max(8, (recording.constants.least_width_mm - 8 - columns * (across + named)) / columns) + named;
  let counted = 0;
  const make = (lead, x) => {
    const sign = order.inverted.includes(lead) ? -1 : 1;
    const name = sign < 0 ? `−${lead}` : lead;
    const found = recording.missing.has(lead) ? null : medianBeat(recording, lead, from, to);
    const usable = found !== null && !found.values.every(Number.isNaN);
    counted = Math.max(counted, found?.count ?? 0);
    const cell = {
      lead, name, start: from, end: to, x, sign, speed, first: 0, stop: usable ? found.values.length : 0,
      labelX: x - named, label: usable ? name : `${name} ${recording.missing.has(lead) ? words.not_recorded : words.no_signal}`,
      values: usable ? found.values : null, level: 0, rate: recording.rate, zero: from,
    };
    const other = view.prior !== "off" && prior?.marks?.median && prior.isWhole && !prior.missing.has(lead) ? medianBeat(prior, lead, from, to) : null;
    if (other) {
      cell.prior = { shift: 0, aligned: true, zero: from, values: other.values, level: 0, rate: prior.rate, first: 0, stop: other.values.length };
    }
    return cell;
  };
  const rows = [];
  let top = 0;
  for (const group of groups) {
    const cells = group.flatMap((stacked, column) => stacked.map((lead) => make(lead, 8 + named + column * (across + gap))));
    let low = -0.5;
    let high = 0.7;
    for (const cell of cells) {
      if (cell.values === null) continue;
      const [least, most] = extremes(cell);
      low = Math.min(low, least);
      high = Math.max(high, most);
    }
    const baseline = Math.ceil(top + 6 + Math.min(high, 10) * gain);
    const bottom = Math.ceil(baseline + Math.min(-low, 10) * gain + 3);
    rows.push({ top, baseline, label: top + 5, bottom, cells, priorBaseline: baseline });
    top = bottom;
  }
  const width = Math.max(recording.constants.least_width_mm, Math.ceil((16 + columns * (across + gap)) / 5) * 5);
  const beats = words.median_of.replace("{count}", counted).replace("{kind}", words.kinds[recording.marks.median.kind]);
  const footer = [`${tidy(speed)} mm/s`, `${gain} mm/mV`, recording.filterLabel, beats];
  if (prior !== null && view.prior !== "off") footer.push(words.prior_aligned);
  return {
    kind: "median", superimposed, width, height: Math.ceil((top + 7) / 5) * 5, speed, gain, rows, left: 8, pulse: false,
    footer: footer.join("    "),
  };
}
