// Hot-keys, the sheet that lists them, and the dialog that measures the screen with a bank card.
// Only the pixels of a millimetre and the reach of the keys are kept in this browser; nothing of a recording is.

const CARD_MM = 85.6; // ID-1, ISO/IEC 7810
const SCREEN_KEY = "ecgr1-px-per-mm";
const REACH_KEY = "ecgr1-keys";

function storedPxPerMm() {
  const stored = Number(localStorage.getItem(SCREEN_KEY));
  return stored > 1 && stored < 60 ? stored : null;
}

class Keys {
  constructor(viewer) {
    this.viewer = viewer;
    this.sheet = viewer.part("keys-sheet");
    this.everywhere = this.sheet.querySelector("input");
    this.everywhere.checked = localStorage.getItem(REACH_KEY) !== "trace";
    this.everywhere.addEventListener("change", () => localStorage.setItem(REACH_KEY, this.everywhere.checked ? "page" : "trace"));
    document.addEventListener("keydown", (event) => this.press(event));
    this.cardDialog();
  }

  // Single keys work on the trace, and on the page while nothing that takes text or choices has the focus.
  heard(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return false;
    if (document.querySelector("dialog[open]")) return false;
    const { target } = event;
    if (target.closest?.("input, textarea, select, [contenteditable], [role=option], [role=listbox], [role=slider]")) return false;
    if (target.closest?.("#viewer")) return !(target.closest("button") && [" ", "Enter"].includes(event.key));
    const kept = this.viewer.root.closest("[data-keys=trace]"); // a page that has single keys of its own
    return !kept && this.everywhere.checked && target === document.body;
  }

  press(event) {
    const { viewer } = this;
    if (!viewer.recording || !this.heard(event)) return;
    const act = this.caliperKey(event) ?? this.action(event);
    if (!act) return;
    event.preventDefault();
    act();
  }

  action({ key }) {
    const { viewer } = this;
    const page = () => viewer.recording.pageLength;
    return {
      c: () => viewer.toggle("caliper"), m: () => viewer.toggle("march"), n: () => viewer.toggle("snap"),
      o: () => viewer.toggle("marks"), "+": () => viewer.zoomBy(1.25), "=": () => viewer.zoomBy(1.25),
      "-": () => viewer.zoomBy(0.8), 0: () => viewer.fit(), t: () => viewer.trueSize(),
      l: () => viewer.step("layout"), s: () => viewer.step("speed"), g: () => viewer.step("gain"),
      f: () => viewer.step("band"), h: () => viewer.step("notch"), r: () => viewer.step("order"),
      b: () => viewer.step("view"), p: () => viewer.step("prior"), "]": () => viewer.stepLead(1), "[": () => viewer.stepLead(-1),
      ArrowLeft: () => viewer.left(-1), ArrowRight: () => viewer.left(1),
      PageUp: viewer.isLong ? () => viewer.setStart(viewer.view.start - page()) : null,
      PageDown: viewer.isLong ? () => viewer.setStart(viewer.view.start + page()) : null,
      Escape: () => viewer.escape(), "?": () => this.sheet.showModal(),
    }[key];
  }

  // With calipers on: Enter sets one in the middle of what is seen, arrows move an end, space takes the other end.
  caliperKey(event) {
    const { viewer } = this;
    if (!viewer.view.caliper || !viewer.sheet) return null;
    const { calipers, sheet } = viewer;
    if (event.key === "Enter") return () => viewer.caliperInTheMiddle();
    const found = calipers.current && calipers.placeOn(sheet, calipers.current);
    if (!found) return null;
    if (event.key === " ") return () => { calipers.end = 1 - calipers.end; viewer.paintOver(); };
    if (event.key === "Delete" || event.key === "Backspace") {
      return () => { calipers.remove(calipers.current.id); viewer.paintOver(); viewer.tellCalipers(); };
    }
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (!(event.key in steps)) return null;
    const [right, up] = steps[event.key].map((step) => step * (event.shiftKey ? 10 : 1));
    return () => {
      const end = calipers.current.ends[calipers.end];
      end.time += right / Math.min(500, viewer.recording.rate);
      end.mv += up * 0.01;
      if (viewer.view.snap) end.mv = sampleNear(found[1], end.time)?.mv ?? end.mv;
      viewer.paintOver();
      viewer.tellCalipers();
    };
  }

  cardDialog() {
    const { viewer } = this;
    const dialog = viewer.part("card");
    const slider = dialog.querySelector("input");
    const card = dialog.querySelector(".card");
    const show = () => { card.style.width = `${slider.value}px`; card.style.height = `${(slider.value * 53.98) / CARD_MM}px`; };
    slider.addEventListener("input", show);
    this.measureScreen = () => {
      slider.value = String(Math.round((storedPxPerMm() ?? 96 / 25.4) * CARD_MM));
      show();
      dialog.showModal();
    };
    dialog.addEventListener("close", () => {
      if (dialog.returnValue !== "save") return;
      localStorage.setItem(SCREEN_KEY, String(Number(slider.value) / CARD_MM));
      viewer.change({ trueSize: true });
    });
    viewer.part("recalibrate").addEventListener("click", () => this.measureScreen());
  }
}
