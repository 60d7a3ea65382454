// What is lacking of a recording that came with its first segment only: asked for by pressing `#trace-more`, a few segments
// at a time, those around the page first; the answers stand in `#trace-segments`. A page without these two embeds
// recordings whole.

const SEGMENTS_AT_ONCE = 5;
const PATIENCE_MS = 20_000;
const MOST_TRIES = 3;
const PAUSE_MS = 40; // between two leads that are filtered ahead

class Rest {
  constructor(viewer) {
    this.viewer = viewer;
    this.lost = false;
  }

  begin() {
    this.lost = false;
    this.tries = 0;
    this.ask();
  }

  // Numbers of segments that have not arrived, those nearest to the page first.
  lacking() {
    const { recording, view } = this.viewer;
    const page = (recording.pageSpan(view.start)[0] + recording.pageSpan(view.start)[1]) / 2 / recording.segmentLength - 0.5;
    return recording.arrived.map((there, number) => (there ? -1 : number)).filter((number) => number >= 0)
      .sort((a, b) => Math.abs(a - page) - Math.abs(b - page));
  }

  ask() {
    window.clearTimeout(this.timer);
    const { recording } = this.viewer;
    if (this.lost || recording.isWhole) return;
    const more = document.querySelector("#trace-more");
    if (!more || this.tries >= MOST_TRIES) return void this.lose();
    this.tries += 1;
    this.timer = window.setTimeout(() => this.ask(), PATIENCE_MS);
    more.click();
  }

  // What the page sends with the press.
  wanted() {
    const { recording } = this.viewer;
    return JSON.stringify({ id: recording?.id ?? "", numbers: recording ? this.lacking().slice(0, SEGMENTS_AT_ONCE) : [] });
  }

  async take({ id, segments }) {
    const { recording } = this.viewer;
    if (!recording || (id && id !== recording.id)) return; // of a recording that was left
    if (!segments.length) return void this.lose();
    const before = recording.isSettled(this.viewer.view.start);
    for (const segment of segments) await recording.take(segment);
    if (recording !== this.viewer.recording) return;
    this.tries = 0;
    if (!before || recording.isWhole) this.viewer.schedule(true);
    this.ahead();
    this.ask();
  }

  // Filters all of each lead, one at a time between other work, once a long recording has come: leafing and median beats
  // then find it done.
  ahead() {
    window.clearTimeout(this.next);
    const { recording } = this.viewer;
    if (!this.viewer.isLong || !recording.isWhole) return;
    const lead = recording.leads.find((name) => !recording.missing.has(name) && !recording.isFiltered(name));
    if (lead === undefined) return;
    this.next = window.setTimeout(() => {
      if (recording !== this.viewer.recording) return;
      recording.signal(lead);
      this.ahead();
    }, PAUSE_MS);
  }

  lose() {
    if (this.viewer.recording.isWhole) return;
    this.lost = true;
    this.viewer.schedule(true);
  }
}
