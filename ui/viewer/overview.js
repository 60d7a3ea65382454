// The strip of a whole recording that is longer than a page, with the window of the page that is shown. Every pixel
// column spans the lowest to the highest value of the bins that fall into it; bins come from the server, before the samples.

class Overview {
  constructor(element, viewer) {
    this.element = element;
    this.canvas = element.querySelector("canvas");
    this.viewer = viewer;
    const go = (event) => {
      const box = this.canvas.getBoundingClientRect();
      const time = ((event.clientX - box.left) / box.width) * viewer.recording.duration;
      viewer.setStart(time - viewer.recording.pageLength / 2);
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      go(event);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (event.buttons & 1) go(event);
    });
    this.canvas.addEventListener("keydown", (event) => {
      const { recording, view } = viewer;
      const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -recording.pageLength, PageDown: recording.pageLength };
      if (event.key in steps) viewer.setStart(view.start + steps[event.key]);
      else if (event.key === "Home") viewer.setStart(0);
      else if (event.key === "End") viewer.setStart(recording.duration);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
  }

  envelope(width) {
    const { recording } = this.viewer;
    if (this.of === recording && this.lows?.length === width) return;
    this.of = recording;
    this.lead = recording.envelope.lead;
    const [low, high] = recording.envelope.rows;
    this.lows = new Float32Array(width).fill(NaN);
    this.highs = new Float32Array(width).fill(NaN);
    for (let x = 0; x < width; x += 1) {
      const stop = Math.ceil(((x + 1) * low.length) / width);
      for (let i = Math.floor((x * low.length) / width); i < stop; i += 1) {
        if (Number.isNaN(low[i])) continue;
        if (!(low[i] >= this.lows[x])) this.lows[x] = low[i];
        if (!(high[i] <= this.highs[x])) this.highs[x] = high[i];
      }
    }
    const known = [...this.lows, ...this.highs].filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
    this.least = known[Math.floor(known.length * 0.01)] ?? -1;
    this.most = known[Math.floor(known.length * 0.99)] ?? 1;
  }

  paint() {
    const { recording, view, colours, words } = this.viewer;
    const long = recording.duration > recording.pageLength && view.view === "page";
    this.element.hidden = !long;
    if (!long) {
      this.of = null; // a recording that was left is not kept
      return;
    }
    const ratio = window.devicePixelRatio;
    const width = Math.round(this.canvas.clientWidth * ratio);
    const height = Math.round(this.canvas.clientHeight * ratio);
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    this.envelope(width);
    const pen = this.canvas.getContext("2d");
    pen.fillStyle = colours.paper;
    pen.fillRect(0, 0, width, height);
    const seconds = recording.duration;
    const left = (view.start / seconds) * width;
    const across = Math.max(3 * ratio, (recording.pageLength / seconds) * width);
    pen.globalAlpha = 0.45;
    pen.fillStyle = colours.light;
    pen.fillRect(left, 0, across, height);
    pen.globalAlpha = 1;
    const yOf = (mv) => height - 3 * ratio - ((mv - this.least) / (this.most - this.least || 1)) * (height - 12 * ratio);
    pen.fillStyle = colours.trace;
    for (let x = 0; x < width; x += 1) {
      if (Number.isNaN(this.lows[x])) continue;
      const top = yOf(this.highs[x]);
      pen.fillRect(x, top, 1, Math.max(ratio, yOf(this.lows[x]) - top));
    }
    pen.fillStyle = colours.qrs;
    for (const beat of recording.marks?.beats ?? []) {
      if (words.kind_marks[beat[1]]) pen.fillRect(Math.round((beat[2] / seconds) * width), 0, 2 * ratio, 6 * ratio);
    }
    pen.strokeStyle = colours.caliper;
    pen.lineWidth = 2 * ratio;
    pen.strokeRect(left + ratio, ratio, across - 2 * ratio, height - 2 * ratio);
    this.canvas.setAttribute("aria-valuemax", String(Math.round(seconds - recording.pageLength)));
    this.canvas.setAttribute("aria-valuenow", tidy(view.start));
    this.canvas.setAttribute("aria-valuetext", words.window.replace("{start}", tidy(view.start)).replace("{end}",
      tidy(Math.min(seconds, view.start + recording.pageLength))).replace("{lead}", this.lead));
  }
}
