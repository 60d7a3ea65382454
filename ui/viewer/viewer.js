// The viewer: what is shown and how, the controls around it, and what the rest of the page may ask of it
// (`window.ecgr1Viewer`). Every switch is made here, in the browser, from data that came once.

const SELECTS = ["view", "layout", "order", "speed", "gain", "band", "notch", "prior"];
const TOGGLES = ["caliper", "march", "snap", "marks"];
const MOST_ZOOM = 24;
const LEAST_WIDTH_PX = 720;

class Viewer {
  constructor(root) {
    this.root = root;
    this.words = window.ecgr1ViewerWords;
    this.recording = null;
    this.prior = null;
    this.sheet = null;
    this.calipers = new Calipers();
    this.highlighted = null;
    this.chosenLead = null;
    this.draws = 0;
    this.stage = this.part("stage");
    this.scroller = this.part("scroll");
    [this.base, this.over] = this.stage.querySelectorAll("canvas");
    this.view = { start: 0, zoom: 1, trueSize: false };
    for (const name of SELECTS) this.view[name] = this.valueOf(name);
    for (const name of TOGGLES) this.view[name] = this.part(name).getAttribute("aria-pressed") === "true";
    this.overview = new Overview(this.part("overview"), this);
    this.rest = new Rest(this);
    this.pointer = new Pointer(this);
    this.keys = new Keys(this);
    this.listen();
  }

  part(name) { return this.root.querySelector(`#v-${name}`); }

  valueOf(name) {
    const { value } = this.part(name);
    return ["speed", "gain"].includes(name) ? Number(value) : value;
  }

  listen() {
    for (const name of SELECTS) this.part(name).addEventListener("change", () => this.change({ [name]: this.valueOf(name) }));
    for (const name of TOGGLES) this.part(name).addEventListener("click", () => this.toggle(name));
    const clicks = {
      "zoom-in": () => this.zoomBy(1.25), "zoom-out": () => this.zoomBy(0.8), fit: () => this.fit(),
      true: () => this.trueSize(), keys: () => this.keys.sheet.showModal(), keep: () => this.keepPrior(),
      back: () => this.setStart(this.view.start - this.recording.pageLength),
      forward: () => this.setStart(this.view.start + this.recording.pageLength),
    };
    for (const [name, act] of Object.entries(clicks)) this.part(name).addEventListener("click", act);
    this.part("start").addEventListener("change", (event) => this.setStart(Number(event.target.value)));
    this.scroller.addEventListener("scroll", () => this.schedule(false));
    new ResizeObserver(() => {
      if (Math.abs(this.root.clientWidth - (this.drawnWidth ?? 0)) > 1) this.schedule(false);
    }).observe(this.root);
    new MutationObserver(() => { this.colours = null; this.schedule(false); }).observe(document.body, { attributes: true, attributeFilter: ["class"] });
    this.part("list").addEventListener("click", (event) => {
      const id = Number(event.target.closest("li")?.dataset.id);
      if (event.target.closest("button")) this.calipers.remove(id);
      else if (id) this.calipers.active = this.calipers.list.findIndex((caliper) => caliper.id === id);
      this.paintOver();
      if (event.target.tagName !== "SELECT") this.tellCalipers();
    });
    this.part("list").addEventListener("change", (event) => {
      this.calipers.list.find(({ id }) => id === Number(event.target.closest("li").dataset.id)).role = event.target.value;
      this.tellCalipers();
    });
  }

  open(recording) {
    this.recording = recording;
    this.view.start = 0;
    this.part("start").value = "0";
    this.calipers.clear();
    this.pointer.waiting = false;
    this.highlighted = null;
    this.chosenLead = null;
    for (const [name, filter] of Object.entries(this.recording.filters.notches)) {
      this.part("notch").querySelector(`[value="${name}"]`).disabled = filter === null;
      if (filter === null && this.view.notch === name) this.view.notch = this.part("notch").value = "off";
    }
    this.scroller.scrollTo(0, 0);
    this.refilter();
    this.tellCalipers();
    this.tellPrior();
    this.draw(true);
    document.dispatchEvent(new CustomEvent("ecgr1:opened"));
    requestAnimationFrame(() => window.setTimeout(() => this.rest.begin())); // the first page is painted before
  }

