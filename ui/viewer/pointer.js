// Mouse, pen and fingers on the trace: read-out, calipers, panning, zooming, and a click on the name of a lead.

const GRAB_PX = 9;
const DRAG_PX = 3;

class Pointer {
  constructor(viewer) {
    this.viewer = viewer;
    this.down = null;
    this.fingers = new Map();
    const { stage } = viewer;
    stage.addEventListener("pointerdown", (event) => this.press(event));
    stage.addEventListener("pointermove", (event) => this.move(event));
    stage.addEventListener("pointerup", (event) => this.release(event));
    stage.addEventListener("pointercancel", (event) => this.release(event));
    // A drag is never a selection of the words below; the stage takes the focus without moving the page.
    stage.addEventListener("mousedown", (event) => {
      event.preventDefault();
      stage.focus({ preventScroll: true });
    });
    stage.addEventListener("pointerleave", () => viewer.hover(null));
    stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  // Where an event is: pixels in the stage, millimetres on the sheet, row, cell, and the point there.
  at(event) {
    const { viewer } = this;
    const box = viewer.stage.getBoundingClientRect();
    const px = [event.clientX - box.left, event.clientY - box.top];
    const [x, y] = viewer.mmOf(px);
    const row = rowAt(viewer.sheet, y);
    const cell = viewer.sheet.superimposed ? this.nearest(row, x, y) : cellAt(row, x);
    return { px, x, y, row, cell, time: timeOfX(cell, x), mv: mvOfY(viewer.sheet, row, y) };
  }

  nearest(row, x, y) {
    const { sheet } = this.viewer;
    const under = row.cells.filter((cell) => cell.values !== null && x >= cell.x - 5 && x <= xOfTime(cell, cell.end) + 5);
    const apart = (cell) => {
      const sample = sampleNear(cell, timeOfX(cell, x));
      return sample ? Math.abs(yOfMv(sheet, row, sample.mv) - y) : Infinity;
    };
    return under.sort((a, b) => apart(a) - apart(b))[0] ?? row.cells[0];
  }

  // The point for a caliper's end: where the pointer is, or what is near it on the trace.
  point(caliperCell, place) {
    const { viewer } = this;
    const time = timeOfX(caliperCell, place.x);
    return viewer.view.snap ? snapped(viewer.sheet, viewer.recording.marks, caliperCell, time) : { time, mv: place.mv };
  }

  // The end of a caliper under the pointer: [caliper's number, end] or null.
  endUnder(px) {
    const { viewer } = this;
    for (let number = viewer.calipers.list.length - 1; number >= 0; number -= 1) {
      const caliper = viewer.calipers.list[number];
      const place = viewer.calipers.placeOn(viewer.sheet, caliper);
      if (place === null) continue;
      for (const end of [1, 0]) {
        const { time, mv } = caliper.ends[end];
        const [x, y] = viewer.pxOf(xOfTime(place[1], time), yOfMv(viewer.sheet, place[0], mv));
        if (Math.hypot(x - px[0], y - px[1]) <= GRAB_PX) return [number, end];
      }
    }
    return null;
  }

  press(event) {
    const { viewer } = this;
    if (!viewer.sheet || event.button > 0) return;
    this.fingers.set(event.pointerId, event);
    if (this.fingers.size === 2) {
      this.down = { kind: "pinch", apart: this.apart() };
      return;
    }
    const place = this.at(event);
    const label = viewer.labelAt(place.px);
    const grabbed = this.endUnder(place.px);
    viewer.stage.setPointerCapture(event.pointerId);
    if (grabbed && !this.waiting) {
      [viewer.calipers.active, viewer.calipers.end] = grabbed;
      this.down = { kind: "end", px: place.px };
    } else if (label && !this.waiting) {
      this.down = { kind: "label", lead: label.lead };
    } else if (viewer.view.caliper) {
      if (this.waiting) {
        this.waiting = false;
        this.down = { kind: "end", px: place.px };
        this.move(event);
        return;
      }
      viewer.calipers.begin(viewer.sheet, place.row, place.cell, this.point(place.cell, place));
      this.down = { kind: "new", px: place.px };
    } else {
      this.down = { kind: "pan", px: place.px, start: viewer.view.start, left: viewer.scroller.scrollLeft, top: viewer.scroller.scrollTop };
    }
    viewer.paintOver();
  }

  move(event) {
    const { viewer, down } = this;
    if (!viewer.sheet) return;
    if (this.fingers.has(event.pointerId)) this.fingers.set(event.pointerId, event);
    const place = this.at(event);
    if (down?.kind === "pinch") {
      const apart = this.apart();
      viewer.zoomBy(apart / down.apart, place.px);
      down.apart = apart;
    } else if (down?.kind === "pan") {
      this.pan(event, place.px);
    } else if (down?.kind === "end" || down?.kind === "new" || this.waiting) {
      const { current } = viewer.calipers;
      const found = current && viewer.calipers.placeOn(viewer.sheet, current);
      if (found) current.ends[viewer.calipers.end] = this.point(found[1], place);
      viewer.paintOver();
    }
    viewer.hover(place);
  }

  pan(event, px) {
    const { viewer, down } = this;
    const dx = px[0] - down.px[0];
    const room = viewer.scroller.scrollWidth > viewer.scroller.clientWidth + 1;
    viewer.scroller.scrollLeft = down.left - dx;
    if (event.pointerType === "mouse") viewer.scroller.scrollTop = down.top - (px[1] - down.px[1]);
    if (!room && Math.abs(dx) > DRAG_PX && viewer.sheet.kind === "page") {
      viewer.setStart(down.start - dx / viewer.pxPerMm / viewer.view.speed);
    }
  }

  release(event) {
    const { viewer, down } = this;
    this.fingers.delete(event.pointerId);
    this.down = null;
    if (!down || !viewer.sheet) return;
    if (down.kind === "label") viewer.chooseLead(down.lead);
    if (down.kind === "new") {
      const place = this.at(event);
      // A click sets the first end and lets the second follow the pointer until the next click.
      this.waiting = Math.hypot(place.px[0] - down.px[0], place.px[1] - down.px[1]) < DRAG_PX;
    }
    viewer.paintOver();
    viewer.tellCalipers();
  }

  apart() {
    const [a, b] = [...this.fingers.values()];
    return Math.max(1, Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY));
  }

  wheel(event) {
    const { viewer } = this;
    if (!viewer.sheet || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    const box = viewer.stage.getBoundingClientRect();
    viewer.zoomBy(Math.exp(-event.deltaY / 300), [event.clientX - box.left, event.clientY - box.top]);
  }
}
