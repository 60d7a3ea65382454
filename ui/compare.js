// The Compare page: what only the browser knows, the order of the parts, and the trace folded away. It compares nothing.
(() => {
  window.ecgr1Compare = {
    told: () => JSON.stringify({
      visitor: window.ecgr1Kept.visitor(),
      recording: new URL(window.location.href).searchParams.get("recording") ?? "",
    }),
  };

  const fold = (button) => {
    const box = document.querySelector("#trace-box");
    const isShown = !box.classList.toggle("folded");
    button.setAttribute("aria-expanded", String(isShown));
    button.textContent = isShown ? button.dataset.hide : button.dataset.show;
  };

  const order = (button) => {
    for (const other of button.parentElement.children) other.setAttribute("aria-pressed", String(other === button));
    const parts = button.closest(".compared").querySelector(".parts");
    const rank = (part) => Number(part.dataset[button.dataset.order === "first" ? "rank" : "step"]);
    parts.append(...[...parts.children].sort((a, b) => rank(a) - rank(b))); // so that the keyboard follows the eye
  };

  document.addEventListener("click", (event) => {
    const folding = event.target.closest?.("#fold");
    const ordering = event.target.closest?.("#reading .order button");
    if (folding) fold(folding);
    else if (ordering) order(ordering);
  });
})();
