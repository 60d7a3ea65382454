// The panel of a page that a recording was read off: draws over the picture what was found on it, and gathers what the
// visitor corrects. Nothing is read here; "Read the page again" tells the server (`window.ecgr1Page.corrections()`).
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const UNSURE = 0.5; // confidence below which a box is dashed and says so
  const ZOOMS = [1, 1.5, 2, 3, 4, 6];
  const LABEL_PX = 12;
  const { words, corners: cornerNames } = window.ecgr1PageWords;

  const panel = () => document.querySelector("#page-panel");
  const part = (name) => document.querySelector(`#p-${name}`);
  const isOn = (name) => part(name).getAttribute("aria-pressed") === "true";
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

  let page = null; // the data of the page that is shown
  let sheet = null; // its four corners as they are now, null while they are those of the picture
  let zoom = 1;
  let chosen = null; // the place whose list has the focus

  const wholePicture = () => {
    const [width, height] = page.size;
    return [[0, 0], [width, 0], [width, height], [0, height]];
  };
  const cornersNow = () => sheet ?? wholePicture();
  const placeKey = ({ row, column }) => `${row}-${column}`;
  const element = (name, attributes, parent) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    parent.append(made);
    return made;
  };

  // What the visitor wants to be different from what the page shows; `null` and [] where nothing is said.
  const corrections = () => {
    const said = new Map(page.asked.leads.map(([row, column, lead]) => [placeKey({ row, column }), [row, column, lead]]));
    for (const list of part("leads").querySelectorAll("select")) {
      const piece = page.pieces[Number(list.dataset.piece)];
      if (list.value !== (piece.lead ?? "")) said.set(placeKey(piece), [piece.row, piece.column, list.value || null]);
    }
    return {
      page: Number(part("number").value) || page.number,
      speed: part("speed").value || null,
      gain: part("gain").value || null,
      px_per_mm: part("px_per_mm").value || null,
      corners: sheet,
      leads: [...said.values()],
    };
  };
  const asNumbers = ({ page: number, speed, gain, px_per_mm: scale, corners, leads }) =>
    JSON.stringify([number, Number(speed), Number(gain), Number(scale), corners, leads]);
  const inEffect = () => asNumbers({ page: page.number, ...page.asked });
  const press = (told) => {
    window.ecgr1Page.told = JSON.stringify(told);
    document.querySelector("#page-again").click();
  };

  const tellChanges = () => {
    part("again").disabled = asNumbers(corrections()) === inEffect();
    const names = [...part("leads").querySelectorAll("select")].filter((list) => !list.dataset.strip).map((list) => list.value).filter(Boolean);
    const twice = [...new Set(names.filter((name, at) => names.indexOf(name) < at))];
    part("twice").textContent = twice.length ? fill(words.twice, { leads: twice.join(", ") }) : "";
  };

  // Drawing. Lines and letters keep their size on the screen whatever the zoom.
  const perPx = () => page.size[0] / Math.max(1, part("stage").clientWidth);

  const drawGrid = (place) => {
    if (isOn("grid") && page.grid) element("path", { d: page.grid }, place);
  };
  const drawTraces = (place) => {
    if (!isOn("traces")) return;
    for (const piece of page.pieces) if (piece.trace) element("path", { d: piece.trace }, place);
  };
  const labelOf = (piece) => {
    const given = page.asked.leads.some(([row, column]) => row === piece.row && column === piece.column);
    const name = piece.lead === null ? words.unnamed : piece.lead.replace("-", "−");
    const sure = given ? words.yours : piece.confidence < UNSURE ? `${piece.confidence.toFixed(2)} ${words.unsure}` : piece.confidence.toFixed(2);
    return { name, note: piece.used ? sure : `${sure}, ${words.not_used}`, unsure: !piece.used || (!given && piece.confidence < UNSURE) };
  };
  const drawBoxes = (place) => {
    const scale = perPx();
    page.pieces.forEach((piece, at) => {
      if (!piece.box) return;
      const lit = chosen === placeKey(piece);
      if (!isOn("boxes") && !lit) return;
      const [left, top, right, bottom] = piece.box;
      const { name, note, unsure } = labelOf(piece);
      const group = element("g", { class: `box${unsure ? " unsure" : ""}${lit ? " lit" : ""}`, "data-piece": at }, place);
      element("rect", { x: left, y: top, width: right - left, height: bottom - top }, group);
      const text = element("text", { x: left + 3 * scale, y: top - 4 * scale, "font-size": LABEL_PX * scale, "stroke-width": 3 * scale }, group);
      const bold = document.createElementNS(SVG, "tspan");
      bold.setAttribute("class", "name");
      bold.textContent = name;
      text.append(bold, ` ${note}`);
    });
  };
  const drawSheet = (place) => {
    const on = isOn("corners");
    part("corner-help").hidden = !on;
    const corners = cornersNow();
    if (on) element("path", { d: `M${corners.map((corner) => corner.join(" ")).join("L")}Z` }, place);
    for (const button of panel().querySelectorAll(".corner")) {
      const [x, y] = corners[Number(button.dataset.corner)];
      button.hidden = !on;
      button.style.left = `${(100 * x) / page.size[0]}%`;
      button.style.top = `${(100 * y) / page.size[1]}%`;
      button.setAttribute("aria-label", fill(words.corner_at, { name: cornerNames[Number(button.dataset.corner)], x: Math.round(x), y: Math.round(y) }));
    }
  };
  const LAYERS = { grid: drawGrid, traces: drawTraces, boxes: drawBoxes, sheet: drawSheet };
  const draw = (...layers) => {
    if (!page) return;
    part("stage").style.width = `${100 * zoom}%`;
    const svg = panel().querySelector("svg");
    for (const name of layers.length ? layers : Object.keys(LAYERS)) {
      const place = svg.querySelector(`g.${name}`);
      place.replaceChildren();
      LAYERS[name](place);
    }
    if (!layers.length) window.ecgr1PageHiding.draw();
  };

  // Lists of the form
  const options = (list, choices, value) => list.replaceChildren(...choices.map(([key, name]) => new Option(name, key, false, key === value)));
  const fillForm = () => {
    const { asked, choices } = page;
    const numbers = Array.from({ length: page.pages }, (_, at) => [String(at + 1), String(at + 1)]);
    options(part("number"), numbers, String(page.number));
    part("number").closest("label").hidden = page.pages < 2;
    options(part("speed"), choices.speed, asked.speed === null ? "" : String(asked.speed));
    options(part("gain"), choices.gain, asked.gain === null ? "" : String(asked.gain));
    part("px_per_mm").value = asked.px_per_mm ?? "";
    part("px_per_mm").closest("label").hidden = Boolean(page.grid) && asked.px_per_mm === null;
    const rows = new Map();
    for (const piece of page.pieces) rows.set(piece.row, [...(rows.get(piece.row) ?? []), piece]);
    const widest = Math.max(...[...rows.values()].map((pieces) => pieces.length), 1);
    part("leads").replaceChildren(...[...rows.values()].map((pieces) => {
      const line = document.createElement("div");
      for (const piece of pieces) {
        const list = document.createElement("select");
        list.dataset.piece = page.pieces.indexOf(piece);
        if (pieces.length === 1 && widest > 1) list.dataset.strip = "yes"; // has its lead twice by right
        list.setAttribute("aria-label", fill(words.place, { row: piece.row + 1, column: piece.column + 1 }));
        options(list, [["", words.left_out], ...choices.leads], piece.lead ?? "");
        line.append(list);
      }
      return line;
    }));
    part("unsure").replaceChildren(...page.unsure.map((sentence) => Object.assign(document.createElement("li"), { textContent: sentence })));
    part("caption").textContent = page.caption;
  };

  const show = (text, address) => {
    page = JSON.parse(text);
    sheet = page.asked.corners;
    chosen = null;
    const [width, height] = page.size;
    panel().querySelector("img").src = address;
    panel().querySelector("svg").setAttribute("viewBox", `0 0 ${width} ${height}`);
    part("stage").style.aspectRatio = `${width} / ${height}`;
    const hasTraces = page.pieces.some((piece) => piece.trace);
    for (const [name, has, why] of [["traces", hasTraces, words.no_traces], ["grid", Boolean(page.grid), words.no_grid]]) {
      part(name).dataset.help ??= part(name).title;
      part(name).disabled = !has;
      part(name).title = has ? part(name).dataset.help : why;
    }
    fillForm();
    tellChanges();
    window.ecgr1PageHiding.show(page);
    draw();
  };

  // Corners: by pointer and by arrow keys
  const moveCorner = (at, [x, y]) => {
    const within = (value, most) => Math.round(10 * Math.max(0, Math.min(most, value))) / 10;
    sheet = cornersNow().map((corner, index) => (index === at ? [within(x, page.size[0]), within(y, page.size[1])] : corner));
    draw("sheet");
    tellChanges();
  };
  const dragging = (event) => {
    const button = event.target.closest(".corner");
    if (!button || event.button !== 0) return;
    event.preventDefault();
    button.focus();
    const at = Number(button.dataset.corner);
    const move = ({ clientX, clientY }) => {
      const box = part("stage").getBoundingClientRect();
      moveCorner(at, [((clientX - box.left) / box.width) * page.size[0], ((clientY - box.top) / box.height) * page.size[1]]);
    };
    const end = () => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", end);
      window.removeEventListener("pointercancel", end);
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", end);
    window.addEventListener("pointercancel", end);
  };
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const keyed = (event) => {
    const button = event.target.closest(".corner");
    if (!button || !(event.key in ARROWS)) return;
    event.preventDefault();
    event.stopPropagation();
    const step = (event.shiftKey ? 10 : 1) * Math.max(1, perPx());
    const at = Number(button.dataset.corner);
    moveCorner(at, cornersNow()[at].map((value, axis) => value + step * ARROWS[event.key][axis]));
  };

  const zoomTo = (value) => {
    const scroll = part("scroll");
    const middle = [scroll.scrollLeft + scroll.clientWidth / 2, scroll.scrollTop + scroll.clientHeight / 2].map((px) => px / zoom);
    zoom = value;
    draw();
    scroll.scrollTo(middle[0] * zoom - scroll.clientWidth / 2, middle[1] * zoom - scroll.clientHeight / 2);
    part("zoom-out").disabled = zoom === ZOOMS[0];
    part("zoom-in").disabled = zoom === ZOOMS.at(-1);
  };
  const putBeside = () => {
    document.querySelector("#work").classList.toggle("page-beside", isOn("beside"));
    draw();
  };

  const clicks = {
    "p-zoom-in": () => zoomTo(ZOOMS[Math.min(ZOOMS.length - 1, ZOOMS.indexOf(zoom) + 1)]),
    "p-zoom-out": () => zoomTo(ZOOMS[Math.max(0, ZOOMS.indexOf(zoom) - 1)]),
    "p-fit": () => zoomTo(1),
    "p-as-found": () => { sheet = null; press({ as_found: true }); },
  };
  const listen = () => {
    panel().addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button?.hasAttribute("aria-pressed")) {
        button.setAttribute("aria-pressed", String(!(button.getAttribute("aria-pressed") === "true")));
        if (button.id === "p-beside") putBeside();
        else draw();
      } else if (button) clicks[button.id]?.();
      const box = event.target.closest("g.box");
      if (box) part("leads").querySelector(`[data-piece="${box.dataset.piece}"]`)?.focus();
    });
    window.ecgr1PageHiding.listen(panel());
    panel().addEventListener("pointerdown", dragging);
    panel().addEventListener("keydown", keyed);
    panel().addEventListener("change", tellChanges);
    panel().addEventListener("input", tellChanges);
    part("form").addEventListener("submit", (event) => { event.preventDefault(); press(corrections()); });
    for (const kind of ["focusin", "focusout"]) {
      part("leads").addEventListener(kind, (event) => {
        chosen = kind === "focusin" ? placeKey(page.pieces[Number(event.target.dataset.piece)]) : null;
        draw("boxes");
      });
    }
    part("zoom-out").disabled = true;
    new ResizeObserver(() => draw()).observe(part("scroll"));
  };

  window.ecgr1Page = { told: "", state: () => ({ page, sheet, zoom }) };

  const begin = () => {
    const data = document.querySelector("#page-data");
    if (!data || !panel()) return void window.setTimeout(begin, 50);
    listen();
    let shown = "";
    const look = () => {
      const text = data.querySelector("div.data")?.textContent ?? "";
      if (text === shown) return;
      shown = text;
      if (text) show(text, data.querySelector("img.data").src);
      else {
        page = null;
        document.querySelector("#work").classList.remove("page-beside");
        part("beside").setAttribute("aria-pressed", "false");
      }
    };
    new MutationObserver(look).observe(data, { childList: true, subtree: true, characterData: true });
    look();
  };
  if (!window.location.pathname.startsWith("/compare")) begin();
})();
