// The reading on the page: a claim opens its reason and lights its place on the trace, a lead chosen on the trace picks
// the claims about it, files that the server has made are saved or copied. It judges nothing.
(() => {
  const ST_S = 0.08;
  const U_S = 0.16;
  const LEAST_VIEW_LAYOUT = { view: "page", layout: "3x4+1" };
  const reading = () => document.querySelector("#reading");
  const claims = () => [...document.querySelectorAll("#reading .claim")];
  const words = (element, name) => (element.dataset[name] ?? "").split(" ").filter(Boolean);
  let lit = "";
  let lead = "";

  // Beats as the viewer has them: [number, kind, R, P onset, P offset, QRS onset, QRS offset, T peak, T offset] in seconds.
  const beats = () => {
    const text = document.querySelector("#trace-marks .data")?.textContent;
    return text ? JSON.parse(text).beats : [];
  };

  // The stretches of a wave: ST from the J point for 80 ms, T as far before its peak as its end lies behind it, U for
  // 160 ms after T, the pause as the longest RR interval.
  const stretches = (wave) => {
    if (wave === "pause") {
      const times = beats().map((beat) => beat[2]);
      const pairs = times.slice(1).map((time, at) => [times[at], time]);
      return pairs.sort((a, b) => (b[1] - b[0]) - (a[1] - a[0])).slice(0, 1);
    }
    const after = (time, length) => (time === null ? null : time + length);
    const usual = beats().filter((beat) => beat[1] === "normal" || beat[1] === "paced");
    return usual.map(([, , r, pOn, pOff, qrsOn, qrsOff, tPeak, tOff]) => ({
      p: [pOn, pOff], pr: [pOn, qrsOn], qrs: [qrsOn, qrsOff], st: [qrsOff, after(qrsOff, ST_S)], st_t: [qrsOff, tOff],
      t: [tPeak === null || tOff === null ? null : Math.max(2 * tPeak - tOff, qrsOff ?? r), tOff],
      qt: [qrsOn, tOff], u: [tOff, after(tOff, U_S)],
    }[wave])).filter(([start, end]) => start !== null && end !== null && end > start);
  };

  const light = (claim) => {
    const viewer = window.ecgr1Viewer;
    const intervals = words(claim, "waves").flatMap(stretches).map(([start, end]) => ({ start_s: start, end_s: end }));
    const what = { leads: words(claim, "leads"), intervals, beats: words(claim, "beats").map(Number) };
    if (!viewer) return;
    if (!what.leads.length && !intervals.length && !what.beats.length) viewer.clear();
    else if (!viewer.highlight(what).length && what.leads.length) {
      viewer.change(LEAST_VIEW_LAYOUT); // the leads are not on the page as it is
      viewer.highlight(what);
    }
  };

  const why = (claim) => document.getElementById(claim.getAttribute("aria-controls"));

  // Puts the page as `lit` and `lead` say, also after the server has written the reading anew.
  const apply = () => {
    let about = 0;
    for (const claim of claims()) {
      const isLit = claim.id === lit;
      if (claim.getAttribute("aria-expanded") !== String(isLit)) claim.setAttribute("aria-expanded", String(isLit));
      const reason = why(claim);
      if (reason && reason.hidden === isLit) reason.hidden = !isLit;
      const off = lead !== "" && !words(claim, "about").includes(lead);
      if (!off) about += 1;
      claim.classList.toggle("off", off);
    }
    const bar = document.querySelector("#reading .about");
    if (!bar) return;
    const sentence = bar.dataset.words.replace("{lead}", lead).replace("{count}", String(about));
    const text = bar.querySelector("span");
    if (lead !== "" && text.textContent !== sentence) text.textContent = sentence;
    if (bar.hidden !== (lead === "")) bar.hidden = lead === "";
  };

  const choose = (claim) => {
    lit = lit === claim.id ? "" : claim.id;
    if (lit) light(claim);
    else window.ecgr1Viewer?.clear();
    apply();
    if (lit) why(claim)?.scrollIntoView({ block: "nearest" });
  };

  const clear = () => {
    const claim = lit && document.getElementById(lit);
    lit = "";
    lead = "";
    window.ecgr1Viewer?.clear();
    apply();
    if (claim && reading().contains(document.activeElement)) claim.scrollIntoView({ block: "nearest" });
  };

  const go = (direction, kind = "") => {
    const all = claims().filter((claim) => !claim.classList.contains("off") && (!kind || claim.classList.contains(kind)));
    if (!all.length) return;
    const order = direction > 0 ? all : [...all].reverse();
    const here = document.activeElement?.closest?.(".claim");
    const following = here && order.find((claim) =>
      here.compareDocumentPosition(claim) & (direction > 0 ? Node.DOCUMENT_POSITION_FOLLOWING : Node.DOCUMENT_POSITION_PRECEDING));
    const next = following ?? order[0];
    next.focus();
    if (lit !== next.id) choose(next);
  };

  document.addEventListener("click", (event) => {
    const claim = event.target.closest?.("#reading .claim");
    if (claim) choose(claim);
    else if (event.target.closest?.("#reading .about button")) {
      lead = "";
      window.ecgr1Viewer?.clear();
      apply();
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape" && (lit || lead)) return void clear();
    if (!event.target.closest?.("#reading")) return;
    const claim = event.target.closest(".claim");
    const act = {
      Enter: claim && (() => choose(claim)), " ": claim && (() => choose(claim)),
      j: () => go(1), k: () => go(-1), x: () => go(1, "contradicted"),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  document.addEventListener("ecgr1:lead", ({ detail }) => {
    lead = detail.lead && detail.lead !== lead ? detail.lead : "";
    apply();
  });

  document.addEventListener("ecgr1:opened", () => { lit = lead = ""; apply(); }); // another recording

  const save = ({ name, type, base64 }) => {
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    const address = URL.createObjectURL(new Blob([bytes], { type }));
    const link = Object.assign(document.createElement("a"), { href: address, download: name });
    document.body.append(link);
    link.click();
    link.remove();
    window.setTimeout(() => URL.revokeObjectURL(address), 10_000);
  };

  const copy = async (file) => {
    const text = new TextDecoder().decode(Uint8Array.from(atob(file.base64), (char) => char.charCodeAt(0)));
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      save(file);
      const status = document.querySelector("#status .status");
      if (status) status.lastChild.textContent = file.failed;
    }
  };

  let taken = 0;
  const take = () => {
    const text = document.querySelector("#download .data")?.textContent;
    if (!text) return;
    const file = JSON.parse(text);
    if (file.number === taken) return;
    taken = file.number;
    if (file.type === "text/plain") copy(file);
    else save(file);
  };

  window.ecgr1Reading = {
    view: () => JSON.stringify(window.ecgr1Viewer?.state().view ?? {}),
    lit: () => lit,
  };

  const begin = () => {
    const [panel, download] = [reading(), document.querySelector("#download")];
    if (!panel || !download) return void window.setTimeout(begin, 50);
    const deep = { childList: true, subtree: true };
    new MutationObserver(() => {
      if (lit && !document.getElementById(lit)) clear();
      else apply();
    }).observe(panel, deep);
    new MutationObserver(take).observe(download, { ...deep, characterData: true });
  };
  begin();
})();