  setMarks(marks) {
    if (this.recording?.id !== marks.id) return;
    this.recording.marks = marks;
    this.draw(true);
  }

  refilter() {
    this.recording.setFilters(this.view.band, this.view.notch);
    this.prior?.setFilters(this.view.band, this.view.notch);
    this.rest.ahead();
  }

  // Takes any part of `state().view`; what this recording, this screen or this program does not have is left as it is.
  change(asked) {
    const changes = Object.fromEntries(Object.entries(asked).filter(([name, value]) => this.allows(name, value)));
    if ("zoom" in changes && !("trueSize" in changes)) changes.trueSize = false;
    if ("start" in changes && this.recording) changes.start = this.clamped(changes.start);
    Object.assign(this.view, changes);
    for (const name of SELECTS) if (name in changes) this.part(name).value = String(this.view[name]);
    for (const name of TOGGLES) if (name in changes) this.part(name).setAttribute("aria-pressed", String(this.view[name]));
    this.part("start").value = tidy(this.view.start);
    this.stage.classList.toggle("measuring", this.view.caliper);
    if (!this.recording) return;
    if ("band" in changes || "notch" in changes) this.refilter();
    if ("view" in changes) this.scroller.scrollTo(0, 0);
    this.draw(true);
  }

  allows(name, value) {
    if (name === "trueSize") return !value || storedPxPerMm() !== null;
    if (["start", "zoom"].includes(name)) return Number.isFinite(value) && value >= 0;
    if (TOGGLES.includes(name)) return typeof value === "boolean";
    if (name === "prior" && this.part("prior").closest("[hidden]")) return value === "off";
    return SELECTS.includes(name) && [...this.part(name).options].some((option) => option.value === String(value) && !option.disabled);
  }

  toggle(name) {
    const on = !this.view[name];
    if (name === "caliper" && !on) this.pointer.waiting = false;
    this.change({ [name]: on, ...(name === "march" && on ? { caliper: true } : {}) });
  }

  step(name) {
    const options = [...this.part(name).options].filter((option) => !option.disabled && (name !== "layout" || option.parentElement.tagName === "SELECT"));
    const at = options.findIndex((option) => option.value === String(this.view[name]));
    const next = options[(at + 1) % options.length]?.value;
    if (next !== undefined && !this.part(name).closest("[hidden]")) this.change({ [name]: ["speed", "gain"].includes(name) ? Number(next) : next });
  }

  get isLong() { return this.recording !== null && this.recording.duration > this.recording.pageLength; }

  setStart(time) {
    const start = this.clamped(time);
    this.part("start").value = tidy(start);
    if (start !== this.view.start) {
      this.view.start = start;
      this.schedule(true);
    }
  }

  clamped(time) {
    const most = Math.max(0, this.recording.duration - this.recording.pageLength);
    return Math.round(Math.max(0, Math.min(most, Number.isFinite(time) ? time : 0)) * 1000) / 1000;
  }

  left(direction) {
    const { scroller } = this;
    if (scroller.scrollWidth > scroller.clientWidth + 1) scroller.scrollLeft += direction * scroller.clientWidth * 0.5;
    else if (this.isLong) this.setStart(this.view.start + direction * this.recording.pageLength);
  }

  zoomBy(factor, px = [this.scroller.clientWidth / 2, this.scroller.clientHeight / 2]) {
    if (!this.sheet) return;
    const [x, y] = this.mmOf(px);
    const zoom = Math.max(0.25, Math.min(MOST_ZOOM, (this.pxPerMm / this.fitPxPerMm) * factor));
    this.change({ zoom: Math.abs(zoom - 1) < 0.02 ? 1 : zoom });
    this.scroller.scrollTo(x * this.pxPerMm - px[0], y * this.pxPerMm - px[1]);
    this.draw(false);
  }

