// Text to be hidden on the page of the panel: marks what was found, lets the visitor draw, move, size and take away
// boxes over the picture, by pointer and by keys. Nothing is hidden here; "Hide it" tells the server which boxes.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const LEAST_PX = 4; // of a box, on the screen; a click is not a box
  const NEW_SHARE = [0.2, 0.06]; // of what is seen of the picture: a box that is added
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const { words } = window.ecgr1PageWords;

  const part = (name) => document.querySelector(`#p-${name}`);
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const drawing = () => part("draw").getAttribute("aria-pressed") === "true";

  let page = null;
  let places = []; // [left, top, right, bottom] in pixels of the page
  let changing = false; // whether the boxes have handles

  const found = () => (page.text ?? []).map((box) => [...box]);
  const untouched = () => JSON.stringify(places) === JSON.stringify(page.text ?? []);
  const within = ([x0, y0, x1, y1]) => {
    const [width, height] = page.size;
    const side = (value, most) => Math.round(Math.max(0, Math.min(most, value)));
    return [side(x0, width), side(y0, height), side(x1, width), side(y1, height)];
  };
  const perPx = () => page.size[0] / Math.max(1, part("stage").clientWidth);
  const place = ({ clientX, clientY }) => {
    const box = part("stage").getBoundingClientRect();
    return [((clientX - box.left) / box.width) * page.size[0], ((clientY - box.top) / box.height) * page.size[1]];
  };

  // What stands over the picture: outlines always, handles while they are changed
  const handle = (kind, at, label, at_x, at_y) => {
    const button = Object.assign(document.createElement("button"), { type: "button", className: `place ${kind} ${kind === "move" ? "" : "grip"}`.trim() });
    button.dataset.place = at;
    button.setAttribute("aria-label", label);
    if (kind !== "take") button.setAttribute("aria-describedby", "p-box-help");
    if (kind === "take") button.textContent = "×";
    button.style.left = `${(100 * at_x) / page.size[0]}%`;
    button.style.top = `${(100 * at_y) / page.size[1]}%`;
    return button;
  };
  const draw = () => {
    if (!page) return;
    const outlines = document.querySelector("#p-stage g.places");
    outlines.replaceChildren(...places.map(([x0, y0, x1, y1]) => {
      const rect = document.createElementNS(SVG, "rect");
      for (const [key, value] of Object.entries({ x: x0, y: y0, width: x1 - x0, height: y1 - y0 })) rect.setAttribute(key, value);
      return rect;
    }));
    const had = document.activeElement?.closest?.("#p-places .place");
    const again = had && [had.classList[1], had.dataset.place];
    part("places").replaceChildren(...(changing ? places : []).flatMap(([x0, y0, x1, y1], at) => {
      const told = { number: at + 1, x: x0, y: y0, width: x1 - x0, height: y1 - y0 };
      const move = handle("move", at, fill(words.box_at, told), x0, y0);
      move.style.width = `${(100 * (x1 - x0)) / page.size[0]}%`;
      move.style.height = `${(100 * (y1 - y0)) / page.size[1]}%`;
      return [move, handle("size", at, fill(words.box_size, told), x1, y1), handle("take", at, fill(words.box_remove, told), x1, y0)];
    }));
    if (again) part("places").querySelector(`.${again[0]}[data-place="${again[1]}"]`)?.focus({ preventScroll: true });
    part("scroll").classList.toggle("drawing", drawing());
    part("box-help").hidden = !changing;
    part("hide").disabled = places.length === 0;
    part("hide").textContent = !changing && places.length && untouched() ? words.hide_found : words.hide_these;
    part("clear").disabled = untouched() && !changing;
  };

  const set = (at, box) => {
    places = places.map((old, index) => (index === at ? within(box) : old));
    draw();
  };
  const take = (at) => {
    places.splice(at, 1);
    draw();
    const left = part("places").querySelectorAll(".move");
    (left[Math.min(at, left.length - 1)] ?? part("add")).focus();
  };
  const moved = (box, [dx, dy]) => {
    const [width, height] = page.size;
    const x = Math.max(-box[0], Math.min(width - box[2], dx));
    const y = Math.max(-box[1], Math.min(height - box[3], dy));
    return [box[0] + x, box[1] + y, box[2] + x, box[3] + y];
  };
  const sized = ([x0, y0, x1, y1], [dx, dy]) => {
    const least = LEAST_PX * perPx();
    return [x0, y0, Math.max(x0 + least, x1 + dx), Math.max(y0 + least, y1 + dy)];
  };

  const follow = (begin, move, end = () => {}) => {
    const from = place(begin);
    const go = (event) => move(place(event), from);
    const stop = (event) => {
      window.removeEventListener("pointermove", go);
      window.removeEventListener("pointerup", stop);
      window.removeEventListener("pointercancel", stop);
      end(event);
    };
    window.addEventListener("pointermove", go);
    window.addEventListener("pointerup", stop);
    window.addEventListener("pointercancel", stop);
  };
  const pressed = (event) => {
    if (event.button !== 0 || !page || event.target.closest(".corner")) return;
    const button = event.target.closest(".place");
    if (button?.classList.contains("take")) return;
    if (button && !(drawing() && button.classList.contains("move"))) {
      event.preventDefault();
      button.focus();
      const at = Number(button.dataset.place);
      const box = places[at];
      const change = button.classList.contains("size") ? sized : moved;
      follow(event, (to, from) => set(at, change(box, [to[0] - from[0], to[1] - from[1]])));
    } else if (drawing() && event.target.closest("#p-stage")) {
      event.preventDefault();
      let at = -1;
      follow(event, (to, from) => {
        const box = [Math.min(from[0], to[0]), Math.min(from[1], to[1]), Math.max(from[0], to[0]), Math.max(from[1], to[1])];
        if (at < 0 && Math.min(box[2] - box[0], box[3] - box[1]) < LEAST_PX * perPx()) return;
        if (at < 0) at = places.push(box) - 1;
        set(at, box);
      });
    }
  };
  const keyed = (event) => {
    const button = event.target.closest(".place");
    if (!button) return;
    const at = Number(button.dataset.place);
    if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      take(at);
    } else if (event.key in ARROWS && !button.classList.contains("take")) {
      event.preventDefault();
      event.stopPropagation();
      const step = (event.shiftKey ? 10 : 1) * Math.max(1, perPx());
      const change = button.classList.contains("size") ? sized : moved;
      set(at, change(places[at], ARROWS[event.key].map((value) => value * step)));
    }
  };

  const add = () => {
    const [stage, seen] = [part("stage"), part("scroll")].map((one) => one.getBoundingClientRect());
    const sides = ["left", "top", "right", "bottom"].map((side) => (/left|top/.test(side) ? Math.max : Math.min)(stage[side], seen[side]));
    const [x0, y0] = place({ clientX: sides[0], clientY: sides[1] });
    const [x1, y1] = place({ clientX: sides[2], clientY: sides[3] });
    const half = [(NEW_SHARE[0] * (x1 - x0)) / 2, (NEW_SHARE[1] * (y1 - y0)) / 2];
    const middle = [(x0 + x1) / 2, (y0 + y1) / 2];
    places.push(within([middle[0] - half[0], middle[1] - half[1], middle[0] + half[0], middle[1] + half[1]]));
    changing = true;
    draw();
    part("places").querySelector(`.move[data-place="${places.length - 1}"]`).focus();
  };
  const stop = () => {
    changing = false;
    part("draw").setAttribute("aria-pressed", "false");
  };
  const clicks = {
    "p-hide": () => {
      window.ecgr1Page.told = JSON.stringify({ hide: places });
      document.querySelector("#page-hide").click();
    },
    "p-draw": () => { changing = changing || drawing(); draw(); }, // the panel has pressed it
    "p-add": add,
    "p-around": () => { places = page.around.map((box) => [...box]); stop(); draw(); }, // too many for handles,
    "p-clear": () => { places = found(); stop(); draw(); },
  };

  const listen = (panel) => {
    panel.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button?.classList.contains("take")) take(Number(button.dataset.place));
      else if (button) clicks[button.id]?.();
    });
    panel.addEventListener("pointerdown", pressed);
    panel.addEventListener("keydown", keyed);
  };
  const show = (data) => {
    page = data;
    places = found();
    stop();
    part("text").textContent = page.said;
    part("text").classList.toggle("found", places.length > 0);
    part("around").hidden = !page.around?.length;
  };

  window.ecgr1PageHiding = { listen, show, draw, state: () => ({ places, changing }) };
})();
