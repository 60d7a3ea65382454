// The export form: only the fields of what is chosen, and a file as the answer.
(() => {
  "use strict";
  const form = document.querySelector("form[data-download]");
  if (!form) return;
  const kind = form.querySelector("[name=kind]");
  const show = () => {
    for (const part of form.querySelectorAll("[data-kinds]")) part.hidden = !part.dataset.kinds.split(" ").includes(kind.value);
  };
  kind.addEventListener("change", show);
  show();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    const problem = form.querySelector(".problem");
    const button = event.submitter;
    problem.hidden = true;
    button.disabled = true;
    const tell = (sentence) => { problem.textContent = sentence; problem.hidden = false; };
    try {
      const answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { Accept: "application/json" } });
      if (answer.ok) {
        const link = document.createElement("a");
        link.href = URL.createObjectURL(await answer.blob());
        link.download = /filename="(.*)"/.exec(answer.headers.get("content-disposition"))?.[1] ?? "export.zip";
        link.click();
        window.setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
      } else tell((await answer.json()).error);
    } catch {
      tell(window.ecgr1Words.no_connection);
    }
    button.disabled = false;
  }, true);
  document.querySelector(".choose select")?.addEventListener("change", (event) => event.target.form.submit());
})();
