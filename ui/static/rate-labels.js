// Choosing labels of the vocabulary by typing: a combobox after the ARIA pattern with a list, and chips of what is chosen.
// Knows neither what the labels are for nor where they are kept; `onChange` is told.
(() => {
  "use strict";
  const MOST = 12;
  let vocabulary = null;
  const load = () => (vocabulary ??= window.ecgr1Send.send("/rate/vocabulary").then(({ data }) => (Array.isArray(data) ? data : [])));

  const plain = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ").trim();

  // Whole names first, then names and synonyms that begin with the words, then those that hold them.
  const find = (rows, typed) => {
    const wanted = plain(typed);
    if (!wanted) return [];
    const rank = (row) => Math.min(...[row.name, ...row.words].map((word) => {
      const text = plain(word);
      if (text === wanted) return 0;
      if (text.startsWith(wanted)) return 1;
      return ` ${text}`.includes(` ${wanted}`) ? 2 : text.includes(wanted) ? 3 : 9;
    }));
    return rows.map((row) => [rank(row), row]).filter(([place]) => place < 9).sort((a, b) => a[0] - b[0]).slice(0, MOST).map(([, row]) => row);
  };

  let count = 0;
  class Labels {
    constructor(root, words, onChange) {
      this.root = root;
      this.words = words;
      this.onChange = onChange;
      this.chosen = [];
      this.input = root.querySelector("input");
      this.chips = root.querySelector(".chips");
      this.list = document.createElement("ul");
      this.list.className = "options";
      this.list.setAttribute("role", "listbox");
      this.list.setAttribute("aria-label", this.input.placeholder);
      this.list.id = `options-${count += 1}`;
      this.list.hidden = true;
      this.input.setAttribute("aria-controls", this.list.id);
      this.input.after(this.list);
      this.at = -1;
      this.input.addEventListener("input", () => this.offer());
      this.input.addEventListener("keydown", (event) => this.key(event));
      this.input.addEventListener("blur", () => window.setTimeout(() => this.close(), 150));
      this.list.addEventListener("mousedown", (event) => event.preventDefault());
      this.list.addEventListener("click", (event) => {
        const option = event.target.closest("[role=option]");
        if (option) this.add(option.dataset.name);
      });
      this.chips.addEventListener("click", (event) => {
        const name = event.target.closest("button")?.dataset.name;
        if (name !== undefined) this.set(this.chosen.filter((one) => one !== name));
      });
      if (this.input.value && document.activeElement === this.input) this.offer(); // typed before this script had arrived
    }

    set(names, silent = false) {
      this.chosen = [...names];
      this.chips.replaceChildren(...this.chosen.map((name) => {
        const item = document.createElement("li");
        const button = Object.assign(document.createElement("button"), { type: "button", textContent: "✕" });
        button.dataset.name = name;
        button.setAttribute("aria-label", this.words.remove.replace("{label}", name));
        item.append(name, " ", button);
        return item;
      }));
      if (!silent) this.onChange();
    }

    add(name) {
      this.input.value = "";
      this.close();
      if (!this.chosen.includes(name)) this.set([...this.chosen, name]);
      this.input.focus();
    }

    async offer() {
      const typed = this.input.value;
      const rows = find(await load(), typed);
      if (typed !== this.input.value) return;
      this.at = rows.length ? 0 : -1;
      this.list.replaceChildren(...rows.map((row, index) => {
        const option = document.createElement("li");
        option.setAttribute("role", "option");
        option.id = `${this.list.id}-${index}`;
        option.dataset.name = row.name;
        option.textContent = row.name;
        return option;
      }));
      if (!rows.length && typed.trim()) {
        this.list.replaceChildren(Object.assign(document.createElement("li"), { className: "note", textContent: this.words.none_found }));
      }
      this.list.hidden = !typed.trim();
      this.input.setAttribute("aria-expanded", String(!this.list.hidden));
      this.mark();
    }

    mark() {
      const options = [...this.list.querySelectorAll("[role=option]")];
      options.forEach((option, index) => option.setAttribute("aria-selected", String(index === this.at)));
      const now = options[this.at];
      if (now) {
        this.input.setAttribute("aria-activedescendant", now.id);
        now.scrollIntoView({ block: "nearest" });
      } else this.input.removeAttribute("aria-activedescendant");
    }

    key(event) {
      const options = this.list.querySelectorAll("[role=option]").length;
      if (["ArrowDown", "ArrowUp"].includes(event.key) && options) {
        this.at = (this.at + (event.key === "ArrowDown" ? 1 : options - 1)) % options;
        this.mark();
      } else if (event.key === "Enter") {
        const chosen = this.list.querySelectorAll("[role=option]")[this.at];
        if (!this.list.hidden && chosen) this.add(chosen.dataset.name);
      } else if (event.key === "Escape") this.close();
      else if (event.key === "Backspace" && !this.input.value && this.chosen.length) this.set(this.chosen.slice(0, -1));
      else return;
      event.preventDefault();
    }

    close() {
      this.list.hidden = true;
      this.input.setAttribute("aria-expanded", "false");
      this.input.removeAttribute("aria-activedescendant");
    }
  }
  window.ecgr1Labels = Labels;
})();
