"""The stream of answers: an event that is sent in the moment in which the server ends the stream is answered too."""

from __future__ import annotations

from playwright.sync_api import Page, expect

# What the server says reaches the page only after it has taken the first event that somebody's click has sent.
LATE = """
(() => {
  const plain = window.fetch.bind(window);
  let clicked = false, release;
  const held = new Promise((resolve) => { release = resolve; });
  document.addEventListener("click", () => { clicked = true; }, true);
  window.fetch = async (input, init) => {
    const address = input instanceof Request ? input.url : String(input);
    const response = await plain(input, init);
    if (clicked && address.includes("/queue/join")) window.setTimeout(release, 100);
    if (!address.includes("/queue/data")) return response;
    const reader = response.body.getReader();
    const body = new ReadableStream({
      async pull(into) {
        const { done, value } = await reader.read();
        await held;
        if (done) into.close();
        else into.enqueue(value);
      },
    });
    return new Response(body, { status: response.status, headers: response.headers });
  };
})();
"""


def test_a_click_is_answered_though_the_stream_ends_that_very_moment(page: Page, app_address: str) -> None:
    page.add_init_script(LATE)
    page.goto(app_address)
    page.locator("#reader-note p").wait_for()
    page.wait_for_timeout(1500)  # the server has answered what the page asked at first, and ended the stream
    page.locator("#empty-buttons button").first.click()
    expect(page.locator("#status .done")).to_contain_text("is open and measured", timeout=20_000)
    page.get_by_role("button", name="Read", exact=True).click()
    expect(page.locator("#status .done")).to_contain_text("Reading finished", timeout=20_000)
