// Forms of the pages outside Gradio: sent without leaving the page, so that what was typed stays when something is wrong;
// and the small things every page has: light or dark, showing a password.
(() => {
  "use strict";
  const THEME_KEY = "ecgr1-theme";
  const words = window.ecgr1Words;
  const kept = () => { try { return localStorage.getItem(THEME_KEY); } catch { return null; } };

  // Sends and returns { status, data }; data has `error` where something is wrong, whatever it is.
  const send = async (path, options = {}) => {
    const headers = { Accept: "application/json", "x-ecgr1-csrf": document.body.dataset.csrf ?? "", ...(options.headers ?? {}) };
    try {
      const response = await fetch(path, { ...options, headers, credentials: "same-origin" });
      const data = await response.json().catch(() => ({ error: words.no_connection }));
      return { status: response.status, data };
    } catch {
      return { status: 0, data: { error: words.no_connection } };
    }
  };

  const post = (path, data) => send(path, {
    method: "POST", body: JSON.stringify(data), headers: { "Content-Type": "application/json" },
  });

  const tell = (form, sentence, login) => {
    const place = form.querySelector(".problem");
    place.textContent = sentence;
    if (login) {
      const link = Object.assign(document.createElement("a"), { href: "/login", target: "_blank", textContent: words.log_in });
      place.append(" ", link);
    }
    place.hidden = !sentence;
    if (sentence) place.scrollIntoView({ block: "nearest" });
  };

  const submit = async (form, button) => {
    tell(form, "");
    const buttons = [...form.querySelectorAll("button:not([type=button])")];
    const label = button?.textContent;
    buttons.forEach((each) => { each.disabled = true; });
    if (button) button.textContent = words.working;
    const body = new FormData(form, null);
    if (button?.name) body.append(button.name, button.value);
    if ("page" in form.dataset) {
      const answer = await fetch(form.getAttribute("action"), { method: "POST", body, credentials: "same-origin" }).catch(() => null);
      const text = answer ? await answer.text() : "";
      const shown = new DOMParser().parseFromString(text, "text/html").querySelector("main");
      if (answer?.ok && shown) document.querySelector("main").replaceWith(shown);
      else {
        buttons.forEach((each) => { each.disabled = false; });
        if (button) button.textContent = label;
        tell(form, shown?.querySelector("section p")?.textContent ?? words.no_connection);
      }
      return;
    }
    const { status, data } = await send(button?.getAttribute("formaction") ?? form.getAttribute("action"), { method: "POST", body });
    if (!data.error && data.go) {
      const here = new URL(data.go, location.href);
      if (here.pathname + here.search === location.pathname + location.search) location.reload();
      else location.assign(data.go);
      return;
    }
    buttons.forEach((each) => { each.disabled = false; });
    if (button) button.textContent = label;
    tell(form, data.error ?? "", status === 401);
    form.dispatchEvent(new CustomEvent("ecgr1:answered", { bubbles: true, detail: data }));
  };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || "plain" in form.dataset || !form.querySelector(".problem")) return;
    event.preventDefault();
    submit(form, event.submitter);
  });
  document.addEventListener("click", (event) => {
    const reveal = event.target.closest("[data-reveal]");
    if (reveal) {
      const input = reveal.parentElement.querySelector("input");
      const shown = input.type === "text";
      input.type = shown ? "password" : "text";
      reveal.textContent = shown ? words.show : words.hide;
    }
    if (event.target.closest("#dark-switch")) {
      const dark = document.body.classList.toggle("dark");
      try { localStorage.setItem(THEME_KEY, dark ? "dark" : "light"); } catch { /* storage is forbidden: for this page only */ }
    }
    if (event.target.closest("[data-back]") && history.length > 1) {
      event.preventDefault();
      history.back();
    }
  });
  document.body.classList.toggle("dark", kept() === "dark");
  window.ecgr1Send = { send, post };
})();