  fit() { this.change({ zoom: 1 }); }

  trueSize() {
    if (storedPxPerMm() === null) this.keys.measureScreen();
    else this.change({ trueSize: !this.view.trueSize });
  }

  escape() {
    this.pointer.waiting = false;
    this.calipers.clear();
    this.clearHighlight();
    this.tellCalipers();
  }

  keepPrior() {
    if (!this.recording) return;
    this.prior = this.recording;
    this.priorName = document.querySelector("#case .name")?.textContent ?? "";
    this.tellPrior();
  }

  tellPrior() {
    const ready = this.prior !== null && this.prior !== this.recording;
    this.part("prior").closest("label").hidden = !ready;
    if (!ready) this.view.prior = this.part("prior").value = "off";
    else if (this.view.prior === "off") this.view.prior = this.part("prior").value = "overlay";
    this.part("prior-note").textContent = this.prior === null ? "" :
      (ready ? this.words.prior_is : this.words.prior_kept).replace("{name}", this.priorName);
  }

  get shownPrior() { return this.prior !== this.recording ? this.prior : null; }

  schedule(anew) {
    this.anew ||= anew;
    this.pending ??= requestAnimationFrame(() => this.draw(this.anew));
  }

  makeSheet() {
    const { recording, view, words, shownPrior: prior } = this;
    const medians = view.view !== "page" && recording.isWhole; // a median needs every beat; until then it is the page
    const made = medians ? medianSheet(recording, prior, view, words) : null;
    this.part("no-median").hidden = made !== null || !medians;
    this.sheet = made ?? pageSheet(recording, prior, { ...view, lost: this.rest.lost }, words);
    this.sheet.chosenLead = this.chosenLead;
  }

  draw(anew) {
    cancelAnimationFrame(this.pending);
    this.pending = undefined;
    this.anew = false;
    if (!this.recording || !this.root.clientWidth) return;
    if (anew || !this.sheet) this.makeSheet();
    this.size();
    this.colours ??= coloursOf(this.root);
    const ratio = window.devicePixelRatio;
    this.painter = new Painter(this.base, this.sheet, {
      scale: this.pxPerMm * ratio, x: this.scroller.scrollLeft / this.pxPerMm, y: this.scroller.scrollTop / this.pxPerMm,
      ratio, colours: this.colours, constants: this.recording.constants,
    });
    this.painter.paintPage({ marks: this.recording.marks, highlight: this.highlighted, showMarks: this.view.marks, words: this.words });
    this.paintOver();
    this.overview.paint();
    if (anew) this.tell();
    this.draws += 1;
  }

  // Fits the scrolled area, the stage and its canvases to the sheet; a page at zoom 1 is as wide as the box.
  size() {
    const { sheet, root, scroller, stage } = this;
    this.drawnWidth = root.clientWidth;
    const least = this.recording.constants.least_width_mm;
    this.fitPxPerMm = Math.max(LEAST_WIDTH_PX, root.clientWidth) / least;
    this.pxPerMm = this.view.trueSize ? storedPxPerMm() : this.fitPxPerMm * this.view.zoom;
    const width = Math.floor(sheet.width * this.pxPerMm + 0.01);
    const height = Math.floor(sheet.height * this.pxPerMm);
    const most = Math.max(sheet.height * this.fitPxPerMm, window.innerHeight * 0.75);
    const bar = width > root.clientWidth ? scroller.offsetHeight - scroller.clientHeight : 0;
    const high = `${Math.min(height, Math.ceil(most)) + bar}px`;
    if (scroller.style.height !== high) scroller.style.height = high;
    const spacer = stage.parentElement.style;
    if (spacer.width !== `${width}px`) spacer.width = `${width}px`;
    if (spacer.height !== `${height}px`) spacer.height = `${height}px`;
    const shown = [Math.min(width, scroller.clientWidth), Math.min(height, scroller.clientHeight)];
    stage.style.width = `${shown[0]}px`;
    stage.style.height = `${shown[1]}px`;
    const ratio = window.devicePixelRatio;
    const [w, h] = shown.map((length) => Math.round(length * ratio));
    for (const canvas of [this.base, this.over]) {
      if (canvas.width !== w) canvas.width = w;
      if (canvas.height !== h) canvas.height = h;
    }
  }

