// The list of recordings: shows and hides it, asks again before removing, and keeps the secret by which the server knows
// this browser. Nothing of a recording is kept in the browser itself.
(() => {
  const VISITOR_KEY = "ecgr1-visitor";
  const LOOK_EVERY_MS = 2000;

  const visitor = () => {
    try {
      let secret = localStorage.getItem(VISITOR_KEY);
      if (!/^[0-9a-f]{32}$/.test(secret ?? "")) {
        secret = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
        localStorage.setItem(VISITOR_KEY, secret);
      }
      return secret;
    } catch {
      return ""; // storage is forbidden: nothing is kept for this browser
    }
  };

  const press = (id) => document.querySelector(id)?.click();
  const panel = () => document.querySelector("#recordings");
  const button = () => document.querySelector("#recordings-switch");

  const show = (open) => {
    panel().classList.toggle("shown", open);
    button().setAttribute("aria-expanded", String(open));
    if (open) document.querySelector("#recordings-close").focus();
    else if (panel().contains(document.activeElement) || document.activeElement === document.body) button().focus();
  };
  const isShown = () => panel()?.classList.contains("shown");

  const ask = (asking, sure) => {
    asking.querySelector("[data-act=ask]").hidden = sure;
    asking.querySelector(".sure").hidden = !sure;
    asking.querySelector(sure ? "[data-act=keep]" : "[data-act=ask]").focus();
  };

  const acts = {
    open: ({ dataset }) => { window.ecgr1Kept.key = dataset.key; press("#kept-open"); show(false); },
    ask: (element) => ask(element.closest(".asking"), true),
    keep: (element) => ask(element.closest(".asking"), false),
    remove: ({ dataset }) => { window.ecgr1Kept.key = dataset.key; press("#kept-remove"); document.querySelector("#recordings-close").focus(); },
    "remove-all": () => { press("#kept-remove-all"); document.querySelector("#recordings-close").focus(); },
  };

  document.addEventListener("click", (event) => {
    if (event.target.closest?.("#recordings-switch")) return show(!isShown());
    if (event.target.closest?.("#recordings-close")) return show(false);
    const element = event.target.closest?.("#recordings [data-act]");
    if (element) return acts[element.dataset.act](element);
    if (event.isTrusted && isShown() && !event.target.closest?.("#recordings")) show(false);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !isShown()) return;
    event.stopImmediatePropagation();
    show(false);
  }, true);

  // How the trace is looked at is told a moment after it was changed; a reopened recording gets its own look back.
  let told = "";
  let taken = null; // that place changes with every progress that is shown in it, and one look is given back once
  const look = () => {
    const view = window.ecgr1Reading.view();
    const isOpen = document.querySelector("#trace-data .data") !== null;
    if (isOpen && view !== told) press("#kept-view"); // at first too: it may have been changed before the first look
    told = isOpen ? view : "";
  };
  const restore = () => {
    const text = document.querySelector("#view-kept .data")?.textContent;
    if (!text || text === taken || !window.ecgr1Viewer) return;
    taken = text;
    const { start, at, ...view } = JSON.parse(text);
    if (!Object.keys(view).length) return;
    window.setTimeout(() => { // after the viewer has taken the recording
      window.ecgr1Viewer.change({ ...view, ...(start ? { start } : {}) });
      told = window.ecgr1Reading.view();
    }, 60);
  };

  window.ecgr1Kept = { visitor, key: "" };

  // The recording that is open here is open on the Compare page too.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('#head nav a[href^="/compare"]');
    const key = document.querySelector("#recordings button.open[aria-current]")?.dataset.key;
    if (link && key) link.href = `/compare?recording=${encodeURIComponent(key)}`;
  }, true);

  const begin = () => {
    if (document.querySelector("#compare-side")) return; // that page has no list
    const [list, kept] = [document.querySelector("#kept"), document.querySelector("#view-kept")];
    if (!list || !kept || !button()) return void window.setTimeout(begin, 50);
    const count = () => {
      const number = list.querySelector("[data-count]")?.dataset.count;
      const words = Number(number) ? ` (${number})` : "";
      const place = button().querySelector(".count");
      if (place.textContent !== words) place.textContent = words;
    };
    const deep = { childList: true, subtree: true };
    new MutationObserver(count).observe(list, deep);
    new MutationObserver(restore).observe(kept, { ...deep, characterData: true });
    count();
    window.setInterval(look, LOOK_EVERY_MS);
  };
  begin();
})();
