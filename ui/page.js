// What only the browser knows: light or dark, and the size of a file before it is sent.
// The page is light unless the reader of the page chose dark, whatever the operating system says.
(() => {
  const THEME_KEY = "ecgr1-theme";
  const applyTheme = () => {
    const asked = new URL(window.location.href).searchParams.get("__theme");
    document.body.classList.toggle("dark", (asked ?? localStorage.getItem(THEME_KEY)) === "dark");
  };

  window.ecgr1 = {
    refused: "",
    switchDark: () => localStorage.setItem(THEME_KEY, document.body.classList.toggle("dark") ? "dark" : "light"),
  };

  const begin = () => (document.querySelector("#trace-data") ? applyTheme() : window.setTimeout(begin, 50));
  begin();

  // A file over the limit is refused before it is sent; the server keeps the same limit and writes the sentence.
  const refuseTooBig = (event, files) => {
    const limit = Number(window.ecgr1MaxUploadBytes);
    const big = [...(files || [])].find((file) => file.size > limit);
    if (!big) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    window.ecgr1.refused = JSON.stringify({ name: big.name, size_bytes: big.size });
    document.querySelector("#too-big").click();
    if (event.target instanceof HTMLInputElement) event.target.value = "";
  };
  document.addEventListener("drop", (event) => {
    if (event.target.closest?.("#upload")) refuseTooBig(event, event.dataTransfer?.files);
  }, true);
  document.addEventListener("change", (event) => {
    if (event.target.closest?.("#upload")) refuseTooBig(event, event.target.files);
  }, true);
})();