  paintOver() {
    if (!this.sheet || !this.painter) return;
    const pen = this.over.getContext("2d");
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, this.over.width, this.over.height);
    const painter = new Painter(this.over, this.sheet, this.painter);
    if (this.hovered) {
      const [x, y] = [painter.px(this.hovered.x), painter.py(this.hovered.y)];
      pen.beginPath();
      pen.arc(x, y, 3.5 * painter.ratio, 0, 2 * Math.PI);
      pen.fillStyle = this.colours.caliper;
      pen.fill();
    }
    paintCalipers(painter, this.calipers, this.view.march);
  }

  mmOf([x, y]) { return [(x + this.scroller.scrollLeft) / this.pxPerMm, (y + this.scroller.scrollTop) / this.pxPerMm]; }

  pxOf(x, y) { return [x * this.pxPerMm - this.scroller.scrollLeft, y * this.pxPerMm - this.scroller.scrollTop]; }

  labelAt([x, y]) {
    const { ratio } = this.painter;
    return this.painter.labels.find((label) => x * ratio >= label.x - 3 && x * ratio <= label.x + label.width + 3 &&
      y * ratio >= label.y - 3 && y * ratio <= label.y + label.height + 3);
  }

  hover(place) {
    const sample = place && sampleNear(place.cell, place.time);
    const { words } = this;
    this.hovered = sample && { x: xOfTime(place.cell, sample.time), y: yOfMv(this.sheet, place.row, sample.mv) };
    this.part("hover").textContent = !sample ? words.hover_none :
      `${place.cell.name}   ${sample.time.toFixed(3)} s   ${signed(sample.mv, 3)} mV`;
    this.stage.classList.toggle("on-label", Boolean(place && this.labelAt(place.px)));
    if (this.sheet.superimposed && sample && this.sheet.chosenLead !== place.cell.lead) {
      this.sheet.chosenLead = place.cell.lead;
      this.schedule(false);
    } else this.paintOver();
  }

  caliperInTheMiddle() {
    const [x, y] = this.mmOf([this.scroller.clientWidth / 2, this.scroller.clientHeight / 2]);
    const row = rowAt(this.sheet, y);
    const cell = cellAt(row, x);
    const time = timeOfX(cell, x);
    const caliper = this.calipers.begin(this.sheet, row, cell, { time, mv: sampleNear(cell, time)?.mv ?? 0 });
    const other = time + 5 / cell.speed;
    caliper.ends[1] = { time: other, mv: sampleNear(cell, other)?.mv ?? 0 };
    this.paintOver();
    this.tellCalipers();
  }

  chooseLead(lead) {
    this.chosenLead = lead;
    this.sheet.chosenLead = lead;
    this.draw(false);
    document.dispatchEvent(new CustomEvent("ecgr1:lead", { detail: { lead } }));
  }

  stepLead(direction) {
    const leads = [...new Set(this.sheet.rows.flatMap((row) => row.cells.map((cell) => cell.lead)))];
    const at = leads.indexOf(this.chosenLead);
    this.chooseLead(leads[at < 0 ? 0 : (at + direction + leads.length) % leads.length]);
  }

  tell() { tellSheet(this); }

  tellCalipers() { tellCalipers(this); }

  // Lights leads, spans of time and beats (by number); brings the first of them into view. Returns the leads shown.
  highlight({ leads = [], intervals = [], beats = [] } = {}) {
    if (!this.recording) return [];
    this.highlighted = { leads, intervals, beats };
    const first = Math.min(...intervals.map(({ start_s: start }) => start),
      ...(this.recording.marks?.beats ?? []).filter((beat) => beats.includes(beat[0])).map((beat) => beat[2]));
    if (this.isLong && Number.isFinite(first) && (first < this.view.start || first > this.view.start + this.recording.pageLength - 0.5)) {
      this.setStart(Math.max(0, first - 1));
    }
    this.draw(true);
    const place = this.sheet.rows.flatMap((row) => row.cells.map((cell) => [row, cell])).find(([, cell]) =>
      (!leads.length || leads.includes(cell.lead)) && (!Number.isFinite(first) || (first >= cell.start && first <= cell.end)));
    if (place) {
      const [x, y] = [xOfTime(place[1], Number.isFinite(first) ? first : place[1].start), place[0].top];
      const [px, py] = this.pxOf(x, y);
      const { scroller } = this;
      if (px < 0 || px > scroller.clientWidth * 0.9) scroller.scrollLeft += px - scroller.clientWidth * 0.3;
      if (py < 0 || py > scroller.clientHeight * 0.8) scroller.scrollTop += py - 20;
      const box = scroller.getBoundingClientRect();
      if (box.bottom < 60 || box.top > window.innerHeight - 60) scroller.scrollIntoView({ block: "nearest" });
    }
    const shown = new Set(this.sheet.rows.flatMap((row) => row.cells.map((cell) => cell.lead)));
    return leads.filter((lead) => shown.has(lead));
  }

  clearHighlight() {
    this.highlighted = null;
    this.chosenLead = null;
    if (this.sheet) this.sheet.chosenLead = null;
    this.draw(false);
  }

  // What tests and the benchmark look at.
  state() {
    return {
      view: { ...this.view }, px_per_mm: this.pxPerMm, draws: this.draws, sheet: this.sheet, labels: this.painter?.labels ?? [],
      scroll: [this.scroller.scrollLeft, this.scroller.scrollTop], highlighted: this.highlighted,
      whole: this.recording?.isWhole ?? false, arrived: this.recording?.arrived ?? [],
      calipers: this.calipers.list.map((caliper) => ({ ...caliper, read: this.calipers.read(this.sheet, caliper) })),
    };
  }
}

