// One reading on the rating page: collects the answers, keeps them as a draft after every change, submits them, and counts
// activity. Answers stay in the page until the server has acknowledged them. Knows nothing of what wrote the readings.
(() => {
  "use strict";
  const SAVE_AFTER_MS = 250;
  const RETRY_MS = 3000;
  const TOUCH_EVERY_MS = 10_000;
  const data = JSON.parse(document.querySelector("#reading-data").textContent);
  const { words, stage } = data;
  const { post, send } = window.ecgr1Send;
  const form = document.querySelector("#answers");
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const choosers = new Map();
  const phrases = new Map(data.letters.map((letter) => [letter, []]));

  // ---- answers ----
  const asked = (fieldset) => {
    const chosen = one("input:checked", fieldset);
    if (!chosen) return undefined;
    return fieldset.dataset.kind === "number" ? Number(chosen.value) : chosen.value;
  };
  const answersOfOutput = (letter) => {
    const steps = {};
    const scales = {};
    for (const fieldset of all(`[data-ask^="outputs.${letter}."]`)) {
      const [, , kind, key] = fieldset.dataset.ask.split(".");
      const value = asked(fieldset);
      if (value !== undefined) (kind === "steps" ? steps : scales)[key] = value;
    }
    const corrects = one(`[data-correct="${letter}"]`).checked;
    return {
      steps, scales, phrases: phrases.get(letter), labels: corrects ? choosers.get(`outputs.${letter}.labels`).chosen : null,
      comment: one(`[data-comment="outputs.${letter}.comment"]`).value,
    };
  };
  const answers = () => {
    const comment = one('[data-comment="comment"]').value;
    if (stage === 1) return { labels: choosers.get("labels").chosen, confidence: asked(one('[data-ask="confidence"]')) ?? null, comment };
    const preferences = [];
    for (const fieldset of all('[data-ask^="preferences."]')) {
      const [left, right] = fieldset.dataset.ask.split(".")[1];
      const verdict = asked(fieldset);
      if (verdict !== undefined) preferences.push({ left, right, verdict });
    }
    const outputs = Object.fromEntries(data.letters.map((letter) => [letter, answersOfOutput(letter)]));
    return { outputs, preferences, seen_before: one("#seen-before").checked, comment };
  };
  const fill = (draft) => {
    const check = (ask, value) => {
      if (value === undefined || value === null) return;
      const input = all("input", one(`[data-ask="${ask}"]`)).find((each) => each.value === String(value));
      if (input) input.checked = true;
    };
    one('[data-comment="comment"]').value = draft.comment ?? "";
    if (stage === 1) {
      choosers.get("labels").set(draft.labels ?? [], true);
      check("confidence", draft.confidence);
      return;
    }
    for (const letter of data.letters) {
      const own = draft.outputs?.[letter] ?? {};
      for (const [step, value] of Object.entries(own.steps ?? {})) check(`outputs.${letter}.steps.${step}`, value);
      for (const [key, value] of Object.entries(own.scales ?? {})) check(`outputs.${letter}.scales.${key}`, value);
      phrases.set(letter, own.phrases ?? []);
      one(`[data-comment="outputs.${letter}.comment"]`).value = own.comment ?? "";
      correct(letter, Array.isArray(own.labels), own.labels);
    }
    for (const { left, right, verdict } of draft.preferences ?? []) check(`preferences.${left}${right}`, verdict);
    one("#seen-before").checked = draft.seen_before === true;
  };
  const correct = (letter, on, labels) => {
    one(`[data-correct="${letter}"]`).checked = on;
    one(`[data-correction="${letter}"]`).hidden = !on;
    choosers.get(`outputs.${letter}.labels`).set(labels ?? (on ? data.answers[letter] : []), true);
  };

  // ---- display in force ----
  const display = () => {
    const view = window.ecgr1Viewer?.state().view;
    if (!view) return null;
    const [low, high] = data.bands[view.band] ?? [null, null];
    return {
      speed_mm_s: view.speed, gain_mm_mv: view.gain, high_pass_hz: low, low_pass_hz: high,
      notch_hz: view.notch === "off" ? null : Number(view.notch), layout: `${view.layout} ${view.order}`,
    };
  };

  // ---- keeping ----
  const saved = one("#saved");
  let number = data.number;
  let timer = null;
  let busy = false;
  let wanted = false;
  let ended = false;
  const tell = (sentence, kind = "") => {
    saved.textContent = sentence;
    saved.className = kind;
    if (kind === "logged-out") {
      const link = Object.assign(document.createElement("a"), { href: "/login", target: "_blank", textContent: words.log_in });
      saved.append(" ", link);
    }
  };
  // After a new log-in in another tab the word of the page is another one.
  const renewed = async () => {
    const { status, data: told } = await send("/rate/word");
    if (status === 200 && told.csrf) document.body.dataset.csrf = told.csrf;
    return status === 200;
  };
  const call = async (path, content) => {
    let answer = await post(path, content);
    if ([401, 403].includes(answer.status) && await renewed()) answer = await post(path, content);
    return answer;
  };
  const payload = () => ({ key: data.key, stage, number, content: answers(), display: display() });
  const save = async () => {
    if (ended || data.correcting) return;
    if (busy) { wanted = true; return; }
    busy = true;
    wanted = false;
    tell(words.saving);
    const { status, data: told } = await call("/rate/draft", payload());
    busy = false;
    if (ended) return;
    if (status === 200) {
      tell(words.saved.replace("{time}", new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" })), "kept");
      if (wanted) save();
      return;
    }
    if (status === 401) tell(words.logged_out, "logged-out");
    else if (status === 0 || status >= 500) tell(words.unsaved, "lost");
    else return void tell(told.error ?? words.unsaved, "lost");
    window.setTimeout(save, RETRY_MS);
  };
  const changed = () => {
    number += 1;
    count();
    window.clearTimeout(timer);
    timer = window.setTimeout(save, SAVE_AFTER_MS);
  };
  window.addEventListener("pagehide", () => {
    if (ended || data.correcting || !(saved.className !== "kept" && number > data.number)) return;
    fetch("/rate/draft", {
      method: "POST", keepalive: true, credentials: "same-origin", body: JSON.stringify(payload()),
      headers: { "Content-Type": "application/json", Accept: "application/json", "x-ecgr1-csrf": document.body.dataset.csrf },
    });
  });

  // ---- activity ----
  let touched = Date.now();
  const touch = () => {
    if (ended || data.correcting || Date.now() - touched < TOUCH_EVERY_MS) return;
    touched = Date.now();
    call("/rate/touch", { key: data.key, stage, display: display() });
  };
  for (const kind of ["pointerdown", "keydown", "wheel", "input", "scroll"]) document.addEventListener(kind, touch, { passive: true, capture: true });

  // ---- what is missing ----
  const required = () => all("fieldset[data-required]", form);
  const missing = () => {
    const list = required().filter((fieldset) => asked(fieldset) === undefined);
    return stage === 1 && !choosers.get("labels").chosen.length ? [one('[data-labels="labels"]'), ...list] : list;
  };
  const count = () => {
    const left = missing().length;
    one("#missing").textContent = left ? words.missing.replace("{count}", left) : words.complete;
    required().forEach((fieldset) => fieldset.classList.toggle("rated", asked(fieldset) !== undefined));
  };

  // ---- evidence phrases ----
  const button = (label, title, act, pressed) => {
    const made = Object.assign(document.createElement("button"), { type: "button", textContent: label, title });
    made.setAttribute("aria-label", title);
    if (pressed !== undefined) made.setAttribute("aria-pressed", String(pressed));
    made.addEventListener("click", act);
    return made;
  };
  const drawPhrases = (box) => {
    const { letter } = box.dataset;
    const step = Number(box.dataset.step);
    const given = phrases.get(letter);
    const judge = (text, entry) => {
      phrases.set(letter, [...given.filter((each) => !(each.step === step && each.text === text)), ...(entry ? [{ step, text, corrected: null, ...entry }] : [])]);
      drawPhrases(box);
      changed();
    };
    const item = (text, proposed) => {
      const judged = given.find((each) => each.step === step && each.text === text);
      const line = document.createElement("li");
      line.className = judged?.verdict ?? "";
      line.append(Object.assign(document.createElement("span"), { className: "phrase", textContent: text }), " ");
      if (judged?.verdict === "corrected") line.append(Object.assign(document.createElement("span"), { className: "note", textContent: words.corrected.replace("{text}", judged.corrected) }), " ");
      if (!proposed) {
        line.append(button("✕", words.remove.replace("{label}", text), () => judge(text, null)));
        return line;
      }
      const verdict = (name) => () => judge(text, judged?.verdict === name ? null : { verdict: name });
      line.append(
        button("✓", `${words.accept}: ${text}`, verdict("accepted"), judged?.verdict === "accepted"),
        button("✕", `${words.reject}: ${text}`, verdict("rejected"), judged?.verdict === "rejected"),
        button("✎", `${words.correct}: ${text}`, () => {
          const input = Object.assign(document.createElement("input"), { type: "text", maxLength: 200, value: judged?.corrected ?? text });
          input.setAttribute("aria-label", words.right_words);
          const finish = () => {
            const right = input.value.trim();
            if (right && right !== text) judge(text, { verdict: "corrected", corrected: right });
            else drawPhrases(box);
          };
          input.addEventListener("keydown", (event) => {
            if (event.key === "Enter") { event.preventDefault(); finish(); }
            if (event.key === "Escape") drawPhrases(box);
          });
          input.addEventListener("blur", finish, { once: true });
          line.replaceChildren(input);
          input.focus();
          input.select();
        }, judged?.verdict === "corrected"),
      );
      return line;
    };
    const proposed = data.phrases[letter][step] ?? [];
    const own = given.filter((each) => each.step === step && !proposed.includes(each.text)).map((each) => each.text);
    one("ul", box).replaceChildren(...proposed.map((text) => item(text, true)), ...own.map((text) => item(text, false)));
    box.add = (text) => {
      const clean = text.replace(/\s+/g, " ").trim();
      if (clean) judge(clean, { verdict: "added" });
    };
  };
  let selected = "";
  document.addEventListener("selectionchange", () => {
    const text = String(document.getSelection());
    if (text.trim()) selected = text;
  });
  for (const box of all(".phrases")) {
    const input = one("input", box);
    const add = () => {
      box.add(input.value || selected);
      input.value = selected = "";
    };
    one(".with-button button", box).addEventListener("mousedown", (event) => event.preventDefault());
    one(".with-button button", box).addEventListener("click", add);
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") { event.preventDefault(); add(); }
    });
  }

  // ---- submitting and dialogs ----
  const problem = (sentence, root = form) => {
    const place = one(".problem", root);
    place.textContent = sentence;
    place.hidden = !sentence;
    if (sentence) place.scrollIntoView({ block: "nearest" });
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (ended) return;
    const [first] = missing();
    if (first) {
      problem(words.missing.replace("{count}", missing().length));
      first.scrollIntoView({ block: "center" });
      one("input", first).focus();
      return;
    }
    problem("");
    const press = one("#submit");
    press.disabled = true;
    const path = data.correcting ? "/rate/correct" : "/rate/submit";
    const { status, data: told } = await call(path, { ...payload(), reason: one("#reason")?.value ?? "" });
    if (status === 200) {
      ended = true;
      location.assign(told.go);
      return;
    }
    press.disabled = false;
    problem(status === 401 ? words.logged_out : told.error);
  });
  for (const name of ["flag", "cannot", "keys"]) {
    const dialog = one(`#${name}`);
    one(`#${name}-open`)?.addEventListener("click", () => dialog.showModal());
    one(`[data-send="${name}"]`)?.addEventListener("click", async () => {
      const { status, data: told } = await call(`/rate/${name}`, { key: data.key, note: one("textarea", dialog).value });
      if (status !== 200) return void problem(told.error, dialog);
      if (told.go) {
        ended = true;
        location.assign(told.go);
        return;
      }
      problem("", dialog);
      one("textarea", dialog).value = "";
      dialog.close();
      tell(words.sent, "kept");
    });
  }

  // ---- keys ----
  const typing = (target) => target.matches("textarea, select, input:not([type=radio], [type=checkbox])") || target.closest("#viewer, dialog");
  const focusAsk = (fieldset) => {
    if (!fieldset) return;
    fieldset.scrollIntoView({ block: "center" });
    (one("input:checked", fieldset) ?? one("input", fieldset)).focus();
  };
  const following = (fieldset) => {
    const list = all("fieldset.ask", form);
    return list[list.indexOf(fieldset) + 1] ?? one("#submit");
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const here = event.target.closest("fieldset.ask");
    const letter = event.key.toUpperCase();
    if (/^[1-9]$/.test(event.key)) {
      const fieldset = here ?? missing().find((each) => each.matches("fieldset"));
      const options = fieldset ? all("input", fieldset) : [];
      const chosen = options.find((input) => input.value === event.key) ?? (fieldset?.dataset.kind === "text" ? options[Number(event.key) - 1] : undefined);
      if (!chosen) return;
      chosen.checked = true;
      changed();
      const next = following(fieldset);
      if (next.matches("fieldset")) focusAsk(next);
      else next.focus();
    } else if (event.key === "Enter" && here) {
      const next = following(here);
      if (next.matches("fieldset")) focusAsk(next);
      else next.focus();
    } else if (data.letters.includes(letter) && event.key.length === 1) {
      const output = one(`#output-${letter}`);
      output.scrollIntoView({ block: "start" });
      focusAsk(all("fieldset[data-required]", output).find((each) => asked(each) === undefined) ?? one("fieldset.ask", output));
    } else if (letter === "F" && one("#flag-open")) one("#flag").showModal();
    else if (event.key === "?") one("#keys").showModal();
    else return;
    event.preventDefault();
  });

  // ---- begin ----
  for (const root of all("[data-labels]")) choosers.set(root.dataset.labels, new window.ecgr1Labels(root, words, changed));
  // What was given while this script was still on its way is newer than the draft.
  const written = all("[data-comment]").filter((box) => box.value).map((box) => [box, box.value]);
  const picked = all("input:checked", form);
  fill(data.draft);
  for (const [box, words] of written) box.value = words;
  for (const input of picked) {
    input.checked = true;
    if (input.dataset.correct) correct(input.dataset.correct, true);
  }
  all(".phrases").forEach(drawPhrases);
  count();
  form.addEventListener("input", (event) => {
    if (event.target.matches("[data-correct]")) correct(event.target.dataset.correct, event.target.checked);
    if (event.target.matches("input[type=radio], input[type=checkbox], textarea") && event.target.id !== "reason") changed();
  });
  if (written.length || picked.length) changed();
})();
