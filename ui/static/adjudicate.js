// The labels that an adjudicator holds right, chosen by typing, as fields of the form that is sent.
(() => {
  "use strict";
  const data = JSON.parse(document.querySelector("#reading-data").textContent);
  const place = document.querySelector("#chosen");
  const chooser = new window.ecgr1Labels(document.querySelector("[data-labels]"), data.words, () => {
    place.replaceChildren(...chooser.chosen.map((name) => Object.assign(document.createElement("input"), { type: "hidden", name: "labels", value: name })));
  });
  chooser.set(data.labels);
})();