(function start() {
  const root = document.querySelector("#viewer");
  const [recording, marks] = ["#trace-data", "#trace-marks"].map((name) => document.querySelector(name));
  if (!root || !recording || !marks) return void window.setTimeout(start, 50);
  const viewer = new Viewer(root);
  let opening = Promise.resolve(); // what comes while a recording is unpacked waits for it
  const next = (act) => { opening = opening.then(act).catch((error) => window.reportError(error)); };
  let busy = 0;
  const open = (data) => {
    busy += 1;
    next(async () => {
      try { viewer.open(await Recording.from(data)); } finally { busy -= 1; }
    });
  };
  window.ecgr1Viewer = {
    highlight: (what) => viewer.highlight(what),
    clear: () => viewer.clearHighlight(),
    state: () => viewer.state(),
    signal: (lead) => (viewer.recording.isWhole ? viewer.recording.signal(lead) : null),
    wanted: () => viewer.rest.wanted(),
    change: (changes) => (busy ? next(() => viewer.change(changes)) : viewer.change(changes)),
  };
  const follow = (holder, take) => {
    let taken = null;
    const look = () => {
      const text = holder.querySelector(".data")?.textContent;
      if (!text || text === taken) return;
      taken = text;
      take(JSON.parse(text));
    };
    new MutationObserver(look).observe(holder, { childList: true, subtree: true, characterData: true });
    look();
  };
  follow(recording, open);
  follow(marks, (data) => next(() => viewer.setMarks(data)));
  const more = document.querySelector("#trace-segments");
  if (more) follow(more, (data) => next(() => viewer.rest.take(data)));
})();
